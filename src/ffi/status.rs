//! What functions return: a number for each kind of failure. The numbers are those of `ErrorKind`.

use std::ffi::c_char;

use crate::error::ErrorKind;

/// The result of every function that can fail: RIM_STATUS_OK or another RIM_STATUS_ value. Later
/// versions may add values; no value ever changes its meaning.
pub type rim_status = i32;

/// Success.
pub const RIM_STATUS_OK: rim_status = 0;
/// A pointer argument that must not be NULL is NULL.
pub const RIM_STATUS_NULL_ARGUMENT: rim_status = 1;
/// An argument has a value that is not allowed.
pub const RIM_STATUS_INVALID_ARGUMENT: rim_status = 2;
/// The address is not an IP address, host name or interface name that can be used.
pub const RIM_STATUS_BAD_ADDRESS: rim_status = 3;
/// The port is outside 1 to 65534.
pub const RIM_STATUS_BAD_PORT: rim_status = 4;
/// The server's ports could not be bound; another process may be using them.
pub const RIM_STATUS_BIND: rim_status = 5;
/// The time was over before the work was done.
pub const RIM_STATUS_TIMEOUT: rim_status = 6;
/// The server or client has been stopped.
pub const RIM_STATUS_STOPPED: rim_status = 7;
/// The slave answered with an error.
pub const RIM_STATUS_FAILED: rim_status = 8;
/// The peer's host refused the connection.
pub const RIM_STATUS_REFUSED: rim_status = 9;
/// The peer's host or network cannot be reached.
pub const RIM_STATUS_UNREACHABLE: rim_status = 10;
/// The peer's name was not found.
pub const RIM_STATUS_NOT_FOUND: rim_status = 11;
/// The connection was lost while the transaction was under way.
pub const RIM_STATUS_CONNECTION_LOST: rim_status = 12;
/// A size is 0, or outside what the slave or a limit allows.
pub const RIM_STATUS_SIZE: rim_status = 13;
/// The object is in use in a way that excludes this call.
pub const RIM_STATUS_BUSY: rim_status = 14;
/// The transaction is over: it has completed, or its master has stopped waiting for it.
pub const RIM_STATUS_EXPIRED: rim_status = 15;
/// The response does not fit its request, or is not a response of the bridge.
pub const RIM_STATUS_PROTOCOL: rim_status = 16;
/// The operating system refused a resource.
pub const RIM_STATUS_SYSTEM: rim_status = 17;
/// A fault of the library itself. Do not use the object any more.
pub const RIM_STATUS_INTERNAL: rim_status = 18;
/// The server's host accepts connections, but the server says nothing: it is stopped (at a
/// breakpoint, for example), busy with other work, or nobody calls rim_tcp_server_next.
pub const RIM_STATUS_SILENT: rim_status = 19;
/// The object was made before this process was forked off. It belongs to the parent process, and
/// only the parent can use it. See "Processes" above.
pub const RIM_STATUS_FORKED: rim_status = 20;

/// The number and the name (with its closing NUL) of each status.
const NAMES: [(rim_status, &str); 21] = [
    (RIM_STATUS_OK, "RIM_STATUS_OK\0"),
    (RIM_STATUS_NULL_ARGUMENT, "RIM_STATUS_NULL_ARGUMENT\0"),
    (RIM_STATUS_INVALID_ARGUMENT, "RIM_STATUS_INVALID_ARGUMENT\0"),
    (RIM_STATUS_BAD_ADDRESS, "RIM_STATUS_BAD_ADDRESS\0"),
    (RIM_STATUS_BAD_PORT, "RIM_STATUS_BAD_PORT\0"),
    (RIM_STATUS_BIND, "RIM_STATUS_BIND\0"),
    (RIM_STATUS_TIMEOUT, "RIM_STATUS_TIMEOUT\0"),
    (RIM_STATUS_STOPPED, "RIM_STATUS_STOPPED\0"),
    (RIM_STATUS_FAILED, "RIM_STATUS_FAILED\0"),
    (RIM_STATUS_REFUSED, "RIM_STATUS_REFUSED\0"),
    (RIM_STATUS_UNREACHABLE, "RIM_STATUS_UNREACHABLE\0"),
    (RIM_STATUS_NOT_FOUND, "RIM_STATUS_NOT_FOUND\0"),
    (RIM_STATUS_CONNECTION_LOST, "RIM_STATUS_CONNECTION_LOST\0"),
    (RIM_STATUS_SIZE, "RIM_STATUS_SIZE\0"),
    (RIM_STATUS_BUSY, "RIM_STATUS_BUSY\0"),
    (RIM_STATUS_EXPIRED, "RIM_STATUS_EXPIRED\0"),
    (RIM_STATUS_PROTOCOL, "RIM_STATUS_PROTOCOL\0"),
    (RIM_STATUS_SYSTEM, "RIM_STATUS_SYSTEM\0"),
    (RIM_STATUS_INTERNAL, "RIM_STATUS_INTERNAL\0"),
    (RIM_STATUS_SILENT, "RIM_STATUS_SILENT\0"),
    (RIM_STATUS_FORKED, "RIM_STATUS_FORKED\0"),
];

/// The name of a status as this header spells it, for log lines; "unknown status" for any other
/// number. The text is constant and belongs to the library. Cannot fail.
#[no_mangle]
pub extern "C" fn rim_status_name(status: rim_status) -> *const c_char {
    let found = NAMES.iter().find(|(number, _)| *number == status);
    found
        .map_or("unknown status\0", |(_, name)| name)
        .as_ptr()
        .cast()
}

/// The status for a kind of error.
pub(super) const fn of(kind: ErrorKind) -> rim_status {
    kind as rim_status
}

// The header needs the numbers written out. They must be those of the enum.
const _: () = {
    assert!(of(ErrorKind::NullArgument) == RIM_STATUS_NULL_ARGUMENT);
    assert!(of(ErrorKind::InvalidArgument) == RIM_STATUS_INVALID_ARGUMENT);
    assert!(of(ErrorKind::BadAddress) == RIM_STATUS_BAD_ADDRESS);
    assert!(of(ErrorKind::BadPort) == RIM_STATUS_BAD_PORT);
    assert!(of(ErrorKind::Bind) == RIM_STATUS_BIND);
    assert!(of(ErrorKind::Timeout) == RIM_STATUS_TIMEOUT);
    assert!(of(ErrorKind::Stopped) == RIM_STATUS_STOPPED);
    assert!(of(ErrorKind::Failed) == RIM_STATUS_FAILED);
    assert!(of(ErrorKind::Refused) == RIM_STATUS_REFUSED);
    assert!(of(ErrorKind::Unreachable) == RIM_STATUS_UNREACHABLE);
    assert!(of(ErrorKind::NotFound) == RIM_STATUS_NOT_FOUND);
    assert!(of(ErrorKind::ConnectionLost) == RIM_STATUS_CONNECTION_LOST);
    assert!(of(ErrorKind::Size) == RIM_STATUS_SIZE);
    assert!(of(ErrorKind::Busy) == RIM_STATUS_BUSY);
    assert!(of(ErrorKind::Expired) == RIM_STATUS_EXPIRED);
    assert!(of(ErrorKind::Protocol) == RIM_STATUS_PROTOCOL);
    assert!(of(ErrorKind::System) == RIM_STATUS_SYSTEM);
    assert!(of(ErrorKind::Internal) == RIM_STATUS_INTERNAL);
    assert!(of(ErrorKind::Silent) == RIM_STATUS_SILENT);
    assert!(of(ErrorKind::Forked) == RIM_STATUS_FORKED);
};
