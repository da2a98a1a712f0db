//! What the pulling thread does until it has a transaction.
//!
//! Mostly it runs an event loop, which knows all connections. While a server has one client only, and its
//! requests follow each other closely, the thread waits for the next one in the system call that receives
//! it. That leaves out the event loop and its own system call. Everything else waits meanwhile, above all
//! a new connection. So each such wait is short ([`socket::may_wait`]), there are none when the client
//! pauses, and the event loop has its turn every [`QUICK`].
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

/// While requests are at hand, the network is looked at no more often than this: 100 us, by the server's
/// clock.
const LOOK_EVERY: u64 = 100_000;
/// Requests that come within this time follow each other closely: 2 ms.
const QUICK: u64 = 2_000_000;

/// What the pulling thread has to itself.
pub(super) struct Pull {
    /// The work on all connections.
    connections: Connections,
    runtime: Runtime,
    /// When the network was looked at last, by the server's clock.
    looked: u64,
    /// When the event loop had its turn last.
    turned: u64,
    /// The only client, while its requests follow each other closely.
    only: Option<Arc<Peer>>,
}

/// The work on all connections. It is a part of what the pulling thread waits for, and no task of the
/// event loop: a request that it has read is handed out at once, without another turn of the loop and its
/// system call.
struct Connections {
    work: FuturesUnordered<Work>,
    arrivals: Arc<Arrivals>,
    registry: Arc<Registry>,
    /// They brought the last transaction without a turn of the event loop: it is due one.
    loop_is_due: bool,
}

/// Whether this thread runs an asynchronous task of a tokio runtime: there another event loop panics.
///
/// tokio does not say so. But a task has a budget, which ends after some steps, and a thread that may block
/// has none: one of `spawn_blocking`, one in `block_in_place`, or one without a runtime. So the steps are
/// counted, and then taken back. A task in `tokio::task::unconstrained` is not recognized.
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
        let registry = Arc::clone(&self.connections.registry);
        let context = &*registry.context;
        let began = context.recent_clock();
        let fresh = began.wrapping_sub(self.looked) < LOOK_EVERY;
        if fresh && context.load.has_requests() && !context.stopped() {
            if let Some(transaction) = dispatch::take_at(&registry, began) {
                return Some(transaction);
            }
        }
        // What connections answer by themselves meanwhile is not deferred: this thread may not come back
        // to send it.
        context.deferred.pull_nowhere();
        context.deferred.flush();
        let listened = if timeout.is_none() && began.wrapping_sub(self.turned) < QUICK {
            self.listen(context)
        } else {
            None
        };
        let result = listened.or_else(|| self.turn(context, timeout, began));
        context.deferred.pull_here();
        result
    }

    /// Runs the event loop until there is a transaction.
    fn turn(
        &mut self,
        context: &ServerContext,
        timeout: Option<Duration>,
        began: u64,
    ) -> Option<Transaction> {
        let result = self.runtime.block_on(self.connections.next(timeout));
        self.turned = context.clock();
        self.looked = self.turned;
        self.only = None;
        if timeout.is_none() && self.turned.wrapping_sub(began) < QUICK {
            self.only = self.connections.registry.only_peer();
            // From now on they do not wake the event loop, in which nobody waits.
            self.poll_connections();
        }
        result
    }

    /// Waits for the only client's next request where it is received. `None` if it did not come soon, or
    /// there is more to do than that.
    fn listen(&mut self, context: &ServerContext) -> Option<Transaction> {
        let peer = self.only.take().filter(|_| context.is_idle())?;
        peer.listen.tell();
        self.poll_connections();
        // The connection may have been busy otherwise.
        peer.listen.take_back();
        let transaction = dispatch::take(&self.connections.registry)?;
        if context.load.has_requests() {
            self.looked = context.clock();
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
        // One turn of the event loop sees what has come, the next ones let the connections work on it.
        // Without time to wait that is all; with requests at hand one turn keeps the others going.
        let turns = if timeout == Some(Duration::ZERO) {
            3
        } else {
            u32::from(self.registry.context.load.has_requests() || self.loop_is_due)
        };
        // A connection that always has more to read would otherwise keep the event loop from its turn.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Memory, Slave, POST, READ};
    use crate::endpoint::server::{admit, TcpServer};
    use crate::endpoint::{ClientOptions, ServerOptions, TcpClient};
    use crate::error::ErrorKind;
    use crate::wire::{greeting, ready, request_head, Header, Role};
    use std::io::Write;
    use std::net::TcpStream;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A thread that runs an asynchronous task cannot wait for a transaction; all others can.
    #[test]
    fn a_thread_that_runs_a_task_gets_an_error() {
        let server = Arc::new(TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap());
        let next = || server.next(Some(Duration::ZERO)).map(|next| next.is_none());
        let refused = || {
            let error = next().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.text().contains("asynchronous"), "{error}");
        };
        assert_eq!(next(), Ok(true));
        let in_thread = Arc::clone(&server);
        let blocking = move || assert!(in_thread.next(Some(Duration::ZERO)).unwrap().is_none());
        let one = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        one.block_on(async {
            refused();
            let before = coop::has_budget_remaining();
            refused();
            assert!(before && coop::has_budget_remaining());
            tokio::task::spawn_blocking(blocking.clone()).await.unwrap();
            tokio::task::yield_now().await;
            refused();
        });
        let _entered = one.enter();
        assert_eq!(next(), Ok(true));
    }

    const TIMEOUT: Duration = Duration::from_secs(20);
    const SOON: u64 = 0;
    const PAUSES: u64 = 1;
    const TWO: u64 = 2;

    fn listens(server: &TcpServer) -> bool {
        let pull = server.pull.lock().unwrap();
        pull.as_ref().unwrap().only.is_some()
    }

    fn read(client: &TcpClient, address: u64) {
        let memory = Some(Memory::owned(vec![0; 4]));
        let transaction = Transaction::new(address, 4, READ, memory, TIMEOUT);
        client.do_transaction(transaction.clone());
        transaction.taken();
        transaction.wait().unwrap();
    }

    /// How many transactions were handed out while the server listened to its only client: of those
    /// that come soon, after pauses, and with a second client there.
    fn listened() -> [u32; 3] {
        let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap();
        let server = &server;
        let client = || TcpClient::new("127.0.0.1", server.port(), ClientOptions::default());
        let mut listened = [0; 3];
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let only = client().unwrap();
                (0..1000).for_each(|_| read(&only, SOON));
                for _ in 0..10 {
                    std::thread::sleep(Duration::from_millis(20));
                    read(&only, PAUSES);
                }
                let second = client().unwrap();
                read(&second, SOON);
                (0..1000).for_each(|_| read(&only, TWO));
                server.stop();
            });
            while let Ok(Some(transaction)) = server.next(None) {
                listened[transaction.address() as usize] += u32::from(listens(server));
                assert!(admit(&transaction, 1, 0));
                transaction.done();
            }
        });
        listened
    }

    #[test]
    fn the_event_loop_is_left_out_for_an_only_client_that_does_not_pause() {
        // A busy machine may hold up this thread during a pause, which it then does not see, or
        // make pauses of its own. One round without that is enough.
        let mut rounds = Vec::new();
        for _ in 0..20 {
            let [soon, pauses, two] = listened();
            assert_eq!(two, 0);
            if soon > 100 && pauses == 0 {
                return;
            }
            rounds.push([soon, pauses]);
        }
        panic!("soon and after pauses: {rounds:?}");
    }

    /// Posts without end, on a connection that never reads.
    fn flood(port: u16) {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let header = Header {
            id: 1,
            address: 0,
            size: 12_000,
            kind: POST,
        };
        let post = [request_head(&header, Some(12_000)).as_bytes(), &[7; 12_000]].concat();
        let mut bytes = [&greeting()[..], &ready(Role::Push, None)].concat();
        while stream.write_all(&bytes).is_ok() {
            bytes = post.repeat(100);
        }
    }

    #[test]
    fn the_event_loop_has_its_turn_whatever_a_client_sends() {
        let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap();
        let turns = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&turns);
        let count = async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        };
        let pull = |server: &TcpServer| {
            let transaction = server.next(None).unwrap().unwrap();
            assert!(admit(&transaction, 1, 0));
            transaction.done();
        };
        let port = server.port();
        let flooding = std::thread::spawn(move || flood(port));
        pull(&server);
        let guard = server.pull.lock().unwrap();
        guard.as_ref().unwrap().runtime.spawn(count);
        drop(guard);
        let (mut before, mut without, mut most) = (0, 0, 0);
        for _ in 0..100_000 {
            pull(&server);
            let now = turns.load(Ordering::Relaxed);
            without = if now == before { without + 1 } else { 0 };
            (before, most) = (now, most.max(without));
        }
        server.stop();
        flooding.join().unwrap();
        // What two looks at a connection may bring.
        assert!(most <= 200, "{most} transactions without the event loop");
    }
}
