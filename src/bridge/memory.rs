//! Transactions, masters and slaves for the C++ classes.

use std::time::Duration;

use super::boundary::{ask, attempt, guard, lossy};
use crate::bus::{self, DataLock, Emulate, Master, SlaveBase, Transaction};
use crate::error::Result;
use crate::log;

// C++ keeps a handle in a `void*`, and passes the address of that `void*` as a `&Transaction`.
// `Transaction` is `repr(transparent)` over an `Arc`, which is one pointer; `cpp/access.h` asserts
// the same of the C++ side.
const _: () = assert!(
    std::mem::size_of::<Transaction>() == std::mem::size_of::<*mut u8>()
        && std::mem::align_of::<Transaction>() == std::mem::align_of::<*mut u8>()
);

/// Moves `transaction` to C++.
#[allow(unsafe_code)]
pub(super) fn give(transaction: Transaction) -> *mut u8 {
    // SAFETY: a handle is one pointer (asserted above), never null, and is only moved. C++ only
    // passes its address as a `&Transaction`, and frees it once.
    unsafe { std::mem::transmute::<Transaction, *mut u8>(transaction) }
}

/// Drops the handle that [`give`] has moved to C++.
///
/// # Safety
///
/// `handle` is from `give`, and this is its last use.
#[allow(unsafe_code)]
pub(super) unsafe fn transaction_free(handle: *mut u8) {
    // SAFETY: the caller's promise: these are the bits of a `Transaction` that nothing else owns.
    let transaction = unsafe { std::mem::transmute::<*mut u8, Transaction>(handle) };
    guard((), || drop(transaction));
}

pub(super) fn transaction_new(timeout_us: u64) -> Result<*mut u8> {
    attempt(|| {
        log::init();
        let timeout = Duration::from_micros(timeout_us);
        Ok(give(Transaction::new(0, 0, 0, None, timeout)))
    })
}

pub(super) fn transaction_id(transaction: &Transaction) -> u32 {
    ask(0, || transaction.id())
}

pub(super) fn transaction_address(transaction: &Transaction) -> u64 {
    ask(0, || transaction.address())
}

/// Adds `offset` to the address. If the transaction would go beyond the last address, it fails, and
/// this returns false.
pub(super) fn transaction_offset_address(transaction: &Transaction, offset: u64) -> bool {
    guard(false, || {
        let moved = transaction.offset_address(offset);
        let fits = moved.is_ok();
        if let Err(error) = moved {
            transaction.fail(error);
        }
        fits
    })
}

pub(super) fn transaction_size(transaction: &Transaction) -> u32 {
    ask(0, || transaction.size())
}

pub(super) fn transaction_kind(transaction: &Transaction) -> u32 {
    ask(0, || transaction.kind().number())
}

pub(super) fn transaction_expired(transaction: &Transaction) -> bool {
    ask(true, || transaction.expired())
}

pub(super) fn transaction_done(transaction: &Transaction) {
    guard((), || _ = transaction.done());
}

pub(super) fn transaction_fail(transaction: &Transaction, text: &[u8]) {
    guard((), || _ = transaction.fail_with(lossy(text)));
}

pub(super) fn transaction_taken(transaction: &Transaction) {
    ask((), || transaction.taken());
}

pub(super) fn transaction_refresh(transaction: &Transaction) {
    ask((), || transaction.refresh(None));
}

pub(super) fn transaction_refresh_after(transaction: &Transaction, reference: &Transaction) {
    ask((), || transaction.refresh(Some(reference)));
}

/// Where the bytes start; null when they are out of reach.
pub(super) fn transaction_start(transaction: &Transaction) -> *mut u8 {
    ask(std::ptr::null_mut(), || {
        transaction
            .start()
            .map_or(std::ptr::null_mut(), |start| start.as_ptr())
    })
}

pub(super) fn transaction_piece(
    transaction: &Transaction,
    offset: u32,
    size: u32,
    address: u64,
) -> Result<*mut u8> {
    attempt(|| transaction.piece(offset, size, address).map(give))
}

pub(super) fn transaction_seal(transaction: &Transaction) {
    guard((), || transaction.seal());
}

pub(super) fn max_pieces() -> u32 {
    bus::MAX_PIECES
}

pub(super) fn transaction_lock(transaction: &Transaction) -> Result<Box<DataLock>> {
    attempt(|| Ok(Box::new(transaction.lock())))
}

pub(super) fn master_new() -> Result<Box<Master>> {
    attempt(|| {
        log::init();
        Ok(Box::new(Master::new()))
    })
}

pub(super) fn master_set_timeout(master: &Master, timeout_us: u64) {
    ask((), || master.set_timeout(Duration::from_micros(timeout_us)));
}

/// Makes a transaction and registers it as outstanding. If the arguments are invalid, the
/// transaction has failed already and `refused` becomes true.
///
/// # Safety
///
/// As for [`bus::Memory::caller`], for the `size` bytes at `data`.
#[allow(unsafe_code)]
pub(super) unsafe fn master_create(
    master: &Master,
    address: u64,
    size: u32,
    data: *mut u8,
    kind: u32,
    refused: &mut bool,
) -> Result<*mut u8> {
    attempt(|| {
        let memory = if size == 0 {
            *refused = true;
            bus::Memory::owned(Vec::new())
        } else {
            match bus::caller_start(data, size) {
                // SAFETY: the caller's promise.
                Ok(start) => unsafe { bus::Memory::caller(start, size as usize) },
                Err(error) => {
                    *refused = true;
                    let failed = Transaction::new(address, size, kind, None, master.timeout());
                    failed.fail(error);
                    master.register(&failed);
                    return Ok(give(failed));
                }
            }
        };
        let transaction = master.create(address, memory, kind);
        *refused |= transaction.completed();
        Ok(give(transaction))
    })
}

pub(super) fn master_register(master: &Master, transaction: &Transaction) {
    guard((), || master.register(transaction));
}

/// The outcome is kept by the master, for [`master_error`].
pub(super) fn master_wait(master: &Master, id: u32) {
    guard((), || _ = master.wait(id));
}

/// Whether the master was made in this process, and not in the parent before a fork.
pub(super) fn master_is_here(master: &Master) -> bool {
    master.is_here()
}

pub(super) fn master_error(master: &Master) -> String {
    guard(String::new(), || {
        master
            .error()
            .map_or(String::new(), |error| error.text().to_owned())
    })
}

pub(super) fn master_clear_error(master: &Master) {
    guard((), || master.clear_error());
}

pub(super) fn slave_new(min: u32, max: u32) -> Result<Box<SlaveBase>> {
    attempt(|| {
        log::init();
        Ok(Box::new(SlaveBase::new(min, max)))
    })
}

pub(super) fn slave_id(slave: &SlaveBase) -> u32 {
    ask(0, || slave.id())
}

pub(super) fn slave_name(slave: &SlaveBase) -> String {
    guard(String::new(), || slave.name())
}

pub(super) fn slave_set_name(slave: &SlaveBase, name: &[u8]) {
    guard((), || slave.set_name(lossy(name)));
}

pub(super) fn slave_note_added(slave: &SlaveBase, transaction: &Transaction) {
    guard((), || slave.note_added(transaction));
}

pub(super) fn slave_note_taken(slave: &SlaveBase, transaction: &Transaction) {
    guard((), || slave.note_taken(transaction));
}

pub(super) fn unconnected_text() -> String {
    bus::Unconnected::TEXT.to_owned()
}

pub(super) fn emulate_new(min: u32, max: u32) -> Result<Box<Emulate>> {
    attempt(|| Ok(Box::new(Emulate::new(min, max))))
}

pub(super) fn emulate_do_transaction(emulate: &Emulate, transaction: &Transaction) {
    guard((), || emulate.carry_out(transaction));
}
