//! Listening sockets that a server is given: by a supervisor (systemd and its like), or by a
//! program that bound them before it gave up its privileges.

use std::io;
use std::net::TcpListener;

use super::context::system_error;
use crate::endpoint::address::{bind, Listeners};
use crate::error::{Error, ErrorKind, Result};
use crate::process::own;

/// The listeners of a server on sockets that listen already, and its address. Without `next`, the
/// port after that of `base` is bound at the same address.
pub(super) fn given(base: TcpListener, next: Option<TcpListener>) -> Result<(String, Listeners)> {
    let place = base
        .local_addr()
        .map_err(|error| system_error("use the socket of its base port", &error))?;
    let address = place.ip().to_string();
    let (port, after) = match (place.port(), place.port().checked_add(1)) {
        (port, Some(after)) => (port, after),
        (port, None) => {
            let text = format!(
                "Port {port} cannot be the base port at address {address}: there is no port \
                 after it"
            );
            return Err(Error::new(ErrorKind::BadPort, text));
        }
    };
    let next = match next {
        Some(next) => check_next(next, after)?,
        None => bind(&address, place, after).map_err(|(error, _)| error)?,
    };
    for listener in [&base, &next] {
        prepare(listener).map_err(|error| system_error("use a socket", &error))?;
    }
    let listeners = Listeners {
        port,
        requests: vec![base],
        responses: vec![next],
        given: true,
    };
    Ok((address, listeners))
}

/// Refuses a socket on another port than the one that clients connect to.
fn check_next(next: TcpListener, after: u16) -> Result<TcpListener> {
    let port = next
        .local_addr()
        .map_err(|error| system_error("use the socket of the port after its base port", &error))?
        .port();
    if port != after {
        let text = format!(
            "The second socket listens on port {port}, but clients connect to the port after the \
             base port, {after}"
        );
        return Err(Error::new(ErrorKind::BadPort, text));
    }
    Ok(next)
}

fn prepare(listener: &TcpListener) -> io::Result<()> {
    own(listener);
    listener.set_nonblocking(true)
}
