//! Which thread reads a connection.
//!
//! One thread reads at a time: the one that has the *turn*, and with it the reader. A thread that
//! waits for a response reads itself, so that no hand-over to another thread costs more than the
//! transaction. A thread that waits while another reads is a *follower*: the reading thread
//! completes its transaction for it, or, when it leaves, nudges it to read on.
//!
//! The client's own thread reads only while no other does: it *stands by*. It is not woken each
//! time that a thread leaves. Instead it checks at intervals (`STANDBY_CHECK` of `attend.rs`) while
//! transactions come and go. If no thread is going to wait for a transaction, it is woken to read
//! at once.
//!
//! The rule: while a thread waits for a response, some thread reads or has been nudged to.
//! Responses that no thread waits for are read when the client's thread checks.

use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

use crate::bus::Transaction;
use crate::sync::{Mutex, MutexGuard};

/// The turn to read. `R` is the reader.
pub(super) struct ReadTurn<R> {
    state: Mutex<TurnState<R>>,
}

struct TurnState<R> {
    /// `None` while a thread has the turn.
    reader: Option<Box<R>>,
    followers: Vec<Transaction>,
    /// The follower that was nudged last, until it comes to read or quits.
    nudged: Option<Transaction>,
    /// The number of turns so far. A change shows the client's thread that others read.
    turns: u64,
    /// The client's thread checks at intervals, instead of standing by.
    looking: bool,
}

/// The turn of a thread, which ends when this is dropped.
pub(super) struct Reading<'a, R> {
    turn: &'a ReadTurn<R>,
    /// `Some` until the end.
    reader: Option<Box<R>>,
    /// The client's thread stands by, and must be woken to stop that.
    pub(super) wakes_standby: bool,
}

/// What the client's thread finds when it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A thread reads, or has done so since the last look.
    Busy,
    /// None does: stand by.
    Idle,
}

impl<R> ReadTurn<R> {
    pub(super) fn new(reader: R) -> ReadTurn<R> {
        let state = TurnState {
            reader: Some(Box::new(reader)),
            followers: Vec::new(),
            nudged: None,
            turns: 0,
            looking: false,
        };
        ReadTurn {
            state: Mutex::new(state),
        }
    }

    /// Takes the turn for a thread that waits for `transaction`. `None`: another thread reads, and
    /// this one follows it.
    pub(super) fn enter(&self, transaction: &Transaction) -> Option<Reading<'_, R>> {
        let mut state = self.lock();
        state.answers_nudge(transaction);
        let Some(reader) = state.reader.take() else {
            if !state.followers.iter().any(|other| other.same(transaction)) {
                state.followers.push(transaction.clone());
            }
            return None;
        };
        state.turns += 1;
        let wakes_standby = !std::mem::replace(&mut state.looking, true);
        drop(state);
        Some(Reading {
            turn: self,
            reader: Some(reader),
            wakes_standby,
        })
    }

    /// Takes the turn for a thread that waits for no transaction: the client's own, or one that
    /// polls. `None`: another thread reads.
    pub(super) fn enter_standby(&self) -> Option<Reading<'_, R>> {
        let reader = self.lock().reader.take()?;
        Some(Reading {
            turn: self,
            reader: Some(reader),
            wakes_standby: false,
        })
    }

    /// A follower stops waiting. If it has been nudged and has not taken the turn, another is
    /// nudged; false if there is none.
    pub(super) fn quit(&self, transaction: &Transaction) -> bool {
        let mut state = self.lock();
        state.followers.retain(|other| !other.same(transaction));
        if !state.answers_nudge(transaction) || state.reader.is_none() {
            return true;
        }
        pass_on(state)
    }

    /// The client's thread checks whether to stand by. `turns` is the count at its last check.
    pub(super) fn look(&self, turns: &mut u64) -> Look {
        let mut state = self.lock();
        let same = std::mem::replace(turns, state.turns) == state.turns;
        // A thread that reads may have taken its turn before the last check.
        if state.reader.is_none() || (state.looking && !same) {
            return Look::Busy;
        }
        state.looking = false;
        Look::Idle
    }

    /// Whether the client's thread has been told not to stand by.
    pub(super) fn is_looking(&self) -> bool {
        self.lock().looking
    }

    fn lock(&self) -> MutexGuard<'_, TurnState<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No thread reads: nudges a follower. False if there is none.
fn pass_on<R>(mut state: MutexGuard<'_, TurnState<R>>) -> bool {
    if state.nudged.as_ref().is_some_and(|next| !next.completed()) {
        // The nudged thread is on its way.
        return true;
    }
    state.nudged = state.pop();
    let next = state.nudged.clone();
    drop(state);
    next.is_some_and(|next| {
        next.nudge();
        true
    })
}

impl<R> TurnState<R> {
    /// Whether `transaction` was nudged. Forgets the nudge.
    fn answers_nudge(&mut self, transaction: &Transaction) -> bool {
        let nudged = |next: &mut Transaction| next.same(transaction);
        self.nudged.take_if(nudged).is_some()
    }

    fn pop(&mut self) -> Option<Transaction> {
        while let Some(next) = self.followers.pop() {
            if !next.completed() {
                return Some(next);
            }
        }
        None
    }
}

impl<R> Reading<'_, R> {
    /// Ends the turn. A follower, if there is one, is nudged to take over; false if there is none.
    pub(super) fn leave(mut self) -> bool {
        self.end()
    }

    fn end(&mut self) -> bool {
        let Some(reader) = self.reader.take() else {
            return true;
        };
        let mut state = self.turn.lock();
        state.reader = Some(reader);
        pass_on(state)
    }
}

impl<R> Deref for Reading<'_, R> {
    type Target = R;

    fn deref(&self) -> &R {
        self.reader.as_ref().expect("the turn has not ended")
    }
}

impl<R> DerefMut for Reading<'_, R> {
    fn deref_mut(&mut self) -> &mut R {
        self.reader.as_mut().expect("the turn has not ended")
    }
}

impl<R> Drop for Reading<'_, R> {
    /// Also when the thread panics: the others must not wait for ever.
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::READ;
    use std::time::Duration;

    fn transaction() -> Transaction {
        Transaction::new(0, 0, READ, None, Duration::MAX)
    }

    #[test]
    fn one_reads_and_the_others_follow() {
        let (turn, a, b) = (ReadTurn::new(7), transaction(), transaction());
        let mut reading = turn.enter(&a).unwrap();
        assert!(reading.wakes_standby);
        *reading += 1;
        assert!(turn.enter(&b).is_none());
        assert!(turn.enter_standby().is_none());
        assert!(reading.leave());
        let reading = turn.enter(&b).unwrap();
        assert!(!reading.wakes_standby);
        assert_eq!(*reading, 8, "there is one reader");
        assert!(!reading.leave());
        assert!(turn.enter_standby().is_some());
    }

    #[test]
    fn a_turn_ends_when_its_thread_panics() {
        let (turn, a) = (ReadTurn::new(()), transaction());
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let _reading = turn.enter(&a).unwrap();
                panic!("as a callback of the user's might");
            });
            assert!(thread.join().is_err());
        });
        assert!(turn.enter(&a).is_some());
    }

    #[test]
    fn a_follower_that_quits_after_its_nudge_passes_it_on() {
        let (turn, a, b, c) = (
            ReadTurn::new(()),
            transaction(),
            transaction(),
            transaction(),
        );
        let reading = turn.enter(&a).unwrap();
        assert!(turn.enter(&b).is_none());
        assert!(turn.enter(&c).is_none());
        assert!(reading.leave());
        assert!(turn.quit(&c), "b is nudged in its place");
        assert!(!turn.quit(&b), "nobody is left");
    }

    #[test]
    fn a_nudge_is_passed_on_by_the_thread_it_was_meant_for() {
        let (turn, a, b, c) = (
            ReadTurn::new(()),
            transaction(),
            transaction(),
            transaction(),
        );
        let reading = turn.enter(&a).unwrap();
        assert!(turn.enter(&b).is_none());
        assert!(turn.enter(&c).is_none());
        assert!(reading.leave());
        assert!(turn.quit(&b), "c is on its way");
        // Another comes first, and leaves before c has come.
        let reading = turn.enter(&a).unwrap();
        assert!(turn.enter(&b).is_none());
        assert!(reading.leave());
        assert!(turn.quit(&c), "b is nudged in its place");
        let reading = turn.enter(&b).unwrap();
        assert!(!reading.wakes_standby);
        assert!(!reading.leave());
    }

    #[test]
    fn a_completed_follower_is_passed_over() {
        let (turn, a, b) = (ReadTurn::new(()), transaction(), transaction());
        let reading = turn.enter(&a).unwrap();
        assert!(turn.enter(&b).is_none());
        b.done();
        assert!(!reading.leave());
    }

    #[test]
    fn the_client_thread_stands_by_when_no_thread_reads() {
        let (turn, a) = (ReadTurn::new(()), transaction());
        let mut turns = 0;
        assert_eq!(turn.look(&mut turns), Look::Idle);
        let reading = turn.enter(&a).unwrap();
        assert_eq!(turn.look(&mut turns), Look::Busy);
        assert_eq!(turn.look(&mut turns), Look::Busy, "it reads still");
        reading.leave();
        assert_eq!(turn.look(&mut turns), Look::Idle);
        turn.enter(&a).unwrap().leave();
        // Transactions come and go: look again before standing by.
        assert_eq!(turn.look(&mut turns), Look::Busy);
        assert_eq!(turn.look(&mut turns), Look::Idle);
    }
}
