//! Who may touch the bytes of a transaction: a lock on a range of its root's memory.
//!
//! A piece of a split transaction locks its own range, so two pieces never wait for each other, and
//! a lock on the whole waits for both. While any lock is held the transaction is not published, and
//! a master that waits for it does not return: so a holder's slice is valid for as long as it is held.
#![allow(unsafe_code)]

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use super::{Inner, State, Transaction};
use crate::bus::memory::{Memory, Span, WITHIN};
use crate::error::{Error, Result};

/// The ranges of a root transaction's memory that are locked now.
#[derive(Default)]
pub(super) struct Locked {
    /// One lock at a time is the rule, and should cost no memory of its own.
    first: Option<Range<usize>>,
    others: Vec<Range<usize>>,
}

impl Locked {
    pub(super) fn overlaps(&self, range: &Range<usize>) -> bool {
        let hit = |held: &Range<usize>| held.start < range.end && range.start < held.end;
        self.first.as_ref().is_some_and(hit) || self.others.iter().any(hit)
    }

    fn add(&mut self, range: Range<usize>) {
        if self.first.is_none() {
            self.first = Some(range);
        } else {
            self.others.push(range);
        }
    }

    fn remove(&mut self, range: &Range<usize>) {
        if self.first.as_ref() == Some(range) {
            self.first = None;
        } else if let Some(index) = self.others.iter().position(|held| held == range) {
            self.others.swap_remove(index);
        }
    }
}

/// The bytes of a published transaction: read-only, since nobody can lock them again.
#[derive(Debug)]
pub(super) enum Published {
    Bytes(Span),
    /// A copy of those that are inside the transaction.
    Small([u8; WITHIN]),
    /// Nobody has touched them: so many zeros.
    Zeros(usize),
}

/// The right to touch a transaction's bytes, held by one thread's work at a time. It ends when this
/// is dropped, by whatever thread.
pub struct DataLock {
    transaction: Transaction,
    /// `None` if the bytes are out of reach, or `late` has it.
    span: Option<Span>,
    /// Of bytes that have to be made zeros first: filled when somebody looks at them. In a box, since
    /// those are many and seldom, and a lock is moved about.
    late: Option<Box<OnceLock<Option<Span>>>>,
    /// It has not been given back yet.
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

    /// The transaction's bytes, to be changed; `None` when it has expired.
    pub fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        if self.span.is_none() {
            self.late()?;
            let late = self.late.take().map(|late| *late);
            self.span = late.and_then(OnceLock::into_inner).flatten();
        }
        self.span.as_mut().map(Span::bytes_mut)
    }

    fn late(&self) -> Option<&Option<Span>> {
        if !self.transaction.is_here() {
            return None;
        }
        let span = || {
            let inner = &self.transaction.0;
            // SAFETY: as in `Transaction::lock`; the lock is held.
            unsafe { inner.root().lock_state().span(&inner.range()) }
        };
        self.late.as_ref().map(|late| late.get_or_init(span))
    }

    /// The transaction whose bytes these are.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Completes the transaction and gives the lock back.
    pub fn done(self) -> bool {
        self.finish(Ok(()))
    }

    /// Fails the transaction and gives the lock back.
    pub fn fail(self, error: Error) -> bool {
        self.finish(Err(error))
    }

    fn finish(mut self, outcome: Result<()>) -> bool {
        if !self.transaction.is_here() {
            return false;
        }
        let inner = &self.transaction.0;
        if inner.parent.is_some() {
            // The lock is one on the root.
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
        // Whatever completed while this lock was held can be published now.
        let mut next = Some(&self.transaction);
        while let Some(transaction) = next {
            transaction.0.publish(Some(transaction));
            next = transaction
                .0
                .parent
                .as_ref()
                .map(|parent| &parent.transaction);
        }
    }
}

impl Transaction {
    /// Locks the transaction's bytes, waiting while somebody else holds them. There are none to lock in
    /// another process.
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
            // SAFETY: the root owns or was lent the memory, and outlives this lock, which holds a
            // handle. It is published (and the caller's memory given back) only while no lock is held;
            // overlapping locks exclude each other.
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

    /// As a lock, a copy of `data` to the transaction's bytes, and [`Transaction::done`] together,
    /// for as many bytes as the transaction has. False, and no byte changed, when it had completed
    /// before.
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
            // SAFETY: as for `lock`, which nobody else can have while this thread has the state.
            if let Some(mut span) = unsafe { memory.span(0, range.len()) } {
                span.bytes_mut().copy_from_slice(data);
            }
        }
        inner.finish_locked(state, Ok(()), Some(self));
        true
    }

    /// Where the transaction's bytes start, without a lock; `None` when it has expired. For
    /// languages whose programs take the lock separately.
    pub fn start(&self) -> Option<std::ptr::NonNull<u8>> {
        if !self.is_here() {
            return None;
        }
        if self.0.parent.is_some() && self.0.lock_state().published {
            return None;
        }
        let mut root = self.0.root().lock_state();
        // SAFETY: as for `lock`; only the place is taken.
        let span = unsafe { root.span(&self.0.range()) }?;
        Some(span.start())
    }
}

impl Transaction {
    /// Copies `bytes` to the transaction's bytes from `offset` on without making zeros of those first.
    /// False, and nothing done, if that is not possible: this is a piece of another transaction, the
    /// bytes are or have been locked, or they do not begin where such a copy has ended.
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

    /// As [`Transaction::provide`], with zeros. False if there is no memory for them.
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
            // SAFETY: `within` is not used as memory before, since there is none yet (under the lock),
            // and it lives as long as the transaction, which owns the memory.
            let within = unsafe { self.0.within.memory(size) };
            // They are made zeros when somebody is to see them.
            state.memory = within.or_else(|| Memory::reserved(size));
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
        // SAFETY: as in `Transaction::provide_zeros`, and nobody else has the transaction.
        let memory = unsafe { self.within.copy(bytes) };
        self.state_mut().memory = memory.or_else(|| Some(Memory::owned(bytes.to_vec())));
        self.provided = true;
    }

    /// Which bytes of the root's memory this transaction moves.
    pub(super) fn range(&self) -> Range<usize> {
        let start = self.parent.as_ref().map_or(0, |parent| parent.offset);
        start..start + self.size as usize
    }

    /// Gives back a lock on `range` of this root's memory.
    fn unlock(&self, state: &mut State, range: &Range<usize>) {
        state.locked.remove(range);
        self.wake(state);
    }

    /// The bytes, once published. The span is good for as long as a handle is kept with it.
    pub(super) fn published_bytes(&self, state: &mut State) -> Option<Published> {
        // A piece's bytes can still be locked by way of its root or of another piece.
        if self.parent.is_some() {
            return None;
        }
        // The caller's memory may be taken back as soon as a wait has seen the publication.
        let memory = state.memory.as_mut().filter(|memory| memory.is_owned())?;
        let range = self.range();
        if memory.is_within() {
            // SAFETY: a published root cannot be locked any more: nobody writes to them.
            return Some(Published::Small(unsafe { self.within.bytes() }));
        }
        if memory.is_untouched() {
            return Some(Published::Zeros(range.len()));
        }
        // SAFETY: a published root cannot be locked any more, and what owns the memory outlives the
        // span, which is kept with a handle.
        unsafe { memory.span(range.start, range.len()) }.map(Published::Bytes)
    }
}
