//! What the connections of a server share: its clients, whose turn it is, and the limits.

mod figures;
mod late;
mod pairs;
mod relief;
mod turns;
mod waits;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::net::{IpAddr, TcpStream};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::budget::{Budget, Limits};
use super::client::{Client, Request};
use super::deferred::Deferred;
use super::hands::Abandoned;
use super::heap::Heap;
use super::incoming::Incoming;
use super::lines::About;
use super::quota::{self, Over, Quota};
use super::turns::{Place, Turns};
use super::wake::Wake;
use crate::bus::{POST, WRITE};
use crate::endpoint::ids::Ids;
use crate::endpoint::outgoing::Outgoing;
use crate::endpoint::pairing::{Arrival, Pairing, Side};
use crate::endpoint::settings::ServerSettings;
use crate::endpoint::stats::{Dropped, Traffic};
use crate::endpoint::watch::Watch;
use crate::log::Repeated;
use crate::time::Time;
use late::fail_reads;

/// Requests of one client that may wait, decoded, for their turn.
pub(super) const MAX_REQUESTS: usize = 64;
/// The bytes of data that they may hold before the client's connection is read no further.
pub(super) const MAX_REQUEST_BYTES: usize = 1 << 20;

/// How long a connection may be there without its other one, and without a word: legacy clients make
/// both at a time, and make a lost one anew within some tenths of a second.
const HALF: Duration = Duration::from_secs(10);

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
    /// Transactions in its hands whose clients have gone.
    abandoned: AtomicUsize,
    /// When the last of them was over, by the clock, with the highest bit set; 0 if that has been
    /// looked at.
    completed_at: AtomicU64,
    /// Clients that can be served.
    ready: AtomicUsize,
    /// These, and those that can when something of anybody's ends.
    waiting: AtomicUsize,
    /// There may be more to hand out than before, though nobody new is ready.
    look: AtomicBool,
    /// Clients that cannot be served before they have taken more of their responses.
    parked: AtomicUsize,
    /// Housekeeping looks within the time that a slave has.
    timed: AtomicBool,
    /// Responses are held for a connection that has not come.
    keeps: AtomicBool,
    /// What is held for responses.
    pub(super) budget: Budget,
    /// What is held of requests.
    pub(super) incoming: Arc<Incoming>,
    failed_posts: AtomicU64,
    state: Mutex<State>,
    /// Clients of whose transactions one has ended that they, or others, have waited for. Not in the
    /// state: a transaction can end, with its last handle, while that is locked.
    notices: Mutex<Vec<u64>>,
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
    quota: Quota,
    /// Connections that were without their other one when this was noted.
    halves: VecDeque<(Instant, u64)>,
    /// Clients that can be served.
    turns: Turns,
    /// Clients that have their share of what the slave may have.
    sharing: BTreeSet<u64>,
    /// What that share was.
    share: usize,
    /// Clients that hold nothing and wait for room, in order, and since when.
    short: BTreeMap<u64, (u64, Instant)>,
    tickets: u64,
    /// Clients that wait for something to end.
    parked: usize,
    /// What `Shared::ready`, `waiting` and `parked` were set to last.
    told: (usize, usize, usize),
    watch: Watch,
    /// Transactions that have been handed out, and how many it were when times were looked at last.
    begun: (u64, u64),
    /// When to look next for those whose time is over.
    late_at: Option<Instant>,
    abandoned: Abandoned,
    /// Clients that have gone and left transactions to the slave, and when these are let go.
    leaving: VecDeque<(Instant, Arc<Client>)>,
    /// Since when somebody waits for memory that others hold.
    pressure: Option<Instant>,
    heap: Heap,
    /// Clients that have requests ready or in the slave's hands.
    busy: usize,
    dropped: Dropped,
}

/// A connection of either side.
struct Connection {
    outgoing: Arc<Outgoing>,
    peer: IpAddr,
    side: Side,
    /// Its client's other connection.
    partner: Option<u64>,
    /// Requests have come since this was looked at last.
    active: bool,
    /// The client, on its request connection.
    client: Option<Arc<Client>>,
    requests: VecDeque<Request>,
    request_bytes: usize,
    /// It is read no further, and waits to be told that it may be.
    full: bool,
    place: Place,
    waits: Waits,
    /// It has room for the answer of its next request, which it has waited for with this ticket.
    granted: Option<u64>,
    /// It has requests ready or in the slave's hands.
    busy: bool,
    /// It has ended, and is here for the requests that it has left.
    gone: bool,
}

/// What a client with requests waits for, before it can be served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Waits {
    /// Nothing, or it has no requests.
    #[default]
    No,
    /// That it has less than its share in the slave's hands.
    Share,
    /// That less is held for it.
    Less,
    /// Room for its answer, with this ticket.
    Room(u64),
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
            abandoned: AtomicUsize::new(0),
            completed_at: AtomicU64::new(0),
            ready: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            look: AtomicBool::new(false),
            parked: AtomicUsize::new(0),
            timed: AtomicBool::new(false),
            keeps: AtomicBool::new(false),
            budget: Budget::default(),
            incoming: Arc::default(),
            failed_posts: AtomicU64::new(0),
            state: Mutex::default(),
            notices: Mutex::default(),
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
        let dropped = state.dropped;
        *state = State {
            arrivals: state.arrivals,
            watch: std::mem::take(&mut state.watch),
            dropped,
            ..State::default()
        };
        self.tell_state(&mut state);
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
        Arc::new(Outgoing::new(stream, Arc::clone(&self.budget.queued)))
    }

    /// The limits of what is held.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            client: self.settings.max_queued.get(),
            total: self.settings.max_queued_total.get(),
        }
    }

    /// Admits a new connection, unless there are too many, of all or from its address. The number is
    /// its place in the order of arrival.
    pub(super) fn connect(
        self: &Arc<Self>,
        outgoing: &Arc<Outgoing>,
        peer: IpAddr,
        side: Side,
    ) -> Result<u64, Over> {
        let mut state = self.lock();
        // So that it has no end with many that come and go.
        self.take_notices(&mut state);
        state.arrivals += 1;
        let most = self.settings.max_connections.get();
        let limits = quota::Limits {
            all: most,
            address: self.settings.max_clients_per_address.get(),
        };
        let full = self.stopped() || state.connections.len() >= most;
        let entered = match full {
            true => Err(Over::Connections(most)),
            false => state.quota.enter(peer, side, limits),
        };
        if let Err(over) = entered {
            state.dropped.over_limit += 1;
            return Err(over);
        }
        let id = state.arrivals;
        let connection = Connection {
            outgoing: Arc::clone(outgoing),
            peer,
            side,
            partner: None,
            active: false,
            client: None,
            requests: VecDeque::new(),
            request_bytes: 0,
            full: false,
            place: Place::default(),
            waits: Waits::No,
            granted: None,
            busy: false,
            gone: false,
        };
        state.connections.insert(id, connection);
        Ok(id)
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
        let now = Instant::now();
        state.halves.push_back((now, id));
        let notes = pairs::arrive(&mut state, arrival, now);
        self.tell_state(&mut state);
        drop(state);
        self.tell(&notes);
        self.housekeep.notify_one();
        client
    }

    /// A connection has ended.
    pub(super) fn disconnect(&self, id: u64) {
        let mut guard = self.lock();
        let state = &mut *guard;
        // Before its response connection may be given to another client.
        let client = state.connections.get(&id).and_then(|c| c.client.clone());
        if let Some(client) = &client {
            client.leave();
        }
        let notes = pairs::leave(state, id, Instant::now());
        if let Some(connection) = state.connections.get_mut(&id) {
            connection.outgoing.close();
            // What it wrote is carried out, though it has not waited for that, unless it must not.
            let carried_out = !self.settings.drop_after_close.is_on();
            connection
                .requests
                .retain(|request| carried_out && matches!(request.header.kind, WRITE | POST));
            connection.gone = true;
            // It is held back by nothing any more.
            state.leave_turns(id);
            state.enter_turns(id);
        }
        let left = client.map(|client| self.left_behind(state, &client));
        if state
            .connections
            .get(&id)
            .is_some_and(|connection| connection.requests.is_empty())
        {
            state.remove(id);
        }
        self.tell_state(state);
        drop(guard);
        if let Some(left) = left {
            fail_reads(&left);
        }
        self.tell(&notes);
        self.housekeep.notify_one();
        // Requests may have been held back by responses that nobody will read any more.
        self.look_again();
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
            && self.budget.used() == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Forgets a connection, with the requests that it may have waiting no more.
    fn remove(&mut self, id: u64) {
        self.leave_turns(id);
        if let Some(gone) = self.connections.remove(&id) {
            self.quota.leave(gone.peer, gone.side);
        }
        // A crowd that has gone leaves no large table.
        let (count, room) = (self.connections.len(), self.connections.capacity());
        if room > 256 && count < room / 8 {
            self.connections.shrink_to(2 * count);
        }
    }
}
