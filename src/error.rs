//! The error type of the crate: a stable code, and a text that says what was wrong.

use std::any::Any;
use std::fmt;

/// The kind of an [`Error`]. The numbers are those of `rim_status` in the C interface and never
/// change. More kinds may be added, so a `match` needs a `_` arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A pointer argument was NULL.
    NullArgument = 1,
    /// An argument has an invalid value.
    InvalidArgument = 2,
    /// An address is not a usable IP address, host name or interface name.
    BadAddress = 3,
    /// A port is outside 1..=65534.
    BadPort = 4,
    /// The server's ports could not be bound.
    Bind = 5,
    /// A transaction did not complete within its time.
    Timeout = 6,
    /// The endpoint has been stopped.
    Stopped = 7,
    /// The slave answered with an error, or the server did so in its place.
    Failed = 8,
    /// The peer's host refused the connection.
    Refused = 9,
    /// The peer's host or network cannot be reached.
    Unreachable = 10,
    /// The peer's name was not found.
    NotFound = 11,
    /// The connection was lost while the transaction was outstanding.
    ConnectionLost = 12,
    /// A size is zero, or outside what the slave or a limit allows.
    Size = 13,
    /// Another thread uses the object in a way that excludes this call.
    Busy = 14,
    /// The transaction's data is not accessible: the transaction has completed or expired.
    Expired = 15,
    /// The response is malformed or does not fit its request.
    Protocol = 16,
    /// The operating system refused a resource.
    System = 17,
    /// A panic inside the library was caught.
    Internal = 18,
    /// The server's host accepts connections, but the server does not answer: it is stopped, busy,
    /// or not pulled.
    Silent = 19,
    /// The object was made before a fork and belongs to the parent process.
    Forked = 20,
}

/// A failure: its kind, and a text for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    text: String,
}

impl Error {
    /// An error of `kind` with `text`.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Error {
        Error {
            kind,
            text: text.into(),
        }
    }

    /// The error of a slave that cannot carry out a transaction: of kind
    /// [`Failed`](ErrorKind::Failed), with `text`.
    pub fn failed(text: impl Into<String>) -> Error {
        Error::new(ErrorKind::Failed, text)
    }

    /// An error for a caught panic: `what`, and the panic's own text.
    #[doc(hidden)]
    pub fn from_panic(what: &str, panic: Box<dyn Any + Send>) -> Error {
        let said = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(text), _) => text,
            (_, Some(text)) => text.as_str(),
            _ => "no text",
        };
        let error = Error::new(ErrorKind::Internal, format!("{what}: {said}"));
        // A payload may panic when it is dropped, and nothing would catch that: leak it.
        std::mem::forget(panic);
        error
    }

    /// The error for the use of `what`, an object of the parent process, in a child after `fork`.
    #[doc(hidden)]
    pub fn forked(what: &str) -> Error {
        let text = format!(
            "This {what} was made before the process was forked: it belongs to the parent process, \
             and cannot be used here"
        );
        Error::new(ErrorKind::Forked, text)
    }

    /// The kind of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text, as `Display` prints it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

/// The crate's result type.
pub type Result<T> = std::result::Result<T, Error>;
