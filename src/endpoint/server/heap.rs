//! When memory that the server has freed goes back to the system.
//!
//! glibc keeps freed memory for the next allocation: it returns the end of the heap by itself, and
//! nothing below a block that is in use. A server that once held many responses would stay that
//! large. Returning memory costs time, and so does getting it again: so it is done when much of it
//! has been free for some time.
#![allow(unsafe_code)]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Housekeeping looks when this many bytes are held,
const WORTH: usize = 8 << 20;
/// and until no more than this was held recently.
const LITTLE: usize = 2 << 20;
/// How long memory has to be free: at least once, at most twice this.
const QUIET: Duration = Duration::from_secs(1);

/// What the server has held recently.
#[derive(Debug, Default)]
pub(super) struct Heap {
    usage: Mutex<HeapUse>,
}

#[derive(Debug, Default)]
struct HeapUse {
    /// The most since memory was returned last: the allocator may have as much.
    most: usize,
    /// The most since `since`.
    recent: usize,
    since: Option<Instant>,
}

impl Heap {
    /// `held` bytes are held now. Whether that is much, and nobody calls [`Heap::look`] yet. Takes
    /// a lock only if it is much.
    pub(super) fn rises(&self, held: usize) -> bool {
        held >= WORTH && self.lock().rises(held)
    }

    /// `held` bytes are held now: returns memory to the system if it is time for that. Returns when
    /// to look again, if there may be something to do then.
    pub(super) fn look(&self, held: usize, now: Instant) -> Option<Instant> {
        let mut trim = false;
        let next = self.lock().look(held, now, || trim = true);
        if trim {
            return_free_memory();
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, HeapUse> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeapUse {
    fn look(&mut self, held: usize, now: Instant, trim: impl FnOnce()) -> Option<Instant> {
        self.recent = self.recent.max(held);
        self.most = self.most.max(self.recent);
        if self.since.is_none() && self.most < WORTH {
            return None;
        }
        let since = *self.since.get_or_insert(now);
        if since + QUIET > now {
            return Some(since + QUIET);
        }
        // More than half of it, and not a trifle.
        if self.most - self.recent >= LITTLE.max(self.most / 2) {
            trim();
            self.most = self.recent;
        }
        let little = self.recent < LITTLE;
        self.recent = held;
        self.since = (!little).then_some(now);
        self.since.map(|since| since + QUIET)
    }

    fn rises(&mut self, held: usize) -> bool {
        if held < WORTH || held <= self.recent {
            return false;
        }
        self.recent = held;
        self.since.is_none()
    }
}

/// Returns what is free to the system.
fn return_free_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: any thread may call it at any time, whatever allocator the program uses.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Looks {
        heap: HeapUse,
        now: Instant,
        given: u32,
    }

    impl Looks {
        fn new() -> Looks {
            Looks {
                heap: HeapUse::default(),
                now: Instant::now(),
                given: 0,
            }
        }

        /// Looks after `quiets` times [`QUIET`].
        fn look(&mut self, held: usize, quiets: f64) -> bool {
            self.now += QUIET.mul_f64(quiets);
            let given = &mut self.given;
            self.heap.look(held, self.now, || *given += 1).is_some()
        }
    }

    #[test]
    fn what_has_been_free_for_some_time_is_given_back_once() {
        let mut looks = Looks::new();
        assert!(!looks.look(WORTH - 1, 0.0), "too little to look again");
        assert!(looks.look(4 * WORTH, 0.0));
        assert!(looks.look(0, 0.5));
        assert!(looks.look(WORTH / 4, 0.5), "it was in use within this time");
        assert_eq!(looks.given, 0);
        assert!(looks.look(0, 1.0), "some was in use a moment ago");
        assert_eq!(looks.given, 1);
        assert!(!looks.look(0, 1.0), "nothing is left to look for");
        assert_eq!(looks.given, 2);
        assert!(!looks.look(0, 10.0));
        assert_eq!(looks.given, 2);
    }

    #[test]
    fn a_rise_is_told_once() {
        let mut looks = Looks::new();
        assert!(!looks.heap.rises(WORTH - 1));
        assert!(looks.heap.rises(2 * WORTH));
        assert!(!looks.heap.rises(2 * WORTH));
        // What was held before the first look counts.
        assert!(looks.look(0, 0.0));
        assert!(!looks.heap.rises(3 * WORTH), "it is looked at again anyway");
        looks.look(0, 1.0);
        looks.look(0, 1.0);
        assert_eq!(looks.given, 1);
    }

    #[test]
    fn what_is_used_again_and_again_stays() {
        let mut looks = Looks::new();
        for _ in 0..100 {
            assert!(looks.look(4 * WORTH, 0.2));
            assert!(looks.look(0, 0.2));
        }
        assert_eq!(looks.given, 0);
    }
}
