//! The options of endpoints, with their defaults. `settings.rs` holds those of a running endpoint.
//!
//! There will be more options, so a program does not name all of them: it begins with the defaults
//! and changes some, by a field or by the method of its name.

use std::time::Duration;

use crate::bus::DEFAULT_TIMEOUT;

/// Adds a `with_` method for each field.
macro_rules! with_methods {
    ($options:ident { $($with:ident: $field:ident: $type:ty,)* }) => {
        impl $options {
            $(
                #[doc = concat!(
                    "These options, with another [`", stringify!($field), "`](Self::",
                    stringify!($field), ")."
                )]
                #[must_use]
                pub fn $with(mut self, $field: $type) -> $options {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}

/// Limits and times of a [`TcpServer`](super::TcpServer).
///
/// ```
/// use rogue_memory_bridge::ServerOptions;
/// use std::time::Duration;
///
/// let options = ServerOptions::default()
///     .with_max_outstanding(1)
///     .with_timeout(Some(Duration::from_secs(5)));
/// assert_eq!(options.max_outstanding, 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Size of the largest transaction in bytes. A larger one gets an error response. Default: 16
    /// MiB.
    pub max_transaction: u32,
    /// Most transactions that the slave works on at a time; others wait. Active clients share them
    /// evenly. 1 gives Rogue's behaviour. Default: 32.
    ///
    /// Transactions of clients that have gone do not count: Reads and Verifies fail at once, so
    /// that the slave sees them as expired; Writes and Posts count for one more second. With 1, all
    /// of them count for `keep_alive`. The slave may hold up to 8 times this number of transactions
    /// that do not count.
    pub max_outstanding: usize,
    /// Most connections at a time; each client has two. Further ones are closed. Default: 4096.
    pub max_connections: usize,
    /// Most clients at a time from one address, each with two connections. Connections of further
    /// clients are closed. 0, the default, allows one address half of `max_connections`. All
    /// addresses of an IPv6 network (a /64) together may have three quarters of `max_connections`,
    /// or as many as one address may have if that is more.
    pub max_clients_per_address: usize,
    /// Most bytes of responses that are held for one client: responses that it has not read yet,
    /// and those of its transactions that the slave works on. A transaction whose response would
    /// exceed the limit is not started while any response is held. Default: 32 MiB.
    pub max_queued: usize,
    /// Most bytes of responses that are held for all clients together. A transaction is not started
    /// if its response does not fit, or if its client would then hold more than is left free. A
    /// client that holds nothing always gets a response of up to 4096 bytes. When a transaction has
    /// waited for room for a second, the clients that hold most and read least are closed. The data
    /// of requests has a separate limit of the same size. Default: 256 MiB.
    pub max_queued_total: usize,
    /// Longest time from the arrival of a connection to the end of its handshake. A connection
    /// without the client's other connection, and without a request, is closed after the same time,
    /// or after 10 s if that is less. Default: 30 s.
    pub handshake_timeout: Duration,
    /// Longest time without a sign of life from the client's host before its connection is closed;
    /// at least 1 s. A client whose host is alive, but which reads none of its waiting responses,
    /// is closed after six times as long. Default: 10 s.
    pub keep_alive: Duration,
    /// Longest time that the slave may take for a transaction; then the client gets an error.
    /// `None`: no limit. It is checked only while the server is pulled. Default: one hour, since a
    /// simulator may be stopped at a breakpoint. A limit is needed because a slave that loses
    /// transactions would get no others in the end.
    pub timeout: Option<Duration>,
    /// Discard transactions that the slave has not received when their client closes its
    /// connection. Default: no, they are carried out, since programs post a write and exit.
    pub drop_after_close: bool,
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions {
            max_transaction: 16 << 20,
            max_outstanding: 32,
            max_connections: 4096,
            max_clients_per_address: 0,
            max_queued: 32 << 20,
            max_queued_total: 256 << 20,
            handshake_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(10),
            timeout: Some(Duration::from_secs(3600)),
            drop_after_close: false,
        }
    }
}

with_methods!(ServerOptions {
    with_max_transaction: max_transaction: u32,
    with_max_outstanding: max_outstanding: usize,
    with_max_connections: max_connections: usize,
    with_max_clients_per_address: max_clients_per_address: usize,
    with_max_queued: max_queued: usize,
    with_max_queued_total: max_queued_total: usize,
    with_handshake_timeout: handshake_timeout: Duration,
    with_keep_alive: keep_alive: Duration,
    with_timeout: timeout: Option<Duration>,
    with_drop_after_close: drop_after_close: bool,
});

/// Limits and times of a [`TcpClient`](super::TcpClient).
///
/// ```
/// use rogue_memory_bridge::ClientOptions;
/// use std::time::Duration;
///
/// let options = ClientOptions::default().with_timeout(Duration::from_millis(200));
/// assert_eq!(options.timeout, Duration::from_millis(200));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Time that a call such as [`TcpClient::read`](super::TcpClient::read) has, from the moment
    /// the client has taken it. Transactions of a [`Master`](crate::bus::Master) have the master's
    /// time. Default: 1 s.
    pub timeout: Duration,
    /// Most transactions that wait for their responses at a time, above which callers block, for at
    /// most the timeout of their transaction. Default: 65536.
    pub max_outstanding: usize,
    /// Most bytes of requests that the network has not taken yet, above which callers block.
    /// Default: 1 MiB.
    pub max_queued: usize,
    /// Longest time without progress in an attempt to connect, handshake included. It starts again
    /// when a connection opens, and when the server's greeting or READY arrives, so an attempt
    /// takes at most six times as long. Default: 5 s.
    pub connect_timeout: Duration,
    /// Longest time without a sign of life from the server's host before the connection counts as
    /// lost; at least 1 s. While the host is alive, the client waits, even if the server reads
    /// nothing. Default: 10 s.
    pub keep_alive: Duration,
    /// When a transaction that was sent times out, close the connection and make a new one: bytes
    /// of its request that this host has not sent by then are never sent. All other outstanding
    /// transactions fail. Default: no.
    pub close_on_timeout: bool,
}

impl Default for ClientOptions {
    fn default() -> ClientOptions {
        ClientOptions {
            timeout: DEFAULT_TIMEOUT,
            max_outstanding: 65536,
            max_queued: 1 << 20,
            connect_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(10),
            close_on_timeout: false,
        }
    }
}

with_methods!(ClientOptions {
    with_timeout: timeout: Duration,
    with_max_outstanding: max_outstanding: usize,
    with_max_queued: max_queued: usize,
    with_connect_timeout: connect_timeout: Duration,
    with_keep_alive: keep_alive: Duration,
    with_close_on_timeout: close_on_timeout: bool,
});
