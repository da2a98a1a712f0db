//! What the decoder reports to its caller.

use super::command::Pong;
use super::field::Malformed;
use super::message::Header;
use super::session::SessionId;

/// One thing that the peer has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The peer's 64-byte greeting is complete and acceptable.
    Greeting {
        /// Major version of ZMTP, 3 or higher.
        major: u8,
        /// Minor version of ZMTP.
        minor: u8,
    },
    /// The peer's READY is complete: the handshake is over and messages may flow.
    Ready {
        /// The peer's session; `None` from a legacy peer.
        session: Option<SessionId>,
    },
    /// The peer sent PING.
    Ping {
        /// The whole command frame to be sent back.
        pong: Pong,
    },
    /// The frames id, address, size and type are complete. Comes once for each message, before any
    /// of its data, unless one of these frames is missing or has a wrong length.
    Header(Header),
    /// The next piece of the data frame, never empty, borrowed from the input.
    Data(&'a [u8]),
    /// The message is complete.
    End(MessageEnd),
}

/// How a message ended. It does not compare the length of the data with the size in the header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageEnd {
    /// The header fields. In a malformed message, fields that could not be read are 0.
    pub header: Header,
    /// Whether [`Event::Header`] was returned for this message.
    pub header_known: bool,
    /// Length of the data frame, delivered or not; `None` when there was none.
    pub data_len: Option<u64>,
    /// The data frame was not delivered, because it is longer than
    /// [`Limits::max_data`](super::Limits::max_data) or because a frame before it was malformed.
    pub skipped: bool,
    /// What is wrong with the message, if it cannot be acted upon. The connection goes on.
    pub malformed: Option<Malformed>,
}
