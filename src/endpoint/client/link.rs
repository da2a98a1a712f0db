//! What lives as long as a client: the way to the server, whether it is open just now, and the
//! transactions that wait for it to open.

mod drive;
mod status;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::attending::attending;
use super::connect::Progress;
use super::connection::{over_as, Connection, Submit};
use super::ids;
use super::lines::About;
use crate::bus::{Link, Renewals, Transaction};
use crate::endpoint::settings::ClientSettings;
use crate::endpoint::stats::{End, Traffic, Unacknowledged};
use crate::endpoint::watch::Watch;
use crate::error::{Error, ErrorKind, Result};
use crate::log::Repeated;
use crate::wire::SessionId;
pub use status::LinkState;

/// The longest that a thread waits in one read; see `SO_RCVTIMEO` in `connect.rs`.
pub(super) const READ_LIMIT: Duration = Duration::from_millis(100);

/// The state of a client.
pub(super) struct Shared {
    pub(super) name: String,
    /// The lines of the log that may come again and again.
    pub(super) lines: Repeated<About>,
    /// `address:port`, for error texts.
    pub(super) place: String,
    pub(super) settings: ClientSettings,
    pub(super) session: SessionId,
    /// Of the attempt to connect that is being made.
    pub(super) progress: Progress,
    /// Added to a transaction's id to make its id on the wire: random for each process, so that a
    /// response meant for somebody else is not taken for one of ours.
    pub(super) id_base: u32,
    /// Told when the client's thread has something to see to.
    pub(super) control: Notify,
    pub(super) renewals: Renewals,
    state: Mutex<State>,
    /// Told when there is room for those that are held back.
    room: Condvar,
    /// How many those are: changed under the lock of the state.
    held_back: AtomicUsize,
    /// Told when the state of the link has changed.
    changed: Condvar,
    watch: Mutex<Watch>,
    /// Figures of connections that are over, and of transactions that never had one.
    past: Mutex<Traffic>,
}

struct State {
    connection: Option<Arc<Connection>>,
    /// The one that is being taken down: its figures are not among the past yet.
    leaving: Option<Arc<Connection>>,
    /// Transactions that wait for a connection.
    backlog: VecDeque<Transaction>,
    /// Length of the backlog at which those that are over are thrown out.
    sweep_at: usize,
    /// Why there is no connection.
    failure: Option<Error>,
    stopped: bool,
    connects: u64,
    losses: u64,
    failed_attempts: u64,
    unacknowledged: Unacknowledged,
}

impl Shared {
    pub(super) fn new(name: String, place: String, settings: ClientSettings) -> Result<Shared> {
        let mut session = [0; 16];
        getrandom::fill(&mut session).map_err(|error| {
            Error::new(
                ErrorKind::System,
                format!("No random numbers for a session: {error}"),
            )
        })?;
        let id_base = ids::base(&session);
        Ok(Shared {
            name,
            lines: Repeated::default(),
            place,
            settings,
            session: SessionId(session),
            progress: Progress::default(),
            id_base,
            control: Notify::new(),
            renewals: Renewals::default(),
            state: Mutex::new(State {
                connection: None,
                leaving: None,
                backlog: VecDeque::new(),
                sweep_at: 64,
                failure: None,
                stopped: false,
                connects: 0,
                losses: 0,
                failed_attempts: 0,
                unacknowledged: Unacknowledged::default(),
            }),
            room: Condvar::new(),
            held_back: AtomicUsize::new(0),
            changed: Condvar::new(),
            watch: Mutex::default(),
            past: Mutex::default(),
        })
    }

    /// Sends `transaction`, or keeps it until there is a connection.
    pub(super) fn submit(self: &Arc<Self>, transaction: &Transaction) {
        let link = Arc::clone(self) as Arc<dyn Link>;
        let mut now = Instant::now();
        let unattended = transaction.set_link(link, now);
        let mut state = self.lock();
        loop {
            if state.stopped {
                drop(state);
                self.past().count(&over_as(transaction, End::Failed));
                transaction.fail(self.stopped_error());
                return;
            }
            if state.crowded(self.settings.max_outstanding.get()) && !attending() {
                state = match self.hold_back(state, transaction) {
                    Some(state) => state,
                    None => return,
                };
                now = Instant::now();
                continue;
            }
            let Some(connection) = state.connection.clone() else {
                state.queue(transaction);
                drop(state);
                self.control.notify_one();
                return;
            };
            drop(state);
            if connection.submit(self, transaction, (unattended, true), now) == Submit::Sent {
                return;
            }
            // It was lost just now, and nothing of this transaction had been sent.
            state = self.lock();
            // The client's thread takes the connection down; until then there is nothing to do.
            if state
                .connection
                .as_ref()
                .is_some_and(|now| Arc::ptr_eq(now, &connection))
            {
                state.leaving = state.connection.take();
                self.changed.notify_all();
                self.control.notify_one();
            }
        }
    }

    /// Holds the calling thread back until fewer transactions are outstanding, for at most the time
    /// that its transaction has. `None`: the transaction has failed.
    fn hold_back<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        transaction: &Transaction,
    ) -> Option<MutexGuard<'a, State>> {
        // Nobody may be waiting for the responses that would make room.
        let connection = state.connection.clone();
        if let Some(connection) = &connection {
            connection.add_background(1);
        }
        self.control.notify_one();
        self.held_back.fetch_add(1, Ordering::Relaxed);
        transaction.delayed();
        let limit = transaction.timeout();
        let full = |state: &mut State| {
            !state.stopped && state.crowded(self.settings.max_outstanding.get())
        };
        let (state, timeout) = self
            .room
            .wait_timeout_while(state, limit, full)
            .unwrap_or_else(PoisonError::into_inner);
        self.held_back.fetch_sub(1, Ordering::Relaxed);
        if let Some(connection) = connection {
            connection.add_background(-1);
        }
        if !timeout.timed_out() {
            return Some(state);
        }
        drop(state);
        let text = format!(
            "{}: {} transactions are outstanding, the most that are allowed",
            self.place,
            self.settings.max_outstanding.get()
        );
        self.past().count(&over_as(transaction, End::TimedOut));
        transaction.fail(Error::new(ErrorKind::Timeout, text));
        None
    }

    /// A connection is there: what waited for it is sent, in the order in which it came.
    pub(super) fn connected(self: &Arc<Self>, connection: &Arc<Connection>) {
        loop {
            let mut state = self.lock();
            let Some(transaction) = state.backlog.pop_front() else {
                state.failure = None;
                if !state.stopped {
                    state.connection = Some(Arc::clone(connection));
                    state.connects += 1;
                }
                break;
            };
            // Whoever asks meanwhile queues up behind it. Not under the lock: a posted write
            // completes here, and user code may hear of that.
            drop(state);
            if over(&transaction) {
                continue;
            }
            let unattended = transaction.unattended();
            let now = Instant::now();
            if connection.submit(self, &transaction, (unattended, false), now) == Submit::Lost {
                self.lock().backlog.push_front(transaction);
                return;
            }
            // Who waits for it has found nothing to read before.
            transaction.nudge();
        }
        self.room.notify_all();
        self.changed.notify_all();
    }

    /// The connection is over: what was under way fails, what comes now waits for the next one.
    pub(super) fn disconnected(&self, connection: &Connection, failure: Error) {
        let mut state = self.lock();
        state.leaving = state.connection.take().or(state.leaving.take());
        state.failure = Some(failure.clone());
        state.losses += u64::from(!state.stopped);
        let lost = connection.lost_bytes();
        state.unacknowledged.bytes += lost.bytes;
        state.unacknowledged.posts += lost.posts;
        drop(state);
        if lost.posts > 0 {
            ::log::warn!(
                target: &self.name,
                "{}: the connection was lost before the server's host had acknowledged {} posted \
                 writes: the server may not have got them.",
                self.place, lost.posts
            );
        }
        connection.fail_all(self, &failure);
        self.past().add(&connection.take_traffic());
        self.lock().leaving = None;
        self.room.notify_all();
        self.changed.notify_all();
    }

    /// An attempt to connect has failed.
    pub(super) fn failed(&self, failure: Error) {
        let mut state = self.lock();
        state.failed_attempts += 1;
        let before = state.failure.replace(failure.clone());
        drop(state);
        // Not under the lock: a log sink may ask for the state of the link.
        if before.as_ref() != Some(&failure) {
            self.say(
                About::NoConnection,
                format_args!("No connection: {failure}"),
            );
        }
    }

    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        let connection = state.connection.take();
        state.leaving.clone_from(&connection);
        let backlog = std::mem::take(&mut state.backlog);
        drop(state);
        let error = self.stopped_error();
        if let Some(connection) = connection {
            // What was asked for before is not lost, as far as the network takes it.
            connection.flush_waiting(self);
            connection.finish(error.clone());
            connection.fail_all(self, &error);
            self.past().add(&connection.take_traffic());
            self.lock().leaving = None;
        }
        for transaction in backlog {
            if transaction.fail(error.clone()) {
                self.past().count(&over_as(&transaction, End::Failed));
            }
        }
        self.room.notify_all();
        self.changed.notify_all();
        self.control.notify_one();
        self.lines.tell_all(&self.name);
    }

    pub(super) fn stopped(&self) -> bool {
        self.lock().stopped
    }

    pub(super) fn stopped_error(&self) -> Error {
        Error::new(
            ErrorKind::Stopped,
            format!("{}: the client is stopped", self.place),
        )
    }

    /// Whether somebody waits for a connection.
    pub(super) fn wanted(&self) -> bool {
        let mut state = self.lock();
        state.backlog.retain(|transaction| !over(transaction));
        !state.backlog.is_empty()
    }

    /// A response has made room.
    pub(super) fn made_room(&self) {
        let _state = self.lock();
        if self.holds_back() {
            self.room.notify_all();
        }
    }

    /// Whether threads are held back. Who does not hold the lock may be told so a moment late.
    pub(super) fn holds_back(&self) -> bool {
        self.held_back.load(Ordering::Relaxed) > 0
    }

    pub(super) fn watch(&self, transaction: &Transaction) {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let first = watch.add(transaction);
        drop(watch);
        let connection = self.lock().connection.clone();
        let background =
            connection.is_some_and(|connection| connection.read_in_background(self, transaction));
        if first || background {
            self.control.notify_one();
        }
    }

    /// Fails the watched transactions whose time is over, tells of log lines that were left out, and says
    /// when to look again.
    pub(super) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let due = watch.due(now);
        let next = watch.next();
        drop(watch);
        let lines = self.lines.tell(&self.name, now);
        let next = [next, lines].into_iter().flatten().min();
        let mut busy = false;
        for transaction in due {
            // Its bytes are locked just now, or its deadline has been renewed: look again.
            if !transaction.expire() && !transaction.completed() {
                let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
                watch.add(&transaction);
                busy = true;
            }
        }
        if busy {
            let soon = now + Duration::from_millis(10);
            return Some(next.map_or(soon, |next| next.min(soon)));
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn outstanding(&self) -> usize {
        let sent = self
            .connection
            .as_ref()
            .map_or(0, |connection| connection.outstanding());
        self.backlog.len() + sent
    }

    /// Whether as many are outstanding as may be, when those that are over have been thrown out.
    fn crowded(&mut self, most: usize) -> bool {
        if self.outstanding() < most {
            return false;
        }
        self.backlog.retain(|transaction| !over(transaction));
        if let Some(connection) = &self.connection {
            connection.sweep();
        }
        self.outstanding() >= most
    }

    fn queue(&mut self, transaction: &Transaction) {
        if self.backlog.len() >= self.sweep_at {
            self.backlog.retain(|transaction| !over(transaction));
            self.sweep_at = 64 + 2 * self.backlog.len();
        }
        self.backlog.push_back(transaction.clone());
    }
}

/// Whether nobody will hear of `transaction` any more: it is over, or what it is a piece of.
fn over(transaction: &Transaction) -> bool {
    transaction.completed() || (transaction.is_piece() && transaction.expired())
}
