//! What can be set about an endpoint, each with its default. How an endpoint keeps it is in
//! `settings.rs`.
//!
//! There will be more options, so a program does not name all of them: it begins with the defaults, and
//! changes some, by a field or by the method of its name.

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
    /// The largest transaction, in bytes. A larger one is refused by an error response.
    pub max_transaction: u32,
    /// Transactions that may be in the slave's hands at a time; the others wait their turn. Clients
    /// that are at work share them evenly. 1 gives Rogue's behaviour. Those of clients that have gone
    /// do not count: their Reads and Verifies fail at once, so that the slave sees them expired, and
    /// their Writes and Posts count for another second (with 1: all of them, for `keep_alive`). Up to 8
    /// times as many may be with the slave beside those that count.
    pub max_outstanding: usize,
    /// Connections at a time, two for each client. What is over is closed.
    pub max_connections: usize,
    /// Clients at a time from one address, each with two connections; the connections of more are
    /// closed. 0 lets one address have half of `max_connections`. All addresses of an IPv6 network (a
    /// /64) together have at most three quarters of them, or what one address may have if that is more.
    pub max_clients_per_address: usize,
    /// Bytes of responses that may be held for one client: those that wait for it to read them, and
    /// the answers of its transactions in the slave's hands. One that would be more is not started
    /// while anything is held.
    pub max_queued: usize,
    /// Bytes of responses that may be held for all clients together. No transaction is started whose
    /// answer does not fit, nor one whose client would hold more than is free then; but a client for
    /// which nothing is held always gets an answer of up to 4096 bytes. When one has waited for room
    /// for a second, those that hold most and take least are closed. As many bytes again may be held
    /// of requests: data that comes in, waits, or is in the slave's hands.
    pub max_queued_total: usize,
    /// The time from a connection's arrival to the end of its handshake. One that has none of its
    /// client's other connection, and sends no request, is closed after that too, or after 10 s if
    /// that is less.
    pub handshake_timeout: Duration,
    /// How long the host of a peer may give no sign of life before its connection is dropped; at least
    /// one second. A client whose host lives, and that takes none of the responses that wait for it, is
    /// dropped after six times as long.
    pub keep_alive: Duration,
    /// The time that the slave has for each transaction, after which the client gets an error;
    /// `None` is no limit. It is kept only while somebody pulls. An hour unless set: a simulator may be
    /// stopped at a breakpoint, and a slave that has lost transactions gets others in the end.
    pub timeout: Option<Duration>,
    /// Hand nothing to the slave that a client sent before it closed its connection, and that has
    /// not been handed out yet. Without this it is carried out: programs post and exit.
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
    /// The time that an access has which is given no other, from the moment the client has taken it:
    /// [`TcpClient::read`](super::TcpClient::read) and its like. What a
    /// [`Master`](crate::bus::Master) asks for has the master's time.
    pub timeout: Duration,
    /// Transactions that may wait for their responses at a time. Who asks for more is held back,
    /// for at most the timeout of the transaction.
    pub max_outstanding: usize,
    /// Bytes of requests that the network has not taken yet, beyond which who asks is held back.
    pub max_queued: usize,
    /// The time that an attempt to connect may take without progress, handshake included. It begins
    /// anew when a connection opens, and when the server's greeting or its READY has come, so an
    /// attempt takes at most six times as long.
    pub connect_timeout: Duration,
    /// How long the server's host may give no sign of life before the connection counts as lost; at
    /// least one second. A server whose host lives is waited for, however long it takes nothing.
    pub keep_alive: Duration,
    /// Close the connection, and make a new one, when a transaction that was sent times out: what
    /// this host has not sent of it by then never leaves. What else is under way fails.
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
