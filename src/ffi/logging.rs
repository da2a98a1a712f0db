//! `rim_log_...`: the library's loggers.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::args::{lossy, Out};
use super::boundary::{c_text, call};
use super::foreign::{rim_finalizer_fn, Foreign};
use super::status::rim_status;
use crate::log;

/// Level of a failure after which the program is of no use.
pub const RIM_LOG_CRITICAL: u32 = 50;
/// Level of a failure. Lower levels are not emitted unless the program or RIM_LOG says so.
pub const RIM_LOG_ERROR: u32 = 40;
/// Level of messages about the identity of threads.
pub const RIM_LOG_THREAD: u32 = 35;
/// Level of an unexpected event that the library survives.
pub const RIM_LOG_WARNING: u32 = 30;
/// Level of rare events of normal operation.
pub const RIM_LOG_INFO: u32 = 20;
/// Level of each step, down to single transactions.
pub const RIM_LOG_DEBUG: u32 = 10;

const _: () = {
    assert!(RIM_LOG_CRITICAL == log::CRITICAL && RIM_LOG_ERROR == log::ERROR);
    assert!(RIM_LOG_THREAD == log::THREAD && RIM_LOG_WARNING == log::WARNING);
    assert!(RIM_LOG_INFO == log::INFO && RIM_LOG_DEBUG == log::DEBUG);
};

/// Receives a record that is emitted: its level, the full name of its logger, and its text. name
/// and text are valid during the call. It is called on the thread that logs, which may be a thread
/// of the program or of the library. Calls may overlap. It must not wait. It may log; such records
/// go to stdout and stderr only.
pub type rim_log_fn = Option<
    unsafe extern "C" fn(user: *mut c_void, level: u32, name: *const c_char, text: *const c_char),
>;

/// Sets the lowest level that all loggers emit. Any number is a level, RIM_LOG_INFO for example.
///
/// An operator can lower it without the program's help, by the environment variable RIM_LOG:
/// RIM_LOG=info, or RIM_LOG=memory.TcpServer=debug for names that begin so, or several of these
/// with commas between them. It is read when the library is first used. The lowest level that
/// applies counts, whether it comes from RIM_LOG or from the program. A value that cannot be
/// understood is ignored, and one line says so.
#[no_mangle]
pub extern "C" fn rim_log_set_level(level: u32) -> rim_status {
    call(|| {
        log::set_level(level);
        Ok(())
    })
}

/// Sets the lowest level that is emitted by loggers whose names begin with prefix, such as
/// "pyrogue.memory.TcpServer", with or without "pyrogue.". It applies to loggers that exist and to
/// later ones. Of all levels that apply to a logger, the lowest counts.
#[no_mangle]
pub unsafe extern "C" fn rim_log_set_filter(prefix: *const c_char, level: u32) -> rim_status {
    call(|| {
        // SAFETY: `prefix` is NULL or a string that the caller leaves alone during this call.
        log::set_filter(&unsafe { lossy(prefix, "prefix") }?, level);
        Ok(())
    })
}

/// Sets whether records are written to stdout; at the start they are. Each record is one line, as
/// Rogue writes it: `<seconds>.<microseconds>:<name>: <text>`. If RIM_LOG in the environment has
/// set a level, lines have the names of their levels too, as on stderr (see rim_log_set_stderr).
///
/// A line never makes its thread wait and never raises a signal, whatever stdout is. A line that
/// stdout does not take at once is dropped, see rim_log_dropped. A line is cut after 4096 bytes.
#[no_mangle]
pub extern "C" fn rim_log_set_stdout(enable: bool) -> rim_status {
    call(|| {
        log::set_emit_stdout(enable);
        Ok(())
    })
}

/// Sets whether records are written to stderr; at the start they are not. Each line has the name of
/// its level: `<seconds>.<microseconds>:<name>: <level>: <text>`. This does not depend on
/// rim_log_set_stdout. As there, a line never makes its thread wait and never raises a signal.
#[no_mangle]
pub extern "C" fn rim_log_set_stderr(enable: bool) -> rim_status {
    call(|| {
        log::set_emit_stderr(enable);
        Ok(())
    })
}

/// Gives the number of lines that were dropped since the process began, because stdout or stderr
/// did not take them at once or could not be written. When a line is taken again, a line with the
/// number of those dropped comes before it. The call is cheap and may be made at any time.
#[no_mangle]
pub unsafe extern "C" fn rim_log_dropped(count: *mut u64) -> rim_status {
    call(|| {
        // SAFETY: `count` is NULL or the caller's own.
        unsafe { Out::new(count, "count") }?.set(log::dropped());
        Ok(())
    })
}

/// Sets the function that receives each emitted record, in addition to stdout and stderr, in place
/// of the one before. NULL for sink sets none; then user and finalizer are not used. The finalizer
/// may be NULL. A call of the former sink may still be running on another thread when this returns;
/// its finalizer runs after that.
///
/// The sink is called on any thread that logs, also on the program's, and often in the middle of an
/// endpoint's work. No lock is held that the statistics and states of endpoints need, so it may ask
/// for those. It must not use, stop or free an endpoint, nor wait for a thread that does.
#[no_mangle]
pub unsafe extern "C" fn rim_log_set_sink(
    sink: rim_log_fn,
    user: *mut c_void,
    finalizer: rim_finalizer_fn,
) -> rim_status {
    call(|| {
        let sink = sink.map(|function| {
            let foreign = Foreign::new(user, finalizer);
            let sink: log::Sink = Arc::new(move |level, name: &str, text: &str| {
                let (name, text) = (c_text(name), c_text(text));
                // SAFETY: the user gave this function for this pointer; both texts outlive the
                // call.
                unsafe { function(foreign.user(), level, name.as_ptr(), text.as_ptr()) }
            });
            sink
        });
        log::set_sink(sink);
        // Only now: the first use of the library may log a line, which the sink must get.
        log::init();
        Ok(())
    })
}

/// Logs text at level, by the logger with this name, with or without "pyrogue.". The text is data,
/// not a format.
#[no_mangle]
pub unsafe extern "C" fn rim_log(
    level: u32,
    name: *const c_char,
    text: *const c_char,
) -> rim_status {
    call(|| {
        // SAFETY: `name` is NULL or a string that the caller leaves alone during this call.
        let name = unsafe { lossy(name, "name") }?;
        // SAFETY: `text` is NULL or a string that the caller leaves alone during this call.
        let text = unsafe { lossy(text, "text") }?;
        log::init();
        log::submit(&name, level, &text);
        Ok(())
    })
}
