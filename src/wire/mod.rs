//! The bytes on the two connections: ZMTP greeting, commands and frames, and the request and
//! response messages of the memory bridge inside them.
//!
//! Nothing here does input or output, knows the time, or starts a thread: bytes come in as slices
//! and go out as slices, so all of it is tested without a socket. Decoding allocates no memory in
//! an amount that the peer chooses, and none at all per message.

mod command;
mod decoder;
mod error;
mod event;
mod field;
mod frame;
mod greeting;
mod incoming;
mod limits;
mod message;
mod result;
mod session;

pub use command::{ping, ready, Pong};
pub use decoder::Decoder;
pub use error::WireError;
pub use event::{Event, MessageEnd};
pub use field::{Field, Malformed};
pub use greeting::{greeting, GREETING_SIZE};
pub use limits::{Limits, Messages, Role, MAX_COMMAND_AFTER_READY, MAX_FIELD_FRAME};
pub use message::{request_head, response_head, Head, Header, Message};
pub use message::{POST, PROBE, READ, VERIFY, WRITE};
pub use result::{decode_result, response_tail, response_tail_ok, MAX_RESULT, RESULT_KEPT};
pub use session::{ParseSessionIdError, SessionId};
