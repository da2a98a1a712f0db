//! `rim_slave`: a reference to anything that carries out transactions.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::args::{check_limits, lossy, named, Out, TextOut};
use super::boundary::{call, call_void};
use super::callback_slave::{rim_transaction_fn, CallbackSlave};
use super::foreign::{rim_finalizer_fn, Foreign};
use super::handle::Handle;
use super::status::rim_status;
use super::target::Target;
use super::transaction::rim_transaction;
use crate::bus::{Slave, SlaveBase};
use crate::error::Result;

/// A counted reference to a slave, which carries out transactions. rim_slave_new makes a slave of
/// the program; rim_hub_as_slave, rim_emulate_as_slave and rim_tcp_client_as_slave give other
/// kinds. The slave lives as long as a handle refers to it or anything is connected to it, so a
/// handle may be freed as soon as the slave is connected.
pub struct rim_slave(pub(super) Target);

impl Handle for rim_slave {
    const NAME: &'static str = "slave";
}

/// Makes a slave that carries out transactions by calling do_transaction. min_access and max_access
/// are its smallest and largest access, in bytes; a max_access of 0 is no limit. user is passed to
/// each call of do_transaction, and finalizer (which may be NULL) is called when the slave is gone.
/// The caller owns slave.
#[no_mangle]
pub unsafe extern "C" fn rim_slave_new(
    min_access: u32,
    max_access: u32,
    do_transaction: rim_transaction_fn,
    user: *mut c_void,
    finalizer: rim_finalizer_fn,
    slave: *mut *mut rim_slave,
) -> rim_status {
    call(|| {
        crate::log::init();
        // SAFETY: `slave` is NULL or the caller's own.
        let slave = unsafe { Out::new(slave, "slave") }?;
        let do_transaction = do_transaction.ok_or_else(|| named("do_transaction"))?;
        check_limits(min_access, max_access)?;
        let made = CallbackSlave::new(
            SlaveBase::new(min_access, max_access),
            do_transaction,
            Foreign::new(user, finalizer),
        );
        rim_slave(Target::Callback(Arc::new(made))).give(slave);
        Ok(())
    })
}

/// Frees a handle. The slave itself lives until its last user lets go of it. NULL does nothing.
#[no_mangle]
pub unsafe extern "C" fn rim_slave_free(slave: *mut rim_slave) {
    // SAFETY: the caller's last use of the handle.
    call_void(|| drop(unsafe { rim_slave::take(slave) }))
}

/// Hands a transaction to a slave, as a master does. This is for a slave of the program that passes
/// on what it gets, whole or in pieces (rim_transaction_piece). The other slave completes it. The
/// handle stays the caller's to free, and freeing it does not fail the transaction any more.
/// Releases the handle's lock. RIM_STATUS_BUSY if the transaction has been sealed or passed on
/// before.
#[no_mangle]
pub unsafe extern "C" fn rim_slave_do_transaction(
    slave: *mut rim_slave,
    transaction: *mut rim_transaction,
) -> rim_status {
    call(|| {
        // SAFETY: both are NULL or live handles of their types.
        let slave = unsafe { rim_slave::borrow(slave) }?;
        // SAFETY: as above.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?;
        slave
            .0
            .slave()
            .do_transaction(transaction.pass_on()?.clone());
        Ok(())
    })
}

/// Gives the slave's number, which is never 0 and which no other slave of the process has. A hub
/// has the number of the slave behind it, unless it is a root (see rim_hub_new).
#[no_mangle]
pub unsafe extern "C" fn rim_slave_id(slave: *const rim_slave, id: *mut u32) -> rim_status {
    // SAFETY: both are NULL or the caller's own.
    call(|| unsafe { query(slave, id, "id", |slave| slave.slave_id()) })
}

/// Gives the smallest access that the slave takes, in bytes.
#[no_mangle]
pub unsafe extern "C" fn rim_slave_min_access(
    slave: *const rim_slave,
    min_access: *mut u32,
) -> rim_status {
    // SAFETY: both are NULL or the caller's own.
    call(|| unsafe { query(slave, min_access, "min_access", |slave| slave.min_access()) })
}

/// Gives the largest access that the slave takes, in bytes; 0 is no limit.
#[no_mangle]
pub unsafe extern "C" fn rim_slave_max_access(
    slave: *const rim_slave,
    max_access: *mut u32,
) -> rim_status {
    // SAFETY: both are NULL or the caller's own.
    call(|| unsafe { query(slave, max_access, "max_access", |slave| slave.max_access()) })
}

/// Gives the slave's address: for a hub that is not a root, its offset plus the address of the
/// slave behind it; for any other slave 0.
#[no_mangle]
pub unsafe extern "C" fn rim_slave_address(
    slave: *const rim_slave,
    address: *mut u64,
) -> rim_status {
    // SAFETY: both are NULL or the caller's own.
    call(|| unsafe { query(slave, address, "address", |slave| slave.address()) })
}

/// Gives the slave's name, in a buffer of the caller (see "Text" above).
#[no_mangle]
pub unsafe extern "C" fn rim_slave_name(
    slave: *const rim_slave,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> rim_status {
    call(|| {
        // SAFETY: `slave` is NULL or a live handle.
        let slave = unsafe { rim_slave::borrow(slave) }?;
        // SAFETY: the caller has `capacity` bytes at `text`, and `length` is NULL or its own.
        let out = unsafe { TextOut::new(text, capacity, length) }?;
        out.set(&slave.0.slave().slave_name());
        Ok(())
    })
}

/// Sets the slave's name. Without one it is "Unnamed_" and its number.
#[no_mangle]
pub unsafe extern "C" fn rim_slave_set_name(
    slave: *mut rim_slave,
    name: *const c_char,
) -> rim_status {
    call(|| {
        // SAFETY: `slave` is NULL or a live handle.
        let slave = unsafe { rim_slave::borrow(slave) }?;
        // SAFETY: `name` is NULL or a string that the caller leaves alone during this call.
        let name = unsafe { lossy(name, "name") }?;
        slave.0.base().set_name(name);
        Ok(())
    })
}

/// Writes what `ask` finds out about a slave.
///
/// # Safety
///
/// `slave` is NULL or a live handle; `out` is NULL or may be written to.
unsafe fn query<T>(
    slave: *const rim_slave,
    out: *mut T,
    argument: &str,
    ask: impl FnOnce(&dyn Slave) -> T,
) -> Result<()> {
    // SAFETY: the caller's promise.
    let slave = unsafe { rim_slave::borrow(slave) }?;
    // SAFETY: as above.
    let out = unsafe { Out::new(out, argument) }?;
    out.set(ask(&*slave.0.slave()));
    Ok(())
}
