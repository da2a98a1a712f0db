//! What follows from how connections are paired, for whoever holds them.

use std::net::IpAddr;

/// Two connections of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::endpoint) struct Pair {
    pub(in crate::endpoint) request: u64,
    pub(in crate::endpoint) response: u64,
}

/// What the caller has to do, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::endpoint) enum Step {
    /// The responses to this request connection no longer go to its partner.
    Part(u64),
    /// Close this connection, so that its client comes anew. It is forgotten here.
    Close(u64),
    /// Close this connection too if bytes wait in it, which are another client's, and have it leave.
    CloseUnlessEmpty(u64),
    /// These two belong together.
    Join(Pair),
    Tell(Note),
}

/// What a log line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::endpoint) enum Note {
    /// A client of ours has come again before its old connection was seen to end.
    GivenUp(IpAddr),
    /// There was more than one candidate at this address, and little or nothing to tell them apart.
    Ambiguous(IpAddr),
    /// A pair across addresses. `others` wait for partners too.
    Guess {
        request: IpAddr,
        response: IpAddr,
        others: bool,
    },
    /// A pair across addresses was wrong: the other connection of the client at `kept` has come.
    WrongGuess { kept: IpAddr, closed: IpAddr },
}
