//! What is known of each address from which legacy connections come.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::terms::Side;

/// Connections that come within this time of each other make a pair at once.
pub(super) const TOGETHER: Duration = Duration::from_millis(5);
/// How long an address is remembered after its last connection has gone: the client's other
/// connection may come back first. At least the silence after which a host is given up by default.
const REMEMBER: Duration = Duration::from_secs(10);
/// Most addresses that are remembered without a connection: strangers may have many.
const MOST_REMEMBERED: usize = 4096;

/// Connections that wait, in order of time: when each began to wait, and its number.
pub(super) type Waiting = BTreeSet<(Instant, u64)>;

/// The addresses, including those that are remembered without a connection.
#[derive(Debug, Default)]
pub(super) struct Origins {
    origins: HashMap<IpAddr, Origin>,
    /// Addresses whose last connection has gone, and when it went.
    empty: BTreeSet<(Instant, IpAddr)>,
}

#[derive(Debug, Default)]
struct Origin {
    /// Number of connections, by side, as in all arrays here.
    there: [usize; 2],
    /// When the last one went.
    left: [Option<Instant>; 2],
    /// The connections that have no partner.
    waiting: [Waiting; 2],
    /// Connections that never had a partner, while the other side has and had none here. So they
    /// are all of one side.
    lonely: Waiting,
    /// The connections whose partner is at another address.
    guesses: [BTreeSet<u64>; 2],
    /// The last pair of new connections.
    last_pair: Option<NewPair>,
}

/// A pair of connections that never had other partners.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewPair {
    pub(super) first: Instant,
    pub(super) last: Instant,
    /// One of the two. It would wait without its partner.
    pub(super) one: u64,
}

impl NewPair {
    /// Whether the connections of both pairs came at the same time, so that another order would
    /// have made other pairs.
    pub(super) fn overlaps(&self, other: &NewPair) -> bool {
        self.first < other.last + TOGETHER && other.first < self.last + TOGETHER
    }
}

impl Origins {
    /// A connection comes, and waits. Returns the connections of its address that are no longer
    /// lonely.
    pub(super) fn arrive(&mut self, peer: IpAddr, key: (Instant, u64), side: Side) -> Waiting {
        let now = key.0;
        self.forget_old(now);
        let origin = self.origins.entry(peer).or_default();
        if let Some(at) = origin.empty_since() {
            self.empty.remove(&(at, peer));
        }
        origin.there[side as usize] += 1;
        origin.waiting[side as usize].insert(key);
        if !origin.seen(side.other(), now) {
            origin.lonely.insert(key);
            return Waiting::new();
        }
        std::mem::take(&mut origin.lonely)
    }

    /// Whether a connection never had a partner, while the other side has and had none at its
    /// address.
    pub(super) fn is_lonely(&self, peer: IpAddr, key: (Instant, u64)) -> bool {
        let origin = self.origins.get(&peer);
        origin.is_some_and(|origin| origin.lonely.contains(&key))
    }

    /// A connection goes.
    pub(super) fn leave(&mut self, peer: IpAddr, key: (Instant, u64), side: Side, now: Instant) {
        let Some(origin) = self.origins.get_mut(&peer) else {
            return;
        };
        origin.there[side as usize] -= 1;
        origin.left[side as usize] = Some(now);
        origin.waiting[side as usize].remove(&key);
        origin.lonely.remove(&key);
        origin.guesses[side as usize].remove(&key.1);
        if let Some(at) = origin.empty_since() {
            self.empty.insert((at, peer));
            self.forget_old(now);
        }
    }

    /// A connection has lost its partner.
    pub(super) fn wait(&mut self, peer: IpAddr, key: (Instant, u64), side: Side) {
        if let Some(origin) = self.origins.get_mut(&peer) {
            origin.waiting[side as usize].insert(key);
            origin.guesses[side as usize].remove(&key.1);
        }
    }

    /// A connection has a partner. `guess`: at another address.
    pub(super) fn join(&mut self, peer: IpAddr, key: (Instant, u64), side: Side, guess: bool) {
        if let Some(origin) = self.origins.get_mut(&peer) {
            origin.waiting[side as usize].remove(&key);
            origin.lonely.remove(&key);
            if guess {
                origin.guesses[side as usize].insert(key.1);
            }
        }
    }

    /// The waiting connection that began to wait nearest to `since`.
    pub(super) fn nearest(&self, peer: IpAddr, side: Side, since: Instant) -> Option<u64> {
        let waiting = &self.origins.get(&peer)?.waiting[side as usize];
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
        let origin = self.origins.get(&peer);
        origin.is_some_and(|origin| origin.waiting.iter().any(|side| !side.is_empty()))
    }

    /// The newest connection of a side whose partner is at another address.
    pub(super) fn last_guess(&self, peer: IpAddr, side: Side) -> Option<u64> {
        self.origins.get(&peer)?.guesses[side as usize]
            .last()
            .copied()
    }

    /// A pair of new connections is complete. Returns the pair before it.
    pub(super) fn pair(&mut self, peer: IpAddr, pair: NewPair) -> Option<NewPair> {
        self.origins.get_mut(&peer)?.last_pair.replace(pair)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.origins.len()
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some(&(at, peer)) = self.empty.first() {
            if at + REMEMBER > now && self.empty.len() <= MOST_REMEMBERED {
                return;
            }
            self.empty.pop_first();
            self.origins.remove(&peer);
        }
    }
}

impl Origin {
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
