//! Transactions that the slave does not complete: their time is over, or their clients have gone.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::turns::steps;
use super::{Shared, State};
use crate::bus::{Transaction, READ, VERIFY};
use crate::endpoint::server::client::{answer_bytes, Client};
use crate::error::{Error, ErrorKind};

/// How long a Write of a client that has gone counts among what the slave may have: a program that
/// posts and exits has its writes carried out one after the other.
const GRACE: Duration = Duration::from_secs(1);
/// How long the slave may keep what it has of clients that have gone, at the most.
const ABANDONED: Duration = Duration::from_secs(3600);
/// How often to look whether it has let go of them.
const LOOK: Duration = Duration::from_millis(50);
/// The pause when it holds their bytes just now.
const AGAIN: Duration = Duration::from_millis(10);

impl Shared {
    /// Keeps the deadline of a transaction that was handed out, if it has one of its own.
    pub(in crate::endpoint::server) fn watch(&self, transaction: &Transaction) {
        if self.lock().watch.add(transaction) {
            self.housekeep.notify_one();
        }
    }

    /// Fails the transactions whose time is over, and says when to look again.
    pub(in crate::endpoint::server) fn expire(&self, now: Instant) -> Option<Instant> {
        let watched = self.expire_watched(now);
        earlier(watched, self.expire_held(now))
    }

    fn expire_watched(&self, now: Instant) -> Option<Instant> {
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
        for transaction in &busy {
            state.watch.add(transaction);
        }
        Some(now + AGAIN)
    }

    /// The same of those that have the server's own time.
    fn expire_held(&self, now: Instant) -> Option<Instant> {
        if self.limit.get().is_some() {
            return None;
        }
        let timeout = self.settings.timeout.get();
        let mut state = self.lock();
        // What is handed out meanwhile has no less time than that.
        if let Some(at) = state.late_at.filter(|at| *at > now) {
            return Some(at);
        }
        let clients = state.clients();
        let begun = state.begun.0;
        let active = std::mem::replace(&mut state.begun.1, begun) != begun;
        drop(state);
        let clock = self.clock();
        let (mut due, mut next) = (Vec::new(), None::<u64>);
        for client in clients {
            let mut late = Vec::new();
            let first = client.lock().hands.due(clock, &mut late);
            if first.is_some_and(|first| first < u64::MAX) {
                next = next.into_iter().chain(first).min();
            }
            due.extend(late.into_iter().map(|late| (Arc::clone(&client), late)));
        }
        for (client, transaction) in due {
            // It runs from the slave's return on, if that is later.
            let renewed = transaction.deadline().filter(|deadline| *deadline > now);
            let at = match renewed {
                Some(deadline) => clock + steps(deadline - now).max(1),
                None if transaction.end_time() || transaction.completed() => continue,
                None => clock + steps(AGAIN),
            };
            client.lock().hands.renew(&transaction, at);
            next = Some(next.map_or(at, |next| next.min(at)));
        }
        // Those that come meanwhile have their time too; if there were none, the next one tells.
        let goes_on = next.is_some() || active;
        let within = timeout.max(Duration::from_millis(1));
        let within = now.checked_add(within).filter(|_| goes_on);
        let left = next.map(|next| Duration::from_nanos(next.saturating_sub(clock).max(1) << 8));
        let at = earlier(within, left.and_then(|left| now.checked_add(left)));
        let mut state = self.lock();
        if self.settings.timeout.get() != timeout {
            // It has been changed meanwhile.
            return Some(now);
        }
        self.timed.store(at.is_some(), Ordering::Relaxed);
        state.late_at = at;
        at
    }

    /// The time that slaves have is another one: those that are late are looked for anew.
    pub(in crate::endpoint::server) fn retime(&self) {
        self.lock().late_at = None;
        self.housekeep.notify_one();
    }

    /// A response is held for a connection that has not come.
    pub(in crate::endpoint::server) fn keeps(&self) {
        self.keeps.store(true, Ordering::Relaxed);
        self.housekeep.notify_one();
    }

    /// Throws away responses that have been held too long. True if some are held still.
    pub(in crate::endpoint::server) fn expire_kept(&self, now: Instant) -> bool {
        // Mostly there are none, and it need not be looked at every client.
        if !self.keeps.swap(false, Ordering::Relaxed) {
            return false;
        }
        let mut kept = false;
        let clients = self.lock().clients();
        for client in clients {
            kept |= client.expire(now);
        }
        if kept {
            self.keeps.store(true, Ordering::Relaxed);
        }
        kept
    }

    /// How long what a client that has gone has written counts among what the slave may have. A slave
    /// that has one at a time has that to itself for longer.
    fn grace(&self) -> Duration {
        match self.settings.max_outstanding.get() {
            1 => self.settings.keep_alive.get(),
            _ => GRACE,
        }
    }

    /// A client has gone. What it has read is nobody's: it does not count any more, and is returned, to
    /// be failed, or let go of, without a lock.
    pub(super) fn left_behind(&self, state: &mut State, client: &Arc<Client>) -> Vec<Transaction> {
        let now = Instant::now();
        let one = self.settings.max_outstanding.get() == 1;
        let left = self.let_go(state, client, 0, !one, now);
        self.let_go_later(state, client, now);
        left
    }

    /// What the slave has still of a client that has gone is let go of later.
    pub(super) fn let_go_later(&self, state: &mut State, client: &Arc<Client>, now: Instant) {
        let at = now.checked_add(self.grace());
        if let Some(at) = at.filter(|_| client.lock().hands.count() > 0) {
            state.leaving.push_back((at, Arc::clone(client)));
            self.housekeep.notify_one();
        }
    }

    /// What was handed out by `at`, or all that reads, does not count any more.
    fn let_go(
        &self,
        state: &mut State,
        client: &Client,
        at: u64,
        reads: bool,
        now: Instant,
    ) -> Vec<Transaction> {
        let mut left = Vec::new();
        client.lock().hands.let_go(at, reads, &mut left);
        let limit = self.settings.timeout.get().min(ABANDONED);
        for transaction in &left {
            self.outstanding.fetch_sub(1, Ordering::SeqCst);
            // What its answer takes counts until the slave has let go of it, not until it has failed.
            let bytes = answer_bytes(transaction.kind(), transaction.size());
            self.budget.owe(bytes);
            state
                .abandoned
                .add(transaction, bytes, now.checked_add(limit));
        }
        self.abandoned
            .store(state.abandoned.len(), Ordering::Relaxed);
        left
    }

    /// Lets go of what clients that have gone have left to the slave, and forgets what the slave has let
    /// go of. Says when to look again.
    pub(in crate::endpoint::server) fn let_go_late(&self, now: Instant) -> Option<Instant> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.leaving.is_empty() && state.abandoned.len() == 0 {
            return None;
        }
        let before = self.clock().saturating_sub(steps(self.grace()));
        let (mut left, mut lost, mut still) = (Vec::new(), Vec::new(), Vec::new());
        while state.leaving.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, client)) = state.leaving.pop_front() {
                left.extend(self.let_go(state, &client, before, false, now));
                still.push(client);
            }
        }
        for client in still {
            // Some were handed out after this was noted.
            self.let_go_later(state, &client, now);
        }
        self.budget.settle(state.abandoned.look(now, &mut lost));
        self.abandoned
            .store(state.abandoned.len(), Ordering::Relaxed);
        let most = self.settings.max_outstanding.get();
        let pause = match state.abandoned.len() {
            0 => None,
            count if count < most && state.abandoned.bytes() == 0 => Some(20 * LOOK),
            _ => Some(LOOK),
        };
        let next = state.leaving.front().map(|(at, _)| *at);
        drop(guard);
        fail_reads(&left);
        for transaction in lost {
            if !transaction.end_time() {
                // The slave holds its bytes, and has had its time.
                transaction.fail(gone());
            }
        }
        self.look_again();
        earlier(next, pause.map(|pause| now + pause))
    }
}

impl State {
    /// The clients that are there now.
    pub(super) fn clients(&self) -> Vec<Arc<Client>> {
        self.connections
            .values()
            .filter(|connection| !connection.gone)
            .filter_map(|connection| connection.client.clone())
            .collect()
    }
}

/// Fails what was read for clients that have gone, so that the slave sees that it is over.
pub(super) fn fail_reads(left: &[Transaction]) {
    for transaction in left {
        if matches!(transaction.kind(), READ | VERIFY) {
            transaction.fail(gone());
        }
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::ConnectionLost, "The client has gone")
}

/// The earlier of two times, if there are any.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
