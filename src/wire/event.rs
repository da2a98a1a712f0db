//! What the decoder tells its caller. How it comes to know is in `decoder.rs`.

use std::fmt;

use super::{Header, Pong, SessionId};

/// One thing that the peer's bytes said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The peer's 64-byte greeting is complete and acceptable.
    Greeting {
        /// Major version of ZMTP, 3 or higher.
        major: u8,
        /// Minor version of ZMTP.
        minor: u8,
    },
    /// The peer's READY has come: the handshake is over and messages may flow.
    Ready {
        /// The peer's session; `None` from a legacy peer.
        session: Option<SessionId>,
    },
    /// The peer asked for a sign of life.
    Ping {
        /// The whole command frame to be sent back.
        pong: Pong,
    },
    /// The frames id, address, size and type are in. Comes once for each message, before any of its
    /// data, unless one of these frames is missing or has a wrong length.
    Header(Header),
    /// The next piece of the data frame, never empty, borrowed from the input.
    Data(&'a [u8]),
    /// The message is complete.
    End(End),
}

/// How a message ended. Says nothing about whether the data fits the size in the header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// The header fields; in a malformed message those that could be read, the others being 0.
    pub header: Header,
    /// Whether [`Event::Header`] was returned for this message.
    pub header_known: bool,
    /// Length of the data frame whether it was delivered or not; `None` when there was none.
    pub data_len: Option<u64>,
    /// The data frame was not delivered, because it is longer than
    /// [`Limits::max_data`](super::Limits::max_data) or because a frame before it was malformed.
    pub skipped: bool,
    /// What was wrong with the message, if it is not one that can be acted upon. The connection is
    /// sound and goes on.
    pub malformed: Option<Malformed>,
}

/// The frames of a message by what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Frame 0, the id: 4 bytes.
    Id,
    /// Frame 1, the address: 8 bytes.
    Address,
    /// Frame 2, the size: 4 bytes.
    Size,
    /// Frame 3, the type: 4 bytes.
    Type,
    /// Frame 4, the data.
    Data,
    /// Frame 5, the result.
    Result,
}

impl Field {
    /// Bytes of a frame whose length is fixed.
    pub(super) fn fixed_length(self) -> Option<u64> {
        match self {
            Field::Id | Field::Size | Field::Type => Some(4),
            Field::Address => Some(8),
            Field::Data | Field::Result => None,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::Id => "id",
            Field::Address => "address",
            Field::Size => "size",
            Field::Type => "type",
            Field::Data => "data",
            Field::Result => "result",
        })
    }
}

/// Why a message cannot be acted upon though its connection is sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A frame of fixed length has another one.
    FieldLength {
        /// Which frame.
        field: Field,
        /// The length it has.
        length: u64,
    },
    /// The message ended too early.
    FrameCount {
        /// The frames it has.
        frames: u8,
        /// The fewest it may have.
        least: u8,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::FieldLength { field, length } => {
                let due = field.fixed_length().unwrap_or_default();
                write!(f, "the {field} frame has {length} bytes instead of {due}")
            }
            Malformed::FrameCount { frames, least } => {
                write!(f, "the message has {frames} of at least {least} frames")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_message_is_named() {
        let text = |field| Malformed::FieldLength { field, length: 5 }.to_string();
        assert_eq!(text(Field::Id), "the id frame has 5 bytes instead of 4");
        assert_eq!(
            text(Field::Address),
            "the address frame has 5 bytes instead of 8"
        );
        assert_eq!(text(Field::Size), "the size frame has 5 bytes instead of 4");
        assert_eq!(text(Field::Type), "the type frame has 5 bytes instead of 4");
        let few = Malformed::FrameCount {
            frames: 3,
            least: 4,
        };
        assert_eq!(few.to_string(), "the message has 3 of at least 4 frames");
    }
}
