//! Where transactions leave a server: by a call that waits, or by a future.
//!
//! Any executor may poll a future, but a server's event loop needs a thread in it. So a thread,
//! named `TcpServer`, pulls for the futures that wait; the first of them starts it. It pulls one
//! transaction for each future that waits, and sleeps otherwise. If the future has been dropped
//! meanwhile, the transaction goes to the next one.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::context::{system_error, ServerContext};
use super::pull::{runs_a_task, Pull};
use crate::bus::{check_access, Kind, Transaction};
use crate::error::{Error, ErrorKind, Result};
use crate::process::{never_cancel, Home};

/// The place where transactions leave a server.
pub(super) struct Outlet {
    context: Arc<ServerContext>,
    /// `address:port`, for error texts.
    place: String,
    home: Home,
    /// `None` once the server is stopped.
    pull: Mutex<Option<Pull>>,
    futures: Mutex<Futures>,
    /// Notified when there is something for the pulling thread to do.
    changed: Condvar,
}

/// The futures that wait for transactions, and what has been pulled for them.
#[derive(Default)]
struct Futures {
    /// The tasks that wait, each with the number of its future.
    waiting: Vec<(u64, Waker)>,
    last_number: u64,
    ready: VecDeque<Transaction>,
    thread: PullingThread,
}

/// The thread that pulls for futures.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum PullingThread {
    #[default]
    None,
    Running,
    Ended,
}

impl Outlet {
    pub(super) fn new(context: Arc<ServerContext>, place: String, pull: Pull) -> Outlet {
        Outlet {
            context,
            place,
            home: Home::here(),
            pull: Mutex::new(Some(pull)),
            futures: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Whether this is the process that made the server, and not one that was forked off since.
    pub(super) fn is_here(&self) -> bool {
        self.home.is_here()
    }

    /// Fails in a process that was forked off since the server was made.
    pub(super) fn check_home(&self) -> Result<()> {
        match self.is_here() {
            true => Ok(()),
            false => Err(Error::forked("server")),
        }
    }

    /// See [`TcpServer::next`](super::TcpServer::next).
    pub(super) fn next(&self, timeout: Option<Duration>) -> Result<Option<Transaction>> {
        self.check_home()?;
        if let Some(transaction) = self.lock().ready.pop_front() {
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

    /// The next transaction, before [`admit`].
    pub(super) fn pull(&self, timeout: Option<Duration>) -> Result<Option<Transaction>> {
        self.check_home()?;
        if runs_a_task() {
            let text =
                "TcpServer::next blocks its thread, and this one runs asynchronous tasks of \
                        a tokio runtime: call it on a thread of its own, or in \
                        tokio::task::spawn_blocking";
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        let mut guard = match self.pull.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poison)) => poison.into_inner(),
            Err(TryLockError::WouldBlock) if self.context.stopped() => return Err(self.stopped()),
            Err(TryLockError::WouldBlock) => {
                let name = &self.context.name;
                let text = format!("Another thread is pulling from the server {name}");
                return Err(Error::new(ErrorKind::Busy, text));
            }
        };
        let Some(pull) = guard.as_mut() else {
            return Err(self.stopped());
        };
        let result = pull.next(timeout);
        if self.context.stopped() {
            if let Some(transaction) = result {
                transaction.fail(self.stopped());
            }
            return Err(self.stopped());
        }
        Ok(result)
    }

    /// A future of the next transaction: see
    /// [`TcpServer::next_async`](super::TcpServer::next_async).
    pub(super) fn next_async(self: &Arc<Self>) -> NextTransaction {
        NextTransaction {
            outlet: Arc::clone(self),
            number: None,
        }
    }

    /// Whether futures have been used.
    pub(super) fn has_futures(&self) -> bool {
        self.lock().thread != PullingThread::None
    }

    /// The server is stopped: no transaction leaves any more. False if it was stopped before.
    pub(super) fn end(&self) -> bool {
        let mut futures = self.lock();
        futures.thread = PullingThread::Ended;
        let ready = std::mem::take(&mut futures.ready);
        self.changed.notify_all();
        wake(futures);
        for transaction in ready {
            transaction.fail(self.stopped());
        }
        // The pulling thread has been woken, and leaves at once.
        self.lock_pull().take().map(Pull::end).is_some()
    }

    fn stopped(&self) -> Error {
        let text = format!("The server at {} is stopped", self.place);
        Error::new(ErrorKind::Stopped, text)
    }

    fn start_pulling(self: &Arc<Self>) -> Result<()> {
        let outlet = Arc::clone(self);
        let run = move || {
            never_cancel();
            outlet.pull_for_futures();
        };
        thread::Builder::new()
            .name("TcpServer".to_owned())
            .spawn(run)
            .map_err(|error| system_error("start a thread", &error))?;
        Ok(())
    }

    /// The thread's work, until the server is stopped.
    fn pull_for_futures(&self) {
        let pulling = AssertUnwindSafe(|| while self.pull_for_one() {});
        let _ = catch_unwind(pulling);
        let mut futures = self.lock();
        futures.thread = PullingThread::Ended;
        wake(futures);
    }

    /// Pulls a transaction as soon as a future waits for one. False when there will be no more.
    fn pull_for_one(&self) -> bool {
        let idle = |futures: &mut Futures| {
            futures.thread == PullingThread::Running && futures.waiting.len() <= futures.ready.len()
        };
        let futures = self
            .changed
            .wait_while(self.lock(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        if futures.thread != PullingThread::Running {
            return false;
        }
        drop(futures);
        let next = self.lock_pull().as_mut().and_then(|pull| pull.next(None));
        let Some(transaction) = next else {
            return false;
        };
        if !admit(&transaction, 1, 0) {
            return true;
        }
        let mut futures = self.lock();
        if futures.thread != PullingThread::Running {
            drop(futures);
            transaction.fail(self.stopped());
            return false;
        }
        futures.ready.push_back(transaction);
        wake(futures);
        true
    }

    /// The event loop. Waits until no other thread is in it.
    pub(super) fn lock_pull(&self) -> MutexGuard<'_, Option<Pull>> {
        self.pull.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Futures> {
        self.futures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes all tasks that wait. The first to look gets the transaction, the others wait on.
fn wake(futures: MutexGuard<'_, Futures>) {
    let waiting = futures.waiting.iter();
    let wakers: Vec<Waker> = waiting.map(|(_, waker)| waker.clone()).collect();
    drop(futures);
    for waker in wakers {
        // A panic in an executor must not end the server.
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}

/// The future of the next transaction.
pub(super) struct NextTransaction {
    outlet: Arc<Outlet>,
    /// Its number among those that wait, once it has been polled.
    number: Option<u64>,
}

impl Future for NextTransaction {
    type Output = Result<Transaction>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Transaction>> {
        let outlet = Arc::clone(&self.outlet);
        outlet.check_home()?;
        let mut futures = outlet.lock();
        if let Some(transaction) = futures.ready.pop_front() {
            return Poll::Ready(Ok(transaction));
        }
        match futures.thread {
            PullingThread::Running => {}
            PullingThread::Ended if outlet.context.stopped() => {
                return Poll::Ready(Err(outlet.stopped()));
            }
            PullingThread::Ended => {
                let text = "The thread that pulls from the server has panicked";
                return Poll::Ready(Err(Error::new(ErrorKind::Internal, text)));
            }
            PullingThread::None => {
                outlet.start_pulling()?;
                futures.thread = PullingThread::Running;
            }
        }
        let number = match self.number {
            Some(number) => number,
            None => {
                futures.last_number += 1;
                futures.last_number
            }
        };
        self.number = Some(number);
        let waker = context.waker();
        let mut waiting = futures.waiting.iter_mut();
        match waiting.find(|(other, _)| *other == number) {
            Some((_, known)) => known.clone_from(waker),
            None => futures.waiting.push((number, waker.clone())),
        }
        drop(futures);
        outlet.changed.notify_all();
        Poll::Pending
    }
}

impl Drop for NextTransaction {
    fn drop(&mut self) {
        let Some(number) = self.number.filter(|_| self.outlet.is_here()) else {
            return;
        };
        let mut futures = self.outlet.lock();
        let mut waiting = futures.waiting.iter();
        let place = waiting.position(|(other, _)| *other == number);
        let removed = place.map(|place| futures.waiting.swap_remove(place));
        drop(futures);
        // This may drop the last reference to the task: not under the lock.
        drop(removed);
    }
}

/// Checks a pulled transaction against the access sizes of its slave (`max` 0: no maximum). A Read
/// gets its memory here, so that a refused one takes none. False: it was refused and has completed.
pub fn admit(transaction: &Transaction, min: u32, max: u32) -> bool {
    if let Err(error) = check_access(transaction.size(), min, max) {
        transaction.fail(error);
        return false;
    }
    if !matches!(transaction.kind(), Kind::Write | Kind::Post) && !transaction.provide_zeros() {
        let text = format!("The server has no memory for {} bytes", transaction.size());
        transaction.fail(Error::new(ErrorKind::System, text));
        return false;
    }
    true
}
