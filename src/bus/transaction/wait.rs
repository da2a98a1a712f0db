//! How a master waits for a transaction, and how its deadline runs.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::{deadline_from_now, Transaction, LOGGER};
use crate::bus::deadline::Renewals;
use crate::error::{Error, ErrorKind, Result};

/// A slave at the far end of a connection, as the thread that waits for one of its transactions
/// sees it.
pub trait Link: Send + Sync {
    /// Brings `transaction` forward on the calling thread, for instance by reading the connection,
    /// and returns when it has completed or `deadline` has passed. False: somebody else does that,
    /// and will complete the transaction or call [`Transaction::nudge`].
    fn drive(&self, transaction: &Transaction, deadline: Option<Instant>) -> bool;

    /// The waiting thread, having been told false by `drive`, waits no longer. It may have been
    /// nudged since, and not have come back for it.
    fn leave(&self, transaction: &Transaction);

    /// Works through what has come, without waiting for more.
    fn poll(&self) {}

    /// The answers that renew the deadlines of its transactions, in place of those that
    /// [`Transaction::set_renewals`] has named.
    fn renewals(&self) -> Option<&Renewals> {
        None
    }

    /// The transaction's time is over. Forgets it, and says what of the link may explain it.
    fn give_up(&self, transaction: &Transaction) -> Option<Error>;
}

impl Transaction {
    /// The slave has taken the transaction: its time runs from now. Masters call this when the
    /// slave's `do_transaction` has returned.
    pub fn taken(&self) {
        if self.0.prompt.load(Ordering::Acquire) {
            self.0.prompt.store(false, Ordering::Release);
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

    /// The link keeps its master waiting: its time runs from [`Transaction::taken`] after all.
    pub fn delayed(&self) {
        let mut state = self.0.lock_state();
        if self.0.prompt.swap(false, Ordering::AcqRel) {
            state.deadline = None;
        }
    }

    /// Starts the time anew if `reference` is not younger than this transaction, or is `None`.
    pub fn refresh(&self, reference: Option<&Transaction>) {
        if reference.is_none_or(|reference| self.order() >= reference.order()) {
            self.restart();
        }
    }

    /// The slave is a link: waiting threads drive it, and its answers to earlier transactions renew
    /// the deadline of this one, as [`Link::renewals`] tells.
    ///
    /// True if nobody is going to wait: somebody hears of the end by a
    /// [`Completion`](super::Completion), or it is a piece of another transaction.
    ///
    /// A link mostly takes a transaction at once. So its time runs from `now` on, if it does not
    /// already, and [`Transaction::taken`] need not look at the clock again; otherwise see
    /// [`Transaction::delayed`].
    pub fn set_link(&self, link: Arc<dyn Link>, now: Instant) -> bool {
        let root = &self.root_handle().0;
        let mut state = root.lock_state();
        state.link = Some(link);
        state.direct = !self.is_piece();
        if state.direct && state.deadline.is_none() && state.outcome.is_none() {
            state.deadline = now.checked_add(state.timeout);
            root.prompt.store(true, Ordering::Release);
            root.wake(&state);
        }
        state.completion.is_some() || !state.direct
    }

    /// Whether nobody is going to wait for it, as [`Transaction::set_link`] tells.
    pub fn unattended(&self) -> bool {
        self.is_piece() || self.0.lock_state().completion.is_some()
    }

    /// Whether the transaction has completed, as far as can be told without waiting.
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

    /// Answers that `renewals` hears of renew the deadline of this transaction.
    pub fn set_renewals(&self, renewals: Arc<Renewals>) {
        self.root_handle().0.lock_state().renewals = Some(renewals);
    }

    /// When its time is over, as things stand; `None` while no time runs.
    pub fn deadline(&self) -> Option<Instant> {
        if !self.is_here() {
            return None;
        }
        let state = self.root_handle().0.lock_state();
        let deadline = state.deadline?;
        let link = state.link.as_ref().and_then(|link| link.renewals());
        let answer = link
            .or(state.renewals.as_deref())
            .and_then(|renewals| renewals.last_answer(self.order()));
        match answer.map(|answer| answer.checked_add(state.timeout)) {
            Some(None) => None,
            Some(Some(renewed)) => Some(deadline.max(renewed)),
            None => Some(deadline),
        }
    }

    /// Wakes the threads that wait for this transaction, so that one of them drives its link.
    pub fn nudge(&self) {
        let mut state = self.0.lock_state();
        state.nudged = true;
        self.0.wake(&state);
    }

    /// What [`Transaction::wait`] would return, if it need not wait.
    pub fn collect(&self) -> Option<Result<()>> {
        if let Err(error) = self.check_home() {
            return Some(Err(error));
        }
        self.0.lock_state().collect()
    }

    /// Waits until the transaction has completed or its time is over. Afterwards nothing touches
    /// the memory that it was given. Any number of threads may wait; each gets the outcome.
    pub fn wait(&self) -> Result<()> {
        self.check_home()?;
        let mut followed = None;
        let outcome = loop {
            let state = self.0.lock_state();
            if let Some(outcome) = state.collect() {
                break outcome;
            }
            let pending = state.outcome.is_none();
            let link = state.link.clone().filter(|_| pending);
            let direct = state.direct;
            drop(state);
            let deadline = if pending { self.deadline() } else { None };
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
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
        // What may have changed since the caller looked: nobody would tell us again.
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
            // Past its deadline, but its bytes are locked: the holder will tell.
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
    /// if it has not, or if a slave holds its bytes just now.
    pub fn expire(&self) -> bool {
        if self
            .deadline()
            .is_none_or(|deadline| deadline > Instant::now())
        {
            return false;
        }
        self.end_time()
    }

    /// Its time is over, says somebody who keeps it elsewhere: fails it as [`Transaction::expire`]
    /// does, whatever its own deadline. False if a slave holds its bytes just now.
    pub fn end_time(&self) -> bool {
        let state = self.0.lock_state();
        if state.locked.overlaps(&self.0.range()) {
            return false;
        }
        let link = state.link.clone();
        drop(state);
        self.fail_late(link.as_ref())
    }

    /// The deadline has passed: fails the transaction, or waits if a slave holds its bytes just now.
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

    /// The error of a transaction whose time is over, in the words that scripts look for, with what may
    /// explain it.
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
            self.kind(), self.id(), self.address(), self.size(), self.timeout()
        );
        self.fail(error)
    }
}

#[cfg(test)]
mod tests;
