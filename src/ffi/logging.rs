//! `rim_log_...`: the library's loggers.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::args::{lossy, Out};
use super::boundary::{c_text, call};
use super::foreign::{rim_finalizer_fn, Foreign};
use super::status::rim_status;
use crate::log;

/// Level of a failure that ends the program's usefulness.
pub const RIM_LOG_CRITICAL: u32 = 50;
/// Level of a failure. The level at the start.
pub const RIM_LOG_ERROR: u32 = 40;
/// Level of messages about the identity of threads.
pub const RIM_LOG_THREAD: u32 = 35;
/// Level of what is unexpected but survivable.
pub const RIM_LOG_WARNING: u32 = 30;
/// Level of the rare events of normal operation.
pub const RIM_LOG_INFO: u32 = 20;
/// Level of each step, down to single transactions.
pub const RIM_LOG_DEBUG: u32 = 10;

const _: () = {
    assert!(RIM_LOG_CRITICAL == log::CRITICAL && RIM_LOG_ERROR == log::ERROR);
    assert!(RIM_LOG_THREAD == log::THREAD && RIM_LOG_WARNING == log::WARNING);
    assert!(RIM_LOG_INFO == log::INFO && RIM_LOG_DEBUG == log::DEBUG);
};

/// Receives a record that is emitted: its level, the full name of its logger, its text. name and
/// text are valid during the call. It runs on the thread that logs, which may be any of the
/// library's, and calls may overlap. It must not wait; it may log, but what it logs goes to stdout and
/// stderr alone.
pub type rim_log_fn = Option<
    unsafe extern "C" fn(user: *mut c_void, level: u32, name: *const c_char, text: *const c_char),
>;

/// Sets the lowest level that every logger emits. Any number is a level.
///
/// An operator can lower it without the program's help: RIM_LOG=info in the environment, or for names
/// that begin in a certain way RIM_LOG=memory.TcpServer=debug, or several of these with commas between
/// them. It is read when the library is used first. Of this and what the program sets, the lowest level
/// that applies counts. A value that is not understood is ignored, and one line says so.
#[no_mangle]
pub extern "C" fn rim_log_set_level(level: u32) -> rim_status {
    call(|| {
        log::set_level(level);
        Ok(())
    })
}

/// Sets the lowest level that loggers emit whose name begins with name, such as
/// "pyrogue.memory.TcpServer", with or without "pyrogue."; for loggers that exist and for those to
/// come. The lowest of all levels that apply to a logger counts.
#[no_mangle]
pub unsafe extern "C" fn rim_log_set_filter(name: *const c_char, level: u32) -> rim_status {
    call(|| {
        // SAFETY: `name` is NULL or a string that the caller leaves alone during this call.
        log::set_filter(&unsafe { lossy(name, "name") }?, level);
        Ok(())
    })
}

/// Sets whether records are written to stdout, as they are at the start: each on a line of its own,
/// `<seconds>.<microseconds>:<name>: <text>`, as Rogue does. If RIM_LOG in the environment has set a
/// level, the level's name comes before the text: `<seconds>.<microseconds>:<name>: <level>: <text>`.
///
/// A line never makes its thread wait, and never raises a signal, whatever stdout is: one that it does
/// not take at once is dropped, see rim_log_dropped. A line of more than 4096 bytes is cut there.
#[no_mangle]
pub extern "C" fn rim_log_set_stdout(enable: bool) -> rim_status {
    call(|| {
        log::set_emit_stdout(enable);
        Ok(())
    })
}

/// Sets whether records are written to stderr, each with the name of its level:
/// `<seconds>.<microseconds>:<name>: <level>: <text>`. At the start they are not. It does not depend on
/// rim_log_set_stdout. As there, nothing waits for a line, and no signal is raised.
#[no_mangle]
pub extern "C" fn rim_log_set_stderr(enable: bool) -> rim_status {
    call(|| {
        log::set_emit_stderr(enable);
        Ok(())
    })
}

/// Gives the number of lines that stdout and stderr did not take at once, or could not be written
/// there, since the process began: these were dropped. The next line that is taken is preceded by one
/// that tells how many it were. It costs next to nothing, and may be called at any time.
#[no_mangle]
pub unsafe extern "C" fn rim_log_dropped(count: *mut u64) -> rim_status {
    call(|| {
        // SAFETY: `count` is NULL or the caller's own.
        unsafe { Out::new(count, "count") }?.set(log::dropped());
        Ok(())
    })
}

/// Sets a function that receives each record that is emitted, besides stdout and stderr, instead of
/// the one before; NULL for sink sets none, and then user and finalizer are not used. A call of the one
/// before may still be under way on another thread when this returns; its finalizer runs after
/// that.
///
/// It is called on whatever thread has something to log, the program's own among them, often in the
/// midst of an endpoint's work. No lock is held that the figures and states of endpoints need: it may
/// ask for those. It must not use, stop or free an endpoint, nor wait for a thread that does.
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
        // Not before: the first use may have a line to log.
        log::init();
        Ok(())
    })
}

/// Logs text at level by the logger named name, with or without "pyrogue.". The text is data: it is
/// not taken as a format.
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
        log::submit(&name, level, &text);
        Ok(())
    })
}
