//! Whose request is next: clients in turns, each with a fair share of what the slave may have in its
//! hands, and none that does not read what it is sent.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Connection, Shared, State};
use crate::bus::{deadline_from_now, Memory, Transaction, READ, VERIFY, WITHIN};
use crate::endpoint::outgoing::MOST_DEFERRED;
use crate::endpoint::server::client::{Client, Data, Request};
use crate::endpoint::socket;

impl Shared {
    /// Requests have come; those of one read of the connection, in order. The thread that pulls calls
    /// this and looks for them itself. Returns whether as many wait now as may.
    pub(in crate::endpoint::server) fn push(&self, id: u64, requests: &mut Vec<Request>) -> bool {
        if requests.is_empty() {
            return false;
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(connection) = state.connections.get_mut(&id) else {
            requests.clear();
            return false;
        };
        // Before it is seen which clients have their share: see `completed`.
        self.waiting.fetch_add(requests.len(), Ordering::SeqCst);
        if connection.requests.is_empty() {
            state.ready.push_back(id);
        }
        for request in requests.drain(..) {
            connection.request_bytes += request.data.len();
            connection.requests.push_back(request);
        }
        let full = connection.full();
        if !std::mem::replace(&mut connection.busy, true) {
            state.busy += 1;
        }
        full
    }

    /// Whether the connection `id` has as many requests waiting as it may.
    pub(in crate::endpoint::server) fn full(&self, id: u64) -> bool {
        self.lock()
            .connections
            .get(&id)
            .is_some_and(Connection::full)
    }

    /// Whether any client has a request waiting.
    pub(in crate::endpoint::server) fn has_requests(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether a response that is ready now may wait for others: this thread will have more.
    pub(in crate::endpoint::server) fn defers(&self) -> bool {
        self.has_requests() && self.deferred.may()
    }

    /// The next transaction, if there is one and the slave may have one more.
    pub(in crate::endpoint::server) fn take(&self) -> Option<Transaction> {
        if !self.has_requests() {
            return None;
        }
        let most = self.settings.max_outstanding.get();
        if self.outstanding.load(Ordering::SeqCst) >= most {
            return None;
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.busy > 1 {
            self.note_idle(state);
        }
        let share = most.div_ceil(state.busy.max(1));
        for _ in 0..state.ready.len() {
            let id = state.ready.pop_front()?;
            let Some(connection) = state.connections.get_mut(&id) else {
                continue;
            };
            let Some(client) = &connection.client else {
                continue;
            };
            if client.outstanding() >= share || self.holds_back(client) {
                state.ready.push_back(id);
                continue;
            }
            if self.is_too_late(connection) {
                let dropped = std::mem::take(&mut connection.requests).len();
                connection.request_bytes = 0;
                self.waiting.fetch_sub(dropped, Ordering::Relaxed);
                // Its task sees the end, and does the rest.
                connection.outgoing.close();
                if connection.gone {
                    state.remove(id);
                }
                continue;
            }
            let was_full = connection.full();
            let Some(request) = connection.requests.pop_front() else {
                continue;
            };
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            connection.request_bytes -= request.data.len();
            let client = Arc::clone(client);
            let gone = connection.gone;
            if was_full && !connection.full() {
                client.space.notify_one();
            }
            if !connection.requests.is_empty() {
                state.ready.push_back(id);
            } else if gone {
                state.remove(id);
            }
            let header = request.header;
            let transaction = self.hand_out(client, gone, request);
            if self.settings.timeout.get() < Duration::MAX && state.watch.add(&transaction) {
                self.housekeep.notify_one();
            }
            drop(guard);
            // Not under the lock: a log sink may ask for the server's figures.
            ::log::debug!(
                target: &self.name,
                "Starting transaction id={}, addr=0x{:x}, size={}, type={}, local id={}",
                header.id, header.address, header.size, header.kind, transaction.id()
            );
            return Some(transaction);
        }
        None
    }

    /// Whether the client has closed its connection, and nothing that it sent is to be carried out then.
    fn is_too_late(&self, connection: &Connection) -> bool {
        self.settings.drop_after_close.is_on()
            && (connection.gone || socket::peer_has_closed(connection.outgoing.stream()))
    }

    /// Whether `client` has more responses waiting than it may: no more of them until it has read.
    fn holds_back(&self, client: &Client) -> bool {
        let all = self.queued.load(Ordering::Relaxed);
        let most = self.settings.max_queued.get();
        let most_total = self.settings.max_queued_total.get();
        // Mostly it can be told without a look at this one's connection, where some may be deferred.
        let at_most = all.saturating_add(client.held_bytes() + MOST_DEFERRED);
        if at_most <= most.min(most_total) {
            return false;
        }
        let queued = client.queued();
        queued > most || (queued > 0 && all > most_total)
    }

    fn hand_out(&self, client: Arc<Client>, gone: bool, request: Request) -> Transaction {
        let Request {
            header,
            data,
            since,
        } = request;
        let (timeout, deadline) = match self.limit.get() {
            Some(limit) => (limit.get(), None),
            None => {
                let timeout = self.settings.timeout.get();
                (timeout, deadline_from_now(timeout))
            }
        };
        let outstanding = 1 + self.outstanding.fetch_add(1, Ordering::AcqRel);
        if outstanding > self.most_outstanding.load(Ordering::Relaxed) {
            self.most_outstanding
                .fetch_max(outstanding, Ordering::Relaxed);
        }
        client.begin(gone);
        let token = u64::from(header.id) | u64::from(since) << 32;
        // A small one has its memory at once: to bring it later, see `admit`, would take a lock.
        let bytes = match (&data, header.kind) {
            (Data::Small(bytes, count), _) => bytes.get(..usize::from(*count)),
            (Data::None, READ | VERIFY) => [0; WITHIN].get(..header.size as usize),
            _ => None,
        };
        let transaction = Transaction::for_other(
            header.address,
            header.size,
            header.kind,
            (timeout, deadline),
            (client, token),
            bytes,
        );
        if let Data::Large(bytes) = data {
            transaction.provide(Memory::owned(bytes));
        }
        transaction
    }

    /// The time, in steps of 256 ns, to measure less than 18 minutes with.
    pub(in crate::endpoint::server) fn clock(&self) -> u32 {
        (self.started.elapsed().as_nanos() >> 8) as u32
    }

    /// As [`Shared::clock`], or the time of a completion since this was asked last, which costs
    /// nothing.
    pub(in crate::endpoint::server) fn recent_clock(&self) -> u32 {
        let at = self.completed_at.load(Ordering::Relaxed);
        if at == 0 {
            return self.clock();
        }
        // Should another completion come between, the clock is read once more.
        self.completed_at.store(0, Ordering::Relaxed);
        at as u32
    }

    /// A transaction that was handed out is over, and was at `now`.
    pub(in crate::endpoint::server) fn completed(&self, now: u32) {
        self.completed_at
            .store(1 << 32 | u64::from(now), Ordering::Relaxed);
        let before = self.outstanding.fetch_sub(1, Ordering::SeqCst);
        // Either this sees a request that has come, or who brought it sees what has been subtracted.
        let requests = self.waiting.load(Ordering::SeqCst) > 0;
        let awaited = requests || before >= self.settings.max_outstanding.get();
        // The thread that pulls will look by itself when it comes back. Should another one pull just
        // then: either this sees that, or it sees what has just been subtracted.
        if awaited && !self.deferred.pulls_here() {
            self.wake.tell();
        }
    }

    /// The client with the request connection `id` has nothing in the slave's hands.
    pub(in crate::endpoint::server) fn may_be_idle(&self, id: u64) {
        self.idle().push(id);
    }

    /// Clients that have nothing under way any more have no share of what may be.
    pub(super) fn note_idle(&self, state: &mut State) {
        for id in self.idle().drain(..) {
            let Some(connection) = state.connections.get_mut(&id) else {
                continue;
            };
            let idle = connection.client.as_ref().is_some_and(|client| {
                client.looked_at();
                connection.requests.is_empty() && client.outstanding() == 0
            });
            if idle && std::mem::replace(&mut connection.busy, false) {
                state.busy -= 1;
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<u64>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
