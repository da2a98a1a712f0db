//! What an address given by a person means: where a server listens, and whom a client connects to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Socket, Type};

use crate::error::{Error, ErrorKind, Result};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;
/// How often a free pair of ports is looked for before giving up.
const PAIR_ATTEMPTS: u32 = 100;

/// The listening sockets of a server.
#[derive(Debug)]
pub(super) struct Listeners {
    /// The base port.
    pub(super) port: u16,
    /// On the base port, one for each address.
    pub(super) requests: Vec<TcpListener>,
    /// On the port after it.
    pub(super) responses: Vec<TcpListener>,
}

/// Binds a server's two ports: `address` is `*`, an IP address, a host name or an interface name;
/// `port` 0 takes any free pair.
pub(super) fn listen(address: &str, port: u16) -> Result<Listeners> {
    if port == u16::MAX {
        let text = format!(
            "Port {port} cannot be the base port at address {address}: there is no port after it"
        );
        return Err(Error::new(ErrorKind::BadPort, text));
    }
    let places = local_addresses(address)?;
    if port != 0 {
        return bind_pair(address, &places, port).map_err(|(error, _)| error);
    }
    let mut result = free_pair(address, &places);
    for _ in 1..PAIR_ATTEMPTS {
        match result {
            Err((_, true)) => result = free_pair(address, &places),
            _ => break,
        }
    }
    result.map_err(|(error, _)| error)
}

/// An error, and whether another port may do.
type Attempt<T> = std::result::Result<T, (Error, bool)>;

fn free_pair(address: &str, places: &[IpAddr]) -> Attempt<Listeners> {
    let first = bind(address, places[0], 0)?;
    let port = first
        .local_addr()
        .map(|local| local.port())
        .unwrap_or(u16::MAX);
    // Freed for a moment, to be bound again with the others.
    drop(first);
    if port == u16::MAX {
        let text = format!("No free pair of ports at address {address}");
        return Err((Error::new(ErrorKind::Bind, text), true));
    }
    bind_pair(address, places, port)
}

fn bind_pair(address: &str, places: &[IpAddr], port: u16) -> Attempt<Listeners> {
    let all = |port| {
        places
            .iter()
            .map(|&place| bind(address, place, port))
            .collect()
    };
    let responses: Attempt<Vec<TcpListener>> = all(port + 1);
    Ok(Listeners {
        port,
        responses: responses?,
        requests: all(port)?,
    })
}

fn bind(address: &str, place: IpAddr, port: u16) -> Attempt<TcpListener> {
    let result = bind_socket(place, port);
    match result {
        // A host without IPv6: all interfaces are the IPv4 ones.
        Err(_) if place == Ipv6Addr::UNSPECIFIED => bind_socket(Ipv4Addr::UNSPECIFIED.into(), port)
            .map_err(|e| bind_error(address, port, &e)),
        result => result.map_err(|error| bind_error(address, port, &error)),
    }
}

fn bind_socket(place: IpAddr, port: u16) -> io::Result<TcpListener> {
    let target = SocketAddr::new(place, port);
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
    // Connections of a server that has ended linger for a minute; they must not keep the next out.
    socket.set_reuse_address(true)?;
    if place.is_ipv6() {
        // "*" is IPv4 as well; a given IPv6 address is itself alone.
        socket.set_only_v6(place != Ipv6Addr::UNSPECIFIED)?;
    }
    socket.bind(&target.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn bind_error(address: &str, port: u16, error: &io::Error) -> (Error, bool) {
    let in_use = error.kind() == io::ErrorKind::AddrInUse;
    let cause = match error.kind() {
        io::ErrorKind::AddrInUse => "another process may be using this port".to_owned(),
        io::ErrorKind::AddrNotAvailable => "the address is not one of this host's".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not use this port".to_owned(),
        _ => error.to_string(),
    };
    let text = format!("Failed to bind server to port {port} at address {address}, {cause}");
    (Error::new(ErrorKind::Bind, text), in_use)
}

/// The addresses of this host that `address` means.
fn local_addresses(address: &str) -> Result<Vec<IpAddr>> {
    if address == "*" {
        return Ok(vec![Ipv6Addr::UNSPECIFIED.into()]);
    }
    if let Some(ip) = literal(address) {
        return Ok(vec![ip]);
    }
    check_name(address)?;
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut found: Vec<IpAddr> = interfaces
        .into_iter()
        .filter(|interface| interface.name == address)
        .map(|interface| interface.ip())
        // Link-local addresses need a zone, which a plain address does not carry.
        .filter(|ip| !matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local()))
        .collect();
    if found.is_empty() {
        let resolved = (address, 0).to_socket_addrs().map_err(|error| {
            let text = format!(
                "Address {address} is neither an IP address nor an interface, and no host of that name was found: {error}"
            );
            Error::new(ErrorKind::BadAddress, text)
        })?;
        found.extend(resolved.map(|target| target.ip()));
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        let text = format!("Address {address} has no IP address");
        return Err(Error::new(ErrorKind::BadAddress, text));
    }
    Ok(found)
}

/// Whom a client connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// A host name or an IP address without brackets, to be resolved at each attempt.
    pub(super) host: String,
    /// The local address and port (0: any) to connect from, if given (`source;destination`).
    pub(super) source: Option<SocketAddr>,
}

/// Reads a client's `address`: a host name or IP address, after `source;` if the connection is to
/// come from a certain address of this host. libzmq wants a port behind that, which may be 0; here
/// it may be left out. Names are not resolved here.
pub(super) fn target(address: &str, port: u16) -> Result<Target> {
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
                "Source address {source:?} of {address} is not an IP address, with or without a port"
            );
            Error::new(ErrorKind::BadAddress, text)
        })?),
    };
    if let Some(ip) = literal(host) {
        if ip.is_unspecified() {
            let text = format!("Address {address} means every interface: no server can be there");
            return Err(Error::new(ErrorKind::BadAddress, text));
        }
        return Ok(Target {
            host: ip.to_string(),
            source,
        });
    }
    check_name(host)?;
    Ok(Target {
        host: host.to_owned(),
        source,
    })
}

/// An IP address, IPv6 with or without brackets.
fn literal(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// An IP address and a port, which is 0 when there is none.
fn with_port(text: &str) -> Option<SocketAddr> {
    let alone = literal(text).map(|ip| SocketAddr::new(ip, 0));
    alone.or_else(|| text.parse().ok())
}

fn check_name(name: &str) -> Result<()> {
    let fits =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '%' | '@');
    let digits = name.chars().all(|c| c.is_ascii_digit() || c == '.');
    if name.is_empty() || name.len() > 253 || !name.chars().all(fits) || digits {
        let text =
            format!("Address {name:?} is not an IP address, a host name or an interface name");
        return Err(Error::new(ErrorKind::BadAddress, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_takes_every_kind_of_address() {
        for address in [
            "*",
            "127.0.0.1",
            "::1",
            "[::1]",
            "localhost",
            "lo",
            "lo0",
            "0.0.0.0",
        ] {
            if address.starts_with("lo") && address != "localhost" {
                let names = if_addrs::get_if_addrs().unwrap_or_default();
                if !names.iter().any(|interface| interface.name == address) {
                    continue;
                }
            }
            if address.contains(':') && bind_socket(Ipv6Addr::LOCALHOST.into(), 0).is_err() {
                continue;
            }
            let listeners = listen(address, 0).unwrap();
            for (sockets, port) in [
                (&listeners.requests, listeners.port),
                (&listeners.responses, listeners.port + 1),
            ] {
                assert!(!sockets.is_empty(), "{address}");
                assert!(sockets
                    .iter()
                    .all(|s| s.local_addr().unwrap().port() == port));
            }
        }
    }

    #[test]
    fn a_bad_server_address_is_named() {
        for address in [
            "",
            "300.1.1.1",
            "a b",
            "1.2.3",
            "no.such.host.invalid",
            "[127.0.0.1]",
        ] {
            let error = listen(address, 0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadAddress, "{address}: {error}");
            assert!(error.text().contains(address), "{error}");
        }
        // TEST-NET-1, which nobody has.
        let error = listen("192.0.2.1", 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Bind);
        assert!(error.text().contains("192.0.2.1"), "{error}");
    }

    #[test]
    fn row_15_base_port_65535_is_refused() {
        assert_eq!(listen("*", 65535).unwrap_err().kind(), ErrorKind::BadPort);
        assert_eq!(
            target("localhost", 65535).unwrap_err().kind(),
            ErrorKind::BadPort
        );
        assert_eq!(
            target("localhost", 0).unwrap_err().kind(),
            ErrorKind::BadPort
        );
    }

    #[test]
    fn a_port_in_use_is_named_with_its_address_and_nothing_leaks() {
        let held = listen("127.0.0.1", 0).unwrap();
        let port = held.port;
        drop(held.requests);
        // Only the second port is taken: the error must name that one.
        let error = listen("127.0.0.1", port).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Bind);
        let text = format!(
            "Failed to bind server to port {} at address 127.0.0.1, another process may be using this port",
            port + 1
        );
        assert_eq!(error.text(), text);
        drop(held.responses);
        listen("127.0.0.1", port).unwrap();
    }

    #[test]
    fn client_addresses() {
        let plain = target("127.0.0.1", 8000).unwrap();
        assert_eq!(
            plain,
            Target {
                host: "127.0.0.1".into(),
                source: None
            }
        );
        let with_source = target("127.0.0.2;localhost", 8000).unwrap();
        assert_eq!(with_source.source, Some("127.0.0.2:0".parse().unwrap()));
        for (source, want) in [
            ("127.0.0.2:0", "127.0.0.2:0"),
            ("127.0.0.2:7", "127.0.0.2:7"),
            ("::1", "[::1]:0"),
            ("[::1]", "[::1]:0"),
            ("[::1]:7", "[::1]:7"),
        ] {
            let read = target(&format!("{source};localhost"), 8000).unwrap();
            assert_eq!(read.source, Some(want.parse().unwrap()), "{source}");
        }
        assert_eq!(target("[::1]", 8000).unwrap().host, "::1");
        for address in [
            "",
            "*",
            "a b",
            "x;localhost",
            "1.2.3.4:x;localhost",
            "0.0.0.0",
            "1.2.3",
        ] {
            assert_eq!(
                target(address, 8000).unwrap_err().kind(),
                ErrorKind::BadAddress,
                "{address}"
            );
        }
    }
}
