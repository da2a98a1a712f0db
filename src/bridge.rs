//! The bridge to the C++ classes: what `cpp/*.cpp` calls of this crate, by way of `cxx`.
//!
//! C++ calls Rust here, and Rust never calls C++: the user's slaves are C++ objects that only C++
//! knows, so no frame of Rust lies beneath the user's code. `cxx` ends the process when a panic
//! reaches it, hence [`guard`] and [`attempt`] around every body. What belongs to the C++ classes
//! alone (who is connected to whom, which thread calls a slave) is not here.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::Duration;

use crate::bus::{self, DataLock, Emulate, Master, Slave, SlaveBase, Transaction};
use crate::endpoint::{ClientOptions, ServerOptions, TcpClient, TcpServer};
use crate::error::{Error, ErrorKind, Result};
use crate::log;

// The generated code is `unsafe` through and through; cxx checks both sides' types against each other.
#[allow(unsafe_code)]
#[cxx::bridge(namespace = "rogue_memory_bridge")]
mod ffi {
    extern "Rust" {
        fn log_set_level(level: u32);
        fn log_set_filter(name: &[u8], level: u32);
        fn log_level_for(name: &[u8]) -> u32;
        fn log_enabled(name: &[u8], level: u32) -> bool;
        fn log_submit(name: &[u8], level: u32, text: &[u8]);
        fn log_set_emit_stdout(enable: bool);
        fn log_emit_stdout() -> bool;
        fn log_normalize_name(name: &[u8]) -> String;

        type Transaction;
        fn transaction_new(timeout_us: u64) -> Result<Box<Transaction>>;
        fn transaction_id(transaction: &Transaction) -> u32;
        fn transaction_address(transaction: &Transaction) -> u64;
        fn transaction_offset_address(transaction: &Transaction, offset: u64);
        fn transaction_size(transaction: &Transaction) -> u32;
        fn transaction_kind(transaction: &Transaction) -> u32;
        fn transaction_expired(transaction: &Transaction) -> bool;
        fn transaction_completed(transaction: &Transaction) -> bool;
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
        ) -> Result<Box<Transaction>>;
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
        ) -> Result<Box<Transaction>>;
        fn master_register(master: &Master, transaction: &Transaction);
        fn master_wait(master: &Master, id: u32);
        fn master_error(master: &Master) -> String;
        fn master_clear_error(master: &Master);

        type SlaveBase;
        fn slave_new(min: u32, max: u32) -> Result<Box<SlaveBase>>;
        fn slave_id(slave: &SlaveBase) -> u32;
        fn slave_min(slave: &SlaveBase) -> u32;
        fn slave_max(slave: &SlaveBase) -> u32;
        fn slave_name(slave: &SlaveBase) -> String;
        fn slave_set_name(slave: &SlaveBase, name: &[u8]);
        fn slave_note_added(slave: &SlaveBase, transaction: &Transaction);
        fn slave_note_taken(slave: &SlaveBase, transaction: &Transaction);
        fn unconnected_text() -> String;

        type Emulate;
        fn emulate_new(min: u32, max: u32) -> Result<Box<Emulate>>;
        fn emulate_do_transaction(emulate: &Emulate, transaction: &Transaction);

        type TcpServer;
        fn server_bind(address: &[u8], port: u16) -> Result<Box<TcpServer>>;
        fn server_next(server: &TcpServer, master: &Master) -> Result<Box<Transaction>>;
        fn server_admit(transaction: &Transaction, min: u32, max: u32) -> bool;
        fn server_stop(server: &TcpServer);

        type TcpClient;
        fn client_new(address: &[u8], port: u16) -> Result<Box<TcpClient>>;
        fn client_do_transaction(client: &TcpClient, transaction: &Transaction);
        fn client_wait_ready(client: &TcpClient, timeout_s: f64, period_s: f64) -> bool;
        fn client_stop(client: &TcpClient);

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

/// Runs `body`; a panic in it becomes an error.
fn attempt<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|panic| Err(Error::from_panic("Panic inside the library", panic)))
}

/// Runs a `body` that cannot fail; should it panic, that is logged and `otherwise` is the result.
fn guard<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    attempt(|| Ok(body())).unwrap_or_else(|error| {
        // The panic may have been the logger's.
        let _ = attempt(|| {
            log::submit("memory", log::CRITICAL, error.text());
            Ok(())
        });
        otherwise
    })
}

/// Text from C++, which may be of any encoding.
fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

fn log_set_level(level: u32) {
    guard((), || log::set_level(level));
}

fn log_set_filter(name: &[u8], level: u32) {
    guard((), || log::set_filter(&lossy(name), level));
}

fn log_level_for(name: &[u8]) -> u32 {
    guard(0, || log::level_for(&String::from_utf8_lossy(name)))
}

fn log_enabled(name: &[u8], level: u32) -> bool {
    guard(false, || {
        log::enabled(&String::from_utf8_lossy(name), level)
    })
}

fn log_submit(name: &[u8], level: u32, text: &[u8]) {
    let (name, text) = (String::from_utf8_lossy(name), String::from_utf8_lossy(text));
    guard((), || log::submit(&name, level, &text));
}

fn log_set_emit_stdout(enable: bool) {
    guard((), || log::set_emit_stdout(enable));
}

fn log_emit_stdout() -> bool {
    guard(false, log::emit_stdout)
}

fn log_normalize_name(name: &[u8]) -> String {
    guard(String::new(), || {
        log::normalize_name(&lossy(name)).into_owned()
    })
}

fn transaction_new(timeout_us: u64) -> Result<Box<Transaction>> {
    attempt(|| {
        log::init();
        Ok(Box::new(Transaction::new(
            0,
            0,
            0,
            None,
            Duration::from_micros(timeout_us),
        )))
    })
}

fn transaction_id(transaction: &Transaction) -> u32 {
    guard(0, || transaction.id())
}

fn transaction_address(transaction: &Transaction) -> u64 {
    guard(0, || transaction.address())
}

fn transaction_offset_address(transaction: &Transaction, offset: u64) {
    guard((), || transaction.offset_address(offset));
}

fn transaction_size(transaction: &Transaction) -> u32 {
    guard(0, || transaction.size())
}

fn transaction_kind(transaction: &Transaction) -> u32 {
    guard(0, || transaction.kind())
}

fn transaction_expired(transaction: &Transaction) -> bool {
    guard(true, || transaction.expired())
}

fn transaction_completed(transaction: &Transaction) -> bool {
    guard(true, || transaction.completed())
}

fn transaction_done(transaction: &Transaction) {
    guard((), || _ = transaction.done());
}

fn transaction_fail(transaction: &Transaction, text: &[u8]) {
    guard((), || _ = transaction.fail_with(lossy(text)));
}

fn transaction_taken(transaction: &Transaction) {
    guard((), || transaction.taken());
}

fn transaction_refresh(transaction: &Transaction) {
    guard((), || transaction.refresh(None));
}

fn transaction_refresh_after(transaction: &Transaction, reference: &Transaction) {
    guard((), || transaction.refresh(Some(reference)));
}

/// Where the bytes start; null when they are out of reach.
fn transaction_start(transaction: &Transaction) -> *mut u8 {
    guard(std::ptr::null_mut(), || {
        transaction
            .start()
            .map_or(std::ptr::null_mut(), |start| start.as_ptr())
    })
}

fn transaction_piece(
    transaction: &Transaction,
    offset: u32,
    size: u32,
    address: u64,
) -> Result<Box<Transaction>> {
    attempt(|| transaction.piece(offset, size, address).map(Box::new))
}

fn transaction_seal(transaction: &Transaction) {
    guard((), || transaction.seal());
}

fn max_pieces() -> u32 {
    bus::MAX_PIECES
}

fn transaction_lock(transaction: &Transaction) -> Result<Box<DataLock>> {
    attempt(|| Ok(Box::new(transaction.lock())))
}

fn master_new() -> Result<Box<Master>> {
    attempt(|| {
        log::init();
        Ok(Box::new(Master::new()))
    })
}

fn master_set_timeout(master: &Master, timeout_us: u64) {
    guard((), || master.set_timeout(Duration::from_micros(timeout_us)));
}

/// A new transaction, noted as outstanding; completed already when its arguments are at fault.
///
/// # Safety
///
/// As for [`bus::Memory::caller`]: `data` is the caller's promise of `size` bytes until the wait.
#[allow(unsafe_code)]
unsafe fn master_create(
    master: &Master,
    address: u64,
    size: u32,
    data: *mut u8,
    kind: u32,
) -> Result<Box<Transaction>> {
    attempt(|| {
        let memory = if size == 0 {
            bus::Memory::owned(Vec::new())
        } else {
            match bus::caller_start(data, size) {
                // SAFETY: our own caller's promise.
                Ok(start) => unsafe { bus::Memory::caller(start, size as usize) },
                Err(error) => {
                    let refused = Transaction::new(address, size, kind, None, master.timeout());
                    refused.fail(error);
                    master.register(&refused);
                    return Ok(Box::new(refused));
                }
            }
        };
        Ok(Box::new(master.create(address, memory, kind)))
    })
}

fn master_register(master: &Master, transaction: &Transaction) {
    guard((), || master.register(transaction));
}

/// The outcome is kept by the master, for [`master_error`].
fn master_wait(master: &Master, id: u32) {
    guard((), || _ = master.wait(id));
}

fn master_error(master: &Master) -> String {
    guard(String::new(), || {
        master
            .error()
            .map_or(String::new(), |error| error.text().to_owned())
    })
}

fn master_clear_error(master: &Master) {
    guard((), || master.clear_error());
}

fn slave_new(min: u32, max: u32) -> Result<Box<SlaveBase>> {
    attempt(|| {
        log::init();
        Ok(Box::new(SlaveBase::new(min, max)))
    })
}

fn slave_id(slave: &SlaveBase) -> u32 {
    guard(0, || slave.id())
}

fn slave_min(slave: &SlaveBase) -> u32 {
    guard(0, || slave.min())
}

fn slave_max(slave: &SlaveBase) -> u32 {
    guard(0, || slave.max())
}

fn slave_name(slave: &SlaveBase) -> String {
    guard(String::new(), || slave.name())
}

fn slave_set_name(slave: &SlaveBase, name: &[u8]) {
    guard((), || slave.set_name(lossy(name)));
}

fn slave_note_added(slave: &SlaveBase, transaction: &Transaction) {
    guard((), || slave.note_added(transaction));
}

fn slave_note_taken(slave: &SlaveBase, transaction: &Transaction) {
    guard((), || slave.note_taken(transaction));
}

fn unconnected_text() -> String {
    bus::Unconnected::TEXT.to_owned()
}

fn emulate_new(min: u32, max: u32) -> Result<Box<Emulate>> {
    attempt(|| Ok(Box::new(Emulate::new(min, max))))
}

fn emulate_do_transaction(emulate: &Emulate, transaction: &Transaction) {
    guard((), || emulate.do_transaction(transaction.clone()));
}

fn server_bind(address: &[u8], port: u16) -> Result<Box<TcpServer>> {
    attempt(|| {
        log::init();
        TcpServer::bind(&lossy(address), port, ServerOptions::default()).map(Box::new)
    })
}

/// The next transaction, after waiting for it for as long as it takes. Fails when the server has
/// been stopped.
/// The next transaction, which the slave has to complete within the master's timeout.
fn server_next(server: &TcpServer, master: &Master) -> Result<Box<Transaction>> {
    let next = attempt(|| loop {
        if let Some(transaction) = server.next(None)? {
            server.limit(&transaction, master.timeout());
            return Ok(Box::new(transaction));
        }
    });
    if let Err(error) = &next {
        if error.kind() != ErrorKind::Stopped {
            guard((), || {
                log::submit("memory.TcpServer", log::ERROR, error.text())
            });
        }
    }
    next
}

fn server_admit(transaction: &Transaction, min: u32, max: u32) -> bool {
    guard(false, || crate::endpoint::admit(transaction, min, max))
}

fn server_stop(server: &TcpServer) {
    guard((), || server.stop());
}

fn client_new(address: &[u8], port: u16) -> Result<Box<TcpClient>> {
    attempt(|| {
        log::init();
        TcpClient::new(&lossy(address), port, ClientOptions::default()).map(Box::new)
    })
}

fn client_do_transaction(client: &TcpClient, transaction: &Transaction) {
    guard((), || client.do_transaction(transaction.clone()));
}

fn client_wait_ready(client: &TcpClient, timeout_s: f64, period_s: f64) -> bool {
    guard(false, || {
        client
            .wait_ready(seconds(timeout_s), seconds(period_s))
            .is_ok()
    })
}

fn client_stop(client: &TcpClient) {
    guard((), || client.stop());
}

/// A time given in seconds. What is negative or no number is no time; what is too long is the longest.
fn seconds(seconds: f64) -> Duration {
    if seconds > 0.0 {
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    } else {
        Duration::ZERO
    }
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
