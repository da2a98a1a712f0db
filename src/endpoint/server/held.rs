//! Responses that wait for their client's response connection, which may come after the first
//! requests, or come back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::endpoint::outgoing::Chunk;
use crate::wire::Header;

/// How long a response waits for a response connection.
const HOLD: Duration = Duration::from_secs(1);

/// The responses of one client that wait, in order.
#[derive(Default)]
pub(super) struct HeldResponses {
    queue: VecDeque<HeldResponse>,
    /// What they count for.
    bytes: usize,
    /// Responses have been dropped since the client had a response connection last.
    dropping: bool,
}

/// A response that waits.
pub(super) struct HeldResponse {
    pub(super) header: Header,
    pub(super) body: Chunk,
    pub(super) tail: Vec<u8>,
    since: Instant,
}

impl HeldResponse {
    /// A response that waits from now on.
    pub(super) fn new(header: Header, body: Chunk, tail: &[u8]) -> HeldResponse {
        let (tail, since) = (tail.to_vec(), Instant::now());
        HeldResponse {
            header,
            body,
            tail,
            since,
        }
    }

    /// The bytes that it counts for: a few even if it is empty.
    fn cost(&self) -> usize {
        64 + self.body.memory() + self.tail.len()
    }
}

/// What became of a response without a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeldOutcome {
    /// It waits, and counts for this many bytes.
    Yes(usize),
    /// It was dropped. `first`: the first one since there was a connection.
    No { first: bool },
}

/// What became of the responses that have waited too long.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expired {
    /// What they counted for.
    pub(super) bytes: usize,
    /// The request of the first of them, if it is the first to be dropped since there was a
    /// connection.
    pub(super) first: Option<u32>,
}

impl HeldResponses {
    /// What the responses that wait count for.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Keeps a response, if no more than `most` bytes wait then.
    pub(super) fn keep(&mut self, response: HeldResponse, most: usize) -> HeldOutcome {
        let cost = response.cost();
        // A client that had no connection for one response has none soon: to hold each of the
        // following ones would make its requests, and its end, wait for them.
        if self.dropping || self.bytes + cost > most {
            // One log line is enough: the client may send requests for as long as it likes.
            let first = !std::mem::replace(&mut self.dropping, true);
            return HeldOutcome::No { first };
        }
        self.bytes += cost;
        self.queue.push_back(response);
        HeldOutcome::Yes(cost)
    }

    /// Drops the responses that have waited too long at `now`.
    pub(super) fn expire(&mut self, now: Instant) -> Expired {
        let mut expired = Expired::default();
        while self
            .queue
            .front()
            .is_some_and(|first| first.since + HOLD <= now)
        {
            let Some(response) = self.queue.pop_front() else {
                break;
            };
            expired.bytes += response.cost();
            if !std::mem::replace(&mut self.dropping, true) {
                expired.first = Some(response.header.id);
            }
        }
        self.bytes -= expired.bytes;
        expired
    }

    /// Takes all responses: there is a connection, or the client has gone.
    pub(super) fn take(&mut self) -> HeldResponses {
        std::mem::take(self)
    }

    /// The responses, in order.
    pub(super) fn into_queue(self) -> VecDeque<HeldResponse> {
        self.queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::READ;

    fn response(id: u32) -> HeldResponse {
        let header = Header {
            id,
            address: 0,
            size: 100,
            kind: READ,
        };
        HeldResponse::new(header, Chunk::Zeros(100), b"OK")
    }

    #[test]
    fn what_has_waited_too_long_is_dropped_and_told_once() {
        let mut held = HeldResponses::default();
        let HeldOutcome::Yes(cost) = held.keep(response(1), 1000) else {
            panic!("there is room");
        };
        assert_eq!(held.keep(response(2), 1000), HeldOutcome::Yes(cost));
        let now = Instant::now();
        assert_eq!(held.expire(now), Expired::default());
        let expired = held.expire(now + HOLD);
        let all = Expired {
            bytes: 2 * cost,
            first: Some(1),
        };
        assert_eq!(expired, all);
        assert!(held.is_empty() && held.bytes() == 0);
        // From now on none waits, until there is a connection.
        assert_eq!(
            held.keep(response(3), 1000),
            HeldOutcome::No { first: false }
        );
        held.take();
        assert_eq!(held.keep(response(4), 1000), HeldOutcome::Yes(cost));
    }

    #[test]
    fn what_is_too_much_is_dropped_and_told_once() {
        let mut held = HeldResponses::default();
        assert_eq!(held.keep(response(1), 10), HeldOutcome::No { first: true });
        assert_eq!(held.keep(response(2), 10), HeldOutcome::No { first: false });
        assert_eq!(held.bytes(), 0);
    }
}
