//! Responses that wait for the client's response connection, which may come after its requests or come
//! back.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ::log::Level;

use super::{Client, Responses};
use crate::endpoint::outgoing::Chunk;
use crate::endpoint::server::lines::About;
use crate::wire::Header;

/// How long responses are held for a response connection that has not come yet.
const HOLD: Duration = Duration::from_secs(1);

/// A response that waits for its connection.
pub(super) struct Response {
    pub(super) header: Header,
    pub(super) body: Chunk,
    pub(super) tail: Vec<u8>,
    since: Instant,
}

impl Response {
    /// What it counts for while it is held: a little, even if it is empty.
    fn cost(&self) -> usize {
        64 + self.body.memory() + self.tail.len()
    }
}

/// What became of a response for which there is no connection.
pub(super) enum Kept {
    Yes,
    /// Dropped. `first` if nobody has been told yet that any is.
    No {
        first: bool,
    },
}

impl Client {
    /// Throws away what has been held too long. True if something is held still.
    pub(in crate::endpoint::server) fn expire(&self, now: Instant) -> bool {
        if self.held_bytes() == 0 {
            return false;
        }
        let mut responses = self.lock();
        let mut dropped = None;
        while responses
            .held
            .front()
            .is_some_and(|response| response.since + HOLD <= now)
        {
            let Some(response) = responses.held.pop_front() else {
                break;
            };
            self.hold_less(response.cost());
            if !std::mem::replace(&mut responses.dropping, true) {
                dropped = Some(response.header.id);
            }
        }
        let held = !responses.held.is_empty();
        drop(responses);
        if let Some(id) = dropped {
            self.shared.say(Level::Warn, About::NoResponses, format_args!(
                "No response connection of {} for the response to id={id}: it and those after it are \
                 dropped.",
                self.peer()
            ));
        }
        // Its requests, or those of others, may have been held back for what was held.
        self.shared.holds_less(self.id);
        held
    }

    /// Keeps a response until there is a connection for it. Who calls this says so when the lock is
    /// released, by [`Client::tell_kept`].
    pub(super) fn hold(
        &self,
        responses: &mut Responses,
        header: &Header,
        body: Chunk,
        tail: &[u8],
    ) -> Kept {
        let (tail, since) = (tail.to_vec(), Instant::now());
        let response = Response {
            header: *header,
            body,
            tail,
            since,
        };
        let cost = response.cost();
        // A client that has had no connection for one response gets those after it no sooner: to hold
        // each of them would keep its requests, and its end, waiting behind them.
        if responses.dropping || self.held_bytes() + cost > self.shared.settings.max_queued.get() {
            // Once is enough: it may send requests for as long as it likes.
            let first = !std::mem::replace(&mut responses.dropping, true);
            return Kept::No { first };
        }
        self.held_bytes.fetch_add(cost, Ordering::Relaxed);
        self.shared.budget.owe(cost);
        responses.held.push_back(response);
        Kept::Yes
    }

    /// As many bytes are held no longer.
    pub(super) fn hold_less(&self, bytes: usize) {
        self.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.shared.budget.settle(bytes);
    }

    /// Says what became of the response to the request `id`.
    pub(super) fn tell_kept(&self, kept: &Kept, id: u32) {
        match kept {
            Kept::Yes => {
                ::log::debug!(
                    target: &self.shared.name,
                    "Holding the response to id={id} until {} has a response connection.",
                    self.peer()
                );
                self.shared.keeps();
            }
            Kept::No { first: true } => self.shared.say(Level::Warn, About::NoResponses, format_args!(
                "No response connection of {}, and too much is waiting for it: the response to id={id} \
                 and those after it are dropped.",
                self.peer()
            )),
            Kept::No { first: false } => {}
        }
    }
}
