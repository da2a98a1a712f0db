//! One client as the server sees it: its transactions, its responses, its counters.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ::log::Level;
use tokio::sync::Notify;

use super::context::{nanos, ServerContext, ServerTopic};
use super::held::{HeldOutcome, HeldResponse};
use super::peer_state::{Answer, Effect, PeerState};
use super::queued::{data_bytes, QueuedRequest, RequestData};
use super::reply::{failure_tail, filler, sent_body};
use super::wake::Wake;
use crate::bus::{
    Completed, Completion, Content, Memory, Transaction, INLINE, POST, READ, VERIFY, WRITE,
};
use crate::endpoint::outgoing::{Body, Chunk, Outgoing, Sent};
use crate::endpoint::stats::{EndedAs, PeerStats};
use crate::error::ErrorKind;
use crate::wire::{response_head, response_tail_ok, Header};

/// A client, from the arrival of its request connection to its end.
pub(super) struct Peer {
    context: Arc<ServerContext>,
    /// The number of its request connection.
    id: u64,
    ip: IpAddr,
    port: u16,
    /// It is a client of this library: both its connections name a session.
    session: bool,
    /// Told when its request connection may be read again.
    pub(super) space: Notify,
    /// Told when its request connection may wait for requests in the system call that receives
    /// them.
    pub(super) listen: Wake,
    /// Bytes held for a request whose data is coming in.
    pub(super) partial: AtomicUsize,
    /// Bytes of such data that have come.
    pub(super) received: AtomicU64,
    state: Mutex<PeerState>,
}

impl Peer {
    pub(super) fn new(
        context: Arc<ServerContext>,
        id: u64,
        (ip, port): (IpAddr, u16),
        session: bool,
    ) -> Peer {
        Peer {
            context,
            id,
            ip,
            port,
            session,
            space: Notify::new(),
            listen: Wake::default(),
            partial: AtomicUsize::new(0),
            received: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    /// The client's address, for log lines.
    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }

    /// The client has a response connection: the responses that waited for it leave.
    pub(super) fn join(&self, outgoing: Arc<Outgoing>) {
        let mut state = self.lock();
        let held = state.held.take();
        self.context.budget.release(held.bytes());
        for response in held.into_queue() {
            let head = response_head(&response.header, response.body.len());
            outgoing.send(head.as_bytes(), Body::Owned(response.body), &response.tail);
        }
        state.outgoing = Some(outgoing);
    }

    /// The client's response connection has gone, and may come back.
    pub(super) fn part(&self) {
        self.lock().outgoing = None;
    }

    /// The client has gone: nobody gets its responses, and its counters move to the past.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        state.gone = true;
        state.outgoing = None;
        self.context.budget.release(state.held.take().bytes());
        let traffic = state.take_traffic();
        self.context.past().add(&traffic);
        drop(state);
        self.space.notify_one();
    }

    /// Its counters, while it is there.
    pub(super) fn stats(&self) -> PeerStats {
        let state = self.lock();
        PeerStats {
            address: self.ip,
            port: self.port,
            session: self.session,
            traffic: state.traffic(),
            bytes_queued: state.queued() as u64,
        }
    }

    /// Bytes of responses that wait for the client.
    pub(super) fn queued(&self) -> usize {
        self.lock().queued()
    }

    /// Bytes that the client has moved: taken of its responses, and sent of large requests.
    pub(super) fn moved(&self, state: &PeerState) -> u64 {
        state
            .sent()
            .wrapping_add(self.received.load(Ordering::Relaxed))
    }

    /// Ends its response connection.
    pub(super) fn close(&self) {
        if let Some(outgoing) = &self.lock().outgoing {
            outgoing.close();
        }
    }

    /// Drops the responses that have waited too long for a response connection. Whether some still
    /// wait.
    pub(super) fn expire_held(&self, now: Instant) -> bool {
        let mut state = self.lock();
        if state.held.is_empty() {
            return false;
        }
        let expired = state.held.expire(now);
        let waits = !state.held.is_empty();
        self.context.budget.release(expired.bytes);
        drop(state);
        if let Some(id) = expired.first {
            self.context.say(
                Level::Warn,
                ServerTopic::NoResponses,
                format_args!(
                "No response connection of {} for the response to id={id}: it and those after it \
                 are dropped.",
                self.address()
            ),
            );
        }
        // Its requests, or those of others, may have been held back for what was held.
        self.context.load.notice(self.id);
        self.context.look_again();
        waits
    }

    /// Makes a transaction of its next request, which is handed out at `now`. Called under the
    /// registry's lock.
    pub(super) fn hand_out(
        self: &Arc<Self>,
        state: &mut PeerState,
        request: QueuedRequest,
        now: u64,
    ) -> Transaction {
        let QueuedRequest {
            header,
            data,
            since,
        } = request;
        let context = &self.context;
        let (timeout, until) = match context.limit.get() {
            // `TcpServer::returned` watches this one.
            Some(limit) => (limit.get(), u64::MAX),
            None => {
                let timeout = context.settings.timeout.get();
                (timeout, now.saturating_add(nanos(timeout)))
            }
        };
        if until < u64::MAX {
            context.time_runs();
        }
        context.load.begin();
        // A small one has its memory at once: to bring it later, see `admit`, would take a lock.
        let bytes = match (&data, header.kind) {
            (RequestData::Small(bytes, count), _) => bytes.get(..usize::from(*count)),
            (RequestData::None, READ | VERIFY) => [0; INLINE].get(..header.size as usize),
            _ => None,
        };
        let place = state.hands.next();
        let token = u64::from(header.id) | u64::from(place) << 32;
        let transaction = Transaction::for_other(
            header.address,
            header.size,
            header.kind,
            (timeout, None),
            (Arc::clone(self) as _, token),
            bytes,
        );
        state.begin(context, &transaction, (since, now, until));
        if let RequestData::Large(bytes, charge) = data {
            // Counted until the transaction is complete.
            charge.leave();
            transaction.provide(Memory::owned(bytes));
        }
        transaction
    }

    /// Answers a probe.
    pub(super) fn answer_probe(&self, header: &Header) {
        self.respond(header, Chunk::Zeros(0), Ok(()), &Answer::Probe);
    }

    /// Answers a request that the slave need not see.
    pub(super) fn refuse(&self, header: &Header, text: &str) {
        let body = filler(header, self.context.settings.max_transaction());
        self.respond(header, body, Err(text), &Answer::Refused);
    }

    /// Answers a request. `body` holds the data of a Read or Verify that succeeded.
    fn respond(
        &self,
        header: &Header,
        body: Chunk,
        outcome: Result<(), &str>,
        answer: &Answer,
    ) -> Effect {
        let context = &self.context;
        ::log::debug!(
            target: &context.name,
            "Done transaction id={}, addr=0x{:x}, size={}, type={}, result=({})",
            header.id, header.address, header.size, header.kind, outcome.err().unwrap_or("OK")
        );
        if header.kind == POST {
            let effect = self.lock().count(context, header, answer);
            if let Err(text) = outcome {
                self.post_failed(header, text);
            }
            return effect;
        }
        let failure;
        let tail = match outcome {
            Ok(()) => response_tail_ok(),
            Err(text) => {
                failure = failure_tail(text, !self.session);
                &failure
            }
        };
        let body = sent_body(header, body, !self.session);
        let mut state = self.lock();
        let effect = state.count(context, header, answer);
        let (mut sent, mut kept) = (None, None);
        match &state.outgoing {
            _ if state.gone => {}
            None => {
                let most = context.settings.max_queued.get();
                let response = HeldResponse::new(*header, body, tail);
                let became = state.held.keep(response, most);
                if let HeldOutcome::Yes(cost) = became {
                    context.budget.reserve(cost);
                }
                kept = Some(became);
            }
            // Under the lock: after `leave` or `part` the connection may be another client's.
            Some(outgoing) => {
                let head = response_head(header, body.len());
                let head = head.as_bytes();
                let result = if context.defers() {
                    outgoing.defer(head, Body::Owned(body), tail)
                } else {
                    outgoing.send(head, Body::Owned(body), tail)
                };
                if matches!(result, Sent::Deferred { first: true, .. }) {
                    context.deferred.add(outgoing);
                }
                sent = Some(result);
            }
        }
        // Not before it is counted where it waits now.
        state.release(context, effect.reserved);
        drop(state);
        if let Some(kept) = kept {
            self.report_kept(kept, header.id);
        }
        if sent == Some(Sent::Closed) {
            ::log::debug!(
                target: &context.name,
                "The connection of {} was lost before the response to id={}.",
                self.address(), header.id
            );
        }
        effect
    }

    fn post_failed(&self, header: &Header, text: &str) {
        self.context.post_failed();
        self.context.say(
            Level::Warn,
            ServerTopic::FailedPost,
            format_args!(
                "Posted write id={} of {} failed: addr=0x{:x}, size={}: {text}",
                header.id,
                self.address(),
                header.address,
                header.size
            ),
        );
    }

    /// Logs what became of the response to the request `id`, for which there is no connection.
    fn report_kept(&self, kept: HeldOutcome, id: u32) {
        match kept {
            HeldOutcome::Yes(_) => {
                ::log::debug!(
                    target: &self.context.name,
                    "Holding the response to id={id} until {} has a response connection.",
                    self.address()
                );
                self.context.response_held();
            }
            HeldOutcome::No { first: true } => {
                self.context.say(
                    Level::Warn,
                    ServerTopic::NoResponses,
                    format_args!(
                    "No response connection of {}, and too much is waiting for it: the response to \
                     id={id} and those after it are dropped.",
                    self.address()
                ),
                );
            }
            HeldOutcome::No { first: false } => {}
        }
    }

    /// Locks what any thread may change.
    pub(super) fn lock(&self) -> MutexGuard<'_, PeerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Completion for Peer {
    fn completed(&self, token: u64, completed: Completed) {
        let Completed {
            address,
            size,
            kind,
            outcome,
            content,
        } = completed;
        let kind = kind.number();
        let header = Header {
            id: token as u32,
            address,
            size,
            kind,
        };
        let now = self.context.clock();
        let end = match &outcome {
            Ok(()) => EndedAs::Done,
            Err(error) if error.kind() == ErrorKind::Timeout => EndedAs::TimedOut,
            Err(_) => EndedAs::Failed,
        };
        let answer = Answer::Slave {
            place: (token >> 32) as u32,
            now,
            end,
        };
        let effect = match outcome {
            Ok(()) => {
                let body = match content {
                    // A write's data is not echoed.
                    _ if kind == WRITE => Chunk::Zeros(0),
                    Content::Zeros(count) => Chunk::Zeros(count),
                    Content::Bytes(payload) => Chunk::Payload(payload),
                };
                self.respond(&header, body, Ok(()), &answer)
            }
            Err(error) => {
                let body = filler(&header, self.context.settings.max_transaction());
                self.respond(&header, body, Err(error.text()), &answer)
            }
        };
        self.context.incoming.release(data_bytes(kind, size));
        if effect.look {
            self.context.load.notice(self.id);
        }
        self.context.completed(now, effect.counted, effect.awaited);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::settings::ServerSettings;
    use crate::endpoint::ServerOptions;
    use std::time::Duration;

    /// A server's clock of 32 bits in steps of 256 ns would begin anew after 18.3 minutes.
    #[test]
    fn a_latency_of_hours_is_told_as_it_is() {
        let settings = ServerSettings::new(&ServerOptions::default());
        let context = Arc::new(ServerContext::new("test".to_owned(), settings));
        let address = ("127.0.0.1".parse().unwrap(), 1);
        let peer = Arc::new(Peer::new(Arc::clone(&context), 1, address, true));
        let header = Header {
            id: 7,
            address: 0,
            size: 4,
            kind: READ,
        };
        let request = QueuedRequest {
            header,
            data: RequestData::None,
            since: nanos(Duration::from_secs(60)),
        };
        let transaction = peer.hand_out(&mut peer.lock(), request, 0);
        let answer = Answer::Slave {
            place: 0,
            now: nanos(Duration::from_secs(3 * 3600 + 60)),
            end: EndedAs::Done,
        };
        peer.respond(&header, Chunk::Zeros(4), Ok(()), &answer);
        let latency = peer.stats().traffic.latency();
        let hours = latency.max.as_secs_f64() / 3600.0;
        assert!(
            latency.count == 1 && (2.98..3.02).contains(&hours),
            "{latency:?}"
        );
        drop(transaction);
    }
}
