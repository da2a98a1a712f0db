//! One access on the bus: what is asked, the bytes it moves, and how it came out.
//!
//! A transaction completes once, by `done` or `fail`, from any thread; whatever comes later is
//! ignored. It is *published* (its waiters wake, its [`Completion`] runs) when it has completed and
//! nobody holds a lock on its bytes: from then on nothing touches them on behalf of the slave.
//! How the bytes are locked is in `lock.rs`, how a master waits in `wait.rs`, how a transaction is
//! carried out in pieces in `pieces.rs`.

mod lock;
mod pieces;
mod reuse;
mod wait;

use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::deadline::Renewals;
use super::kind::kind_name;
use super::memory::{Memory, Span, Within, WITHIN};
use crate::error::{Error, ErrorKind, Result};
use crate::process::Home;
use crate::sync::{Condvar, Mutex, MutexGuard};
pub use lock::DataLock;
use lock::{Locked, Published};
pub use pieces::check_range;
use pieces::{Parent, Pieces};
pub use wait::Link;

/// What hears that a transaction has completed.
pub trait Completion: Send + Sync {
    /// Runs exactly once for each transaction it was given to, with the `token` of that
    /// transaction, on the thread that completed it, released the last lock on its bytes, or
    /// dropped its last handle. No lock of the bus is held.
    fn completed(&self, token: u64, completed: Completed);
}

/// A transaction that is over, as its [`Completion`] sees it.
#[derive(Debug)]
pub struct Completed {
    /// The address it was created with, whatever hubs have added since.
    pub address: u64,
    /// Bytes to move.
    pub size: u32,
    /// The type: `READ`, `WRITE`, `POST`, `VERIFY`, or whatever was asked for.
    pub kind: u32,
    /// How it came out.
    pub outcome: Result<()>,
    /// Its bytes, if the transaction owns them and is no piece; nobody writes to them any more.
    /// Empty otherwise: a caller has its memory itself.
    pub payload: Payload,
}

/// The bytes of a completed transaction, kept alive for as long as they are needed.
#[derive(Debug)]
pub struct Payload(Keep);

#[derive(Debug)]
enum Keep {
    /// The handle keeps the memory alive that the span is in.
    Transaction {
        _handle: Transaction,
        span: Span,
    },
    /// A copy of so many, since that costs less than a handle.
    Small([u8; WITHIN], u8),
    /// Nobody has touched them: so many zeros.
    Zeros(usize),
    Nothing,
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Keep::Transaction { span, .. } => span.bytes(),
            Keep::Small(bytes, len) => &bytes[..usize::from(*len)],
            Keep::Zeros(_) | Keep::Nothing => &[],
        }
    }
}

impl Payload {
    /// How many zeros these are, if they are nothing else, since the slave has not touched them. Then
    /// they are nowhere in memory, and not to be had as a slice.
    pub fn zeros(&self) -> Option<usize> {
        match self.0 {
            Keep::Zeros(count) => Some(count),
            _ => None,
        }
    }
}

/// A handle to one access on the bus. Clones are handles to the same access.
#[derive(Clone)]
pub struct Transaction(
    /// Let go of by `reuse.rs`.
    ManuallyDrop<Arc<Inner>>,
);

/// A handle that does not keep its transaction alive.
#[derive(Clone)]
pub struct WeakTransaction(Weak<Inner>);

impl WeakTransaction {
    /// A handle that does, if the transaction is still there.
    pub fn upgrade(&self) -> Option<Transaction> {
        self.0.upgrade().map(Transaction::from)
    }

    /// Whether it is a handle to `transaction`.
    pub fn is(&self, transaction: &Transaction) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&transaction.0))
    }

    /// Whether anybody has a handle that does.
    pub fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }
}

#[derive(Default)]
struct Inner {
    home: Home,
    /// Place in the order of creation; 0 while it is blank.
    order: u64,
    kind: u32,
    size: u32,
    origin: u64,
    address: AtomicU64,
    parent: Option<Parent>,
    /// It has had memory of its own from the beginning.
    provided: bool,
    /// There is an outcome: set with it, read without the lock.
    over: AtomicBool,
    /// Its time runs since a link has taken it, and not from `taken` on.
    prompt: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
    /// The bytes of a small transaction that owns them.
    within: Within,
}

#[derive(Default)]
struct State {
    memory: Option<Memory>,
    locked: Locked,
    outcome: Option<Result<()>>,
    /// Whoever waits is told, and the master may have its memory back.
    published: bool,
    timeout: Duration,
    deadline: Option<Instant>,
    waiters: u32,
    nudged: bool,
    pieces: Pieces,
    completion: Option<(Arc<dyn Completion>, u64)>,
    link: Option<Arc<dyn Link>>,
    /// The link carries this very transaction, not pieces of it.
    direct: bool,
    renewals: Option<Arc<Renewals>>,
}

/// Gives each transaction of the process its place in the order of creation.
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
    /// A transaction of `size` bytes at `address`. `memory` must have `size` bytes; without memory,
    /// [`Transaction::provide`] has to bring it before a slave sees the transaction. `timeout`
    /// counts from [`Transaction::taken`].
    pub fn new(
        address: u64,
        size: u32,
        kind: u32,
        memory: Option<Memory>,
        timeout: Duration,
    ) -> Transaction {
        debug_assert!(memory
            .as_ref()
            .is_none_or(|memory| memory.len() == size as usize));
        Transaction::build(address, size, kind, None, |inner| {
            let state = inner.state_mut();
            state.memory = memory;
            state.timeout = timeout;
        })
    }

    /// A transaction that somebody else has asked for, who hears of its end by `completion`, with that
    /// token. Its time runs already if there is a `deadline`, and it has memory if there are `bytes` to
    /// copy.
    pub fn for_other(
        address: u64,
        size: u32,
        kind: u32,
        (timeout, deadline): (Duration, Option<Instant>),
        completion: (Arc<dyn Completion>, u64),
        bytes: Option<&[u8]>,
    ) -> Transaction {
        Transaction::build(address, size, kind, None, |inner| {
            let state = inner.state_mut();
            state.timeout = timeout;
            state.deadline = deadline;
            state.completion = Some(completion);
            if let Some(bytes) = bytes {
                inner.provide_copy(bytes);
            }
        })
    }

    fn build(
        address: u64,
        size: u32,
        kind: u32,
        parent: Option<Parent>,
        fill: impl FnOnce(&mut Inner),
    ) -> Transaction {
        let mut transaction = Transaction::from(reuse::take());
        let inner = Arc::get_mut(&mut transaction.0).expect("nobody else has it");
        inner.home = Home::here();
        inner.order = next_order();
        inner.kind = kind;
        inner.size = size;
        inner.origin = address;
        inner.address = AtomicU64::new(address);
        inner.parent = parent;
        fill(inner);
        transaction
    }

    /// The transaction's number in this process, never 0.
    pub fn id(&self) -> u32 {
        self.0.order as u32
    }

    /// The transaction's place in the order of creation.
    pub fn order(&self) -> u64 {
        self.0.order
    }

    /// The address, as the hubs passed so far have moved it.
    pub fn address(&self) -> u64 {
        self.0.address.load(Ordering::Relaxed)
    }

    /// Bytes to move.
    pub fn size(&self) -> u32 {
        self.0.size
    }

    /// The type: `READ`, `WRITE`, `POST`, `VERIFY`, or whatever was asked for.
    pub fn kind(&self) -> u32 {
        self.0.kind
    }

    /// How long the slave has, from the moment it has taken the transaction.
    pub fn timeout(&self) -> Duration {
        self.0.lock_state().timeout
    }

    /// Refuses a process that was forked off since the transaction was made: it is the parent's. To
    /// this process it is over. Nobody completes it here, nothing touches its bytes, and none of its
    /// locks is taken, which a thread of the parent's may have held.
    pub fn check_home(&self) -> Result<()> {
        match self.0.home.is_here() {
            true => Ok(()),
            false => Err(Error::forked("transaction")),
        }
    }

    fn is_here(&self) -> bool {
        self.0.home.is_here()
    }

    /// Whether the bytes are out of the slave's reach: it has completed, its master has stopped
    /// waiting, it never had any, or it is another process's.
    pub fn expired(&self) -> bool {
        if !self.is_here() {
            return true;
        }
        if self.0.lock_state().outcome.is_some() {
            return true;
        }
        let root = self.0.root().lock_state();
        root.outcome.is_some() || root.memory.is_none()
    }

    /// Whether nobody else has a handle.
    pub fn is_last(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Whether `done` or `fail` has been called, or its time was over.
    pub fn completed(&self) -> bool {
        self.0.over.load(Ordering::Acquire)
    }

    /// How the transaction came out, when it has.
    pub fn outcome(&self) -> Option<Result<()>> {
        if let Err(error) = self.check_home() {
            return Some(Err(error));
        }
        self.0.lock_state().outcome.clone()
    }

    /// The transaction has been carried out. False when it had completed before.
    pub fn done(&self) -> bool {
        self.0.finish(Ok(()), Some(self))
    }

    /// The transaction has failed. False when it had completed before.
    pub fn fail(&self, error: Error) -> bool {
        self.0.finish(Err(error), Some(self))
    }

    /// The transaction has failed for a reason of the slave's own, told by `text`.
    pub fn fail_with(&self, text: impl Into<String>) -> bool {
        self.fail(Error::new(ErrorKind::Failed, text))
    }

    /// Brings the memory of a transaction that was made without. Memory that it has stays.
    pub fn provide(&self, memory: Memory) {
        debug_assert_eq!(memory.len(), self.size() as usize);
        if !self.is_here() {
            return;
        }
        self.0.lock_state().memory.get_or_insert(memory);
    }

    /// A handle that does not keep the transaction alive.
    pub fn downgrade(&self) -> WeakTransaction {
        WeakTransaction(Arc::downgrade(&self.0))
    }

    /// Lets `completion` hear of the end. It runs at once when that has come already. At most one
    /// can wait for the end of a transaction: false, and nothing done, when there is one.
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
        let kind = kind_name(self.kind());
        write!(
            f,
            "Transaction {{ id: {id}, {kind}, address: {address:#x}, size: {size} }}"
        )
    }
}

impl Inner {
    fn lock_state(&self) -> MutexGuard<'_, State> {
        // User code never runs under this lock, so a poisoned state is still a whole one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&mut self) -> &mut State {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The transaction whose memory this one moves.
    fn root(&self) -> &Inner {
        self.parent.as_ref().map_or(self, Parent::root)
    }

    fn finish(&self, outcome: Result<()>, handle: Option<&Transaction>) -> bool {
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

    fn finish_locked(
        &self,
        mut state: MutexGuard<'_, State>,
        outcome: Result<()>,
        handle: Option<&Transaction>,
    ) {
        log_outcome(self, &outcome);
        state.outcome = Some(outcome);
        self.over.store(true, Ordering::Release);
        self.publish_locked(state, handle);
    }

    /// Publishes the outcome if there is one and no lock is held on the bytes.
    fn publish(&self, handle: Option<&Transaction>) {
        self.publish_locked(self.lock_state(), handle);
    }

    fn publish_locked(&self, mut state: MutexGuard<'_, State>, handle: Option<&Transaction>) {
        // Of a piece, locks keep the root from being published, and so its memory in place; a piece
        // that waited for one would have nobody to publish it afterwards.
        let held = self.parent.is_none() && state.locked.overlaps(&self.range());
        if held || !state.publish() {
            return;
        }
        self.wake(&state);
        let parent = self.parent.as_ref().zip(state.outcome.clone());
        self.run_completion(state, handle);
        if let Some((parent, outcome)) = parent {
            parent.piece_over(self.order as u32, outcome);
        }
    }

    fn wake(&self, state: &State) {
        if state.waiters > 0 {
            self.changed.notify_all();
        }
    }

    /// Tells who wants to hear of the end, when that has been published.
    fn run_completion(&self, mut state: MutexGuard<'_, State>, handle: Option<&Transaction>) {
        let Some((completion, token)) = state.completion.take() else {
            return;
        };
        let outcome = state.outcome.clone().unwrap_or(Ok(()));
        let bytes = handle.and_then(|_| self.published_bytes(&mut state));
        drop(state);
        let payload = Payload(match (handle, bytes) {
            (Some(handle), Some(Published::Bytes(span))) => Keep::Transaction {
                _handle: handle.clone(),
                span,
            },
            (_, Some(Published::Small(bytes))) => Keep::Small(bytes, self.size as u8),
            (_, Some(Published::Zeros(count))) => Keep::Zeros(count),
            _ => Keep::Nothing,
        });
        let (address, size, kind) = (self.origin, self.size, self.kind);
        completion.completed(
            token,
            Completed {
                address,
                size,
                kind,
                outcome,
                payload,
            },
        );
    }
}

impl State {
    /// The outcome, if it is published.
    fn collect(&self) -> Option<Result<()>> {
        self.published
            .then(|| self.outcome.clone().unwrap_or(Ok(())))
    }

    /// Marks a completed transaction as published; false when it is not complete, or was before.
    fn publish(&mut self) -> bool {
        let now = self.outcome.is_some() && !self.published;
        self.published |= now;
        // The link has no more part in it, and may own the transaction: cut the circle.
        if now {
            self.link = None;
        }
        now
    }
}

impl Inner {
    /// The last handle goes: nobody can complete it any more.
    fn abandon(&self) {
        // The slave let go of it without a word. Nobody can hold a lock: a lock holds a handle.
        if self.order == 0 || !self.home.is_here() || self.lock_state().outcome.is_some() {
            return;
        }
        let text = "The slave dropped the transaction without completing it";
        self.finish(Err(Error::new(ErrorKind::Failed, text)), None);
    }
}

impl From<Arc<Inner>> for Transaction {
    fn from(inner: Arc<Inner>) -> Transaction {
        Transaction(ManuallyDrop::new(inner))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// When `timeout` will be over; `None` if it will not.
pub fn deadline_from_now(timeout: Duration) -> Option<Instant> {
    // Without a limit there is no need to ask what time it is.
    let limited = timeout < Duration::MAX;
    limited
        .then(Instant::now)
        .and_then(|now| now.checked_add(timeout))
}

fn log_outcome(inner: &Inner, outcome: &Result<()>) {
    if !::log::log_enabled!(target: LOGGER, ::log::Level::Debug) {
        return;
    }
    let (id, kind, size) = (inner.order as u32, inner.kind, inner.size);
    let address = inner.address.load(Ordering::Relaxed);
    match outcome {
        Ok(()) => ::log::debug!(
            target: LOGGER,
            "Transaction done. type={kind} id={id}, address=0x{address:016x}, size={size}"
        ),
        Err(error) => ::log::debug!(
            target: LOGGER,
            "Transaction error. type={kind} id={id}, address=0x{address:016x}, size={size}, error={error}"
        ),
    }
}

/// The name under which transactions log.
const LOGGER: &str = "pyrogue.memory.Transaction";

#[cfg(test)]
mod tests;
