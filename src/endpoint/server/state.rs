//! What the connections of a server share: its clients, whose turn it is, and the limits.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::client::{Client, Request};
use crate::bus::{Memory, Transaction};
use crate::endpoint::options::ServerOptions;
use crate::endpoint::outgoing::Outgoing;
use crate::endpoint::pairing::{Arrival, Left, Pair, Pairing, Side};
use crate::endpoint::watch::Watch;

/// Requests of one client that may wait, decoded, for their turn.
pub(super) const MAX_REQUESTS: usize = 64;
/// The bytes of data that they may hold before the client's connection is read no further.
pub(super) const MAX_REQUEST_BYTES: usize = 1 << 20;

/// The state of a server.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) options: ServerOptions,
    /// Told when the pulling thread should look again: a request is there, or a turn is free.
    pub(super) wake: Notify,
    /// Told when housekeeping has something new to look after.
    pub(super) housekeep: Notify,
    stopped: AtomicBool,
    timeout_us: AtomicU64,
    outstanding: AtomicUsize,
    failed_posts: AtomicU64,
    state: Mutex<State>,
    /// Where bytes are read to before they are decoded, by whichever connection is read just now.
    pub(super) buffer: Mutex<Vec<u8>>,
}

#[derive(Default)]
struct State {
    arrivals: u64,
    connections: HashMap<u64, Connection>,
    pairing: Pairing,
    /// Clients with requests waiting, in the order of their turns.
    ready: VecDeque<u64>,
    watch: Watch,
}

/// A connection of either side.
struct Connection {
    outgoing: Arc<Outgoing>,
    /// The client, on its request connection.
    client: Option<Arc<Client>>,
    requests: VecDeque<Request>,
    request_bytes: usize,
}

impl Shared {
    pub(super) fn new(name: String, options: ServerOptions) -> Shared {
        Shared {
            name,
            options,
            wake: Notify::new(),
            housekeep: Notify::new(),
            stopped: AtomicBool::new(false),
            timeout_us: AtomicU64::new(u64::MAX),
            outstanding: AtomicUsize::new(0),
            failed_posts: AtomicU64::new(0),
            state: Mutex::default(),
            buffer: Mutex::new(vec![0; 1 << 16]),
        }
    }

    pub(super) fn set_timeout(&self, timeout: Option<Duration>) {
        let micros = timeout.map_or(u64::MAX, |t| {
            u64::try_from(t.as_micros()).unwrap_or(u64::MAX)
        });
        self.timeout_us.store(micros, Ordering::Relaxed);
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        let mut state = self.lock();
        let connections = std::mem::take(&mut state.connections);
        state.ready.clear();
        drop(state);
        for connection in connections.values() {
            connection.outgoing.close();
        }
        self.wake.notify_one();
    }

    pub(super) fn failed_posts(&self) -> u64 {
        self.failed_posts.load(Ordering::Relaxed)
    }

    pub(super) fn post_failed(&self) {
        self.failed_posts.fetch_add(1, Ordering::Relaxed);
    }

    /// Admits a new connection, unless there are too many. The number is its place in the order of
    /// arrival.
    pub(super) fn connect(self: &Arc<Self>, outgoing: &Arc<Outgoing>) -> Option<u64> {
        let mut state = self.lock();
        if self.stopped() || state.connections.len() >= self.options.max_connections {
            return None;
        }
        state.arrivals += 1;
        let id = state.arrivals;
        let connection = Connection {
            outgoing: Arc::clone(outgoing),
            client: None,
            requests: VecDeque::new(),
            request_bytes: 0,
        };
        state.connections.insert(id, connection);
        Some(id)
    }

    /// A connection's handshake is over. Returns the client, on the request side.
    pub(super) fn ready(self: &Arc<Self>, arrival: Arrival, name: IpAddr) -> Option<Arc<Client>> {
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
                name,
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
        let gone = state.connections.remove(&id);
        state.ready.retain(|&client| client != id);
        drop(state);
        if let Some(Connection {
            outgoing, client, ..
        }) = gone
        {
            outgoing.close();
            if let Some(client) = client {
                client.leave();
            }
        }
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
            .filter_map(|c| c.client.clone())
            .collect()
    }

    /// A request has come.
    pub(super) fn push(&self, id: u64, request: Request) {
        let mut state = self.lock();
        let Some(connection) = state.connections.get_mut(&id) else {
            return;
        };
        connection.request_bytes += request.data.len();
        connection.requests.push_back(request);
        if connection.requests.len() == 1 {
            state.ready.push_back(id);
        }
        drop(state);
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
        !self.lock().ready.is_empty()
    }

    /// The next transaction, if there is one and the slave may have one more.
    pub(super) fn take(&self) -> Option<Transaction> {
        if self.outstanding.load(Ordering::Acquire) >= self.options.max_outstanding.max(1) {
            return None;
        }
        let mut state = self.lock();
        for _ in 0..state.ready.len() {
            let id = state.ready.pop_front()?;
            let Some(connection) = state.connections.get_mut(&id) else {
                continue;
            };
            let Some(client) = connection.client.clone() else {
                continue;
            };
            if client.queued() > self.options.max_queued {
                // It does not read its responses: no more of them until it does.
                state.ready.push_back(id);
                continue;
            }
            let was_full = connection.full();
            let Some(request) = connection.requests.pop_front() else {
                continue;
            };
            connection.request_bytes -= request.data.len();
            if was_full && !connection.full() {
                client.space.notify_one();
            }
            if !connection.requests.is_empty() {
                state.ready.push_back(id);
            }
            let transaction = self.hand_out(client, request);
            if state.watch.add(&transaction) {
                self.housekeep.notify_one();
            }
            return Some(transaction);
        }
        None
    }

    fn hand_out(&self, client: Arc<Client>, request: Request) -> Transaction {
        let Request { header, data } = request;
        let memory = (!data.is_empty()).then(|| Memory::owned(data));
        let timeout = match self.timeout_us.load(Ordering::Relaxed) {
            u64::MAX => Duration::MAX,
            micros => Duration::from_micros(micros),
        };
        let transaction =
            Transaction::new(header.address, header.size, header.kind, memory, timeout);
        ::log::debug!(
            target: &self.name,
            "Starting transaction id={}, addr=0x{:x}, size={}, type={}, local id={}",
            header.id, header.address, header.size, header.kind, transaction.id()
        );
        self.outstanding.fetch_add(1, Ordering::AcqRel);
        transaction.on_completion(client, u64::from(header.id));
        transaction.taken();
        transaction
    }

    /// Keeps the deadline of a transaction that was handed out.
    pub(super) fn watch(&self, transaction: &Transaction) {
        if self.lock().watch.add(transaction) {
            self.housekeep.notify_one();
        }
    }

    /// A transaction that was handed out is over.
    pub(super) fn completed(&self) {
        let before = self.outstanding.fetch_sub(1, Ordering::AcqRel);
        if before >= self.options.max_outstanding.max(1) {
            self.wake.notify_one();
        }
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn full(&self) -> bool {
        self.requests.len() >= MAX_REQUESTS || self.request_bytes >= MAX_REQUEST_BYTES
    }
}
