//! `rim_transaction`: one access, as the slave that carries it out sees it.

use std::ffi::{c_char, c_void};
use std::ops::Range;
use std::sync::Arc;

use super::args::{bytes, bytes_mut, lossy, Out};
use super::boundary::{ask, call, call_void};
use super::growing::{Growing, Places};
use super::handle::Handle;
use super::status::rim_status;
use super::transaction_state::{Carried, HandleLock};
use crate::bus::{self, Transaction};
use crate::error::{Error, ErrorKind, Result};

/// Type of a transaction that moves bytes from the slave to the master.
pub const RIM_READ: u32 = 1;
/// Type of a transaction that moves bytes from the master to the slave.
pub const RIM_WRITE: u32 = 2;
/// Type of a posted write. For the master it is complete when it has been sent. No response comes.
pub const RIM_POST: u32 = 3;
/// Type of a read whose data the master compares with what it wrote.
pub const RIM_VERIFY: u32 = 4;

const _: () = {
    assert!(RIM_READ == bus::READ && RIM_WRITE == bus::WRITE);
    assert!(RIM_POST == bus::POST && RIM_VERIFY == bus::VERIFY);
};

/// A handle to one access on the bus. It belongs to the slave that carries the access out: the
/// callback of rim_slave_new, or the program that called rim_tcp_server_next. A transaction is
/// completed once, with rim_transaction_done or rim_transaction_fail, on any thread. When its last
/// handle is freed before that, and it was neither passed on nor sealed, it fails.
///
/// Its bytes may be touched only under a lock (rim_transaction_lock), or with
/// rim_transaction_copy_in and rim_transaction_copy_out. While a lock is held the master keeps
/// waiting, even past its timeout: hold the lock for the copying, not for the work.
pub struct rim_transaction {
    carried: Arc<Carried>,
    lock: HandleLock,
}

impl Handle for rim_transaction {
    const NAME: &'static str = "transaction";

    fn check_home(&self) -> Result<()> {
        self.transaction().check_home()
    }
}

/// What a transaction is, see rim_transaction_get_info. Later versions add members at the end; a
/// member that the library does not know is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_transaction_info {
    /// The size of this struct as the program knows it.
    pub struct_size: usize,
    /// The address of the first byte. Each hub that the transaction has passed has added its
    /// offset.
    pub address: u64,
    /// The size in bytes.
    pub size: usize,
    /// The type: RIM_READ, RIM_WRITE, RIM_POST, RIM_VERIFY, or another number that a master of this
    /// process asked for.
    pub r#type: u32,
    /// The transaction's number in this process. It is never 0.
    pub id: u32,
}

// SAFETY: integers only, the first of them the size.
unsafe impl Growing for rim_transaction_info {
    const NAME: &'static str = "rim_transaction_info";
    const ADVICE: &'static str = "pass sizeof(rim_transaction_info)";
}

impl rim_transaction {
    pub(super) fn new(carried: Arc<Carried>) -> rim_transaction {
        rim_transaction {
            carried,
            lock: HandleLock::default(),
        }
    }

    /// Hands the transaction to another slave, or to its pieces, which complete it from now on.
    pub(super) fn pass_on(&self) -> Result<&Transaction> {
        self.carried.pass_on()?;
        // The other side must be able to lock it.
        drop(self.lock.take());
        Ok(self.transaction())
    }

    fn transaction(&self) -> &Transaction {
        self.carried.transaction()
    }

    fn complete(&self, outcome: Result<()>) -> Result<()> {
        let lock = self.lock.take();
        let result = self.carried.complete(outcome);
        // The master is told when the lock is released.
        drop(lock);
        result
    }

    /// `size` bytes from `offset` on, as a range of the transaction's bytes.
    fn range(&self, offset: usize, size: usize) -> Result<Range<usize>> {
        let have = self.transaction().size() as usize;
        match offset.checked_add(size) {
            Some(end) if end <= have => Ok(offset..end),
            _ => {
                let text = format!(
                    "{size} bytes from byte {offset} are not inside a transaction of {have} bytes"
                );
                Err(Error::new(ErrorKind::Size, text))
            }
        }
    }
}

/// Frees a handle, and releases its lock. If it is the last handle of a transaction that has not
/// been completed, sealed or passed on, the transaction fails. NULL does nothing.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_free(transaction: *mut rim_transaction) {
    // SAFETY: the caller's last use of the handle.
    call_void(|| drop(unsafe { rim_transaction::take(transaction) }))
}

/// Gives a further handle to the same transaction. The caller owns it and frees it as well. Each
/// handle can hold a lock of its own.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_retain(
    transaction: *const rim_transaction,
    retained: *mut *mut rim_transaction,
) -> rim_status {
    call(|| {
        // SAFETY: `transaction` is NULL or a live handle.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?;
        // SAFETY: `retained` is NULL or the caller's own.
        let retained = unsafe { Out::new(retained, "retained") }?;
        rim_transaction::new(Arc::clone(&transaction.carried)).give(retained);
        Ok(())
    })
}

/// Gives what the transaction is: its address, size, type and id. struct_size is
/// sizeof(rim_transaction_info). RIM_STATUS_OK also when the transaction is over.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_get_info(
    transaction: *const rim_transaction,
    info: *mut rim_transaction_info,
    struct_size: usize,
) -> rim_status {
    ask(|| {
        // SAFETY: `transaction` is NULL or a live handle.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?.transaction();
        // SAFETY: `info` is NULL or the caller has `struct_size` bytes there.
        let place = unsafe { Places::one(info, struct_size, "info") }?;
        place.set([rim_transaction_info {
            struct_size,
            address: transaction.address(),
            size: transaction.size() as usize,
            r#type: transaction.kind().number(),
            id: transaction.id(),
        }]);
        Ok(())
    })
}

/// Tells whether the transaction is over: it has completed, or its master has stopped waiting for
/// it.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_expired(
    transaction: *const rim_transaction,
    expired: *mut bool,
) -> rim_status {
    ask(|| {
        // SAFETY: `transaction` is NULL or a live handle.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?;
        // SAFETY: `expired` is NULL or the caller's own.
        let expired = unsafe { Out::new(expired, "expired") }?;
        expired.set(transaction.transaction().expired());
        Ok(())
    })
}

/// Locks the transaction's bytes for this handle, and gives their place and their size in bytes. It
/// waits while another handle holds a lock on them. Any thread may read and write the bytes until
/// the lock is released by rim_transaction_unlock, _done, _fail or _free. RIM_STATUS_EXPIRED if the
/// transaction is over. RIM_STATUS_BUSY if this handle already holds a lock, which it keeps.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_lock(
    transaction: *mut rim_transaction,
    data: *mut *mut u8,
    size: *mut usize,
) -> rim_status {
    call(|| {
        // SAFETY: `transaction` is NULL or a live handle.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?;
        // SAFETY: `data` is NULL or the caller's own.
        let data = unsafe { Out::new(data, "data") }?;
        // SAFETY: `size` is NULL or the caller's own.
        let size = unsafe { Out::new(size, "size") }?;
        let (start, count) = transaction.lock.lock(transaction.transaction())?;
        data.set(start);
        size.set(count as usize);
        Ok(())
    })
}

/// Releases the handle's lock. The bytes may not be touched any more. Does nothing if the handle
/// holds none.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_unlock(transaction: *mut rim_transaction) -> rim_status {
    call(|| {
        // SAFETY: `transaction` is NULL or a live handle.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?;
        drop(transaction.lock.take());
        Ok(())
    })
}

/// Copies size bytes of the transaction, from byte offset on, to target. This is how a slave gets
/// the data of a write. It takes a lock for the copying unless the handle holds one.
/// RIM_STATUS_SIZE if the bytes are not all inside the transaction. RIM_STATUS_EXPIRED if it is
/// over.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_copy_out(
    transaction: *const rim_transaction,
    offset: usize,
    target: *mut c_void,
    size: usize,
) -> rim_status {
    call(|| {
        // SAFETY: `transaction` is NULL or a live handle.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?;
        let range = transaction.range(offset, size)?;
        // SAFETY: the caller has `size` bytes there that no other thread touches now.
        let target = unsafe { bytes_mut(target, size, "target") }?;
        transaction
            .lock
            .with_bytes(transaction.transaction(), |bytes| {
                target.copy_from_slice(&bytes[range]);
                Ok(())
            })
    })
}

/// Copies size bytes from source into the transaction, from byte offset on. This is how a slave
/// answers a read. It takes a lock for the copying unless the handle holds one. RIM_STATUS_SIZE if
/// the bytes are not all inside the transaction. RIM_STATUS_EXPIRED if it is over.
///
/// Bytes of a read that are never written are 0. The fastest way to answer a large read is to write
/// it from offset 0 on, in order, in one piece or several, before any lock is taken: the library
/// need not zero these bytes first.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_copy_in(
    transaction: *mut rim_transaction,
    offset: usize,
    source: *const c_void,
    size: usize,
) -> rim_status {
    call(|| {
        // SAFETY: `transaction` is NULL or a live handle.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?;
        let range = transaction.range(offset, size)?;
        // SAFETY: the caller has `size` bytes there, and no thread writes to them now.
        let source = unsafe { bytes(source, size, "source") }?;
        if transaction.transaction().append(range.start, source) {
            return Ok(());
        }
        transaction
            .lock
            .with_bytes(transaction.transaction(), |bytes| {
                bytes[range].copy_from_slice(source);
                Ok(())
            })
    })
}

/// Completes the transaction: it has been carried out. Releases the handle's lock. The master is
/// told once no other handle holds a lock. RIM_STATUS_EXPIRED if the transaction was already over:
/// then nothing changes, and the handle remains to be freed.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_done(transaction: *mut rim_transaction) -> rim_status {
    call(|| {
        // SAFETY: `transaction` is NULL or a live handle.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?;
        transaction.complete(Ok(()))
    })
}

/// Completes the transaction: it has failed. The master gets text as the reason, with
/// RIM_STATUS_FAILED. Bytes of text that are not UTF-8 are replaced. Otherwise as
/// rim_transaction_done.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_fail(
    transaction: *mut rim_transaction,
    text: *const c_char,
) -> rim_status {
    call(|| {
        // SAFETY: `transaction` is NULL or a live handle.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?;
        // SAFETY: `text` is NULL or a string that the caller leaves alone during this call.
        let text = unsafe { lossy(text, "text") }?;
        transaction.complete(Err(Error::new(ErrorKind::Failed, text)))
    })
}

/// Makes a piece of the transaction (a sub-transaction): size of its bytes, from byte offset on, to
/// be transferred at address. The piece is a transaction of its own, which the caller owns. It is
/// locked, completed and freed like any other, or handed to another slave with
/// rim_slave_do_transaction. After the last piece, call rim_transaction_seal.
///
/// RIM_STATUS_SIZE if size is 0 or the bytes are not all inside the transaction.
/// RIM_STATUS_INVALID_ARGUMENT if the piece would go beyond the last address. RIM_STATUS_BUSY if
/// the transaction has been sealed or passed on.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_piece(
    transaction: *mut rim_transaction,
    address: u64,
    offset: usize,
    size: usize,
    piece: *mut *mut rim_transaction,
) -> rim_status {
    call(|| {
        // SAFETY: `transaction` is NULL or a live handle.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?;
        // SAFETY: `piece` is NULL or the caller's own.
        let piece = unsafe { Out::new(piece, "piece") }?;
        if size == 0 {
            return Err(Error::new(
                ErrorKind::Size,
                "A piece of 0 bytes is not allowed",
            ));
        }
        transaction.carried.check_own()?;
        let range = transaction.range(offset, size)?;
        // Both fit: the range is inside a transaction, whose size is a `u32`.
        let (offset, size) = (range.start as u32, range.len() as u32);
        let made = transaction.transaction().piece(offset, size, address)?;
        rim_transaction::new(Arc::new(Carried::new(made, None))).give(piece);
        Ok(())
    })
}

/// Says that no more pieces will be made. The transaction completes when all its pieces have, and
/// fails if one of them failed. Do not call rim_transaction_done for it. The handle may be freed at
/// once. Releases the handle's lock. RIM_STATUS_BUSY if the transaction has been sealed or passed
/// on.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_seal(transaction: *mut rim_transaction) -> rim_status {
    call(|| {
        // SAFETY: `transaction` is NULL or a live handle.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?;
        transaction.pass_on()?.seal();
        Ok(())
    })
}

/// Starts the transaction's time again, for work that takes longer than the master's timeout. With
/// a reference, which may be NULL, this happens only if the transaction is not older than the
/// reference: an answer to an earlier transaction shows that the slave is alive. For transactions
/// of a callback, the library does this by itself when the callback's slave completes an earlier
/// one.
#[no_mangle]
pub unsafe extern "C" fn rim_transaction_refresh(
    transaction: *mut rim_transaction,
    reference: *const rim_transaction,
) -> rim_status {
    call(|| {
        // SAFETY: `transaction` is NULL or a live handle.
        let transaction = unsafe { rim_transaction::borrow(transaction) }?;
        // SAFETY: `reference` is NULL or a live handle.
        let reference = unsafe { rim_transaction::borrow(reference) }.ok();
        transaction
            .transaction()
            .refresh(reference.map(rim_transaction::transaction));
        Ok(())
    })
}
