//! How a master waits for a transaction, and how its deadline runs.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::state::{Link, State, Transaction, LOGGER};
use crate::bus::deadline::Renewals;
use crate::error::{Error, ErrorKind, Result};

/// When `timeout` will be over; `None` if never.
pub fn deadline_from_now(timeout: Duration) -> Option<Instant> {
    // Without a limit there is no need to read the clock.
    let limited = timeout < Duration::MAX;
    limited
        .then(Instant::now)
        .and_then(|now| now.checked_add(timeout))
}

#[doc(hidden)]
impl Transaction {
    /// The slave has taken the transaction: its time runs from now. Masters call this when the
    /// slave's `do_transaction` has returned.
    pub fn taken(&self) {
        if self.0.clock_started.load(Ordering::Acquire) {
            self.0.clock_started.store(false, Ordering::Release);
        } else {
            self.restart();
        }
    }

    fn restart(&self) {
        if !self.is_here() {
            return;
        }
        let mut state = self.0.lock_state();
        if state.outcome.is_none() {
            state.deadline = deadline_from_now(state.timeout);
            self.0.wake(&state);
        }
    }

    /// For a link that has not sent the transaction at once: its time runs from
    /// [`Transaction::taken`] after all.
    pub fn delayed(&self) {
        let mut state = self.0.lock_state();
        if self.0.clock_started.swap(false, Ordering::AcqRel) {
            state.deadline = None;
        }
    }

    /// Restarts the time, unless `reference` was made after this transaction. `None` always
    /// restarts it.
    pub fn refresh(&self, reference: Option<&Transaction>) {
        if reference.is_none_or(|reference| self.order() >= reference.order()) {
            self.restart();
        }
    }

    /// For a slave that is a link: threads that wait for the transaction drive it, and its answers
    /// to earlier transactions renew the deadline of this one (see [`Link::renewals`]).
    ///
    /// Returns true if no thread is going to wait: the transaction has a
    /// [`Completion`](super::Completion), or it is a piece of another one.
    ///
    /// Usually a link sends a transaction at once. So the time runs from `now` on, unless it runs
    /// already, and [`Transaction::taken`] need not read the clock again. If it was not sent at
    /// once, the link calls [`Transaction::delayed`].
    pub fn set_link(&self, link: Arc<dyn Link>, now: Instant) -> bool {
        let root = self.0.root();
        let mut state = root.lock_state();
        state.link = Some(link);
        state.direct = !self.is_piece();
        if state.direct && state.deadline.is_none() && state.outcome.is_none() {
            state.deadline = now.checked_add(state.timeout);
            root.clock_started.store(true, Ordering::Release);
            root.wake(&state);
        }
        state.completion.is_some() || !state.direct
    }

    /// Whether no thread is going to wait for the transaction, as [`Transaction::set_link`]
    /// returns.
    pub fn unattended(&self) -> bool {
        self.is_piece() || self.0.lock_state().completion.is_some()
    }

    /// Whether the transaction has completed, without waiting. If it has a link, the link first
    /// handles what has arrived, and the transaction fails if its time is over.
    pub fn poll(&self) -> bool {
        if !self.is_here() {
            return true;
        }
        let state = self.0.lock_state();
        let link = state.link.clone().filter(|_| state.direct);
        if let Some(link) = link.filter(|_| state.outcome.is_none()) {
            drop(state);
            link.poll();
            return self.completed() || self.expire();
        }
        state.outcome.is_some()
    }

    /// Answers that are noted in `renewals` renew the deadline of this transaction.
    pub fn set_renewals(&self, renewals: Arc<Renewals>) {
        self.0.root().lock_state().renewals = Some(renewals);
    }

    /// When the transaction's time is over, with the renewals so far; `None` while no time runs.
    pub fn deadline(&self) -> Option<Instant> {
        if !self.is_here() {
            return None;
        }
        self.0.root().lock_state().renewed_deadline(self.order())
    }

    /// Wakes the threads that wait for this transaction, so that one of them drives its link.
    pub fn nudge(&self) {
        let mut state = self.0.lock_state();
        state.nudged = true;
        self.0.wake(&state);
    }

    /// What [`Transaction::wait`] would return; `None` if it would have to wait.
    pub fn collect(&self) -> Option<Result<()>> {
        if let Err(error) = self.check_home() {
            return Some(Err(error));
        }
        self.0.published_outcome()
    }

    /// Waits until the transaction has completed or its time is over. Afterwards nothing touches
    /// the memory that it was given. Any number of threads may wait; each gets the outcome.
    pub fn wait(&self) -> Result<()> {
        self.check_home()?;
        // The link for which another thread drives the transaction while this one sleeps.
        let mut followed = None;
        let outcome = loop {
            if let Some(outcome) = self.0.published_outcome() {
                break outcome;
            }
            let state = self.0.lock_state();
            let pending = state.outcome.is_none();
            let link = state.link.clone().filter(|_| pending);
            let direct = state.direct;
            // A piece has the deadline of its root.
            let own = (!self.is_piece()).then(|| state.deadline_now(self.order()));
            drop(state);
            let (deadline, late) = match own {
                _ if !pending => (None, false),
                Some(found) => found,
                None => self.0.root().lock_state().deadline_now(self.order()),
            };
            if late {
                self.time_out(link.as_ref());
                continue;
            }
            let driven = match &link {
                Some(link) if direct => link.drive(self, deadline),
                _ => false,
            };
            if !driven {
                followed = link.filter(|_| direct).or(followed);
                self.sleep(deadline);
            }
        };
        if let Some(link) = followed {
            link.leave(self);
        }
        outcome
    }

    /// Sleeps until something has changed or `deadline` has come.
    fn sleep(&self, deadline: Option<Instant>) {
        let mut state = self.0.lock_state();
        // Looks again at what may have changed since the caller looked: this thread did not count
        // as a waiter then, so nothing will wake it for that.
        let deadline_is_new = deadline.is_none() && state.deadline.is_some();
        let locked = state.locked.overlaps(&self.0.range());
        let deadline_is_new = deadline_is_new && state.outcome.is_none();
        if state.published || deadline_is_new || state.nudged {
            state.nudged &= state.published;
            return;
        }
        state.waiters += 1;
        let changed = &self.0.changed;
        state = match deadline {
            // If the deadline has passed and the bytes are locked, there is no time limit:
            // releasing the lock wakes this thread.
            Some(deadline) if !locked || deadline > Instant::now() => {
                let left = deadline.saturating_duration_since(Instant::now());
                changed
                    .wait_timeout(state, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
            _ => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
        state.waiters -= 1;
        state.nudged &= state.published;
    }

    /// For transactions that no thread waits for: fails this one if its deadline has passed. False
    /// if it has not passed, or if the bytes are locked at this moment.
    pub fn expire(&self) -> bool {
        if self
            .deadline()
            .is_none_or(|deadline| deadline > Instant::now())
        {
            return false;
        }
        self.end_time()
    }

    /// For callers that keep the deadline themselves: fails the transaction, whatever its own
    /// deadline. False if it has completed, or if the bytes are locked at this moment.
    pub fn end_time(&self) -> bool {
        let state = self.0.lock_state();
        if state.locked.overlaps(&self.0.range()) {
            return false;
        }
        let link = state.link.clone();
        drop(state);
        self.fail_late(link.as_ref())
    }

    /// The deadline has passed: fails the transaction, or waits while its bytes are locked.
    fn time_out(&self, link: Option<&Arc<dyn Link>>) {
        let mut state = self.0.lock_state();
        if state.locked.overlaps(&self.0.range()) {
            state.waiters += 1;
            state = self
                .0
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.waiters -= 1;
            return;
        }
        drop(state);
        self.fail_late(link);
    }

    /// The error of a transaction that has timed out. `reason` is what may explain it. The text is
    /// Rogue's: scripts search for it.
    pub fn late(&self, reason: Option<Error>) -> Error {
        let text = format!(
            "Timeout waiting for register transaction {} message response.",
            self.id()
        );
        match reason {
            Some(reason) => Error::new(reason.kind(), format!("{text} {reason}")),
            None => Error::new(ErrorKind::Timeout, text),
        }
    }

    fn fail_late(&self, link: Option<&Arc<dyn Link>>) -> bool {
        let error = self.late(link.and_then(|link| link.give_up(self)));
        ::log::debug!(
            target: LOGGER,
            "Transaction timeout. type={} id={}, address=0x{:016x}, size={}, timeout={:?}",
            self.kind().number(), self.id(), self.address(), self.size(), self.timeout()
        );
        self.fail(error)
    }
}

impl State {
    /// The deadline of this root, renewed by answers to transactions up to number `order`, which is
    /// the root or one of its pieces.
    fn renewed_deadline(&self, order: u64) -> Option<Instant> {
        let deadline = self.deadline?;
        let link = self.link.as_ref().and_then(|link| link.renewals());
        let response = link
            .or(self.renewals.as_deref())
            .and_then(|renewals| renewals.last_answer(order));
        match response.map(|response| response.checked_add(self.timeout)) {
            Some(None) => None,
            Some(Some(renewed)) => Some(deadline.max(renewed)),
            None => Some(deadline),
        }
    }

    /// The deadline, and whether it has passed. Renewals only extend a deadline, so they are not
    /// looked up before it has passed.
    fn deadline_now(&self, order: u64) -> (Option<Instant>, bool) {
        let passed =
            |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= Instant::now());
        if !passed(self.deadline) {
            return (self.deadline, false);
        }
        let renewed = self.renewed_deadline(order);
        (renewed, passed(renewed))
    }
}

#[cfg(test)]
mod tests;
