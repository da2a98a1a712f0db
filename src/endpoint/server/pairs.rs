//! The pairs of connections that belong to one client each, and the halves of pairs.
//!
//! [`Pairing`] decides which connections belong together; here is done what follows from that.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::log::Level;

use super::context::{ServerContext, ServerTopic};
use super::roster::Roster;
use crate::endpoint::pairing::{Arrival, Note, Pair, Pairing, Side, Step};

/// What a user of legacy clients can do.
const ADVICE: &str = "Clients of this library name their connections and are never mixed up; of \
                      others, have one for each address.";

/// How long a connection may be there without its other one, and without a request. Legacy clients
/// make both at once, and make a lost one anew within some tenths of a second.
const HALF: Duration = Duration::from_secs(10);

/// See the [module](self). Guarded by the registry's lock.
#[derive(Default)]
pub(super) struct Pairs {
    pairing: Pairing,
    /// Connections that were without their other one, and since when. Some may have one by now.
    halves: VecDeque<(Instant, u64)>,
}

impl Pairs {
    /// A connection's handshake is over. Returns what there is to log.
    pub(super) fn arrive(
        &mut self,
        roster: &mut Roster,
        arrival: Arrival,
        now: Instant,
    ) -> Vec<Note> {
        self.halves.push_back((now, arrival.id));
        let steps = self.pairing.arrive(arrival, now);
        self.apply(roster, steps, now)
    }

    /// A connection has ended. Returns what there is to log.
    pub(super) fn leave(&mut self, roster: &mut Roster, id: u64, now: Instant) -> Vec<Note> {
        self.separate(roster, id, now);
        let steps = self.pairing.leave(id, now);
        self.apply(roster, steps, now)
    }

    /// Pairs what has waited long enough. Returns what there is to log, and when to call this
    /// again.
    pub(super) fn settle(
        &mut self,
        roster: &mut Roster,
        now: Instant,
    ) -> (Vec<Note>, Option<Instant>) {
        let steps = self.pairing.settle(now);
        let notes = self.apply(roster, steps, now);
        (notes, self.pairing.next_due())
    }

    /// Closes connections that have been without their other one, and without a request, for too
    /// long: `limit`, and at most 10 s. Returns them, how long they had, and when to call this
    /// again.
    pub(super) fn close_halves(
        &mut self,
        roster: &mut Roster,
        limit: Duration,
        now: Instant,
    ) -> (Vec<(IpAddr, Side)>, Duration, Option<Instant>) {
        let limit = HALF.min(limit);
        let mut closed = Vec::new();
        self.forget_old(roster);
        let mut next = None;
        while let Some(&(since, id)) = self.halves.front() {
            if since.checked_add(limit).is_none_or(|end| end > now) {
                next = since.checked_add(limit);
                break;
            }
            self.halves.pop_front();
            let Some(member) = roster.members.get_mut(&id) else {
                continue;
            };
            if member.partner.is_some() || member.gone {
                continue;
            }
            if std::mem::take(&mut member.active) {
                self.halves.push_back((now, id));
                continue;
            }
            member.outgoing.close();
            closed.push((member.ip, member.side));
        }
        (closed, limit, next)
    }

    /// Keeps the list short: most of its connections may have gone, or have a partner.
    fn forget_old(&mut self, roster: &Roster) {
        if self.halves.len() > 64 + 2 * roster.members.len() {
            self.halves.retain(|(_, id)| {
                let member = roster.members.get(id);
                member.is_some_and(|member| member.partner.is_none())
            });
        }
    }

    /// The connection `id` and its partner are not one client's any more. What is left is half of
    /// one.
    fn separate(&mut self, roster: &mut Roster, id: u64, now: Instant) {
        let partner = roster.members.get(&id).and_then(|member| member.partner);
        for half in [Some(id), partner].into_iter().flatten() {
            let Some(member) = roster.members.get_mut(&half) else {
                continue;
            };
            if member.partner.take().is_some() {
                self.halves.push_back((now, half));
            }
        }
    }

    /// Does what the pairing wants. Returns what there is to log.
    fn apply(&mut self, roster: &mut Roster, steps: Vec<Step>, now: Instant) -> Vec<Note> {
        let mut notes = Vec::new();
        let mut steps = VecDeque::from(steps);
        while let Some(step) = steps.pop_front() {
            match step {
                Step::Part(request) => {
                    let member = roster.members.get(&request);
                    if let Some(peer) = member.and_then(|member| member.peer.as_ref()) {
                        peer.part();
                    }
                    self.separate(roster, request, now);
                    // What was queued for it is held no longer.
                    roster.enter_turns(request);
                }
                Step::Close(id) => {
                    if let Some(member) = roster.members.get(&id) {
                        member.outgoing.close();
                    }
                }
                Step::CloseUnlessEmpty(id) => {
                    let member = roster.members.get(&id);
                    if let Some(used) = member.filter(|member| member.outgoing.queued() > 0) {
                        used.outgoing.close();
                        self.separate(roster, id, now);
                        steps.extend(self.pairing.leave(id, now));
                    }
                }
                Step::Join(pair) => join(roster, pair),
                Step::Tell(note) => notes.push(note),
            }
        }
        notes
    }
}

/// Gives a client its response connection.
fn join(roster: &mut Roster, pair: Pair) {
    let response = roster.members.get(&pair.response);
    let request = roster.members.get(&pair.request);
    let (Some(response), Some(peer)) = (response, request.and_then(|r| r.peer.as_ref())) else {
        return;
    };
    peer.join(Arc::clone(&response.outgoing));
    for (id, partner) in [(pair.request, pair.response), (pair.response, pair.request)] {
        if let Some(member) = roster.members.get_mut(&id) {
            member.partner = Some(partner);
        }
    }
    // Its requests may have been held back for what has been sent now.
    roster.enter_turns(pair.request);
}

/// Logs what there is to say. Not under a lock: a log sink may ask for the server's statistics.
pub(super) fn report(context: &ServerContext, notes: &[Note]) {
    for note in notes {
        match note {
            Note::GivenUp(peer) => ::log::debug!(
                target: &context.name,
                "Closing a connection that {peer} has given up."
            ),
            Note::Ambiguous(peer) => context.say(
                Level::Error,
                ServerTopic::Ambiguous,
                format_args!(
                    "Several legacy clients at {peer}: their connections cannot be told apart, \
                     responses may go to the wrong one. {ADVICE}"
                ),
            ),
            Note::Guess {
                request,
                response,
                others: true,
            } => context.say(
                Level::Error,
                ServerTopic::Ambiguous,
                format_args!(
                    "Connections of {request} and {response} are taken for those of one legacy \
                     client, while others wait: they cannot be told apart, responses may go to \
                     the wrong one. {ADVICE}"
                ),
            ),
            Note::Guess {
                request, response, ..
            } => context.say(
                Level::Warn,
                ServerTopic::Guess,
                format_args!(
                    "Connections of {request} and {response} are taken for those of one legacy \
                     client behind a tunnel or proxy: no connection that fits better has come."
                ),
            ),
            Note::WrongGuess { kept, closed } => context.say(
                Level::Error,
                ServerTopic::WrongGuess,
                format_args!(
                    "Connections of {kept} and {closed} were taken for those of one legacy \
                     client, but {kept} has both of its own now: responses may have gone to the \
                     wrong one. That of {closed} is closed, so that it connects again. {ADVICE}"
                ),
            ),
        }
    }
}
