//! The boundary between C and Rust. Every function that C calls runs inside [`call`], [`call_void`]
//! or [`ask`], which turn an error or a panic into a status and a text. The calling thread cannot
//! be cancelled inside [`call`], since that would unwind frames of Rust. `rim_last_error` and
//! `rim_version` need neither.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{c_char, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};

use super::status::{self, rim_status, RIM_STATUS_OK};
use crate::error::{Error, Result};
use crate::process::Uncancelled;

thread_local! {
    static LAST_ERROR: RefCell<Option<CString>> = const { RefCell::new(None) };
}

/// The text of the last failure on the calling thread, with the values that were wrong. It is never
/// NULL, and it is empty until a function has failed. A success does not change it, so read it only
/// after a failure. The text belongs to the library. It stays valid until the next rim_ function
/// fails on this thread, which may happen in a callback that runs there, or until the thread ends:
/// copy it to keep it.
#[no_mangle]
pub extern "C" fn rim_last_error() -> *const c_char {
    let text = LAST_ERROR.try_with(|last| {
        // No other borrow is there: `remember` drops the old text after its own borrow.
        last.try_borrow()
            .ok()
            .and_then(|text| text.as_ref().map(|text| text.as_ptr()))
    });
    // While a thread ends, its text is gone before other values of the thread are.
    text.ok().flatten().unwrap_or(c"".as_ptr())
}

/// The version of the library, such as "1.2.3". The text is constant and belongs to the library.
/// Cannot fail.
#[no_mangle]
pub extern "C" fn rim_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Runs the body of a function that returns a status.
pub(super) fn call(body: impl FnOnce() -> Result<()>) -> rim_status {
    let _uncancelled = Uncancelled::new();
    ask(body)
}

/// As [`call`], for a body with no point of cancellation: its only system call is to wait for a
/// lock, and it neither logs nor calls user code.
pub(super) fn ask(body: impl FnOnce() -> Result<()>) -> rim_status {
    // A panic may leave an object half changed. Its locks ignore poison, and RIM_STATUS_INTERNAL
    // tells the caller not to use it any more.
    let error = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return RIM_STATUS_OK,
        Ok(Err(error)) => error,
        Err(panic) => internal(panic),
    };
    let status = status::of(error.kind());
    remember(&error);
    status
}

/// Runs the body of a function that returns nothing. A panic ends here.
pub(super) fn call_void(body: impl FnOnce()) {
    call(|| {
        body();
        Ok(())
    });
}

/// `text` for C. A NUL inside it, which would end it early, is replaced.
pub(super) fn c_text(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| {
        let shown = text.replace('\0', "\u{FFFD}");
        CString::new(shown).unwrap_or_default()
    })
}

fn remember(error: &Error) {
    let text = c_text(error.text());
    let _ = LAST_ERROR.try_with(|last| last.replace(Some(text)));
}

fn internal(panic: Box<dyn Any + Send>) -> Error {
    Error::from_panic("A fault inside the library", panic)
}

#[cfg(test)]
mod tests {
    use super::super::status::{RIM_STATUS_INTERNAL, RIM_STATUS_SIZE};
    use super::*;
    use crate::error::ErrorKind;
    use std::ffi::CStr;

    fn last() -> String {
        // SAFETY: the text is valid until the next failure on this thread.
        unsafe { CStr::from_ptr(rim_last_error()) }
            .to_string_lossy()
            .into_owned()
    }

    #[test]
    fn a_panic_becomes_a_status_and_a_text() {
        assert_eq!(call(|| panic!("index {} of 3", 7)), RIM_STATUS_INTERNAL);
        assert_eq!(last(), "A fault inside the library: index 7 of 3");
        assert_eq!(call(|| panic!("plain")), RIM_STATUS_INTERNAL);
        assert_eq!(last(), "A fault inside the library: plain");
        call_void(|| std::panic::panic_any(5));
        assert_eq!(last(), "A fault inside the library: no text");
    }

    #[test]
    fn the_last_error_is_the_threads_own_and_outlives_successes() {
        assert_eq!(last(), "");
        assert_eq!(
            call(|| Err(Error::new(ErrorKind::Size, "12 is too\0much"))),
            RIM_STATUS_SIZE
        );
        assert_eq!(call(|| Ok(())), RIM_STATUS_OK);
        assert_eq!(last(), "12 is too\u{FFFD}much");
        let elsewhere = std::thread::spawn(last).join().unwrap();
        assert_eq!(elsewhere, "");
    }
}
