//! How many clients may come from one address, so that no host takes all connections.
//!
//! A client has one connection of each side, so each side is counted by itself. An IPv6 host may
//! have all 2^64 addresses of its network (a /64), so a limit for each address does not limit it.
//! To count by networks alone would count a whole laboratory as one. So both are counted: an
//! address may have as many clients as is set, and an IPv6 network at most three quarters of all.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use crate::endpoint::pairing::Side;

/// Connections of one origin, by their side.
type Sides = [usize; 2];

/// How many connections there are, by where they come from.
#[derive(Debug, Default)]
pub(super) struct Quota {
    addresses: HashMap<IpAddr, Sides>,
    /// By the upper half of an IPv6 address.
    networks: HashMap<u64, Sides>,
}

/// The limit that a connection would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exceeded {
    Connections(usize),
    Address(usize),
    Network(usize),
}

/// The limits as they are set.
#[derive(Clone, Copy, Debug)]
pub(super) struct QuotaLimits {
    /// Of connections.
    pub(super) all: usize,
    /// Of clients; 0 is half of all.
    pub(super) address: usize,
}

impl QuotaLimits {
    /// Clients of one address.
    fn of_address(self) -> usize {
        match self.address {
            0 => (self.all / 4).max(1),
            set => set,
        }
    }

    /// Clients of one IPv6 network.
    fn of_network(self) -> usize {
        (self.all / 8 * 3).max(self.of_address())
    }
}

impl Quota {
    /// Counts a connection, or returns the limit that it would exceed.
    pub(super) fn enter(
        &mut self,
        peer: IpAddr,
        side: Side,
        limits: QuotaLimits,
    ) -> std::result::Result<(), Exceeded> {
        let place = place(side);
        let of = |sides: Option<&Sides>| sides.map_or(0, |sides| sides[place]);
        let most = limits.of_address();
        if of(self.addresses.get(&peer)) >= most {
            return Err(Exceeded::Address(most));
        }
        let network = network(peer);
        let most = limits.of_network();
        if of(network.and_then(|network| self.networks.get(&network))) >= most {
            return Err(Exceeded::Network(most));
        }
        self.addresses.entry(peer).or_default()[place] += 1;
        if let Some(network) = network {
            self.networks.entry(network).or_default()[place] += 1;
        }
        Ok(())
    }

    /// A connection that was counted has gone.
    pub(super) fn leave(&mut self, peer: IpAddr, side: Side) {
        let place = place(side);
        leave(&mut self.addresses, peer, place);
        if let Some(network) = network(peer) {
            leave(&mut self.networks, network, place);
        }
    }
}

fn leave<K: Hash + Eq>(counts: &mut HashMap<K, Sides>, key: K, place: usize) {
    if let Some(sides) = counts.get_mut(&key) {
        sides[place] = sides[place].saturating_sub(1);
        if *sides == [0, 0] {
            counts.remove(&key);
        }
    }
}

fn place(side: Side) -> usize {
    usize::from(side == Side::Response)
}

fn network(peer: IpAddr) -> Option<u64> {
    match peer {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some((u128::from(address) >> 64) as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Side::{Request, Response};

    fn limits(all: usize, address: usize) -> QuotaLimits {
        QuotaLimits { all, address }
    }

    fn fill(quota: &mut Quota, peer: &str, limits: QuotaLimits) -> (usize, Exceeded) {
        let peer = peer.parse().unwrap();
        let mut count = 0;
        loop {
            match quota.enter(peer, Request, limits) {
                Ok(()) => count += 1,
                Err(over) => return (count, over),
            }
        }
    }

    #[test]
    fn an_address_has_half_of_all_unless_set() {
        let mut quota = Quota::default();
        let limits = limits(4096, 0);
        let filled = fill(&mut quota, "10.0.0.1", limits);
        assert_eq!(filled, (1024, Exceeded::Address(1024)));
        // Its other side has as many, and another address too.
        let peer = "10.0.0.1".parse().unwrap();
        assert_eq!(quota.enter(peer, Response, limits), Ok(()));
        assert_eq!(fill(&mut quota, "10.0.0.2", limits).0, 1024);
        quota.leave(peer, Request);
        assert_eq!(quota.enter(peer, Request, limits), Ok(()));
        let few = QuotaLimits { all: 2, address: 0 };
        let one = fill(&mut Quota::default(), "10.0.0.1", few);
        assert_eq!(one.0, 1, "one client can always come");
    }

    #[test]
    fn a_network_of_many_addresses_leaves_a_quarter() {
        let mut quota = Quota::default();
        let limits = limits(4096, 100);
        let mut count = 0;
        for host in 0..20 {
            count += fill(&mut quota, &format!("2001:db8::{host:x}"), limits).0;
        }
        assert_eq!(count, 1536);
        let peer = "2001:db8::ffff".parse().unwrap();
        let over = quota.enter(peer, Request, limits);
        assert_eq!(over, Err(Exceeded::Network(1536)));
        assert_eq!(fill(&mut quota, "2001:db8:0:1::1", limits).0, 100);
        // The limit that is set for an address holds, though that of its network would be less.
        let most = fill(&mut quota, "2001:db8:0:2::1", self::limits(8, 50));
        assert_eq!(most, (50, Exceeded::Address(50)));
        let none = self::limits(usize::MAX, 0);
        let peer = "2001:db8:0:3::1".parse().unwrap();
        assert_eq!(quota.enter(peer, Request, none), Ok(()));
    }

    #[test]
    fn nothing_is_kept_of_connections_that_have_gone() {
        let mut quota = Quota::default();
        for peer in ["10.0.0.1", "2001:db8::1"] {
            let peer = peer.parse().unwrap();
            for side in [Request, Response] {
                assert_eq!(quota.enter(peer, side, limits(8, 0)), Ok(()));
            }
            for side in [Request, Response] {
                quota.leave(peer, side);
            }
        }
        assert!(quota.addresses.is_empty() && quota.networks.is_empty());
    }
}
