//! How a connection ends, and why.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::Connection;
use crate::endpoint::liveness::{Gone, Liveness};
use crate::endpoint::server::lines::About;
use crate::endpoint::server::state::Shared;
use crate::wire::WireError;

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
    /// What limits the rate of lines about it.
    pub(super) about: About,
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
        let about = match self {
            Cause::Handshake => About::Handshake,
            Cause::Protocol => About::OtherProtocol,
            Cause::NotReading => About::NotReading,
            Cause::Network => About::Network(None),
        };
        Dropped {
            cause: self,
            about,
            text,
        }
    }
}

/// The peer has broken the protocol.
pub(super) fn breach(error: &WireError) -> Dropped {
    Dropped {
        about: About::Protocol(std::mem::discriminant(error)),
        ..Cause::Protocol.say(error.to_string())
    }
}

pub(super) type Finish<T = ()> = Result<T, Dropped>;

impl Connection {
    /// Looks whether the peer is still there; says when to look again, or why it is given up.
    pub(super) fn look(&self, life: &mut Liveness, now: Instant) -> Finish<Option<Instant>> {
        let keep_alive = self.shared.settings.keep_alive.get();
        life.look(&self.outgoing, keep_alive, now).map_err(|gone| {
            self.outgoing.abort();
            let cause = match gone {
                Gone::Vanished(_) => Cause::Network,
                Gone::TakesNothing(_) => Cause::NotReading,
            };
            cause.say(gone.to_string())
        })
    }

    /// The network has failed; not if this side has closed the connection, or the peer's process has
    /// ended without reading everything.
    pub(super) fn failed(&self, error: &io::Error) -> Finish {
        if self.outgoing.is_closed() || error.kind() == io::ErrorKind::ConnectionReset {
            return Ok(());
        }
        let text = format!("its host or the network has failed: {error}");
        Err(Dropped {
            about: About::Network(Some(error.kind())),
            ..Cause::Network.say(text)
        })
    }
}
