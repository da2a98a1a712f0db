//! Responses that wait for the client's response connection, which may come after its requests or come
//! back.

use std::sync::atomic::Ordering;
use std::sync::MutexGuard;
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
        64 + self.body.len() + self.tail.len()
    }
}

impl Client {
    /// Throws away what has been held too long. True if something is held still.
    pub(in crate::endpoint::server) fn expire(&self, now: Instant) -> bool {
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
            self.held_bytes
                .fetch_sub(response.cost(), Ordering::Relaxed);
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
        self.shared.wake.tell();
        held
    }

    /// Keeps a response until there is a connection for it.
    pub(super) fn hold(
        &self,
        mut responses: MutexGuard<'_, Responses>,
        header: &Header,
        body: Chunk,
        tail: &[u8],
    ) {
        let (tail, since) = (tail.to_vec(), Instant::now());
        let response = Response {
            header: *header,
            body,
            tail,
            since,
        };
        if self.held_bytes() + response.cost() > self.shared.settings.max_queued.get() {
            // Once is enough: it may send requests for as long as it likes.
            let first = !std::mem::replace(&mut responses.dropping, true);
            drop(responses);
            if first {
                self.shared.say(Level::Warn, About::NoResponses, format_args!(
                    "No response connection of {}, and too much is waiting for it: the response to id={} \
                     and those after it are dropped.",
                    self.peer(), header.id
                ));
            }
            return;
        }
        self.held_bytes
            .fetch_add(response.cost(), Ordering::Relaxed);
        responses.held.push_back(response);
        drop(responses);
        ::log::debug!(
            target: &self.shared.name,
            "Holding the response to id={} until {} has a response connection.",
            header.id, self.peer()
        );
        self.shared.housekeep.notify_one();
    }
}
