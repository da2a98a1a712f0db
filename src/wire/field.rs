//! The frames of a message by name, and what can be wrong with them.

use std::fmt;

/// The frames of a message, by what they hold.
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
    /// The length in bytes of a frame whose length is fixed.
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

/// Why a message cannot be acted upon. Its connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A frame of fixed length has a different length.
    FieldLength {
        /// Which frame.
        field: Field,
        /// Its length in bytes.
        length: u64,
    },
    /// The message ended too early.
    FrameCount {
        /// The number of frames that came.
        frames: u8,
        /// The fewest frames it may have.
        least: u8,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::FieldLength { field, length } => {
                let expected = field.fixed_length().unwrap_or_default();
                write!(
                    f,
                    "the {field} frame has {length} bytes instead of {expected}"
                )
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
