//! Lends a caller's slice to one transaction.
//!
//! Other threads may use a transaction, and its handles may be cloned and kept, so no Rust lifetime
//! limits how long it uses its memory. The limit is that the transaction is *published*: from then
//! on nothing touches the memory on behalf of the slave (`transaction.rs`). The functions here
//! return, or unwind, only after that. If a slave never releases a lock on the bytes, or leaks it,
//! they wait for ever rather than give the memory back while it is in use.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::time::Duration;

use super::kind::Kind;
use super::memory::Memory;
use super::transaction::Transaction;
use crate::error::{Error, ErrorKind, Result};

/// Makes a transaction on `data`, calls `hand_over`, which gives it to a slave, and waits for it.
/// After a failure the contents of `data` are unspecified: a part of them may have been read.
pub(crate) fn lend_mut(
    (address, kind): (u64, Kind),
    data: &mut [u8],
    timeout: Duration,
    hand_over: impl FnOnce(&Transaction),
) -> Result<()> {
    let size = data_size(data.len())?;
    // SAFETY: the slice is borrowed until this function ends, and any thread may use bytes. `wait`
    // returns, or unwinds, only when the transaction has been waited for.
    let memory = unsafe { Memory::caller(NonNull::from(&mut *data).cast(), data.len()) };
    let transaction = Transaction::new(address, size, kind, Some(memory), timeout);
    wait(transaction, hand_over)
}

/// Like [`lend_mut`], for bytes that the slave only reads: no lock gives mutable access to them.
pub(crate) fn lend(
    (address, kind): (u64, Kind),
    data: &[u8],
    timeout: Duration,
    hand_over: impl FnOnce(&Transaction),
) -> Result<()> {
    let size = data_size(data.len())?;
    // SAFETY: as in `lend_mut`; nobody writes to read-only memory.
    let memory = unsafe { Memory::read_only(NonNull::from(data).cast(), data.len()) };
    let transaction = Transaction::new(address, size, kind, Some(memory), timeout);
    wait(transaction, hand_over)
}

fn wait(transaction: Transaction, hand_over: impl FnOnce(&Transaction)) -> Result<()> {
    let mut loan = Loan {
        transaction,
        settled: false,
    };
    hand_over(&loan.transaction);
    loan.transaction.taken();
    let outcome = loan.transaction.wait();
    loan.settled = true;
    outcome
}

/// Takes the memory back if `hand_over` or the wait panics. Private to this file: if a caller could
/// leak it, a slave could touch the memory after the loan.
struct Loan {
    transaction: Transaction,
    settled: bool,
}

impl Drop for Loan {
    fn drop(&mut self) {
        if !self.settled {
            let text = "The thread that waits for the transaction panicked";
            self.transaction.fail(Error::new(ErrorKind::Internal, text));
            // Waits only while a lock on the bytes is held. If this panics too, the process ends.
            let _ = self.transaction.wait();
        }
    }
}

/// The size of a transaction on `len` bytes. Fails if it does not fit 32 bits.
pub(crate) fn data_size(len: usize) -> Result<u32> {
    u32::try_from(len).map_err(|_| {
        let text = format!("A transaction of {len} bytes is too large");
        Error::new(ErrorKind::Size, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::DataLock;
    use std::panic::{catch_unwind, AssertUnwindSafe};
    use std::sync::mpsc::channel;
    use std::thread;

    const SOON: Duration = Duration::from_millis(20);

    #[test]
    fn bytes_are_put_into_the_callers_slice() {
        let mut data = [0; 64];
        lend_mut((0, Kind::Read), &mut data, Duration::MAX, |transaction| {
            let mut lock = transaction.lock();
            lock.bytes_mut().unwrap().fill(7);
            lock.done();
        })
        .unwrap();
        assert_eq!(data, [7; 64]);
    }

    #[test]
    fn what_is_lent_to_be_read_is_not_given_out_to_be_changed() {
        let data = [1, 2, 3, 4];
        lend((0, Kind::Write), &data, Duration::MAX, |transaction| {
            let mut lock = transaction.lock();
            assert_eq!(lock.bytes(), Some(&data[..]));
            assert!(lock.bytes_mut().is_none());
            drop(lock);
            assert!(transaction.start().is_none());
            transaction.done_with(&[9; 4]);
        })
        .unwrap();
        assert_eq!(data, [1, 2, 3, 4]);
    }

    #[test]
    fn a_wait_outlasts_the_lock_of_a_slave() {
        let mut data = [0; 4];
        let (give, take) = channel::<DataLock>();
        let holder = thread::spawn(move || {
            let mut lock = take.recv().unwrap();
            thread::sleep(5 * SOON);
            lock.bytes_mut().unwrap().fill(7);
            drop(lock);
        });
        let outcome = lend_mut((0, Kind::Read), &mut data, SOON, |transaction| {
            give.send(transaction.lock()).unwrap();
        });
        // The lock was held past the deadline, and the memory with it.
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(data, [7; 4]);
        holder.join().unwrap();
    }

    #[test]
    fn a_handle_that_is_kept_reaches_nothing() {
        let mut data = [0; 4];
        let mut kept = None;
        let outcome = lend_mut((0, Kind::Read), &mut data, SOON, |transaction| {
            kept = Some(transaction.clone());
        });
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
        let kept = kept.unwrap();
        assert!(kept.expired());
        assert!(kept.lock().bytes_mut().is_none());
        assert!(!kept.done_with(&[7; 4]));
        assert_eq!(data, [0; 4]);
    }

    #[test]
    fn a_panic_takes_the_memory_back_first() {
        let mut kept = None;
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let mut data = vec![0; 64];
            let _ = lend_mut((0, Kind::Read), &mut data, Duration::MAX, |transaction| {
                kept = Some(transaction.clone());
                panic!("on purpose");
            });
        }));
        assert!(panic.is_err());
        let kept = kept.unwrap();
        assert!(kept.completed());
        assert!(kept.lock().bytes_mut().is_none());
    }

    #[test]
    fn a_size_that_no_transaction_has_is_refused() {
        assert_eq!(data_size(7), Ok(7));
        #[cfg(target_pointer_width = "64")]
        assert_eq!(data_size(1 << 32).unwrap_err().kind(), ErrorKind::Size);
    }
}
