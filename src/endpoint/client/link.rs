//! The way to the server: the connection while there is one, and the transactions that wait for
//! one.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use super::backlog::{is_over, Backlog};
use super::connection::Connection;
use super::context::{About, ClientContext};
use super::link_status::{LinkState, LinkStatus};
use super::progress::Progress;
use super::requests::Submitted;
use super::room::is_attending;
use crate::bus::{check_range, Kind, Link, Renewals, Transaction};
use crate::endpoint::stats::{ClientStats, EndedAs, Traffic};
use crate::endpoint::watch::Watch;
use crate::error::{Error, ErrorKind, Result};

/// How soon to look again at a transaction whose time is over while a slave has its bytes locked.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The way to the server. All methods may be called from any thread.
pub(super) struct ClientLink {
    pub(super) context: Arc<ClientContext>,
    /// How far the current attempt to connect has got.
    pub(super) progress: Progress,
    /// The connection. It is set once the backlog has been sent; from then on transactions go
    /// straight to it. Written under the lock of `state`, read without.
    current: ArcSwapOption<Connection>,
    state: Mutex<LinkContents>,
    /// Notified when the state of the link has changed.
    changed: Condvar,
    watch: Mutex<Watch>,
}

#[derive(Default)]
struct LinkContents {
    /// The connection that is being taken down. Its traffic has not been added to the past yet.
    leaving: Option<Arc<Connection>>,
    backlog: Backlog,
    status: LinkStatus,
}

impl ClientLink {
    pub(super) fn new(context: Arc<ClientContext>) -> ClientLink {
        ClientLink {
            context,
            progress: Progress::default(),
            current: ArcSwapOption::empty(),
            state: Mutex::default(),
            changed: Condvar::new(),
            watch: Mutex::default(),
        }
    }

    /// Checks `transaction`, and submits it or fails it.
    pub(super) fn carry_out(self: &Arc<Self>, transaction: &Transaction) {
        match self.check(transaction) {
            Ok(()) => self.submit(transaction),
            Err(error) => {
                transaction.fail(error);
            }
        }
    }

    #[inline]
    fn check(&self, transaction: &Transaction) -> Result<()> {
        // In a process that was forked off the transaction fails here.
        self.context.check_home()?;
        transaction.check_home()?;
        let (size, kind) = (transaction.size(), transaction.kind());
        if let Kind::Other(number) = kind {
            let text = format!("Transaction type {number} is not known");
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        if size == 0 {
            let text = format!("A {kind} of 0 bytes is not allowed");
            return Err(Error::new(ErrorKind::Size, text));
        }
        check_range(transaction.address(), size)
    }

    /// Sends `transaction`, or keeps it until there is a connection. Blocks while too many
    /// transactions are outstanding, but not beyond the timeout of `transaction`.
    pub(super) fn submit(self: &Arc<Self>, transaction: &Transaction) {
        let mut now = Instant::now();
        let unattended = transaction.set_link(Arc::clone(self) as Arc<dyn Link>, now);
        loop {
            let current = self.current.load();
            let connection = current.as_ref();
            if self.is_full(connection) && !is_attending() {
                if !self.wait_for_slot(transaction) {
                    return;
                }
                now = Instant::now();
                continue;
            }
            if let Some(connection) = connection {
                let requests = &connection.requests;
                if requests.submit(transaction, (unattended, true), now) == Submitted::Taken {
                    return;
                }
                // It ended just now, and nothing of this transaction was sent.
                self.retire(connection);
            } else if self.queue(transaction) {
                return;
            }
        }
    }

    /// Keeps `transaction` until there is a connection, or fails it if the client is stopped. False
    /// if there is a connection by now.
    fn queue(&self, transaction: &Transaction) -> bool {
        let mut state = self.lock();
        if state.status.stopped {
            drop(state);
            self.context.count(transaction, EndedAs::Failed);
            transaction.fail(self.context.stopped());
            return true;
        }
        if self.current.load().is_some() {
            return false;
        }
        let swept = state.backlog.push(transaction);
        drop(state);
        drop(swept);
        self.context.wake();
        true
    }

    /// Whether `max_outstanding` transactions are outstanding. Those that are over are removed
    /// first.
    fn is_full(&self, connection: Option<&Arc<Connection>>) -> bool {
        let most = self.context.settings.max_outstanding.get();
        if let Some(connection) = connection {
            // The backlog is empty while there is a connection.
            let pending = &connection.pending;
            return pending.outstanding() >= most && {
                pending.sweep();
                pending.outstanding() >= most
            };
        }
        let mut state = self.lock();
        if state.status.stopped || state.backlog.len() < most {
            return false;
        }
        let swept = state.backlog.sweep();
        let is_full = state.backlog.len() >= most;
        drop(state);
        drop(swept);
        is_full
    }

    /// Blocks until fewer transactions are outstanding. False: `transaction` has timed out and
    /// failed.
    fn wait_for_slot(&self, transaction: &Transaction) -> bool {
        // Perhaps no thread waits for the responses that would free a slot.
        let connection = self.current.load_full();
        let add_unattended = |count| {
            if let Some(connection) = &connection {
                connection.pending.add_unattended(count);
            }
        };
        add_unattended(1);
        self.context.wake();
        transaction.delayed();
        let room = &self.context.room;
        let free = room.wait(transaction.timeout(), || {
            !self.is_full(self.current.load().as_ref())
        });
        add_unattended(-1);
        if !free {
            let text = format!(
                "{}: {} transactions are outstanding, as many as max_outstanding allows",
                self.context.place,
                self.context.settings.max_outstanding.get()
            );
            self.context.count(transaction, EndedAs::TimedOut);
            transaction.fail(Error::new(ErrorKind::Timeout, text));
        }
        free
    }

    /// Takes `connection`, which has ended, out of use. The client's thread does the rest.
    fn retire(&self, connection: &Arc<Connection>) {
        let mut state = self.lock();
        let current = self.current.load();
        if current
            .as_ref()
            .is_some_and(|now| Arc::ptr_eq(now, connection))
        {
            state.leaving = self.current.swap(None);
            self.changed.notify_all();
            self.context.wake();
        }
    }

    /// There is a connection: sends what waited for it, in the order of arrival.
    pub(super) fn connected(&self, connection: &Arc<Connection>) {
        loop {
            let mut state = self.lock();
            let Some(transaction) = state.backlog.pop() else {
                state.status.failure = None;
                if !state.status.stopped {
                    self.current.store(Some(Arc::clone(connection)));
                    state.status.connects += 1;
                }
                break;
            };
            // Transactions that come meanwhile queue up behind it. Not under the lock: a posted
            // write completes here, and may run a callback of the user's.
            drop(state);
            if is_over(&transaction) {
                continue;
            }
            let unattended = transaction.unattended();
            let (requests, now) = (&connection.requests, Instant::now());
            let submitted = requests.submit(&transaction, (unattended, false), now);
            if submitted == Submitted::Lost {
                self.lock().backlog.put_back(transaction);
                return;
            }
            // The thread that waits for it may have found no connection to read before.
            transaction.nudge();
        }
        self.context.room.freed();
        self.changed.notify_all();
    }

    /// The connection has ended: what was under way fails, what comes now waits for the next one.
    pub(super) fn disconnected(&self, connection: &Connection, failure: Error) {
        let mut state = self.lock();
        state.leaving = self.current.swap(None).or(state.leaving.take());
        let lost = connection.requests.unacknowledged();
        state.status.lost(failure.clone(), lost);
        drop(state);
        if lost.posts > 0 {
            ::log::warn!(
                target: &self.context.name,
                "{}: the connection was lost before the server's host had acknowledged {} posted \
                 writes: the server may not have got them.",
                self.context.place, lost.posts
            );
        }
        self.take_down(connection, &failure);
    }

    /// Fails what is under way on `connection`, and keeps its traffic.
    fn take_down(&self, connection: &Connection, failure: &Error) {
        connection.fail_all(failure);
        let traffic = connection.pending.hand_over_traffic();
        self.context.past().add(&traffic);
        self.lock().leaving = None;
        self.context.room.freed();
        self.changed.notify_all();
    }

    /// An attempt to connect has failed.
    pub(super) fn failed(&self, failure: Error) {
        let is_news = self.lock().status.failed(&failure);
        // Not under the lock: a log sink may ask for the state of the link.
        if is_news {
            self.context.say(
                About::NoConnection,
                format_args!("No connection: {failure}"),
            );
        }
    }

    /// Stops the client: every transaction, outstanding or new, fails.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.status.stopped = true;
        let connection = self.current.swap(None);
        state.leaving.clone_from(&connection);
        let backlog = std::mem::take(&mut state.backlog);
        drop(state);
        let reason = self.context.stopped();
        if let Some(connection) = connection {
            // Earlier requests still leave, as far as the network takes them.
            connection.requests.flush_waiting();
            connection.finish(reason.clone());
            self.take_down(&connection, &reason);
        }
        for transaction in backlog {
            if transaction.fail(reason.clone()) {
                self.context.count(&transaction, EndedAs::Failed);
            }
        }
        self.context.room.freed();
        self.changed.notify_all();
        self.context.wake();
        self.context.tell_all_left_out();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().status.stopped
    }

    /// Whether transactions wait for a connection.
    pub(super) fn is_wanted(&self) -> bool {
        let mut state = self.lock();
        let swept = state.backlog.sweep();
        let is_wanted = !state.backlog.is_empty();
        drop(state);
        drop(swept);
        is_wanted
    }

    /// The counters and latencies of the client.
    pub(super) fn stats(&self) -> ClientStats {
        let state = self.lock();
        let connection = self.current.load_full();
        let leaving = state.leaving.clone();
        let status = state.status.clone();
        drop(state);
        let traffic_of = |connection: Option<Arc<Connection>>| {
            connection.map_or_else(Traffic::default, |connection| connection.pending.traffic())
        };
        // Under the lock of the past: traffic may be about to move there, and must be counted once.
        let past = self.context.past();
        let connection = traffic_of(connection);
        let leaving = traffic_of(leaving);
        let mut traffic = past.clone();
        drop(past);
        traffic.add(&connection);
        traffic.add(&leaving);
        ClientStats {
            traffic,
            connection,
            connects: status.connects,
            losses: status.losses,
            failed_attempts: status.failed_attempts,
            unacknowledged: status.unacknowledged,
        }
    }

    pub(super) fn link_state(&self) -> LinkState {
        self.state_of(&self.lock())
    }

    fn state_of(&self, state: &LinkContents) -> LinkState {
        state.status.state(self.current.load().is_some())
    }

    /// Waits until the link is in the state `wanted`, for at most `timeout`.
    pub(super) fn wait_link(&self, wanted: LinkState, timeout: Option<Duration>) -> Result<()> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.lock();
        loop {
            let now = self.state_of(&state);
            if now == wanted {
                return Ok(());
            }
            if now == LinkState::Stopped {
                return Err(self.context.stopped());
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            state = match left {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    let cause = self.why_not(&state);
                    let cause = cause.as_ref().map_or("", Error::text);
                    let place = &self.context.place;
                    let text = format!("{place}: the link is {now}, not {wanted}. {cause}");
                    return Err(Error::new(ErrorKind::Timeout, text.trim_end()));
                }
                Some(left) => {
                    self.changed
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    fn why_not(&self, state: &LinkContents) -> Option<Error> {
        state.status.why_not(&self.progress, &self.context.place)
    }

    /// Has the client's thread keep the deadline of a transaction that no thread waits for, and
    /// read its response at once.
    pub(super) fn watch(&self, transaction: &Transaction) {
        let first = self.lock_watch().add(transaction);
        let current = self.current.load();
        let unattended = current
            .as_ref()
            .is_some_and(|connection| connection.pending.read_unattended(transaction));
        if first || unattended {
            self.context.wake();
        }
    }

    /// Fails the watched transactions whose time is over; returns when to look again.
    pub(super) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut watch = self.lock_watch();
        let due = watch.due(now);
        let next = watch.next();
        drop(watch);
        let mut busy = false;
        for transaction in due {
            // Its bytes are locked just now, or its deadline has been renewed: look again later.
            if !transaction.expire() && !transaction.completed() {
                self.lock_watch().add(&transaction);
                busy = true;
            }
        }
        let again = busy.then_some(now + LOOK_AGAIN);
        [next, again].into_iter().flatten().min()
    }

    fn lock_watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, LinkContents> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link for ClientLink {
    fn renewals(&self) -> Option<&Renewals> {
        Some(&self.context.renewals)
    }

    fn drive(&self, transaction: &Transaction, deadline: Option<Instant>) -> bool {
        let current = self.current.load();
        current
            .as_ref()
            .is_some_and(|connection| connection.drive(transaction, deadline))
    }

    fn poll(&self) {
        if let Some(connection) = self.current.load().as_ref() {
            connection.poll();
        }
    }

    fn leave(&self, transaction: &Transaction) {
        if let Some(connection) = self.current.load().as_ref() {
            connection.quit(transaction);
        }
    }

    fn give_up(&self, transaction: &Transaction) -> Option<Error> {
        let place = &self.context.place;
        let mut state = self.lock();
        let waited = state.backlog.remove(transaction);
        if waited.is_some() {
            let reason = self.why_not(&state).unwrap_or_else(|| {
                let text = format!("{place}: not connected yet: unreachable, no answer");
                Error::new(ErrorKind::Unreachable, text)
            });
            drop(state);
            self.context.room.freed();
            self.context.count(transaction, EndedAs::TimedOut);
            return Some(reason);
        }
        let current = self.current.load_full();
        // It may be under way on a connection that is being taken down.
        let connection = current.clone().or_else(|| state.leaving.clone());
        drop(state);
        let closes = self.context.settings.close_on_timeout.is_on();
        if let Some(connection) = connection {
            if connection.timed_out(transaction) {
                if closes {
                    let text = format!(
                        "{place}: connection lost, closed because a transaction timed out \
                         (close_on_timeout)"
                    );
                    connection.abort(Error::new(ErrorKind::ConnectionLost, text));
                    self.context.wake();
                }
                self.context.room.freed();
            }
        }
        if transaction.kind() == Kind::Post {
            let text = format!("{place}: the network takes no more data");
            return Some(Error::new(ErrorKind::Timeout, text));
        }
        // The text is read by people: it says that the link is there, and to which server it goes.
        current.map(|connection| {
            let state = if closes {
                "was connected"
            } else if connection.is_silent() {
                "is connected, but has not answered a ping"
            } else {
                "is connected"
            };
            Error::new(ErrorKind::Timeout, format!("({place} {state})"))
        })
    }
}
