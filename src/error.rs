//! The one error type of the crate: a stable code and a text that names what was wrong.

use std::any::Any;
use std::fmt;

/// What kind of failure an [`Error`] is. The numbers are those of `rim_status` in the C interface;
/// they are append-only, so a program that matches them has a `_` as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A pointer argument was NULL.
    NullArgument = 1,
    /// An argument has a value that it may not have.
    InvalidArgument = 2,
    /// An address is not an IP address, host name or interface name that can be used.
    BadAddress = 3,
    /// A port is outside 1..=65534.
    BadPort = 4,
    /// The server's ports could not be bound.
    Bind = 5,
    /// A transaction's time was over before it was complete.
    Timeout = 6,
    /// The endpoint has been stopped.
    Stopped = 7,
    /// The slave, or the server in its place, answered with an error.
    Failed = 8,
    /// The peer's host refused the connection.
    Refused = 9,
    /// The peer's host or network cannot be reached.
    Unreachable = 10,
    /// The peer's name was not found.
    NotFound = 11,
    /// The connection was lost while the transaction was under way.
    ConnectionLost = 12,
    /// A size is zero, or outside what the slave or a limit allows.
    Size = 13,
    /// The object is in use by another thread in a way that excludes this call.
    Busy = 14,
    /// The transaction's data is not, or no longer, to be had: it has completed or expired.
    Expired = 15,
    /// The response does not fit its request, or is not one.
    Protocol = 16,
    /// The operating system refused a resource.
    System = 17,
    /// A panic inside the library was caught.
    Internal = 18,
    /// The server's host accepts connections, but the server itself says nothing: it is stopped, at
    /// work on something else, or nobody pulls from it.
    Silent = 19,
    /// The object was made before this process was forked off: it is the parent's.
    Forked = 20,
}

/// A failure: its kind, and a text for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    text: String,
}

impl Error {
    /// An error of `kind` that says `text`.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Error {
        Error {
            kind,
            text: text.into(),
        }
    }

    /// What a slave answers that cannot carry out a transaction: an error of kind
    /// [`Failed`](ErrorKind::Failed) that says `text`.
    pub fn failed(text: impl Into<String>) -> Error {
        Error::new(ErrorKind::Failed, text)
    }

    /// What became of a caught panic: `what`, and the panic's own text.
    #[doc(hidden)]
    pub fn from_panic(what: &str, panic: Box<dyn Any + Send>) -> Error {
        let said = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(text), _) => text,
            (_, Some(text)) => text.as_str(),
            _ => "no text",
        };
        let error = Error::new(ErrorKind::Internal, format!("{what}: {said}"));
        // A payload may panic when it is dropped, and there is no second boundary.
        std::mem::forget(panic);
        error
    }

    /// What a process is told that was forked off and uses its copy of `what`, an object of its
    /// parent's.
    #[doc(hidden)]
    pub fn forked(what: &str) -> Error {
        let text = format!(
            "This {what} was made before the process was forked: it belongs to the parent process, \
             and cannot be used here"
        );
        Error::new(ErrorKind::Forked, text)
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text alone, as `Display` prints it.
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

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;
