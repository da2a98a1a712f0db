//! Why an attempt to connect has failed, in the words that programs and people look for.

use std::io;
use std::net::SocketAddr;

use crate::error::{Error, ErrorKind};
use crate::wire::{Role, WireError};

/// The server's host accepts connections, and the server says nothing: its process is stopped, no
/// thread pulls from it, or it has no descriptors left.
pub(super) fn silent(missing: &str) -> Failure {
    let text =
        format!("silent: connected, but {missing}; the server may be busy, or at a breakpoint");
    Failure::new(ErrorKind::Silent, text)
}

/// The port of the connection with `role`, and what it is for.
pub(super) fn port_text(base: u16, role: Role) -> String {
    match role {
        Role::Pull => format!("port {}, on which the responses come", base + 1),
        Role::Push => format!("port {base}, to which the requests go"),
    }
}

/// What went wrong, without the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    kind: ErrorKind,
    text: String,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, text: impl Into<String>) -> Failure {
        Failure {
            kind,
            text: text.into(),
        }
    }

    /// A connection could not be opened.
    pub(super) fn opening(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                Failure::new(ErrorKind::Refused, "connection refused")
            }
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::TimedOut => {
                Failure::new(ErrorKind::Unreachable, format!("unreachable: {error}"))
            }
            // The host was there, and has gone.
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Failure::new(
                ErrorKind::ConnectionLost,
                format!("connection lost: {error}"),
            ),
            // This says nothing about the server.
            io::ErrorKind::AddrNotAvailable => Failure::new(
                ErrorKind::System,
                format!(
                    "cannot connect: this host has no port left to connect from, or no address \
                     of that kind: {error}"
                ),
            ),
            _ => Failure::new(ErrorKind::System, format!("cannot connect: {error}")),
        }
    }

    /// A connection could not be opened from `source`.
    pub(super) fn opening_from(source: SocketAddr, error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => Failure::new(
                ErrorKind::System,
                format!("cannot connect from {source}: {error}"),
            ),
            _ => Failure::opening(error),
        }
    }

    /// A connection that was there has failed.
    pub(super) fn shaking(error: &io::Error) -> Failure {
        // No descriptors or no memory here: this says nothing about the server.
        let ours = matches!(
            error.raw_os_error(),
            Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
        );
        if ours {
            return Failure::opening(error);
        }
        let text = format!("connection lost: {error}");
        Failure::new(ErrorKind::ConnectionLost, text)
    }

    /// The server has closed a connection before the end of the handshake.
    pub(super) fn closed() -> Failure {
        let text = "connection lost, the server closed it at once";
        Failure::new(ErrorKind::ConnectionLost, text)
    }

    /// The peer does not speak the protocol of the bridge.
    pub(super) fn stranger(error: &WireError) -> Failure {
        let text = format!("not a server of the bridge: {error}");
        Failure::new(ErrorKind::Protocol, text)
    }

    /// Whether the cause is on this host, and not at either port.
    pub(super) fn is_ours(&self) -> bool {
        self.kind == ErrorKind::System
    }

    /// Adds the place of the failure.
    pub(super) fn at(mut self, place: String) -> Failure {
        self.text = format!("{} ({place})", self.text);
        self
    }

    /// It was only at the port of the connection with `role`: the other port accepted us.
    pub(super) fn only_at(self, base: u16, role: Role) -> Failure {
        let other = match role {
            Role::Pull => base,
            Role::Push => base + 1,
        };
        let port = port_text(base, role);
        self.at(format!(
            "{port}; port {other} accepts connections, and both must be open"
        ))
    }

    pub(super) fn error(self, place: &str) -> Error {
        Error::new(self.kind, format!("{place}: {}", self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(number: i32) -> io::Error {
        io::Error::from_raw_os_error(number)
    }

    #[test]
    fn where_there_was_no_connection_none_was_lost() {
        for (number, kind, word) in [
            (libc::ECONNREFUSED, ErrorKind::Refused, "refused"),
            (libc::EHOSTUNREACH, ErrorKind::Unreachable, "unreachable"),
            (libc::ENETUNREACH, ErrorKind::Unreachable, "unreachable"),
            (libc::ETIMEDOUT, ErrorKind::Unreachable, "unreachable"),
            (libc::EINVAL, ErrorKind::System, "cannot connect"),
            (libc::EAFNOSUPPORT, ErrorKind::System, "cannot connect"),
            (libc::EPERM, ErrorKind::System, "cannot connect"),
            (libc::EMFILE, ErrorKind::System, "cannot connect"),
            (libc::EADDRNOTAVAIL, ErrorKind::System, "no port left"),
        ] {
            let error = Failure::opening(&os(number)).error("board:8000");
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.text().starts_with("board:8000: "), "{error}");
            assert!(error.text().contains(word), "{error}");
            let lost = error.text().contains("connection lost");
            assert!(!lost, "{error}");
            assert_eq!(error.text().contains("unreachable"), word == "unreachable");
        }
        let source = "127.0.0.2:7".parse().unwrap();
        let error = Failure::opening_from(source, &os(libc::EADDRINUSE)).error("board:8000");
        assert!(error.text().contains("from 127.0.0.2:7"), "{error}");
        let error = Failure::shaking(&os(libc::ECONNRESET)).error("board:8000");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
        let error = Failure::shaking(&os(libc::EMFILE)).error("board:8000");
        assert_eq!(error.kind(), ErrorKind::System, "{error}");
    }
}
