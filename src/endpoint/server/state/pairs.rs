//! What follows for a server's connections from how they are paired.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use ::log::Level;

use super::{Shared, State};
use crate::endpoint::pairing::{Arrival, Note, Pair, Step};
use crate::endpoint::server::lines::About;

/// What a user of legacy clients can do about it.
const ADVICE: &str = "Clients of this library name their connections and are never mixed up; of \
                      others, have one for each address.";

impl Shared {
    /// Pairs what has waited long enough. Returns when to look again.
    pub(in crate::endpoint::server) fn settle_pairs(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        let steps = state.pairing.settle(now);
        let notes = apply(&mut state, steps, now);
        let next = state.pairing.next_due();
        self.tell_state(&mut state);
        drop(state);
        self.tell(&notes);
        next
    }

    /// Logs what there is to say. Not under the lock: a log sink may ask for the server's figures.
    pub(super) fn tell(&self, notes: &[Note]) {
        for note in notes {
            match note {
                Note::GivenUp(peer) => ::log::debug!(
                    target: &self.name,
                    "Closing a connection that {peer} has given up."
                ),
                Note::Ambiguous(peer) => self.say(
                    Level::Error,
                    About::Ambiguous,
                    format_args!(
                        "Several legacy clients at {peer}: their connections cannot be told apart, \
                         responses may go to the wrong one. {ADVICE}"
                    ),
                ),
                Note::Guess {
                    request,
                    response,
                    others: true,
                } => self.say(
                    Level::Error,
                    About::Ambiguous,
                    format_args!(
                        "Connections of {request} and {response} are taken for those of one legacy \
                         client, while others wait: they cannot be told apart, responses may go to \
                         the wrong one. {ADVICE}"
                    ),
                ),
                Note::Guess {
                    request, response, ..
                } => self.say(
                    Level::Warn,
                    About::Guess,
                    format_args!(
                        "Connections of {request} and {response} are taken for those of one legacy \
                         client behind a tunnel or proxy: none that fits better has come."
                    ),
                ),
                Note::WrongGuess { kept, closed } => self.say(
                    Level::Error,
                    About::WrongGuess,
                    format_args!(
                        "Connections of {kept} and {closed} were taken for those of one legacy \
                         client, but {kept} has both of its own now: responses may have gone to the \
                         wrong one. That of {closed} is closed, so that it comes anew. {ADVICE}"
                    ),
                ),
            }
        }
    }
}

pub(super) fn arrive(state: &mut State, arrival: Arrival, now: Instant) -> Vec<Note> {
    let steps = state.pairing.arrive(arrival, now);
    apply(state, steps, now)
}

pub(super) fn leave(state: &mut State, id: u64, now: Instant) -> Vec<Note> {
    separate(state, id, now);
    let steps = state.pairing.leave(id, now);
    apply(state, steps, now)
}

/// The connection `id` and its partner are not one client's any more. What is left is half of one.
fn separate(state: &mut State, id: u64, now: Instant) {
    let partner = state.connections.get(&id).and_then(|c| c.partner);
    for half in [Some(id), partner].into_iter().flatten() {
        let Some(connection) = state.connections.get_mut(&half) else {
            continue;
        };
        if connection.partner.take().is_some() {
            state.halves.push_back((now, half));
        }
    }
}

/// Does what the pairing wants. Returns what there is to say about it.
fn apply(state: &mut State, steps: Vec<Step>, now: Instant) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut steps = VecDeque::from(steps);
    while let Some(step) = steps.pop_front() {
        match step {
            Step::Part(request) => {
                let connection = state.connections.get(&request);
                if let Some(client) = connection.and_then(|c| c.client.as_ref()) {
                    client.part();
                }
                separate(state, request, now);
                // What was queued for it is held no longer.
                state.enter_turns(request);
            }
            Step::Close(id) => {
                if let Some(connection) = state.connections.get(&id) {
                    connection.outgoing.close();
                }
            }
            Step::CloseUnlessEmpty(id) => {
                let connection = state.connections.get(&id);
                if let Some(used) = connection.filter(|c| c.outgoing.queued() > 0) {
                    used.outgoing.close();
                    separate(state, id, now);
                    steps.extend(state.pairing.leave(id, now));
                }
            }
            Step::Join(pair) => join(state, pair),
            Step::Tell(note) => notes.push(note),
        }
    }
    notes
}

/// Gives a client its response connection.
fn join(state: &mut State, pair: Pair) {
    let response = state.connections.get(&pair.response);
    let request = state.connections.get(&pair.request);
    let (Some(response), Some(client)) = (response, request.and_then(|r| r.client.as_ref())) else {
        return;
    };
    client.join(Arc::clone(&response.outgoing));
    for (id, partner) in [(pair.request, pair.response), (pair.response, pair.request)] {
        if let Some(connection) = state.connections.get_mut(&id) {
            connection.partner = Some(partner);
        }
    }
    // Its requests may have been held back for what has been sent now.
    state.enter_turns(pair.request);
}
