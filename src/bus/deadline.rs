//! Renewal of deadlines: a transaction that has been overtaken by an answer to an earlier one has
//! its deadline renewed, because a slow link is not a dead one.
//!
//! Rogue walks all outstanding transactions at each answer. Here an answer leaves one mark, and a
//! transaction looks for marks only when its own deadline has passed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most marks that are kept; the oldest go first.
const MAX_MARKS: usize = 4096;
/// Answers closer together than this share a mark: a deadline is renewed to within this time.
const QUANTUM: Duration = Duration::from_millis(1);

/// When which transactions were answered, as far as that can still renew a deadline.
#[derive(Debug, Default)]
pub struct Renewals {
    /// (order of creation of the transaction answered, time of the answer), ascending in both.
    marks: Mutex<VecDeque<(u64, Instant)>>,
}

impl Renewals {
    /// Notes that the transaction created as number `order` was answered at `now`.
    pub fn answered(&self, order: u64, now: Instant) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&(last, at)) = marks.back() {
            // Answers that came together are told with the same time.
            if last <= order && (now == at || now.saturating_duration_since(at) < QUANTUM) {
                return;
            }
        }
        // A mark of a later transaction is worth less than this one in every respect.
        while marks.back().is_some_and(|&(last, _)| last >= order) {
            marks.pop_back();
        }
        if marks.len() == MAX_MARKS {
            marks.pop_front();
        }
        marks.push_back((order, now));
    }

    /// When the last answer came to a transaction that is not younger than number `order`.
    pub fn last_answer(&self, order: u64) -> Option<Instant> {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        // Mostly nothing younger has been answered, and the other marks are not in the cache.
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
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(renewals.last_answer(7), None);
        renewals.answered(5, at(10));
        assert_eq!(renewals.last_answer(4), None);
        assert_eq!(renewals.last_answer(5), Some(at(10)));
        assert_eq!(renewals.last_answer(900), Some(at(10)));
        renewals.answered(8, at(20));
        assert_eq!(renewals.last_answer(7), Some(at(10)));
        assert_eq!(renewals.last_answer(8), Some(at(20)));
        // An answer to an old one renews everything after it.
        renewals.answered(2, at(30));
        assert_eq!(renewals.last_answer(1), None);
        assert_eq!(renewals.last_answer(3), Some(at(30)));
        assert_eq!(renewals.last_answer(8), Some(at(30)));
    }

    #[test]
    fn the_marks_are_bounded() {
        let renewals = Renewals::default();
        let start = Instant::now();
        for n in 0..3 * MAX_MARKS as u64 {
            renewals.answered(n, start + Duration::from_millis(2 * n));
        }
        assert_eq!(renewals.marks.lock().unwrap().len(), MAX_MARKS);
    }
}
