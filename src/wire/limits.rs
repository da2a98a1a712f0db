//! Which end of a connection we are, which messages may come there, and the limits of what is
//! accepted from a peer. The checks themselves are in `decoder.rs`, `incoming.rs` and `command.rs`.

/// The ZMTP socket type of one end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends messages: a client's request connection, a server's response connection.
    Push,
    /// Receives messages: a server's request connection, a client's response connection.
    Pull,
}

impl Role {
    /// The name in the `Socket-Type` property.
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

/// Most bytes in a command after the handshake. No known command has more than 23.
pub const MAX_COMMAND_AFTER_READY: usize = 512;

/// Most bytes in a frame other than the data frame. A frame that is shorter but has the wrong
/// length spoils only its message; a longer one ends the connection.
pub const MAX_FIELD_FRAME: u64 = 64 * 1024;

/// Most bytes in a data frame: the header's size field has 32 bits.
pub(super) const MAX_DATA_FRAME: u64 = u32::MAX as u64;

/// Which messages the peer may send on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    /// None: only we send on it.
    None,
    /// Requests: 4 frames, or 5 with data.
    Requests,
    /// Responses: 6 frames.
    Responses,
}

impl Messages {
    /// The fewest and the most frames of a message.
    pub(super) fn frames(self) -> (u8, u8) {
        match self {
            Messages::None => (0, 0),
            Messages::Requests => (4, 5),
            Messages::Responses => (6, 6),
        }
    }
}

/// The limits for what a peer may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes in a data frame that is delivered. A longer one is read and discarded, and
    /// [`MessageEnd::skipped`](super::MessageEnd::skipped) is set. Default: 16 MiB.
    pub max_data: u64,
    /// Most bytes in READY. Default: 8192. Later commands have [`MAX_COMMAND_AFTER_READY`].
    pub max_command: usize,
    /// Most properties in READY. Default: 64.
    pub max_properties: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_data: 16 << 20,
            max_command: 8192,
            max_properties: 64,
        }
    }
}
