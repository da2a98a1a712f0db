//! How far an attempt to connect has got.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::failure::{port_text, silent, Failure};
use crate::error::{Error, ErrorKind};
use crate::wire::Role;

/// How far one connection of an attempt has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Stage {
    /// The server's host has not answered yet.
    Opening,
    /// The connection is there, the server's greeting is not.
    Open,
    /// The server's greeting has come, its READY has not.
    Greeted,
    /// The handshake is over.
    Ready,
}

/// The stages of the current attempt. Transactions that time out meanwhile read them.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Of the connection for responses and of the one for requests.
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

    /// Whether both connections are there: only the server's part of the handshake is missing.
    fn is_open(&self) -> bool {
        self.stage(Role::Pull) > Stage::Opening && self.stage(Role::Push) > Stage::Opening
    }

    /// Why there is no connection yet, if this attempt shows more than the one before.
    pub(super) fn silent(&self, place: &str) -> Option<Error> {
        self.is_open()
            .then(|| silent("no greeting yet").error(place))
    }

    /// The failure of an attempt that has made no progress for `patience`.
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

#[cfg(test)]
mod tests {
    use super::*;

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
