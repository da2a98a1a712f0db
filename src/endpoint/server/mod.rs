//! The server: takes transactions from any number of clients, in turns, and hands them to the
//! thread that pulls.
//!
//! A server has no thread. [`TcpServer::next`] drives everything (accepting, reading, sending what
//! waits) on the thread that calls it. While nobody calls, nothing moves but the responses, which
//! leave on the thread that completes their transaction.
//!
//! From the ground up: `context` holds what all parts stand on, `peer` is one client, `registry`
//! knows all of them, `dispatch` decides whose request is next, `connection` does the work on one
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
mod next;
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

use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use super::address::{listen, Listeners};
use super::options::ServerOptions;
use super::pairing::Side;
use super::settings::ServerSettings;
use super::socket;
use super::stats::{PeerStats, ServerStats};
use crate::bus::{check_access, Kind, Transaction};
use crate::error::{Error, ErrorKind, Result};
use crate::process::Home;
use crate::time::Time;
use accept::{accept, Arrivals, Listening};
use context::ServerContext;
use next::Asked;
use pull::Pull;
use registry::Registry;

/// A server of the bridge.
pub struct TcpServer {
    context: Arc<ServerContext>,
    registry: Arc<Registry>,
    address: String,
    port: u16,
    pull: Arc<Mutex<Option<Pull>>>,
    /// Of futures.
    asked: Arc<Asked>,
    home: Home,
}

impl TcpServer {
    /// Binds `port` and `port + 1` at `address`: `*` for all interfaces, an IPv4 or IPv6 address, a
    /// host name, or an interface name. Port 0 takes any free pair, see [`TcpServer::port`].
    pub fn bind(address: &str, port: u16, options: ServerOptions) -> Result<TcpServer> {
        TcpServer::with_listeners(address, listen(address, port)?, &options)
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
        // The name is made of what the caller gave; only port 0 is replaced by the port that was bound.
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
        Ok(TcpServer {
            context,
            pull: Arc::new(Mutex::new(Some(Pull::new(
                runtime,
                Arc::clone(&registry),
                arrivals,
            )))),
            registry,
            address: address.to_owned(),
            port: bound,
            asked: Arc::default(),
            home: Home::here(),
        })
    }

    /// Fails in a process that was forked off since the server was made: the server belongs to the
    /// parent. There all methods fail before they take a lock, which a thread of the parent may have
    /// held. Methods that cannot fail do nothing, and return empty values.
    #[doc(hidden)]
    pub fn check_home(&self) -> Result<()> {
        match self.home.is_here() {
            true => Ok(()),
            false => Err(Error::forked("server")),
        }
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
    /// client gets an error. An hour unless set; `None` is no limit. It is kept only while a thread
    /// pulls.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        if !self.home.is_here() {
            return;
        }
        self.context
            .settings
            .timeout
            .set(timeout.unwrap_or(Duration::MAX));
        self.registry.deadlines.retime(&self.context);
    }

    /// The limits and times as they are now.
    pub fn options(&self) -> ServerOptions {
        self.context.settings.get()
    }

    /// Sets the limits and times. Limits hold from now on; times, and the largest transaction, hold
    /// for connections that come from now on.
    pub fn set_options(&self, options: &ServerOptions) {
        if !self.home.is_here() {
            return;
        }
        self.context.settings.set(options);
        // There may be more to hand out, more room, and times that end sooner.
        self.context.look_again();
        self.context.incoming.tell();
        self.registry.deadlines.retime(&self.context);
    }

    /// The counters of the server since it began.
    pub fn stats(&self) -> ServerStats {
        match self.home.is_here() {
            true => self.registry.stats(),
            false => ServerStats::default(),
        }
    }

    /// The clients that are connected now, with what was done for each.
    pub fn peer_stats(&self) -> Vec<PeerStats> {
        match self.home.is_here() {
            true => self.registry.peer_stats(),
            false => Vec::new(),
        }
    }

    /// Gives the slave the time `limit`, with the value that it has when a transaction is pulled, in place
    /// of the server's own. It starts at [`TcpServer::returned`]. Only the first call has an effect.
    #[doc(hidden)]
    pub fn limit_by(&self, limit: Arc<Time>) {
        _ = self.context.limit.set(limit);
    }

    /// The slave has returned from a transaction, of a server with [`TcpServer::limit_by`]. If it has not
    /// completed the transaction, its time starts now. While the slave was at work on the pulling thread,
    /// nobody could have kept it.
    #[doc(hidden)]
    pub fn returned(&self, transaction: &Transaction) {
        if self.home.is_here() && !transaction.completed() {
            transaction.taken();
            self.registry.deadlines.watch(&self.context, transaction);
        }
    }

    /// [`TcpServer::next`] for callers that know the access sizes of a slave: the transaction is to be
    /// put to [`admit`] first.
    #[doc(hidden)]
    pub fn pull(&self, timeout: Option<Duration>) -> Result<Option<Transaction>> {
        self.check_home()?;
        if pull::runs_a_task() {
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
                let text = format!(
                    "Another thread is pulling from the server {}",
                    self.context.name
                );
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

    /// Stops the server: its ports and connections are closed, [`TcpServer::next`] returns, and
    /// transactions in the slave's hands complete without a response. One that was about to be
    /// pulled is refused as stopped. Any thread may call this, any number of times. In a process
    /// that was forked off it does nothing: the connections belong to the parent.
    pub fn stop(&self) {
        if !self.home.is_here() {
            return;
        }
        self.registry.stop();
        self.asked.end(&self.stopped());
        // The pulling thread has been woken, and leaves at once.
        let mut guard = self.pull.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pull) = guard.take() {
            pull.end();
            self.context.summarize_all_lines();
            ::log::info!(target: &self.context.name, "Stopping TCP memory bridge.");
        }
    }

    /// Whether [`TcpServer::next_async`] has been used.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_used()
    }

    /// Posted writes that have failed since the server began. Their clients get no response.
    pub fn failed_posts(&self) -> u64 {
        self.context.failed_posts()
    }

    fn stopped(&self) -> Error {
        let text = format!("The server at {}:{} is stopped", self.address, self.port);
        Error::new(ErrorKind::Stopped, text)
    }
}

impl Drop for TcpServer {
    fn drop(&mut self) {
        if !self.home.is_here() {
            // Dropping a socket here would take it out of the event loop of the parent.
            std::mem::forget((Arc::clone(&self.pull), Arc::clone(&self.asked)));
            std::mem::forget(Arc::clone(&self.registry));
            return;
        }
        self.stop();
    }
}

/// Checks a pulled transaction against the access sizes of its slave (`max` 0: no maximum). A read
/// gets its memory here, so that one that is refused takes none. False if it was refused: then it
/// is answered.
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

fn system_error(what: &str, error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::System,
        format!("The server could not {what}: {error}"),
    )
}
