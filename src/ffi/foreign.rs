//! The user's pointer that belongs to a callback, with the finalizer that ends it, and the rule
//! that neither a completion callback nor a finalizer may wait.

use std::cell::Cell;
use std::ffi::c_void;

use crate::error::{Error, ErrorKind, Result};

/// Ends a user pointer. It runs exactly once, when the library will not use the pointer any more,
/// on whatever thread let go of it last. It may call any function that does not wait. Pass NULL if
/// there is nothing to be done. If the function that the finalizer is passed to fails, it does not
/// run.
pub type rim_finalizer_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// A user pointer, ended by its finalizer.
pub(super) struct Foreign {
    user: *mut c_void,
    finalizer: rim_finalizer_fn,
}

// SAFETY: the pointer is handed back to the user's functions and nothing else. The header makes the
// user promise, for each function that takes one, that any thread may call those functions with it.
unsafe impl Send for Foreign {}
// SAFETY: as for `Send`; the docs of each callback type say whether calls may overlap.
unsafe impl Sync for Foreign {}

impl Foreign {
    pub(super) fn new(user: *mut c_void, finalizer: rim_finalizer_fn) -> Foreign {
        Foreign { user, finalizer }
    }

    pub(super) fn user(&self) -> *mut c_void {
        self.user
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        if let Some(finalizer) = self.finalizer {
            // SAFETY: the user gave this function for this pointer, and it runs here only, once.
            completing(|| unsafe { finalizer(self.user) });
        }
    }
}

thread_local! {
    static COMPLETING: Cell<u32> = const { Cell::new(0) };
}

/// Runs a completion callback or a finalizer. While it runs, [`may_wait`] refuses on this thread.
pub(super) fn completing(callback: impl FnOnce()) {
    COMPLETING.set(COMPLETING.get() + 1);
    callback();
    COMPLETING.set(COMPLETING.get() - 1);
}

/// Refuses to wait inside a completion callback or finalizer: the thread that it would wait for may
/// be this one.
pub(super) fn may_wait() -> Result<()> {
    if COMPLETING.get() == 0 {
        return Ok(());
    }
    let text =
        "A completion callback or finalizer may not wait: the thread that it runs on may be \
                the one waited for";
    Err(Error::new(ErrorKind::Busy, text))
}
