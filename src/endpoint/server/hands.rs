//! The transactions of one client that are in the slave's hands.
//!
//! Each has a place here from the moment it is handed out until it has completed; its number goes along
//! with the transaction. So the server knows which are late, and which are left when their client has
//! gone. A weak handle is kept, since the bus tells by the last strong one that a slave has let go; a
//! strong one that is made here is given to the caller, who drops it without a lock.

use std::time::Instant;

use crate::bus::{Transaction, WeakTransaction, READ, VERIFY};

/// See the [module](self).
#[derive(Default)]
pub(super) struct Hands {
    places: Vec<Option<Held>>,
    free: Vec<u32>,
    /// Those that count among what the slave may have.
    count: usize,
}

/// A transaction in the slave's hands. Times are those of `Shared::clock`.
struct Held {
    transaction: WeakTransaction,
    /// When its request came.
    since: u64,
    /// When it was handed out.
    at: u64,
    /// When its time is over.
    until: u64,
    /// Nobody needs it but its client.
    reads: bool,
    counts: bool,
}

/// A transaction that was in the slave's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// When its request came.
    pub(super) since: u64,
    /// It counted until now among what the slave may have.
    pub(super) counted: bool,
}

impl Hands {
    /// As many count among what the slave may have.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The place for the next one.
    pub(super) fn next(&self) -> u32 {
        // No server has as many as would not fit: `max_outstanding` places take more memory than that.
        self.free
            .last()
            .copied()
            .unwrap_or(self.places.len() as u32)
    }

    /// Puts `transaction` to the place that [`Hands::next`] told.
    pub(super) fn put(&mut self, transaction: &Transaction, since: u64, at: u64, until: u64) {
        let held = Some(Held {
            transaction: transaction.downgrade(),
            since,
            at,
            until,
            reads: matches!(transaction.kind(), READ | VERIFY),
            counts: true,
        });
        self.count += 1;
        match self.free.pop() {
            Some(place) => self.places[place as usize] = held,
            None => self.places.push(held),
        }
    }

    /// The transaction at `place` has completed.
    pub(super) fn take(&mut self, place: u32) -> Option<Ended> {
        let held = self.places.get_mut(place as usize)?.take()?;
        self.free.push(place);
        self.count -= usize::from(held.counts);
        Some(Ended {
            since: held.since,
            counted: held.counts,
        })
    }

    /// The transactions whose time is over at `now` go to `due`, and stay in their places until they
    /// have completed. Returns when the next one's is, if there are more.
    pub(super) fn due(&self, now: u64, due: &mut Vec<Transaction>) -> Option<u64> {
        let mut next = None::<u64>;
        for held in self.places.iter().flatten() {
            if held.until > now {
                next = Some(next.map_or(held.until, |next| next.min(held.until)));
            } else if let Some(transaction) = held.transaction.upgrade() {
                due.push(transaction);
            }
        }
        next
    }

    /// The time of `transaction` is over at `until`, not before.
    pub(super) fn renew(&mut self, transaction: &Transaction, until: u64) {
        let mut held = self.places.iter_mut().flatten();
        if let Some(held) = held.find(|held| held.transaction.is(transaction)) {
            held.until = until;
        }
    }

    /// Those that were handed out by `at`, or all that read, count no more, and go to `left`.
    pub(super) fn let_go(&mut self, at: u64, reads: bool, left: &mut Vec<Transaction>) {
        for held in self.places.iter_mut().flatten() {
            let goes = held.at <= at || (reads && held.reads);
            if !held.counts || !goes {
                continue;
            }
            held.counts = false;
            self.count -= 1;
            left.extend(held.transaction.upgrade());
        }
    }
}

/// Transactions that the slave has still though nobody waits for them: their clients have gone.
#[derive(Default)]
pub(super) struct Abandoned {
    transactions: Vec<Left>,
    /// Bytes that they hold.
    bytes: usize,
}

struct Left {
    transaction: WeakTransaction,
    bytes: usize,
    until: Option<Instant>,
}

impl Abandoned {
    /// As many there are.
    pub(super) fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Bytes that they hold.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds one that holds `bytes` of its own. It counts until the slave lets go of it, and at most until
    /// `until`: a slave that has lost it never will.
    pub(super) fn add(&mut self, transaction: &Transaction, bytes: usize, until: Option<Instant>) {
        self.bytes += bytes;
        self.transactions.push(Left {
            transaction: transaction.downgrade(),
            bytes,
            until,
        });
    }

    /// Forgets those that the slave has let go of, and those that it has lost: these go to `lost`.
    /// Returns how many bytes they held.
    pub(super) fn look(&mut self, now: Instant, lost: &mut Vec<Transaction>) -> usize {
        let before = self.bytes;
        let bytes = &mut self.bytes;
        self.transactions.retain(|left| {
            if left.transaction.is_alive() && left.until.is_none_or(|until| until > now) {
                return true;
            }
            *bytes -= left.bytes;
            lost.extend(left.transaction.upgrade());
            false
        });
        before - self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::WRITE;
    use std::time::Duration;

    fn transaction() -> Transaction {
        Transaction::new(0, 4, READ, None, Duration::MAX)
    }

    #[test]
    fn each_has_its_place_until_it_ends() {
        let mut hands = Hands::default();
        let all: Vec<_> = (0..3).map(|_| transaction()).collect();
        for (n, transaction) in all.iter().enumerate() {
            assert_eq!(hands.next(), n as u32);
            hands.put(transaction, 10 + n as u64, 20, 30);
        }
        let ended = hands.take(1);
        assert_eq!(ended.map(|ended| ended.since), Some(11));
        assert_eq!(
            (hands.count(), hands.take(1), hands.take(9)),
            (2, None, None)
        );
        assert_eq!(hands.next(), 1);
        hands.put(&all[1], 12, 40, 50);
        assert_eq!(hands.take(1).map(|ended| ended.since), Some(12));
    }

    #[test]
    fn those_whose_time_is_over_are_told() {
        let mut hands = Hands::default();
        let (first, second) = (transaction(), transaction());
        hands.put(&first, 0, 0, 10);
        hands.put(&second, 0, 0, 20);
        let mut due = Vec::new();
        assert_eq!(hands.due(9, &mut due), Some(10));
        assert!(due.is_empty());
        assert_eq!(hands.due(10, &mut due), Some(20));
        assert!(due.len() == 1 && due[0].same(&first));
        hands.renew(&first, 30);
        due.clear();
        assert_eq!(hands.due(25, &mut due), Some(30));
        assert!(due.len() == 1 && due[0].same(&second));
    }

    #[test]
    fn what_is_let_go_counts_no_more() {
        let mut hands = Hands::default();
        let (first, second) = (transaction(), transaction());
        hands.put(&first, 0, 1, u64::MAX);
        hands.put(&second, 0, 2, u64::MAX);
        let write = Transaction::new(0, 4, WRITE, None, Duration::MAX);
        hands.put(&write, 0, 3, u64::MAX);
        let mut left = Vec::new();
        hands.let_go(1, false, &mut left);
        assert!(left.len() == 1 && left[0].same(&first));
        assert_eq!(hands.count(), 2);
        assert_eq!(hands.take(0).map(|ended| ended.counted), Some(false));
        hands.let_go(1, true, &mut left);
        assert!(left.len() == 2 && left[1].same(&second));
        hands.let_go(3, true, &mut left);
        assert_eq!((left.len(), hands.count()), (3, 0));
    }

    #[test]
    fn what_is_abandoned_counts_until_the_slave_lets_go() {
        let now = Instant::now();
        let mut abandoned = Abandoned::default();
        let (held, lost) = (transaction(), transaction());
        abandoned.add(&held, 10, None);
        abandoned.add(&lost, 5, Some(now + Duration::from_secs(9)));
        let mut gone = Vec::new();
        assert_eq!(abandoned.look(now, &mut gone), 0);
        drop(held);
        assert_eq!(abandoned.look(now, &mut gone), 10);
        assert_eq!((abandoned.len(), abandoned.bytes()), (1, 5));
        assert!(gone.is_empty());
        assert_eq!(abandoned.look(now + Duration::from_secs(9), &mut gone), 5);
        assert!(abandoned.len() == 0 && gone[0].same(&lost));
    }
}
