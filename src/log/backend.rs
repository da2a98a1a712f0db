//! The state of the loggers: levels, streams and sink; and how a record is emitted.
//!
//! There are no locks here, so a child after `fork` finds none locked, and a sink may log, change
//! levels or panic.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{fence, AtomicBool, AtomicU32, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;

use super::levels::{facade_filter, Levels, ERROR, WARNING};
use super::line;
use super::stream::Stream;

/// A function that receives each emitted record: level, full logger name, text.
pub type Sink = Arc<dyn Fn(u32, &str, &str) + Send + Sync>;

/// `None` is `DEFAULT_LEVELS`.
static LEVELS: ArcSwapOption<Levels> = ArcSwapOption::const_empty();
static DEFAULT_LEVELS: Levels = Levels::new();
/// `Levels::lowest` of `LEVELS`, which refuses most records at the cost of one load.
static LOWEST: AtomicU32 = AtomicU32::new(ERROR);
static STDOUT: Stream = Stream::new("stdout", true);
static STDERR: Stream = Stream::new("stderr", false);
/// Lines on stdout carry their level too: `RIM_LOG` has set a level.
static WITH_LEVEL: AtomicBool = AtomicBool::new(false);
static SINK: ArcSwapOption<Sink> = ArcSwapOption::const_empty();
/// The `log` crate's logger is ours, so its maximum level follows `LEVELS`.
static INSTALLED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Set while this thread is inside the sink: its records do not go to the sink again.
    static IN_SINK: Cell<bool> = const { Cell::new(false) };
}

/// The logger of the log's own messages.
pub(super) const LOGGER: &str = "pyrogue.log";

/// Sets the lowest level that every logger emits. Any number is a level. A lower level that
/// `RIM_LOG` in the environment sets still applies.
pub fn set_level(level: u32) {
    change_levels(|levels| levels.set_global(level));
}

/// Sets the lowest level that loggers emit whose name begins with `name`, with or without
/// `pyrogue.`. It applies to existing loggers and to new ones. The lowest of all levels that apply
/// to a logger counts, so a filter can only lower the level of [`set_level`]. The same `name` given
/// again replaces the earlier level.
pub fn set_filter(name: &str, level: u32) {
    change_levels(|levels| levels.set_filter(name, level));
}

/// Sets the levels that the environment asks for.
pub(super) fn set_environment(wanted: &[(String, u32)]) {
    WITH_LEVEL.store(!wanted.is_empty(), Relaxed);
    change_levels(|levels| levels.set_environment(wanted));
}

/// From now on the `log` crate's maximum level follows the levels set here.
pub(super) fn follow_levels() {
    INSTALLED.store(true, SeqCst);
    publish_levels();
}

fn change_levels(change: impl Fn(&mut Levels)) {
    LEVELS.rcu(|levels| {
        let mut levels = levels.as_deref().unwrap_or(&DEFAULT_LEVELS).clone();
        change(&mut levels);
        Some(Arc::new(levels))
    });
    publish_levels();
}

/// Derives `LOWEST` and the `log` crate's maximum level from `LEVELS`.
///
/// Several threads may be here at once. Each looks again after it has stored, so the last to store
/// has seen the last change. The fences pair: of two threads, either this one sees the other's
/// `LEVELS` when it looks again, or the other's stores come later than this one's.
fn publish_levels() {
    fence(SeqCst);
    let mut levels = LEVELS.load_full();
    loop {
        let lowest = levels.as_deref().unwrap_or(&DEFAULT_LEVELS).lowest();
        LOWEST.store(lowest, Relaxed);
        // The maximum level of another logger is not ours to change.
        if INSTALLED.load(Relaxed) {
            ::log::set_max_level(facade_filter(lowest));
        }
        fence(SeqCst);
        let now = LEVELS.load_full();
        let same = match (&levels, &now) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (before, now) => before.is_none() && now.is_none(),
        };
        if same {
            return;
        }
        levels = now;
    }
}

/// The lowest level that a logger named `name` emits now.
pub(super) fn emitted_level(name: &str) -> u32 {
    let levels = LEVELS.load();
    levels.as_deref().unwrap_or(&DEFAULT_LEVELS).level_for(name)
}

/// Whether a record of `level` by the logger `name` is emitted now.
pub(super) fn emits(name: &str, level: u32) -> bool {
    level >= LOWEST.load(Relaxed) && level >= emitted_level(name)
}

/// Sets whether records are written to stdout. Default: yes.
pub fn set_emit_stdout(enable: bool) {
    STDOUT.enable(enable);
}

/// Whether records are written to stdout.
pub fn emit_stdout() -> bool {
    STDOUT.is_enabled()
}

/// Sets whether records are written to stderr, each with its level. Default: no. It is independent
/// of [`set_emit_stdout`].
pub fn set_emit_stderr(enable: bool) {
    STDERR.enable(enable);
}

/// Whether records are written to stderr.
pub fn emit_stderr() -> bool {
    STDERR.is_enabled()
}

/// The number of lines since the process began that were dropped because stdout or stderr did not
/// take them at once, or failed. A notice with the number precedes the next line that a stream
/// takes. Costs two loads.
pub fn dropped() -> u64 {
    STDOUT.dropped() + STDERR.dropped()
}

/// Sets a function that receives each emitted record, in addition to stdout and stderr. `None`
/// removes it.
///
/// It runs on the thread that logs, which may be any of the library's. It may log, but those
/// records go to stdout and stderr alone. Its panics are caught and dropped. A call that began
/// before the removal may still be running when this returns.
///
/// It may ask endpoints for statistics and states: no lock is held that these need. It must not use
/// or stop an endpoint, since it may be called in the middle of the endpoint's work, nor wait for a
/// thread that does.
pub fn set_sink(sink: Option<Sink>) {
    // The old sink may be the user's code, which its drop runs; nothing is locked then.
    drop(SINK.swap(sink.map(Arc::new)));
}

/// Writes the line and calls the sink. `name` is a full name.
pub(super) fn emit(name: &str, level: u32, text: &str) {
    let name = line::escape(name);
    let text = line::escape(text);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let write = |stream: &Stream, fd: BorrowedFd<'_>, with_level: bool| {
        let shape = |name: &str, level: u32, text: &str| {
            line::line(now, name, with_level.then_some(level), text)
        };
        stream.write(fd, &shape(&name, level, &text), |text| {
            shape(LOGGER, WARNING, text)
        });
    };
    // Only the descriptors are used: a program that prints through std may hold the locks of std's
    // streams for long.
    if STDOUT.is_enabled() {
        let with_level = WITH_LEVEL.load(Relaxed);
        write(&STDOUT, std::io::stdout().as_fd(), with_level);
    }
    if STDERR.is_enabled() {
        write(&STDERR, std::io::stderr().as_fd(), true);
    }
    if IN_SINK.get() {
        return;
    }
    if let Some(sink) = SINK.load_full() {
        IN_SINK.set(true);
        // A panic payload may panic when it is dropped, so it is leaked.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(move || sink(level, &name, &text))) {
            std::mem::forget(payload);
        }
        IN_SINK.set(false);
    }
}
