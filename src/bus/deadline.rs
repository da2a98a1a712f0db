//! Renewal of deadlines: an answer to one transaction renews the deadlines of all later ones,
//! because a slow link is not a dead one.
//!
//! Rogue walks all outstanding transactions at each answer. Here an answer leaves one mark, and a
//! transaction looks for marks only when its own deadline has passed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most marks that are kept. When a new one does not fit, the oldest is dropped.
const MAX_MARKS: usize = if cfg!(miri) { 64 } else { 4096 };
/// Answers less than this apart share a mark, so a renewed deadline may be early by this much.
const QUANTUM: Duration = Duration::from_millis(1);

/// Which transactions were answered, and when: the answers that can still renew a deadline.
#[derive(Debug)]
pub struct Renewals {
    start: Instant,
    /// The last mark, in a form that needs no lock: most answers look at nothing else. The upper
    /// half is its time in [`QUANTUM`]s since `start`, plus one, so that 0 is no mark. The lower
    /// half is the lower half of its order.
    last: AtomicU64,
    /// (order of creation of the transaction answered, time of the answer), ascending in both.
    marks: Mutex<VecDeque<(u64, Instant)>>,
}

impl Default for Renewals {
    fn default() -> Renewals {
        Renewals {
            start: Instant::now(),
            last: AtomicU64::new(0),
            marks: Mutex::default(),
        }
    }
}

impl Renewals {
    /// Notes that the transaction created as number `order` was answered at `now`.
    pub fn answered(&self, order: u64, now: Instant) {
        let quanta = now.saturating_duration_since(self.start).as_nanos() / QUANTUM.as_nanos();
        let quantum = (quanta as u32).wrapping_add(1);
        let last = self.last.load(Ordering::Acquire);
        // The orders of transactions that are outstanding together lie less than 2^31 apart.
        let is_later = (order as u32).wrapping_sub(last as u32) as i32 >= 0;
        if (last >> 32) as u32 == quantum && is_later {
            return;
        }
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&(last, at)) = marks.back() {
            // Answers that arrived together are noted with the same time.
            if last <= order && (now == at || now.saturating_duration_since(at) < QUANTUM) {
                return;
            }
        }
        // Drops marks of later transactions: this answer is newer, and renews all that they renew.
        while marks.back().is_some_and(|&(last, _)| last >= order) {
            marks.pop_back();
        }
        if marks.len() == MAX_MARKS {
            marks.pop_front();
        }
        marks.push_back((order, now));
        let last = u64::from(quantum) << 32 | u64::from(order as u32);
        self.last.store(last, Ordering::Release);
    }

    /// The time of the last answer to transaction number `order` or to an earlier one.
    pub fn last_answer(&self, order: u64) -> Option<Instant> {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        // Usually no later transaction has been answered. Then the last mark decides, and the
        // others, which are rarely in the CPU's cache, are not read.
        if let Some(&(_, at)) = marks.back().filter(|&&(last, _)| last <= order) {
            return Some(at);
        }
        let older = marks.partition_point(|&(mark, _)| mark <= order);
        older.checked_sub(1).map(|index| marks[index].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_renews_later_transactions_only() {
        let renewals = Renewals::default();
        let start = renewals.start;
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(renewals.last_answer(7), None);
        renewals.answered(5, at(10));
        assert_eq!(renewals.last_answer(4), None);
        assert_eq!(renewals.last_answer(5), Some(at(10)));
        assert_eq!(renewals.last_answer(900), Some(at(10)));
        renewals.answered(8, at(20));
        assert_eq!(renewals.last_answer(7), Some(at(10)));
        assert_eq!(renewals.last_answer(8), Some(at(20)));
        // An answer to an old transaction renews all later ones.
        renewals.answered(2, at(30));
        assert_eq!(renewals.last_answer(1), None);
        assert_eq!(renewals.last_answer(3), Some(at(30)));
        assert_eq!(renewals.last_answer(8), Some(at(30)));
    }

    #[test]
    fn an_answer_to_an_older_transaction_counts_within_the_same_moment() {
        let renewals = Renewals::default();
        let at = |us| renewals.start + Duration::from_micros(us);
        for (order, us) in [
            (1 << 32, 5000),
            ((1 << 32) - 1, 5001),
            ((1 << 32) + 7, 5002),
        ] {
            renewals.answered(order, at(us));
        }
        assert_eq!(renewals.last_answer((1 << 32) - 2), None);
        assert_eq!(renewals.last_answer((1 << 32) - 1), Some(at(5001)));
        assert_eq!(renewals.marks.lock().unwrap().len(), 1);
    }

    #[test]
    fn the_marks_are_bounded() {
        let renewals = Renewals::default();
        let start = renewals.start;
        for n in 0..3 * MAX_MARKS as u64 {
            renewals.answered(n, start + Duration::from_millis(2 * n));
        }
        assert_eq!(renewals.marks.lock().unwrap().len(), MAX_MARKS);
    }
}
