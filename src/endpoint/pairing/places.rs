//! What is known of each address from which legacy connections come.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{Side, Waiting, TOGETHER};

/// How long it is remembered that a connection was at an address: the other one of its client may
/// come back first. Beyond the longest silence of a host that is put up with by default.
const REMEMBER: Duration = Duration::from_secs(10);
/// Addresses that are remembered though no connection of theirs is there: strangers may have many.
const MOST_REMEMBERED: usize = 4096;

/// The addresses, those of which nothing is there any more among them.
#[derive(Debug, Default)]
pub(super) struct Places {
    places: HashMap<IpAddr, Place>,
    /// Those from which the last connection has gone, and when.
    empty: BTreeSet<(Instant, IpAddr)>,
}

#[derive(Debug, Default)]
struct Place {
    /// Connections that are there, by side, as all of these.
    there: [usize; 2],
    /// When the last one went.
    left: [Option<Instant>; 2],
    /// Those that have no partner.
    waiting: [Waiting; 2],
    /// Those that never had one, while none of the other side is or was there: they are of one side.
    lonely: Waiting,
    /// Those whose partner is at another address.
    guesses: [BTreeSet<u64>; 2],
    /// The last pair of new connections.
    last_pair: Option<NewPair>,
}

/// A pair of connections that never had other partners.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewPair {
    pub(super) first: Instant,
    pub(super) last: Instant,
    /// One of them; without its partner it would wait.
    pub(super) one: u64,
}

impl NewPair {
    /// Whether the connections of both came at the same time, so that another order would have led
    /// to other pairs.
    pub(super) fn overlaps(&self, other: &NewPair) -> bool {
        self.first < other.last + TOGETHER && other.first < self.last + TOGETHER
    }
}

impl Places {
    /// A connection comes, and waits. Returns those that are not alone at their address from now on.
    pub(super) fn arrive(&mut self, peer: IpAddr, key: (Instant, u64), side: Side) -> Waiting {
        let now = key.0;
        self.forget_old(now);
        let place = self.places.entry(peer).or_default();
        if let Some(at) = place.empty_since() {
            self.empty.remove(&(at, peer));
        }
        place.there[side as usize] += 1;
        place.waiting[side as usize].insert(key);
        if !place.seen(side.other(), now) {
            place.lonely.insert(key);
            return Waiting::new();
        }
        std::mem::take(&mut place.lonely)
    }

    /// Whether a connection never had a partner, and none of the other side is or was there.
    pub(super) fn is_lonely(&self, peer: IpAddr, key: (Instant, u64)) -> bool {
        let place = self.places.get(&peer);
        place.is_some_and(|place| place.lonely.contains(&key))
    }

    /// A connection goes.
    pub(super) fn leave(&mut self, peer: IpAddr, key: (Instant, u64), side: Side, now: Instant) {
        let Some(place) = self.places.get_mut(&peer) else {
            return;
        };
        place.there[side as usize] -= 1;
        place.left[side as usize] = Some(now);
        place.waiting[side as usize].remove(&key);
        place.lonely.remove(&key);
        place.guesses[side as usize].remove(&key.1);
        if let Some(at) = place.empty_since() {
            self.empty.insert((at, peer));
            self.forget_old(now);
        }
    }

    /// A connection has a partner no more.
    pub(super) fn wait(&mut self, peer: IpAddr, key: (Instant, u64), side: Side) {
        if let Some(place) = self.places.get_mut(&peer) {
            place.waiting[side as usize].insert(key);
            place.guesses[side as usize].remove(&key.1);
        }
    }

    /// A connection has a partner, which is at another address if that is a `guess`.
    pub(super) fn join(&mut self, peer: IpAddr, key: (Instant, u64), side: Side, guess: bool) {
        if let Some(place) = self.places.get_mut(&peer) {
            place.waiting[side as usize].remove(&key);
            place.lonely.remove(&key);
            if guess {
                place.guesses[side as usize].insert(key.1);
            }
        }
    }

    /// The waiting connection that began to wait nearest to `since`.
    pub(super) fn nearest(&self, peer: IpAddr, side: Side, since: Instant) -> Option<u64> {
        let waiting = &self.places.get(&peer)?.waiting[side as usize];
        let before = waiting.range(..=(since, u64::MAX)).next_back();
        let after = waiting.range((since, u64::MAX)..).next();
        match (before, after) {
            (Some(before), Some(after)) if after.0 - since < since - before.0 => Some(after.1),
            (Some(before), _) => Some(before.1),
            (None, after) => after.map(|after| after.1),
        }
    }

    /// Whether any connection of the address waits.
    pub(super) fn any_waits(&self, peer: IpAddr) -> bool {
        let place = self.places.get(&peer);
        place.is_some_and(|place| place.waiting.iter().any(|side| !side.is_empty()))
    }

    /// The newest connection of a side whose partner is at another address.
    pub(super) fn last_guess(&self, peer: IpAddr, side: Side) -> Option<u64> {
        self.places.get(&peer)?.guesses[side as usize]
            .last()
            .copied()
    }

    /// A pair of new connections is complete. Returns the one before.
    pub(super) fn pair(&mut self, peer: IpAddr, pair: NewPair) -> Option<NewPair> {
        self.places.get_mut(&peer)?.last_pair.replace(pair)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some(&(at, peer)) = self.empty.first() {
            if at + REMEMBER > now && self.empty.len() <= MOST_REMEMBERED {
                return;
            }
            self.empty.pop_first();
            self.places.remove(&peer);
        }
    }
}

impl Place {
    /// Whether a connection of a side is there, or was a while ago.
    fn seen(&self, side: Side, now: Instant) -> bool {
        let left = self.left[side as usize];
        self.there[side as usize] > 0 || left.is_some_and(|at| at + REMEMBER > now)
    }

    /// When the last connection went, if none is there.
    fn empty_since(&self) -> Option<Instant> {
        self.left
            .into_iter()
            .max()?
            .filter(|_| self.there == [0; 2])
    }
}
