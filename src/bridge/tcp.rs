//! Clients and servers for the C++ classes, and their options. Their stats are in `tcp_stats.rs`.

use std::time::Duration;

use super::boundary::{attempt, guard, lossy};
use super::ffi::{self, ClientOption, ServerOption};
use super::memory::give;
use crate::bus::{Master, Transaction};
use crate::endpoint::{ClientOptions, LinkState, ServerOptions, TcpClient, TcpServer};
use crate::error::{ErrorKind, Result};
use crate::log;

/// A server whose slave must complete each transaction within the master's timeout.
pub(super) fn server_bind(address: &[u8], port: u16, master: &Master) -> Result<Box<TcpServer>> {
    attempt(|| {
        log::init();
        let server = TcpServer::bind(&lossy(address), port, ServerOptions::default())?;
        server.limit_by(master.shared_timeout());
        Ok(Box::new(server))
    })
}

/// Waits for the next transaction, without a time limit. Fails when the server has been stopped.
pub(super) fn server_next(server: &TcpServer) -> Result<*mut u8> {
    let next = attempt(|| loop {
        if let Some(transaction) = server.pull(None)? {
            return Ok(give(transaction));
        }
    });
    if let Err(error) = &next {
        // Not logged: a stop, and a call in a child process, where a slave that forked may return.
        if !matches!(error.kind(), ErrorKind::Stopped | ErrorKind::Forked) {
            guard((), || {
                log::submit("memory.TcpServer", log::ERROR, error.text())
            });
        }
    }
    next
}

/// The slave's `doTransaction` has returned, for a transaction of [`server_next`].
pub(super) fn server_returned(server: &TcpServer, transaction: &Transaction) {
    guard((), || server.returned(transaction));
}

pub(super) fn server_admit(transaction: &Transaction, min: u32, max: u32) -> bool {
    guard(false, || crate::endpoint::admit(transaction, min, max))
}

pub(super) fn server_stop(server: &TcpServer) {
    guard((), || server.stop());
}

pub(super) fn client_new(address: &[u8], port: u16) -> Result<Box<TcpClient>> {
    attempt(|| {
        log::init();
        TcpClient::new(&lossy(address), port, ClientOptions::default()).map(Box::new)
    })
}

pub(super) fn client_do_transaction(client: &TcpClient, transaction: &Transaction) {
    guard((), || client.carry_out(transaction));
}

pub(super) fn client_wait_ready(client: &TcpClient, timeout_s: f64, period_s: f64) -> bool {
    guard(false, || {
        client
            .wait_ready(seconds(timeout_s), seconds(period_s))
            .is_ok()
    })
}

pub(super) fn client_stop(client: &TcpClient) {
    guard((), || client.stop());
}

/// Converts seconds. Negative values and NaN become zero, values that are too large the longest
/// time.
fn seconds(seconds: f64) -> Duration {
    if seconds > 0.0 {
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    } else {
        Duration::ZERO
    }
}

/// Sets one option and leaves the others as they are. The value 0 restores the default.
pub(super) fn server_set(server: &TcpServer, option: ServerOption, value: u64) {
    guard((), || {
        let default = ServerOptions::default();
        let count = |default| number(value, default);
        server.update_options(|options| match option {
            ServerOption::MaxTransaction => {
                let bytes = number(value, default.max_transaction as usize);
                options.max_transaction = u32::try_from(bytes).unwrap_or(u32::MAX);
            }
            ServerOption::MaxOutstanding => {
                options.max_outstanding = count(default.max_outstanding)
            }
            ServerOption::MaxConnections => {
                options.max_connections = count(default.max_connections)
            }
            ServerOption::MaxQueued => options.max_queued = count(default.max_queued),
            ServerOption::MaxQueuedTotal => {
                options.max_queued_total = count(default.max_queued_total);
            }
            ServerOption::MaxClientsPerAddress => {
                options.max_clients_per_address = number(value, 0);
            }
            ServerOption::DropAfterClose => options.drop_after_close = value != 0,
            ServerOption::HandshakeTimeout => {
                options.handshake_timeout = time(value, default.handshake_timeout);
            }
            ServerOption::KeepAlive => options.keep_alive = time(value, default.keep_alive),
            _ => {}
        });
    });
}

pub(super) fn server_get(server: &TcpServer, option: ServerOption) -> u64 {
    guard(0, || {
        let options = server.options();
        match option {
            ServerOption::MaxTransaction => u64::from(options.max_transaction),
            ServerOption::MaxOutstanding => options.max_outstanding as u64,
            ServerOption::MaxConnections => options.max_connections as u64,
            ServerOption::MaxQueued => options.max_queued as u64,
            ServerOption::MaxQueuedTotal => options.max_queued_total as u64,
            ServerOption::MaxClientsPerAddress => options.max_clients_per_address as u64,
            ServerOption::DropAfterClose => u64::from(options.drop_after_close),
            ServerOption::HandshakeTimeout => micros(options.handshake_timeout),
            ServerOption::KeepAlive => micros(options.keep_alive),
            _ => 0,
        }
    })
}

/// Sets one option and leaves the others as they are. The value 0 restores the default.
pub(super) fn client_set(client: &TcpClient, option: ClientOption, value: u64) {
    guard((), || {
        let default = ClientOptions::default();
        client.update_options(|options| match option {
            ClientOption::MaxOutstanding => {
                options.max_outstanding = number(value, default.max_outstanding);
            }
            ClientOption::MaxQueued => options.max_queued = number(value, default.max_queued),
            ClientOption::ConnectTimeout => {
                options.connect_timeout = time(value, default.connect_timeout);
            }
            ClientOption::KeepAlive => options.keep_alive = time(value, default.keep_alive),
            ClientOption::CloseOnTimeout => options.close_on_timeout = value != 0,
            _ => {}
        });
    });
}

pub(super) fn client_get(client: &TcpClient, option: ClientOption) -> u64 {
    guard(0, || {
        let options = client.options();
        match option {
            ClientOption::MaxOutstanding => options.max_outstanding as u64,
            ClientOption::MaxQueued => options.max_queued as u64,
            ClientOption::ConnectTimeout => micros(options.connect_timeout),
            ClientOption::KeepAlive => micros(options.keep_alive),
            ClientOption::CloseOnTimeout => u64::from(options.close_on_timeout),
            _ => 0,
        }
    })
}

pub(super) fn client_link(client: &TcpClient) -> ffi::LinkState {
    guard(ffi::LinkState::Stopped, || match client.link_state() {
        LinkState::Connecting => ffi::LinkState::Connecting,
        LinkState::Connected => ffi::LinkState::Connected,
        LinkState::Lost => ffi::LinkState::Lost,
        LinkState::Stopped => ffi::LinkState::Stopped,
    })
}

/// Waits until the link has the state `link`. False if it does not within `timeout_s` seconds, or
/// if `link` is not a valid state.
pub(super) fn client_wait_link(client: &TcpClient, link: ffi::LinkState, timeout_s: f64) -> bool {
    guard(false, || {
        let wanted = match link {
            ffi::LinkState::Connecting => LinkState::Connecting,
            ffi::LinkState::Connected => LinkState::Connected,
            ffi::LinkState::Lost => LinkState::Lost,
            ffi::LinkState::Stopped => LinkState::Stopped,
            _ => return false,
        };
        client.wait_link(wanted, Some(seconds(timeout_s))).is_ok()
    })
}

fn number(value: u64, default: usize) -> usize {
    match value {
        0 => default,
        _ => usize::try_from(value).unwrap_or(usize::MAX),
    }
}

fn time(value_us: u64, default: Duration) -> Duration {
    match value_us {
        0 => default,
        _ => Duration::from_micros(value_us),
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
