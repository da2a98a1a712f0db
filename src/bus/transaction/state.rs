//! The parts of a transaction, and how it ends.
//!
//! The types here refer to each other, so they share a file: a transaction has a completion and a
//! link, and both are given the transaction. Code that only uses these types is in the files
//! beside.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::parts::{Pieces, Ranges};
use crate::bus::deadline::Renewals;
use crate::bus::kind::Kind;
use crate::bus::memory::{Inline, Memory, Span, INLINE};
use crate::bus::spares::Spares;
use crate::error::{Error, ErrorKind, Result};
use crate::process::Home;
use crate::sync::{AtomicU8, Condvar, Mutex, MutexGuard, REUSE};

/// The name under which transactions log.
pub(super) const LOGGER: &str = "pyrogue.memory.Transaction";

/// A callback for the end of a transaction.
pub trait Completion: Send + Sync {
    /// Called exactly once for each transaction that it was set for, with the `token` of that
    /// transaction, when the transaction is published. It runs on the thread that completed the
    /// transaction, released the last lock on its bytes, or dropped its last handle; if the
    /// transaction was published before, on the thread that sets the completion. No lock of the bus
    /// is held.
    fn completed(&self, token: u64, completed: Completed);
}

/// A transaction that has ended, as its [`Completion`] sees it.
#[derive(Debug)]
pub struct Completed {
    /// The address it was created with, whatever hubs have added since.
    pub address: u64,
    /// The number of bytes to move.
    pub size: u32,
    /// The type.
    pub kind: Kind,
    /// Whether it was carried out.
    pub outcome: Result<()>,
    /// The bytes, if the transaction was carried out, owns its memory and is not a piece; otherwise
    /// empty. (A caller has its own memory itself.) Nothing writes to them any more.
    pub content: Content,
}

/// The bytes of a completed transaction.
#[derive(Debug)]
pub enum Content {
    /// The bytes; empty if there are none.
    Bytes(Payload),
    /// This number of zeros: the slave has not touched the bytes, so they have not been written to
    /// memory.
    Zeros(usize),
}

/// The bytes of a completed transaction, kept alive for as long as they are needed.
#[derive(Debug)]
pub struct Payload(Kept);

#[derive(Debug)]
enum Kept {
    /// The handle keeps the memory of the span alive.
    Transaction {
        _handle: Transaction,
        span: Span,
    },
    /// A copy of the inline bytes, and how many of them count. It costs less than a handle.
    Copy([u8; INLINE], u8),
    Nothing,
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Kept::Transaction { span, .. } => span.bytes(),
            Kept::Copy(bytes, len) => &bytes[..usize::from(*len)],
            Kept::Nothing => &[],
        }
    }
}

/// A slave at the far end of a connection. A thread that waits for one of its transactions calls
/// these methods.
pub trait Link: Send + Sync {
    /// Makes progress with `transaction` on the calling thread, for instance by reading the
    /// connection, and returns when it has completed or `deadline` has passed. Returns false if
    /// another thread does that: it will complete the transaction or call [`Transaction::nudge`].
    fn drive(&self, transaction: &Transaction, deadline: Option<Instant>) -> bool;

    /// A thread for which `drive` returned false has stopped waiting for `transaction`. It may have
    /// been nudged since then, and not have called `drive` again.
    fn leave(&self, transaction: &Transaction);

    /// Handles what has arrived, without waiting for more.
    fn poll(&self) {}

    /// The answers that renew the deadlines of the link's transactions, in place of those set by
    /// [`Transaction::set_renewals`].
    fn renewals(&self) -> Option<&Renewals> {
        None
    }

    /// The transaction has timed out: the link forgets it. Returns the state of the link as an
    /// error, if that may explain the timeout.
    fn give_up(&self, transaction: &Transaction) -> Option<Error>;
}

/// A handle to one access on the bus. Clones are handles to the same access.
///
/// A handle is one pointer: the C++ classes keep it in a `void*` (`bridge/memory.rs`).
#[derive(Clone)]
#[repr(transparent)]
pub struct Transaction(
    /// `drop` takes it out.
    pub(super) ManuallyDrop<Arc<Inner>>,
);

impl From<Arc<Inner>> for Transaction {
    fn from(inner: Arc<Inner>) -> Transaction {
        Transaction(ManuallyDrop::new(inner))
    }
}

/// A handle that does not keep its transaction alive.
#[derive(Clone)]
pub struct WeakTransaction(pub(super) Weak<Inner>);

#[derive(Default)]
pub(super) struct Inner {
    pub(super) home: Home,
    /// Place in the order of creation; 0 in a blank transaction (see `clear`).
    pub(super) order: u64,
    pub(super) kind: Kind,
    pub(super) size: u32,
    origin: u64,
    pub(super) address: AtomicU64,
    pub(super) parent: Option<Parent>,
    /// It was made with memory of its own, by `provide_copy`.
    pub(super) provided: bool,
    /// One of the constants below. Written under the lock of `state`, read without it.
    progress: AtomicU8,
    /// `set_link` has started the time, so `taken` need not.
    pub(super) clock_started: AtomicBool,
    state: Mutex<State>,
    pub(super) changed: Condvar,
    /// The bytes of a small transaction that owns them.
    pub(super) inline: Inline,
}

/// No outcome yet.
const OPEN: u8 = 0;
/// There is an outcome, but it is not published: the bytes are still locked.
const COMPLETED: u8 = 1;
/// Published: carried out.
const DONE: u8 = 2;
/// Published: failed.
const FAILED: u8 = 3;

#[derive(Default)]
pub(super) struct State {
    pub(super) memory: Option<Memory>,
    /// The ranges of this root's memory that are locked now.
    pub(super) locked: Ranges,
    pub(super) outcome: Option<Result<()>>,
    /// Waiting threads may return, and the master may have its memory back.
    pub(super) published: bool,
    pub(super) timeout: Duration,
    pub(super) deadline: Option<Instant>,
    /// How many threads wait for `changed`.
    pub(super) waiters: u32,
    pub(super) nudged: bool,
    pub(super) pieces: Pieces,
    pub(super) completion: Option<(Arc<dyn Completion>, u64)>,
    pub(super) link: Option<Arc<dyn Link>>,
    /// The link carries this transaction itself, not pieces of it.
    pub(super) direct: bool,
    pub(super) renewals: Option<Arc<Renewals>>,
}

/// The transaction that a piece is a part of.
pub(super) struct Parent {
    pub(super) transaction: Transaction,
    /// Where the piece's bytes start in the memory of the root.
    pub(super) offset: usize,
}

/// The order of the next transaction in this process.
static ORDER: AtomicU64 = AtomicU64::new(1);

fn next_order() -> u64 {
    loop {
        let order = ORDER.fetch_add(1, Ordering::Relaxed);
        // Its low half is the id, and id 0 means "all" to `Master::wait`.
        if order as u32 != 0 {
            return order;
        }
    }
}

impl Transaction {
    /// A new transaction; `fill` may set what the arguments do not.
    pub(super) fn build(
        address: u64,
        size: u32,
        kind: Kind,
        parent: Option<Parent>,
        fill: impl FnOnce(&mut Inner),
    ) -> Transaction {
        let mut blank = Spares::take(&SPARES);
        let inner = Arc::get_mut(&mut blank).expect("a blank one has one handle");
        inner.home = Home::here();
        inner.order = next_order();
        inner.kind = kind;
        inner.size = size;
        inner.origin = address;
        inner.address = AtomicU64::new(address);
        inner.parent = parent;
        fill(inner);
        Transaction::from(blank)
    }

    /// Whether this is the process that the transaction was made in.
    pub(super) fn is_here(&self) -> bool {
        self.0.home.is_here()
    }

    /// Completes this transaction if it has been carried out in pieces and all of them have ended.
    pub(super) fn complete_pieces(&self) {
        let outcome = self.0.lock_state().pieces.outcome();
        if let Some(outcome) = outcome {
            self.0.finish(outcome, Some(self));
        }
    }

    /// A piece of this transaction has been published.
    fn piece_ended(&self, id: u32, outcome: Result<()>) {
        self.0.lock_state().pieces.end(id, outcome);
        self.complete_pieces();
    }
}

impl Inner {
    pub(super) fn lock_state(&self) -> MutexGuard<'_, State> {
        // User code never runs under this lock, so a poisoned state is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state_mut(&mut self) -> &mut State {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The transaction whose memory this one moves: itself, unless it is a piece.
    pub(super) fn root(&self) -> &Inner {
        let mut inner = self;
        while let Some(parent) = &inner.parent {
            inner = &parent.transaction.0;
        }
        inner
    }

    /// Which bytes of the root's memory this transaction moves.
    pub(super) fn range(&self) -> Range<usize> {
        let start = self.parent.as_ref().map_or(0, |parent| parent.offset);
        start..start + self.size as usize
    }

    /// Whether there is an outcome.
    #[inline]
    pub(super) fn has_completed(&self) -> bool {
        // Acquire pairs with the release in `finish_locked`: the caller sees what the slave did.
        self.progress.load(Ordering::Acquire) != OPEN
    }

    /// The outcome, if it is published.
    pub(super) fn published_outcome(&self) -> Option<Result<()>> {
        // Acquire pairs with the release in `publish_locked`. That store is made under the lock of
        // the state, and locks on the bytes are released under it too: so writes to the bytes are
        // seen here as well.
        match self.progress.load(Ordering::Acquire) {
            DONE => Some(Ok(())),
            FAILED => self.lock_state().outcome.clone(),
            _ => None,
        }
    }

    /// Sets the outcome. False, and no effect, if there was one.
    pub(super) fn finish(&self, outcome: Result<()>, handle: Option<&Transaction>) -> bool {
        if !self.home.is_here() {
            return false;
        }
        let state = self.lock_state();
        if state.outcome.is_some() {
            return false;
        }
        self.finish_locked(state, outcome, handle);
        true
    }

    /// Sets the outcome of a transaction that has none.
    pub(super) fn finish_locked(
        &self,
        mut state: MutexGuard<'_, State>,
        outcome: Result<()>,
        handle: Option<&Transaction>,
    ) {
        log_outcome(self, &outcome);
        state.outcome = Some(outcome);
        self.progress.store(COMPLETED, Ordering::Release);
        self.publish_locked(state, handle);
    }

    /// Publishes the outcome if there is one and no lock is held on the bytes.
    pub(super) fn publish_locked(
        &self,
        mut state: MutexGuard<'_, State>,
        handle: Option<&Transaction>,
    ) {
        // A piece is published even while its bytes are locked: such a lock delays the publication
        // of the root, which keeps the memory valid. If the piece waited for a lock taken through
        // its root or another piece, nothing would publish it when that lock is released.
        let held = self.parent.is_none() && state.locked.overlaps(&self.range());
        if held || state.published {
            return;
        }
        let Some(outcome) = &state.outcome else {
            return;
        };
        let parent = self.parent.as_ref().map(|parent| (parent, outcome.clone()));
        let progress = if outcome.is_ok() { DONE } else { FAILED };
        state.published = true;
        // The link is not needed any more. It may own the transaction: this breaks the cycle.
        state.link = None;
        self.progress.store(progress, Ordering::Release);
        self.wake(&state);
        self.run_completion(state, handle);
        if let Some((parent, outcome)) = parent {
            parent.transaction.piece_ended(self.order as u32, outcome);
        }
    }

    /// Wakes the threads that wait for a change of the state.
    pub(super) fn wake(&self, state: &State) {
        if state.waiters > 0 {
            self.changed.notify_all();
        }
    }

    /// Calls the completion of a published transaction, if it has one.
    pub(super) fn run_completion(
        &self,
        mut state: MutexGuard<'_, State>,
        handle: Option<&Transaction>,
    ) {
        let Some((completion, token)) = state.completion.take() else {
            return;
        };
        let outcome = state.outcome.clone().unwrap_or(Ok(()));
        let content = match (&outcome, handle) {
            (Ok(()), Some(handle)) => self.content(&mut state, handle),
            _ => Content::Bytes(Payload(Kept::Nothing)),
        };
        drop(state);
        completion.completed(
            token,
            Completed {
                address: self.origin,
                size: self.size,
                kind: self.kind,
                outcome,
                content,
            },
        );
    }

    /// The bytes of this published transaction. `handle` is one of its handles.
    fn content(&self, state: &mut State, handle: &Transaction) -> Content {
        // None of a caller's memory: the caller may take it back as soon as a wait has seen the
        // publication. None of a piece: its bytes can still be locked through its root or another
        // piece.
        let owned = state.memory.as_mut().filter(|memory| memory.is_owned());
        let Some(memory) = owned.filter(|_| self.parent.is_none()) else {
            return Content::Bytes(Payload(Kept::Nothing));
        };
        let size = self.size as usize;
        if memory.is_untouched() {
            return Content::Zeros(size);
        }
        Content::Bytes(Payload(if memory.is_inline() {
            // SAFETY: a published root cannot be locked any more, so nobody writes to its bytes.
            Kept::Copy(unsafe { self.inline.bytes() }, self.size as u8)
        } else {
            // SAFETY: as above; and the handle, which owns the memory, is kept with the span.
            match unsafe { memory.span(0, size) } {
                Some(span) => Kept::Transaction {
                    _handle: handle.clone(),
                    span,
                },
                None => Kept::Nothing,
            }
        }))
    }

    /// Called when the last handle is dropped: fails the transaction if it has not completed, since
    /// nobody can complete it any more.
    fn abandon(&self) {
        // Nobody can hold a lock on its bytes: a lock holds a handle.
        if self.order == 0 || !self.home.is_here() || self.has_completed() {
            return;
        }
        let text = "The slave dropped the transaction without completing it";
        self.finish(Err(Error::new(ErrorKind::Failed, text)), None);
    }

    /// Makes this blank, to be used for another transaction. If there is no outcome, the
    /// transaction fails first.
    fn clear(&mut self) {
        if !self.has_completed() {
            self.abandon();
        }
        self.order = 0;
        self.provided = false;
        self.progress = AtomicU8::default();
        *self.clock_started.get_mut() = false;
        self.parent = None;
        // The memory may be the inline bytes, so it is dropped before they are replaced.
        *self.state_mut() = State::default();
        self.inline = Inline::default();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.is_here() {
            // It belongs to the parent process, where a thread that does not exist here may have
            // been changing it during the fork. It must not be freed, so this handle is never
            // counted down.
            return;
        }
        // SAFETY: nothing uses the handle after this.
        let mut inner = unsafe { ManuallyDrop::take(&mut self.0) };
        // The plain read of the count comes first, because `get_mut` costs an atomic write.
        let is_last = REUSE && Arc::strong_count(&inner) == 1;
        if is_last && Arc::get_mut(&mut inner).map(Inner::clear).is_some() {
            Spares::keep(&SPARES, inner);
        }
    }
}

thread_local! {
    /// Blank transactions, for the thread's next ones.
    static SPARES: Spares<Inner> = const { Spares::new() };
}

fn log_outcome(inner: &Inner, outcome: &Result<()>) {
    if !::log::log_enabled!(target: LOGGER, ::log::Level::Debug) {
        return;
    }
    let (id, kind, size) = (inner.order as u32, inner.kind.number(), inner.size);
    let address = inner.address.load(Ordering::Relaxed);
    match outcome {
        Ok(()) => ::log::debug!(
            target: LOGGER,
            "Transaction done. type={kind} id={id}, address=0x{address:016x}, size={size}"
        ),
        Err(error) => ::log::debug!(
            target: LOGGER,
            "Transaction error. type={kind} id={id}, address=0x{address:016x}, size={size}, \
             error={error}"
        ),
    }
}
