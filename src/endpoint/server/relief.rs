//! Memory that clients hold: those that hold much and take little are closed when others wait for
//! it.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::log::Level;

use super::budget::SMALL;
use super::context::ServerTopic;
use super::peer::Peer;
use super::registry::{Registry, RegistryState};
use crate::endpoint::ids::Ids;

/// How long a client waits for memory before the ones that hold it are closed.
const BLAME_AFTER: Duration = Duration::from_secs(1);
/// A client that takes one part in this many of what it holds within that time is not to blame.
const FAST: u64 = 10;

/// What housekeeping knows of clients that wait for memory.
#[derive(Default)]
pub(super) struct Relief {
    /// When it looked last while somebody waited; `None` if nobody does.
    since: Option<Instant>,
    /// What each client had moved then.
    moved: Ids<u64, u64>,
}

/// A client that others may have to wait for.
struct Suspect {
    id: u64,
    peer: Arc<Peer>,
    /// Bytes that it could let go of by itself.
    holds: usize,
    /// Bytes that it has taken, or sent, since the last look.
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

impl Relief {
    /// Closes clients that hold memory for which others have waited too long. Returns when to look
    /// again.
    pub(super) fn look(&mut self, registry: &Registry, now: Instant) -> Option<Instant> {
        let context = &registry.context;
        let mut state = registry.lock();
        if !state.roster.is_short() && !context.incoming.is_waited_for() {
            self.since = None;
            return None;
        }
        if let Some(again) = self.since.map(|since| since + BLAME_AFTER) {
            if again > now {
                return Some(again);
            }
        }
        let watched = self.since.replace(now).is_some();
        let [untaken, partial] = self.suspects(&state);
        let mut closed = Vec::new();
        if watched {
            let limits = context.limits();
            let late = |since: Instant| since + BLAME_AFTER <= now;
            // All that have waited for so long. Otherwise the first ones, which may read nothing
            // either, would be let in and closed one by one, before the others.
            let wanted = state.roster.wanted(late);
            let missing = limits.missing(context.budget.used(), wanted);
            closed.extend(worst(untaken, missing));
            let wanted = context.incoming.wanted(late);
            let missing = limits.missing(context.incoming.used(), wanted);
            closed.extend(worst(partial, missing));
        }
        for suspect in &closed {
            state.close(suspect.id);
            suspect.peer.close();
        }
        drop(state);
        for suspect in &closed {
            context.say(
                Level::Warn,
                ServerTopic::NotReading,
                format_args!(
                "Closing the connections of {}: others wait for memory, of which it holds {} bytes \
                 and took or gave {} in the last second.",
                suspect.peer.address(), suspect.holds, suspect.moved
            ),
            );
        }
        // What waited for room may have it now, and what waits for data as well.
        context.look_again();
        context.incoming.tell();
        Some(now + BLAME_AFTER)
    }

    /// All clients, with the responses and with the data of requests that they hold.
    fn suspects(&mut self, registry: &RegistryState) -> [Vec<Suspect>; 2] {
        let before = std::mem::take(&mut self.moved);
        let mut suspects = [Vec::new(), Vec::new()];
        for (id, member) in &registry.roster.members {
            let Some(peer) = &member.peer else {
                continue;
            };
            let state = peer.lock();
            let (all, untaken) = (peer.moved(&state), state.untaken());
            drop(state);
            self.moved.insert(*id, all);
            let moved = all.wrapping_sub(before.get(id).copied().unwrap_or(0));
            let partial = peer.partial.load(Ordering::Relaxed);
            for (suspects, holds) in suspects.iter_mut().zip([untaken, partial]) {
                suspects.push(Suspect {
                    id: *id,
                    peer: Arc::clone(peer),
                    holds,
                    moved,
                });
            }
        }
        suspects
    }
}

/// Those of `suspects` to close so that `missing` bytes come free, the worst first.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::server::context::ServerContext;
    use crate::endpoint::settings::ServerSettings;
    use crate::endpoint::ServerOptions;

    fn suspects(all: &[(usize, u64)]) -> Vec<Suspect> {
        let settings = ServerSettings::new(&ServerOptions::default());
        let context = Arc::new(ServerContext::new("test".to_owned(), settings));
        let address = ("127.0.0.1".parse().unwrap(), 1);
        let suspect = |(id, &(holds, moved))| Suspect {
            id: id as u64,
            peer: Arc::new(Peer::new(Arc::clone(&context), 1, address, false)),
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
    fn a_client_that_holds_most_and_takes_least_is_closed_first() {
        const MIB: usize = 1 << 20;
        let all = [(MIB, 0), (8 * MIB, 0), (9 * MIB, 1000), (4 * MIB, 0)];
        assert_eq!(closed(&all, MIB), [1]);
        assert_eq!(closed(&all, 9 * MIB), [1, 3]);
        assert_eq!(closed(&all, 100 * MIB), [1, 3, 0, 2]);
    }

    #[test]
    fn a_client_that_takes_what_it_holds_or_holds_little_is_left_alone() {
        let all = [(32 << 20, 4 << 20), (4096, 0), (0, 0)];
        assert!(closed(&all, 1 << 30).is_empty());
    }
}
