//! What the handles to one transaction share: whether the program must still complete it, and the
//! lock that each handle may hold.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bus::{DataLock, SlaveBase, Transaction};
use crate::error::{Error, ErrorKind, Result};

/// A transaction in the hands of the program. It fails when the last handle is freed too early.
pub(super) struct Carried {
    transaction: Transaction,
    /// The slave that was called with it, if any. It has answered when this completes.
    slave: Option<Arc<SlaveBase>>,
    /// Set when something else completes it: another slave, or its pieces.
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

    /// Something else completes it from now on.
    pub(super) fn pass_on(&self) -> Result<()> {
        if self.passed_on.swap(true, Ordering::Relaxed) {
            return Err(self.not_own());
        }
        Ok(())
    }

    /// Refuses a transaction that something else completes.
    pub(super) fn check_own(&self) -> Result<()> {
        if self.passed_on.load(Ordering::Relaxed) {
            return Err(self.not_own());
        }
        Ok(())
    }

    fn not_own(&self) -> Error {
        let id = self.transaction.id();
        let text = format!("Transaction {id} has already been sealed or passed on to a slave");
        Error::new(ErrorKind::Busy, text)
    }

    /// Completes it: it has been carried out, or has failed.
    pub(super) fn complete(&self, outcome: Result<()>) -> Result<()> {
        let first = match outcome {
            Ok(()) => self.transaction.done(),
            Err(error) => self.transaction.fail(error),
        };
        if !first {
            let text = format!("Transaction {} was already over", self.transaction.id());
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
        if !*self.passed_on.get_mut() {
            // The transaction does not fail by itself, since a master may hold it too. In a child
            // this does nothing: the transaction is the parent's.
            self.transaction
                .fail_with("The slave freed the transaction without completing it");
        }
    }
}

/// A handle's lock on the transaction's bytes, if it holds one.
#[derive(Default)]
pub(super) struct HandleLock(Mutex<Held>);

#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    /// A thread waits for the lock, without holding the mutex.
    Coming,
    Lock(DataLock),
}

impl HandleLock {
    /// Locks the bytes, and gives their place and size.
    pub(super) fn lock(&self, transaction: &Transaction) -> Result<(*mut u8, u32)> {
        let mut held = self.held();
        if !matches!(*held, Held::Nothing) {
            let text = format!(
                "Transaction {} is already locked by this handle: another lock needs another \
                 handle",
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
        // Releasing a lock may run a completion: a useless one is dropped without the mutex.
        let (now, useless) = match result {
            Ok(_) => (Held::Lock(lock), None),
            Err(_) => (Held::Nothing, Some(lock)),
        };
        *self.held() = now;
        drop(useless);
        result
    }

    /// Takes the lock out, for the caller to release.
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

    /// Runs `body` on the bytes, under the lock that the handle holds or else under one of its own.
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
