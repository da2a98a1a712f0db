//! Transactions that are over, kept by each thread for its next ones: their memory, not what was in
//! it.
//!
//! A master with many of them outstanding has more at a time than allocators keep at hand for one
//! size, and so each would be a long way through the heap: a tenth of what a small transaction costs
//! a client (`docs/performance.md`).

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::{Inner, State, Transaction, Within};
use crate::sync::REUSE;

/// As many are kept by a thread.
const MOST: usize = 128;

thread_local!(static KEPT: RefCell<Vec<Arc<Inner>>> = const { RefCell::new(Vec::new()) });

/// One that is blank, and that nobody else has.
pub(super) fn take() -> Arc<Inner> {
    // A thread that is about to end keeps none.
    let kept = KEPT.try_with(|kept| kept.borrow_mut().pop());
    kept.ok().flatten().unwrap_or_default()
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.is_here() {
            // Another process's, of which a thread that is not here may have been in the midst.
            return;
        }
        // SAFETY: nobody uses the handle after this.
        let inner = unsafe { ManuallyDrop::take(&mut self.0) };
        if REUSE && Arc::strong_count(&inner) == 1 {
            keep(inner);
        }
    }
}

/// Keeps what the last handle of a transaction had, unless a weak one is left.
fn keep(mut inner: Arc<Inner>) {
    let Some(blank) = Arc::get_mut(&mut inner) else {
        return;
    };
    // What it held is let go here, with user code perhaps: before the list is touched.
    blank.clear();
    let _ = KEPT.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        // To let go of something must not need memory.
        if kept.len() < MOST && kept.try_reserve(1).is_ok() {
            kept.push(inner);
        }
    });
}

impl Inner {
    /// Makes it blank. Whoever wants to hear of its end hears of it, as when it is dropped.
    fn clear(&mut self) {
        if self.state_mut().outcome.is_none() {
            self.abandon();
        }
        self.order = 0;
        self.provided = false;
        *self.over.get_mut() = false;
        *self.prompt.get_mut() = false;
        self.parent = None;
        // Its memory may be the bytes within, so it goes before them.
        *self.state_mut() = State::default();
        self.within = Within::default();
    }
}
