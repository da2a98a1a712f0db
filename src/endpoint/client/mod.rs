//! The client: a slave that carries out transactions at a server.
//!
//! A request leaves on the thread that asks for it (`requests.rs`); a response is read by the
//! thread that waits for it (`reader.rs`), one thread at a time (`turn.rs`). The client's own
//! thread connects (`connect.rs`), reads while no thread waits (`attend.rs`), and checks whether
//! the server still hears it (`pulse.rs`). `link.rs` lives as long as the client, `connection.rs`
//! as long as a connection. Both use `context.rs`, and `pending.rs` and `posts.rs`, which hold the
//! transactions under way.

mod access;
mod attend;
mod awaited;
mod backlog;
mod connect;
mod connection;
mod context;
mod failure;
mod link;
mod link_status;
mod pending;
mod posts;
mod progress;
mod pulse;
mod reader;
mod requests;
mod response;
mod room;
mod thread;
mod turn;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use self::thread::ClientThread;
use super::address::destination;
use super::options::ClientOptions;
use super::settings::ClientSettings;
use super::stats::ClientStats;
use crate::bus::{word_methods, Slave, SlaveBase, Transaction};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::PROBE;
pub use access::Timed;
use access::{async_word_methods, wrong_size};
use context::ClientContext;
use link::ClientLink;
pub use link_status::LinkState;

/// A client of the bridge.
pub struct TcpClient {
    base: SlaveBase,
    link: Arc<ClientLink>,
    thread: Mutex<Option<ClientThread>>,
}

impl TcpClient {
    /// Creates a client of the server at `address`, ports `port` and `port + 1`. Returns at once.
    /// The client's own thread, named `TcpClient`, connects, and connects again whenever the
    /// connection is lost.
    ///
    /// `address` is an IP address or a host name, which is resolved again at each attempt to
    /// connect. `source;destination` connects from the given address of this host.
    ///
    /// Fails with [`BadPort`](ErrorKind::BadPort) or [`BadAddress`](ErrorKind::BadAddress), and
    /// with [`System`](ErrorKind::System) if the thread cannot start.
    pub fn new(address: &str, port: u16, options: ClientOptions) -> Result<TcpClient> {
        let destination = destination(address, port)?;
        let name = format!("pyrogue.memory.TcpClient.{address}.{port}");
        let place = format!("{address}:{port}");
        let context = ClientContext::new(name, place, ClientSettings::new(&options))?;
        let link = Arc::new(ClientLink::new(Arc::new(context)));
        let thread = ClientThread::start(&link, destination, port).map_err(|error| {
            let text = format!("The client could not start its thread: {error}");
            Error::new(ErrorKind::System, text)
        })?;
        Ok(TcpClient {
            base: SlaveBase::new(4, u32::MAX),
            link,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Fails in a process that was forked off since the client was made: the client belongs to the
    /// parent. There all methods but [`TcpClient::stop`] fail before they take a lock, which a
    /// thread of the parent may have held. Methods that cannot fail do nothing, and return empty
    /// values.
    #[doc(hidden)]
    pub fn check_home(&self) -> Result<()> {
        self.link.context.check_home()
    }

    /// The name under which the client logs.
    pub fn name(&self) -> &str {
        &self.link.context.name
    }

    /// The limits and times as they are now.
    pub fn options(&self) -> ClientOptions {
        self.link.context.settings.get()
    }

    /// Accesses with the timeout of the options.
    fn timed(&self) -> Timed<'_> {
        Timed::new(&self.link, self.link.context.settings.timeout.get())
    }

    /// Sets the limits and times. Limits and `timeout` apply from now on, `connect_timeout` and
    /// `keep_alive` to connections made from now on.
    pub fn set_options(&self, options: &ClientOptions) {
        self.update_options(|now| now.clone_from(options));
    }

    /// As [`TcpClient::set_options`], for some of the options: `change` gets the current ones and
    /// changes them. Changes that other threads make meanwhile are not lost. `change` must not call
    /// the client.
    pub fn update_options(&self, change: impl FnOnce(&mut ClientOptions)) {
        if !self.link.context.is_here() {
            return;
        }
        self.link.context.settings.update(change);
        self.link.context.room.freed();
    }

    /// Counters and latencies since the client was made.
    pub fn stats(&self) -> ClientStats {
        match self.link.context.is_here() {
            true => self.link.stats(),
            false => ClientStats::default(),
        }
    }

    /// Whether there is a connection to the server.
    pub fn link_state(&self) -> LinkState {
        match self.link.context.is_here() {
            true => self.link.link_state(),
            // For this process it has ended for good.
            false => LinkState::Stopped,
        }
    }

    /// Waits until the link is in the state `wanted`, for at most `timeout` (`None`: without
    /// limit). Fails with [`Timeout`](ErrorKind::Timeout), whose text names the current state and
    /// the reason for it, and with [`Stopped`](ErrorKind::Stopped) if the client is stopped while
    /// another state is wanted. A state that lasts only a moment may be missed.
    pub fn wait_link(&self, wanted: LinkState, timeout: Option<Duration>) -> Result<()> {
        self.check_home()?;
        self.link.wait_link(wanted, timeout)
    }

    /// Sends a probe to the server every `period` (at least 1 ms) until the server answers one. A
    /// probe does not access the slave. Fails with [`Timeout`](ErrorKind::Timeout), and the reason
    /// of the last failure, when `timeout` is over, and with [`Stopped`](ErrorKind::Stopped) when
    /// the client is stopped. Servers before Rogue 6.8.5 do not know probes; simulation models
    /// before 2026 hang on one.
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
            // A refusal comes at once; the next probe still waits for its period.
            sleep(period.min(left).saturating_sub(begun.elapsed()));
        }
    }

    /// Has the client's own thread keep the deadline of a transaction that no thread waits for, and
    /// read its response at once. Call it when the client has taken the transaction.
    #[doc(hidden)]
    pub fn watch(&self, transaction: &Transaction) {
        if self.link.context.is_here() {
            self.link.watch(transaction);
        }
    }

    /// Stops the client: its connections are closed, and every transaction, outstanding or new,
    /// fails with [`Stopped`](ErrorKind::Stopped). Waits for the client's thread, for at most 150
    /// ms. Any thread may call this, any number of times. In a process that was forked off it does
    /// nothing: the connections belong to the parent.
    pub fn stop(&self) {
        if !self.link.context.is_here() {
            return;
        }
        self.link.stop();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            thread.join(&self.link);
        }
    }
}

impl fmt::Debug for TcpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpClient")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Drop for TcpClient {
    fn drop(&mut self) {
        if !self.link.context.is_here() {
            // The thread, and what it works on, belong to the parent.
            std::mem::forget(std::mem::replace(&mut self.thread, Mutex::new(None)));
            std::mem::forget(Arc::clone(&self.link));
            return;
        }
        self.stop();
    }
}

impl TcpClient {
    /// As [`Slave::do_transaction`], for callers that keep a handle.
    #[doc(hidden)]
    pub fn carry_out(&self, transaction: &Transaction) {
        self.link.carry_out(transaction);
    }
}

/// Accesses that block the calling thread. Each has [`ClientOptions::timeout`] to complete, 1 s
/// unless set; [`TcpClient::with_timeout`] gives accesses another timeout.
///
/// - **Order.** Requests of one thread leave in the order of its calls, and our server hands them
///   to its slave in that order.
/// - **Bytes** go as they are in memory, the one at `address` first. Words are little-endian, as
///   the registers of Rogue's firmware are by convention.
/// - **Threads.** Any number of threads may use a client at the same time. The calling thread sends
///   the request and usually reads the response itself.
/// - **Errors.** A size of 0 fails with [`Size`](ErrorKind::Size). While there is no connection, a
///   call waits for one; when its time is over, it fails with the reason. If the connection is lost
///   before the response, the call fails with [`ConnectionLost`](ErrorKind::ConnectionLost);
///   nothing is sent twice. On a thread that must not block, as in a [`Waker`](std::task::Waker)
///   that the client wakes, a call fails with [`Busy`](ErrorKind::Busy).
///
/// [`ClientOptions::timeout`]: crate::ClientOptions::timeout
impl TcpClient {
    /// Reads `data.len()` bytes at `address` into `data`. After a failure the contents of `data`
    /// are unspecified.
    ///
    /// ```
    /// # use rogue_memory_bridge::{Emulate, ServerOptions, TcpServer};
    /// # let memory = std::sync::Arc::new(Emulate::new(4, 4096));
    /// # let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default())?.serve(memory)?;
    /// use rogue_memory_bridge::{ClientOptions, TcpClient};
    ///
    /// let client = TcpClient::new("127.0.0.1", server.port(), ClientOptions::default())?;
    /// let mut samples = [0xFF; 64];
    /// client.read(0x100, &mut samples)?;
    /// assert_eq!(samples, [0; 64]);
    /// # Ok::<(), rogue_memory_bridge::Error>(())
    /// ```
    pub fn read(&self, address: u64, data: &mut [u8]) -> Result<()> {
        self.timed().read(address, data)
    }

    /// As [`TcpClient::read`], but the slave learns that the bytes will be compared with what was
    /// written.
    pub fn verify(&self, address: u64, data: &mut [u8]) -> Result<()> {
        self.timed().verify(address, data)
    }

    /// Writes `data` to `address`, and waits until the slave has carried it out.
    ///
    /// After a [`Timeout`](ErrorKind::Timeout) the data may still be written: the request may be
    /// carried out later. See [`ClientOptions::close_on_timeout`] and
    /// [`ServerOptions::drop_after_close`]. To be sure, read the value back.
    ///
    /// ```
    /// # use rogue_memory_bridge::{Emulate, ServerOptions, TcpServer};
    /// # let memory = std::sync::Arc::new(Emulate::new(4, 4096));
    /// # let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default())?.serve(memory)?;
    /// # use rogue_memory_bridge::{ClientOptions, TcpClient};
    /// # let client = TcpClient::new("127.0.0.1", server.port(), ClientOptions::default())?;
    /// client.write(0x100, &[1, 2, 3, 4])?;
    /// assert_eq!(client.read_u32(0x100)?, 0x0403_0201);
    /// # Ok::<(), rogue_memory_bridge::Error>(())
    /// ```
    ///
    /// [`ClientOptions::close_on_timeout`]: crate::ClientOptions::close_on_timeout
    /// [`ServerOptions::drop_after_close`]: crate::ServerOptions::drop_after_close
    pub fn write(&self, address: u64, data: &[u8]) -> Result<()> {
        self.timed().write(address, data)
    }

    /// Writes `data` to `address`, and waits only until it has been sent. The outcome at the slave
    /// is not reported. What was sent over a connection that was then lost is counted in
    /// [`ClientStats::unacknowledged`](crate::ClientStats::unacknowledged).
    pub fn post(&self, address: u64, data: &[u8]) -> Result<()> {
        self.timed().post(address, data)
    }

    word_methods!();

    /// This client with `timeout` in place of [`ClientOptions::timeout`], for each access made
    /// through the returned value.
    ///
    /// ```
    /// use rogue_memory_bridge::{ClientOptions, ErrorKind, TcpClient};
    /// use std::time::Duration;
    ///
    /// # let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// # let port = nobody.local_addr().unwrap().port();
    /// # drop(nobody);
    /// // Nobody is there.
    /// let client = TcpClient::new("127.0.0.1", port, ClientOptions::default())?;
    /// let error = client.with_timeout(Duration::from_millis(50)).read_u32(0).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Refused);
    /// # Ok::<(), rogue_memory_bridge::Error>(())
    /// ```
    ///
    /// [`ClientOptions::timeout`]: crate::ClientOptions::timeout
    pub fn with_timeout(&self, timeout: Duration) -> Timed<'_> {
        Timed::new(&self.link, timeout)
    }
}

/// The same accesses as futures, for any executor. The client's own thread reads the responses and
/// keeps the deadlines, so nothing has to be polled for that.
///
/// A future sends its request when it is first polled. It never blocks: `max_outstanding` and
/// `max_queued` of [`ClientOptions`](crate::ClientOptions) do not hold futures back, so the program
/// must limit their number. **To drop a future is safe** at any time, and so is to forget it: the
/// client works on bytes of its own. Dropping withdraws a request that still waits for a
/// connection. A request that has been sent is carried out, and its outcome is lost.
///
/// ```
/// # use rogue_memory_bridge::{Emulate, ServerOptions, TcpServer};
/// # let memory = std::sync::Arc::new(Emulate::new(4, 4096));
/// # let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default())?.serve(memory)?;
/// # use rogue_memory_bridge::{ClientOptions, TcpClient};
/// # let client = TcpClient::new("127.0.0.1", server.port(), ClientOptions::default())?;
/// let work = async {
///     client.write_u32_async(0x10, 7).await?;
///     // Both are under way together.
///     let (a, b) = tokio::join!(client.read_u32_async(0x10), client.read_async(0x14, 8));
///     assert_eq!((a?, b?), (7, vec![0; 8]));
///     Ok::<(), rogue_memory_bridge::Error>(())
/// };
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)?;
/// # Ok::<(), rogue_memory_bridge::Error>(())
/// ```
impl TcpClient {
    /// [`TcpClient::read`] as a future: `size` bytes at `address`.
    pub async fn read_async(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        self.timed().read_async(address, size).await
    }

    /// [`TcpClient::verify`] as a future.
    pub async fn verify_async(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        self.timed().verify_async(address, size).await
    }

    /// [`TcpClient::write`] as a future. A `Vec` is taken as it is; a slice or an array is copied.
    pub async fn write_async(&self, address: u64, data: impl Into<Vec<u8>>) -> Result<()> {
        self.timed().write_async(address, data).await
    }

    /// [`TcpClient::post`] as a future. A `Vec` is taken as it is; a slice or an array is copied.
    pub async fn post_async(&self, address: u64, data: impl Into<Vec<u8>>) -> Result<()> {
        self.timed().post_async(address, data).await
    }

    async_word_methods!();
}

impl Slave for TcpClient {
    fn do_transaction(&self, transaction: Transaction) {
        self.carry_out(&transaction);
    }

    fn base(&self) -> &SlaveBase {
        &self.base
    }
}
