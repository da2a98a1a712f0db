//! Why there is no connection, told in the words that programs and people look for.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::wire::{Role, WireError};

/// How far one connection of an attempt has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(in crate::endpoint::client) enum Stage {
    /// The server's host has not answered yet.
    Opening,
    /// The connection is there, the server's greeting is not.
    Open,
    /// The server's greeting has come, its READY has not.
    Greeted,
    /// The handshake is over.
    Ready,
}

/// How far the attempt that is being made has got. Read by those whose time is over meanwhile.
#[derive(Debug, Default)]
pub(in crate::endpoint::client) struct Progress {
    /// Stages of the connections for responses and requests.
    stages: [AtomicU8; 2],
}

impl Progress {
    /// An attempt begins, or has ended.
    pub(super) fn begin(&self) {
        for stage in &self.stages {
            stage.store(Stage::Opening as u8, Ordering::Relaxed);
        }
    }

    pub(super) fn reached(&self, role: Role, stage: Stage) {
        self.of(role).store(stage as u8, Ordering::Relaxed);
    }

    pub(super) fn stage(&self, role: Role) -> Stage {
        let stage = self.of(role).load(Ordering::Relaxed);
        [Stage::Opening, Stage::Open, Stage::Greeted]
            .into_iter()
            .find(|known| *known as u8 == stage)
            .unwrap_or(Stage::Ready)
    }

    fn of(&self, role: Role) -> &AtomicU8 {
        &self.stages[usize::from(role == Role::Push)]
    }

    /// Whether both connections are there, and only the server's part of the handshake is missing.
    fn is_open(&self) -> bool {
        self.stage(Role::Pull) > Stage::Opening && self.stage(Role::Push) > Stage::Opening
    }

    /// Why somebody is still waiting, if that is known better than from the attempt before.
    pub(in crate::endpoint::client) fn silent(&self, place: &str) -> Option<Error> {
        self.is_open()
            .then(|| silent("no greeting yet").error(place))
    }

    /// Nothing has happened for `patience`.
    pub(super) fn stalled(&self, base: u16, patience: Duration) -> Failure {
        let within = format!("no answer within {patience:?}");
        let missing = |stage| self.stage(stage) == Stage::Opening;
        let nobody = Failure::new(ErrorKind::Unreachable, format!("unreachable, {within}"));
        match (missing(Role::Pull), missing(Role::Push)) {
            (true, true) => nobody,
            (true, false) => nobody.only_at(base, Role::Pull),
            (false, true) => nobody.only_at(base, Role::Push),
            (false, false) => {
                let silent = silent(&format!("no greeting within {patience:?}"));
                match (self.stage(Role::Pull), self.stage(Role::Push)) {
                    (_, Stage::Ready) => silent.at(port_text(base, Role::Pull)),
                    (Stage::Ready, _) => silent.at(port_text(base, Role::Push)),
                    _ => silent,
                }
            }
        }
    }
}

/// A server whose host accepts connections, and who says nothing itself: it is stopped, nobody pulls
/// from it, or it has no descriptors left.
fn silent(missing: &str) -> Failure {
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
    fn new(kind: ErrorKind, text: impl Into<String>) -> Failure {
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
            // Nothing was said about the server.
            io::ErrorKind::AddrNotAvailable => Failure::new(
                ErrorKind::System,
                format!("cannot connect: this host has no port left to connect from, or no address of that kind: {error}"),
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
        // No descriptors, no memory: nothing was said about the server.
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

    /// What answers there speaks something else.
    pub(super) fn stranger(error: &WireError) -> Failure {
        let text = format!("not a server of the bridge: {error}");
        Failure::new(ErrorKind::Protocol, text)
    }

    /// Whether it is this host's own, whatever the port.
    pub(super) fn is_ours(&self) -> bool {
        self.kind == ErrorKind::System
    }

    /// Says where it was, and what is to be known of that.
    pub(super) fn at(mut self, place: String) -> Failure {
        self.text = format!("{} ({place})", self.text);
        self
    }

    /// It was at one port alone: the other one lets us in.
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

    #[test]
    fn what_is_missing_is_told_by_how_far_the_attempt_has_got() {
        use Stage::{Greeted, Open, Opening, Ready};
        let progress = Progress::default();
        for (pull, push, kind, says, not) in [
            (
                Opening,
                Opening,
                ErrorKind::Unreachable,
                "unreachable, no answer within 5s",
                "port",
            ),
            (
                Opening,
                Ready,
                ErrorKind::Unreachable,
                "port 8001, on which the responses come; port 8000 accepts",
                "silent",
            ),
            (
                Open,
                Opening,
                ErrorKind::Unreachable,
                "port 8000, to which the requests go; port 8001 accepts",
                "silent",
            ),
            (
                Open,
                Open,
                ErrorKind::Silent,
                "silent: connected, but no greeting within 5s",
                "port",
            ),
            (Open, Greeted, ErrorKind::Silent, "silent", "port"),
            (Open, Ready, ErrorKind::Silent, "port 8001", "unreachable"),
            (
                Ready,
                Greeted,
                ErrorKind::Silent,
                "port 8000",
                "unreachable",
            ),
        ] {
            progress.begin();
            progress.reached(Role::Pull, pull);
            progress.reached(Role::Push, push);
            let error = progress
                .stalled(8000, Duration::from_secs(5))
                .error("board:8000");
            assert_eq!(error.kind(), kind, "{error}");
            let text = error.text().strip_prefix("board:8000: ").unwrap();
            assert!(text.contains(says) && !text.contains(not), "{error}");
            // The words of other errors, which programs look for.
            let open = kind == ErrorKind::Silent;
            assert!(!(open && text.contains("stopped")), "{error}");
            assert_eq!(
                progress.silent("board:8000").is_some(),
                open,
                "{pull:?} {push:?}"
            );
        }
        progress.begin();
        assert_eq!(progress.silent("board:8000"), None);
    }
}
