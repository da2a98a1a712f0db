//! The server: takes transactions from any number of clients, in turns, and hands them to the
//! thread that pulls.
//!
//! A server has no thread. [`TcpServer::next`] drives everything (accepting, reading, sending what
//! waits) on the thread that calls it. While no thread calls it, nothing moves but responses, which
//! leave on the thread that completes their transaction.
//!
//! From the ground up: `context` holds what all parts use, `peer` is one client, `registry` knows
//! all of them, `dispatch` decides whose request is next, `connection` does the work on one
//! connection, `accept` lets connections in, `housekeeping` works by the clock, and `pull` drives
//! all of it.

mod accept;
mod budget;
mod connection;
mod context;
mod deadlines;
mod deferred;
mod departed;
mod dispatch;
mod ending;
mod hands;
mod heap;
mod held;
mod housekeeping;
mod incoming;
mod listeners;
mod load;
mod outlet;
mod pairs;
mod peer;
mod peer_state;
mod pull;
mod queued;
mod quota;
mod receive;
mod registry;
mod relief;
mod reply;
mod request;
mod roster;
#[cfg(test)]
mod tests;
mod turns;
mod wake;

use std::fmt;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use super::address::{listen, Listeners};
use super::options::ServerOptions;
use super::pairing::Side;
use super::settings::ServerSettings;
use super::socket;
use super::stats::{PeerStats, ServerStats};
use crate::bus::Transaction;
use crate::error::Result;
use crate::sync::Time;
use accept::{accept, Arrivals, Listening};
use context::{system_error, ServerContext};
pub use outlet::admit;
use outlet::Outlet;
use pull::Pull;
use registry::Registry;

/// A server of the bridge.
pub struct TcpServer {
    context: Arc<ServerContext>,
    registry: Arc<Registry>,
    address: String,
    port: u16,
    outlet: Arc<Outlet>,
}

impl TcpServer {
    /// Binds `port` and `port + 1` at `address`: `*` for all interfaces, an IPv4 or IPv6 address, a
    /// host name, or an interface name. Port 0 takes any free pair, see [`TcpServer::port`].
    ///
    /// Fails with [`BadPort`](crate::ErrorKind::BadPort) or
    /// [`BadAddress`](crate::ErrorKind::BadAddress), and with [`Bind`](crate::ErrorKind::Bind) if
    /// the ports cannot be bound.
    pub fn bind(address: &str, port: u16, options: ServerOptions) -> Result<TcpServer> {
        TcpServer::with_listeners(address, listen(address, port)?, &options)
    }

    /// A server on sockets that listen already: `base` is where requests come, and `next` is on the
    /// port after it, where responses go out. Without `next`, that port is bound at the same
    /// address.
    ///
    /// The server owns the sockets from now on, and closes them when it is stopped. If another
    /// process has them too, as a supervisor does, they go on listening there.
    ///
    /// Fails with [`BadPort`](crate::ErrorKind::BadPort) if `next` is not on the port after that of
    /// `base`, and with [`Bind`](crate::ErrorKind::Bind) if that port cannot be bound.
    ///
    /// ```
    /// use rogue_memory_bridge::{ServerOptions, TcpServer};
    ///
    /// let base = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// let port = base.local_addr().unwrap().port();
    /// # // The port after it may be somebody else's.
    /// # if std::net::TcpListener::bind(("127.0.0.1", port + 1)).is_err() { return Ok(()); }
    /// let server = TcpServer::from_listeners(base, None, ServerOptions::default())?;
    /// assert_eq!(server.port(), port);
    /// # Ok::<(), rogue_memory_bridge::Error>(())
    /// ```
    pub fn from_listeners(
        base: TcpListener,
        next: Option<TcpListener>,
        options: ServerOptions,
    ) -> Result<TcpServer> {
        let (address, listeners) = listeners::given(base, next)?;
        TcpServer::with_listeners(&address, listeners, &options)
    }

    fn with_listeners(
        address: &str,
        listeners: Listeners,
        options: &ServerOptions,
    ) -> Result<TcpServer> {
        let Listeners {
            port: bound,
            requests,
            responses,
            given,
        } = listeners;
        // The name is made of what the caller gave; only port 0 is replaced by the port that was
        // bound.
        let name = format!("pyrogue.memory.TcpServer.{address}.{bound}");
        let runtime =
            socket::event_loop().map_err(|error| system_error("start an event loop", &error))?;
        let context = Arc::new(ServerContext::new(name, ServerSettings::new(options)));
        let registry = Arc::new(Registry::new(Arc::clone(&context)));
        let arrivals = Arc::new(Arrivals::new(Arc::clone(&context.wake)));
        let entered = runtime.enter();
        for (side, listeners) in [(Side::Request, requests), (Side::Response, responses)] {
            for listener in listeners {
                let socket = tokio::net::TcpListener::from_std(listener)
                    .map_err(|error| system_error("listen", &error))?;
                let listener = Listening { socket, given };
                let (registry, arrivals) = (Arc::clone(&registry), Arc::clone(&arrivals));
                runtime.spawn(accept(registry, arrivals, listener, side));
            }
        }
        runtime.spawn(housekeeping::run(Arc::clone(&registry)));
        drop(entered);
        ::log::info!(
            target: &context.name,
            "TCP memory bridge ready. request={address}:{bound} response={address}:{}",
            bound + 1
        );
        let place = format!("{address}:{bound}");
        let pull = Pull::new(runtime, Arc::clone(&registry), arrivals);
        Ok(TcpServer {
            outlet: Arc::new(Outlet::new(Arc::clone(&context), place, pull)),
            context,
            registry,
            address: address.to_owned(),
            port: bound,
        })
    }

    /// Fails in a process that was forked off since the server was made: the server belongs to the
    /// parent. There all methods fail before they take a lock, which a thread of the parent may
    /// have held. Methods that cannot fail do nothing, and return empty values.
    #[doc(hidden)]
    pub fn check_home(&self) -> Result<()> {
        self.outlet.check_home()
    }

    /// The base port: requests come in on it, responses go out on the next one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address as it was given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The name under which the server logs.
    pub fn name(&self) -> &str {
        &self.context.name
    }

    /// Sets the time that the slave has for each transaction pulled from now on. After it the
    /// client gets an error. `None`: no limit. Default: one hour. It is checked only while a thread
    /// pulls.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        self.update_options(|options| options.timeout = timeout);
    }

    /// The limits and times as they are now.
    pub fn options(&self) -> ServerOptions {
        self.context.settings.get()
    }

    /// Sets the limits and times. Limits apply from now on, and `timeout` to transactions pulled
    /// from now on. The other times and `max_transaction` apply to connections that come from now
    /// on.
    pub fn set_options(&self, options: &ServerOptions) {
        self.update_options(|now| now.clone_from(options));
    }

    /// As [`TcpServer::set_options`], for some of the options: `change` gets the current ones and
    /// changes them. Changes that other threads make meanwhile are not lost. `change` must not call
    /// the server.
    pub fn update_options(&self, change: impl FnOnce(&mut ServerOptions)) {
        if !self.outlet.is_here() {
            return;
        }
        self.context.settings.update(change);
        // There may be more to hand out, more room, and earlier deadlines.
        self.context.look_again();
        self.context.incoming.tell();
        self.registry.deadlines.retime(&self.context);
    }

    /// Counters and latencies since the server began.
    pub fn stats(&self) -> ServerStats {
        match self.outlet.is_here() {
            true => self.registry.stats(),
            false => ServerStats::default(),
        }
    }

    /// Counters and latencies of each client that is connected now.
    pub fn peer_stats(&self) -> Vec<PeerStats> {
        match self.outlet.is_here() {
            true => self.registry.peer_stats(),
            false => Vec::new(),
        }
    }

    /// Makes `limit` the slave's timeout in place of the server's own. It is read when a
    /// transaction is pulled, and runs from [`TcpServer::returned`]. Only the first call has an
    /// effect.
    #[doc(hidden)]
    pub fn limit_by(&self, limit: Arc<Time>) {
        _ = self.context.limit.set(limit);
    }

    /// The slave has returned from a transaction, of a server with [`TcpServer::limit_by`]. If it
    /// has not completed the transaction, its time starts now. While the slave was at work on the
    /// pulling thread, no thread could have checked the deadline.
    #[doc(hidden)]
    pub fn returned(&self, transaction: &Transaction) {
        if self.outlet.is_here() && !transaction.completed() {
            transaction.taken();
            self.registry.deadlines.watch(&self.context, transaction);
        }
    }

    /// [`TcpServer::next`] for callers that know the access sizes of a slave: they call [`admit`]
    /// with the transaction first.
    #[doc(hidden)]
    pub fn pull(&self, timeout: Option<Duration>) -> Result<Option<Transaction>> {
        self.outlet.pull(timeout)
    }

    /// Waits for the next transaction, for at most `timeout` (`None`: without limit; zero: does
    /// what can be done without waiting). `Ok(None)`: the time is over. The caller carries the
    /// transaction out and completes it, at once or later, on any thread.
    ///
    /// The server's work with the network is done inside this call, so call it again and again.
    /// Fails with [`Stopped`](crate::ErrorKind::Stopped) once the server has been stopped, and with
    /// [`Busy`](crate::ErrorKind::Busy) while another thread is in this call or a future waits in
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
        self.outlet.next(timeout)
    }

    /// [`TcpServer::next`] without a timeout, as a future for any executor. A thread of the
    /// server's own works with the network as long as such a future waits. Several may wait at the
    /// same time; each transaction goes to one of them. A future may be dropped at any time: no
    /// transaction is lost.
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
        self.outlet.next_async().await
    }

    /// Stops the server: its ports and connections are closed, [`TcpServer::next`] returns, and
    /// transactions in the slave's hands complete without a response. One that was about to be
    /// pulled is refused as stopped. Any thread may call this, any number of times. In a process
    /// that was forked off it does nothing: the connections belong to the parent.
    pub fn stop(&self) {
        if !self.outlet.is_here() {
            return;
        }
        self.registry.stop();
        if self.outlet.end() {
            self.context.summarize_all_lines();
            ::log::info!(target: &self.context.name, "Stopping TCP memory bridge.");
        }
    }

    /// Whether [`TcpServer::next_async`] has been used.
    pub(super) fn has_futures(&self) -> bool {
        self.outlet.has_futures()
    }

    /// Posted writes that have failed since the server began. Their clients get no response.
    pub fn failed_posts(&self) -> u64 {
        self.context.failed_posts()
    }
}

impl fmt::Debug for TcpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpServer")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Drop for TcpServer {
    fn drop(&mut self) {
        if !self.outlet.is_here() {
            // Dropping a socket here would take it out of the event loop of the parent.
            std::mem::forget(Arc::clone(&self.outlet));
            std::mem::forget(Arc::clone(&self.registry));
            return;
        }
        self.stop();
    }
}
