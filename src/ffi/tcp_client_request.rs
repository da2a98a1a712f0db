//! Single accesses through a `rim_tcp_client`: calls that wait, and one that calls back.

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

/// Hears that a transaction of rim_tcp_client_request is over: RIM_STATUS_OK or how it failed, and
/// the text of the failure, which is valid during the call and never NULL.
///
/// It is called exactly once for each request that was accepted, on the client's own thread, on a
/// thread that waits for another transaction of the client, on the thread that stops or frees the
/// client, or, before rim_tcp_client_request returns, on the thread that called it. Calls may
/// overlap. The data is the program's again when it is called.
///
/// It must return soon, since the client's other transactions may be waiting for its thread. It may
/// call every function that does not wait, rim_tcp_client_request and rim_tcp_client_free included;
/// those that wait return RIM_STATUS_BUSY in it.
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
        // Nothing of ours refers to the program's data when it hears that it may have it back.
        drop(content);
        let (status, text) = match &outcome {
            Ok(()) => (RIM_STATUS_OK, c_text("")),
            Err(error) => (status::of(error.kind()), c_text(error.text())),
        };
        // SAFETY: the user gave this function for this pointer; the text outlives the call.
        completing(|| unsafe { (self.function)(self.foreign.user(), status, text.as_ptr()) });
    }
}

/// Reads size bytes at address into data, and waits for them: for at most timeout_us, or, if that is
/// 0, the client's timeout (timeout_us of rim_tcp_client_options, RIM_DEFAULT_TIMEOUT_US unless set).
/// Returns how it came out, with the text of a failure in rim_last_error. RIM_STATUS_BUSY in a
/// completion callback.
///
/// The bytes come as the slave has them, the one at address first. A register of Rogue's firmware is
/// little-endian: a uint32_t in place of data has its value on a little-endian machine.
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

/// Writes size bytes from data to address, and waits until the slave has taken them. The bytes go as
/// they are in memory, the first to address. Otherwise as rim_tcp_client_read.
///
/// RIM_STATUS_TIMEOUT does not say that the write was not carried out, nor that it will not be: it may
/// lie in the network, or wait for its turn at the server, and be carried out later, even after this
/// client has gone. It may come as long as the connection lasts, and what the server's host has received
/// may come after that. The option close_on_timeout keeps back what this host has not sent by then, and
/// the server's option drop_after_close what its slave has not got when the connection closes; with both,
/// only what the slave has in its hands already is carried out. The same holds for
/// RIM_STATUS_CONNECTION_LOST. Whoever must know reads the value back.
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

/// Writes size bytes from data to address, and waits until they have been sent; whether the slave
/// takes them is not told. Otherwise as rim_tcp_client_read. What was sent over a connection that was
/// lost before the server's host had acknowledged it is counted: unacknowledged_posts of
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

/// Reads size bytes at address into data, for the program to compare with what it wrote; the slave
/// is told that this is what they are for. Otherwise as rim_tcp_client_read.
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

/// Asks for a transaction of a type such as RIM_READ, and returns without waiting for it; callback
/// is called when it is over, at the latest after timeout_us (if that is 0, the client's timeout, as
/// for rim_tcp_client_read).
/// The finalizer, which may be NULL, runs after the callback.
///
/// The data is lent until the callback is called: until then it must stay where it is and must not
/// be touched, whatever the type. If this function fails, the request was not accepted, and neither
/// the callback nor the finalizer is called.
///
/// It holds the caller back, for at most the timeout, while more transactions than the client's
/// max_outstanding are under way, or more bytes than its max_queued wait to be sent.
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
        // The program may free its handle in the callback, which may come before this ends.
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
/// `client` is NULL or a live handle; `data` is NULL or `size` bytes are the client's there until
/// this returns, to be read and, for a type that reads from the slave, written.
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
/// `data` is NULL or as `Memory::caller` asks for.
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
