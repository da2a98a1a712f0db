//! What the connections of a server share: its clients, whose turn it is, and the limits.

mod figures;
mod pairs;
mod turns;

use std::collections::VecDeque;
use std::future::Future;
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::client::{Client, Request};
use super::deferred::Deferred;
use super::lines::About;
use super::wake::Wake;
use crate::bus::{Transaction, POST, WRITE};
use crate::endpoint::ids::Ids;
use crate::endpoint::outgoing::Outgoing;
use crate::endpoint::pairing::{Arrival, Pairing, Side};
use crate::endpoint::settings::ServerSettings;
use crate::endpoint::stats::{Dropped, Traffic};
use crate::endpoint::watch::Watch;
use crate::log::Repeated;
use crate::time::Time;

/// Requests of one client that may wait, decoded, for their turn.
pub(super) const MAX_REQUESTS: usize = 64;
/// The bytes of data that they may hold before the client's connection is read no further.
pub(super) const MAX_REQUEST_BYTES: usize = 1 << 20;

/// The work on one connection, to its end.
pub(super) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The state of a server.
pub(super) struct Shared {
    pub(super) name: String,
    /// The lines of the log that peers can cause.
    pub(super) lines: Repeated<About>,
    pub(super) settings: ServerSettings,
    /// The time that the slave has from when it has returned, in place of the one in the settings.
    pub(super) limit: OnceLock<Arc<Time>>,
    /// What times are told from, in requests.
    started: Instant,
    /// Told when the pulling thread should look again: a request is there, or a turn is free.
    pub(super) wake: Arc<Wake>,
    /// Told when housekeeping has something new to look after.
    pub(super) housekeep: Notify,
    pub(super) deferred: Arc<Deferred>,
    stopped: AtomicBool,
    outstanding: AtomicUsize,
    most_outstanding: AtomicUsize,
    /// When the last of them was over, by the clock, with bit 32 set; 0 if that has been looked at.
    completed_at: AtomicU64,
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
        let wake = Arc::new(Wake::default());
        Shared {
            name,
            lines: Repeated::default(),
            settings,
            limit: OnceLock::new(),
            started: Instant::now(),
            deferred: Arc::new(Deferred::new(Arc::clone(&wake))),
            wake,
            housekeep: Notify::new(),
            stopped: AtomicBool::new(false),
            outstanding: AtomicUsize::new(0),
            most_outstanding: AtomicUsize::new(0),
            completed_at: AtomicU64::new(0),
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
        self.wake.tell();
    }

    /// A connection has come: the pulling thread is to work on it.
    pub(super) fn arrive(&self, work: Work) {
        self.arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(work);
        self.wake.tell();
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
        // So that it has no end with many that come and go.
        self.note_idle(&mut state);
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
        let notes = pairs::arrive(&mut state, arrival, Instant::now());
        drop(state);
        self.tell(&notes);
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
        let notes = pairs::leave(&mut state, id, Instant::now());
        let guard = &mut *state;
        let gone = guard.connections.get_mut(&id).map(|connection| {
            let before = connection.requests.len();
            // What it wrote is carried out, though it has not waited for that, unless it must not.
            let carried_out = !self.settings.drop_after_close.is_on();
            connection
                .requests
                .retain(|request| carried_out && matches!(request.header.kind, WRITE | POST));
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
        self.tell(&notes);
        self.housekeep.notify_one();
        // Requests may have been held back by responses that nobody will read any more.
        self.wake.tell();
    }

    /// The client, if no other connections than its two are there.
    pub(super) fn only_client(&self) -> Option<Arc<Client>> {
        let state = self.lock();
        let mut clients = state.connections.values().map(|c| c.client.as_ref());
        match (clients.next(), clients.next(), clients.next()) {
            (Some(Some(client)), Some(None), None) | (Some(None), Some(Some(client)), None) => {
                Some(Arc::clone(client))
            }
            _ => None,
        }
    }

    /// Whether there is nothing to do or to send until a request comes.
    pub(super) fn is_idle(&self) -> bool {
        !self.has_requests()
            && self.outstanding.load(Ordering::SeqCst) == 0
            && self.queued.load(Ordering::Relaxed) == 0
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

    /// Keeps the deadline of a transaction that was handed out.
    pub(super) fn watch(&self, transaction: &Transaction) {
        if self.lock().watch.add(transaction) {
            self.housekeep.notify_one();
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
