//! Locks on the bytes of a transaction. Each is a lock on a range of its root's memory, and its
//! holder alone may touch those bytes.
//!
//! A piece of a split transaction locks its own range. So two pieces never wait for each other, and
//! a lock on the whole waits for both. While any lock is held, the root is not published, and a
//! master that waits for it does not return. So a holder's slice is valid for as long as the lock
//! is held.
#![allow(unsafe_code)]

use std::fmt;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::OnceLock;

use super::state::{Inner, State, Transaction};
use crate::bus::memory::{Memory, Span};
use crate::error::{Error, Result};

/// Exclusive access to a transaction's bytes, until this is dropped, on any thread. The
/// transaction's waiters do not return before that.
pub struct DataLock {
    transaction: Transaction,
    /// `None` if the bytes are out of reach, or in `late`.
    span: Option<Span>,
    /// The span of bytes that must be zeroed first, made when they are looked at. In a box, since
    /// this is rare and a lock is moved often.
    late: Option<Box<OnceLock<Option<Span>>>>,
    /// Whether the lock is still to be released.
    held: bool,
}

impl DataLock {
    /// The transaction's bytes; `None` when it has expired (see [`Transaction::expired`]).
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.span {
            Some(span) => Some(span.bytes()),
            None => self.late()?.as_ref().map(Span::bytes),
        }
    }

    /// The transaction's bytes, mutable; `None` when it has expired, or its master has lent them
    /// for reading only.
    pub fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        if self.span.is_none() {
            self.late()?;
            let late = self.late.take().map(|late| *late);
            self.span = late.and_then(OnceLock::into_inner).flatten();
        }
        self.span.as_mut().and_then(Span::bytes_mut)
    }

    fn late(&self) -> Option<&Option<Span>> {
        if !self.transaction.is_here() {
            return None;
        }
        let span = || {
            let inner = &self.transaction.0;
            // SAFETY: as in `Transaction::lock`: this range is locked for `self`, which keeps the
            // span no longer than the lock.
            unsafe { inner.root().lock_state().span(&inner.range()) }
        };
        self.late.as_ref().map(|late| late.get_or_init(span))
    }

    /// The transaction whose bytes these are.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Completes the transaction and releases the lock. False if it had completed before.
    pub fn done(self) -> bool {
        self.finish(Ok(()))
    }

    /// Fails the transaction and releases the lock. False if it had completed before.
    pub fn fail(self, error: Error) -> bool {
        self.finish(Err(error))
    }

    fn finish(mut self, outcome: Result<()>) -> bool {
        if !self.transaction.is_here() {
            return false;
        }
        let inner = &self.transaction.0;
        if inner.parent.is_some() {
            // The range is locked in the root: dropping `self` releases it.
            return inner.finish(outcome, Some(&self.transaction));
        }
        (self.span, self.late) = (None, None);
        self.held = false;
        let mut state = inner.lock_state();
        inner.unlock(&mut state, &inner.range());
        if state.outcome.is_some() {
            inner.publish_locked(state, Some(&self.transaction));
            return false;
        }
        inner.finish_locked(state, outcome, Some(&self.transaction));
        true
    }
}

impl fmt::Debug for DataLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataLock({:?})", self.transaction)
    }
}

impl Drop for DataLock {
    fn drop(&mut self) {
        if !self.held || !self.transaction.is_here() {
            return;
        }
        (self.span, self.late) = (None, None);
        let inner = &self.transaction.0;
        let root = inner.root();
        let mut state = root.lock_state();
        root.unlock(&mut state, &inner.range());
        drop(state);
        // Publishes the transactions that completed while this lock was held.
        let mut next = Some(&self.transaction);
        while let Some(transaction) = next {
            let state = transaction.0.lock_state();
            transaction.0.publish_locked(state, Some(transaction));
            next = transaction
                .0
                .parent
                .as_ref()
                .map(|parent| &parent.transaction);
        }
    }
}

impl Transaction {
    /// Locks the transaction's bytes. Waits while another lock on any of them is held; a thread
    /// that holds one itself waits for ever. In a process forked after the transaction was made,
    /// the lock has no bytes.
    pub fn lock(&self) -> DataLock {
        if !self.is_here() {
            return DataLock {
                transaction: self.clone(),
                span: None,
                late: None,
                held: false,
            };
        }
        let root = self.0.root();
        let range = self.0.range();
        let mut state = root.lock_state();
        while state.locked.overlaps(&range) {
            state.waiters += 1;
            state = root
                .changed
                .wait(state)
                .unwrap_or_else(|poison| poison.into_inner());
            state.waiters -= 1;
        }
        let ready = state.memory.as_ref().is_none_or(Memory::is_written);
        let span = if ready {
            // SAFETY: the root owns the memory or has borrowed it, and outlives this lock, which
            // holds a handle. It is published (and the caller's memory returned) only while no lock
            // is held. Overlapping locks exclude each other, and nothing else makes a span of a
            // locked range: `done_with` and `append` look for locks, `start` only takes the
            // address.
            unsafe { state.span(&range) }
        } else {
            None
        };
        state.locked.add(range);
        drop(state);
        let mut lock = DataLock {
            transaction: self.clone(),
            span,
            late: (!ready).then(Box::default),
            held: true,
        };
        if self.0.parent.is_some() && self.0.lock_state().published {
            (lock.span, lock.late) = (None, None);
        }
        lock
    }

    /// Copies `data`, which must have the transaction's size, to its bytes and completes it, under
    /// one lock. Waits while its bytes are locked. False, and no byte changed, if it had completed
    /// before.
    #[doc(hidden)]
    pub fn done_with(&self, data: &[u8]) -> bool {
        let inner = &self.0;
        if !self.is_here() {
            return false;
        }
        let mut state = inner.lock_state();
        let range = inner.range();
        if inner.parent.is_some() || state.locked.overlaps(&range) {
            drop(state);
            let mut lock = self.lock();
            if let Some(bytes) = lock.bytes_mut() {
                bytes.copy_from_slice(data);
            }
            return lock.done();
        }
        if state.outcome.is_some() {
            return false;
        }
        if let Some(memory) = &mut state.memory {
            // SAFETY: as in `lock`: no range is locked, and none can be locked while this thread
            // holds the state, which it does longer than the span.
            let mut span = unsafe { memory.span(0, range.len()) };
            if let Some(bytes) = span.as_mut().and_then(Span::bytes_mut) {
                bytes.copy_from_slice(data);
            }
        }
        inner.finish_locked(state, Ok(()), Some(self));
        true
    }

    /// The address of the transaction's bytes, without a lock; `None` when it has expired, or its
    /// master has lent them for reading only. For languages whose programs take the lock
    /// separately.
    #[doc(hidden)]
    pub fn start(&self) -> Option<NonNull<u8>> {
        if !self.is_here() {
            return None;
        }
        if self.0.parent.is_some() && self.0.lock_state().published {
            return None;
        }
        let mut root = self.0.root().lock_state();
        root.memory.as_ref().filter(|memory| memory.is_writable())?;
        // SAFETY: the span is dropped here and no byte is touched: only the address is taken.
        let span = unsafe { root.span(&self.0.range()) }?;
        Some(span.start())
    }
}

impl Transaction {
    /// Copies `bytes` to the transaction's bytes from `offset` on, without zeroing those first.
    /// False, and no effect, if that is not possible: this is a piece of another transaction, it
    /// has been published or has no memory, its bytes are locked or have been looked at, or
    /// `offset` is not where the last such copy ended.
    #[doc(hidden)]
    pub fn append(&self, offset: usize, bytes: &[u8]) -> bool {
        let inner = &self.0;
        if inner.parent.is_some() || !self.is_here() {
            return false;
        }
        let mut state = inner.lock_state();
        let open = !state.published;
        if !open || state.locked.overlaps(&inner.range()) {
            return false;
        }
        let memory = state.memory.as_mut();
        memory.is_some_and(|memory| memory.append(offset, bytes))
    }

    /// Like [`Transaction::provide`], with zeros. False if there is no memory for them.
    #[doc(hidden)]
    pub fn provide_zeros(&self) -> bool {
        if self.0.provided {
            return true;
        }
        if !self.is_here() {
            return false;
        }
        let size = self.size() as usize;
        let mut state = self.0.lock_state();
        if state.memory.is_none() {
            // SAFETY: the inline bytes are not in use, since there is no memory yet (and the state
            // is locked). They live as long as the transaction, which owns the memory.
            let inline = unsafe { self.0.inline.memory(size) };
            // Reserved bytes are zeroed when they are first looked at.
            state.memory = inline.or_else(|| Memory::reserved(size));
        }
        state.memory.is_some()
    }
}

impl State {
    /// The bytes in `range` of this root's memory; `None` if they are out of reach.
    ///
    /// # Safety
    ///
    /// As for [`Span::new`].
    unsafe fn span(&mut self, range: &Range<usize>) -> Option<Span> {
        let open = !self.published;
        let memory = self.memory.as_mut().filter(|_| open)?;
        // SAFETY: the caller's promise.
        unsafe { memory.span(range.start, range.len()) }
    }
}

impl Inner {
    /// Gives a transaction that is being made a copy of `bytes` as its memory.
    pub(super) fn provide_copy(&mut self, bytes: &[u8]) {
        debug_assert_eq!(bytes.len(), self.size as usize);
        // SAFETY: as in `Transaction::provide_zeros`; no other code has the transaction yet.
        let memory = unsafe { self.inline.copy(bytes) };
        let memory = memory.or_else(|| Memory::copied(bytes));
        self.state_mut().memory = memory.or_else(|| Some(Memory::owned(bytes.to_vec())));
        self.provided = true;
    }

    /// Releases a lock on `range` of this root's memory.
    fn unlock(&self, state: &mut State, range: &Range<usize>) {
        state.locked.remove(range);
        self.wake(state);
    }
}
