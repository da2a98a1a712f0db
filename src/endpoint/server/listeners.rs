//! Sockets that a server is given: by a supervisor (systemd and its like), or by a program that has
//! bound them before it gave up its rights.

use std::io;
use std::net::TcpListener;

use super::{system_error, TcpServer};
use crate::endpoint::address::{bind, Listeners};
use crate::endpoint::options::ServerOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::process::own;

impl TcpServer {
    /// A server on sockets that listen already: `base` is where requests come, and `next` is on the
    /// port after it, where responses go out. Without `next`, that port is bound at the same address.
    ///
    /// The server owns the sockets from now on, and closes them when it is stopped. If another process
    /// has them too, as a supervisor does, they go on listening there.
    ///
    /// ```
    /// use rogue_memory_bridge::{ServerOptions, TcpServer};
    ///
    /// let base = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// let port = base.local_addr().unwrap().port();
    /// # // The port after it may be somebody else's.
    /// # if std::net::TcpListener::bind(("127.0.0.1", port + 1)).is_err() { return Ok(()); }
    /// let server = TcpServer::from_listeners(base, None, ServerOptions::default())?;
    /// assert_eq!(server.port(), port);
    /// # Ok::<(), rogue_memory_bridge::Error>(())
    /// ```
    pub fn from_listeners(
        base: TcpListener,
        next: Option<TcpListener>,
        options: ServerOptions,
    ) -> Result<TcpServer> {
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
        TcpServer::with_listeners(&address, listeners, &options)
    }
}

/// Refuses a socket on another port than clients connect to.
fn check_next(next: TcpListener, after: u16) -> Result<TcpListener> {
    let port = next
        .local_addr()
        .map_err(|error| system_error("use the socket of the port after its base port", &error))?
        .port();
    if port != after {
        let text = format!(
            "The second socket listens on port {port}, but clients connect to the port after the base \
             port, {after}"
        );
        return Err(Error::new(ErrorKind::BadPort, text));
    }
    Ok(next)
}

fn prepare(listener: &TcpListener) -> io::Result<()> {
    own(listener);
    listener.set_nonblocking(true)
}
