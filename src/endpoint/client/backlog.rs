//! The transactions that wait for a connection.

use std::collections::VecDeque;

use crate::bus::Transaction;

/// A queue in the order of arrival. It has no limit of its own; transactions that are over are
/// removed as it grows.
///
/// Methods return what they remove. The caller drops it when no lock is held: the last handle of a
/// piece can complete the transaction that it belongs to, and so run a callback of the user's.
#[derive(Default)]
pub(super) struct Backlog {
    queue: VecDeque<Transaction>,
    /// Length at which transactions that are over are removed.
    sweep_at: usize,
}

impl Backlog {
    /// Adds a transaction; returns those that were removed.
    #[must_use = "to be dropped when no lock is held"]
    pub(super) fn push(&mut self, transaction: &Transaction) -> Vec<Transaction> {
        let mut swept = Vec::new();
        if self.queue.len() >= self.sweep_at {
            swept = self.sweep();
            self.sweep_at = 64 + 2 * self.queue.len();
        }
        self.queue.push_back(transaction.clone());
        swept
    }

    /// Puts back what [`Backlog::pop`] gave.
    pub(super) fn put_back(&mut self, transaction: Transaction) {
        self.queue.push_front(transaction);
    }

    /// The first. It may be over: see [`is_over`].
    pub(super) fn pop(&mut self) -> Option<Transaction> {
        self.queue.pop_front()
    }

    /// Removes `transaction`; `None` if it does not wait here.
    pub(super) fn remove(&mut self, transaction: &Transaction) -> Option<Transaction> {
        let place = self.queue.iter().position(|other| other.same(transaction));
        self.queue.remove(place?)
    }

    /// Removes the transactions that are over, and returns them.
    #[must_use = "to be dropped when no lock is held"]
    pub(super) fn sweep(&mut self) -> Vec<Transaction> {
        let mut over = Vec::new();
        self.queue.retain(|transaction| {
            let stays = !is_over(transaction);
            if !stays {
                over.push(transaction.clone());
            }
            stays
        });
        over
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

impl IntoIterator for Backlog {
    type Item = Transaction;
    type IntoIter = std::collections::vec_deque::IntoIter<Transaction>;

    fn into_iter(self) -> Self::IntoIter {
        self.queue.into_iter()
    }
}

/// Whether `transaction`, or the transaction that it is a piece of, has completed.
pub(super) fn is_over(transaction: &Transaction) -> bool {
    transaction.completed() || (transaction.is_piece() && transaction.expired())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::READ;
    use std::time::Duration;

    fn transaction() -> Transaction {
        Transaction::new(0, 0, READ, None, Duration::MAX)
    }

    #[test]
    fn transactions_leave_in_the_order_of_arrival() {
        let mut backlog = Backlog::default();
        let [a, b, c] = [transaction(), transaction(), transaction()];
        for transaction in [&a, &b, &c] {
            assert!(backlog.push(transaction).is_empty());
        }
        let first = backlog.pop().unwrap();
        assert!(first.same(&a));
        backlog.put_back(first);
        assert!(backlog.remove(&b).unwrap().same(&b));
        assert!(backlog.remove(&b).is_none());
        assert!(backlog.pop().unwrap().same(&a));
        assert!(backlog.pop().unwrap().same(&c));
        assert!(backlog.pop().is_none() && backlog.is_empty());
    }

    #[test]
    fn transactions_that_are_over_do_not_pile_up() {
        let mut backlog = Backlog::default();
        let mut swept = 0;
        for _ in 0..10_000 {
            let transaction = transaction();
            swept += backlog.push(&transaction).len();
            transaction.done();
        }
        assert!(backlog.len() <= 66, "{}", backlog.len());
        assert_eq!(swept + backlog.len(), 10_000);
        let waits = transaction();
        drop(backlog.push(&waits));
        drop(backlog.sweep());
        assert!(backlog.pop().unwrap().same(&waits));
        assert!(backlog.is_empty());
    }
}
