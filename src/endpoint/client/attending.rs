//! Which threads bring a client's transactions forward. User code, in a completion callback, can run
//! on them, and may ask for more: such a thread is never held back, since others wait for it.

use std::cell::Cell;

thread_local! {
    /// This thread is bringing a client's transactions forward; user code may be running in it.
    static ATTENDING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is one on which others wait: it must not be held back for them.
pub(super) fn attending() -> bool {
    ATTENDING.get()
}

/// Marks the calling thread as such, until dropped.
pub(super) struct Attending(bool);

impl Attending {
    pub(super) fn new() -> Attending {
        Attending(ATTENDING.replace(true))
    }
}

impl Drop for Attending {
    fn drop(&mut self) {
        ATTENDING.set(self.0);
    }
}
