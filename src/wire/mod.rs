//! The bytes on the two connections: ZMTP greeting, commands and frames, and the request and
//! response messages of the memory bridge inside them.
//!
//! Nothing here does input or output, knows the time, or starts a thread: bytes come in as slices
//! and go out as slices, so all of it is tested without a socket. Decoding takes no memory whose
//! amount the peer chooses, and takes none at all per message.

mod command;
mod decoder;
mod error;
mod event;
mod frame;
mod greeting;
mod limits;
mod message;
mod result;
mod session;

pub use command::{ping, ready, Pong};
pub use decoder::Decoder;
pub use error::WireError;
pub use event::{End, Event, Field, Malformed};
pub use greeting::{greeting, GREETING_SIZE};
pub use limits::{Limits, Messages, MAX_COMMAND_AFTER_READY, MAX_FIELD_FRAME};
pub use message::{request_head, response_head, Head, Header, Message};
pub use message::{POST, PROBE, READ, VERIFY, WRITE};
pub use result::{decode_result, response_tail, response_tail_ok, MAX_RESULT, RESULT_KEPT};
pub use session::{ParseSessionIdError, SessionId};

/// The ZMTP socket type of one end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends messages: a client's request connection, a server's response connection.
    Push,
    /// Receives messages: a server's request connection, a client's response connection.
    Pull,
}

impl Role {
    /// The name as it stands in the `Socket-Type` property.
    pub fn name(self) -> &'static str {
        match self {
            Role::Push => "PUSH",
            Role::Pull => "PULL",
        }
    }

    /// The role that the other end of the connection must have.
    pub fn peer(self) -> Role {
        match self {
            Role::Push => Role::Pull,
            Role::Pull => Role::Push,
        }
    }
}
