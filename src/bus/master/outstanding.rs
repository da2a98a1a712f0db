//! The transactions that a master has made and not waited for yet, in the order of creation. They
//! are found by order or by id.

use std::collections::VecDeque;

use crate::bus::transaction::Transaction;

/// The number of gaps that may always stay, however few other entries there are.
const FEW_GAPS: usize = 32;

/// See the [module](self).
///
/// Transactions are mostly added at the end and removed from the front, which costs next to nothing
/// in a deque. A tree with ids as keys would cost a tenth of what a small transaction does.
#[derive(Default)]
pub(super) struct Outstanding {
    /// Orders and their transactions, ascending. A transaction that has been removed leaves a gap
    /// (`None`), except at the front.
    entries: VecDeque<(u64, Option<Transaction>)>,
    gaps: usize,
}

impl Outstanding {
    pub(super) fn insert(&mut self, transaction: Transaction) {
        let order = transaction.order();
        if self.entries.back().is_none_or(|(last, _)| *last < order) {
            self.entries.push_back((order, Some(transaction)));
            return;
        }
        match self.place(order) {
            Ok(index) => {
                let before = self.entries[index].1.replace(transaction);
                self.gaps -= usize::from(before.is_none());
            }
            Err(index) => self.entries.insert(index, (order, Some(transaction))),
        }
    }

    /// The transaction that was created first.
    pub(super) fn first(&self) -> Option<&Transaction> {
        self.entries.front()?.1.as_ref()
    }

    /// The transaction with this id.
    pub(super) fn get(&self, id: u32) -> Option<&Transaction> {
        // An id is the lower half of an order. If a transaction stays long enough, because nobody
        // waits for it, ids wrap around and two transactions have the same one: the newest is
        // meant.
        let first = self.entries.front()?.0;
        let last = self.entries.back()?.0;
        let newest = last.checked_sub((last as u32).wrapping_sub(id).into())?;
        (0..=(newest.checked_sub(first)? >> 32)).find_map(|turn| {
            let index = self.place(newest - (turn << 32)).ok()?;
            self.entries[index].1.as_ref()
        })
    }

    /// Removes the transaction created as number `order`.
    pub(super) fn remove(&mut self, order: u64) -> Option<Transaction> {
        let index = self.place(order).ok()?;
        let removed = self.entries[index].1.take()?;
        self.gaps += 1;
        while self
            .entries
            .front()
            .is_some_and(|(_, entry)| entry.is_none())
        {
            self.entries.pop_front();
            self.gaps -= 1;
        }
        if self.gaps > FEW_GAPS + self.entries.len() / 2 {
            self.entries.retain(|(_, entry)| entry.is_some());
            self.gaps = 0;
        }
        Some(removed)
    }

    /// All transactions, in order.
    pub(super) fn into_values(self) -> impl Iterator<Item = Transaction> {
        self.entries.into_iter().filter_map(|(_, entry)| entry)
    }

    /// The index of `order` in `entries`, or the one to insert it at.
    fn place(&self, order: u64) -> Result<usize, usize> {
        if self
            .entries
            .front()
            .is_some_and(|(first, _)| *first == order)
        {
            return Ok(0);
        }
        self.entries
            .binary_search_by_key(&order, |(order, _)| *order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::READ;
    use std::time::Duration;

    fn transactions(count: usize) -> Vec<Transaction> {
        (0..count)
            .map(|_| Transaction::new(0, 0, READ, None, Duration::MAX))
            .collect()
    }

    #[test]
    fn they_are_found_by_id_and_leave_in_any_order() {
        let all = transactions(if cfg!(miri) { 100 } else { 1000 });
        let mut outstanding = Outstanding::default();
        // The even ones first, so that the odd ones are inserted between them.
        for transaction in all.iter().step_by(2).chain(all.iter().skip(1).step_by(2)) {
            outstanding.insert(transaction.clone());
        }
        assert!(outstanding.first().unwrap().same(&all[0]));
        let mut left: Vec<usize> = (0..all.len()).collect();
        while !left.is_empty() {
            let index = left.swap_remove(left.len() * 7 / 11);
            let transaction = &all[index];
            assert!(outstanding.get(transaction.id()).unwrap().same(transaction));
            assert!(outstanding
                .remove(transaction.order())
                .unwrap()
                .same(transaction));
            assert!(outstanding.get(transaction.id()).is_none());
            assert!(outstanding.remove(transaction.order()).is_none());
            let first = left.iter().min().map(|&first| all[first].id());
            assert_eq!(outstanding.first().map(Transaction::id), first);
        }
        assert!(outstanding.entries.is_empty());
        assert_eq!(outstanding.gaps, 0);
    }

    #[test]
    fn one_that_is_registered_twice_is_there_once() {
        let all = transactions(3);
        let mut outstanding = Outstanding::default();
        for transaction in all.iter().chain(&all) {
            outstanding.insert(transaction.clone());
        }
        outstanding.remove(all[1].order());
        outstanding.insert(all[1].clone());
        assert_eq!(outstanding.gaps, 0);
        let ids: Vec<u32> = outstanding.into_values().map(|t| t.id()).collect();
        assert_eq!(ids, all.iter().map(Transaction::id).collect::<Vec<_>>());
    }

    #[test]
    fn one_that_stays_does_not_let_the_others_pile_up() {
        let mut outstanding = Outstanding::default();
        let first = transactions(1).remove(0);
        outstanding.insert(first.clone());
        for transaction in transactions(if cfg!(miri) { 500 } else { 10_000 }) {
            outstanding.insert(transaction.clone());
            outstanding.remove(transaction.order());
        }
        assert!(outstanding.entries.len() <= 4 * FEW_GAPS);
        assert!(outstanding.get(first.id()).unwrap().same(&first));
    }

    #[test]
    fn the_newest_with_an_id_is_meant_however_old_the_first_is() {
        let all = transactions(4);
        let turn = 1 << 32;
        let orders = [5, 7, turn + 5, turn + 10];
        let entries = all.iter().cloned().map(Some);
        let outstanding = Outstanding {
            entries: orders.into_iter().zip(entries).collect(),
            gaps: 0,
        };
        for (id, expected) in [
            (5, Some(2)),
            (7, Some(1)),
            (10, Some(3)),
            (11, None),
            (4, None),
        ] {
            let found = outstanding.get(id).map(Transaction::id);
            assert_eq!(found, expected.map(|index: usize| all[index].id()), "{id}");
        }
    }
}
