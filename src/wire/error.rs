//! Breaches of the protocol, after which the connection must be closed. A fault that spoils only
//! one message is a [`Malformed`](super::Malformed).

use std::fmt;

use super::field::Field;
use super::limits::Role;

/// A breach of the protocol. The connection must be closed, and no ERROR command may be sent
/// before: a libzmq peer reconnects after a plain close, but not after an ERROR command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// A byte of the greeting's signature is not what ZMTP 2 and later send: the peer speaks ZMTP 1
    /// (ZeroMQ 2.x) or another protocol.
    NotZmtp {
        /// Position in the greeting: 0 or 9.
        offset: u8,
        /// The byte found there.
        byte: u8,
    },
    /// The peer's greeting names a version below 3 (ZeroMQ 3.x and older).
    OldVersion {
        /// The revision byte: 0 for ZMTP 1.0, 1 for 2.0, 2 for 2.1.
        revision: u8,
    },
    /// The peer's security mechanism is not NULL.
    Mechanism {
        /// The mechanism's name, unprintable bytes replaced.
        name: String,
    },
    /// A message frame came before READY.
    MessageBeforeReady,
    /// A command that is not allowed at this point.
    UnexpectedCommand {
        /// The command's name, unprintable bytes replaced.
        name: String,
    },
    /// The peer sent ERROR.
    PeerError {
        /// The peer's reason, unprintable bytes replaced. May be empty.
        reason: String,
    },
    /// A command's name is empty or longer than the command.
    BadCommand,
    /// A command is longer than the limit.
    CommandTooLong {
        /// Its length in bytes.
        length: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A property in READY is cut off, or bytes are left after the last one.
    BadReady {
        /// Offset in the command at which the bad property begins.
        offset: usize,
    },
    /// READY has more properties than the limit.
    TooManyProperties {
        /// The limit.
        limit: usize,
    },
    /// The peer's socket type is not the counterpart of ours.
    SocketType {
        /// The type that the peer names, unprintable bytes replaced.
        theirs: String,
        /// The type that it must have.
        expected: Role,
    },
    /// PING without its TTL, or with a context of more than 16 bytes.
    BadPing {
        /// Length of the whole command in bytes.
        length: usize,
    },
    /// A frame has flags that ZMTP 3 does not define.
    ReservedFlags {
        /// The flags byte.
        flags: u8,
    },
    /// A command frame has the MORE flag.
    CommandWithMore,
    /// A command stands between the frames of one message.
    CommandInsideMessage,
    /// A frame length over 2^63 - 1.
    FrameLength {
        /// The length.
        length: u64,
    },
    /// A message on a connection whose peer must not send any.
    UnexpectedMessage,
    /// A message has more frames than it may have.
    TooManyFrames {
        /// The most frames that a message may have on this connection.
        most: u8,
    },
    /// A frame is longer than the limit for its field.
    FrameTooLong {
        /// Which frame.
        field: Field,
        /// Its length in bytes.
        length: u64,
        /// The limit in bytes.
        limit: u64,
    },
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::NotZmtp { offset, byte } => write!(
                f,
                "the peer speaks ZMTP 1 (ZeroMQ 2.x) or no ZMTP at all: byte {offset} of its \
                 greeting is 0x{byte:02x}"
            ),
            WireError::OldVersion { revision } => {
                let version = match revision {
                    0 => "1.0",
                    1 => "2.0",
                    _ => "2.1",
                };
                write!(
                    f,
                    "the peer speaks ZMTP {version} (ZeroMQ 3.x or older), not ZMTP 3"
                )
            }
            WireError::Mechanism { name } => {
                write!(
                    f,
                    "the peer wants security mechanism \"{name}\", only NULL is supported"
                )
            }
            WireError::MessageBeforeReady => f.write_str("the peer sent a message before READY"),
            WireError::UnexpectedCommand { name } => {
                write!(
                    f,
                    "the peer sent command \"{name}\" where it is not allowed"
                )
            }
            WireError::PeerError { reason } if reason.is_empty() => {
                f.write_str("the peer reported an error and gave no reason")
            }
            WireError::PeerError { reason } => write!(f, "the peer reported an error: {reason}"),
            WireError::BadCommand => {
                f.write_str("a command's name is empty or longer than the command")
            }
            WireError::CommandTooLong { length, limit } => {
                write!(
                    f,
                    "a command of {length} bytes is over the limit of {limit}"
                )
            }
            WireError::BadReady { offset } => {
                write!(f, "READY has no complete property at byte {offset}")
            }
            WireError::TooManyProperties { limit } => {
                write!(f, "READY has more than {limit} properties")
            }
            WireError::SocketType { theirs, expected } => {
                write!(
                    f,
                    "the peer's socket type is \"{theirs}\" instead of {}",
                    expected.name()
                )
            }
            WireError::BadPing { length } => {
                write!(f, "a PING command has {length} bytes instead of 7 to 23")
            }
            WireError::ReservedFlags { flags } => {
                write!(f, "a frame has reserved flags set: 0x{flags:02x}")
            }
            WireError::CommandWithMore => f.write_str("a command frame has the MORE flag"),
            WireError::CommandInsideMessage => {
                f.write_str("a command stands between the frames of a message")
            }
            WireError::FrameLength { length } => {
                write!(f, "a frame length of {length} bytes is impossible")
            }
            WireError::UnexpectedMessage => {
                f.write_str("the peer sent a message on a connection that only we send on")
            }
            WireError::TooManyFrames { most } => {
                write!(f, "a message has more than the {most} frames it may have")
            }
            WireError::FrameTooLong {
                field,
                length,
                limit,
            } => {
                write!(
                    f,
                    "the {field} frame has {length} bytes, the limit is {limit}"
                )
            }
        }
    }
}

impl std::error::Error for WireError {}

/// The peer's bytes as text for an error: at most 255 characters, bytes other than printable ASCII
/// replaced by `?`.
pub(super) fn printable(bytes: &[u8]) -> String {
    let shown = |&byte: &u8| {
        if (b' '..=b'~').contains(&byte) {
            char::from(byte)
        } else {
            '?'
        }
    };
    bytes.iter().take(255).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_text_is_made_harmless() {
        assert_eq!(printable(b"ok %s\n\x1b[31m\xff"), "ok %s??[31m?");
        assert_eq!(printable(&[b'x'; 1000]).len(), 255);
    }

    #[test]
    fn the_peers_reason_is_shown() {
        let text = |reason: &str| {
            let reason = reason.into();
            WireError::PeerError { reason }.to_string()
        };
        assert_eq!(text("full"), "the peer reported an error: full");
        assert_eq!(text(""), "the peer reported an error and gave no reason");
    }

    #[test]
    fn old_versions_are_named() {
        let text = |revision| WireError::OldVersion { revision }.to_string();
        assert!(text(0).contains("ZMTP 1.0 "));
        assert!(text(1).contains("ZMTP 2.0 "));
        assert!(text(2).contains("ZMTP 2.1 "));
    }
}
