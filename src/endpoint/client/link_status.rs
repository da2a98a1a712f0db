//! Whether a client has a connection, and what has become of earlier ones.

use std::fmt;

use super::progress::Progress;
use crate::endpoint::stats::Unacknowledged;
use crate::error::{Error, ErrorKind};

/// Whether a client has a connection to its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkState {
    /// There has been no connection yet; the client tries to make one.
    Connecting,
    /// There is a connection, as far as the client can know: see
    /// [`ClientOptions::keep_alive`](crate::endpoint::ClientOptions).
    Connected,
    /// The connection was lost; the client tries to make another.
    Lost,
    /// The client is stopped, for good.
    Stopped,
}

/// The history of a link.
#[derive(Clone, Debug, Default)]
pub(super) struct LinkStatus {
    /// Why there is no connection.
    pub(super) failure: Option<Error>,
    pub(super) stopped: bool,
    pub(super) connects: u64,
    pub(super) losses: u64,
    pub(super) failed_attempts: u64,
    /// Of all connections that were lost.
    pub(super) unacknowledged: Unacknowledged,
}

impl LinkStatus {
    /// The state of a link that `has_connection`.
    pub(super) fn state(&self, has_connection: bool) -> LinkState {
        match has_connection {
            _ if self.stopped => LinkState::Stopped,
            true => LinkState::Connected,
            false if self.connects == 0 => LinkState::Connecting,
            false => LinkState::Lost,
        }
    }

    /// A connection was lost because of `failure`, with data that was not acknowledged.
    pub(super) fn lost(&mut self, failure: Error, unacknowledged: Unacknowledged) {
        self.failure = Some(failure);
        self.losses += u64::from(!self.stopped);
        self.unacknowledged.bytes += unacknowledged.bytes;
        self.unacknowledged.posts += unacknowledged.posts;
    }

    /// An attempt to connect has failed. Returns whether the reason is a new one.
    pub(super) fn failed(&mut self, failure: &Error) -> bool {
        self.failed_attempts += 1;
        self.failure.replace(failure.clone()).as_ref() != Some(failure)
    }

    /// Why there is no connection to `place`, as far as is known. The current attempt may have got
    /// further than the last one, which had no connection at all.
    pub(super) fn why_not(&self, progress: &Progress, place: &str) -> Option<Error> {
        use ErrorKind::{NotFound, Refused, Unreachable};
        let failure = self.failure.as_ref();
        let had_none = failure
            .is_none_or(|failure| matches!(failure.kind(), NotFound | Refused | Unreachable));
        let silent = had_none.then(|| progress.silent(place)).flatten();
        silent.or_else(|| failure.cloned())
    }
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinkState::Connecting => "connecting",
            LinkState::Connected => "connected",
            LinkState::Lost => "lost",
            LinkState::Stopped => "stopped",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_had_a_connection_is_lost_and_one_that_is_stopped_stays_so() {
        let mut status = LinkStatus::default();
        assert_eq!(status.state(false), LinkState::Connecting);
        status.connects = 1;
        assert_eq!(status.state(true), LinkState::Connected);
        assert_eq!(status.state(false), LinkState::Lost);
        status.stopped = true;
        assert_eq!(status.state(true), LinkState::Stopped);
    }

    #[test]
    fn a_failure_is_news_when_it_is_another_than_the_last() {
        let mut status = LinkStatus::default();
        let refused = Error::new(ErrorKind::Refused, "board:8000: connection refused");
        assert!(status.failed(&refused));
        assert!(!status.failed(&refused));
        assert_eq!(status.failed_attempts, 2);
        status.lost(
            Error::new(ErrorKind::ConnectionLost, "lost"),
            Unacknowledged { bytes: 8, posts: 1 },
        );
        assert!(status.failed(&refused));
        assert_eq!((status.losses, status.unacknowledged.posts), (1, 1));
    }
}
