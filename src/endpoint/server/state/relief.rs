//! What is done so that memory and places come free: clients that hold much and take little are closed
//! when others wait for that, halves of clients that never become whole are closed, and memory that
//! was let go of goes back to the system.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::log::Level;

use super::{Shared, State, HALF};
use crate::endpoint::server::budget::SMALL;
use crate::endpoint::server::client::Client;
use crate::endpoint::server::heap::give_back;
use crate::endpoint::server::lines::About;

/// How long somebody waits for memory before those that hold it are closed.
const PATIENCE: Duration = Duration::from_secs(1);
/// A client that takes a part in this many of what it holds within that time is not to blame.
const FAST: u64 = 10;

/// A client that others may have to wait for.
struct Suspect {
    id: u64,
    client: Arc<Client>,
    /// Bytes that it could let go of by itself.
    holds: usize,
    /// Bytes that it has taken, or given, of late.
    moved: u64,
}

impl Suspect {
    /// The more it holds and the less it takes, the more.
    fn blame(&self) -> f64 {
        self.holds as f64 / (self.moved as f64 + 1.0)
    }

    fn is_to_blame(&self) -> bool {
        self.holds > SMALL && self.moved.saturating_mul(FAST) < self.holds as u64
    }
}

/// Those of `suspects` that are to be closed so that `missing` bytes come free, the worst first.
fn worst(mut suspects: Vec<Suspect>, missing: usize) -> Vec<Suspect> {
    suspects.retain(Suspect::is_to_blame);
    suspects.sort_by(|one, other| other.blame().total_cmp(&one.blame()));
    let mut freed = 0usize;
    suspects
        .into_iter()
        .take_while(|suspect| {
            let enough = freed >= missing;
            freed = freed.saturating_add(suspect.holds);
            !enough
        })
        .collect()
}

impl Shared {
    /// Closes clients that hold memory which others have waited for too long. Says when to look again.
    pub(in crate::endpoint::server) fn relieve(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        if state.short.is_empty() && !self.incoming.is_waited_for() {
            state.pressure = None;
            return None;
        }
        let began = state.pressure.is_none_or(|since| since + PATIENCE <= now);
        if !began {
            return state.pressure.map(|since| since + PATIENCE);
        }
        let watched = state.pressure.replace(now).is_some();
        let clients: Vec<_> = state
            .connections
            .iter()
            .filter_map(|(id, connection)| Some((*id, connection.client.clone()?)))
            .collect();
        let mut suspects = [Vec::new(), Vec::new()];
        for (id, client) in clients {
            let responses = client.lock();
            let moved = client.moved(&responses);
            let untaken = client.untaken(&responses);
            drop(responses);
            let before = client.mark.swap(moved, Ordering::Relaxed);
            let moved = moved.wrapping_sub(before);
            let partial = client.partial.load(Ordering::Relaxed);
            for (suspects, holds) in suspects.iter_mut().zip([untaken, partial]) {
                let client = Arc::clone(&client);
                suspects.push(Suspect {
                    id,
                    client,
                    holds,
                    moved,
                });
            }
        }
        let mut closed = Vec::new();
        if watched {
            let limits = self.limits();
            let late = |since: Instant| since + PATIENCE <= now;
            let [untaken, partial] = suspects;
            // All that have waited for so long: else those that come first and read nothing either
            // would be let in and closed one by one, before the others.
            let wanted = state.wanted(late);
            closed.extend(worst(untaken, limits.missing(self.budget.used(), wanted)));
            let wanted = self.incoming.wanted(late);
            closed.extend(worst(partial, limits.missing(self.incoming.used(), wanted)));
        }
        for suspect in &closed {
            if let Some(connection) = state.connections.get(&suspect.id) {
                connection.outgoing.close();
            }
            suspect.client.close();
            state.dropped.not_reading += 1;
        }
        drop(state);
        for suspect in &closed {
            let text = format_args!(
                "Closing the connections of {}: others wait for memory, of which it holds {} bytes and \
                 took or gave {} in the last second.",
                suspect.client.peer(), suspect.holds, suspect.moved
            );
            self.say(Level::Warn, About::NotReading, text);
        }
        // What waited for room may have it now, and what waits for data as well.
        self.look_again();
        self.incoming.tell();
        Some(now + PATIENCE)
    }

    /// Closes connections that have been without their client's other one, and without a word, for too
    /// long. Says when to look again.
    pub(in crate::endpoint::server) fn close_halves(&self, now: Instant) -> Option<Instant> {
        let within = HALF.min(self.settings.handshake_timeout.get());
        let mut closed = Vec::new();
        let mut guard = self.lock();
        let state = &mut *guard;
        state.forget_halves();
        let mut next = None;
        while let Some(&(since, id)) = state.halves.front() {
            if since.checked_add(within).is_none_or(|end| end > now) {
                next = since.checked_add(within);
                break;
            }
            state.halves.pop_front();
            let Some(connection) = state.connections.get_mut(&id) else {
                continue;
            };
            if connection.partner.is_some() || connection.gone {
                continue;
            }
            if std::mem::take(&mut connection.active) {
                state.halves.push_back((now, id));
                continue;
            }
            connection.outgoing.close();
            closed.push((connection.peer, connection.side));
            state.dropped.handshake += 1;
        }
        drop(guard);
        for (peer, side) in closed {
            let text = format_args!(
                "Closing the {side:?} connection of {peer}: its other one has not come within {within:?}."
            );
            self.say(Level::Warn, About::Handshake, text);
        }
        next
    }

    /// Gives memory back to the system when much has been free for some time. Says when to look again.
    pub(in crate::endpoint::server) fn give_back(&self, now: Instant) -> Option<Instant> {
        let held = self.budget.used().saturating_add(self.incoming.used());
        let mut give = false;
        let next = self.lock().heap.look(held, now, || give = true);
        if give {
            give_back();
        }
        next
    }

    /// More is held than before: it should be given back when it is free.
    pub(super) fn notice_much(&self, state: &mut State) {
        let held = self.budget.used().saturating_add(self.incoming.used());
        if state.heap.rises(held) {
            self.housekeep.notify_one();
        }
    }
}

impl State {
    /// Bytes of the answers that wait for room, of clients that have done so since a time that is
    /// `late`.
    fn wanted(&self, late: impl Fn(Instant) -> bool) -> usize {
        let all = self.short.values().filter(|(_, since)| late(*since));
        let answers = all.filter_map(|(id, _)| self.answer(*id));
        answers.fold(0, usize::saturating_add)
    }

    /// Entries of connections that have gone, or are whole, must not pile up.
    fn forget_halves(&mut self) {
        if self.halves.len() > 64 + 2 * self.connections.len() {
            let connections = &self.connections;
            self.halves.retain(|(_, id)| {
                connections
                    .get(id)
                    .is_some_and(|connection| connection.partner.is_none())
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{ServerOptions, TcpServer};

    fn suspects(all: &[(usize, u64)]) -> Vec<Suspect> {
        let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap();
        let peer = ("127.0.0.1".parse().unwrap(), 1);
        let suspect = |(id, &(holds, moved))| Suspect {
            id: id as u64,
            client: Arc::new(Client::new(Arc::clone(&server.shared), 1, peer, false)),
            holds,
            moved,
        };
        all.iter().enumerate().map(suspect).collect()
    }

    fn closed(all: &[(usize, u64)], missing: usize) -> Vec<u64> {
        let worst = worst(suspects(all), missing);
        worst.iter().map(|suspect| suspect.id).collect()
    }

    #[test]
    fn who_holds_most_and_takes_least_is_closed_first() {
        const MIB: usize = 1 << 20;
        let all = [(MIB, 0), (8 * MIB, 0), (9 * MIB, 1000), (4 * MIB, 0)];
        assert_eq!(closed(&all, MIB), [1]);
        assert_eq!(closed(&all, 9 * MIB), [1, 3]);
        assert_eq!(closed(&all, 100 * MIB), [1, 3, 0, 2]);
    }

    #[test]
    fn who_takes_what_it_holds_or_holds_next_to_nothing_is_left_alone() {
        let all = [(32 << 20, 4 << 20), (4096, 0), (0, 0)];
        assert!(closed(&all, 1 << 30).is_empty());
    }
}
