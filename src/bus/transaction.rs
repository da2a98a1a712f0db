//! One access on the bus: what is asked, the bytes it moves, and its outcome.
//!
//! A transaction completes once, by `done` or `fail`, from any thread; later calls have no effect.
//! It is *published* (waiting threads wake, its [`Completion`] runs) when it has completed and
//! nobody holds a lock on its bytes: from then on nothing touches them on behalf of the slave.
//! `state.rs` has the parts of a transaction and how it ends, `lock.rs` the locks on its bytes,
//! `wait.rs` how a master waits for it, `pieces.rs` how it is carried out in pieces, and
//! `access.rs` a simple way for a slave to carry it out.

mod access;
mod lock;
mod parts;
mod pieces;
mod state;
mod wait;

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::kind::Kind;
use super::memory::Memory;
use crate::error::{Error, ErrorKind, Result};
pub use access::Access;
pub use lock::DataLock;
pub use pieces::check_range;
pub use state::{Completed, Completion, Content, Link, Payload, Transaction, WeakTransaction};
pub use wait::deadline_from_now;

impl WeakTransaction {
    /// A handle that keeps the transaction alive, if it is still there.
    pub fn upgrade(&self) -> Option<Transaction> {
        self.0.upgrade().map(Transaction::from)
    }

    /// Whether it is a handle to `transaction`.
    pub fn is(&self, transaction: &Transaction) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&transaction.0))
    }

    /// Whether the transaction is still there.
    pub fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl Transaction {
    /// A transaction of `size` bytes at `address`. `memory` must have `size` bytes. If it is
    /// `None`, [`Transaction::provide`] must be called before a slave sees the transaction.
    /// `timeout` counts from [`Transaction::taken`].
    #[doc(hidden)]
    pub fn new(
        address: u64,
        size: u32,
        kind: impl Into<Kind>,
        memory: Option<Memory>,
        timeout: Duration,
    ) -> Transaction {
        debug_assert!(memory
            .as_ref()
            .is_none_or(|memory| memory.len() == size as usize));
        Transaction::build(address, size, kind.into(), None, |inner| {
            let state = inner.state_mut();
            state.memory = memory;
            state.timeout = timeout;
        })
    }

    /// A transaction whose end calls `completion`, with the token beside it, instead of a thread
    /// that waits. If there is a `deadline`, its time runs already. If there are `bytes`, it has a
    /// copy of them as its memory.
    #[doc(hidden)]
    pub fn for_other(
        address: u64,
        size: u32,
        kind: impl Into<Kind>,
        (timeout, deadline): (Duration, Option<Instant>),
        completion: (Arc<dyn Completion>, u64),
        bytes: Option<&[u8]>,
    ) -> Transaction {
        Transaction::build(address, size, kind.into(), None, |inner| {
            let state = inner.state_mut();
            state.timeout = timeout;
            state.deadline = deadline;
            state.completion = Some(completion);
            if let Some(bytes) = bytes {
                inner.provide_copy(bytes);
            }
        })
    }

    /// The transaction's number in this process, never 0.
    pub fn id(&self) -> u32 {
        self.0.order as u32
    }

    /// The transaction's place in the order of creation.
    #[doc(hidden)]
    pub fn order(&self) -> u64 {
        self.0.order
    }

    /// The address, with the offsets of the hubs that the transaction has passed so far.
    pub fn address(&self) -> u64 {
        self.0.address.load(Ordering::Relaxed)
    }

    /// The number of bytes to move.
    pub fn size(&self) -> u32 {
        self.0.size
    }

    /// The type.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// How long the slave has, counted from [`Transaction::taken`].
    pub fn timeout(&self) -> Duration {
        self.0.lock_state().timeout
    }

    /// Fails in a process that was forked after the transaction was made, since the transaction
    /// belongs to the parent process. In the child it counts as ended: it cannot be completed, and
    /// its bytes are not touched. None of its locks is taken, since a thread of the parent may have
    /// held them during the fork.
    #[doc(hidden)]
    pub fn check_home(&self) -> Result<()> {
        match self.is_here() {
            true => Ok(()),
            false => Err(Error::forked("transaction")),
        }
    }

    /// Whether the slave can no longer reach the bytes: the transaction has completed, its master
    /// has stopped waiting, it has no bytes yet, or it belongs to the process that this one was
    /// forked from.
    pub fn expired(&self) -> bool {
        if !self.is_here() || self.completed() {
            return true;
        }
        let root = self.0.root().lock_state();
        root.outcome.is_some() || root.memory.is_none()
    }

    /// Whether this is the only handle to the transaction.
    #[doc(hidden)]
    pub fn is_last(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Whether `done` or `fail` has been called, or it has timed out.
    pub fn completed(&self) -> bool {
        self.0.has_completed()
    }

    /// The outcome; `None` if the transaction has not completed.
    pub fn outcome(&self) -> Option<Result<()>> {
        if let Err(error) = self.check_home() {
            return Some(Err(error));
        }
        self.0.lock_state().outcome.clone()
    }

    /// Completes the transaction: it has been carried out. False if it had completed before.
    pub fn done(&self) -> bool {
        self.0.finish(Ok(()), Some(self))
    }

    /// Completes the transaction: it has failed. False if it had completed before.
    pub fn fail(&self, error: Error) -> bool {
        self.0.finish(Err(error), Some(self))
    }

    /// Like [`Transaction::fail`], with an error of kind [`ErrorKind::Failed`] and this text.
    pub fn fail_with(&self, text: impl Into<String>) -> bool {
        self.fail(Error::new(ErrorKind::Failed, text))
    }

    /// Gives memory to a transaction that was made without. Has no effect if it has memory already.
    #[doc(hidden)]
    pub fn provide(&self, memory: Memory) {
        debug_assert_eq!(memory.len(), self.size() as usize);
        if !self.is_here() {
            return;
        }
        self.0.lock_state().memory.get_or_insert(memory);
    }

    /// A handle that does not keep the transaction alive.
    #[doc(hidden)]
    pub fn downgrade(&self) -> WeakTransaction {
        WeakTransaction(Arc::downgrade(&self.0))
    }

    /// Calls `completion` with `token` when the transaction is published, or at once if it is
    /// published already. Returns false, and has no effect, if another completion waits for that.
    #[doc(hidden)]
    pub fn on_completion(&self, completion: Arc<dyn Completion>, token: u64) -> bool {
        if !self.is_here() {
            return false;
        }
        let mut state = self.0.lock_state();
        if state.completion.is_some() {
            return false;
        }
        state.completion = Some((completion, token));
        if state.published {
            self.0.run_completion(state, Some(self));
        }
        true
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, address, size) = (self.id(), self.address(), self.size());
        let kind = self.kind();
        write!(
            f,
            "Transaction {{ id: {id}, {kind}, address: {address:#x}, size: {size} }}"
        )
    }
}

#[cfg(test)]
mod tests;
