//! Whether a client has a connection, and what it has done.

use std::fmt;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Shared, State};
use crate::endpoint::stats::{ClientStats, Traffic};
use crate::error::{Error, ErrorKind, Result};

/// Whether a client has a connection to its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// There has been none yet; the client tries.
    Connecting,
    /// There is one, as far as is known: see [`ClientOptions::keep_alive`](crate::endpoint::ClientOptions).
    Connected,
    /// There was one; the client tries to get another.
    Lost,
    /// The client is stopped, for good.
    Stopped,
}

impl Shared {
    /// What the client has done.
    pub(in crate::endpoint::client) fn stats(&self) -> ClientStats {
        let state = self.lock();
        let connection = state.connection.clone();
        let leaving = state.leaving.clone();
        let (connects, losses) = (state.connects, state.losses);
        let failed_attempts = state.failed_attempts;
        let unacknowledged = state.unacknowledged;
        drop(state);
        // Under the lock of the past, to which the figures of the connection may be about to move.
        let past = self.past();
        let connection = connection.map_or(Traffic::default(), |c| c.traffic());
        let leaving = leaving.map_or(Traffic::default(), |c| c.traffic());
        let mut traffic = past.clone();
        drop(past);
        traffic.add(&connection);
        traffic.add(&leaving);
        ClientStats {
            traffic,
            connection,
            connects,
            losses,
            failed_attempts,
            unacknowledged,
        }
    }

    pub(in crate::endpoint::client) fn past(&self) -> MutexGuard<'_, Traffic> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::endpoint::client) fn link_state(&self) -> LinkState {
        self.lock().link_state()
    }

    /// Why there is no connection, as far as is known. The attempt that is being made may have got
    /// further than the one before, which had no connection at all.
    pub(super) fn why_not(&self, state: &State) -> Option<Error> {
        use ErrorKind::{NotFound, Refused, Unreachable};
        let failure = state.failure.as_ref();
        let further = failure
            .is_none_or(|failure| matches!(failure.kind(), NotFound | Refused | Unreachable));
        let silent = further.then(|| self.progress.silent(&self.place)).flatten();
        silent.or_else(|| failure.cloned())
    }

    /// Waits until the link is in the state `wanted`, for at most `timeout`.
    pub(in crate::endpoint::client) fn wait_link(
        &self,
        wanted: LinkState,
        timeout: Option<Duration>,
    ) -> Result<()> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.lock();
        loop {
            let now = state.link_state();
            if now == wanted {
                return Ok(());
            }
            if now == LinkState::Stopped {
                drop(state);
                return Err(self.stopped_error());
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            state = match left {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    let cause = self.why_not(&state);
                    let cause = cause.as_ref().map_or("", Error::text);
                    let text = format!("{}: the link is {now}, not {wanted}. {cause}", self.place);
                    return Err(Error::new(ErrorKind::Timeout, text.trim_end()));
                }
                Some(left) => {
                    self.changed
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }
}

impl State {
    fn link_state(&self) -> LinkState {
        match &self.connection {
            _ if self.stopped => LinkState::Stopped,
            Some(_) => LinkState::Connected,
            None if self.connects == 0 => LinkState::Connecting,
            None => LinkState::Lost,
        }
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
