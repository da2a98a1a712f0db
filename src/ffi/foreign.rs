//! The user's pointer of a callback, with its finalizer, and the rule that neither a completion
//! callback nor a finalizer may wait.

use std::cell::Cell;
use std::ffi::c_void;

use crate::error::{Error, ErrorKind, Result};

/// Ends the use of a user pointer. It is called exactly once, when the library will not use the
/// pointer any more, on the thread that released it last, which may be any thread. It may call any
/// function that does not wait; the others return RIM_STATUS_BUSY in it. Pass NULL if there is
/// nothing to do. If the function that takes the finalizer fails, the finalizer is not called.
pub type rim_finalizer_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// A user pointer, and its finalizer, which runs when this is dropped.
pub(super) struct Foreign {
    user: *mut c_void,
    finalizer: rim_finalizer_fn,
}

// SAFETY: the pointer is only passed to the user's functions. The header ("Callbacks") makes the
// user promise that any thread may call them with it.
unsafe impl Send for Foreign {}
// SAFETY: as for `Send`. The docs of each callback type say whether calls may overlap.
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
            // SAFETY: the user gave this function for this pointer, and it is called once, here.
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

/// Refuses to wait inside a completion callback or finalizer: it may run on the very thread that it
/// would wait for.
pub(super) fn may_wait() -> Result<()> {
    if COMPLETING.get() == 0 {
        return Ok(());
    }
    let text = "A completion callback or finalizer must not wait: it may run on the very thread \
                that it would wait for";
    Err(Error::new(ErrorKind::Busy, text))
}
