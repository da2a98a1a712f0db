//! A client as the server sees it: where its responses go.

mod held;
mod request;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::log::Level;
use tokio::sync::Notify;

use super::lines::About;
use super::state::Shared;
use super::wake::Wake;
use crate::bus::{Completed, Completion, POST, READ, VERIFY, WRITE};
use crate::endpoint::outgoing::{Body, Chunk, Outgoing, Sent};
use crate::endpoint::stats::{End, Over, PeerStats, Traffic};
use crate::error::ErrorKind;
use crate::wire::{response_head, response_tail, response_tail_ok, Header, MAX_RESULT, PROBE};
use held::Response;
pub(super) use request::{Data, Request};

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
    outstanding: AtomicUsize,
    /// Transactions handed out, and the most that were at a time: written under the server's lock.
    begun: AtomicU64,
    most_outstanding: AtomicUsize,
    /// It is among those that are to be looked at because they may be idle.
    noted: AtomicBool,
    /// Bytes that are held: changed under the lock of the responses, read without.
    held_bytes: AtomicUsize,
    responses: Mutex<Responses>,
}

#[derive(Default)]
struct Responses {
    outgoing: Option<Arc<Outgoing>>,
    held: VecDeque<Response>,
    gone: bool,
    /// Responses have been dropped of which nobody was told.
    dropping: bool,
    traffic: Traffic,
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
            outstanding: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
            most_outstanding: AtomicUsize::new(0),
            noted: AtomicBool::new(false),
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
        self.held_bytes.store(0, Ordering::Relaxed);
        responses.dropping = false;
        responses.outgoing = Some(outgoing);
        drop(responses);
        // Its requests may have been held back for what has been sent now.
        self.shared.wake.tell();
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
        self.held_bytes.store(0, Ordering::Relaxed);
        // From now on it is counted among the past.
        let mut traffic = std::mem::take(&mut responses.traffic);
        self.add_begun(&mut traffic);
        self.shared.past().add(&traffic);
        drop(responses);
        self.space.notify_one();
    }

    /// A transaction of the client's is handed out, under the server's lock. `gone`: this is done
    /// for a client that has left.
    pub(super) fn begin(&self, gone: bool) {
        let outstanding = 1 + self.outstanding.fetch_add(1, Ordering::AcqRel);
        if gone {
            self.shared.past().begin();
            return;
        }
        // Nobody else writes to these.
        let begun = 1 + self.begun.load(Ordering::Relaxed);
        self.begun.store(begun, Ordering::Relaxed);
        if outstanding > self.most_outstanding.load(Ordering::Relaxed) {
            self.most_outstanding.store(outstanding, Ordering::Relaxed);
        }
    }

    /// Transactions of the client's that are in the slave's hands.
    pub(super) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::SeqCst)
    }

    /// It is to be looked at no more, but for what completes from now on.
    pub(super) fn looked_at(&self) {
        self.noted.store(false, Ordering::SeqCst);
    }

    /// Its figures, as long as it is there.
    pub(super) fn stats(&self) -> PeerStats {
        let mut traffic = self.lock().traffic.clone();
        self.add_begun(&mut traffic);
        PeerStats {
            address: self.name,
            port: self.port,
            session: self.session,
            traffic,
            bytes_queued: self.queued() as u64,
        }
    }

    fn add_begun(&self, traffic: &mut Traffic) {
        let most = self.most_outstanding.load(Ordering::Relaxed) as u64;
        traffic.set_begun(self.begun.load(Ordering::Relaxed), most);
    }

    fn count(&self, count: impl FnOnce(&mut Traffic)) {
        let mut responses = self.lock();
        if responses.gone {
            count(&mut self.shared.past());
        } else {
            count(&mut responses.traffic);
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

    /// Those of them that wait for a response connection.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes.load(Ordering::Relaxed)
    }

    /// Answers a request that the slave need not see.
    pub(super) fn refuse(&self, header: &Header, text: &str) {
        let filler = filler(header, self.shared.settings.max_transaction());
        self.respond(header, filler, Err(text), |traffic| traffic.refused += 1);
    }

    /// Answers a request, and counts it with `count`. `body` holds the data of a Read or Verify that
    /// succeeded.
    pub(super) fn respond(
        &self,
        header: &Header,
        body: Chunk,
        outcome: Result<(), &str>,
        count: impl FnOnce(&mut Traffic),
    ) {
        ::log::debug!(
            target: &self.shared.name,
            "Done transaction id={}, addr=0x{:x}, size={}, type={}, result=({})",
            header.id, header.address, header.size, header.kind, outcome.err().unwrap_or("OK")
        );
        if header.kind == POST {
            self.count(count);
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
            return;
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
        if responses.gone {
            count(&mut self.shared.past());
            return;
        }
        count(&mut responses.traffic);
        let Some(outgoing) = &responses.outgoing else {
            self.hold(responses, header, body, tail);
            return;
        };
        // Under the lock: once this has been left or parted, the connection may be another client's.
        let head = response_head(header, body.len());
        let head = head.as_bytes();
        let sent = if self.shared.defers() {
            outgoing.defer(head, Body::Owned(body), tail)
        } else {
            outgoing.send(head, Body::Owned(body), tail)
        };
        if matches!(sent, Sent::Deferred { first: true, .. }) {
            self.shared.deferred.add(outgoing);
        }
        drop(responses);
        if matches!(sent, Sent::Closed) {
            ::log::debug!(
                target: &self.shared.name,
                "The connection of {} was lost before the response to id={}.",
                self.peer(), header.id
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, Responses> {
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

impl Completion for Client {
    fn completed(&self, token: u64, completed: Completed) {
        let Completed {
            address,
            size,
            kind,
            outcome,
            payload,
        } = completed;
        let header = Header {
            id: token as u32,
            address,
            size,
            kind,
        };
        let now = self.shared.clock();
        let steps = now.wrapping_sub((token >> 32) as u32);
        let end = match &outcome {
            Ok(()) => End::Done,
            Err(error) if error.kind() == ErrorKind::Timeout => End::TimedOut,
            Err(_) => End::Failed,
        };
        let over = Over {
            kind,
            size,
            end,
            took: Some(Duration::from_nanos(u64::from(steps) << 8)),
        };
        let count = |traffic: &mut Traffic| traffic.end(&over);
        match outcome {
            Ok(()) => {
                let body = match payload.zeros() {
                    // A write's data is not echoed.
                    _ if kind == WRITE => Chunk::Zeros(0),
                    Some(count) => Chunk::Zeros(count),
                    None => Chunk::Payload(payload),
                };
                self.respond(&header, body, Ok(()), count);
            }
            Err(error) => {
                let body = filler(&header, self.shared.settings.max_transaction());
                self.respond(&header, body, Err(error.text()), count);
            }
        }
        // Either this sees that it is noted no more, or who notes the idle sees that this was the last.
        let last = self.outstanding.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && !self.noted.load(Ordering::SeqCst) && !self.noted.swap(true, Ordering::SeqCst) {
            self.shared.may_be_idle(self.id);
        }
        self.shared.completed(now);
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
