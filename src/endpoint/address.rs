//! What an address given by a person means: where a server listens, and whom a client connects to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, ToSocketAddrs};

use if_addrs::Interface;

use super::socket::{self, interface_index};
use crate::error::{Error, ErrorKind, Result};
use crate::process::Stdio;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;
/// How often a free pair of ports is looked for before giving up.
const PAIR_ATTEMPTS: u32 = 100;
/// System calls whose failures are told in words of their own.
const BIND: &str = "bind";
const LISTEN: &str = "listen";

/// A peer's address in the one form that log lines have: an IPv4 one as such, whatever socket it came
/// by.
pub(super) fn canonical(peer: SocketAddr) -> SocketAddr {
    match peer.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, peer.port()),
        // Not made anew: a link-local one has a zone.
        IpAddr::V6(_) => peer,
    }
}

/// The listening sockets of a server.
#[derive(Debug)]
pub(super) struct Listeners {
    /// The base port.
    pub(super) port: u16,
    /// On the base port, one for each address.
    pub(super) requests: Vec<TcpListener>,
    /// On the port after it.
    pub(super) responses: Vec<TcpListener>,
    /// They came from outside the server, and others may listen on them too.
    pub(super) given: bool,
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
    try_ports(|| free_pair(address, &places))
}

/// An error, and whether another port may do.
type Attempt<T> = std::result::Result<T, (Error, bool)>;

/// Tries again while another port may do.
fn try_ports<T>(mut attempt: impl FnMut() -> Attempt<T>) -> Result<T> {
    let mut left = PAIR_ATTEMPTS;
    loop {
        left -= 1;
        match attempt() {
            Err((_, true)) if left > 0 => {}
            result => return result.map_err(|(error, _)| error),
        }
    }
}

fn free_pair(address: &str, places: &[SocketAddr]) -> Attempt<Listeners> {
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

fn bind_pair(address: &str, places: &[SocketAddr], port: u16) -> Attempt<Listeners> {
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
        given: false,
    })
}

/// A socket that listens on `port` at `place`, which is what the `address` of an error text means.
pub(super) fn bind(address: &str, place: SocketAddr, port: u16) -> Attempt<TcpListener> {
    let result = bind_socket(place, port);
    match result {
        // A host without IPv6: all interfaces are the IPv4 ones.
        Err(_) if place.ip() == Ipv6Addr::UNSPECIFIED => {
            bind_socket((Ipv4Addr::UNSPECIFIED, 0).into(), port)
                .map_err(|e| bind_error(address, port, &e))
        }
        result => result.map_err(|error| bind_error(address, port, &error)),
    }
}

/// A system call that failed, and how.
type Failed = (&'static str, io::Error);

fn bind_socket(mut target: SocketAddr, port: u16) -> std::result::Result<TcpListener, Failed> {
    target.set_port(port);
    let place = target.ip();
    let socket = socket::new(target).map_err(|e| ("socket", e))?;
    // Connections of a server that has ended linger for a minute; they must not keep the next out.
    socket
        .set_reuse_address(true)
        .map_err(|e| ("setsockopt", e))?;
    if place.is_ipv6() {
        // "*" is IPv4 as well; a given IPv6 address is itself alone.
        let alone = place != Ipv6Addr::UNSPECIFIED;
        socket.set_only_v6(alone).map_err(|e| ("setsockopt", e))?;
    }
    socket.bind(&target.into()).map_err(|e| (BIND, e))?;
    socket.listen(BACKLOG).map_err(|e| (LISTEN, e))?;
    Ok(socket.into())
}

fn bind_error(address: &str, port: u16, (call, error): &Failed) -> (Error, bool) {
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
        // Whoever forbids it (seccomp, systemd) has nothing against the port.
        _ => format!("the call {call}() failed: {error}"),
    };
    let text = format!("Failed to bind server to port {port} at address {address}, {cause}");
    (Error::new(ErrorKind::Bind, text), in_use)
}

/// The addresses of this host that `address` means, with port 0.
fn local_addresses(address: &str) -> Result<Vec<SocketAddr>> {
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
    // It asks the system by a socket of its own.
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

/// The addresses of the interface `name`. Link-local ones of IPv6 count only where there is no other:
/// they cannot be bound in the first seconds of an interface.
fn of_interface(interfaces: &[Interface], name: &str) -> Vec<SocketAddr> {
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

fn not_local(address: &str, error: &io::Error, unlisted: Option<io::Error>) -> Error {
    let text = match unlisted {
        None => format!(
            "Address {address} is neither an IP address nor an interface, and no host of that name was found: {error}"
        ),
        // systemd's RestrictAddressFamilies without AF_NETLINK, for one.
        Some(unlisted) => format!(
            "Address {address} is no IP address, and no host of that name was found: {error}. It may be an interface, but the interfaces of this host cannot be listed: {unlisted}"
        ),
    };
    Error::new(ErrorKind::BadAddress, text)
}

/// Whom a client connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: Host,
    /// The local address and port (0: any) to connect from, if given (`source;destination`).
    pub(super) source: Option<SocketAddr>,
}

/// A client's server, as it was given; what it means is looked up at each attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Literal(Literal),
    Name(String),
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
                "Source address {source:?} of {address} is not an IP address of this host, with or without a port"
            );
            Error::new(ErrorKind::BadAddress, text)
        })?),
    };
    let host = match literal(host) {
        Some(literal) if literal.ip.is_unspecified() => {
            let text = format!("Address {address} means every interface: no server can be there");
            return Err(Error::new(ErrorKind::BadAddress, text));
        }
        // The source may say which interface it is.
        Some(literal) if literal.lacks_zone() && source.is_none() => {
            return Err(lacks_zone(address));
        }
        Some(literal) => Host::Literal(literal),
        None => {
            check_name(host)?;
            Host::Name(host.to_owned())
        }
    };
    Ok(Target { host, source })
}

/// An IP address as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Literal {
    ip: IpAddr,
    /// The interface on whose link an address of IPv6 is, by name or number: what follows its `%`.
    zone: Option<String>,
}

impl Literal {
    /// The address with `port`; `None` while there is no interface of that name.
    pub(super) fn at(&self, port: u16) -> Option<SocketAddr> {
        let index = match &self.zone {
            None => 0,
            Some(zone) => interface_index(zone).or_else(|| zone.parse().ok())?,
        };
        Some(with_scope(self.ip, index, port))
    }

    /// Whether it says nothing without an interface, and has none.
    fn lacks_zone(&self) -> bool {
        is_link_local(&self.ip) && self.zone.is_none()
    }

    /// Why [`Literal::at`] says `None`.
    pub(super) fn no_zone(&self) -> String {
        let zone = self.zone.as_deref().unwrap_or_default();
        format!("there is no interface {zone}")
    }
}

fn lacks_zone(address: &str) -> Error {
    let text = format!(
        "Address {address} is on every link: say on which, with its interface, as in fe80::1%eth0"
    );
    Error::new(ErrorKind::BadAddress, text)
}

fn with_scope(ip: IpAddr, index: u32, port: u16) -> SocketAddr {
    match ip {
        IpAddr::V4(ip) => (ip, port).into(),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, index).into(),
    }
}

fn is_link_local(ip: &IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

/// An IP address, IPv6 with or without brackets, and with a zone if it has one (`fe80::1%eth0`).
fn literal(text: &str) -> Option<Literal> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let (ip, zone) = match bare.unwrap_or(text).split_once('%') {
        Some((ip, zone)) => (ip, Some(zone)),
        None => (bare.unwrap_or(text), None),
    };
    let fits = |zone: &str| !zone.is_empty() && zone.chars().all(|c| c.is_ascii_graphic());
    if zone.is_some_and(|zone| !fits(zone)) {
        return None;
    }
    let ip: IpAddr = match (bare, zone) {
        // Neither brackets nor a zone go with IPv4.
        (None, None) => ip.parse().ok()?,
        _ => ip.parse::<Ipv6Addr>().ok()?.into(),
    };
    Some(Literal {
        ip,
        zone: zone.map(str::to_owned),
    })
}

/// An IP address and a port, which is 0 when there is none. `None` also while it has a zone that is
/// no interface.
fn with_port(text: &str) -> Option<SocketAddr> {
    if let Some(literal) = literal(text) {
        return literal.at(0);
    }
    let (place, port) = text.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let literal = literal(place)?;
    // Without brackets the port would be one more part of the address.
    (literal.ip.is_ipv4() || place.starts_with('['))
        .then(|| literal.at(port))
        .flatten()
}

fn check_name(name: &str) -> Result<()> {
    if let Some((host, port)) = name.rsplit_once(':') {
        let digits = !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
        if digits && !host.is_empty() {
            let text = format!(
                "Address {name:?} has a port in it: give {host:?} as the address, and the port {port} as a number of its own"
            );
            return Err(Error::new(ErrorKind::BadAddress, text));
        }
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '%' | '@');
    let digits = name.chars().all(|c| c.is_ascii_digit() || c == '.');
    if name.is_empty() || name.len() > 253 || !name.chars().all(fits) || digits {
        let text =
            format!("Address {name:?} is not an IP address, a host name or an interface name");
        return Err(Error::new(ErrorKind::BadAddress, text));
    }
    Ok(())
}

/// What this file makes of an address, for `fuzz/`: programs do not reach it.
#[cfg(fuzzing)]
#[allow(missing_docs)]
pub mod fuzzed {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    pub struct Target {
        /// The address or the name, written out.
        pub host: String,
        pub ip: Option<IpAddr>,
        pub source: Option<SocketAddr>,
    }

    pub fn target(address: &str, port: u16) -> Result<Target> {
        let target = super::target(address, port)?;
        let (host, ip) = match target.host {
            Host::Name(name) => (name, None),
            Host::Literal(Literal { ip, zone: None }) => (ip.to_string(), Some(ip)),
            Host::Literal(Literal {
                ip,
                zone: Some(zone),
            }) => (format!("{ip}%{zone}"), Some(ip)),
        };
        Ok(Target {
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
