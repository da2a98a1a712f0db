//! How a connection ends, and why.

use std::io;
use std::sync::Arc;

use super::Connection;
use crate::endpoint::server::state::Shared;

/// A connection's place among the others, given up when this is dropped, by whatever way.
pub(super) struct Leave(pub(super) Arc<Shared>, pub(super) u64);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.disconnect(self.1);
    }
}

/// Why a connection is closed; an end that the peer made is not worth a word.
pub(super) struct Dropped {
    pub(super) cause: Cause,
    pub(super) text: String,
}

/// See [`Dropped`](crate::endpoint::Dropped).
#[derive(Clone, Copy)]
pub(super) enum Cause {
    Handshake,
    Protocol,
    NotReading,
    Network,
}

impl Cause {
    pub(super) fn say(self, text: impl Into<String>) -> Dropped {
        let text = text.into();
        Dropped { cause: self, text }
    }
}

pub(super) type Finish<T = ()> = Result<T, Dropped>;

impl Connection {
    /// The network has failed; not if this side has closed the connection, or the peer's process has
    /// ended without reading everything.
    pub(super) fn failed(&self, error: &io::Error) -> Finish {
        if self.outgoing.is_closed() || error.kind() == io::ErrorKind::ConnectionReset {
            return Ok(());
        }
        let text = format!("its host or the network has failed: {error}");
        // The kernel's own patience with a peer that takes nothing.
        let cause = match (error.kind(), self.outgoing.queued()) {
            (io::ErrorKind::TimedOut, 1..) => Cause::NotReading,
            _ => Cause::Network,
        };
        Err(cause.say(text))
    }
}
