//! How busy a server is: counters that any thread reads without a lock.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// As many transactions of clients that have gone may be with the slave beside `max_outstanding`,
/// in multiples of that. Beyond that they count as if their clients were there.
const MOST_ABANDONED: usize = 8;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Load {
    /// Transactions in the slave's hands that count against `max_outstanding`.
    outstanding: AtomicUsize,
    most_outstanding: AtomicUsize,
    /// Transactions in the slave's hands whose clients have gone.
    abandoned: AtomicUsize,
    /// Transactions handed out so far.
    begun: AtomicU64,
    /// Clients that can be served now.
    ready: AtomicUsize,
    /// `ready`, and the clients that can be served when something of anybody's ends.
    waiting: AtomicUsize,
    /// Clients that have requests and cannot be served now.
    parked: AtomicUsize,
    /// There may be more to hand out, though no other client is ready.
    look: AtomicBool,
    /// Clients to look at again: something that they, or others, wait for has ended. A lock of its
    /// own, since the last handle of a transaction may be dropped under the registry's.
    notices: Mutex<Vec<u64>>,
}

impl Load {
    /// Whether any client can be served now.
    pub(super) fn has_requests(&self) -> bool {
        self.ready.load(Ordering::Relaxed) > 0
    }

    /// Whether a client can be served now, or when something of anybody's ends.
    pub(super) fn anyone_waits(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Whether a client has requests and cannot be served now.
    pub(super) fn anyone_is_parked(&self) -> bool {
        self.parked.load(Ordering::Relaxed) > 0
    }

    /// Sets what the three methods above tell.
    pub(super) fn publish(&self, ready: usize, waiting: usize, parked: usize) {
        self.ready.store(ready, Ordering::Relaxed);
        self.parked.store(parked, Ordering::Relaxed);
        self.waiting.store(waiting, Ordering::SeqCst);
    }

    /// Whether there may be something to hand out.
    pub(super) fn is_worth_a_look(&self) -> bool {
        self.has_requests() || self.look.load(Ordering::Relaxed)
    }

    pub(super) fn set_look(&self) {
        self.look.store(true, Ordering::Relaxed);
    }

    pub(super) fn clear_look(&self) {
        self.look.store(false, Ordering::Relaxed);
    }

    /// Whether the slave may have another transaction, with `most` as `max_outstanding`.
    pub(super) fn may_begin(&self, most: usize) -> bool {
        let abandoned = self.abandoned.load(Ordering::Relaxed);
        let beyond = abandoned.saturating_sub(most.saturating_mul(MOST_ABANDONED));
        self.outstanding() + beyond < most
    }

    /// A transaction is handed out. Called under the registry's lock.
    pub(super) fn begin(&self) {
        let outstanding = 1 + self.outstanding.fetch_add(1, Ordering::AcqRel);
        // Without a read-modify-write most of the time, and changed by one thread at a time.
        if outstanding > self.most_outstanding.load(Ordering::Relaxed) {
            self.most_outstanding.store(outstanding, Ordering::Relaxed);
        }
        let begun = self.begun.load(Ordering::Relaxed);
        self.begun.store(begun + 1, Ordering::Relaxed);
    }

    /// A transaction is complete. Returns how many were outstanding before; `counted`: it was one
    /// of them.
    pub(super) fn end(&self, counted: bool) -> usize {
        match counted {
            true => self.outstanding.fetch_sub(1, Ordering::SeqCst),
            false => self.outstanding(),
        }
    }

    /// A transaction whose client has gone counts as outstanding no more.
    pub(super) fn uncount(&self) {
        self.outstanding.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn set_abandoned(&self, count: usize) {
        self.abandoned.store(count, Ordering::Relaxed);
    }

    pub(super) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::SeqCst)
    }

    pub(super) fn most_outstanding(&self) -> usize {
        self.most_outstanding.load(Ordering::Relaxed)
    }

    /// Transactions handed out so far.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// The client `id` is to be looked at again.
    pub(super) fn notice(&self, id: u64) {
        self.notices().push(id);
    }

    /// The clients to look at again.
    pub(super) fn take_notices(&self) -> Vec<u64> {
        std::mem::take(&mut *self.notices())
    }

    fn notices(&self) -> MutexGuard<'_, Vec<u64>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_of_clients_that_have_gone_count_beyond_a_multiple() {
        let load = Load::default();
        load.begin();
        assert!(load.may_begin(2) && !load.may_begin(1));
        load.set_abandoned(2 * MOST_ABANDONED);
        assert!(load.may_begin(2));
        load.set_abandoned(2 * MOST_ABANDONED + 1);
        assert!(!load.may_begin(2));
        assert_eq!(load.end(true), 1);
        assert!(load.may_begin(2));
        assert_eq!((load.begun(), load.most_outstanding()), (1, 1));
    }
}
