//! The input of the pairing, and the steps that it returns.

use std::net::IpAddr;

use crate::wire::SessionId;

/// Which of the two connections of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::endpoint) enum Side {
    Request,
    Response,
}

impl Side {
    pub(super) fn other(self) -> Side {
        match self {
            Side::Request => Side::Response,
            Side::Response => Side::Request,
        }
    }
}

/// A connection that has finished its handshake.
#[derive(Clone, Debug)]
pub(in crate::endpoint) struct Arrival {
    /// The number of the connection.
    pub(in crate::endpoint) id: u64,
    pub(in crate::endpoint) side: Side,
    pub(in crate::endpoint) peer: IpAddr,
    pub(in crate::endpoint) session: Option<SessionId>,
}

/// Two connections of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::endpoint) struct Pair {
    pub(in crate::endpoint) request: u64,
    pub(in crate::endpoint) response: u64,
}

/// What the caller has to do. The steps of a list are done in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::endpoint) enum Step {
    /// The responses to this request connection no longer go to its partner.
    Part(u64),
    /// Close this connection, so that its client connects again. The pairing has forgotten it.
    Close(u64),
    /// If bytes wait in this connection, they are another client's: close it, and call
    /// `Pairing::leave`.
    CloseUnlessEmpty(u64),
    /// These two belong together.
    Join(Pair),
    Tell(Note),
}

/// The subject of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::endpoint) enum Note {
    /// A client of this library has connected again before its old connection was seen to end.
    GivenUp(IpAddr),
    /// This address had more than one candidate, and little to tell them apart.
    Ambiguous(IpAddr),
    /// A pair across addresses. `others`: more connections wait for partners.
    Guess {
        request: IpAddr,
        response: IpAddr,
        others: bool,
    },
    /// A pair across addresses was wrong: the client at `kept` has made its other connection.
    WrongGuess { kept: IpAddr, closed: IpAddr },
}
