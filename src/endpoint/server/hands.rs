//! The transactions of one client that are in the slave's hands.
//!
//! Each has a place here from when it is handed out until it is complete; the number of the place
//! goes along with it. So the server knows which ones are late, and which are left when their
//! client goes. The handles are weak, since the bus takes the drop of the last strong one as a sign
//! that the slave has let go. A strong handle made here goes to the caller, who drops it without a
//! lock.

use crate::bus::{Kind, Transaction, WeakTransaction};

/// See the [module](self).
#[derive(Default)]
pub(super) struct Hands {
    places: Vec<Option<InHands>>,
    free: Vec<u32>,
    /// How many count against `max_outstanding`.
    count: usize,
}

/// A transaction in the slave's hands. Times are those of the server's clock.
struct InHands {
    transaction: WeakTransaction,
    /// When its request came.
    since: u64,
    /// When it was handed out.
    at: u64,
    /// When the slave's time for it is over.
    until: u64,
    /// It reads: nobody but its client needs it.
    reads: bool,
    counts: bool,
}

/// A transaction that was in the slave's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeftHands {
    /// When its request came.
    pub(super) since: u64,
    /// It counted against `max_outstanding` until now.
    pub(super) counted: bool,
}

impl Hands {
    /// How many count against `max_outstanding`.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The place for the next one.
    pub(super) fn next(&self) -> u32 {
        // It fits: 2^32 places take more memory than there is.
        self.free
            .last()
            .copied()
            .unwrap_or(self.places.len() as u32)
    }

    /// Puts `transaction` into the place that [`Hands::next`] returned.
    pub(super) fn put(&mut self, transaction: &Transaction, since: u64, at: u64, until: u64) {
        let entry = Some(InHands {
            transaction: transaction.downgrade(),
            since,
            at,
            until,
            reads: matches!(transaction.kind(), Kind::Read | Kind::Verify),
            counts: true,
        });
        self.count += 1;
        match self.free.pop() {
            Some(place) => self.places[place as usize] = entry,
            None => self.places.push(entry),
        }
    }

    /// The transaction at `place` is complete.
    pub(super) fn take(&mut self, place: u32) -> Option<LeftHands> {
        let held = self.places.get_mut(place as usize)?.take()?;
        self.free.push(place);
        self.count -= usize::from(held.counts);
        Some(LeftHands {
            since: held.since,
            counted: held.counts,
        })
    }

    /// Adds the transactions whose time is over at `now` to `due`. They keep their places until
    /// they are complete. Returns when the time of the next one is over.
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

    /// The time of `transaction` is over at `until`.
    pub(super) fn renew(&mut self, transaction: &Transaction, until: u64) {
        let mut held = self.places.iter_mut().flatten();
        if let Some(held) = held.find(|held| held.transaction.is(transaction)) {
            held.until = until;
        }
    }

    /// Adds to `left` those that were handed out by `at`, and with `reads` all that read: they
    /// count no more.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::WRITE;
    use std::time::Duration;

    fn transaction() -> Transaction {
        Transaction::new(0, 4, Kind::Read, None, Duration::MAX)
    }

    #[test]
    fn each_has_its_place_until_it_is_complete() {
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
    fn late_ones_are_found() {
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
    fn what_is_let_go_of_counts_no_more() {
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
}
