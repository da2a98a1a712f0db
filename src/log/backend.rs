//! The global state of the loggers, and the `log::Log` that reads it.
//!
//! No lock is held while a line is written or a sink is called, so a sink may log, change levels or
//! panic without harm.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::SystemTime;

use ::log::{Level, LevelFilter, Log, Metadata, Record};

use super::environment::{self, Wish};
use super::levels::Levels;
use super::stream::Stream;
use super::{is_rogue_name, line, normalize_name};
use super::{CRITICAL, DEBUG, ERROR, INFO, TRACE, WARNING};

/// A function that receives each emitted record: level, full logger name, text.
pub type Sink = Arc<dyn Fn(u32, &str, &str) + Send + Sync>;

static LEVELS: RwLock<Levels> = RwLock::new(Levels::new());
/// `Levels::lowest` of `LEVELS`, so that most records are turned away without the lock.
static LOWEST: AtomicU32 = AtomicU32::new(ERROR);
static STDOUT: Stream = Stream::new("stdout", true);
static STDERR: Stream = Stream::new("stderr", false);
/// Lines carry their level on stdout too: the environment has said something of the log.
static WITH_LEVEL: AtomicBool = AtomicBool::new(false);
static SINK: RwLock<Option<Sink>> = RwLock::new(None);
/// Whether the `log` crate's logger is ours; unset before the first use.
static OURS: OnceLock<bool> = OnceLock::new();
static BACKEND: Backend = Backend;

thread_local! {
    /// Set while this thread is inside the sink, whose own records do not go to it again.
    static IN_SINK: Cell<bool> = const { Cell::new(false) };
}

/// The logger of what the log has to say of itself.
const LOGGER: &str = "pyrogue.log";

/// Installs the loggers as the backend of the `log` crate unless the program has done so with a
/// logger of its own. Called by every constructor of the bridge; further calls cost one load. The
/// first one reads `RIM_LOG`.
///
/// A Rust program that wants its own logger has to install it before it makes its first endpoint.
pub fn init() {
    let mut complaint = None;
    OURS.get_or_init(|| {
        let ours = ::log::set_logger(&BACKEND).is_ok();
        let wish = if ours { wish() } else { Wish::default() };
        WITH_LEVEL.store(!wish.levels.is_empty(), Relaxed);
        complaint = wish.complaint;
        change_levels(ours, |levels| levels.add_environment(wish.levels));
        ours
    });
    // Whatever the level is: who has set the variable wants to know.
    if let Some(complaint) = complaint {
        emit(LOGGER, WARNING, &complaint);
    }
}

/// What the environment asks for.
fn wish() -> Wish {
    std::env::var_os(environment::VARIABLE)
        .map(|value| environment::read(&value.to_string_lossy()))
        .unwrap_or_default()
}

/// Whether this module's levels, filters and sink decide; `false` when the program has a logger of
/// its own.
fn ours() -> bool {
    init();
    OURS.get() == Some(&true)
}

/// Sets the lowest level that is emitted by every logger. Any number is a level. Where `RIM_LOG` in
/// the environment asks for a lower one, that one counts.
pub fn set_level(level: u32) {
    change_levels(OURS.get() == Some(&true), |levels| levels.set_global(level));
}

/// Sets the lowest level that is emitted by loggers whose name begins with `name`, which may be given
/// with or without `pyrogue.`. It may lie below the level of [`set_level`], not raise it: the lowest
/// of all that apply counts. It holds for loggers that exist and for those to come. The same name
/// given again replaces the earlier level.
pub fn set_filter(name: &str, level: u32) {
    change_levels(OURS.get() == Some(&true), |levels| {
        levels.set_filter(name, level);
    });
}

/// Changes the levels and what follows from them, in one step as seen from other changes.
fn change_levels(ours: bool, change: impl FnOnce(&mut Levels)) {
    let mut levels = LEVELS.write().unwrap_or_else(PoisonError::into_inner);
    change(&mut levels);
    let lowest = levels.lowest();
    LOWEST.store(lowest, Relaxed);
    // The maximum of another logger is not ours to change.
    if ours {
        ::log::set_max_level(facade_filter(lowest));
    }
}

/// The lowest level that a logger named `name` emits now.
pub fn level_for(name: &str) -> u32 {
    init();
    LEVELS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .level_for(name)
}

/// Whether a record of `level` by the logger `name` would be emitted now. When the program has a
/// logger of its own, that one is asked.
pub fn enabled(name: &str, level: u32) -> bool {
    if ours() {
        return level >= LOWEST.load(Relaxed) && level >= level_for(name);
    }
    let level = facade_level(level);
    let name = normalize_name(name);
    level <= ::log::max_level()
        && ::log::logger().enabled(&Metadata::builder().level(level).target(&name).build())
}

/// Emits `text` as a record of `level` by the logger `name`, if it is enabled. The text is data: it is
/// not taken as a format.
pub fn submit(name: &str, level: u32, text: &str) {
    if !enabled(name, level) {
        return;
    }
    let name = normalize_name(name);
    if ours() {
        emit(&name, level, text);
    } else {
        let metadata = Metadata::builder()
            .level(facade_level(level))
            .target(&name)
            .build();
        let mut record = Record::builder();
        record.metadata(metadata);
        ::log::logger().log(&record.args(format_args!("{text}")).build());
    }
}

/// Sets whether emitted records are written to stdout, as they are at the start.
pub fn set_emit_stdout(enable: bool) {
    STDOUT.enable(enable);
}

/// Whether emitted records are written to stdout.
pub fn emit_stdout() -> bool {
    STDOUT.is_enabled()
}

/// Sets whether emitted records are written to stderr, each with its level. At the start they are
/// not. It does not depend on [`set_emit_stdout`].
pub fn set_emit_stderr(enable: bool) {
    STDERR.enable(enable);
}

/// Whether emitted records are written to stderr.
pub fn emit_stderr() -> bool {
    STDERR.is_enabled()
}

/// How many lines stdout and stderr did not take at once, or could not be written there, since the
/// process began: these are dropped. The next line that a stream takes is preceded by one that tells how
/// many it were. Costs two loads.
pub fn dropped() -> u64 {
    STDOUT.dropped() + STDERR.dropped()
}

/// Sets a function that receives each emitted record, in addition to stdout and stderr; `None` removes it.
///
/// It runs on the thread that logs, which may be any of the bridge's. It may log, but what it logs
/// goes to stdout alone. Its panics are caught and dropped. A call that began before it was removed
/// may still be running when this returns.
///
/// It may ask endpoints for figures and states, since no lock is held that those need; it must not
/// use or stop an endpoint, in the midst of whose work it may be, nor wait for a thread that does.
pub fn set_sink(sink: Option<Sink>) {
    // The old one is dropped after the lock: dropping it may run the user's code.
    let old = {
        let mut current = SINK.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, sink)
    };
    drop(old);
}

/// Writes the line and calls the sink. `name` is a full name.
fn emit(name: &str, level: u32, text: &str) {
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
    // Their descriptors alone: who prints by way of std may hold the locks of these for long.
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
    let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(sink) = sink {
        IN_SINK.set(true);
        // A panic payload may panic when it is dropped, so it is leaked.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(move || sink(level, &name, &text))) {
            std::mem::forget(payload);
        }
        IN_SINK.set(false);
    }
}

/// The level of the `log` crate that stands for one of ours.
fn facade_level(level: u32) -> Level {
    match level {
        ERROR.. => Level::Error,
        WARNING.. => Level::Warn,
        INFO.. => Level::Info,
        DEBUG.. => Level::Debug,
        _ => Level::Trace,
    }
}

/// The level of a record that comes from the `log` crate. There is none for `CRITICAL` and `THREAD`.
fn rogue_level(level: Level) -> u32 {
    match level {
        Level::Error => ERROR,
        Level::Warn => WARNING,
        Level::Info => INFO,
        Level::Debug => DEBUG,
        Level::Trace => TRACE,
    }
}

/// What the `log` crate has to let through when `lowest` is the lowest level that is emitted.
fn facade_filter(lowest: u32) -> LevelFilter {
    Level::iter()
        .filter(|level| rogue_level(*level) >= lowest)
        .last()
        .map_or(LevelFilter::Off, |level| level.to_level_filter())
}

/// The `log` crate's way in.
struct Backend;

impl Log for Backend {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let level = rogue_level(metadata.level());
        is_rogue_name(metadata.target())
            && level >= LOWEST.load(Relaxed)
            && level >= level_for(metadata.target())
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let level = rogue_level(record.level());
            match record.args().as_str() {
                Some(text) => emit(record.target(), level, text),
                None => emit(record.target(), level, &record.args().to_string()),
            }
        }
    }

    fn flush(&self) {}
}

// `match` arms above rely on this order.
const _: () = assert!(CRITICAL > ERROR && ERROR > WARNING && WARNING > INFO && INFO > DEBUG);

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, MutexGuard};

    use super::*;

    /// The state is the process's, so these tests take turns.
    fn turn() -> MutexGuard<'static, ()> {
        static TURN: Mutex<()> = Mutex::new(());
        let guard = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        init();
        set_level(ERROR);
        set_emit_stdout(false);
        guard
    }

    type Seen = Arc<Mutex<Vec<(u32, String, String)>>>;

    /// A sink that keeps the records of one logger; other tests may log at the same time.
    fn keep(name: &'static str) -> Seen {
        let seen = Seen::default();
        let kept = seen.clone();
        set_sink(Some(Arc::new(move |level, from: &str, text: &str| {
            if from == name {
                kept.lock()
                    .unwrap()
                    .push((level, from.to_owned(), text.to_owned()));
            }
        })));
        seen
    }

    fn taken(seen: &Seen) -> Vec<(u32, String, String)> {
        std::mem::take(&mut *seen.lock().unwrap())
    }

    fn row(level: u32, name: &str, text: &str) -> (u32, String, String) {
        (level, name.to_owned(), text.to_owned())
    }

    #[test]
    fn facade_records_go_by_the_filter() {
        let _turn = turn();
        let name = "pyrogue.test.facade";
        let seen = keep(name);
        ::log::error!(target: name, "lost {}", 1);
        ::log::debug!(target: name, "not yet");
        set_filter("test.facade", DEBUG);
        ::log::debug!(target: name, "now");
        ::log::trace!(target: name, "never");
        set_filter("test.facade", CRITICAL);
        ::log::debug!(target: name, "no more");
        set_sink(None);
        assert_eq!(
            taken(&seen),
            [row(ERROR, name, "lost 1"), row(DEBUG, name, "now")]
        );
    }

    #[test]
    fn the_facade_is_shut_to_what_nobody_wants() {
        let _turn = turn();
        set_filter("test.shut", DEBUG);
        assert_eq!(::log::max_level(), LevelFilter::Debug);
        set_filter("test.shut", WARNING);
        assert_eq!(::log::max_level(), LevelFilter::Warn);
        set_filter("test.shut", CRITICAL);
        assert_eq!(::log::max_level(), LevelFilter::Error);
        set_level(CRITICAL);
        assert_eq!(::log::max_level(), LevelFilter::Off);
        set_level(0);
        assert_eq!(::log::max_level(), LevelFilter::Trace);
        set_level(ERROR);
    }

    #[test]
    fn foreign_targets_are_dropped() {
        let _turn = turn();
        let seen = keep("mio::poll");
        ::log::error!(target: "mio::poll", "registering");
        set_sink(None);
        assert!(taken(&seen).is_empty());
        assert!(!BACKEND.enabled(
            &Metadata::builder()
                .target("mio")
                .level(Level::Error)
                .build()
        ));
    }

    #[test]
    fn submitted_text_is_data_and_any_level_goes() {
        let _turn = turn();
        let name = "pyrogue.test.submit";
        let seen = keep(name);
        submit("test.submit", CRITICAL, "%s %n {} \n2.0:forged: line");
        submit("test.submit", u32::MAX, "");
        submit("test.submit", 39, "too low");
        set_filter("test.submit", 39);
        submit("test.submit", 39, "enough");
        assert!(enabled("test.submit", 39) && !enabled("test.submit", 38));
        set_filter("test.submit", CRITICAL);
        set_sink(None);
        let expected = [
            row(CRITICAL, name, "%s %n {} \\n2.0:forged: line"),
            row(u32::MAX, name, ""),
            row(39, name, "enough"),
        ];
        assert_eq!(taken(&seen), expected);
    }

    #[test]
    fn a_sink_may_log_and_change_levels() {
        let _turn = turn();
        let calls = Arc::new(Mutex::new(0));
        let counted = calls.clone();
        set_sink(Some(Arc::new(move |_, name: &str, _: &str| {
            if name == "pyrogue.test.reentrant" {
                *counted.lock().unwrap() += 1;
                ::log::error!(target: "pyrogue.test.reentrant", "again");
                set_filter("test.reentrant", WARNING);
                set_sink(None);
            }
        })));
        submit("test.reentrant", ERROR, "once");
        submit("test.reentrant", ERROR, "to nobody");
        assert_eq!(*calls.lock().unwrap(), 1);
        set_filter("test.reentrant", CRITICAL);
    }

    #[test]
    fn a_sink_may_panic() {
        let _turn = turn();
        let name = "pyrogue.test.panic";
        set_sink(Some(Arc::new(move |_, from: &str, _: &str| {
            if from == name {
                std::panic::panic_any(5);
            }
        })));
        submit(name, ERROR, "first");
        let seen = keep(name);
        submit(name, ERROR, "second");
        set_sink(None);
        assert_eq!(taken(&seen), [row(ERROR, name, "second")]);
    }
}
