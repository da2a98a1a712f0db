//! What lies behind the handles to one transaction: whether the program still answers for it, and
//! the lock that a handle may hold.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bus::{DataLock, SlaveBase, Transaction};
use crate::error::{Error, ErrorKind, Result};

/// A transaction in the program's hands. When the last handle goes, it has to be over.
pub(super) struct Carried {
    transaction: Transaction,
    /// The slave that was called with it, if one was: it has answered when this completes.
    slave: Option<Arc<SlaveBase>>,
    /// Somebody else completes it: the slave that it was passed on to, or its pieces.
    passed_on: AtomicBool,
}

impl Carried {
    pub(super) fn new(transaction: Transaction, slave: Option<Arc<SlaveBase>>) -> Carried {
        Carried {
            transaction,
            slave,
            passed_on: AtomicBool::new(false),
        }
    }

    pub(super) fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// From now on somebody else completes it.
    pub(super) fn pass_on(&self) -> Result<()> {
        if self.passed_on.swap(true, Ordering::Relaxed) {
            return Err(self.not_own());
        }
        Ok(())
    }

    /// Refuses a transaction that somebody else completes.
    pub(super) fn check_own(&self) -> Result<()> {
        if self.passed_on.load(Ordering::Relaxed) {
            return Err(self.not_own());
        }
        Ok(())
    }

    fn not_own(&self) -> Error {
        let id = self.transaction.id();
        let text = format!("Transaction {id} has been sealed, or passed on to a slave, before");
        Error::new(ErrorKind::Busy, text)
    }

    /// It has been carried out, or has failed.
    pub(super) fn complete(&self, outcome: Result<()>) -> Result<()> {
        let first = match outcome {
            Ok(()) => self.transaction.done(),
            Err(error) => self.transaction.fail(error),
        };
        if !first {
            let text = format!("Transaction {} was over already", self.transaction.id());
            return Err(Error::new(ErrorKind::Expired, text));
        }
        if let Some(slave) = &self.slave {
            slave.note_taken(&self.transaction);
        }
        Ok(())
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        // One of another process's fails nobody.
        if !*self.passed_on.get_mut() {
            // A master may hold the transaction too, so this does not happen by itself.
            self.transaction
                .fail_with("The slave freed the transaction without completing it");
        }
    }
}

/// The lock on the transaction's bytes that one handle holds, or does not.
#[derive(Default)]
pub(super) struct HandleLock(Mutex<Held>);

#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    /// A thread is waiting for the lock, without holding the mutex.
    Coming,
    Lock(DataLock),
}

impl HandleLock {
    /// Locks the bytes, and gives their place and size.
    pub(super) fn lock(&self, transaction: &Transaction) -> Result<(*mut u8, u32)> {
        let mut held = self.held();
        if !matches!(*held, Held::Nothing) {
            let text = format!(
                "Transaction {} is locked already by this handle; a lock of its own takes a \
                 handle of its own",
                transaction.id()
            );
            return Err(Error::new(ErrorKind::Busy, text));
        }
        *held = Held::Coming;
        drop(held);
        let mut lock = transaction.lock();
        let place = lock.bytes_mut().map(<[u8]>::as_mut_ptr);
        let result = place
            .map(|start| (start, transaction.size()))
            .ok_or_else(|| over(transaction));
        // Given back, if it is of no use, when no mutex is held: that may run a completion.
        let (now, useless) = match result {
            Ok(_) => (Held::Lock(lock), None),
            Err(_) => (Held::Nothing, Some(lock)),
        };
        *self.held() = now;
        drop(useless);
        result
    }

    /// Takes the lock out, so that the caller can give it back.
    pub(super) fn take(&self) -> Option<DataLock> {
        let mut held = self.held();
        match std::mem::take(&mut *held) {
            Held::Lock(lock) => Some(lock),
            other => {
                *held = other;
                None
            }
        }
    }

    /// Runs `body` on the bytes: under the lock that the handle holds, or under one for this alone.
    pub(super) fn with_bytes<T>(
        &self,
        transaction: &Transaction,
        body: impl FnOnce(&mut [u8]) -> Result<T>,
    ) -> Result<T> {
        let mut held = self.held();
        if let Held::Lock(lock) = &mut *held {
            return body(lock.bytes_mut().ok_or_else(|| over(transaction))?);
        }
        drop(held);
        let mut lock = transaction.lock();
        body(lock.bytes_mut().ok_or_else(|| over(transaction))?)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn over(transaction: &Transaction) -> Error {
    let text = format!("Transaction {} is over: its data is gone", transaction.id());
    Error::new(ErrorKind::Expired, text)
}
