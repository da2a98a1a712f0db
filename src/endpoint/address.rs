//! The addresses that users give: where a server listens, and where a client connects to.

mod destination;
mod listen;
mod literal;

use std::net::{IpAddr, SocketAddr};

pub(super) use destination::{destination, Destination, Host};
pub(super) use listen::{bind, listen, Listeners};

/// A peer's address in the form of the log lines: an IPv4 address also when it came by an IPv6
/// socket.
pub(super) fn canonical(peer: SocketAddr) -> SocketAddr {
    match peer.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, peer.port()),
        // Unchanged: a link-local address has a zone.
        IpAddr::V6(_) => peer,
    }
}

/// The results for the fuzzer in `fuzz/`. Not part of the interface.
#[cfg(fuzzing)]
#[allow(missing_docs)]
pub mod fuzzed {
    use std::net::{IpAddr, SocketAddr, TcpListener};

    use super::literal::Literal;
    use super::Host;
    use crate::error::Result;

    #[derive(Debug, PartialEq, Eq)]
    pub struct FuzzedDestination {
        /// The address or the name, written out.
        pub host: String,
        pub ip: Option<IpAddr>,
        pub source: Option<SocketAddr>,
    }

    pub fn target(address: &str, port: u16) -> Result<FuzzedDestination> {
        let target = super::destination(address, port)?;
        let (host, ip) = match target.host {
            Host::Name(name) => (name, None),
            Host::Literal(Literal { ip, zone: None }) => (ip.to_string(), Some(ip)),
            Host::Literal(Literal {
                ip,
                zone: Some(zone),
            }) => (format!("{ip}%{zone}"), Some(ip)),
        };
        Ok(FuzzedDestination {
            host,
            ip,
            source: target.source,
        })
    }

    /// The base port, and the listeners on it and on the one after it.
    pub fn listen(address: &str, port: u16) -> Result<(u16, [Vec<TcpListener>; 2])> {
        let listeners = super::listen(address, port)?;
        Ok((listeners.port, [listeners.requests, listeners.responses]))
    }
}

#[cfg(test)]
mod tests;
