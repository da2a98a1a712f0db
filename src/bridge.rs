//! The bridge to the C++ classes: the functions of this crate that `cpp/*.cpp` calls, by way of
//! `cxx`.
//!
//! C++ calls Rust here, and Rust never calls C++: only C++ knows the user's slaves, which are C++
//! objects. So no Rust frame lies beneath the user's code. `cxx` ends the process when a panic
//! reaches it, so every body that could panic is inside [`guard`], [`attempt`] or `ask`. What
//! concerns the C++ classes alone is not here: which slave a master is connected to, and which
//! thread calls a slave.
//!
//! This file has the declarations, and the functions that belong to no class. The functions for
//! masters, slaves and transactions are in `bridge/memory.rs`, those for clients and servers in
//! `bridge/tcp.rs` and `bridge/tcp_stats.rs`.

mod boundary;
mod memory;
mod tcp;
mod tcp_stats;

use crate::bus::{self, DataLock, Emulate, Master, SlaveBase, Transaction};
use crate::endpoint::{TcpClient, TcpServer};
use crate::error::Result;
use crate::log;
use boundary::{attempt, guard, lossy};
use memory::*;
use tcp::*;
use tcp_stats::*;

// The generated code is `unsafe` throughout; cxx checks that the types match on both sides.
#[allow(unsafe_code)]
#[cxx::bridge(namespace = "rogue_memory_bridge")]
mod ffi {
    /// An option of a server, to be set or read. Times are in microseconds.
    enum ServerOption {
        MaxTransaction,
        MaxOutstanding,
        MaxConnections,
        MaxQueued,
        MaxQueuedTotal,
        MaxClientsPerAddress,
        HandshakeTimeout,
        KeepAlive,
        /// 0 or 1.
        DropAfterClose,
    }

    /// An option of a client, to be set or read. Times are in microseconds.
    enum ClientOption {
        MaxOutstanding,
        MaxQueued,
        ConnectTimeout,
        KeepAlive,
        /// 0 or 1.
        CloseOnTimeout,
    }

    struct Outcomes {
        done: u64,
        failed: u64,
    }

    /// Times are in nanoseconds.
    struct Latency {
        count: u64,
        min: u64,
        mean: u64,
        p50: u64,
        p90: u64,
        p99: u64,
        p999: u64,
        max: u64,
    }

    struct Traffic {
        reads: Outcomes,
        writes: Outcomes,
        posts: Outcomes,
        verifies: Outcomes,
        timed_out: u64,
        refused: u64,
        bytes_read: u64,
        bytes_written: u64,
        outstanding: u64,
        most_outstanding: u64,
        latency: Latency,
    }

    struct ServerStats {
        traffic: Traffic,
        connections: u64,
        connections_total: u64,
        dropped_over_limit: u64,
        dropped_handshake: u64,
        dropped_protocol: u64,
        dropped_not_reading: u64,
        dropped_network: u64,
        bytes_queued: u64,
        failed_posts: u64,
    }

    struct PeerStats {
        address: String,
        port: u16,
        session: bool,
        traffic: Traffic,
        bytes_queued: u64,
    }

    struct ClientStats {
        traffic: Traffic,
        connection: Traffic,
        connects: u64,
        losses: u64,
        failed_attempts: u64,
        unacknowledged_bytes: u64,
        unacknowledged_posts: u64,
    }

    /// Whether a client has a connection. The numbers are those of the C++ `TcpLinkState`.
    #[repr(u32)]
    enum LinkState {
        Connecting = 1,
        Connected = 2,
        Lost = 3,
        Stopped = 4,
    }

    extern "Rust" {
        fn log_set_level(level: u32);
        fn log_set_filter(name: &[u8], level: u32);
        fn log_level_for(name: &[u8]) -> u32;
        fn log_enabled(name: &[u8], level: u32) -> bool;
        fn log_submit(name: &[u8], level: u32, text: &[u8]);
        fn log_set_emit_stdout(enable: bool);
        fn log_emit_stdout() -> bool;
        fn log_set_emit_stderr(enable: bool);
        fn log_emit_stderr() -> bool;
        fn log_dropped() -> u64;
        fn log_normalize_name(name: &[u8]) -> String;

        /// C++ keeps a handle in a pointer, so that it needs no allocation of its own. A function
        /// that makes a handle returns it as a pointer, which C++ must give to `transaction_free`
        /// once.
        type Transaction;
        fn transaction_new(timeout_us: u64) -> Result<*mut u8>;
        unsafe fn transaction_free(handle: *mut u8);
        fn transaction_id(transaction: &Transaction) -> u32;
        fn transaction_address(transaction: &Transaction) -> u64;
        fn transaction_offset_address(transaction: &Transaction, offset: u64) -> bool;
        fn transaction_size(transaction: &Transaction) -> u32;
        fn transaction_kind(transaction: &Transaction) -> u32;
        fn transaction_expired(transaction: &Transaction) -> bool;
        fn transaction_done(transaction: &Transaction);
        fn transaction_fail(transaction: &Transaction, text: &[u8]);
        fn transaction_taken(transaction: &Transaction);
        fn transaction_refresh(transaction: &Transaction);
        fn transaction_refresh_after(transaction: &Transaction, reference: &Transaction);
        fn transaction_start(transaction: &Transaction) -> *mut u8;
        fn transaction_piece(
            transaction: &Transaction,
            offset: u32,
            size: u32,
            address: u64,
        ) -> Result<*mut u8>;
        fn transaction_seal(transaction: &Transaction);
        fn max_pieces() -> u32;

        type DataLock;
        fn transaction_lock(transaction: &Transaction) -> Result<Box<DataLock>>;

        type Master;
        fn master_new() -> Result<Box<Master>>;
        fn master_set_timeout(master: &Master, timeout_us: u64);
        unsafe fn master_create(
            master: &Master,
            address: u64,
            size: u32,
            data: *mut u8,
            kind: u32,
            refused: &mut bool,
        ) -> Result<*mut u8>;
        fn master_register(master: &Master, transaction: &Transaction);
        fn master_wait(master: &Master, id: u32);
        fn master_is_here(master: &Master) -> bool;
        fn master_error(master: &Master) -> String;
        fn master_clear_error(master: &Master);

        type SlaveBase;
        fn slave_new(min: u32, max: u32) -> Result<Box<SlaveBase>>;
        fn slave_id(slave: &SlaveBase) -> u32;
        fn slave_name(slave: &SlaveBase) -> String;
        fn slave_set_name(slave: &SlaveBase, name: &[u8]);
        fn slave_note_added(slave: &SlaveBase, transaction: &Transaction);
        fn slave_note_taken(slave: &SlaveBase, transaction: &Transaction);
        fn unconnected_text() -> String;

        type Emulate;
        fn emulate_new(min: u32, max: u32) -> Result<Box<Emulate>>;
        fn emulate_do_transaction(emulate: &Emulate, transaction: &Transaction);

        type TcpServer;
        fn server_bind(address: &[u8], port: u16, master: &Master) -> Result<Box<TcpServer>>;
        fn server_next(server: &TcpServer) -> Result<*mut u8>;
        fn server_returned(server: &TcpServer, transaction: &Transaction);
        fn server_admit(transaction: &Transaction, min: u32, max: u32) -> bool;
        fn server_stop(server: &TcpServer);
        fn server_set(server: &TcpServer, option: ServerOption, value: u64);
        fn server_get(server: &TcpServer, option: ServerOption) -> u64;
        fn server_stats(server: &TcpServer) -> Result<ServerStats>;
        fn server_peer_stats(server: &TcpServer) -> Result<Vec<PeerStats>>;

        type TcpClient;
        fn client_new(address: &[u8], port: u16) -> Result<Box<TcpClient>>;
        fn client_do_transaction(client: &TcpClient, transaction: &Transaction);
        fn client_wait_ready(client: &TcpClient, timeout_s: f64, period_s: f64) -> bool;
        fn client_stop(client: &TcpClient);
        fn client_set(client: &TcpClient, option: ClientOption, value: u64);
        fn client_get(client: &TcpClient, option: ClientOption) -> u64;
        fn client_stats(client: &TcpClient) -> Result<ClientStats>;
        fn client_link(client: &TcpClient) -> LinkState;
        fn client_wait_link(client: &TcpClient, link: LinkState, timeout_s: f64) -> bool;

        fn copy_bits(
            target: &mut [u8],
            target_lsb: u32,
            source: &[u8],
            source_lsb: u32,
            bits: u32,
        ) -> Result<()>;
        fn set_bits(target: &mut [u8], lsb: u32, bits: u32) -> Result<()>;
        fn any_bits(source: &[u8], lsb: u32, bits: u32) -> Result<bool>;
    }
}

fn log_set_level(level: u32) {
    guard((), || log::set_level(level));
}

fn log_set_filter(name: &[u8], level: u32) {
    guard((), || log::set_filter(&lossy(name), level));
}

fn log_level_for(name: &[u8]) -> u32 {
    guard(0, || {
        log::init();
        log::level_for(&String::from_utf8_lossy(name))
    })
}

fn log_enabled(name: &[u8], level: u32) -> bool {
    guard(false, || {
        log::init();
        log::enabled(&String::from_utf8_lossy(name), level)
    })
}

fn log_submit(name: &[u8], level: u32, text: &[u8]) {
    let (name, text) = (String::from_utf8_lossy(name), String::from_utf8_lossy(text));
    guard((), || {
        log::init();
        log::submit(&name, level, &text);
    });
}

fn log_set_emit_stdout(enable: bool) {
    guard((), || log::set_emit_stdout(enable));
}

fn log_emit_stdout() -> bool {
    guard(false, log::emit_stdout)
}

fn log_set_emit_stderr(enable: bool) {
    guard((), || log::set_emit_stderr(enable));
}

fn log_emit_stderr() -> bool {
    guard(false, log::emit_stderr)
}

fn log_dropped() -> u64 {
    guard(0, log::dropped)
}

fn log_normalize_name(name: &[u8]) -> String {
    guard(String::new(), || {
        log::normalize_name(&lossy(name)).into_owned()
    })
}

fn copy_bits(
    target: &mut [u8],
    target_lsb: u32,
    source: &[u8],
    source_lsb: u32,
    bits: u32,
) -> Result<()> {
    attempt(|| bus::copy_bits(target, target_lsb, source, source_lsb, bits))
}

fn set_bits(target: &mut [u8], lsb: u32, bits: u32) -> Result<()> {
    attempt(|| bus::set_bits(target, lsb, bits))
}

fn any_bits(source: &[u8], lsb: u32, bits: u32) -> Result<bool> {
    attempt(|| bus::any_bits(source, lsb, bits))
}
