//! The deadlines of transactions for which no thread waits: the endpoint keeps them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::bus::{Transaction, WeakTransaction};

/// Transactions, ordered by the time of the next look at them.
#[derive(Default)]
pub(super) struct Watch {
    heap: BinaryHeap<Reverse<Watched>>,
    /// Length at which complete transactions are removed.
    sweep_at: usize,
}

struct Watched {
    at: Instant,
    order: u64,
    transaction: WeakTransaction,
}

impl Watch {
    /// Watches `transaction` from now on, if it has a deadline. True if it is the first to look at
    /// now.
    pub(super) fn add(&mut self, transaction: &Transaction) -> bool {
        let Some(at) = transaction.deadline() else {
            return false;
        };
        if self.heap.len() >= self.sweep_at {
            self.heap.retain(|Reverse(entry)| !entry.is_complete());
            self.sweep_at = 64 + 2 * self.heap.len();
        }
        let first = self.next().is_none_or(|next| at < next);
        let order = transaction.order();
        self.heap.push(Reverse(Watched {
            at,
            order,
            transaction: transaction.downgrade(),
        }));
        first
    }

    /// When to call [`Watch::due`].
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Removes and returns the transactions that are late at `now`. A transaction with a renewed
    /// deadline stays.
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
                Some(at) => self.heap.push(Reverse(Watched { at, ..entry })),
                None => {}
            }
        }
        due
    }
}

impl Watched {
    fn is_complete(&self) -> bool {
        self.transaction
            .upgrade()
            .is_none_or(|transaction| transaction.completed())
    }
}

impl PartialEq for Watched {
    fn eq(&self, other: &Watched) -> bool {
        self.order == other.order
    }
}

impl Eq for Watched {}

impl PartialOrd for Watched {
    fn partial_cmp(&self, other: &Watched) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Watched {
    fn cmp(&self, other: &Watched) -> std::cmp::Ordering {
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
    fn what_is_late_is_returned_once_and_what_is_renewed_stays() {
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
    fn complete_transactions_do_not_pile_up() {
        let mut watch = Watch::default();
        for _ in 0..10_000 {
            watch.add(&transaction(Duration::from_secs(100)));
        }
        assert!(watch.heap.len() <= 65, "{}", watch.heap.len());
    }
}
