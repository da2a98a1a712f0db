//! When the memory that the server has let go of goes back to the system.
//!
//! glibc keeps what is freed for the next who asks: it gives back the end of the heap by itself, but
//! nothing below what is still in use there. A server that held a lot of responses once would stay
//! that large. To give it back costs time, and so does taking it again: so it is done when much of it
//! has been free for some time.
#![allow(unsafe_code)]

use std::time::{Duration, Instant};

/// Somebody looks when as many bytes are held,
const WORTH: usize = 8 << 20;
/// and until no more than this was held of late.
const LITTLE: usize = 2 << 20;
/// They have to be free for this long: at least once, at most twice.
const QUIET: Duration = Duration::from_secs(1);

/// What the server has held of late.
#[derive(Debug, Default)]
pub(super) struct Heap {
    /// The most since memory was given back last: the allocator may have as much.
    most: usize,
    /// The most since `since`.
    recent: usize,
    since: Option<Instant>,
}

impl Heap {
    /// So many bytes are held now. Returns when to look again, if there may be something to do then;
    /// and gives memory back by `give_back` if the time has come.
    pub(super) fn look(
        &mut self,
        held: usize,
        now: Instant,
        give_back: impl FnOnce(),
    ) -> Option<Instant> {
        self.recent = self.recent.max(held);
        self.most = self.most.max(self.recent);
        if self.since.is_none() && self.most < WORTH {
            return None;
        }
        let since = *self.since.get_or_insert(now);
        if since + QUIET > now {
            return Some(since + QUIET);
        }
        // More than half of it, and not for next to nothing.
        if self.most - self.recent >= LITTLE.max(self.most / 2) {
            give_back();
            self.most = self.recent;
        }
        let little = self.recent < LITTLE;
        self.recent = held;
        self.since = (!little).then_some(now);
        self.since.map(|since| since + QUIET)
    }

    /// So many bytes are held now. Whether that is much, and nobody looks yet.
    pub(super) fn rises(&mut self, held: usize) -> bool {
        if held < WORTH || held <= self.recent {
            return false;
        }
        self.recent = held;
        self.since.is_none()
    }
}

/// Gives what is free back to the system.
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: any thread may call it at any time, whichever allocator the program has.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Looks {
        heap: Heap,
        now: Instant,
        given: u32,
    }

    impl Looks {
        fn new() -> Looks {
            Looks {
                heap: Heap::default(),
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
        assert!(looks.look(0, 1.0), "some was in use");
        assert_eq!(looks.given, 1);
        assert!(!looks.look(0, 1.0), "nothing is left to look for");
        assert_eq!(looks.given, 2);
        assert!(!looks.look(0, 10.0));
        assert_eq!(looks.given, 2);
    }

    #[test]
    fn it_need_not_be_looked_at_for_every_byte() {
        let mut looks = Looks::new();
        assert!(!looks.heap.rises(WORTH - 1));
        assert!(looks.heap.rises(2 * WORTH));
        assert!(!looks.heap.rises(2 * WORTH));
        // What there was when nobody looked counts.
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
