//! Where a client connects to.

use std::net::SocketAddr;

use super::literal::{check_name, lacks_zone, literal, with_port, Literal};
use crate::error::{Error, ErrorKind, Result};

/// The server that a client connects to, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::endpoint) struct Destination {
    pub(in crate::endpoint) host: Host,
    /// The local address and port (0: any) to connect from, if given (`source;destination`).
    pub(in crate::endpoint) source: Option<SocketAddr>,
}

/// The server as it was given. A name is resolved at each attempt to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::endpoint) enum Host {
    Literal(Literal),
    Name(String),
}

/// Reads a client's `address`: a host name or IP address, or `source;address` to connect from the
/// given local address. libzmq wants `source` to have a port, which may be 0; here the port is
/// optional. Names are not resolved here.
pub(in crate::endpoint) fn destination(address: &str, port: u16) -> Result<Destination> {
    if port == 0 || port == u16::MAX {
        let text =
            format!("Port {port} cannot be the base port of {address}: it must be 1 to 65534");
        return Err(Error::new(ErrorKind::BadPort, text));
    }
    let (source, host) = match address.split_once(';') {
        Some((source, host)) => (Some(source), host),
        None => (None, address),
    };
    let source = match source {
        None => None,
        Some(source) => Some(with_port(source).ok_or_else(|| {
            let text = format!(
                "Source address {source:?} of {address} is not an IP address of this host, with or \
                 without a port"
            );
            Error::new(ErrorKind::BadAddress, text)
        })?),
    };
    let host = match literal(host) {
        Some(literal) if literal.ip.is_unspecified() => {
            let text = format!("Address {address} means every interface: no server can be there");
            return Err(Error::new(ErrorKind::BadAddress, text));
        }
        // A source address determines the interface too.
        Some(literal) if literal.lacks_zone() && source.is_none() => {
            return Err(lacks_zone(address));
        }
        Some(literal) => Host::Literal(literal),
        None => {
            check_name(host)?;
            Host::Name(host.to_owned())
        }
    };
    Ok(Destination { host, source })
}
