//! What carries out transactions, and what every slave has: a number, a name, its access sizes, and
//! a place to keep transactions that it will complete later.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::deadline::Renewals;
use super::transaction::Transaction;
use crate::error::{Error, ErrorKind, Result};

/// What carries out transactions.
pub trait Slave: Send + Sync {
    /// Takes `transaction` and completes it, at once or later, on any thread. A handle that is
    /// dropped without completing it fails it.
    fn do_transaction(&self, transaction: Transaction);

    /// The slave's number, never 0.
    fn slave_id(&self) -> u32;

    /// The slave's name.
    fn slave_name(&self) -> String;

    /// The smallest access in bytes; also the alignment of addresses and sizes.
    fn min_access(&self) -> u32;

    /// The largest access in bytes; 0 when none is known.
    fn max_access(&self) -> u32;

    /// The address at which the slave sits.
    fn address(&self) -> u64 {
        0
    }
}

/// Refuses a size that a slave with these access sizes does not take. `max` 0 is no maximum.
pub fn check_access(size: u32, min: u32, max: u32) -> Result<()> {
    let text = if size == 0 {
        "A transaction of 0 bytes is not allowed".to_owned()
    } else if size < min {
        format!("Size {size} is below the slave's minimum access of {min} bytes")
    } else if max != 0 && size > max {
        format!("Size {size} is above the slave's maximum access of {max} bytes")
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Size, text))
}

/// The state that every slave has.
#[derive(Debug)]
pub struct SlaveBase {
    id: u32,
    min: u32,
    max: u32,
    name: Mutex<String>,
    kept: Mutex<HashMap<u32, Transaction>>,
    renewals: Arc<Renewals>,
}

/// Gives each slave of the process its number.
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

impl SlaveBase {
    /// A slave for accesses of `min` to `max` bytes, named `Unnamed_<id>`.
    pub fn new(min: u32, max: u32) -> SlaveBase {
        let id = loop {
            let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
            if id != 0 {
                break id;
            }
        };
        SlaveBase {
            id,
            min,
            max,
            name: Mutex::new(format!("Unnamed_{id}")),
            kept: Mutex::default(),
            renewals: Arc::default(),
        }
    }

    /// The slave's number, never 0.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The smallest access in bytes.
    pub fn min(&self) -> u32 {
        self.min
    }

    /// The largest access in bytes; 0 when none is known.
    pub fn max(&self) -> u32 {
        self.max
    }

    /// The slave's name.
    pub fn name(&self) -> String {
        self.name
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Gives the slave a name.
    pub fn set_name(&self, name: impl Into<String>) {
        *self.name.lock().unwrap_or_else(PoisonError::into_inner) = name.into();
    }

    /// Keeps a transaction to be completed later.
    pub fn add(&self, transaction: Transaction) {
        self.note_added(&transaction);
        let mut kept = self.kept();
        // Expired ones, which nobody will fetch, must not pile up: look for them when as many have
        // come as there would be to look at.
        if kept.len() == kept.capacity() {
            kept.retain(|_, transaction| !transaction.expired());
        }
        kept.insert(transaction.id(), transaction);
    }

    /// Takes out the transaction kept under `id`. Those that came after it have their deadlines
    /// renewed: the slave is alive.
    pub fn take(&self, id: u32) -> Option<Transaction> {
        let transaction = self.kept().remove(&id)?;
        self.note_taken(&transaction);
        Some(transaction)
    }

    /// For a slave that keeps its transactions itself: one has been kept.
    pub fn note_added(&self, transaction: &Transaction) {
        transaction.set_renewals(Arc::clone(&self.renewals));
    }

    /// For a slave that keeps its transactions itself: one has been taken out to be completed.
    pub fn note_taken(&self, transaction: &Transaction) {
        self.renewals.answered(transaction.order(), Instant::now());
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<u32, Transaction>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slave of a master that has not been connected: it fails everything.
#[derive(Debug)]
pub struct Unconnected(SlaveBase);

impl Unconnected {
    /// What an unconnected bus answers.
    pub const TEXT: &'static str = "Unsupported transaction using unconnected memory bus";

    /// A new one.
    pub fn new() -> Unconnected {
        Unconnected(SlaveBase::new(4, 0))
    }
}

impl Default for Unconnected {
    fn default() -> Unconnected {
        Unconnected::new()
    }
}

impl Slave for Unconnected {
    fn do_transaction(&self, transaction: Transaction) {
        transaction.fail_with(Unconnected::TEXT);
    }

    fn slave_id(&self) -> u32 {
        self.0.id()
    }

    fn slave_name(&self) -> String {
        self.0.name()
    }

    fn min_access(&self) -> u32 {
        self.0.min()
    }

    fn max_access(&self) -> u32 {
        self.0.max()
    }
}
