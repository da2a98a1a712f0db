//! The client: a slave that carries out transactions at a server.
//!
//! A request leaves on the thread that asks for it (`requests.rs`); a response is read by the thread
//! that waits for it (`reader.rs`), one thread at a time (`turn.rs`). The client's own thread
//! connects (`connect.rs`), reads while no thread waits (`attend.rs`), and checks whether the server
//! still hears it (`pulse.rs`). `link.rs` lives as long as the client, `connection.rs` as long as a
//! connection; both stand on `context.rs`, and on `pending.rs` and `posts.rs`, which hold what is
//! under way.

mod access;
mod attend;
mod awaited;
mod backlog;
mod connect;
mod connection;
mod context;
mod failure;
mod link;
mod pending;
mod posts;
mod progress;
mod pulse;
mod reader;
mod requests;
mod response;
mod room;
mod turn;

use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::address::target;
use super::options::ClientOptions;
use super::settings::ClientSettings;
use super::socket;
use super::stats::ClientStats;
use crate::bus::{
    check_range, kind_name, Slave, SlaveBase, Transaction, POST, READ, VERIFY, WRITE,
};
use crate::error::{Error, ErrorKind, Result};
use crate::process::{never_cancel, Home};
use crate::wire::PROBE;
pub use access::Timed;
use context::ClientContext;
use link::ClientLink;
pub use link::LinkState;

/// How long to wait for the client's thread when it is stopped. It could be in a completion
/// callback of the user's that does not return.
const PATIENCE: Duration = Duration::from_millis(150);

/// A client of the bridge.
pub struct TcpClient {
    base: SlaveBase,
    link: Arc<ClientLink>,
    thread: Mutex<Option<Thread>>,
    home: Home,
}

struct Thread {
    handle: JoinHandle<()>,
    finished: Receiver<()>,
}

impl TcpClient {
    /// A client of the server at `address` (an IP address or a host name, resolved anew at each
    /// attempt to connect; `source;destination` to connect from a certain address of this host),
    /// ports `port` and `port + 1`. Returns at once; the connection is made, and made again whenever
    /// it is lost, by a thread of the client's own.
    pub fn new(address: &str, port: u16, options: ClientOptions) -> Result<TcpClient> {
        crate::log::init();
        let target = target(address, port)?;
        let name = format!("pyrogue.memory.TcpClient.{address}.{port}");
        let runtime = socket::event_loop().map_err(|error| system_error(&error))?;
        let place = format!("{address}:{port}");
        let context = ClientContext::new(name, place, ClientSettings::new(&options))?;
        let link = Arc::new(ClientLink::new(Arc::new(context)));
        let (finish, finished) = channel::<()>();
        let run = {
            let link = Arc::clone(&link);
            move || {
                never_cancel();
                // Dropped at the end, by whatever way: the receiver sees it.
                let _finish = finish;
                runtime.block_on(attend::run(&link, &target, port));
                // A name may still be being resolved: it is not waited for.
                runtime.shutdown_background();
            }
        };
        let handle = thread::Builder::new()
            .name("TcpClient".to_owned())
            .spawn(run)
            .map_err(|error| system_error(&error))?;
        Ok(TcpClient {
            base: SlaveBase::new(4, u32::MAX),
            link,
            thread: Mutex::new(Some(Thread { handle, finished })),
            home: Home::here(),
        })
    }

    /// Refuses a process that was forked off since the client was made: the client is the parent's.
    /// All but [`TcpClient::stop`] fails there, before any lock is taken, which a thread of the
    /// parent's may have held. What cannot fail does nothing, and tells of nothing.
    #[doc(hidden)]
    pub fn check_home(&self) -> Result<()> {
        match self.home.is_here() {
            true => Ok(()),
            false => Err(Error::forked("client")),
        }
    }

    /// The name under which the client logs.
    pub fn name(&self) -> &str {
        &self.link.context.name
    }

    /// The limits and times as they are now.
    pub fn options(&self) -> ClientOptions {
        self.link.context.settings.get()
    }

    /// See [`ClientOptions::timeout`].
    fn timeout(&self) -> Duration {
        self.link.context.settings.timeout.get()
    }

    /// Sets the limits and times. Limits hold from now on, times for connections made from now on.
    pub fn set_options(&self, options: &ClientOptions) {
        if !self.home.is_here() {
            return;
        }
        self.link.context.settings.set(options);
        self.link.context.room.freed();
    }

    /// What the client has done since it was made.
    pub fn stats(&self) -> ClientStats {
        match self.home.is_here() {
            true => self.link.stats(),
            false => ClientStats::default(),
        }
    }

    /// Whether there is a connection to the server.
    pub fn link_state(&self) -> LinkState {
        match self.home.is_here() {
            true => self.link.link_state(),
            // To this process it is for good.
            false => LinkState::Stopped,
        }
    }

    /// Waits until the link is in the state `wanted`, for at most `timeout` (`None`: for ever).
    /// Fails with `Timeout`, naming the state that it is in and the reason, and with `Stopped` when
    /// the client is stopped and something else was wanted. A state that passes within a moment may
    /// be missed.
    pub fn wait_link(&self, wanted: LinkState, timeout: Option<Duration>) -> Result<()> {
        self.check_home()?;
        self.link.wait_link(wanted, timeout)
    }

    /// Asks the server for a sign of life, every `period`, until it answers. Fails with `Timeout`,
    /// and the last reason, when `timeout` is over, and with `Stopped` when the client is stopped.
    /// Servers before Rogue 6.8.5 do not know this; simulation models before 2026 hang on it.
    pub fn wait_ready(&self, timeout: Duration, period: Duration) -> Result<()> {
        self.check_home()?;
        let end = Instant::now().checked_add(timeout);
        let period = period.max(Duration::from_millis(1));
        loop {
            let left = end.map_or(period, |end| end.saturating_duration_since(Instant::now()));
            let probe = Transaction::new(0, 0, PROBE, None, period.min(left));
            let begun = Instant::now();
            self.link.submit(&probe);
            probe.taken();
            let reason = match probe.wait() {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Stopped => return Err(error),
                Err(reason) => reason,
            };
            ::log::debug!(target: &self.link.context.name, "Not ready: {reason}");
            if end.is_some_and(|end| Instant::now() >= end) {
                let text = format!(
                    "{}: not ready within {timeout:?}: {reason}",
                    self.link.context.place
                );
                return Err(Error::new(ErrorKind::Timeout, text));
            }
            // An answer that says no comes at once: the next question still waits its time.
            thread::sleep(period.min(left).saturating_sub(begun.elapsed()));
        }
    }

    /// Lets the client's own thread keep the deadline of a transaction that no thread waits for, and
    /// read its response at once. To be called when the client has taken it.
    #[doc(hidden)]
    pub fn watch(&self, transaction: &Transaction) {
        if self.home.is_here() {
            self.link.watch(transaction);
        }
    }

    /// Stops the client: its connections are closed, and every transaction, outstanding or new,
    /// fails with `Stopped`. May be called from any thread, again and again. In a process that was
    /// forked off it does nothing: the connections are the parent's.
    pub fn stop(&self) {
        if !self.home.is_here() {
            return;
        }
        self.link.stop();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(Thread { handle, finished }) = thread else {
            return;
        };
        if handle.thread().id() == thread::current().id() {
            return;
        }
        if finished.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            ::log::warn!(
                target: &self.link.context.name,
                "A completion callback is still at work: its thread is left behind."
            );
            return;
        }
        // It has ended but for its last instructions.
        let _ = handle.join();
    }
}

impl Drop for TcpClient {
    fn drop(&mut self) {
        if !self.home.is_here() {
            // Its thread is the parent's, and so is what that thread has in its hands.
            std::mem::forget(std::mem::replace(&mut self.thread, Mutex::new(None)));
            std::mem::forget(Arc::clone(&self.link));
            return;
        }
        self.stop();
    }
}

impl TcpClient {
    /// As [`Slave::do_transaction`], for who keeps a handle anyway.
    #[doc(hidden)]
    pub fn carry_out(&self, transaction: &Transaction) {
        if let Err(error) = self.check_home().and(transaction.check_home()) {
            // That of another process is over here.
            transaction.fail(error);
            return;
        }
        let (size, kind) = (transaction.size(), transaction.kind());
        if !matches!(kind, READ | WRITE | POST | VERIFY) {
            let text = format!("Transaction type {kind} is not known");
            transaction.fail(Error::new(ErrorKind::InvalidArgument, text));
        } else if size == 0 {
            let text = format!("A {} of 0 bytes is not allowed", kind_name(kind));
            transaction.fail(Error::new(ErrorKind::Size, text));
        } else if let Err(error) = check_range(transaction.address(), size) {
            transaction.fail(error);
        } else {
            self.link.submit(transaction);
        }
    }
}

impl Slave for TcpClient {
    fn do_transaction(&self, transaction: Transaction) {
        self.carry_out(&transaction);
    }

    fn base(&self) -> &SlaveBase {
        &self.base
    }
}

fn system_error(error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::System,
        format!("The client could not start its thread: {error}"),
    )
}
