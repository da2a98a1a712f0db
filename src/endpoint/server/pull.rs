//! What the pulling thread does until it has a transaction.
//!
//! Mostly it runs an event loop, which knows all connections. While a server has one client only,
//! and its requests follow each other closely, the thread waits for the next one in the system call
//! that receives it. That leaves out the event loop and its own system call. Everything else waits
//! meanwhile, above all a new connection. So each such wait is short ([`socket::may_wait`]), there
//! are none when the client pauses, and the event loop has its turn every [`QUICK`].
//!
//! [`socket::may_wait`]: crate::endpoint::socket::may_wait

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::poll_fn;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::runtime::{Handle, Runtime};
use tokio::task::coop;

use super::accept::{Arrivals, Work};
use super::context::ServerContext;
use super::dispatch;
use super::peer::Peer;
use super::registry::Registry;
use crate::bus::Transaction;

/// While requests are at hand, the network is looked at no more often than this: 100 us, by the
/// server's clock.
const LOOK_EVERY: u64 = 100_000;
/// Requests that come within this time follow each other closely: 2 ms.
const QUICK: u64 = 2_000_000;

/// What the pulling thread has to itself.
pub(super) struct Pull {
    context: Arc<ServerContext>,
    /// The work on all connections.
    connections: Connections,
    pub(super) runtime: Runtime,
    /// When the network was looked at last, by the server's clock.
    looked: u64,
    /// When the event loop had its turn last.
    turned: u64,
    /// The only client, while its requests follow each other closely.
    pub(super) only: Option<Arc<Peer>>,
}

/// The work on all connections. It is a part of what the pulling thread waits for, and no task of
/// the event loop: a request that it has read is handed out at once, without another turn of the
/// loop and its system call.
struct Connections {
    work: FuturesUnordered<Work>,
    arrivals: Arc<Arrivals>,
    registry: Arc<Registry>,
    /// They brought the last transaction without a turn of the event loop: it is due one.
    loop_is_due: bool,
}

/// Whether this thread runs an asynchronous task of a tokio runtime: there another event loop
/// panics.
///
/// tokio does not say so. But a task has a budget, which ends after some steps, and a thread that
/// may block has none: one of `spawn_blocking`, one in `block_in_place`, or one without a runtime.
/// So the steps are counted, and then taken back. A task in `tokio::task::unconstrained` is not
/// recognized.
pub(super) fn runs_a_task() -> bool {
    /// More steps than a task has, which is 128.
    const STEPS: usize = 200;
    if Handle::try_current().is_err() {
        return false;
    }
    let mut cx = Context::from_waker(Waker::noop());
    let mut steps = Vec::new();
    while steps.len() < STEPS {
        match coop::poll_proceed(&mut cx) {
            Poll::Ready(step) => steps.push(step),
            Poll::Pending => break,
        }
    }
    let ended = steps.len() < STEPS;
    // Each gives back what there was before it: the first one has to be the last.
    while steps.pop().is_some() {}
    ended
}

impl Pull {
    pub(super) fn new(runtime: Runtime, registry: Arc<Registry>, arrivals: Arc<Arrivals>) -> Pull {
        Pull {
            context: Arc::clone(&registry.context),
            connections: Connections {
                work: FuturesUnordered::new(),
                arrivals,
                registry,
                loop_is_due: false,
            },
            runtime,
            looked: 0,
            turned: 0,
            only: None,
        }
    }

    /// The next transaction; `None` when `timeout` is over, or the server has been stopped.
    pub(super) fn next(&mut self, timeout: Option<Duration>) -> Option<Transaction> {
        let began = self.context.recent_clock();
        let fresh = began.wrapping_sub(self.looked) < LOOK_EVERY;
        if fresh && self.context.load.has_requests() && !self.context.stopped() {
            if let Some(transaction) = dispatch::take_at(&self.connections.registry, began) {
                return Some(transaction);
            }
        }
        // What connections answer by themselves meanwhile is not deferred: this thread may not come
        // back to send it.
        self.context.deferred.pull_nowhere();
        self.context.deferred.flush();
        let listened = if timeout.is_none() && began.wrapping_sub(self.turned) < QUICK {
            self.listen()
        } else {
            None
        };
        let result = listened.or_else(|| self.turn(timeout, began));
        self.context.deferred.pull_here();
        result
    }

    /// Runs the event loop until there is a transaction.
    fn turn(&mut self, timeout: Option<Duration>, began: u64) -> Option<Transaction> {
        let result = self.runtime.block_on(self.connections.next(timeout));
        self.turned = self.context.clock();
        self.looked = self.turned;
        self.only = None;
        if timeout.is_none() && self.turned.wrapping_sub(began) < QUICK {
            self.only = self.connections.registry.only_peer();
            // From now on they do not wake the event loop, in which nobody waits.
            self.poll_connections();
        }
        result
    }

    /// Waits for the only client's next request where it is received. `None` if it did not come
    /// soon, or there is more to do than that.
    fn listen(&mut self) -> Option<Transaction> {
        let peer = self.only.take().filter(|_| self.context.is_idle())?;
        peer.listen.tell();
        self.poll_connections();
        // The connection may have been busy otherwise.
        peer.listen.take_back();
        let transaction = dispatch::take(&self.connections.registry)?;
        if self.context.load.has_requests() {
            self.looked = self.context.clock();
        }
        self.only = Some(peer);
        Some(transaction)
    }

    fn poll_connections(&mut self) {
        // They may begin to wait for a time.
        let _runtime = self.runtime.enter();
        self.connections
            .poll(&mut Context::from_waker(Waker::noop()));
    }

    /// Ends the work on all connections.
    pub(super) fn end(self) {
        // Before the event loop, in which they are registered.
        drop((self.connections.arrivals.take(), self.connections));
        self.runtime.shutdown_background();
    }
}

impl Connections {
    /// Works on all connections, as far as they can go on.
    fn poll(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(())) = self.work.poll_next_unpin(cx) {}
    }

    fn admit_arrivals(&mut self) {
        self.work.extend(self.arrivals.take());
    }

    /// Works on all connections until a transaction is there.
    async fn next(&mut self, timeout: Option<Duration>) -> Option<Transaction> {
        // One turn of the event loop sees what has come, the next ones let the connections work on
        // it. Without time to wait that is all; with requests at hand one turn keeps the others
        // going.
        let turns = if timeout == Some(Duration::ZERO) {
            3
        } else {
            u32::from(self.registry.context.load.has_requests() || self.loop_is_due)
        };
        // A connection that always has more to read would otherwise keep the event loop from its
        // turn.
        self.loop_is_due = turns == 0;
        for _ in 0..turns {
            tokio::task::yield_now().await;
            self.admit_arrivals();
            poll_fn(|cx| {
                self.poll(cx);
                Poll::Ready(())
            })
            .await;
            if let Some(transaction) = dispatch::take(&self.registry) {
                return Some(transaction);
            }
        }
        let wait = poll_fn(|cx| self.poll_next(cx));
        match timeout {
            None => wait.await,
            Some(Duration::ZERO) => None,
            Some(timeout) => tokio::time::timeout(timeout, wait).await.unwrap_or(None),
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Transaction>> {
        loop {
            if self.registry.context.stopped() {
                return Poll::Ready(None);
            }
            // The connections first: what they bring is looked at before this thread sleeps.
            self.poll(cx);
            if let Some(transaction) = dispatch::take(&self.registry) {
                return Poll::Ready(Some(transaction));
            }
            if self.registry.context.wake.poll_told(cx).is_pending() {
                self.loop_is_due = false;
                return Poll::Pending;
            }
            self.admit_arrivals();
        }
    }
}
