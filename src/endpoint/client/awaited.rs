//! A transaction as a future. The thread that completes the transaction wakes the task that waits
//! for it; the client's own thread reads the response and keeps the deadline.

use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::link::ClientLink;
use super::link_status::LinkState;
use super::room::Attending;
use crate::bus::{Completed, Completion, Content, Transaction};
use crate::endpoint::stats::EndedAs;
use crate::error::{Error, ErrorKind, Result};

/// A transaction that owns its bytes. The first poll submits it. Its output is the bytes of a Read
/// or a Verify.
pub(super) struct Awaited<'a> {
    link: &'a Arc<ClientLink>,
    transaction: Transaction,
    /// Receives the outcome; `None` until the transaction is submitted.
    answer: Option<Arc<FutureOutcome>>,
}

/// The outcome of a transaction, and the task that waits for it.
#[derive(Default)]
struct FutureOutcome(Mutex<FutureState>);

#[derive(Default)]
struct FutureState {
    outcome: Option<Result<Vec<u8>>>,
    waker: Option<Waker>,
}

impl<'a> Awaited<'a> {
    pub(super) fn new(link: &'a Arc<ClientLink>, transaction: Transaction) -> Awaited<'a> {
        Awaited {
            link,
            transaction,
            answer: None,
        }
    }

    /// Sends the request, or queues it until there is a connection.
    fn ask(&self) -> Arc<FutureOutcome> {
        let answer = Arc::new(FutureOutcome::default());
        self.transaction
            .on_completion(Arc::clone(&answer) as Arc<dyn Completion>, 0);
        // An executor's thread must not block, since its other tasks would stall. A thread that is
        // marked as attending never does.
        let attending = Attending::new();
        self.link.carry_out(&self.transaction);
        drop(attending);
        self.transaction.taken();
        if self.link.context.is_here() {
            self.link.watch(&self.transaction);
        }
        answer
    }
}

impl Future for Awaited<'_> {
    type Output = Result<Vec<u8>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Vec<u8>>> {
        let answer = match &self.answer {
            Some(answer) => Arc::clone(answer),
            None => {
                let answer = self.ask();
                self.answer = Some(Arc::clone(&answer));
                answer
            }
        };
        let mut state = answer.lock();
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome);
        }
        if let Err(error) = self.link.context.check_home() {
            return Poll::Ready(Err(error));
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Awaited<'_> {
    /// Withdraws a request that waits for a connection, since no task expects its outcome any more.
    /// One that has been sent stays outstanding until its response or its timeout.
    fn drop(&mut self) {
        let over = self.answer.is_none() || self.transaction.completed();
        if over || !self.link.context.is_here() {
            return;
        }
        if self.link.link_state() != LinkState::Connected {
            let text = "The future of the access was dropped before the client was connected";
            if self.transaction.fail(Error::new(ErrorKind::Stopped, text)) {
                self.link.context.count(&self.transaction, EndedAs::Failed);
            }
        }
    }
}

impl FutureOutcome {
    fn lock(&self) -> MutexGuard<'_, FutureState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Completion for FutureOutcome {
    fn completed(&self, _token: u64, completed: Completed) {
        let outcome = completed.outcome.map(|()| bytes(&completed.content));
        let mut state = self.lock();
        state.outcome = Some(outcome);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            // A panic in an executor must not end the client's thread.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}

fn bytes(content: &Content) -> Vec<u8> {
    match content {
        Content::Zeros(count) => vec![0; *count],
        Content::Bytes(payload) => payload.as_ref().to_vec(),
    }
}
