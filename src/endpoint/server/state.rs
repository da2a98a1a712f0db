//! What the connections of a server share: its clients, whose turn it is, and the limits.

use std::collections::VecDeque;
use std::future::Future;
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::client::{Client, Data, Request};
use super::deferred::Deferred;
use crate::bus::{Memory, Transaction, POST, WRITE};
use crate::endpoint::ids::Ids;
use crate::endpoint::outgoing::Outgoing;
use crate::endpoint::pairing::{Arrival, Left, Pair, Pairing, Side};
use crate::endpoint::settings::ServerSettings;
use crate::endpoint::stats::{Dropped, PeerStats, ServerStats, Traffic};
use crate::endpoint::watch::Watch;

/// Requests of one client that may wait, decoded, for their turn.
pub(super) const MAX_REQUESTS: usize = 64;
/// The bytes of data that they may hold before the client's connection is read no further.
pub(super) const MAX_REQUEST_BYTES: usize = 1 << 20;

/// The work on one connection, to its end.
pub(super) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The state of a server.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) settings: ServerSettings,
    /// What times are told from, in requests.
    started: Instant,
    /// Told when the pulling thread should look again: a request is there, or a turn is free.
    pub(super) wake: Arc<Notify>,
    /// Told when housekeeping has something new to look after.
    pub(super) housekeep: Notify,
    pub(super) deferred: Arc<Deferred>,
    stopped: AtomicBool,
    outstanding: AtomicUsize,
    most_outstanding: AtomicUsize,
    /// Requests that wait for their turn.
    waiting: AtomicUsize,
    /// Bytes of responses that wait, of all connections.
    queued: Arc<AtomicUsize>,
    failed_posts: AtomicU64,
    state: Mutex<State>,
    /// Clients whose last transaction in the slave's hands is over. Not in the state: a transaction
    /// can end, with its last handle, while that is locked.
    idle: Mutex<Vec<u64>>,
    /// The work on connections that have come since the pulling thread looked last.
    arrivals: Mutex<Vec<Work>>,
    /// What was done for clients that have gone.
    past: Mutex<Traffic>,
    /// Where bytes are read to before they are decoded, by whichever connection is read just now.
    pub(super) buffer: Mutex<Vec<u8>>,
}

#[derive(Default)]
struct State {
    arrivals: u64,
    connections: Ids<u64, Connection>,
    pairing: Pairing,
    /// Clients with requests waiting, in the order of their turns.
    ready: VecDeque<u64>,
    watch: Watch,
    /// Clients that have requests waiting or in the slave's hands.
    busy: usize,
    dropped: Dropped,
}

/// A connection of either side.
struct Connection {
    outgoing: Arc<Outgoing>,
    /// The client, on its request connection.
    client: Option<Arc<Client>>,
    requests: VecDeque<Request>,
    request_bytes: usize,
    /// It has requests waiting or in the slave's hands.
    busy: bool,
    /// It has ended, and is here for the requests that it has left.
    gone: bool,
}

impl Shared {
    pub(super) fn new(name: String, settings: ServerSettings) -> Shared {
        let wake = Arc::new(Notify::new());
        Shared {
            name,
            settings,
            started: Instant::now(),
            deferred: Arc::new(Deferred::new(Arc::clone(&wake))),
            wake,
            housekeep: Notify::new(),
            stopped: AtomicBool::new(false),
            outstanding: AtomicUsize::new(0),
            most_outstanding: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            queued: Arc::default(),
            failed_posts: AtomicU64::new(0),
            state: Mutex::default(),
            idle: Mutex::default(),
            arrivals: Mutex::default(),
            past: Mutex::default(),
            buffer: Mutex::new(vec![0; 1 << 16]),
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    pub(super) fn stop(&self) {
        // What is complete is answered.
        self.deferred.flush();
        self.stopped.store(true, Ordering::Release);
        let mut state = self.lock();
        let connections = std::mem::take(&mut state.connections);
        state.ready.clear();
        state.busy = 0;
        self.waiting.store(0, Ordering::Relaxed);
        for connection in connections.values() {
            connection.outgoing.close();
            if let Some(client) = &connection.client {
                client.leave();
            }
        }
        drop(state);
        self.deferred.stop();
        self.wake.notify_one();
    }

    pub(super) fn failed_posts(&self) -> u64 {
        self.failed_posts.load(Ordering::Relaxed)
    }

    pub(super) fn post_failed(&self) {
        self.failed_posts.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection has come: the pulling thread is to work on it.
    pub(super) fn arrive(&self, work: Work) {
        self.arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(work);
        self.wake.notify_one();
    }

    pub(super) fn take_arrivals(&self) -> Vec<Work> {
        std::mem::take(&mut self.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is counted of a connection when it is made.
    pub(super) fn outgoing(&self, stream: Arc<TcpStream>) -> Arc<Outgoing> {
        Arc::new(Outgoing::new(stream, Arc::clone(&self.queued)))
    }

    /// Admits a new connection, unless there are too many. The number is its place in the order of
    /// arrival.
    pub(super) fn connect(self: &Arc<Self>, outgoing: &Arc<Outgoing>) -> Option<u64> {
        let mut state = self.lock();
        state.arrivals += 1;
        if self.stopped() || state.connections.len() >= self.settings.max_connections.get() {
            state.dropped.over_limit += 1;
            return None;
        }
        let id = state.arrivals;
        let connection = Connection {
            outgoing: Arc::clone(outgoing),
            client: None,
            requests: VecDeque::new(),
            request_bytes: 0,
            busy: false,
            gone: false,
        };
        state.connections.insert(id, connection);
        Some(id)
    }

    /// A connection's handshake is over. Returns the client, on the request side.
    pub(super) fn ready(self: &Arc<Self>, arrival: Arrival, port: u16) -> Option<Arc<Client>> {
        let name = arrival.peer;
        let mut state = self.lock();
        if let Some(old) = state.pairing.predecessor(&arrival) {
            if let Some(connection) = state.connections.get(&old) {
                ::log::debug!(target: &self.name, "Closing a connection that {name} has given up.");
                connection.outgoing.close();
            }
            self.unpair(&mut state, old);
        }
        let id = arrival.id;
        let client = (arrival.side == Side::Request).then(|| {
            Arc::new(Client::new(
                Arc::clone(self),
                id,
                (name, port),
                arrival.session.is_some(),
            ))
        });
        state.connections.get_mut(&id)?.client.clone_from(&client);
        let pair = state.pairing.arrive(arrival, Instant::now());
        self.join(&mut state, pair);
        drop(state);
        self.housekeep.notify_one();
        client
    }

    /// A connection has ended.
    pub(super) fn disconnect(&self, id: u64) {
        let mut state = self.lock();
        // Before its response connection may be given to another client.
        if let Some(client) = state.connections.get(&id).and_then(|c| c.client.as_ref()) {
            client.leave();
        }
        self.unpair(&mut state, id);
        let guard = &mut *state;
        let gone = guard.connections.get_mut(&id).map(|connection| {
            let before = connection.requests.len();
            // What it wrote is carried out, though it has not waited for that.
            connection
                .requests
                .retain(|request| matches!(request.header.kind, WRITE | POST));
            let dropped = before - connection.requests.len();
            self.waiting.fetch_sub(dropped, Ordering::Relaxed);
            connection.gone = true;
            (
                Arc::clone(&connection.outgoing),
                connection.requests.is_empty(),
            )
        });
        if let Some((outgoing, over)) = gone {
            outgoing.close();
            if over {
                guard.remove(id);
            }
        }
        drop(state);
        self.housekeep.notify_one();
        // Requests may have been held back by responses that nobody will read any more.
        self.wake.notify_one();
    }

    fn unpair(&self, state: &mut State, id: u64) {
        match state.pairing.leave(id) {
            Left::Alone => {}
            Left::CloseToo(partner) => {
                if let Some(connection) = state.connections.get(&partner) {
                    connection.outgoing.close();
                }
            }
            Left::Parted(partner) => {
                if let Some(client) = state
                    .connections
                    .get(&partner)
                    .and_then(|connection| connection.client.as_ref())
                {
                    client.part();
                }
                // Somebody may be waiting for just this one.
                let pair = state.pairing.find(partner);
                self.join(state, pair);
            }
        }
    }

    fn join(&self, state: &mut State, pair: Option<Pair>) {
        let Some(Pair {
            request,
            response,
            ambiguous,
        }) = pair
        else {
            return;
        };
        let outgoing = state
            .connections
            .get(&response)
            .map(|c| Arc::clone(&c.outgoing));
        let client = state
            .connections
            .get(&request)
            .and_then(|c| c.client.clone());
        let (Some(outgoing), Some(client)) = (outgoing, client) else {
            return;
        };
        if ambiguous {
            ::log::warn!(
                target: &self.name,
                "Several legacy clients at {}: their connections cannot be told apart, \
                 responses may go to the wrong one.",
                client.name()
            );
        }
        client.join(outgoing);
    }

    /// Pairs what has waited long enough; true if there may be more to pair later.
    pub(super) fn pair_lone(&self, now: Instant) -> bool {
        let mut state = self.lock();
        let pair = state.pairing.find_lone(now);
        self.join(&mut state, pair);
        state.pairing.has_lone()
    }

    /// The clients that are there now.
    pub(super) fn clients(&self) -> Vec<Arc<Client>> {
        self.lock()
            .connections
            .values()
            .filter(|connection| !connection.gone)
            .filter_map(|connection| connection.client.clone())
            .collect()
    }

    /// Requests have come; those of one read of the connection, in order.
    pub(super) fn push(&self, id: u64, requests: &mut Vec<Request>) {
        if requests.is_empty() {
            return;
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(connection) = state.connections.get_mut(&id) else {
            requests.clear();
            return;
        };
        self.waiting.fetch_add(requests.len(), Ordering::Relaxed);
        if connection.requests.is_empty() {
            state.ready.push_back(id);
        }
        for request in requests.drain(..) {
            connection.request_bytes += request.data.len();
            connection.requests.push_back(request);
        }
        if !std::mem::replace(&mut connection.busy, true) {
            state.busy += 1;
        }
        drop(guard);
        self.wake.notify_one();
    }

    /// Whether the connection `id` has as many requests waiting as it may.
    pub(super) fn full(&self, id: u64) -> bool {
        self.lock()
            .connections
            .get(&id)
            .is_some_and(Connection::full)
    }

    /// Whether any client has a request waiting.
    pub(super) fn has_requests(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether a response that is ready now may wait for others: this thread will have more.
    pub(super) fn defers(&self) -> bool {
        self.has_requests() && self.deferred.may()
    }

    /// The next transaction, if there is one and the slave may have one more.
    pub(super) fn take(&self) -> Option<Transaction> {
        if !self.has_requests() {
            return None;
        }
        let most = self.settings.max_outstanding.get();
        if self.outstanding.load(Ordering::Acquire) >= most {
            return None;
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        self.note_idle(state);
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
            let was_full = connection.full();
            let Some(request) = connection.requests.pop_front() else {
                continue;
            };
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            connection.request_bytes -= request.data.len();
            let client = Arc::clone(client);
            if was_full && !connection.full() {
                client.space.notify_one();
            }
            if !connection.requests.is_empty() {
                state.ready.push_back(id);
            } else if connection.gone {
                state.remove(id);
            }
            let transaction = self.hand_out(client, request);
            if state.watch.add(&transaction) {
                self.housekeep.notify_one();
            }
            return Some(transaction);
        }
        None
    }

    /// Whether `client` has more responses waiting than it may: no more of them until it has read.
    fn holds_back(&self, client: &Client) -> bool {
        let all = self.queued.load(Ordering::Relaxed);
        if all
            <= self
                .settings
                .max_queued
                .get()
                .min(self.settings.max_queued_total.get())
        {
            // Responses that are held count as well, but there are few of them.
            return client.queued() > self.settings.max_queued.get();
        }
        let queued = client.queued();
        queued > self.settings.max_queued.get()
            || (queued > 0 && all > self.settings.max_queued_total.get())
    }

    fn hand_out(&self, client: Arc<Client>, request: Request) -> Transaction {
        let Request {
            header,
            data,
            since,
        } = request;
        let timeout = self.settings.timeout.get();
        let transaction = Transaction::new(header.address, header.size, header.kind, None, timeout);
        match data {
            Data::None => {}
            Data::Small(bytes, count) => transaction.provide_copy(&bytes[..usize::from(count)]),
            Data::Large(bytes) => transaction.provide(Memory::owned(bytes)),
        }
        ::log::debug!(
            target: &self.name,
            "Starting transaction id={}, addr=0x{:x}, size={}, type={}, local id={}",
            header.id, header.address, header.size, header.kind, transaction.id()
        );
        let outstanding = 1 + self.outstanding.fetch_add(1, Ordering::AcqRel);
        self.most_outstanding
            .fetch_max(outstanding, Ordering::Relaxed);
        client.begin();
        transaction.on_completion(client, u64::from(header.id) | u64::from(since) << 32);
        transaction.taken();
        transaction
    }

    /// The time, in steps of 256 ns, to measure less than 18 minutes with.
    pub(super) fn clock(&self) -> u32 {
        (self.started.elapsed().as_nanos() >> 8) as u32
    }

    /// Keeps the deadline of a transaction that was handed out.
    pub(super) fn watch(&self, transaction: &Transaction) {
        if self.lock().watch.add(transaction) {
            self.housekeep.notify_one();
        }
    }

    /// A transaction that was handed out is over; it was the last one of `client` if so.
    pub(super) fn completed(&self, client: u64, last: bool) {
        let before = self.outstanding.fetch_sub(1, Ordering::AcqRel);
        if last {
            self.idle().push(client);
        }
        if self.has_requests() || before >= self.settings.max_outstanding.get() {
            self.wake.notify_one();
        }
    }

    /// Clients that have nothing under way any more have no share of what may be.
    fn note_idle(&self, state: &mut State) {
        for id in self.idle().drain(..) {
            let Some(connection) = state.connections.get_mut(&id) else {
                continue;
            };
            let idle = connection.requests.is_empty()
                && connection
                    .client
                    .as_ref()
                    .is_some_and(|client| client.outstanding() == 0);
            if idle && std::mem::replace(&mut connection.busy, false) {
                state.busy -= 1;
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<u64>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails the transactions whose time is over, and says when to look again.
    pub(super) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        let due = state.watch.due(now);
        let next = state.watch.next();
        drop(state);
        let mut busy = Vec::new();
        for transaction in due {
            if !transaction.expire() && !transaction.completed() {
                busy.push(transaction);
            }
        }
        if busy.is_empty() {
            return next;
        }
        // The slave holds their bytes: look again soon.
        let mut state = self.lock();
        for transaction in busy {
            state.watch.add(&transaction);
        }
        Some(now + Duration::from_millis(10))
    }

    /// A connection was dropped, for a cause that is counted.
    pub(super) fn dropped(&self, count: impl FnOnce(&mut Dropped)) {
        count(&mut self.lock().dropped);
    }

    /// What was done for clients that have gone.
    pub(super) fn past(&self) -> MutexGuard<'_, Traffic> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stats(&self) -> ServerStats {
        let state = self.lock();
        let mut stats = ServerStats {
            connections: state.connections.len() as u64,
            connections_total: state.arrivals,
            dropped: state.dropped,
            bytes_queued: self.queued.load(Ordering::Relaxed) as u64,
            ..ServerStats::default()
        };
        // Under the lock: the figures of a client that goes move to the past.
        stats.traffic.add(&self.past());
        for client in state.connections.values().filter_map(|c| c.client.as_ref()) {
            stats.traffic.add(&client.stats().traffic);
        }
        drop(state);
        let most = self.most_outstanding.load(Ordering::Relaxed) as u64;
        stats.traffic.most_outstanding = most;
        stats
    }

    pub(super) fn peers(&self) -> Vec<PeerStats> {
        self.clients().iter().map(|client| client.stats()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets a connection, with the requests that it may have waiting no more.
    fn remove(&mut self, id: u64) {
        self.ready.retain(|&client| client != id);
        let gone = self.connections.remove(&id);
        self.busy -= usize::from(gone.is_some_and(|connection| connection.busy));
    }
}

impl Connection {
    fn full(&self) -> bool {
        self.requests.len() >= MAX_REQUESTS || self.request_bytes >= MAX_REQUEST_BYTES
    }
}
