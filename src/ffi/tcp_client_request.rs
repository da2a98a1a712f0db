//! Single transactions of a `rim_tcp_client`: functions that wait, and one that calls back.

use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::time::Duration;

use super::args::{named, transaction_data};
use super::boundary::{c_text, call};
use super::foreign::{completing, may_wait, rim_finalizer_fn, Foreign};
use super::handle::Handle;
use super::status::{self, rim_status, RIM_STATUS_OK};
use super::tcp_client::rim_tcp_client;
use super::transaction::{RIM_POST, RIM_READ, RIM_VERIFY, RIM_WRITE};
use crate::bus::{Completed, Completion, Memory, Transaction};
use crate::error::{Error, ErrorKind, Result};

/// Is called when a transaction of rim_tcp_client_request is over. status is RIM_STATUS_OK or the
/// kind of failure; error is the text of the failure, which is valid during the call and never
/// NULL.
///
/// It is called exactly once for each accepted request: on the client's own thread, on a thread
/// that waits for another transaction of the client, on the thread that stops or frees the client,
/// or on the thread that calls rim_tcp_client_request, before that returns. Calls may overlap. When
/// it is called, the data is the program's again.
///
/// It must return soon, since other transactions of the client may be waiting for its thread. It
/// may call every function that does not wait, also rim_tcp_client_request and rim_tcp_client_free.
/// Functions that wait return RIM_STATUS_BUSY in it.
pub type rim_completion_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, status: rim_status, error: *const c_char)>;

/// A completion callback with its pointer, for one transaction.
struct Callback {
    function: unsafe extern "C" fn(*mut c_void, rim_status, *const c_char),
    foreign: Foreign,
}

impl Completion for Callback {
    fn completed(&self, _token: u64, completed: Completed) {
        let Completed {
            outcome, content, ..
        } = completed;
        // The program may reuse its data from the callback on: nothing may refer to it.
        drop(content);
        let (status, text) = match &outcome {
            Ok(()) => (RIM_STATUS_OK, c_text("")),
            Err(error) => (status::of(error.kind()), c_text(error.text())),
        };
        // SAFETY: the user gave this function for this pointer; the text outlives the call.
        completing(|| unsafe { (self.function)(self.foreign.user(), status, text.as_ptr()) });
    }
}

/// Reads size bytes at address into data, and waits for them: for at most timeout_us, or with 0 for
/// the client's own timeout (timeout_us of rim_tcp_client_options, RIM_DEFAULT_TIMEOUT_US unless
/// set). Returns the outcome; the text of a failure is in rim_last_error. After a failure the bytes
/// at data may have changed. RIM_STATUS_SIZE if size is 0 or above 4294967295. RIM_STATUS_BUSY in a
/// completion callback.
///
/// The bytes come as the slave has them, the one at address first. A register of Rogue's firmware
/// is little-endian: read into a uint32_t, it has its value on a little-endian machine.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_read(
    client: *mut rim_tcp_client,
    address: u64,
    data: *mut c_void,
    size: usize,
    timeout_us: u64,
) -> rim_status {
    // SAFETY: `client` is NULL or a live handle; `data` is the caller's, for this call.
    call(|| unsafe { access(client, address, data, size, RIM_READ, timeout_us) })
}

/// Writes size bytes from data to address, and waits until the slave has taken them. The bytes are
/// sent as they are in memory, the first one to address. Otherwise as rim_tcp_client_read.
///
/// After RIM_STATUS_TIMEOUT or RIM_STATUS_CONNECTION_LOST the write may have been carried out, or
/// may still be: the request may be in the network or wait for its turn at the server, and may be
/// carried out as long as the connection lasts. What the server's host has received may be carried
/// out even after that, and after this client is gone. With the option close_on_timeout, what this
/// host has not sent by then is never sent. With the server's option drop_after_close, what its
/// slave does not have when the connection closes is dropped. With both, only what the slave
/// already has is carried out. To be sure, read the value back.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_write(
    client: *mut rim_tcp_client,
    address: u64,
    data: *const c_void,
    size: usize,
    timeout_us: u64,
) -> rim_status {
    // SAFETY: `client` is NULL or a live handle; `data` is the caller's, for this call. A client
    // only reads the data of a write.
    call(|| unsafe {
        access(
            client,
            address,
            data.cast_mut(),
            size,
            RIM_WRITE,
            timeout_us,
        )
    })
}

/// Writes size bytes from data to address, and waits until they have been sent. Whether the slave
/// takes them is not reported. Otherwise as rim_tcp_client_read. If the connection is lost before
/// the server's host has acknowledged them, they are counted in unacknowledged_posts of
/// rim_tcp_client_stats.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_post(
    client: *mut rim_tcp_client,
    address: u64,
    data: *const c_void,
    size: usize,
    timeout_us: u64,
) -> rim_status {
    // SAFETY: as for `rim_tcp_client_write`.
    call(|| unsafe { access(client, address, data.cast_mut(), size, RIM_POST, timeout_us) })
}

/// Reads size bytes at address into data, for the program to compare with what it wrote. The slave
/// sees the type RIM_VERIFY. Otherwise as rim_tcp_client_read.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_verify(
    client: *mut rim_tcp_client,
    address: u64,
    data: *mut c_void,
    size: usize,
    timeout_us: u64,
) -> rim_status {
    // SAFETY: as for `rim_tcp_client_read`.
    call(|| unsafe { access(client, address, data, size, RIM_VERIFY, timeout_us) })
}

/// Makes a transaction of a type such as RIM_READ, and returns without waiting for it. callback is
/// called when it is over, at the latest after timeout_us; 0 is the client's own timeout, as for
/// rim_tcp_client_read. The finalizer, which may be NULL, is called after the callback.
///
/// The data is lent to the library until the callback is called. Until then it must stay where it
/// is, and the program must not touch it, whatever the type. If this function fails, the request
/// was not accepted: neither the callback nor the finalizer is called.
///
/// It blocks, for at most the timeout, while more transactions than the client's max_outstanding
/// are under way, or more bytes than its max_queued wait to be sent.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_request(
    client: *mut rim_tcp_client,
    address: u64,
    data: *mut c_void,
    size: usize,
    r#type: u32,
    timeout_us: u64,
    callback: rim_completion_fn,
    user: *mut c_void,
    finalizer: rim_finalizer_fn,
) -> rim_status {
    call(|| {
        // SAFETY: `client` is NULL or a live handle.
        let client = unsafe { rim_tcp_client::borrow(client) }?;
        let function = callback.ok_or_else(|| named("callback"))?;
        // The callback may come before this returns, and may free the handle.
        let (timeout, client) = (client.timeout_of(timeout_us), Arc::clone(&client.client));
        // SAFETY: the caller lends the data until the callback is called.
        let transaction = unsafe { make(address, data, size, r#type, timeout) }?;
        let foreign = Foreign::new(user, finalizer);
        transaction.on_completion(Arc::new(Callback { function, foreign }), 0);
        client.carry_out(&transaction);
        transaction.taken();
        client.watch(&transaction);
        Ok(())
    })
}

/// Carries out one transaction and waits for it.
///
/// # Safety
///
/// `client` is NULL or a live handle. `data` is NULL, or `size` bytes there belong to the client
/// until this returns: it reads them, and writes to them if the type reads from the slave.
unsafe fn access(
    client: *const rim_tcp_client,
    address: u64,
    data: *mut c_void,
    size: usize,
    kind: u32,
    timeout_us: u64,
) -> Result<()> {
    // SAFETY: the caller's promise.
    let client = unsafe { rim_tcp_client::borrow(client) }?;
    may_wait()?;
    // SAFETY: the caller's promise; the wait below ends before this returns.
    let transaction = unsafe { make(address, data, size, kind, client.timeout_of(timeout_us)) }?;
    client.client.carry_out(&transaction);
    transaction.taken();
    transaction.wait()
}

/// Makes a transaction on the caller's data.
///
/// # Safety
///
/// `data` is NULL or fulfils what `Memory::caller` asks for.
unsafe fn make(
    address: u64,
    data: *mut c_void,
    size: usize,
    kind: u32,
    timeout: Duration,
) -> Result<Transaction> {
    if !matches!(kind, RIM_READ | RIM_WRITE | RIM_POST | RIM_VERIFY) {
        let text = format!("Transaction type {kind} is not known");
        return Err(Error::new(ErrorKind::InvalidArgument, text));
    }
    let (start, size) = transaction_data(data, size)?;
    // SAFETY: the caller's promise.
    let memory = unsafe { Memory::caller(start, size as usize) };
    Ok(Transaction::new(address, size, kind, Some(memory), timeout))
}
