//! Used objects that each thread keeps to use them again.
//!
//! A master with many outstanding transactions has more objects of one size than an allocator
//! caches. The others would take the allocator's slow path, which is a tenth of what a small
//! transaction costs a client (`docs/performance.md`).

use std::cell::RefCell;
use std::sync::Arc;
use std::thread::LocalKey;

/// The most objects that a thread keeps.
const MAX_SPARES: usize = 128;

/// The spare objects of one thread.
pub(super) struct Spares<T>(RefCell<Vec<Arc<T>>>);

impl<T: Default> Spares<T> {
    pub(super) const fn new() -> Spares<T> {
        Spares(RefCell::new(Vec::new()))
    }

    /// Takes a kept object, in the state in which it was kept, or makes a new one. It has no other
    /// handle.
    pub(super) fn take(spares: &'static LocalKey<Spares<T>>) -> Arc<T> {
        // Fails only while the thread ends and its spares have been dropped.
        let spare = spares.try_with(|spares| spares.0.borrow_mut().pop());
        spare.ok().flatten().unwrap_or_default()
    }

    /// Keeps `object`, or frees it if there are enough. It must have no other handle.
    pub(super) fn keep(spares: &'static LocalKey<Spares<T>>, object: Arc<T>) {
        let _ = spares.try_with(|spares| {
            let mut spares = spares.0.borrow_mut();
            // Freeing an object must not fail for want of memory.
            if spares.len() < MAX_SPARES && spares.try_reserve(1).is_ok() {
                spares.push(object);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    thread_local!(static NUMBERS: Spares<AtomicU32> = const { Spares::new() });

    #[test]
    fn what_is_kept_is_taken_again_and_the_number_is_bounded() {
        let objects: Vec<_> = (0..MAX_SPARES as u32 + 5)
            .map(|n| Arc::new(AtomicU32::new(n + 1)))
            .collect();
        for object in objects {
            Spares::keep(&NUMBERS, object);
        }
        for n in (0..MAX_SPARES as u32).rev() {
            let mut spare = Spares::take(&NUMBERS);
            assert!(Arc::get_mut(&mut spare).is_some(), "nobody else has it");
            assert_eq!(spare.load(Ordering::Relaxed), n + 1);
        }
        assert_eq!(
            Spares::take(&NUMBERS).load(Ordering::Relaxed),
            0,
            "a new one"
        );
    }
}
