//! The lines of a server's log that its peers can cause. They are limited in rate, each kind by itself.

use std::fmt;
use std::io;
use std::mem::Discriminant;

use ::log::Level;

use super::state::Shared;
use crate::log::Rate;
use crate::wire::WireError;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum About {
    /// A connection could not be accepted: the error's number.
    Accept(Option<i32>),
    /// A connection could not be set up.
    Setup,
    OverLimit,
    Handshake,
    NotReading,
    Network(Option<io::ErrorKind>),
    Protocol(Discriminant<WireError>),
    /// A breach of the protocol that has no number.
    OtherProtocol,
    BadRequest,
    FailedPost,
    /// Responses for which there is no connection.
    NoResponses,
    /// Legacy clients that cannot be told apart.
    Ambiguous,
    /// A pair of legacy connections that is a guess.
    Guess,
    /// Such a pair that was wrong.
    WrongGuess,
    Connected,
    Gone,
}

impl About {
    fn rate(self) -> Rate {
        match self {
            About::Accept(_) => Rate::STATE,
            About::Connected | About::Gone => Rate::CLIENTS,
            _ => Rate::STRANGERS,
        }
    }
}

impl Shared {
    /// Logs a line that a peer has caused, unless there were too many like it.
    pub(super) fn say(&self, level: Level, about: About, text: fmt::Arguments<'_>) {
        if self
            .lines
            .say(&self.name, level, (about, about.rate()), text)
        {
            self.housekeep.notify_one();
        }
    }
}
