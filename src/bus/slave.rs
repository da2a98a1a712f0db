//! A slave carries out transactions. Every slave has a number, a name, its access sizes, and a
//! place to keep transactions that it will complete later.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::deadline::Renewals;
use super::transaction::Transaction;
use crate::error::{Error, ErrorKind, Result};

/// Carries out transactions.
///
/// The bus never swaps bytes. The registers of Rogue's firmware are little-endian by convention
/// (`u32::to_le_bytes`, `u32::from_le_bytes`).
///
/// A slave over device memory (mmap of `/dev/mem` or of a UIO device) must move the bytes by
/// aligned accesses as wide as the bus, with [`read_volatile`](std::ptr::read_volatile) and
/// [`write_volatile`](std::ptr::write_volatile). It must not use `copy_from_slice` or
/// [`copy_nonoverlapping`](std::ptr::copy_nonoverlapping): those become memcpy, which may access
/// single bytes or wide vectors. Device memory splits such accesses, or answers them with a bus
/// error.
///
/// ```
/// use rogue_memory_bridge::{Kind, Slave, SlaveBase, Transaction};
///
/// /// Registers of 32 bits at `words`, which the program has mapped and keeps mapped.
/// struct Device {
///     base: SlaveBase,
///     words: *mut u32,
///     size: u64,
/// }
/// // SAFETY: the registers belong to no thread, and each is accessed by one instruction.
/// unsafe impl Send for Device {}
/// unsafe impl Sync for Device {}
///
/// impl Slave for Device {
///     fn do_transaction(&self, transaction: Transaction) {
///         let (address, size) = (transaction.address(), u64::from(transaction.size()));
///         if address % 4 != 0 || size % 4 != 0 || size > self.size || address > self.size - size {
///             transaction.fail_with("no such register");
///             return;
///         }
///         let reads = matches!(transaction.kind(), Kind::Read | Kind::Verify);
///         let mut lock = transaction.lock();
///         let Some(bytes) = lock.bytes_mut() else { return };
///         for (n, word) in bytes.chunks_exact_mut(4).enumerate() {
///             // SAFETY: within the device, as was checked above, and aligned to 4 bytes.
///             let register = unsafe { self.words.add(address as usize / 4 + n) };
///             if reads {
///                 let value = unsafe { register.read_volatile() };
///                 word.copy_from_slice(&value.to_ne_bytes());
///             } else {
///                 let value = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
///                 unsafe { register.write_volatile(value) };
///             }
///         }
///         lock.done();
///     }
///
///     fn base(&self) -> &SlaveBase {
///         &self.base
///     }
/// }
/// # let mut registers = [1u32, 2, 3, 4];
/// # let words = registers.as_mut_ptr();
/// # let device = Device { base: SlaveBase::new(4, 4096), words, size: 16 };
/// # let master = rogue_memory_bridge::Master::new();
/// # master.set_slave(std::sync::Arc::new(device));
/// # let bytes = [7u32.to_ne_bytes(), 8u32.to_ne_bytes()].concat();
/// # master.write(4, &bytes).unwrap();
/// # assert_eq!(unsafe { words.cast::<[u32; 4]>().read_volatile() }, [1, 7, 8, 4]);
/// # assert!(master.read(12, &mut [0; 8]).is_err());
/// ```
pub trait Slave: Send + Sync {
    /// Takes `transaction` and completes it, at once or later, on any thread. A transaction fails
    /// if its last handle is dropped before it has completed. Several threads may call this at the
    /// same time.
    fn do_transaction(&self, transaction: Transaction);

    /// The state that every slave has. The methods below return what is in it, unless a slave
    /// overrides them.
    fn base(&self) -> &SlaveBase;

    /// The slave's number, never 0.
    fn slave_id(&self) -> u32 {
        self.base().id()
    }

    /// The slave's name.
    fn slave_name(&self) -> String {
        self.base().name()
    }

    /// The smallest access in bytes; also the alignment of addresses and sizes.
    fn min_access(&self) -> u32 {
        self.base().min()
    }

    /// The largest access in bytes; 0 when none is known.
    fn max_access(&self) -> u32 {
        self.base().max()
    }

    /// The address of the slave. A hub in front of it adds its offset to it, to get its own
    /// address.
    fn address(&self) -> u64 {
        0
    }
}

/// Fails if a slave for accesses of `min` to `max` bytes cannot carry out one of `size` bytes.
/// `max` 0 is no maximum.
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

/// The number of the next slave in this process.
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

impl SlaveBase {
    /// The state of a slave for accesses of `min` to `max` bytes (`max` 0: no maximum is known),
    /// named `Unnamed_<id>`.
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
        // Nobody takes out expired transactions, and they must not pile up. They are removed when
        // the table would grow: that would cost as much.
        if kept.len() == kept.capacity() {
            kept.retain(|_, transaction| !transaction.expired());
        }
        kept.insert(transaction.id(), transaction);
    }

    /// Removes the transaction kept under `id` and returns it. The deadlines of later transactions
    /// are renewed: the slave is alive.
    pub fn take(&self, id: u32) -> Option<Transaction> {
        let transaction = self.kept().remove(&id)?;
        self.note_taken(&transaction);
        Some(transaction)
    }

    /// For a slave that keeps transactions in a table of its own: it has added one.
    #[doc(hidden)]
    pub fn note_added(&self, transaction: &Transaction) {
        transaction.set_renewals(Arc::clone(&self.renewals));
    }

    /// For a slave that keeps transactions in a table of its own: it has removed one, to complete
    /// it.
    #[doc(hidden)]
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
    /// The error text of an unconnected bus.
    pub const TEXT: &'static str = "Unsupported transaction using unconnected memory bus";

    /// A new unconnected slave.
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

    fn base(&self) -> &SlaveBase {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::READ;
    use std::time::Duration;

    #[test]
    fn every_slave_has_a_number_and_a_name_of_its_own() {
        let (a, b) = (SlaveBase::new(4, 8), SlaveBase::new(4, 8));
        assert_ne!(a.id(), b.id());
        assert_eq!(a.name(), format!("Unnamed_{}", a.id()));
        a.set_name("axi");
        assert_eq!(a.name(), "axi");
    }

    #[test]
    fn kept_transactions_are_taken_out_once_and_renew_those_after_them() {
        let base = SlaveBase::new(4, 8);
        let make = || Transaction::new(0, 0, READ, None, Duration::from_secs(10));
        let (first, second) = (make(), make());
        for transaction in [&first, &second] {
            transaction.taken();
            base.add(transaction.clone());
        }
        let before = second.deadline().unwrap();
        std::thread::sleep(Duration::from_millis(5));
        assert!(base.take(first.id()).unwrap().same(&first));
        assert!(base.take(first.id()).is_none());
        assert!(second.deadline().unwrap() > before);
    }

    #[test]
    fn kept_transactions_that_expire_do_not_pile_up() {
        let base = SlaveBase::new(4, 8);
        for _ in 0..if cfg!(miri) { 500 } else { 10_000 } {
            let transaction = Transaction::new(0, 0, READ, None, Duration::from_secs(10));
            base.add(transaction.clone());
            transaction.done();
        }
        assert!(base.kept().len() < 100, "{}", base.kept().len());
    }

    #[test]
    fn access_sizes_are_held() {
        assert!(check_access(4, 4, 8).is_ok());
        assert!(check_access(1 << 30, 4, 0).is_ok());
        for (size, word) in [(0, "0 bytes"), (2, "below"), (9, "above")] {
            assert!(check_access(size, 4, 8).unwrap_err().text().contains(word));
        }
    }
}
