//! Wrappers around every body that C++ calls: no panic and no thread cancellation passes them.

use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::error::{Error, Result};
use crate::log;
use crate::process::Uncancelled;

/// Runs `body`; a panic in it becomes an error. The calling thread cannot be cancelled
/// (`pthread_cancel`) meanwhile: that would unwind Rust frames.
pub(super) fn attempt<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    let _uncancelled = Uncancelled::new();
    caught(body)
}

fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|panic| Err(Error::from_panic("Panic inside the library", panic)))
}

/// Runs a `body` that cannot fail. If it panics, that is logged and `otherwise` is the result. The
/// calling thread cannot be cancelled meanwhile.
pub(super) fn guard<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    let _uncancelled = Uncancelled::new();
    ask(otherwise, body)
}

/// Like [`guard`], for a `body` without a cancellation point: it makes no system call except to
/// wait for a lock, does not log, and drops no object of the user.
pub(super) fn ask<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    caught(|| Ok(body())).unwrap_or_else(|error| {
        // The panic may have been the logger's.
        let _ = attempt(|| {
            log::init();
            log::submit("memory", log::CRITICAL, error.text());
            Ok(())
        });
        otherwise
    })
}

/// Text from C++, which may have any encoding: what is not UTF-8 is replaced.
pub(super) fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
