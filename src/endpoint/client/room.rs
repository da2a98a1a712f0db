//! Back-pressure: a thread that asks for a transaction waits while too many are outstanding.

use std::cell::Cell;
use std::sync::atomic::{fence, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where threads wait for a slot, and learn that one may be free.
#[derive(Default)]
pub(super) struct Room {
    /// Threads that wait.
    waiting: AtomicUsize,
    /// Grows each time that a slot may have become free.
    freed: Mutex<u64>,
    changed: Condvar,
}

impl Room {
    /// Blocks until `is_free` returns true, for at most `limit`. False if it never did.
    pub(super) fn wait(&self, limit: Duration, mut is_free: impl FnMut() -> bool) -> bool {
        let end = Instant::now().checked_add(limit);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // Pairs with the fence in `freed`: either we see the free slot, or it sees us.
        fence(Ordering::SeqCst);
        let mut freed = self.lock();
        let free = 'wait: loop {
            let seen = *freed;
            drop(freed);
            // Called without the lock: it may take others.
            if is_free() {
                break true;
            }
            freed = self.lock();
            while *freed == seen {
                let left = end.map(|end| end.saturating_duration_since(Instant::now()));
                freed = match left {
                    Some(Duration::ZERO) => {
                        drop(freed);
                        break 'wait false;
                    }
                    Some(left) => {
                        let woken = self.changed.wait_timeout(freed, left);
                        woken.unwrap_or_else(PoisonError::into_inner).0
                    }
                    None => {
                        let woken = self.changed.wait(freed);
                        woken.unwrap_or_else(PoisonError::into_inner)
                    }
                };
            }
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        free
    }

    /// A slot may be free: the threads that wait look again.
    pub(super) fn freed(&self) {
        fence(Ordering::SeqCst);
        if self.is_waited_for() {
            *self.lock() += 1;
            self.changed.notify_all();
        }
    }

    /// Whether threads wait. Without a fence the answer may be a moment old.
    pub(super) fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.freed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    static ATTENDING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread reads the responses that other threads wait for. User code runs on
/// it, in completion callbacks, and may ask for more: it must never block for a slot.
pub(super) fn is_attending() -> bool {
    ATTENDING.get()
}

/// Marks the calling thread as one that reads for others, until dropped.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    #[test]
    fn a_thread_waits_until_a_slot_is_free_or_its_time_is_over() {
        let (room, free) = (Room::default(), AtomicBool::new(false));
        let is_free = || free.load(Ordering::Relaxed);
        assert!(!room.wait(Duration::from_millis(20), is_free));
        assert!(!room.is_waited_for());
        thread::scope(|scope| {
            let waiter = scope.spawn(|| room.wait(Duration::MAX, is_free));
            while !room.is_waited_for() {
                thread::yield_now();
            }
            // A slot that is taken again at once.
            room.freed();
            free.store(true, Ordering::Relaxed);
            room.freed();
            assert!(waiter.join().unwrap());
        });
        assert!(room.wait(Duration::ZERO, is_free), "it is free already");
    }

    #[test]
    fn the_mark_of_a_thread_ends_with_its_guard() {
        assert!(!is_attending());
        let outer = Attending::new();
        drop(Attending::new());
        assert!(is_attending());
        drop(outer);
        assert!(!is_attending());
    }
}
