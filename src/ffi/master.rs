//! `rim_master`: asks a slave for transactions and waits for them.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use super::args::{transaction_data, Out, TextOut};
use super::boundary::{call, call_void};
use super::foreign::may_wait;
use super::handle::Handle;
use super::slave::rim_slave;
use super::status::{self, rim_status, RIM_STATUS_OK};
use crate::bus::{Master, Memory};
use crate::error::Result;

/// A source of transactions. It is connected to one slave at a time (rim_master_set_slave). Without
/// a slave its transactions fail.
pub struct rim_master(Master);

impl Handle for rim_master {
    const NAME: &'static str = "master";
}

/// Makes a master that is not connected. The caller owns master.
#[no_mangle]
pub unsafe extern "C" fn rim_master_new(master: *mut *mut rim_master) -> rim_status {
    call(|| {
        crate::log::init();
        // SAFETY: `master` is NULL or the caller's own.
        let master = unsafe { Out::new(master, "master") }?;
        rim_master(Master::new()).give(master);
        Ok(())
    })
}

/// Frees a master. Its outstanding transactions fail, and when this returns their data is the
/// program's again; it waits while a slave holds a lock on such data. NULL does nothing.
#[no_mangle]
pub unsafe extern "C" fn rim_master_free(master: *mut rim_master) {
    // SAFETY: the caller's last use of the handle.
    call_void(|| drop(unsafe { rim_master::take(master) }))
}

/// Connects the master to a slave, in place of the one before. The slave's handle may be freed
/// afterwards.
#[no_mangle]
pub unsafe extern "C" fn rim_master_set_slave(
    master: *mut rim_master,
    slave: *const rim_slave,
) -> rim_status {
    call(|| {
        // SAFETY: `master` is NULL or a live handle.
        let master = unsafe { rim_master::borrow(master) }?;
        // SAFETY: `slave` is NULL or a live handle.
        let slave = unsafe { rim_slave::borrow(slave) }?;
        master.0.set_slave(slave.0.slave());
        Ok(())
    })
}

/// Hands a transaction to the slave: size bytes at data, for address, of a type such as RIM_READ.
/// The transaction may be complete when this returns, or complete later. id, which is never 0, is
/// for rim_master_wait.
///
/// The data is lent to the library until rim_master_wait for this id (or for all) has returned, or
/// the master has been freed. Until then it must stay where it is, and the program must not touch
/// it, whatever the type. Failures of the transaction are returned by that wait. RIM_STATUS_SIZE
/// from this function: size is 0 or above 4294967295.
#[no_mangle]
pub unsafe extern "C" fn rim_master_request(
    master: *mut rim_master,
    address: u64,
    data: *mut c_void,
    size: usize,
    r#type: u32,
    id: *mut u32,
) -> rim_status {
    call(|| {
        // SAFETY: `master` is NULL or a live handle.
        let master = unsafe { rim_master::borrow(master) }?;
        // SAFETY: `id` is NULL or the caller's own.
        let id = unsafe { Out::new(id, "id") }?;
        let (start, size) = transaction_data(data, size)?;
        // SAFETY: the caller lends the data until the wait for this transaction has returned.
        let memory = unsafe { Memory::caller(start, size as usize) };
        id.set(master.0.request(address, memory, r#type));
        Ok(())
    })
}

/// Waits until the transaction is complete or its time is over, and returns its outcome. The text
/// of a failure is in rim_last_error and is kept for rim_master_error. With id 0 it waits for all
/// transactions of the master, and returns the last failure among them. For an id that is not
/// outstanding it returns RIM_STATUS_OK at once. Several threads may wait for the same id; each
/// gets its outcome. RIM_STATUS_BUSY in a completion callback.
#[no_mangle]
pub unsafe extern "C" fn rim_master_wait(master: *mut rim_master, id: u32) -> rim_status {
    call(|| {
        // SAFETY: `master` is NULL or a live handle.
        let master = unsafe { rim_master::borrow(master) }?;
        may_wait()?;
        master.0.wait(id)
    })
}

/// Tells whether a transaction is complete, without waiting; also true if no transaction with this
/// id is outstanding. The program must still call rim_master_wait before it touches the data.
#[no_mangle]
pub unsafe extern "C" fn rim_master_is_done(
    master: *const rim_master,
    id: u32,
    done: *mut bool,
) -> rim_status {
    // SAFETY: both are NULL or the caller's own.
    call(|| unsafe { query(master, done, "done", |master| master.is_done(id)) })
}

/// Gives the last failure that a wait of this master returned: its status, and its text in a buffer
/// of the caller (see "Text" above). The status is RIM_STATUS_OK and the text empty if there was
/// none.
#[no_mangle]
pub unsafe extern "C" fn rim_master_error(
    master: *const rim_master,
    status: *mut rim_status,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> rim_status {
    call(|| {
        // SAFETY: `master` is NULL or a live handle.
        let master = unsafe { rim_master::borrow(master) }?;
        // SAFETY: `status` is NULL or the caller's own.
        let status = unsafe { Out::new(status, "status") }?;
        // SAFETY: the caller has `capacity` bytes at `text`, and `length` is NULL or its own.
        let out = unsafe { TextOut::new(text, capacity, length) }?;
        let error = master.0.error();
        status.set(
            error
                .as_ref()
                .map_or(RIM_STATUS_OK, |error| status::of(error.kind())),
        );
        out.set(error.as_ref().map_or("", |error| error.text()));
        Ok(())
    })
}

/// Forgets the last failure, see rim_master_error.
#[no_mangle]
pub unsafe extern "C" fn rim_master_clear_error(master: *mut rim_master) -> rim_status {
    call(|| {
        // SAFETY: `master` is NULL or a live handle.
        unsafe { rim_master::borrow(master) }?.0.clear_error();
        Ok(())
    })
}

/// Sets the timeout of each transaction that is made from now on, in microseconds. It is
/// RIM_DEFAULT_TIMEOUT_US at the start. 0 changes nothing; RIM_FOREVER_US is no limit. The time
/// runs from the moment when the slave has taken the transaction, and starts again with each answer
/// of the slave to an earlier one.
#[no_mangle]
pub unsafe extern "C" fn rim_master_set_timeout_us(
    master: *mut rim_master,
    timeout_us: u64,
) -> rim_status {
    call(|| {
        // SAFETY: `master` is NULL or a live handle.
        let master = unsafe { rim_master::borrow(master) }?;
        master.0.set_timeout(Duration::from_micros(timeout_us));
        Ok(())
    })
}

/// Gives the number of the slave that the master is connected to, see rim_slave_id.
#[no_mangle]
pub unsafe extern "C" fn rim_master_slave_id(
    master: *const rim_master,
    id: *mut u32,
) -> rim_status {
    // SAFETY: both are NULL or the caller's own.
    call(|| unsafe { query(master, id, "id", |master| master.slave().slave_id()) })
}

/// Gives the name of the slave that the master is connected to, see rim_slave_name.
#[no_mangle]
pub unsafe extern "C" fn rim_master_slave_name(
    master: *const rim_master,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> rim_status {
    call(|| {
        // SAFETY: `master` is NULL or a live handle.
        let master = unsafe { rim_master::borrow(master) }?;
        // SAFETY: the caller has `capacity` bytes at `text`, and `length` is NULL or its own.
        let out = unsafe { TextOut::new(text, capacity, length) }?;
        out.set(&master.0.slave().slave_name());
        Ok(())
    })
}

/// Gives the smallest access of the slave that the master is connected to, in bytes.
#[no_mangle]
pub unsafe extern "C" fn rim_master_min_access(
    master: *const rim_master,
    min_access: *mut u32,
) -> rim_status {
    let ask = |master: &Master| master.slave().min_access();
    // SAFETY: both are NULL or the caller's own.
    call(|| unsafe { query(master, min_access, "min_access", ask) })
}

/// Gives the largest access of the slave that the master is connected to, in bytes; 0 is no limit.
#[no_mangle]
pub unsafe extern "C" fn rim_master_max_access(
    master: *const rim_master,
    max_access: *mut u32,
) -> rim_status {
    let ask = |master: &Master| master.slave().max_access();
    // SAFETY: both are NULL or the caller's own.
    call(|| unsafe { query(master, max_access, "max_access", ask) })
}

/// Gives the address of the slave that the master is connected to, see rim_slave_address.
#[no_mangle]
pub unsafe extern "C" fn rim_master_address(
    master: *const rim_master,
    address: *mut u64,
) -> rim_status {
    // SAFETY: both are NULL or the caller's own.
    call(|| unsafe {
        query(master, address, "address", |master| {
            master.slave().address()
        })
    })
}

/// Writes what `ask` finds out about a master.
///
/// # Safety
///
/// `master` is NULL or a live handle; `out` is NULL or may be written to.
unsafe fn query<T>(
    master: *const rim_master,
    out: *mut T,
    argument: &str,
    ask: impl FnOnce(&Master) -> T,
) -> Result<()> {
    // SAFETY: the caller's promise.
    let master = unsafe { rim_master::borrow(master) }?;
    // SAFETY: as above.
    let out = unsafe { Out::new(out, argument) }?;
    out.set(ask(&master.0));
    Ok(())
}
