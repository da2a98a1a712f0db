//! Rogue's named loggers, as a backend of the `log` crate.
//!
//! Code in this crate logs with `::log::debug!(target: &name, ...)`, where the target is the full
//! name of a logger such as `pyrogue.memory.TcpServer.*.8000`. This module decides by that name
//! whether the record is wanted, and writes it as Rogue does: one line on stdout. C and C++ come in
//! by [`submit`].
//!
//! A line never holds up the thread that logs, and never raises a signal: one that stdout or stderr does
//! not take at once is dropped and counted ([`dropped`]).
//!
//! `RIM_LOG` in the environment, read when the library is used first, lets an operator see more:
//! `RIM_LOG=info`, `RIM_LOG=memory.TcpServer=debug`, or several of these with commas between them. The
//! lowest level that applies counts, whether the program has set it or the environment: so the program
//! cannot silence what the environment asks for. With it, and always on stderr, lines carry their
//! level: `<seconds>.<microseconds>:<name>: <level>: <text>`.
//!
//! What it is not: a logger for the rest of the program. Records whose target is not one of Rogue's
//! names are dropped, and when the program has installed a logger of its own before the first use,
//! that one receives everything and the levels, filters and sink set here have no effect.

mod backend;
mod descriptor;
mod environment;
mod helper;
mod levels;
mod limit;
mod line;
mod stream;

use std::borrow::Cow;

pub use backend::{
    dropped, enabled, init, level_for, set_filter, set_level, set_sink, submit, Sink,
};
pub use backend::{emit_stderr, emit_stdout, set_emit_stderr, set_emit_stdout};
pub(crate) use limit::{Rate, Repeated};

/// Level of a failure that ends the program's usefulness.
pub const CRITICAL: u32 = 50;
/// Level of a failure. The level that is set at the start.
pub const ERROR: u32 = 40;
/// Level of messages about the identity of threads.
pub const THREAD: u32 = 35;
/// Level of what is unexpected but survivable.
pub const WARNING: u32 = 30;
/// Level of the rare events of normal operation.
pub const INFO: u32 = 20;
/// Level of each step, down to single transactions.
pub const DEBUG: u32 = 10;
/// Level of the `log` crate's `trace!`, for which Rogue has none.
const TRACE: u32 = 5;

/// The root of all logger names.
const ROOT: &str = "pyrogue";

/// The full form of a logger name: `memory.Hub` becomes `pyrogue.memory.Hub`; a name that already
/// begins with `pyrogue.`, and `pyrogue` itself, stay as they are.
pub fn normalize_name(name: &str) -> Cow<'_, str> {
    if is_rogue_name(name) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("{ROOT}.{name}"))
    }
}

/// Whether `name` is the full name of a logger.
fn is_rogue_name(name: &str) -> bool {
    match name.strip_prefix(ROOT) {
        Some(rest) => rest.is_empty() || rest.starts_with('.'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_their_root_once() {
        assert_eq!(normalize_name("memory.Hub"), "pyrogue.memory.Hub");
        assert_eq!(normalize_name("pyrogue.memory.Hub"), "pyrogue.memory.Hub");
        assert_eq!(normalize_name("pyrogue"), "pyrogue");
        assert_eq!(normalize_name("pyrogueish"), "pyrogue.pyrogueish");
        assert_eq!(normalize_name(""), "pyrogue.");
    }
}
