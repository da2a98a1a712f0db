//! Deadlines of transactions that no thread waits for, kept by an endpoint's own thread.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::bus::{Transaction, WeakTransaction};

/// Transactions by the time at which to look at them next.
#[derive(Default)]
pub(super) struct Watch {
    heap: BinaryHeap<Reverse<Entry>>,
    /// How many entries there may be before those that are over are thrown out.
    sweep_at: usize,
}

struct Entry {
    at: Instant,
    order: u64,
    transaction: WeakTransaction,
}

impl Watch {
    /// Watches `transaction` from now on; without a deadline there is nothing to watch. True when it
    /// is now the first to look at.
    pub(super) fn add(&mut self, transaction: &Transaction) -> bool {
        let Some(at) = transaction.deadline() else {
            return false;
        };
        if self.heap.len() >= self.sweep_at {
            self.heap.retain(|Reverse(entry)| !entry.over());
            self.sweep_at = 64 + 2 * self.heap.len();
        }
        let first = self.next().is_none_or(|next| at < next);
        let order = transaction.order();
        self.heap.push(Reverse(Entry {
            at,
            order,
            transaction: transaction.downgrade(),
        }));
        first
    }

    /// When to call [`Watch::due`] next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// The transactions whose time is over at `now`. Those whose deadline has been renewed stay.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Transaction> {
        let mut due = Vec::new();
        while self.next().is_some_and(|at| at <= now) {
            let Some(Reverse(entry)) = self.heap.pop() else {
                break;
            };
            let Some(transaction) = entry.transaction.upgrade() else {
                continue;
            };
            match transaction.deadline() {
                _ if transaction.completed() => {}
                Some(at) if at <= now => due.push(transaction),
                Some(at) => self.heap.push(Reverse(Entry { at, ..entry })),
                None => {}
            }
        }
        due
    }
}

impl Entry {
    fn over(&self) -> bool {
        self.transaction
            .upgrade()
            .is_none_or(|transaction| transaction.completed())
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.order == other.order
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::READ;
    use std::time::Duration;

    fn transaction(timeout: Duration) -> Transaction {
        let transaction = Transaction::new(0, 0, READ, None, timeout);
        transaction.taken();
        transaction
    }

    #[test]
    fn what_is_due_is_told_once_and_what_is_renewed_stays() {
        let mut watch = Watch::default();
        let short = transaction(Duration::from_millis(10));
        let long = transaction(Duration::from_secs(100));
        let never = transaction(Duration::MAX);
        assert!(watch.add(&long));
        assert!(watch.add(&short));
        assert!(!watch.add(&never));
        let now = Instant::now();
        assert!(watch.due(now - Duration::from_secs(1)).is_empty());
        let due = watch.due(now + Duration::from_secs(1));
        assert_eq!(due.len(), 1);
        assert!(due[0].same(&short));
        assert!(watch.due(now + Duration::from_secs(1)).is_empty());
        long.done();
        assert!(watch.due(now + Duration::from_secs(200)).is_empty());
        assert_eq!(watch.next(), None);
    }

    #[test]
    fn entries_that_are_over_do_not_pile_up() {
        let mut watch = Watch::default();
        for _ in 0..10_000 {
            watch.add(&transaction(Duration::from_secs(100)));
        }
        assert!(watch.heap.len() <= 65, "{}", watch.heap.len());
    }
}
