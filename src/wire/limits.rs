//! What a decoder accepts from a peer: which messages, and how much of everything. The checks
//! themselves are in `decoder.rs` and `command.rs`.

/// Most bytes in a command after the handshake, in which no known command has more than 23.
pub const MAX_COMMAND_AFTER_READY: usize = 512;

/// Most bytes in a frame other than the data frame. One of a wrong length below this spoils its
/// message, one above it the connection.
pub const MAX_FIELD_FRAME: u64 = 64 * 1024;

/// The header's size field has 32 bits, so no data frame has a reason to be longer.
pub(super) const MAX_DATA_FRAME: u64 = u32::MAX as u64;

/// Which messages the peer may send on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    /// None at all: only we send on it.
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

/// What is accepted from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes in a data frame that is delivered. A longer one is read and forgotten, and
    /// [`End::skipped`](super::End::skipped) says so. 16 MiB unless set.
    pub max_data: u64,
    /// Most bytes in READY, 8192 unless set. Later commands have [`MAX_COMMAND_AFTER_READY`].
    pub max_command: usize,
    /// Most properties in READY, 64 unless set.
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
