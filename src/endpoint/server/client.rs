//! A client as the server sees it: where its responses go.

mod ended;
mod held;
mod request;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::log::Level;
use tokio::sync::Notify;

use super::hands::Hands;
use super::lines::About;
use super::state::Shared;
use super::wake::Wake;
use crate::bus::{Transaction, POST, READ, VERIFY};
use crate::endpoint::outgoing::{Body, Chunk, Outgoing, Sent};
use crate::endpoint::stats::{PeerStats, Traffic};
use crate::wire::{response_head, response_tail, response_tail_ok, Header, MAX_RESULT, PROBE};
pub(super) use ended::Answered;
use ended::Follows;
use held::Response;
pub(super) use request::{answer_bytes, data_bytes, Data, Request};

/// A client, from the arrival of its request connection to its end.
pub(super) struct Client {
    shared: Arc<Shared>,
    /// The number of its request connection.
    id: u64,
    name: IpAddr,
    port: u16,
    /// It is one of ours: both its connections name a session.
    session: bool,
    /// Told when its connection may be read again.
    pub(super) space: Notify,
    /// Told when its connection may wait for requests in the system call that receives them.
    pub(super) listen: Wake,
    /// Bytes that are held for a request whose data is coming in.
    pub(super) partial: AtomicUsize,
    /// Bytes of such data that have come.
    pub(super) received: AtomicU64,
    /// What had been taken and given when it was looked at last, see `relief.rs`.
    pub(super) mark: AtomicU64,
    /// Bytes that are held: changed under the lock of the responses, read without.
    held_bytes: AtomicUsize,
    responses: Mutex<Responses>,
}

/// What belongs to a client and is changed by any thread. The server's lock may be held when this one
/// is taken, and not the other way round.
#[derive(Default)]
pub(super) struct Responses {
    outgoing: Option<Arc<Outgoing>>,
    held: VecDeque<Response>,
    gone: bool,
    /// Responses have been dropped of which nobody was told.
    dropping: bool,
    traffic: Traffic,
    /// Its transactions that the slave has.
    pub(super) hands: Hands,
    /// Bytes of answers that these will have.
    owed: usize,
    /// Transactions handed out, and the most that were at a time.
    begun: u64,
    most_outstanding: usize,
    /// It is among those that are to be looked at again.
    pub(super) noted: bool,
    /// It has requests that may be carried out when something of it ends.
    pub(super) parked: bool,
}

impl Client {
    pub(super) fn new(
        shared: Arc<Shared>,
        id: u64,
        (name, port): (IpAddr, u16),
        session: bool,
    ) -> Client {
        Client {
            shared,
            id,
            name,
            port,
            session,
            space: Notify::new(),
            listen: Wake::default(),
            partial: AtomicUsize::new(0),
            received: AtomicU64::new(0),
            mark: AtomicU64::new(0),
            held_bytes: AtomicUsize::new(0),
            responses: Mutex::default(),
        }
    }

    /// The client, for log lines.
    pub(super) fn peer(&self) -> SocketAddr {
        SocketAddr::new(self.name, self.port)
    }

    /// The client's response connection is there: what was held goes out.
    pub(super) fn join(&self, outgoing: Arc<Outgoing>) {
        let mut responses = self.lock();
        for response in std::mem::take(&mut responses.held) {
            let head = response_head(&response.header, response.body.len());
            outgoing.send(head.as_bytes(), Body::Owned(response.body), &response.tail);
        }
        self.hold_less(self.held_bytes());
        responses.dropping = false;
        responses.outgoing = Some(outgoing);
    }

    /// The client's response connection has gone, and may come back.
    pub(super) fn part(&self) {
        self.lock().outgoing = None;
    }

    /// The client has gone: nobody gets its responses.
    pub(super) fn leave(&self) {
        let mut responses = self.lock();
        responses.gone = true;
        responses.outgoing = None;
        responses.held.clear();
        self.hold_less(self.held_bytes());
        // From now on it is counted among the past.
        let mut traffic = std::mem::take(&mut responses.traffic);
        traffic.set_begun(responses.begun, responses.most_outstanding as u64);
        self.shared.past().add(&traffic);
        drop(responses);
        self.space.notify_one();
    }

    /// Its figures, as long as it is there.
    pub(super) fn stats(&self) -> PeerStats {
        let responses = self.lock();
        let mut traffic = responses.traffic.clone();
        traffic.set_begun(responses.begun, responses.most_outstanding as u64);
        drop(responses);
        PeerStats {
            address: self.name,
            port: self.port,
            session: self.session,
            traffic,
            bytes_queued: self.queued() as u64,
        }
    }

    /// Bytes of responses that wait for the client.
    pub(super) fn queued(&self) -> usize {
        let responses = self.lock();
        let sending = responses
            .outgoing
            .as_ref()
            .map_or(0, |outgoing| outgoing.queued());
        sending + self.held_bytes()
    }

    /// Bytes that are held for it: responses that wait, and answers in the slave's hands. The lock is
    /// held.
    pub(super) fn held(&self, responses: &Responses) -> usize {
        self.untaken(responses) + responses.owed
    }

    /// As [`Client::held`], but what waits for the client alone.
    pub(super) fn untaken(&self, responses: &Responses) -> usize {
        let outgoing = responses.outgoing.as_ref();
        outgoing.map_or(0, |outgoing| outgoing.held()) + self.held_bytes()
    }

    /// Bytes that it has taken of its responses, and given of large requests.
    pub(super) fn moved(&self, responses: &Responses) -> u64 {
        let outgoing = responses.outgoing.as_ref();
        let sent = outgoing.map_or(0, |outgoing| outgoing.sent());
        sent.wrapping_add(self.received.load(Ordering::Relaxed))
    }

    /// Ends its response connection.
    pub(super) fn close(&self) {
        if let Some(outgoing) = &self.lock().outgoing {
            outgoing.close();
        }
    }

    /// Its next transaction is handed out, under the server's lock: `make` makes it, with the token
    /// for its completion.
    pub(super) fn begin(
        &self,
        responses: &mut Responses,
        (header, since): (&Header, u64),
        (at, until): (u64, u64),
        make: impl FnOnce(u64) -> Transaction,
    ) -> Transaction {
        let place = responses.hands.next();
        let transaction = make(u64::from(header.id) | u64::from(place) << 32);
        responses.hands.put(&transaction, since, at, until);
        let owed = answer_bytes(header.kind, header.size);
        if owed > 0 {
            responses.owed += owed;
            self.shared.budget.owe(owed);
        }
        if responses.gone {
            self.shared.past().begin();
        } else {
            responses.begun += 1;
            responses.most_outstanding = responses.most_outstanding.max(responses.hands.count());
        }
        transaction
    }

    /// Those of them that wait for a response connection.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes.load(Ordering::Relaxed)
    }

    /// Answers a request that the slave need not see.
    pub(super) fn refuse(&self, header: &Header, text: &str) {
        let filler = filler(header, self.shared.settings.max_transaction());
        self.respond(header, filler, Err(text), &Answered::Refused);
    }

    /// Answers a request, which was `answered` by whom it says. `body` holds the data of a Read or
    /// Verify that succeeded.
    pub(super) fn respond(
        &self,
        header: &Header,
        body: Chunk,
        outcome: Result<(), &str>,
        answered: &Answered,
    ) -> Follows {
        ::log::debug!(
            target: &self.shared.name,
            "Done transaction id={}, addr=0x{:x}, size={}, type={}, result=({})",
            header.id, header.address, header.size, header.kind, outcome.err().unwrap_or("OK")
        );
        if header.kind == POST {
            let follows = self.count(&mut self.lock(), header, answered);
            if let Err(text) = outcome {
                self.shared.post_failed();
                self.shared.say(
                    Level::Warn,
                    About::FailedPost,
                    format_args!(
                        "Posted write id={} of {} failed: addr=0x{:x}, size={}: {text}",
                        header.id,
                        self.peer(),
                        header.address,
                        header.size
                    ),
                );
            }
            return follows;
        }
        let error;
        let tail = match outcome {
            Ok(()) => response_tail_ok(),
            // A legacy client takes the text for a printf format.
            Err(text) if !self.session => {
                error = response_tail(&printf_literal(text));
                &error
            }
            Err(text) => {
                error = response_tail(text);
                &error
            }
        };
        let body = if body.len() == 0 && !self.session && header.kind != PROBE {
            // Rogue before 6.8.5 does not count an empty frame, and drops a response that has one.
            Chunk::Zeros(1)
        } else {
            body
        };
        let mut responses = self.lock();
        let follows = self.count(&mut responses, header, answered);
        let (mut sent, mut kept) = (None, None);
        match &responses.outgoing {
            _ if responses.gone => {}
            None => kept = Some(self.hold(&mut responses, header, body, tail)),
            // Under the lock: once this has been left or parted, the connection may be another
            // client's.
            Some(outgoing) => {
                let head = response_head(header, body.len());
                let head = head.as_bytes();
                let result = if self.shared.defers() {
                    outgoing.defer(head, Body::Owned(body), tail)
                } else {
                    outgoing.send(head, Body::Owned(body), tail)
                };
                if matches!(result, Sent::Deferred { first: true, .. }) {
                    self.shared.deferred.add(outgoing);
                }
                sent = Some(result);
            }
        }
        // Not before it is counted where it waits now.
        if follows.paid > 0 {
            responses.owed -= follows.paid;
            self.shared.budget.settle(follows.paid);
        }
        drop(responses);
        if let Some(kept) = kept {
            self.tell_kept(&kept, header.id);
        }
        if sent == Some(Sent::Closed) {
            ::log::debug!(
                target: &self.shared.name,
                "The connection of {} was lost before the response to id={}.",
                self.peer(), header.id
            );
        }
        follows
    }

    /// Locks what any thread may change.
    pub(super) fn lock(&self) -> MutexGuard<'_, Responses> {
        self.responses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A format that makes `printf` print `text`, as far as that fits a result.
fn printf_literal(text: &str) -> String {
    let mut format = String::new();
    for c in text.chars() {
        // Half of a pair at the end would be a conversion again.
        if format.len() + c.len_utf8() + usize::from(c == '%') > MAX_RESULT {
            break;
        }
        if c == '%' {
            format.push('%');
        }
        format.push(c);
    }
    format
}

/// The data of a response that says no. A legacy client takes the text only if a Read or Verify
/// brings as many bytes as it asked for.
fn filler(header: &Header, max: u32) -> Chunk {
    match header.kind {
        READ | VERIFY if header.size <= max => Chunk::Zeros(header.size as usize),
        _ => Chunk::Zeros(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_4_a_legacy_client_gets_no_conversion_to_run() {
        assert_eq!(printf_literal("50% of %s%n"), "50%% of %%s%%n");
        let text = "x".repeat(MAX_RESULT - 1) + "%s";
        assert_eq!(printf_literal(&text), "x".repeat(MAX_RESULT - 1));
        let text = "x".repeat(MAX_RESULT - 2) + "%s";
        assert_eq!(printf_literal(&text), "x".repeat(MAX_RESULT - 2) + "%%");
    }
}
