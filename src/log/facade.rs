//! The connection with the `log` crate, in both directions: its records come to the loggers here,
//! and records of C and C++ go to its logger where the program has one of its own.

use std::sync::atomic::{AtomicBool, Ordering};

use ::log::{Log, Metadata, Record};

use super::backend::{self, emit, emits, LOGGER};
use super::environment::{self, LevelRequest};
use super::levels::{facade_level, is_rogue_name, normalize_name, rogue_level, WARNING};

/// The logger that is given to the `log` crate. It has a byte, so that its address is unique.
struct Backend(#[allow(dead_code)] u8);

static LOG: Backend = Backend(0);

/// [`init`] has been called.
static INITIALIZED: AtomicBool = AtomicBool::new(false);

/// Makes this module the `log` crate's logger, unless the program has installed one before, and
/// reads `RIM_LOG`. The C and C++ interfaces call it before anything can be logged; nothing else in
/// the crate does. Further calls cost one load.
///
/// It never waits for another thread, so it may be called in a child after `fork`.
pub fn init() {
    if INITIALIZED.load(Ordering::Acquire) {
        return;
    }
    let request = level_request();
    backend::set_environment(&request.levels);
    // Several threads may come here; one of them succeeds.
    let installed = ::log::set_logger(&LOG).is_ok();
    if is_ours() {
        backend::follow_levels();
    } else {
        backend::set_environment(&[]);
    }
    INITIALIZED.store(true, Ordering::Release);
    // Emitted whatever the level: the user who has set the variable wants to know.
    if let (true, Some(complaint)) = (installed, request.complaint) {
        emit(LOGGER, WARNING, &complaint);
    }
}

/// What the environment asks for.
fn level_request() -> LevelRequest {
    std::env::var_os(environment::VARIABLE)
        .map(|value| environment::read(&value.to_string_lossy()))
        .unwrap_or_default()
}

/// Whether the levels, filters and sink of this module apply: the `log` crate's logger is ours.
fn is_ours() -> bool {
    std::ptr::addr_eq(::log::logger(), &raw const LOG)
}

/// The lowest level that a logger named `name` emits now.
pub fn level_for(name: &str) -> u32 {
    backend::emitted_level(name)
}

/// Whether a record of `level` by the logger `name` would be emitted now. If the `log` crate's
/// logger is not ours, that one decides.
pub fn enabled(name: &str, level: u32) -> bool {
    if is_ours() {
        return emits(name, level);
    }
    let level = facade_level(level);
    let name = normalize_name(name);
    level <= ::log::max_level()
        && ::log::logger().enabled(&Metadata::builder().level(level).target(&name).build())
}

/// Emits `text` as a record of `level` by the logger `name`, if it is enabled. If the `log` crate's
/// logger is not ours, the record goes there. `text` is not taken as a format.
pub fn submit(name: &str, level: u32, text: &str) {
    if !enabled(name, level) {
        return;
    }
    let name = normalize_name(name);
    if is_ours() {
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

impl Log for Backend {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_rogue_name(metadata.target()) && emits(metadata.target(), rogue_level(metadata.level()))
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

    use ::log::{Level, LevelFilter};

    use super::*;
    use crate::log::levels::{CRITICAL, DEBUG, ERROR, WARNING};
    use crate::log::{set_emit_stdout, set_filter, set_level, set_sink};

    /// The state belongs to the process, so these tests run one at a time.
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
        assert!(!LOG.enabled(
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
