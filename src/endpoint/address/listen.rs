//! Where a server listens: finds the local addresses and binds both ports.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use if_addrs::Interface;

use super::literal::{check_name, is_link_local, lacks_zone, literal, with_scope};
use crate::endpoint::socket;
use crate::error::{Error, ErrorKind, Result};
use crate::process::Stdio;

/// Most connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Attempts to find a free pair of ports.
pub(super) const PAIR_ATTEMPTS: u32 = 100;
/// System calls whose failures get texts of their own.
pub(super) const BIND: &str = "bind";
pub(super) const LISTEN: &str = "listen";

/// The listening sockets of a server.
#[derive(Debug)]
pub(in crate::endpoint) struct Listeners {
    /// The base port.
    pub(in crate::endpoint) port: u16,
    /// On the base port, one for each local address.
    pub(in crate::endpoint) requests: Vec<TcpListener>,
    /// On the port after it.
    pub(in crate::endpoint) responses: Vec<TcpListener>,
    /// They came from outside the server, and other processes may listen on them too.
    pub(in crate::endpoint) given: bool,
}

/// Binds a server's two ports: `address` is `*`, an IP address, a host name or an interface name;
/// `port` 0 takes any free pair.
pub(in crate::endpoint) fn listen(address: &str, port: u16) -> Result<Listeners> {
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
    try_ports(|| free_pair(address, &places))
}

/// The error comes with whether another port may succeed.
pub(super) type PortResult<T> = std::result::Result<T, (Error, bool)>;

/// Tries again while another port may succeed.
pub(super) fn try_ports<T>(mut attempt: impl FnMut() -> PortResult<T>) -> Result<T> {
    let mut left = PAIR_ATTEMPTS;
    loop {
        left -= 1;
        match attempt() {
            Err((_, true)) if left > 0 => {}
            result => return result.map_err(|(error, _)| error),
        }
    }
}

fn free_pair(address: &str, places: &[SocketAddr]) -> PortResult<Listeners> {
    let first = bind(address, places[0], 0)?;
    let port = first
        .local_addr()
        .map(|local| local.port())
        .unwrap_or(u16::MAX);
    // Freed for a moment, to be bound again together with the others.
    drop(first);
    if port == u16::MAX {
        let text = format!("No free pair of ports at address {address}");
        return Err((Error::new(ErrorKind::Bind, text), true));
    }
    bind_pair(address, places, port)
}

fn bind_pair(address: &str, places: &[SocketAddr], port: u16) -> PortResult<Listeners> {
    let all = |port| {
        places
            .iter()
            .map(|&place| bind(address, place, port))
            .collect()
    };
    let responses: PortResult<Vec<TcpListener>> = all(port + 1);
    Ok(Listeners {
        port,
        responses: responses?,
        requests: all(port)?,
        given: false,
    })
}

/// A socket that listens on `port` at `place`. Error texts name `address`, which stands for
/// `place`.
pub(in crate::endpoint) fn bind(
    address: &str,
    place: SocketAddr,
    port: u16,
) -> PortResult<TcpListener> {
    let result = bind_socket(place, port);
    match result {
        // The host has no IPv6, so all interfaces means those of IPv4.
        Err(_) if place.ip() == Ipv6Addr::UNSPECIFIED => {
            bind_socket((Ipv4Addr::UNSPECIFIED, 0).into(), port)
                .map_err(|e| bind_error(address, port, &e))
        }
        result => result.map_err(|error| bind_error(address, port, &error)),
    }
}

/// The system call that failed, and its error.
pub(super) type Failed = (&'static str, io::Error);

pub(super) fn bind_socket(
    mut target: SocketAddr,
    port: u16,
) -> std::result::Result<TcpListener, Failed> {
    target.set_port(port);
    let place = target.ip();
    let socket = socket::new(target).map_err(|e| ("socket", e))?;
    // Connections of a server that has ended stay in TIME_WAIT for a minute. They must not keep the
    // next server from its port.
    socket
        .set_reuse_address(true)
        .map_err(|e| ("setsockopt", e))?;
    if place.is_ipv6() {
        // "*" includes IPv4; a given IPv6 address does not.
        let alone = place != Ipv6Addr::UNSPECIFIED;
        socket.set_only_v6(alone).map_err(|e| ("setsockopt", e))?;
    }
    socket.bind(&target.into()).map_err(|e| (BIND, e))?;
    socket.listen(BACKLOG).map_err(|e| (LISTEN, e))?;
    Ok(socket.into())
}

pub(super) fn bind_error(address: &str, port: u16, (call, error): &Failed) -> (Error, bool) {
    let in_use = error.kind() == io::ErrorKind::AddrInUse;
    let cause = match (*call, error.kind()) {
        (BIND | LISTEN, io::ErrorKind::AddrInUse) => {
            "another process may be using this port".to_owned()
        }
        (BIND, io::ErrorKind::AddrNotAvailable) => {
            "the address is not one of this host's".to_owned()
        }
        (BIND, io::ErrorKind::PermissionDenied) => "this user may not use this port".to_owned(),
        (BIND, _) => error.to_string(),
        // The system forbids the call itself (seccomp, systemd), not the port.
        _ => format!("the call {call}() failed: {error}"),
    };
    let text = format!("Failed to bind server to port {port} at address {address}, {cause}");
    (Error::new(ErrorKind::Bind, text), in_use)
}

/// The addresses of this host that `address` means, with port 0.
pub(super) fn local_addresses(address: &str) -> Result<Vec<SocketAddr>> {
    if address == "*" {
        return Ok(vec![(Ipv6Addr::UNSPECIFIED, 0).into()]);
    }
    if let Some(literal) = literal(address) {
        if literal.lacks_zone() {
            return Err(lacks_zone(address));
        }
        return literal.at(0).map(|place| vec![place]).ok_or_else(|| {
            let text = format!("Address {address}: {}", literal.no_zone());
            Error::new(ErrorKind::BadAddress, text)
        });
    }
    // `get_if_addrs` opens a socket.
    let held = Stdio::hold();
    let interfaces = if_addrs::get_if_addrs();
    drop(held);
    let mut found = interfaces
        .as_ref()
        .map_or(Vec::new(), |interfaces| of_interface(interfaces, address));
    if found.is_empty() {
        check_name(address)?;
        let resolved = (address, 0)
            .to_socket_addrs()
            .map_err(|error| not_local(address, &error, interfaces.err()))?;
        found.extend(resolved);
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        let text = format!("Address {address} has no IP address");
        return Err(Error::new(ErrorKind::BadAddress, text));
    }
    Ok(found)
}

/// The addresses of the interface `name`. Link-local IPv6 addresses count only if there is no
/// other: they cannot be bound in the first seconds after an interface comes up.
pub(super) fn of_interface(interfaces: &[Interface], name: &str) -> Vec<SocketAddr> {
    let (link_local, others): (Vec<_>, Vec<_>) = interfaces
        .iter()
        .filter(|interface| interface.name == name)
        .map(|interface| (interface.ip(), interface.index.unwrap_or(0)))
        .partition(|(ip, _)| is_link_local(ip));
    let chosen = if others.is_empty() {
        link_local
    } else {
        others
    };
    let at = |(ip, index)| with_scope(ip, if is_link_local(&ip) { index } else { 0 }, 0);
    chosen.into_iter().map(at).collect()
}

pub(super) fn not_local(address: &str, error: &io::Error, unlisted: Option<io::Error>) -> Error {
    let text = match unlisted {
        None => format!(
            "Address {address} is neither an IP address nor an interface, and no host of that name \
             was found: {error}"
        ),
        // For example, systemd's RestrictAddressFamilies without AF_NETLINK.
        Some(unlisted) => format!(
            "Address {address} is no IP address, and no host of that name was found: {error}. It may \
             be an interface, but the interfaces of this host cannot be listed: {unlisted}"
        ),
    };
    Error::new(ErrorKind::BadAddress, text)
}
