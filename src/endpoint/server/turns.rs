//! The order in which clients have their turns. A transaction costs its client as many bytes as it
//! moves, and the client that has had the least is next.
//!
//! This is fair queueing by virtual time, which shares as deficit round robin does and needs no
//! rounds. A client's next turn *starts* where its last one ended, or now if that is later. It
//! *ends* by its cost after that, and the turn that ends first is next. So a register access passes
//! the large blocks of others, however many they are, and a client that has been away has saved up
//! nothing. The time *now* moves on by what is served, shared among the clients that wait (Parekh
//! and Gallager, 1993).

use std::collections::BTreeSet;

/// What a transaction costs beside its bytes. With this, small ones take turns one by one.
const EACH: u64 = 4096;

/// A turn for which a client waits, in the order of turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    end: u64,
    /// Of turns that end together, the first to come is first.
    order: u64,
    client: u64,
    start: u64,
}

/// A client's place in the queue, in which it is at most once.
#[derive(Debug, Default)]
pub(super) struct TurnPlace {
    /// Where its next turn starts, unless now is later.
    next: u64,
    turn: Option<Turn>,
}

/// The queue of clients that can be served.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The next turn, apart from the others: most servers have one client at work, and then
    /// `others` is empty.
    first: Option<Turn>,
    others: BTreeSet<Turn>,
    now: u64,
    order: u64,
}

impl Turns {
    /// How many clients wait.
    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    /// Whose turn it is.
    pub(super) fn first(&self) -> Option<u64> {
        self.first.map(|turn| turn.client)
    }

    /// `client` can be served, with a transaction of `bytes`. Nothing happens if it waits already.
    pub(super) fn enter(&mut self, client: u64, place: &mut TurnPlace, bytes: u32) {
        if place.turn.is_some() {
            return;
        }
        self.order += 1;
        let start = place.next.max(self.now);
        let turn = Turn {
            end: start + EACH + u64::from(bytes),
            order: self.order,
            client,
            start,
        };
        place.turn = Some(turn);
        match self.first {
            None => self.first = Some(turn),
            Some(first) if turn < first => {
                self.others.insert(first);
                self.first = Some(turn);
            }
            Some(_) => {
                self.others.insert(turn);
            }
        }
    }

    /// The client with this place cannot be served, or has gone.
    pub(super) fn leave(&mut self, place: &mut TurnPlace) {
        let Some(turn) = place.turn.take() else {
            return;
        };
        if self.first == Some(turn) {
            self.first = self.others.pop_first();
        } else {
            self.others.remove(&turn);
        }
    }

    /// The client with this place has had its turn. `next`: the bytes of its next transaction, for
    /// which it waits again.
    pub(super) fn served(&mut self, place: &mut TurnPlace, next: Option<u32>) {
        let Some(turn) = place.turn else {
            return;
        };
        place.next = turn.end;
        let cost = turn.end - turn.start;
        if self.others.is_empty() {
            // No other client waits.
            self.now = (self.now + cost).max(turn.start);
            (self.first, place.turn) = (None, None);
        } else {
            self.leave(place);
            self.now = (self.now + cost / (1 + self.len() as u64)).max(turn.start);
        }
        if let Some(bytes) = next {
            self.enter(turn.client, place, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clients that always have another transaction, of a size of their own.
    struct Floor {
        turns: Turns,
        places: Vec<TurnPlace>,
        sizes: Vec<u32>,
    }

    impl Floor {
        fn new(sizes: &[u32]) -> Floor {
            let count = sizes.len() as u64;
            let mut floor = Floor {
                turns: Turns::default(),
                places: sizes.iter().map(|_| TurnPlace::default()).collect(),
                sizes: sizes.to_vec(),
            };
            (0..count).for_each(|client| floor.enter(client));
            floor
        }

        fn enter(&mut self, client: u64) {
            let place = &mut self.places[client as usize];
            self.turns.enter(client, place, self.sizes[client as usize]);
        }

        /// Gives the next turn; the client waits for another one at once.
        fn serve(&mut self) -> u64 {
            let client = self.turns.first().unwrap();
            let next = Some(self.sizes[client as usize]);
            self.turns.served(&mut self.places[client as usize], next);
            client
        }

        fn serve_once(&mut self) -> u64 {
            let client = self.turns.first().unwrap();
            self.turns.served(&mut self.places[client as usize], None);
            client
        }
    }

    #[test]
    fn equals_have_turns_one_after_the_other() {
        let mut floor = Floor::new(&[4; 3]);
        let order: Vec<u64> = (0..9).map(|_| floor.serve()).collect();
        assert_eq!(order, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_small_one_passes_before_large_ones() {
        const LARGE: u32 = 16 << 20;
        let mut floor = Floor::new(&[&[LARGE; 16][..], &[4]].concat());
        for _ in 0..1000 {
            // Large ones are always there, this one comes again when it has been answered.
            assert_eq!(floor.serve_once(), 16);
            assert_ne!(floor.serve(), 16);
            floor.enter(16);
        }
    }

    #[test]
    fn ever_new_clients_do_not_shut_out_large_ones() {
        let mut floor = Floor::new(&[16 << 20]);
        let mut count = 0;
        loop {
            let mut place = TurnPlace::default();
            floor.turns.enter(1, &mut place, 4);
            if floor.turns.first() == Some(0) {
                break;
            }
            floor.turns.served(&mut place, None);
            count += 1;
        }
        assert!(count < 10_000, "{count}");
    }

    #[test]
    fn bytes_are_shared_evenly() {
        let mut floor = Floor::new(&[1 << 20, 1 << 16]);
        let mut bytes = [0u64; 2];
        for _ in 0..1700 {
            let client = floor.serve() as usize;
            bytes[client] += u64::from(floor.sizes[client]);
        }
        let ratio = bytes[0] as f64 / bytes[1] as f64;
        assert!((0.9..1.15).contains(&ratio), "{bytes:?}");
    }

    #[test]
    fn a_client_that_was_away_has_saved_up_nothing() {
        let mut floor = Floor::new(&[4; 2]);
        floor.turns.leave(&mut floor.places[1]);
        assert_eq!(floor.turns.len(), 1);
        (0..100).for_each(|_| assert_eq!(floor.serve(), 0));
        floor.enter(1);
        let first = (0..10).filter(|_| floor.serve() == 1).count();
        assert_eq!(first, 5);
    }

    #[test]
    fn a_client_that_leaves_has_no_turn() {
        let mut floor = Floor::new(&[4; 3]);
        for client in [1, 0] {
            floor.turns.leave(&mut floor.places[client]);
            assert!(floor.places[client].turn.is_none());
            // A second time changes nothing.
            floor.turns.leave(&mut floor.places[client]);
        }
        assert_eq!(floor.turns.first(), Some(2));
        floor.turns.leave(&mut floor.places[2]);
        assert_eq!((floor.turns.first(), floor.turns.len()), (None, 0));
    }
}
