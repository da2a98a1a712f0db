//! The options of the TCP server and client, as structs that later versions may make longer
//! (`growing.rs`). A member that is 0, or that the program does not know, has its default. The
//! functions that set options at work are with the server and the client.

use std::mem::size_of;
use std::time::Duration;

use super::args::{check_limits, wait_time, RIM_FOREVER_US};
use super::boundary::call;
use super::growing::{self, Growing, Places};
use super::status::rim_status;
use crate::bus::DEFAULT_TIMEOUT;
use crate::endpoint::{ClientOptions, ServerOptions};
use crate::error::{Error, ErrorKind, Result};

/// Limits and times of a TCP server. A member that is 0 has its default.
///
/// Later versions add members at the end. struct_size says which members the program knows; the
/// others have their defaults. If the program is newer than the library and sets a member that the
/// library does not know, it is refused with RIM_STATUS_INVALID_ARGUMENT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_tcp_server_options {
    /// The size of this struct, sizeof(rim_tcp_server_options). rim_tcp_server_options_init sets
    /// it.
    pub struct_size: usize,
    /// The largest transaction, in bytes. A larger one is refused. Default 16777216.
    pub max_transaction: usize,
    /// The most transactions that the slave has at a time; further ones wait. With 1, the next
    /// transaction comes when the one before it is complete. Default 32.
    ///
    /// Transactions of clients that are gone do not count, with two exceptions: their writes count
    /// for another second, and if this option is 1, all of them count for keep_alive_us. Their
    /// reads have failed (see rim_transaction_expired). In addition to those that count, the slave
    /// may have up to 8 times as many that do not.
    pub max_outstanding: usize,
    /// The most connections at a time, two for each client. Further ones are closed. Default 4096.
    pub max_connections: usize,
    /// The most bytes of responses that are held for one client: those that wait until it reads
    /// them, and the answers of its transactions that the slave has. A transaction whose answer
    /// would exceed this waits. Default 33554432.
    pub max_queued: usize,
    /// For rim_tcp_server_next only: the smallest access, in bytes. A smaller one is refused.
    /// Default 4. With a slave, the server uses the slave's minimum.
    pub min_access: u32,
    /// For rim_tcp_server_next only: the largest access, in bytes. A larger one is refused.
    /// Default: no limit but max_transaction. With a slave, the server uses the slave's maximum.
    pub max_access: u32,
    /// The time from a connection's arrival to the end of its handshake. After this time, or after
    /// 10 s if that is less, a connection is also closed if it has sent no request and its client
    /// has not made its other connection. Default 30000000.
    pub handshake_timeout_us: u64,
    /// How long the host of a client may give no sign of life before its connections are dropped;
    /// at least one second. A client whose host is alive, but which takes none of the responses
    /// that wait for it, is dropped after six times as long. Default 10000000.
    pub keep_alive_us: u64,
    /// The most bytes of responses that are held for all clients together. A transaction whose
    /// answer does not fit waits; a client for which nothing is held always gets an answer of up to
    /// 4096 bytes. When one has waited for a second, the clients that hold most and take least are
    /// closed. The same number of bytes may be held of requests. Default 268435456.
    pub max_queued_total: usize,
    /// The time that the slave has for each transaction, see rim_tcp_server_set_timeout_us.
    /// RIM_FOREVER_US is no limit. Default 3600000000, an hour, so that even a slave that loses
    /// transactions gets new ones in the end.
    pub timeout_us: u64,
    /// The most clients at a time from one address, each with two connections. The connections of
    /// further clients are closed. Default: as many as half of max_connections allows. All
    /// addresses of one IPv6 network (a /64) together have at most three quarters of
    /// max_connections, or what one address may have if that is more.
    pub max_clients_per_address: usize,
    /// 1: when a client closes its connection, what it sent before and the slave does not have yet
    /// is dropped. Default 0: it is carried out, since programs post and exit.
    pub drop_after_close: u64,
}

/// Limits and times of a TCP client. A member that is 0 has its default. Later versions add members
/// at the end, see rim_tcp_server_options.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_tcp_client_options {
    /// The size of this struct, sizeof(rim_tcp_client_options). rim_tcp_client_options_init sets
    /// it.
    pub struct_size: usize,
    /// The most transactions that wait for their responses at a time. Above it, calls that make a
    /// transaction block, for at most the transaction's timeout. Default 65536.
    pub max_outstanding: usize,
    /// The most bytes of requests that wait until the network takes them. Above it, calls that make
    /// a transaction block, for at most the transaction's timeout; then the transaction fails with
    /// RIM_STATUS_TIMEOUT, and nothing of it is sent. Default 1048576.
    pub max_queued: usize,
    /// How long an attempt to connect may make no progress. The time starts again when a connection
    /// opens, when the server's greeting arrives and when its READY arrives, so an attempt takes at
    /// most six times as long. Default 5000000.
    pub connect_timeout_us: u64,
    /// How long the server's host may give no sign of life before the connection counts as lost; at
    /// least one second. As long as the host is alive the client waits, even if the server takes
    /// nothing. Default 10000000.
    pub keep_alive_us: u64,
    /// The client's own timeout: that of each rim_tcp_client_read, _write, _post, _verify and
    /// _request that is given a timeout of 0. Default RIM_DEFAULT_TIMEOUT_US.
    pub timeout_us: u64,
    /// 1: when a transaction that was sent times out, the connection is closed and a new one is
    /// made. What this host has not sent of it by then is never sent. Other transactions under way
    /// fail with RIM_STATUS_CONNECTION_LOST. Default 0. See rim_tcp_client_write.
    pub close_on_timeout: u64,
}

/// The default of `rim_tcp_server_options::min_access`: registers are words.
const MIN_ACCESS: u32 = 4;

// SAFETY: integers only, the first of them the size.
unsafe impl Growing for rim_tcp_server_options {
    const NAME: &'static str = "rim_tcp_server_options";
    const ADVICE: &'static str = "call rim_tcp_server_options_init first";
}

// SAFETY: integers only, the first of them the size.
unsafe impl Growing for rim_tcp_client_options {
    const NAME: &'static str = "rim_tcp_client_options";
    const ADVICE: &'static str = "call rim_tcp_client_options_init first";
}

/// Fills in the defaults. struct_size is sizeof(rim_tcp_server_options).
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_options_init(
    options: *mut rim_tcp_server_options,
    struct_size: usize,
) -> rim_status {
    call(|| {
        // SAFETY: `options` is NULL or the caller has `struct_size` bytes there.
        let place = unsafe { Places::one(options, struct_size, "options") }?;
        place.set([ServerSetup::default().to_c()]);
        Ok(())
    })
}

/// Fills in the defaults. struct_size is sizeof(rim_tcp_client_options).
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_options_init(
    options: *mut rim_tcp_client_options,
    struct_size: usize,
) -> rim_status {
    call(|| {
        // SAFETY: `options` is NULL or the caller has `struct_size` bytes there.
        let place = unsafe { Places::one(options, struct_size, "options") }?;
        place.set([ClientSetup::default().to_c()]);
        Ok(())
    })
}

/// The options of a server, and the access sizes of a program that polls it.
#[derive(Clone)]
pub(super) struct ServerSetup {
    pub(super) options: ServerOptions,
    pub(super) access: AccessSizes,
}

/// The access sizes of a program that polls a server, in bytes; a maximum of 0 is no limit.
#[derive(Clone, Copy)]
pub(super) struct AccessSizes {
    pub(super) min: u32,
    pub(super) max: u32,
}

/// The options of a client, and the timeout of calls that are given 0.
#[derive(Clone)]
pub(super) struct ClientSetup {
    pub(super) options: ClientOptions,
    pub(super) timeout: Duration,
}

impl Default for ServerSetup {
    fn default() -> ServerSetup {
        ServerSetup {
            options: ServerOptions::default(),
            access: AccessSizes {
                min: MIN_ACCESS,
                max: 0,
            },
        }
    }
}

impl Default for ClientSetup {
    fn default() -> ClientSetup {
        ClientSetup {
            options: ClientOptions::default(),
            timeout: DEFAULT_TIMEOUT,
        }
    }
}

impl ServerSetup {
    /// The setup that C gave, or the defaults for NULL.
    ///
    /// # Safety
    ///
    /// As for [`growing::read`].
    pub(super) unsafe fn from_c(options: *const rim_tcp_server_options) -> Result<ServerSetup> {
        // SAFETY: the caller's promise.
        let given = unsafe { growing::read(options) }?;
        let mut setup = ServerSetup::default();
        let options = &mut setup.options;
        if given.max_transaction != 0 {
            options.max_transaction = u32::try_from(given.max_transaction).unwrap_or(u32::MAX);
        }
        set(&mut options.max_outstanding, given.max_outstanding);
        set(&mut options.max_connections, given.max_connections);
        set(&mut options.max_queued, given.max_queued);
        set(&mut options.max_queued_total, given.max_queued_total);
        options.max_clients_per_address = given.max_clients_per_address;
        options.drop_after_close = switch(given.drop_after_close, "drop_after_close")?;
        set_time(&mut options.handshake_timeout, given.handshake_timeout_us);
        set_time(&mut options.keep_alive, given.keep_alive_us);
        if given.timeout_us != 0 {
            options.timeout = wait_time(given.timeout_us);
        }
        if given.min_access != 0 {
            setup.access.min = given.min_access;
        }
        setup.access.max = given.max_access;
        check_limits(setup.access.min, setup.access.max)?;
        Ok(setup)
    }

    pub(super) fn to_c(&self) -> rim_tcp_server_options {
        let options = &self.options;
        rim_tcp_server_options {
            struct_size: size_of::<rim_tcp_server_options>(),
            max_transaction: options.max_transaction as usize,
            max_outstanding: options.max_outstanding,
            max_connections: options.max_connections,
            max_queued: options.max_queued,
            min_access: self.access.min,
            max_access: self.access.max,
            handshake_timeout_us: micros(options.handshake_timeout),
            keep_alive_us: micros(options.keep_alive),
            max_queued_total: options.max_queued_total,
            timeout_us: options.timeout.map_or(RIM_FOREVER_US, micros),
            max_clients_per_address: options.max_clients_per_address,
            drop_after_close: u64::from(options.drop_after_close),
        }
    }
}

impl ClientSetup {
    /// The setup that C gave, or the defaults for NULL.
    ///
    /// # Safety
    ///
    /// As for [`growing::read`].
    pub(super) unsafe fn from_c(options: *const rim_tcp_client_options) -> Result<ClientSetup> {
        // SAFETY: the caller's promise.
        let given = unsafe { growing::read(options) }?;
        let mut setup = ClientSetup::default();
        let options = &mut setup.options;
        set(&mut options.max_outstanding, given.max_outstanding);
        set(&mut options.max_queued, given.max_queued);
        set_time(&mut options.connect_timeout, given.connect_timeout_us);
        set_time(&mut options.keep_alive, given.keep_alive_us);
        options.close_on_timeout = switch(given.close_on_timeout, "close_on_timeout")?;
        set_time(&mut setup.timeout, given.timeout_us);
        Ok(setup)
    }

    pub(super) fn to_c(&self) -> rim_tcp_client_options {
        let options = &self.options;
        rim_tcp_client_options {
            struct_size: size_of::<rim_tcp_client_options>(),
            max_outstanding: options.max_outstanding,
            max_queued: options.max_queued,
            connect_timeout_us: micros(options.connect_timeout),
            keep_alive_us: micros(options.keep_alive),
            timeout_us: micros(self.timeout),
            close_on_timeout: u64::from(options.close_on_timeout),
        }
    }
}

fn set(option: &mut usize, given: usize) {
    if given != 0 {
        *option = given;
    }
}

fn switch(given: u64, name: &str) -> Result<bool> {
    match given {
        0 | 1 => Ok(given == 1),
        _ => {
            let text = format!("{name} is {given}: it must be 0 or 1");
            Err(Error::new(ErrorKind::InvalidArgument, text))
        }
    }
}

fn set_time(option: &mut Duration, given_us: u64) {
    if given_us != 0 {
        *option = Duration::from_micros(given_us);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
