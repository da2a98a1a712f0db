//! Rogue's named loggers, as a backend of the `log` crate.
//!
//! Code in this crate logs with `::log::debug!(target: &name, ...)`, where the target is the full
//! name of a logger such as `pyrogue.memory.TcpServer.*.8000`. By default the records go to the
//! `log` crate's logger, whichever the program has installed; this crate never installs one by
//! itself.
//!
//! [`init`] makes this module the `log` crate's logger. The C and C++ interfaces call it, and a
//! Rust program may. The module then decides by the logger's name whether a record is wanted, and
//! writes it as Rogue does: one line on stdout. C and C++ code logs with [`submit`].
//!
//! A line never makes its thread wait and never raises a signal: a line that stdout or stderr does
//! not take at once is dropped and counted ([`dropped`]). No lock is held that a child after `fork`
//! could find locked.
//!
//! `RIM_LOG` in the environment, read by [`init`], lets an operator see more: `RIM_LOG=info`,
//! `RIM_LOG=memory.TcpServer=debug`, or several of these separated by commas. The lowest level that
//! applies counts, whether the program or the environment has set it: so the program cannot silence
//! what the environment asks for. With it, and always on stderr, lines carry their level:
//! `<seconds>.<microseconds>:<name>: <level>: <text>`.
//!
//! It does not log for the rest of the program: records whose target is not one of Rogue's names
//! are dropped. If the program has installed a logger of its own before, that one receives
//! everything, and the levels, filters and sink set here have no effect.

mod backend;
mod descriptor;
mod environment;
mod facade;
mod helper;
mod levels;
mod limit;
mod line;
mod nowait;
mod stream;

pub use backend::{
    dropped, emit_stderr, emit_stdout, set_emit_stderr, set_emit_stdout, set_filter, set_level,
    set_sink, Sink,
};
pub use facade::{enabled, init, level_for, submit};
pub use levels::{normalize_name, CRITICAL, DEBUG, ERROR, INFO, THREAD, WARNING};
pub(crate) use limit::{Rate, Repeated};
