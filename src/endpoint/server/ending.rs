//! Why a server closes a connection.

use std::io;

use super::context::ServerTopic;
use crate::endpoint::liveness::Gone;
use crate::endpoint::stats::Dropped;
use crate::wire::WireError;

/// Why a connection is closed. An end that the peer made is none.
pub(super) struct Ending {
    cause: Cause,
    /// What limits the rate of log lines about it.
    pub(super) topic: ServerTopic,
    pub(super) text: String,
}

/// As it is counted, see [`Dropped`].
#[derive(Clone, Copy)]
pub(super) enum Cause {
    Handshake,
    Protocol,
    NotReading,
    Network,
}

/// The result of work on a connection: `Err` closes it.
pub(super) type Finish<T = ()> = Result<T, Ending>;

impl Cause {
    pub(super) fn because(self, text: impl Into<String>) -> Ending {
        let topic = match self {
            Cause::Handshake => ServerTopic::Handshake,
            Cause::Protocol => ServerTopic::OtherProtocol,
            Cause::NotReading => ServerTopic::NotReading,
            Cause::Network => ServerTopic::Network(None),
        };
        Ending {
            cause: self,
            topic,
            text: text.into(),
        }
    }
}

impl Ending {
    /// The peer has broken the protocol.
    pub(super) fn breach(error: &WireError) -> Ending {
        Ending {
            topic: ServerTopic::Protocol(std::mem::discriminant(error)),
            ..Cause::Protocol.because(error.to_string())
        }
    }

    /// The peer, or its host, is given up.
    pub(super) fn gone(gone: Gone) -> Ending {
        let cause = match gone {
            Gone::Vanished(_) => Cause::Network,
            Gone::TakesNothing(_) => Cause::NotReading,
        };
        cause.because(gone.to_string())
    }

    /// The network has failed.
    pub(super) fn network(error: &io::Error) -> Ending {
        let text = format!("its host or the network has failed: {error}");
        Ending {
            topic: ServerTopic::Network(Some(error.kind())),
            ..Cause::Network.because(text)
        }
    }

    /// Counts it.
    pub(super) fn count(&self, dropped: &mut Dropped) {
        match self.cause {
            Cause::Handshake => dropped.handshake += 1,
            Cause::Protocol => dropped.protocol += 1,
            Cause::NotReading => dropped.not_reading += 1,
            Cause::Network => dropped.network += 1,
        }
    }
}
