//! Which response connection belongs to which request connection.
//!
//! Clients of this library name a session on both connections. The legacy protocol has nothing like
//! it: its connections are paired by address and time. This module decides that; it holds no
//! connection.
//!
//! A client opens its two connections together, so those nearest in time fit best. If the best
//! candidate came some time before a connection, the pair waits for the same time again: any later
//! connection is farther away. A connection that has lost its partner takes another one from its
//! own address only, and only if no two that were opened together fit. A pair across addresses (a
//! client behind a tunnel or a proxy) is a guess, for connections of which nothing else is known.

mod origins;
mod terms;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::ids::Ids;
use crate::wire::SessionId;
use origins::{NewPair, Origins, Waiting, TOGETHER};
pub(super) use terms::{Arrival, Note, Pair, Side, Step};

/// The shortest wait before a connection takes the place of one that has gone: it may belong to a
/// new client, whose other connection comes a moment later.
const REPLACE: Duration = Duration::from_millis(50);
/// The longest wait for a better candidate. libzmq connects again after 100 to 200 ms, which with
/// its handshake takes some 170 ms; a transaction of Rogue's waits 1 s.
const SETTLE: Duration = Duration::from_millis(500);
/// If the server looks this much too late, as it does while a slave is at work, a connection that
/// fits may have come and not been read yet. Then a pair waits for this time again.
const LATE: Duration = Duration::from_millis(50);
/// How often a connection does so: a server may be late all the time.
const MOST_LATE: u8 = 10;

/// What is known of a connection.
#[derive(Debug)]
struct Half {
    arrival: Arrival,
    /// Since when it has no partner: its arrival, or the end of the last partner.
    since: Instant,
    partner: Option<u64>,
    had_partner: bool,
    /// Its pair is a guess, across addresses.
    guess: bool,
    /// How often it has waited because the server was late.
    late: u8,
}

/// All connections, paired as far as they can be.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    halves: Ids<u64, Half>,
    /// The connections of each session, by side.
    sessions: HashMap<SessionId, [Option<u64>; 2]>,
    origins: Origins,
    /// All connections that have no partner.
    waiting: Waiting,
    /// Legacy connections that never had a partner, by side. Their address has, and had, no
    /// connection of the other side.
    lone: [Waiting; 2],
    /// When to look at a connection again.
    due: Waiting,
}

impl Pairing {
    /// A connection has come.
    pub(super) fn arrive(&mut self, arrival: Arrival, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        let (id, side, peer) = (arrival.id, arrival.side, arrival.peer);
        let session = arrival.session;
        if let Some(session) = session {
            self.give_up(session, side, peer, now, &mut steps);
        } else {
            self.disprove(peer, side, now, &mut steps);
        }
        let half = Half {
            arrival,
            since: now,
            partner: None,
            had_partner: false,
            guess: false,
            late: 0,
        };
        self.halves.insert(id, half);
        self.waiting.insert((now, id));
        if let Some(session) = session {
            let both = self.sessions.entry(session).or_default();
            both[side as usize] = Some(id);
            if let Some(partner) = both[side.other() as usize] {
                self.join(id, partner, false, &mut steps);
            }
            return steps;
        }
        // From now on these are not lonely.
        for key in self.origins.arrive(peer, (now, id), side) {
            self.lone[side.other() as usize].remove(&key);
        }
        if self.origins.is_lonely(peer, (now, id)) {
            self.lone[side as usize].insert((now, id));
        }
        self.await_lone();
        self.match_at_address(id, now, &mut steps);
        steps
    }

    /// A connection has gone.
    pub(super) fn leave(&mut self, id: u64, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        self.take_out(id, now, &mut steps);
        steps
    }

    /// Pairs the connections that have waited long enough. Call it at [`Pairing::next_due`].
    pub(super) fn settle(&mut self, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some(&(at, id)) = self.due.first().filter(|(at, _)| *at <= now) {
            self.due.pop_first();
            let Some(half) = self.halves.get_mut(&id).filter(|h| h.partner.is_none()) else {
                continue;
            };
            if at + LATE < now && half.late < MOST_LATE {
                half.late += 1;
                self.due.insert((now + LATE, id));
                continue;
            }
            self.match_at_address(id, now, &mut steps);
            self.match_lone(now, &mut steps);
        }
        steps
    }

    /// When [`Pairing::settle`] may have something to do.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// A client of this library connects again: it has given up its earlier connection.
    fn give_up(
        &mut self,
        session: SessionId,
        side: Side,
        peer: IpAddr,
        now: Instant,
        steps: &mut Vec<Step>,
    ) {
        let both = self.sessions.get(&session);
        if let Some(old) = both.and_then(|both| both[side as usize]) {
            steps.push(Step::Close(old));
            self.take_out(old, now, steps);
            steps.push(Step::Tell(Note::GivenUp(peer)));
        }
    }

    /// A legacy connection comes. If its address has one of the other side with a partner from
    /// elsewhere, that pair was wrong.
    fn disprove(&mut self, peer: IpAddr, side: Side, now: Instant, steps: &mut Vec<Step>) {
        let Some(kept) = self.origins.last_guess(peer, side.other()) else {
            return;
        };
        let Some(stranger) = self.halves.get(&kept).and_then(|half| half.partner) else {
            return;
        };
        let Some(closed) = self.forget(stranger, now) else {
            return;
        };
        if closed.arrival.side == Side::Request {
            steps.push(Step::Part(stranger));
            steps.push(Step::CloseUnlessEmpty(kept));
        }
        steps.push(Step::Close(stranger));
        self.part(kept, now, steps);
        steps.push(Step::Tell(Note::WrongGuess {
            kept: peer,
            closed: closed.arrival.peer,
        }));
    }

    fn take_out(&mut self, id: u64, now: Instant, steps: &mut Vec<Step>) {
        let Some(gone) = self.forget(id, now) else {
            return;
        };
        let Some(partner) = gone.partner else {
            return;
        };
        if gone.arrival.session.is_some() || gone.guess {
            self.forget(partner, now);
            steps.push(Step::Close(partner));
        } else {
            self.part(partner, now, steps);
        }
    }

    /// Takes a connection out of all tables. Its partner stays as it is.
    fn forget(&mut self, id: u64, now: Instant) -> Option<Half> {
        let half = self.halves.remove(&id)?;
        let Arrival {
            side,
            peer,
            session,
            ..
        } = half.arrival;
        let key = (half.since, id);
        self.waiting.remove(&key);
        if let Some(session) = session {
            if let Some(both) = self.sessions.get_mut(&session) {
                both[side as usize] = None;
                if *both == [None; 2] {
                    self.sessions.remove(&session);
                }
            }
        } else {
            self.origins.leave(peer, key, side, now);
            self.lone[side as usize].remove(&key);
            self.await_lone();
        }
        Some(half)
    }

    /// A legacy connection has lost its partner, and waits for another one from its address.
    fn part(&mut self, id: u64, now: Instant, steps: &mut Vec<Step>) {
        let Some(half) = self.halves.get_mut(&id) else {
            return;
        };
        half.partner = None;
        half.since = now;
        half.guess = false;
        let Arrival { side, peer, .. } = half.arrival;
        self.waiting.insert((now, id));
        self.origins.wait(peer, (now, id), side);
        if side == Side::Request {
            steps.push(Step::Part(id));
        }
        self.match_at_address(id, now, steps);
    }

    /// Pairs a legacy connection with the nearest in time from its own address. If it is too early
    /// for that, notes when to try again.
    fn match_at_address(&mut self, id: u64, now: Instant, steps: &mut Vec<Step>) {
        let Some(half) = self.halves.get(&id) else {
            return;
        };
        let (peer, side) = (half.arrival.peer, half.arrival.side);
        let nearest = self.origins.nearest(peer, side.other(), half.since);
        let Some(other) = nearest.and_then(|id| self.halves.get(&id)) else {
            return;
        };
        let due = may_pair(half, other);
        if due > now {
            self.due.insert((due, id));
            return;
        }
        let partner = other.arrival.id;
        let new = (!half.had_partner && !other.had_partner).then(|| NewPair {
            first: half.since.min(other.since),
            last: half.since.max(other.since),
            one: id,
        });
        self.join(id, partner, false, steps);
        let before = new.and_then(|new| self.origins.pair(peer, new).filter(|b| b.overlaps(&new)));
        let mixed = before.is_some_and(|before| self.halves.contains_key(&before.one));
        if mixed || self.origins.any_waits(peer) {
            steps.push(Step::Tell(Note::Ambiguous(peer)));
        }
    }

    /// The only legacy connections that may be paired across addresses, one of each side.
    fn two_lone(&self) -> Option<[(Instant, u64); 2]> {
        match &self.lone {
            [requests, responses] if requests.len() == 1 && responses.len() == 1 => {
                Some([*requests.first()?, *responses.first()?])
            }
            _ => None,
        }
    }

    /// Notes when [`Pairing::match_lone`] may pair them.
    fn await_lone(&mut self) {
        if let Some(both) = self.two_lone() {
            let (since, id) = both[0].max(both[1]);
            self.due.insert((since + SETTLE, id));
        }
    }

    /// Pairs the two lone connections if both have waited long enough.
    fn match_lone(&mut self, now: Instant, steps: &mut Vec<Step>) {
        let Some([request, response]) = self.two_lone() else {
            return;
        };
        if request.0.max(response.0) + SETTLE > now {
            return;
        }
        let peers = [request.1, response.1].map(|id| Some(self.halves.get(&id)?.arrival.peer));
        let [Some(from), Some(to)] = peers else {
            return;
        };
        self.join(request.1, response.1, true, steps);
        let legacy = |id| {
            self.halves
                .get(id)
                .is_some_and(|h| h.arrival.session.is_none())
        };
        steps.push(Step::Tell(Note::Guess {
            request: from,
            response: to,
            others: self.waiting.iter().any(|(_, id)| legacy(id)),
        }));
    }

    /// Makes a pair of two connections without partners.
    fn join(&mut self, one: u64, other: u64, guess: bool, steps: &mut Vec<Step>) {
        let mut pair = Pair {
            request: one,
            response: other,
        };
        for (id, partner) in [(one, other), (other, one)] {
            let Some(half) = self.halves.get_mut(&id) else {
                continue;
            };
            half.partner = Some(partner);
            half.had_partner = true;
            half.guess = guess;
            let (key, side) = ((half.since, id), half.arrival.side);
            match side {
                Side::Request => pair.request = id,
                Side::Response => pair.response = id,
            }
            self.waiting.remove(&key);
            if half.arrival.session.is_none() {
                self.lone[side as usize].remove(&key);
                self.origins.join(half.arrival.peer, key, side, guess);
            }
        }
        steps.push(Step::Join(pair));
    }
}

/// The time from which two connections of one address may be paired: any later one is farther away.
fn may_pair(one: &Half, other: &Half) -> Instant {
    let (first, last) = (one.since.min(other.since), one.since.max(other.since));
    let apart = last - first;
    last + if one.had_partner || other.had_partner {
        apart.clamp(REPLACE, SETTLE)
    } else if apart <= TOGETHER {
        Duration::ZERO
    } else {
        apart.min(SETTLE)
    }
}
