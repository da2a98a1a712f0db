//! Whose turn it is to read the connection.
//!
//! One thread reads at a time. A thread that waits for a response reads itself, so that no hand-over
//! to another thread costs more than the transaction. Whoever waits while another reads is a
//! *follower*: the reader completes its transaction for it, or, when done, nudges it to read on. The
//! endpoint's own thread reads only while nobody waits: it *stands by*. It is not told each time a
//! reader leaves, but looks every [`TICK`](super::attend::TICK) while transactions come and go; where
//! nobody is going to wait it is told to read at once.
//!
//! The rule: while somebody waits for a response, somebody reads, or has been nudged to; what nobody
//! waits for is read when the endpoint's thread looks.

use std::sync::PoisonError;

use crate::bus::Transaction;
use crate::sync::{Mutex, MutexGuard};

/// The turn to read.
#[derive(Default)]
pub(super) struct Turn {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    reading: bool,
    followers: Vec<Transaction>,
    /// The follower that was nudged last, until it comes to read or quits.
    nudged: Option<Transaction>,
    /// How many turns there have been: a sign of life for the endpoint's thread.
    turns: u64,
    /// The endpoint's thread looks every tick, instead of standing by.
    ticking: bool,
}

/// What a thread that wants to read is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enter {
    /// Read. If `wake`, the endpoint's thread is standing by and has to be told not to.
    Read { wake: bool },
    /// Wait: another thread reads.
    Follow,
}

/// What the endpoint's thread finds when it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Somebody reads, or has done so since the last look.
    Busy,
    /// Nobody does: stand by.
    Idle,
}

impl Turn {
    /// A thread waits for `transaction` and would read.
    pub(super) fn enter(&self, transaction: &Transaction) -> Enter {
        let mut state = self.lock();
        state.answers_nudge(transaction);
        if state.reading {
            if !state.followers.iter().any(|other| other.same(transaction)) {
                state.followers.push(transaction.clone());
            }
            return Enter::Follow;
        }
        state.reading = true;
        state.turns += 1;
        Enter::Read {
            wake: !std::mem::replace(&mut state.ticking, true),
        }
    }

    /// The endpoint's thread would read; false when another thread does.
    pub(super) fn enter_standby(&self) -> bool {
        let mut state = self.lock();
        !std::mem::replace(&mut state.reading, true)
    }

    /// The reader reads no more. A follower, if there is one, is nudged to take over; false if there
    /// is none.
    pub(super) fn leave(&self) -> bool {
        let mut state = self.lock();
        state.reading = false;
        Turn::pass_on(state)
    }

    /// A follower waits no longer. If it has been nudged, and has not come, another takes its place;
    /// false if there is none.
    pub(super) fn quit(&self, transaction: &Transaction) -> bool {
        let mut state = self.lock();
        state.followers.retain(|other| !other.same(transaction));
        if !state.answers_nudge(transaction) || state.reading {
            return true;
        }
        Turn::pass_on(state)
    }

    /// The endpoint's thread looks whether to stand by. `turns` is what it saw last time.
    pub(super) fn look(&self, turns: &mut u64) -> Look {
        let mut state = self.lock();
        let same = std::mem::replace(turns, state.turns) == state.turns;
        if state.ticking && (state.reading || !same) {
            return Look::Busy;
        }
        if state.reading {
            // A reader that came before anybody ticked: this is the endpoint's thread itself.
            return Look::Busy;
        }
        state.ticking = false;
        Look::Idle
    }

    /// Whether a reader has told the endpoint's thread not to stand by.
    pub(super) fn is_ticking(&self) -> bool {
        self.lock().ticking
    }

    /// Nobody reads: nudges a follower; false if there is none.
    fn pass_on(mut state: MutexGuard<'_, State>) -> bool {
        if state.nudged.as_ref().is_some_and(|next| !next.completed()) {
            // It is on its way.
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether `transaction` is the one that was nudged; then it is so no more.
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
        let (turn, a, b) = (Turn::default(), transaction(), transaction());
        assert_eq!(turn.enter(&a), Enter::Read { wake: true });
        assert_eq!(turn.enter(&b), Enter::Follow);
        assert!(!turn.enter_standby());
        assert!(turn.leave());
        assert_eq!(turn.enter(&b), Enter::Read { wake: false });
        assert!(!turn.leave());
        assert!(turn.enter_standby());
    }

    #[test]
    fn a_follower_that_quits_after_its_nudge_passes_it_on() {
        let (turn, a, b, c) = (Turn::default(), transaction(), transaction(), transaction());
        turn.enter(&a);
        turn.enter(&b);
        turn.enter(&c);
        assert!(turn.leave());
        assert!(turn.quit(&c), "b is nudged in its place");
        assert!(!turn.quit(&b), "nobody is left");
    }

    #[test]
    fn a_nudge_is_passed_on_by_whoever_it_was_meant_for() {
        let (turn, a, b, c) = (Turn::default(), transaction(), transaction(), transaction());
        turn.enter(&a);
        turn.enter(&b);
        turn.enter(&c);
        assert!(turn.leave());
        assert!(turn.quit(&b), "c is on its way");
        // Another comes first, and leaves before c has come.
        turn.enter(&a);
        turn.enter(&b);
        assert!(turn.leave());
        assert!(turn.quit(&c), "b is nudged in its place");
        assert_eq!(turn.enter(&b), Enter::Read { wake: false });
        assert!(!turn.leave());
    }

    #[test]
    fn a_completed_follower_is_passed_over() {
        let (turn, a, b) = (Turn::default(), transaction(), transaction());
        turn.enter(&a);
        turn.enter(&b);
        b.done();
        assert!(!turn.leave());
    }

    #[test]
    fn the_endpoint_stands_by_when_nobody_reads() {
        let (turn, a) = (Turn::default(), transaction());
        let mut turns = 0;
        assert_eq!(turn.look(&mut turns), Look::Idle);
        turn.enter(&a);
        assert_eq!(turn.look(&mut turns), Look::Busy);
        assert_eq!(turn.look(&mut turns), Look::Busy, "it reads still");
        turn.leave();
        assert_eq!(turn.look(&mut turns), Look::Idle);
        turn.enter(&a);
        turn.leave();
        // Transactions come and go: look again before standing by.
        assert_eq!(turn.look(&mut turns), Look::Busy);
        assert_eq!(turn.look(&mut turns), Look::Idle);
    }
}
