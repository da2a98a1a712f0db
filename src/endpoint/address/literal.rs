//! IP addresses as users write them, and names that may be looked up.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::endpoint::socket::interface_index;
use crate::error::{Error, ErrorKind, Result};

/// An IP address as a user writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::endpoint) struct Literal {
    pub(super) ip: IpAddr,
    /// The interface of an IPv6 address, by name or number: what follows its `%`.
    pub(super) zone: Option<String>,
}

impl Literal {
    /// The address with `port`. `None` while no interface has the name of the zone.
    pub(in crate::endpoint) fn at(&self, port: u16) -> Option<SocketAddr> {
        let index = match &self.zone {
            None => 0,
            Some(zone) => interface_index(zone).or_else(|| zone.parse().ok())?,
        };
        Some(with_scope(self.ip, index, port))
    }

    /// Whether the address needs an interface and has none.
    pub(super) fn lacks_zone(&self) -> bool {
        is_link_local(&self.ip) && self.zone.is_none()
    }

    /// The reason why [`Literal::at`] returns `None`.
    pub(in crate::endpoint) fn no_zone(&self) -> String {
        let zone = self.zone.as_deref().unwrap_or_default();
        format!("there is no interface {zone}")
    }
}

/// The error for an address that [lacks its zone](Literal::lacks_zone).
pub(super) fn lacks_zone(address: &str) -> Error {
    let text =
        format!("Address {address} exists on every link: name the interface, as in fe80::1%eth0");
    Error::new(ErrorKind::BadAddress, text)
}

pub(super) fn with_scope(ip: IpAddr, index: u32, port: u16) -> SocketAddr {
    match ip {
        IpAddr::V4(ip) => (ip, port).into(),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, index).into(),
    }
}

pub(super) fn is_link_local(ip: &IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

/// Reads an IP address. IPv6 may have brackets and a zone (`fe80::1%eth0`).
pub(super) fn literal(text: &str) -> Option<Literal> {
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
        // An IPv4 address has neither brackets nor a zone.
        (None, None) => ip.parse().ok()?,
        _ => ip.parse::<Ipv6Addr>().ok()?.into(),
    };
    Some(Literal {
        ip,
        zone: zone.map(str::to_owned),
    })
}

/// Reads an IP address with an optional port (default: 0). `None` also while no interface has the
/// name of its zone.
pub(super) fn with_port(text: &str) -> Option<SocketAddr> {
    if let Some(literal) = literal(text) {
        return literal.at(0);
    }
    let (place, port) = text.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let literal = literal(place)?;
    // Without brackets the port would be a part of the IPv6 address.
    (literal.ip.is_ipv4() || place.starts_with('['))
        .then(|| literal.at(port))
        .flatten()
}

/// Refuses a text that cannot be the name of a host or an interface.
pub(super) fn check_name(name: &str) -> Result<()> {
    if let Some((host, port)) = name.rsplit_once(':') {
        let digits = !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
        if digits && !host.is_empty() {
            let text = format!(
                "Address {name:?} contains a port: give {host:?} as the address, and the port {port} \
                 as a number of its own"
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
