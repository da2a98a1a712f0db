//! A thread that pulls transactions from a server and gives them to a slave, for programs that do
//! not pull themselves. [`serve`] is for callers that keep the server and may change the slave;
//! [`TcpServer::serve`] returns one value that owns both.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::server::{admit, TcpServer};
use crate::bus::{Slave, Transaction};
use crate::error::{Error, ErrorKind, Result};
use crate::process::never_cancel;

/// How long to wait for a slave that is still at work when the server is stopped.
const PATIENCE: Duration = Duration::from_millis(150);

impl TcpServer {
    /// Gives transactions to `slave`, on a thread named `TcpServer`, one after the other in the
    /// order of arrival, until the returned value is dropped. A transaction outside the access
    /// sizes of the slave ([`Slave::min_access`], [`Slave::max_access`]) is refused without
    /// reaching it. A panic of the slave fails its transaction.
    ///
    /// Fails with [`Busy`](ErrorKind::Busy) if [`TcpServer::next_async`] has been used.
    ///
    /// ```
    /// use rogue_memory_bridge::{ClientOptions, Emulate, ServerOptions, TcpClient, TcpServer};
    /// use std::sync::{Arc, Mutex, PoisonError};
    ///
    /// let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default())?;
    /// let serving = server.serve(Arc::new(Emulate::new(4, 4096)))?;
    ///
    /// let client = TcpClient::new("127.0.0.1", serving.port(), ClientOptions::default())?;
    /// client.write_u32(0x10, 0xCAFE)?;
    /// assert_eq!(client.read_u32(0x10)?, 0xCAFE);
    /// # Ok::<(), rogue_memory_bridge::Error>(())
    /// ```
    pub fn serve(self, slave: Arc<dyn Slave>) -> Result<Serving> {
        if self.has_futures() {
            let text = format!(
                "next_async has been used on the server {}, so serve cannot be",
                self.name()
            );
            return Err(Error::new(ErrorKind::Busy, text));
        }
        let server = Arc::new(self);
        let thread = serve(Arc::clone(&server), move || Arc::clone(&slave))?;
        let thread = Mutex::new(thread);
        Ok(Serving { server, thread })
    }
}

/// A server whose transactions go to a slave: see [`TcpServer::serve`]. When dropped, it stops the
/// server and waits for the slave, for at most 150 ms.
#[derive(Debug)]
pub struct Serving {
    server: Arc<TcpServer>,
    /// Never locked: the mutex makes this `Sync`.
    thread: Mutex<ServerThread>,
}

impl Serving {
    /// The server, for its options and statistics.
    pub fn server(&self) -> &TcpServer {
        &self.server
    }

    /// The server's base port: see [`TcpServer::port`].
    pub fn port(&self) -> u16 {
        self.server.port()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let thread = self
            .thread
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if self.server.check_home().is_err() {
            // The thread belongs to the parent.
            std::mem::forget(thread.thread.take());
            return;
        }
        self.server.stop();
        thread.join();
    }
}

/// A running thread named `TcpServer`.
#[derive(Debug)]
pub struct ServerThread {
    thread: Option<JoinHandle<()>>,
    finished: Receiver<()>,
    name: String,
}

/// Starts a thread that pulls from `server`. It calls `slave` for each transaction, and gives the
/// transaction to the slave that this returns. It ends when the server is stopped.
pub fn serve(
    server: Arc<TcpServer>,
    slave: impl Fn() -> Arc<dyn Slave> + Send + 'static,
) -> Result<ServerThread> {
    let (finish, finished) = channel::<()>();
    let name = server.name().to_owned();
    let run = move || {
        never_cancel();
        // Dropped when the thread ends, also by a panic: the receiver sees it.
        let _finish = finish;
        while let Some(transaction) = pull(&server) {
            let slave = slave();
            if admit(&transaction, slave.min_access(), slave.max_access()) {
                carry_out(slave.as_ref(), transaction);
            }
        }
    };
    let thread = thread::Builder::new()
        .name("TcpServer".to_owned())
        .spawn(run)
        .map_err(|error| {
            Error::new(
                ErrorKind::System,
                format!("The server could not start a thread: {error}"),
            )
        })?;
    Ok(ServerThread {
        thread: Some(thread),
        finished,
        name,
    })
}

fn pull(server: &TcpServer) -> Option<Transaction> {
    match server.pull(None) {
        Ok(next) => next,
        Err(error) => {
            // A slave that forks returns in the child too.
            if !matches!(error.kind(), ErrorKind::Stopped | ErrorKind::Forked) {
                ::log::error!(target: server.name(), "{error}");
            }
            None
        }
    }
}

/// Gives a transaction to a slave. A panic there becomes the transaction's error.
fn carry_out(slave: &dyn Slave, transaction: Transaction) {
    let handle = transaction.clone();
    let work = AssertUnwindSafe(|| slave.do_transaction(transaction));
    match catch_unwind(work) {
        // If the slave has dropped its handles, the transaction has completed or is about to.
        Ok(()) if handle.is_last() => {}
        Ok(()) => handle.taken(),
        Err(panic) => {
            handle.fail(Error::from_panic("The slave panicked", panic));
        }
    }
}

impl ServerThread {
    /// Waits for the thread, after the server has been stopped. If its slave is still at work after
    /// 150 ms, the thread is left to end by itself, and that is logged. On the thread itself this
    /// does nothing.
    pub fn join(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        if thread.thread().id() == thread::current().id() {
            return;
        }
        let blocked =
            self.finished.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout);
        if blocked {
            ::log::warn!(
                target: &self.name,
                "The slave is still at work on a transaction: its thread keeps running."
            );
        } else {
            // Only its last instructions are left. A panic there has been logged.
            let _ = thread.join();
        }
    }
}
