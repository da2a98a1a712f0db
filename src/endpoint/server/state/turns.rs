//! Whose request is next: clients in turns, each with a fair share of what the slave may have in its
//! hands, and none for which too much is held.
//!
//! A client that can be served waits in [`Turns`]. One that cannot is taken out, and comes back when
//! something has changed for it: one of its transactions has ended, its socket has taken bytes, there
//! is room. So the work for a transaction does not grow with those that wait.
//!
//! What a client waits in, and comes out of, is in `waits.rs`.
//!
//! [`Turns`]: crate::endpoint::server::turns::Turns

use std::collections::VecDeque;
use std::sync::atomic::{fence, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Connection, Shared, State, Waits, MAX_REQUESTS, MAX_REQUEST_BYTES};
use crate::bus::{Memory, Transaction, INLINE, READ, VERIFY};
use crate::endpoint::server::budget::Verdict;
use crate::endpoint::server::client::{answer_bytes, Client, Data, Request, Responses};
use crate::endpoint::socket;

/// As many transactions of clients that have gone may be with the slave beside `max_outstanding`, in
/// multiples of that; what is more counts as if their clients were there.
const MOST_ABANDONED: usize = 8;

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
        for request in requests.drain(..) {
            connection.request_bytes += request.data.len();
            connection.requests.push_back(request);
        }
        connection.active = true;
        connection.full = self.is_full(&connection.requests, connection.request_bytes);
        let full = connection.full;
        if connection.waits == Waits::No {
            state.enter_turns(id);
            self.tell_state(state);
        }
        full
    }

    /// Whether the connection `id` has as many requests waiting as it may. If so, it is told by
    /// `Client::space` when that is over.
    pub(in crate::endpoint::server) fn full(&self, id: u64) -> bool {
        let mut state = self.lock();
        let Some(connection) = state.connections.get_mut(&id) else {
            return false;
        };
        connection.full = self.is_full(&connection.requests, connection.request_bytes);
        connection.full
    }

    fn is_full(&self, requests: &VecDeque<Request>, bytes: usize) -> bool {
        requests.len() >= MAX_REQUESTS
            || bytes >= MAX_REQUEST_BYTES
            || (bytes > 0 && self.is_crammed())
    }

    /// Whether as many bytes of requests are held, of all clients, as may be.
    pub(in crate::endpoint::server) fn is_crammed(&self) -> bool {
        self.incoming.used() >= self.settings.max_queued_total.get()
    }

    /// Whether any client has a request that can be carried out.
    pub(in crate::endpoint::server) fn has_requests(&self) -> bool {
        self.ready.load(Ordering::Relaxed) > 0
    }

    /// Whether a response that is ready now may wait for others: this thread will have more.
    pub(in crate::endpoint::server) fn defers(&self) -> bool {
        self.has_requests() && self.deferred.may()
    }

    /// The next transaction, if there is one and the slave may have one more.
    pub(in crate::endpoint::server) fn take(&self) -> Option<Transaction> {
        if !self.has_requests() && !self.look.load(Ordering::Relaxed) {
            return None;
        }
        self.take_at(self.clock())
    }

    /// As [`Shared::take`], at the time `now` by the clock.
    pub(in crate::endpoint::server) fn take_at(&self, now: u64) -> Option<Transaction> {
        let most = self.settings.max_outstanding.get();
        let abandoned = self.abandoned.load(Ordering::Relaxed);
        let beyond = abandoned.saturating_sub(most.saturating_mul(MOST_ABANDONED));
        if self.outstanding.load(Ordering::SeqCst) + beyond >= most {
            return None;
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        self.look.store(false, Ordering::Relaxed);
        if state.busy > 1 || state.parked > 0 {
            self.take_notices(state);
            self.give_room(state);
        }
        let share = most.div_ceil(state.busy.max(1));
        if share > std::mem::replace(&mut state.share, share) {
            for id in std::mem::take(&mut state.sharing) {
                state.enter_turns(id);
            }
        }
        while let Some(id) = state.turns.first() {
            let Some(connection) = state.connections.get_mut(&id) else {
                break;
            };
            if self.is_too_late(connection) {
                state.drop_requests(id);
                continue;
            }
            let (Some(client), Some(request)) = (&connection.client, connection.requests.front())
            else {
                break;
            };
            let answer = answer_bytes(request.header.kind, request.header.size);
            let others = !state.short.is_empty() && connection.granted.is_none();
            let mut responses = client.lock();
            let waits = if connection.gone {
                Waits::No
            } else if responses.hands.count() >= share {
                Waits::Share
            } else {
                self.held_back(client, &responses, answer, others)
            };
            if waits != Waits::No {
                // Of room it hears otherwise.
                responses.parked = !matches!(waits, Waits::Room(_));
                let idle = responses.hands.count() == 0;
                drop(responses);
                state.park(id, waits, idle);
                if matches!(waits, Waits::Room(_)) {
                    self.housekeep.notify_one();
                }
                continue;
            }
            let request = connection.requests.pop_front()?;
            connection.request_bytes -= request.data.len();
            connection.granted = None;
            let next = connection.requests.front();
            state
                .turns
                .served(&mut connection.place, next.map(|next| next.header.size));
            if connection.full && !self.is_full(&connection.requests, connection.request_bytes) {
                connection.full = false;
                client.space.notify_one();
            }
            let header = request.header;
            let transaction = self.hand_out(client, &mut responses, request, now);
            drop(responses);
            state.begun.0 += 1;
            if connection.gone {
                let client = Arc::clone(client);
                if connection.requests.is_empty() {
                    state.remove(id);
                }
                self.let_go_later(state, &client, Instant::now());
            }
            if answer > 0 {
                self.notice_much(state);
            }
            self.tell_state(state);
            drop(guard);
            // Not under the lock: a log sink may ask for the server's figures.
            ::log::debug!(
                target: &self.name,
                "Starting transaction id={}, addr=0x{:x}, size={}, type={}, local id={}",
                header.id, header.address, header.size, header.kind, transaction.id()
            );
            return Some(transaction);
        }
        self.tell_state(state);
        // What there was no room for may have some now: who makes room looks at `waiting` afterwards.
        fence(Ordering::SeqCst);
        if self.first_has_room(state) {
            self.look_again();
        }
        None
    }

    /// Whether the client has closed its connection, and nothing that it sent is to be carried out then.
    fn is_too_late(&self, connection: &Connection) -> bool {
        self.settings.drop_after_close.is_on()
            && (connection.gone || socket::peer_has_closed(connection.outgoing.stream()))
    }

    /// Whether a client has to wait with a transaction because of what is held, and for what.
    fn held_back(
        &self,
        client: &Client,
        responses: &Responses,
        answer: usize,
        others: bool,
    ) -> Waits {
        let (limits, used) = (self.limits(), self.budget.used());
        // Mostly it can be told without a look at this one.
        if limits.surely_fits(used, answer) && !others {
            return Waits::No;
        }
        match limits.judge(used, client.held(responses), answer, others) {
            Verdict::Start => Waits::No,
            Verdict::HoldsMuch => Waits::Less,
            Verdict::NoRoom => Waits::Room(0),
        }
    }

    /// Those that wait for room, and have it now, can be served.
    fn give_room(&self, state: &mut State) {
        let limits = self.limits();
        let mut used = self.budget.used();
        while let Some((ticket, id, answer)) = state.first_short() {
            if !limits.has_room(used, answer) {
                break;
            }
            used = used.saturating_add(answer);
            state.enter_turns(id);
            if let Some(connection) = state.connections.get_mut(&id) {
                connection.granted = Some(ticket);
            }
        }
    }

    fn first_has_room(&self, state: &mut State) -> bool {
        let (limits, used) = (self.limits(), self.budget.used());
        state
            .first_short()
            .is_some_and(|(_, _, answer)| limits.has_room(used, answer))
    }

    fn hand_out(
        &self,
        client: &Arc<Client>,
        responses: &mut Responses,
        request: Request,
        now: u64,
    ) -> Transaction {
        let Request {
            header,
            data,
            since,
        } = request;
        let (timeout, until) = match self.limit.get() {
            // Kept by `returned`.
            Some(limit) => (limit.get(), u64::MAX),
            None => {
                let timeout = self.settings.timeout.get();
                (timeout, now.saturating_add(steps(timeout)))
            }
        };
        if until < u64::MAX && !self.timed.swap(true, Ordering::Relaxed) {
            self.housekeep.notify_one();
        }
        let outstanding = 1 + self.outstanding.fetch_add(1, Ordering::AcqRel);
        if outstanding > self.most_outstanding.load(Ordering::Relaxed) {
            self.most_outstanding
                .fetch_max(outstanding, Ordering::Relaxed);
        }
        // A small one has its memory at once: to bring it later, see `admit`, would take a lock.
        let bytes = match (&data, header.kind) {
            (Data::Small(bytes, count), _) => bytes.get(..usize::from(*count)),
            (Data::None, READ | VERIFY) => [0; INLINE].get(..header.size as usize),
            _ => None,
        };
        let make = |token| {
            Transaction::for_other(
                header.address,
                header.size,
                header.kind,
                (timeout, None),
                (Arc::clone(client) as _, token),
                bytes,
            )
        };
        let transaction = client.begin(responses, (&header, since), (now, until), make);
        if let Data::Large(bytes, charge) = data {
            // Counted until it has completed.
            charge.leave();
            transaction.provide(Memory::owned(bytes));
        }
        transaction
    }

    /// The time, in steps of 256 ns.
    pub(in crate::endpoint::server) fn clock(&self) -> u64 {
        steps(self.started.elapsed())
    }

    /// As [`Shared::clock`], or the time of a completion since this was asked last, which costs
    /// nothing.
    pub(in crate::endpoint::server) fn recent_clock(&self) -> u64 {
        let at = self.completed_at.load(Ordering::Relaxed);
        if at == 0 {
            return self.clock();
        }
        // Should another completion come between, the clock is read once more.
        self.completed_at.store(0, Ordering::Relaxed);
        at & !(1 << 63)
    }

    /// A transaction that was handed out is over, and was at `now`. `counted`: it was among those
    /// outstanding. `parked`: its client has waited for that.
    pub(in crate::endpoint::server) fn completed(&self, now: u64, counted: bool, parked: bool) {
        self.completed_at.store(1 << 63 | now, Ordering::Relaxed);
        let before = match counted {
            true => self.outstanding.fetch_sub(1, Ordering::SeqCst),
            false => self.outstanding.load(Ordering::SeqCst),
        };
        // Either this sees a request that has come, or who brought it sees what has been subtracted.
        let requests = self.waiting.load(Ordering::SeqCst) > 0;
        if parked || (requests && !self.has_requests()) {
            self.look.store(true, Ordering::Relaxed);
        }
        let awaited = parked || requests || before >= self.settings.max_outstanding.get();
        // The thread that pulls will look by itself when it comes back. Should another one pull just
        // then: either this sees that, or it sees what has just been subtracted.
        if awaited && !self.deferred.pulls_here() {
            self.wake.tell();
        }
    }

    /// There may be more to hand out than before.
    pub(in crate::endpoint::server) fn look_again(&self) {
        self.look.store(true, Ordering::Relaxed);
        self.wake.tell();
    }

    /// Less is held for the client with the request connection `id`, and so of all.
    pub(in crate::endpoint::server) fn holds_less(&self, id: u64) {
        self.look_at(id);
        self.look_again();
    }

    /// The response connection `id` has sent some of what it held.
    pub(in crate::endpoint::server) fn bytes_taken(&self, id: u64) {
        if self.parked.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut state = self.lock();
        let client = state.connections.get(&id).and_then(|c| c.partner);
        if let Some(client) = client {
            state.held_less(client);
        }
        self.tell_state(&mut state);
        drop(state);
        self.look_again();
    }

    /// Something has changed for the client with the request connection `id`: it may have nothing in
    /// the slave's hands any more, or be able to be served.
    pub(in crate::endpoint::server) fn look_at(&self, id: u64) {
        self.notices().push(id);
    }

    /// Looks at the clients for which something has changed.
    pub(super) fn take_notices(&self, state: &mut State) {
        let notices = std::mem::take(&mut *self.notices());
        for id in notices {
            let Some(connection) = state.connections.get(&id) else {
                continue;
            };
            let Some(client) = &connection.client else {
                continue;
            };
            let mut responses = client.lock();
            responses.noted = false;
            let idle = responses.hands.count() == 0;
            drop(responses);
            if connection.waits != Waits::No {
                state.held_less(id);
            } else if connection.requests.is_empty() && idle {
                state.rest(id);
            }
        }
    }

    /// Lets those that look without the lock see what has changed in `state`.
    pub(super) fn tell_state(&self, state: &mut State) {
        let ready = state.turns.len();
        let waiting = ready + state.sharing.len() + state.short.len();
        let told = (ready, waiting, state.parked);
        if std::mem::replace(&mut state.told, told) != told {
            self.ready.store(ready, Ordering::Relaxed);
            self.parked.store(state.parked, Ordering::Relaxed);
            self.waiting.store(waiting, Ordering::SeqCst);
        }
    }

    fn notices(&self) -> MutexGuard<'_, Vec<u64>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time in steps of the server's clock, of which a second has 3,906,250.
pub(super) fn steps(time: Duration) -> u64 {
    let seconds = time.as_secs().saturating_mul(1_000_000_000 >> 8);
    seconds.saturating_add(u64::from(time.subsec_nanos() >> 8))
}
