//! What the thread that pulls does until it has a transaction.
//!
//! Mostly it turns an event loop, which knows all connections. While a server has one client only
//! and its requests come one soon after the other, the thread waits for the next one in the system
//! call that receives it: that leaves out the event loop with its own system call. Whatever else
//! there may be to do, a new connection above all, waits meanwhile; so each such wait is short
//! ([`socket::may_wait`]), there are none once the client pauses, and the event loop has its
//! turn every [`QUICK`].
//!
//! [`socket::may_wait`]: crate::endpoint::socket::may_wait

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::poll_fn;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::runtime::Runtime;

use super::client::Client;
use super::state::{Shared, Work};
use crate::bus::Transaction;

/// While requests are at hand, the network is looked at no more often than this: 100 us, in steps of
/// the server's clock.
const LOOK_EVERY: u64 = 100_000 >> 8;
/// Requests that come within this come one soon after the other: 2 ms.
const QUICK: u64 = 2_000_000 >> 8;

/// What the pulling thread has to itself.
pub(super) struct Pull {
    /// The work on each connection. It is a part of what the thread waits for, and no task of the
    /// event loop's: a request that it has read is handed out at once, without another turn of the
    /// loop and its system call.
    connections: FuturesUnordered<Work>,
    runtime: Runtime,
    /// When the network was looked at last, by the server's clock.
    looked: u64,
    /// When the event loop had its turn last.
    turned: u64,
    /// The connections brought a transaction last without any turn of the event loop.
    owed: bool,
    /// The only client, while its requests come soon.
    only: Option<Arc<Client>>,
}

impl Pull {
    pub(super) fn new(runtime: Runtime) -> Pull {
        Pull {
            connections: FuturesUnordered::new(),
            runtime,
            looked: 0,
            turned: 0,
            owed: false,
            only: None,
        }
    }

    /// The next transaction; `None` when `timeout` is over, or the server has been stopped.
    pub(super) fn next(
        &mut self,
        shared: &Shared,
        timeout: Option<Duration>,
    ) -> Option<Transaction> {
        let began = shared.recent_clock();
        let fresh = began.wrapping_sub(self.looked) < LOOK_EVERY;
        if fresh && shared.has_requests() && !shared.stopped() {
            if let Some(transaction) = shared.take_at(began) {
                return Some(transaction);
            }
        }
        // What connections answer by themselves meanwhile is not deferred: nobody would come back.
        shared.deferred.pull_nowhere();
        shared.deferred.flush();
        let listened = if timeout.is_none() && began.wrapping_sub(self.turned) < QUICK {
            self.listen(shared)
        } else {
            None
        };
        let result = listened.or_else(|| self.turn(shared, timeout, began));
        shared.deferred.pull_here();
        result
    }

    /// Turns the event loop until there is a transaction.
    fn turn(
        &mut self,
        shared: &Shared,
        timeout: Option<Duration>,
        began: u64,
    ) -> Option<Transaction> {
        let waiting = pulled(shared, &mut self.connections, timeout, &mut self.owed);
        let result = self.runtime.block_on(waiting);
        self.turned = shared.clock();
        self.looked = self.turned;
        self.only = None;
        if timeout.is_none() && self.turned.wrapping_sub(began) < QUICK {
            self.only = shared.only_client();
            // From now on they do not wake the event loop, in which nobody waits.
            self.poll_connections();
        }
        result
    }

    /// Waits for the only client's next request where it is received. `None` if it did not come soon,
    /// or there is more to do than that.
    fn listen(&mut self, shared: &Shared) -> Option<Transaction> {
        let client = self.only.take().filter(|_| shared.is_idle())?;
        client.listen.tell();
        self.poll_connections();
        // It may have been at something else.
        client.listen.take_back();
        let transaction = shared.take()?;
        if shared.has_requests() {
            self.looked = shared.clock();
        }
        self.only = Some(client);
        Some(transaction)
    }

    fn poll_connections(&mut self) {
        // They may begin to wait for a time.
        let _context = self.runtime.enter();
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(())) = self.connections.poll_next_unpin(&mut context) {}
    }

    /// Ends the work on all connections.
    pub(super) fn end(self, shared: &Shared) {
        // Those that have only just come hold the server, and are held by it.
        drop((self.connections, shared.take_arrivals()));
        self.runtime.shutdown_background();
    }
}

/// Works on all connections until a transaction is there.
async fn pulled(
    shared: &Shared,
    connections: &mut FuturesUnordered<Work>,
    timeout: Option<Duration>,
    owed: &mut bool,
) -> Option<Transaction> {
    // One turn of the event loop sees what has come, the next ones let the connections work on it.
    // Without time to wait that is all there is; with requests at hand one turn keeps the others going.
    let turns = if timeout == Some(Duration::ZERO) {
        3
    } else {
        u32::from(shared.has_requests() || *owed)
    };
    // A connection that always has more to read would otherwise keep the event loop from its turn.
    *owed = turns == 0;
    for _ in 0..turns {
        tokio::task::yield_now().await;
        connections.extend(shared.take_arrivals());
        poll_fn(|context| {
            while let Poll::Ready(Some(())) = connections.poll_next_unpin(context) {}
            Poll::Ready(())
        })
        .await;
        if let Some(transaction) = shared.take() {
            return Some(transaction);
        }
    }
    let wait = poll_fn(|context| loop {
        if shared.stopped() {
            return Poll::Ready(None);
        }
        // The connections first: what they bring is looked at before this thread sleeps.
        while let Poll::Ready(Some(())) = connections.poll_next_unpin(context) {}
        if let Some(transaction) = shared.take() {
            return Poll::Ready(Some(transaction));
        }
        if shared.wake.poll_told(context).is_pending() {
            *owed = false;
            return Poll::Pending;
        }
        connections.extend(shared.take_arrivals());
    });
    match timeout {
        None => wait.await,
        Some(Duration::ZERO) => None,
        Some(timeout) => tokio::time::timeout(timeout, wait).await.unwrap_or(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Memory, Slave, POST, READ};
    use crate::endpoint::server::{admit, TcpServer};
    use crate::endpoint::{ClientOptions, ServerOptions, TcpClient};
    use crate::wire::{greeting, ready, request_head, Header, Role};
    use std::io::Write;
    use std::net::TcpStream;
    use std::sync::atomic::{AtomicU32, Ordering};

    const PATIENCE: Duration = Duration::from_secs(20);
    const SOON: u64 = 0;
    const PAUSES: u64 = 1;
    const TWO: u64 = 2;

    fn listens(server: &TcpServer) -> bool {
        let pull = server.pull.lock().unwrap();
        pull.as_ref().unwrap().only.is_some()
    }

    fn read(client: &TcpClient, address: u64) {
        let memory = Some(Memory::owned(vec![0; 4]));
        let transaction = Transaction::new(address, 4, READ, memory, PATIENCE);
        client.do_transaction(transaction.clone());
        transaction.taken();
        transaction.wait().unwrap();
    }

    #[test]
    fn the_event_loop_is_left_out_for_an_only_client_that_does_not_pause() {
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
        let [soon, pauses, two] = listened;
        assert!(soon > 100 && pauses == 0 && two == 0, "{listened:?}");
    }

    /// Posts without end, from a connection that shakes hands and never looks.
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
