//! How a program takes transactions from a server: by a call that waits, or by a future.
//!
//! A future may be polled by any executor, but a server's event loop needs a thread in it. So a
//! thread, named `TcpServer`, pulls for those that wait in [`TcpServer::next_async`]; it is started by
//! the first of them. It pulls as many transactions as there are futures that wait, and sleeps
//! otherwise. What it has pulled for a future that was dropped since is for the next one.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::pull::Pull;
use super::{admit, system_error, TcpServer};
use crate::bus::Transaction;
use crate::error::{Error, ErrorKind, Result};
use crate::process::never_cancel;

impl TcpServer {
    /// Waits for the next transaction, for at most `timeout` (`None`: for ever; zero: does what can
    /// be done without waiting). `Ok(None)` when the time is over. The transaction is to be carried
    /// out and completed, at once or later, on any thread.
    ///
    /// The server's work with the network is done inside this call, so call it again and again. Fails
    /// with [`Stopped`](ErrorKind::Stopped) once the server has been stopped, and with
    /// [`Busy`](ErrorKind::Busy) while another thread is in this call or a future waits in
    /// [`TcpServer::next_async`].
    ///
    /// ```
    /// use rogue_memory_bridge::{Access, ClientOptions, ServerOptions, TcpClient, TcpServer};
    ///
    /// let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default())?;
    /// let client = TcpClient::new("127.0.0.1", server.port(), ClientOptions::default())?;
    /// let reader = std::thread::spawn(move || client.read_u32(0x40));
    ///
    /// if let Some(transaction) = server.next(None)? {
    ///     assert_eq!((transaction.address(), transaction.size()), (0x40, 4));
    ///     transaction.complete(|access| {
    ///         if let Access::Read(data) = access {
    ///             data.copy_from_slice(&[1, 0, 0, 0]);
    ///         }
    ///         Ok(())
    ///     });
    /// }
    /// assert_eq!(reader.join().unwrap()?, 1);
    /// # Ok::<(), rogue_memory_bridge::Error>(())
    /// ```
    pub fn next(&self, timeout: Option<Duration>) -> Result<Option<Transaction>> {
        self.check_home()?;
        if let Some(transaction) = self.asked.lock().ready.pop_front() {
            return Ok(Some(transaction));
        }
        let end = timeout
            .filter(|timeout| !timeout.is_zero())
            .and_then(|timeout| Instant::now().checked_add(timeout));
        let mut left = timeout;
        loop {
            let Some(transaction) = self.pull(left)? else {
                return Ok(None);
            };
            if admit(&transaction, 1, 0) {
                return Ok(Some(transaction));
            }
            left = end
                .map(|end| end.saturating_duration_since(Instant::now()))
                .or(left);
        }
    }

    /// [`TcpServer::next`] without a timeout, as a future for any executor. A thread of the server's
    /// own works with the network as long as such a future waits. Several may wait at a time; each
    /// transaction goes to one of them. A future may be dropped at any time: no transaction is lost.
    ///
    /// ```
    /// # use rogue_memory_bridge::{ClientOptions, ServerOptions, TcpClient, TcpServer};
    /// # let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default())?;
    /// # let client = TcpClient::new("127.0.0.1", server.port(), ClientOptions::default())?;
    /// let work = async {
    ///     let serve = async {
    ///         let transaction = server.next_async().await?;
    ///         // Carry it out, at once or in a task of its own.
    ///         transaction.complete(|_| Ok(()));
    ///         Ok::<(), rogue_memory_bridge::Error>(())
    ///     };
    ///     tokio::try_join!(serve, client.write_u32_async(0, 1))
    /// };
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)?;
    /// # Ok::<(), rogue_memory_bridge::Error>(())
    /// ```
    pub async fn next_async(&self) -> Result<Transaction> {
        Next {
            server: self,
            number: None,
        }
        .await
    }

    fn start_pulling(&self) -> Result<()> {
        let asked = Arc::clone(&self.asked);
        let pull = Arc::clone(&self.pull);
        let run = move || {
            never_cancel();
            asked.serve(&pull);
        };
        thread::Builder::new()
            .name("TcpServer".to_owned())
            .spawn(run)
            .map_err(|error| system_error("start a thread", &error))?;
        Ok(())
    }
}

/// The futures that wait for transactions, and what has been pulled for them.
#[derive(Default)]
pub(super) struct Asked {
    state: Mutex<State>,
    /// Told when there is something for the thread to do.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The tasks that wait, each with the number of its future.
    waiting: Vec<(u64, Waker)>,
    last: u64,
    ready: VecDeque<Transaction>,
    thread: Stage,
}

/// The thread that pulls.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    None,
    Running,
    Ended,
}

impl Asked {
    /// Whether there has been a thread that pulls.
    pub(super) fn is_used(&self) -> bool {
        self.lock().thread != Stage::None
    }

    /// The server is stopped: no transaction comes any more.
    pub(super) fn end(&self, error: &Error) {
        let mut state = self.lock();
        state.thread = Stage::Ended;
        let ready = std::mem::take(&mut state.ready);
        self.changed.notify_all();
        wake(state);
        for transaction in ready {
            transaction.fail(error.clone());
        }
    }

    /// The thread's work, until the server is stopped.
    fn serve(&self, pull: &Mutex<Option<Pull>>) {
        let pulling = AssertUnwindSafe(|| while self.serve_one(pull) {});
        let _ = catch_unwind(pulling);
        let mut state = self.lock();
        state.thread = Stage::Ended;
        wake(state);
    }

    /// Pulls a transaction as soon as a future waits for one. False when there will be no more.
    fn serve_one(&self, pull: &Mutex<Option<Pull>>) -> bool {
        let idle = |state: &mut State| {
            state.thread == Stage::Running && state.waiting.len() <= state.ready.len()
        };
        let state = self
            .changed
            .wait_while(self.lock(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        if state.thread != Stage::Running {
            return false;
        }
        drop(state);
        let mut pull = pull.lock().unwrap_or_else(PoisonError::into_inner);
        let next = pull.as_mut().and_then(|pull| pull.next(None));
        drop(pull);
        let Some(transaction) = next else {
            return false;
        };
        if !admit(&transaction, 1, 0) {
            return true;
        }
        let mut state = self.lock();
        if state.thread != Stage::Running {
            drop(state);
            let text = "The server is stopped";
            transaction.fail(Error::new(ErrorKind::Stopped, text));
            return false;
        }
        state.ready.push_back(transaction);
        wake(state);
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets all tasks look: the first to do so has the transaction, the others wait on.
fn wake(state: MutexGuard<'_, State>) {
    let wakers: Vec<Waker> = state
        .waiting
        .iter()
        .map(|(_, waker)| waker.clone())
        .collect();
    drop(state);
    for waker in wakers {
        // A panic in an executor is not to end the server.
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}

/// See [`TcpServer::next_async`].
struct Next<'a> {
    server: &'a TcpServer,
    /// Its number among those that wait, once it has been polled.
    number: Option<u64>,
}

impl Future for Next<'_> {
    type Output = Result<Transaction>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Transaction>> {
        let server = self.server;
        if let Err(error) = server.check_home() {
            return Poll::Ready(Err(error));
        }
        let mut state = server.asked.lock();
        if let Some(transaction) = state.ready.pop_front() {
            return Poll::Ready(Ok(transaction));
        }
        match state.thread {
            Stage::Running => {}
            Stage::Ended if server.context.stopped() => return Poll::Ready(Err(server.stopped())),
            Stage::Ended => {
                let text = "The thread that pulls from the server has panicked";
                return Poll::Ready(Err(Error::new(ErrorKind::Internal, text)));
            }
            Stage::None => {
                if let Err(error) = server.start_pulling() {
                    return Poll::Ready(Err(error));
                }
                state.thread = Stage::Running;
            }
        }
        let number = match self.number {
            Some(number) => number,
            None => {
                state.last += 1;
                state.last
            }
        };
        self.number = Some(number);
        let waker = context.waker();
        match state.waiting.iter_mut().find(|(other, _)| *other == number) {
            Some((_, known)) => known.clone_from(waker),
            None => state.waiting.push((number, waker.clone())),
        }
        drop(state);
        server.asked.changed.notify_all();
        Poll::Pending
    }
}

impl Drop for Next<'_> {
    fn drop(&mut self) {
        let Some(number) = self.number.filter(|_| self.server.check_home().is_ok()) else {
            return;
        };
        let mut state = self.server.asked.lock();
        let place = state.waiting.iter().position(|(other, _)| *other == number);
        let removed = place.map(|place| state.waiting.swap_remove(place));
        drop(state);
        // The task's last reference may go here: not under the lock.
        drop(removed);
    }
}
