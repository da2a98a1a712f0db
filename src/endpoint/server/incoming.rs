//! The memory that a server holds for the data of requests: of those that come in, that wait for
//! their turn, and that the slave has.
//!
//! A large request has room for all of its data before more of it is received: so none is stuck
//! half-way for want of room that others have. Those that have to wait get room in the order in
//! which they came. What arrives as a whole is counted afterwards; its client is read no further
//! meanwhile.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::budget::MemoryLimits;

/// The sum, in bytes, and the connections that wait for it to fall.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    used: AtomicUsize,
    /// The length of `queue`: changed with it, read without its lock.
    waiting: AtomicUsize,
    queue: Mutex<VecDeque<Arc<Waiter>>>,
}

/// A connection that waits for room.
#[derive(Debug)]
struct Waiter {
    bytes: usize,
    since: Instant,
    told: Notify,
}

/// Bytes that are counted until this is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    of: Arc<Incoming>,
    bytes: usize,
}

impl Incoming {
    /// Bytes held.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::SeqCst)
    }

    /// Counts `bytes`, whether there is room for them or not.
    pub(super) fn charge(self: &Arc<Self>, bytes: usize) -> Charge {
        self.used.fetch_add(bytes, Ordering::SeqCst);
        Charge {
            of: Arc::clone(self),
            bytes,
        }
    }

    /// Counts `bytes` when there is room for them, as `limits` says then.
    pub(super) async fn reserve(
        self: &Arc<Self>,
        bytes: usize,
        limits: impl Fn() -> MemoryLimits,
    ) -> Charge {
        if self.has_room(bytes, limits()) {
            return self.charge(bytes);
        }
        let waiter = Arc::new(Waiter {
            bytes,
            since: Instant::now(),
            told: Notify::new(),
        });
        // Leaves the queue by whatever way this ends.
        let place = QueuePlace {
            of: self,
            waiter: &waiter,
        };
        self.join(&waiter);
        loop {
            let first = self
                .lock()
                .front()
                .is_some_and(|first| Arc::ptr_eq(first, &waiter));
            // SeqCst pairs with `release`: either we see the room, or it sees that we wait.
            if first && limits().has_room(self.used(), bytes) {
                let charge = self.charge(bytes);
                drop(place);
                return charge;
            }
            waiter.told.notified().await;
        }
    }

    fn join(&self, waiter: &Arc<Waiter>) {
        let mut queue = self.lock();
        queue.push_back(Arc::clone(waiter));
        self.waiting.store(queue.len(), Ordering::SeqCst);
    }

    /// `bytes` that no [`Charge`] counts any more are held no longer.
    pub(super) fn release(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.used.fetch_sub(bytes, Ordering::SeqCst);
        self.tell();
    }

    /// There may be more room than before.
    pub(super) fn tell(&self) {
        if self.is_waited_for() {
            if let Some(first) = self.lock().front() {
                first.told.notify_one();
            }
        }
    }

    /// Whether there is room for `bytes`, and no connection waits for room.
    pub(super) fn has_room(&self, bytes: usize, limits: MemoryLimits) -> bool {
        !self.is_waited_for() && limits.has_room(self.used(), bytes)
    }

    /// Whether any connection waits for room.
    pub(super) fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Bytes for which connections have waited since a time that is `late`.
    pub(super) fn wanted(&self, late: impl Fn(Instant) -> bool) -> usize {
        let queue = self.lock();
        let all = queue.iter().filter(|waiter| late(waiter.since));
        all.fold(0, |sum, waiter| sum.saturating_add(waiter.bytes))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Waiter>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue.
struct QueuePlace<'a> {
    of: &'a Incoming,
    waiter: &'a Arc<Waiter>,
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        let mut queue = self.of.lock();
        if queue
            .front()
            .is_some_and(|first| Arc::ptr_eq(first, self.waiter))
        {
            queue.pop_front();
        } else {
            queue.retain(|other| !Arc::ptr_eq(other, self.waiter));
        }
        self.of.waiting.store(queue.len(), Ordering::SeqCst);
        drop(queue);
        // The next one may have room too.
        self.of.tell();
    }
}

impl Charge {
    /// Counts at least `bytes` from now on.
    pub(super) fn grow(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.of.used.fetch_add(bytes - self.bytes, Ordering::SeqCst);
            self.bytes = bytes;
        }
    }

    /// Counts what `other` counts as well.
    pub(super) fn add(&mut self, other: Charge) {
        self.bytes += other.bytes;
        other.leave();
    }

    /// Takes all that is counted here, and counts it as `bytes`.
    pub(super) fn take(&mut self, bytes: usize) -> Charge {
        let mut taken = Charge {
            of: Arc::clone(&self.of),
            bytes: std::mem::take(&mut self.bytes),
        };
        taken.grow(bytes);
        let beyond = taken.bytes - bytes;
        taken.bytes = bytes;
        self.of.release(beyond);
        taken
    }

    /// Leaves it counted: the caller sees to it that [`Incoming::release`] is called.
    pub(super) fn leave(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.of.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::future::Future;
    use std::pin::{pin, Pin};

    const LIMITS: MemoryLimits = MemoryLimits {
        client: 0,
        total: 100,
    };

    fn now(future: Pin<&mut impl Future<Output = Charge>>) -> Option<Charge> {
        future.now_or_never()
    }

    #[test]
    fn those_that_wait_get_room_in_order() {
        let incoming = Arc::new(Incoming::default());
        let first = incoming.charge(60);
        let mut second = pin!(incoming.reserve(50, || LIMITS));
        assert!(now(second.as_mut()).is_none());
        // It would fit, but comes after the other.
        let mut third = pin!(incoming.reserve(10, || LIMITS));
        assert!(now(third.as_mut()).is_none());
        assert_eq!(incoming.wanted(|_| true), 60);
        assert_eq!(incoming.wanted(|_| false), 0);
        drop(first);
        let second = now(second.as_mut()).expect("there is room");
        let third = now(third.as_mut()).expect("there is room");
        assert_eq!(incoming.used(), 60);
        assert!(!incoming.is_waited_for());
        drop((second, third));
        assert_eq!(incoming.used(), 0);
    }

    #[test]
    fn a_connection_that_gives_up_does_not_hold_up_the_next() {
        let incoming = Arc::new(Incoming::default());
        let all = incoming.charge(100);
        let mut next = pin!(incoming.reserve(1, || LIMITS));
        {
            let mut first = pin!(incoming.reserve(50, || LIMITS));
            assert!(now(first.as_mut()).is_none());
            assert!(now(next.as_mut()).is_none());
        }
        assert_eq!(incoming.wanted(|_| true), 1);
        drop(all);
        assert!(now(next.as_mut()).is_some());
    }

    #[test]
    fn what_is_counted_is_counted_once() {
        let incoming = Arc::new(Incoming::default());
        let mut partial = incoming.charge(0);
        partial.grow(30);
        partial.grow(20);
        assert_eq!(incoming.used(), 30);
        let whole = partial.take(25);
        assert_eq!(incoming.used(), 25);
        drop(partial);
        whole.leave();
        assert_eq!(incoming.used(), 25);
        incoming.release(25);
        assert_eq!(incoming.used(), 0);
    }
}
