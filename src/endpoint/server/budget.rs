//! How much memory a server may hold for responses, and which transaction fits.
//!
//! Counted are responses that wait to be sent or for a response connection, and the answers of
//! transactions in the slave's hands, whose size is known before they start. The sum is kept within
//! `max_queued_total`, as is that of the data of requests, see `incoming.rs`.
//!
//! A client that holds something may have as much as is free, and no more (dynamic thresholds,
//! Choudhury and Hahne, 1998). So clients that take all they can get leave room: `n` of them that
//! come together and read nothing end with one part in `n + 1` each, and one part is free.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

/// An answer of at most this much is *small*: a client that holds nothing always gets it.
pub(super) const SMALL: usize = 4096;

/// The memory held for responses, in bytes.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// What the sockets of the connections did not take.
    pub(super) queued: Arc<AtomicUsize>,
    /// Answers in the slave's hands, and responses that wait for their connection.
    reserved: AtomicUsize,
}

/// The limits for memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemoryLimits {
    /// For one client.
    pub(super) client: usize,
    /// For all.
    pub(super) total: usize,
}

/// Whether a transaction may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Start,
    /// Not before the client holds less.
    HoldsMuch,
    /// Not before there is room.
    NoRoom,
}

impl Budget {
    /// Bytes held.
    pub(super) fn used(&self) -> usize {
        let reserved = self.reserved.load(Ordering::Relaxed);
        reserved.saturating_add(self.queued.load(Ordering::Relaxed))
    }

    /// Counts `bytes` that will be held.
    pub(super) fn reserve(&self, bytes: usize) {
        self.reserved.fetch_add(bytes, Ordering::Relaxed);
    }

    /// `bytes` that were reserved are held no longer.
    pub(super) fn release(&self, bytes: usize) {
        self.reserved.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl MemoryLimits {
    /// Whether an answer of `answer` bytes fits, whatever its client holds of `used`.
    pub(super) fn surely_fits(self, used: usize, answer: usize) -> bool {
        used.saturating_add(answer) <= self.client.min(self.total / 2)
    }

    /// Whether there is room for `bytes`. What is larger than the limit has room when little else
    /// is held: otherwise it never would.
    pub(super) fn has_room(self, used: usize, bytes: usize) -> bool {
        self.missing(used, bytes) == 0
    }

    /// How much has to go before there is room for `bytes`.
    pub(super) fn missing(self, used: usize, bytes: usize) -> usize {
        let bytes = bytes.min(self.total - self.total / 8);
        used.saturating_add(bytes).saturating_sub(self.total)
    }

    /// Whether a transaction with an answer of `answer` bytes may start, for a client that holds
    /// `held` of the `used` bytes. `others`: clients that hold nothing wait for room.
    pub(super) fn judge(self, used: usize, held: usize, answer: usize, others: bool) -> Verdict {
        if held == 0 {
            let room = answer <= SMALL || (!others && self.has_room(used, answer));
            return if room {
                Verdict::Start
            } else {
                Verdict::NoRoom
            };
        }
        let would_hold = held.saturating_add(answer);
        let free = self.total.saturating_sub(used);
        let much = would_hold > self.client.min(free) || (others && answer > SMALL);
        if much {
            Verdict::HoldsMuch
        } else {
            Verdict::Start
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{HoldsMuch, NoRoom, Start};

    const MIB: usize = 1 << 20;
    const LIMITS: MemoryLimits = MemoryLimits {
        client: 32 * MIB,
        total: 256 * MIB,
    };

    #[test]
    fn one_client_has_its_limit() {
        let mut held = 0;
        while LIMITS.judge(held, held, MIB, false) == Start {
            held += MIB;
        }
        assert_eq!(held, 32 * MIB);
        // It may have one answer, however large.
        let small = MemoryLimits {
            client: 1,
            total: 1 << 30,
        };
        assert_eq!(small.judge(0, 0, MIB, false), Start);
        assert_eq!(small.judge(1, 1, 1, false), HoldsMuch);
    }

    #[test]
    fn many_that_read_nothing_leave_room_for_another() {
        for (count, answer) in [(6, MIB), (100, 16 * MIB), (1900, 1 << 16), (1900, MIB)] {
            let mut held = vec![0; count];
            let mut used = 0;
            loop {
                let before = used;
                for held in &mut held {
                    if LIMITS.judge(used, *held, answer, false) == Start {
                        *held += answer;
                        used += answer;
                        assert!(used <= LIMITS.total, "{used} of {count}");
                    }
                }
                if used == before {
                    break;
                }
            }
            assert_eq!(LIMITS.judge(used, 0, SMALL, true), Start);
            if answer < LIMITS.total / (count + 1) {
                assert_eq!(LIMITS.judge(used, 0, answer, false), Start, "{count}");
            }
        }
    }

    #[test]
    fn a_client_that_waits_for_room_comes_before_those_that_hold_something() {
        assert_eq!(LIMITS.judge(0, 0, MIB, true), NoRoom);
        assert_eq!(LIMITS.judge(MIB, MIB, MIB, true), HoldsMuch);
        assert_eq!(LIMITS.judge(MIB, 1000, SMALL, true), Start);
    }

    #[test]
    fn what_is_larger_than_all_comes_when_little_is_held() {
        let all = LIMITS.total;
        assert!(!LIMITS.has_room(all / 4, 2 * all));
        assert!(LIMITS.has_room(all / 8, 2 * all));
        assert!(LIMITS.has_room(0, usize::MAX));
        assert_eq!(LIMITS.missing(all, MIB), MIB);
        let none = MemoryLimits {
            client: 0,
            total: 0,
        };
        assert!(none.has_room(0, MIB) && !none.has_room(1, MIB));
    }

    #[test]
    fn what_surely_fits_would_fit() {
        for used in (0..300 * MIB).step_by(MIB) {
            for answer in [0, 4, MIB, 16 * MIB, 300 * MIB] {
                if LIMITS.surely_fits(used, answer) {
                    assert_eq!(LIMITS.judge(used, used, answer, false), Start);
                    assert_eq!(LIMITS.judge(used, 0, answer, false), Start);
                }
            }
        }
    }
}
