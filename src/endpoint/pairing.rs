//! Which response connection belongs to which request connection.
//!
//! Nothing in the legacy wire says it. Our clients name a session on both connections; legacy ones
//! are paired by address and order of arrival. This module decides; it holds no connection.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::wire::SessionId;

/// How long a lone pair of legacy connections from different addresses waits for something better.
const LONE_AFTER: Duration = Duration::from_millis(100);

/// Which of the two connections of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

/// A connection that has finished its handshake.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    /// Number of the connection, in order of its arrival.
    pub(super) id: u64,
    pub(super) side: Side,
    pub(super) peer: IpAddr,
    pub(super) session: Option<SessionId>,
}

/// Two connections of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) request: u64,
    pub(super) response: u64,
    /// There was more than one candidate, and nothing to tell them apart.
    pub(super) ambiguous: bool,
}

/// What follows from a connection's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing: it was alone.
    Alone,
    /// Its partner, of one of our clients, has to go with it.
    CloseToo(u64),
    /// Its partner, of a legacy client, stays and waits for the next one that fits.
    Parted(u64),
}

/// The connections, paired as far as they can be.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    /// All that are there, with the time of their arrival and their partner.
    connections: HashMap<u64, (Arrival, Instant, Option<u64>)>,
    /// Ids of those without a partner, in order of arrival.
    unpaired: Vec<u64>,
}

impl Pairing {
    /// A connection is there: perhaps it makes a pair.
    pub(super) fn arrive(&mut self, arrival: Arrival, now: Instant) -> Option<Pair> {
        let id = arrival.id;
        self.connections.insert(id, (arrival, now, None));
        self.unpaired.push(id);
        self.unpaired.sort_unstable();
        self.find(id)
    }

    /// Another connection of the same side that names the same session: one that its client has
    /// given up already.
    pub(super) fn predecessor(&self, arrival: &Arrival) -> Option<u64> {
        let session = arrival.session?;
        let same = |other: &Arrival| {
            other.side == arrival.side && other.session == Some(session) && other.id != arrival.id
        };
        self.connections
            .values()
            .map(|(other, ..)| other)
            .find(|other| same(other))
            .map(|o| o.id)
    }

    /// A connection has gone.
    pub(super) fn leave(&mut self, id: u64) -> Left {
        let Some((gone, _, partner)) = self.connections.remove(&id) else {
            return Left::Alone;
        };
        self.unpaired.retain(|&other| other != id);
        let Some(partner) = partner else {
            return Left::Alone;
        };
        if let Some((_, _, link)) = self.connections.get_mut(&partner) {
            *link = None;
        }
        if gone.session.is_some() {
            return Left::CloseToo(partner);
        }
        self.unpaired.push(partner);
        self.unpaired.sort_unstable();
        Left::Parted(partner)
    }

    /// Finds a partner for a connection that has none.
    pub(super) fn find(&mut self, id: u64) -> Option<Pair> {
        let (seeker, _, None) = self.connections.get(&id)? else {
            return None;
        };
        let fits = |other: &Arrival| {
            other.side != seeker.side
                && match (seeker.session, other.session) {
                    (None, None) => other.peer == seeker.peer,
                    (ours, theirs) => ours == theirs,
                }
        };
        let candidates: Vec<u64> = self
            .unpaired
            .iter()
            .copied()
            .filter(|other| {
                self.connections
                    .get(other)
                    .is_some_and(|(other, ..)| fits(other))
            })
            .collect();
        let &partner = candidates.first()?;
        let ambiguous = seeker.session.is_none() && candidates.len() > 1;
        Some(self.join(id, partner, ambiguous))
    }

    /// The last two legacy connections without partners, one of each side, when they have waited
    /// long enough: a client behind a tunnel or a proxy, whose addresses say nothing.
    pub(super) fn find_lone(&mut self, now: Instant) -> Option<Pair> {
        let (request, response) = self.lone()?;
        let old = |id| {
            self.connections
                .get(id)
                .is_some_and(|(_, at, _)| *at + LONE_AFTER <= now)
        };
        if old(&request) && old(&response) {
            return Some(self.join(request, response, false));
        }
        None
    }

    /// Whether [`Pairing::find_lone`] may find something later.
    pub(super) fn has_lone(&self) -> bool {
        self.lone().is_some()
    }

    fn lone(&self) -> Option<(u64, u64)> {
        let mut alone: [Option<u64>; 2] = [None, None];
        for id in &self.unpaired {
            let (arrival, ..) = self.connections.get(id)?;
            if arrival.session.is_some() {
                continue;
            }
            let place = &mut alone[usize::from(arrival.side == Side::Response)];
            if place.replace(*id).is_some() {
                return None;
            }
        }
        Some((alone[0]?, alone[1]?))
    }

    fn join(&mut self, one: u64, other: u64, ambiguous: bool) -> Pair {
        self.unpaired.retain(|&id| id != one && id != other);
        let mut pair = Pair {
            request: one,
            response: other,
            ambiguous,
        };
        for (id, partner) in [(one, other), (other, one)] {
            if let Some((arrival, _, link)) = self.connections.get_mut(&id) {
                *link = Some(partner);
                match arrival.side {
                    Side::Request => pair.request = id,
                    Side::Response => pair.response = id,
                }
            }
        }
        pair
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Side::{Request, Response};

    struct Floor {
        pairing: Pairing,
        next: u64,
        now: Instant,
    }

    impl Floor {
        fn new() -> Floor {
            Floor {
                pairing: Pairing::default(),
                next: 0,
                now: Instant::now(),
            }
        }

        fn arrive(&mut self, side: Side, peer: &str, session: Option<u8>) -> Option<Pair> {
            self.next += 1;
            let session = session.map(|byte| SessionId([byte; 16]));
            let peer = peer.parse().unwrap();
            self.pairing.arrive(
                Arrival {
                    id: self.next,
                    side,
                    peer,
                    session,
                },
                self.now,
            )
        }
    }

    fn pair(request: u64, response: u64, ambiguous: bool) -> Option<Pair> {
        Some(Pair {
            request,
            response,
            ambiguous,
        })
    }

    #[test]
    fn sessions_pair_exactly() {
        let mut floor = Floor::new();
        assert_eq!(floor.arrive(Request, "127.0.0.1", Some(1)), None);
        assert_eq!(floor.arrive(Response, "127.0.0.1", Some(2)), None);
        assert_eq!(floor.arrive(Response, "127.0.0.1", None), None);
        assert_eq!(
            floor.arrive(Response, "127.0.0.9", Some(1)),
            pair(1, 4, false)
        );
        assert_eq!(
            floor.arrive(Request, "127.0.0.1", Some(2)),
            pair(5, 2, false)
        );
        assert_eq!(floor.pairing.leave(4), Left::CloseToo(1));
    }

    #[test]
    fn legacy_clients_pair_by_address_and_order() {
        let mut floor = Floor::new();
        assert_eq!(floor.arrive(Response, "127.0.0.1", None), None);
        assert_eq!(floor.arrive(Request, "127.0.0.2", None), None);
        assert_eq!(floor.arrive(Request, "127.0.0.1", None), pair(3, 1, false));
        assert_eq!(floor.arrive(Response, "127.0.0.2", None), pair(2, 4, false));
        // One reconnects: the rest of its pair stays and takes it.
        assert_eq!(floor.pairing.leave(4), Left::Parted(2));
        assert_eq!(floor.arrive(Response, "127.0.0.2", None), pair(2, 5, false));
    }

    #[test]
    fn more_than_one_candidate_is_told() {
        let mut floor = Floor::new();
        assert_eq!(floor.arrive(Request, "127.0.0.1", None), None);
        assert_eq!(floor.arrive(Request, "127.0.0.1", None), None);
        assert_eq!(floor.arrive(Response, "127.0.0.1", None), pair(1, 3, true));
        assert_eq!(floor.arrive(Response, "127.0.0.1", None), pair(2, 4, false));
    }

    #[test]
    fn a_lone_pair_waits_for_something_better() {
        let mut floor = Floor::new();
        floor.arrive(Request, "127.0.0.1", None);
        floor.arrive(Response, "127.0.0.2", None);
        assert!(floor.pairing.has_lone());
        assert_eq!(floor.pairing.find_lone(floor.now + LONE_AFTER / 2), None);
        assert_eq!(
            floor.pairing.find_lone(floor.now + LONE_AFTER),
            pair(1, 2, false)
        );
        assert!(!floor.pairing.has_lone());
        // Three of them are nobody's pair.
        floor.arrive(Request, "127.0.0.3", None);
        floor.arrive(Request, "127.0.0.4", None);
        floor.arrive(Response, "127.0.0.5", None);
        assert_eq!(floor.pairing.find_lone(floor.now + 10 * LONE_AFTER), None);
    }

    #[test]
    fn a_session_that_comes_again_has_a_predecessor() {
        let mut floor = Floor::new();
        floor.arrive(Request, "127.0.0.1", Some(1));
        let again = Arrival {
            id: 9,
            side: Request,
            peer: "127.0.0.1".parse().unwrap(),
            session: Some(SessionId([1; 16])),
        };
        assert_eq!(floor.pairing.predecessor(&again), Some(1));
        assert_eq!(
            floor.pairing.predecessor(&Arrival {
                session: None,
                ..again
            }),
            None
        );
    }
}
