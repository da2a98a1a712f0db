//! The source of transactions: makes them, hands them to a slave, waits for them, and keeps the
//! last failure.

mod outstanding;

use std::fmt;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::kind::Kind;
use super::lend::{data_size, lend_mut};
use super::memory::Memory;
use super::slave::{Slave, Unconnected};
use super::transaction::{check_range, Transaction};
use super::word::word_methods;
use crate::error::{Error, ErrorKind, Result};
use crate::process::Home;
use crate::sync::Time;
use outstanding::Outstanding;

/// The time that a slave has for a transaction, unless [`Master::set_timeout`] changes it.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// The name under which masters log.
const LOGGER: &str = "pyrogue.memory.Master";

/// Makes transactions, hands them to the slave that it is connected to, and waits for them. Any
/// thread may call it.
pub struct Master {
    timeout: Arc<Time>,
    state: Mutex<MasterState>,
    home: Home,
}

struct MasterState {
    slave: Arc<dyn Slave>,
    error: Option<Error>,
    outstanding: Outstanding,
}

impl Default for Master {
    fn default() -> Master {
        Master::new()
    }
}

impl Master {
    /// An unconnected master: its transactions fail until [`Master::set_slave`].
    pub fn new() -> Master {
        Master {
            timeout: Arc::new(Time::new(DEFAULT_TIMEOUT)),
            state: Mutex::new(MasterState {
                slave: Arc::new(Unconnected::new()),
                error: None,
                outstanding: Outstanding::default(),
            }),
            home: Home::here(),
        }
    }

    /// Whether this is the process that the master was made in.
    #[doc(hidden)]
    pub fn is_here(&self) -> bool {
        self.home.is_here()
    }

    /// Connects the master to `slave`. Transactions that were handed over before stay with the old
    /// slave.
    pub fn set_slave(&self, slave: Arc<dyn Slave>) {
        let old = std::mem::replace(&mut self.lock().slave, slave);
        // Dropped without the lock: if this is the last reference, the slave's destructor runs user
        // code.
        drop(old);
    }

    /// The slave that the master is connected to.
    pub fn slave(&self) -> Arc<dyn Slave> {
        Arc::clone(&self.lock().slave)
    }

    /// Sets the time that a slave has for each transaction made from now on, rounded up to
    /// microseconds. Zero changes nothing.
    pub fn set_timeout(&self, timeout: Duration) {
        if !timeout.is_zero() {
            self.timeout.set(timeout);
        }
    }

    /// The time that a slave has for a transaction, from the moment it has taken it.
    pub fn timeout(&self) -> Duration {
        self.timeout.get()
    }

    /// A shared handle to the timeout, for an object that must follow later changes of it.
    #[doc(hidden)]
    pub fn shared_timeout(&self) -> Arc<Time> {
        Arc::clone(&self.timeout)
    }

    /// The last failure that a wait has returned, until [`Master::clear_error`].
    #[doc(hidden)]
    pub fn error(&self) -> Option<Error> {
        self.lock().error.clone()
    }

    /// Forgets the last failure.
    #[doc(hidden)]
    pub fn clear_error(&self) {
        self.lock().error = None;
    }

    /// Makes a transaction and hands it to the slave. Returns its id, for [`Master::wait`], which
    /// returns every failure, even that of an invalid argument.
    #[doc(hidden)]
    pub fn request(&self, address: u64, memory: Memory, kind: impl Into<Kind>) -> u32 {
        let slave = |state: &MasterState| Arc::clone(&state.slave);
        let (transaction, slave) = self.make(address, memory, kind.into(), slave);
        if let Some(slave) = slave {
            slave.do_transaction(transaction.clone());
            transaction.taken();
        }
        transaction.id()
    }

    /// Makes a transaction and registers it as outstanding, without handing it to the slave. The
    /// caller does that, and calls [`Transaction::taken`] afterwards. The transaction has already
    /// failed if it has no bytes, or goes beyond the last address.
    #[doc(hidden)]
    pub fn create(&self, address: u64, memory: Memory, kind: impl Into<Kind>) -> Transaction {
        self.make(address, memory, kind.into(), |_| ()).0
    }

    /// Like [`Master::create`]. Also returns the result of `also`, which is called under the lock;
    /// `None` if the transaction has failed.
    fn make<T>(
        &self,
        address: u64,
        memory: Memory,
        kind: Kind,
        also: impl FnOnce(&MasterState) -> T,
    ) -> (Transaction, Option<T>) {
        let size = u32::try_from(memory.len()).unwrap_or(u32::MAX);
        let error = check(address, memory.len()).err();
        let memory = if error.is_none() { Some(memory) } else { None };
        let timeout = self.timeout();
        // Made under the lock, so that transactions are added to `outstanding` in the order of
        // creation.
        let mut state = self.lock();
        let transaction = Transaction::new(address, size, kind, memory, timeout);
        let also = error.is_none().then(|| also(&state));
        state.outstanding.insert(transaction.clone());
        drop(state);
        ::log::debug!(
            target: LOGGER,
            "Request transaction. type={} id={}, address=0x{address:016x}, size={size}",
            kind.number(), transaction.id()
        );
        if let Some(error) = error {
            transaction.fail(error);
        }
        (transaction, also)
    }

    /// Makes a transaction that has failed already. It is outstanding like any other, and
    /// [`Master::wait`] returns `error`. Returns its id.
    #[doc(hidden)]
    pub fn refuse(&self, address: u64, size: u32, kind: impl Into<Kind>, error: Error) -> u32 {
        let transaction = Transaction::new(address, size, kind, None, self.timeout());
        transaction.fail(error);
        self.register(&transaction);
        transaction.id()
    }

    /// Registers a transaction made elsewhere as outstanding here.
    #[doc(hidden)]
    pub fn register(&self, transaction: &Transaction) {
        self.lock().outstanding.insert(transaction.clone());
    }

    /// Waits for the transaction `id`, or for all that are outstanding if `id` is 0. Returns the
    /// last failure among them, and keeps it for [`Master::error`]. Returns `Ok` at once if no such
    /// transaction is outstanding.
    #[doc(hidden)]
    pub fn wait(&self, id: u32) -> Result<()> {
        if id != 0 {
            return self.wait_for(|all| all.get(id)).unwrap_or(Ok(()));
        }
        let mut result = Ok(());
        while let Some(outcome) = self.wait_for(Outstanding::first) {
            let over = self.collect();
            result = over.and(outcome).and(result);
        }
        result
    }

    /// Waits for the transaction that `find` returns, and removes it. `None` if `find` returns
    /// none.
    fn wait_for(
        &self,
        find: impl FnOnce(&Outstanding) -> Option<&Transaction>,
    ) -> Option<Result<()>> {
        let mut state = self.lock();
        let found = find(&state.outstanding)?;
        let order = found.order();
        let (outcome, waited) = match found.collect() {
            Some(outcome) => (outcome, None),
            None => {
                let transaction = found.clone();
                drop(state);
                let outcome = transaction.wait();
                state = self.lock();
                (outcome, Some(transaction))
            }
        };
        // Dropped without the lock: the last handle may run user code in a destructor.
        let removed = (state.outstanding.remove(order), waited);
        state.note(&outcome);
        drop(state);
        drop(removed);
        Some(outcome)
    }

    /// Removes published transactions from the front, without waiting, and returns the last failure
    /// among them. Stops at the first that is not published.
    fn collect(&self) -> Result<()> {
        let mut result = Ok(());
        loop {
            // As in `wait_for`, dropped without the lock: up to 16 are removed each time it is
            // taken.
            let mut removed = [const { None }; 16];
            let mut state = self.lock();
            for place in &mut removed {
                let Some(first) = state.outstanding.first() else {
                    break;
                };
                let Some(outcome) = first.collect() else {
                    break;
                };
                let order = first.order();
                *place = state.outstanding.remove(order);
                state.note(&outcome);
                result = outcome.and(result);
            }
            drop(state);
            if removed.last().is_none_or(Option::is_none) {
                return result;
            }
        }
    }

    /// Whether the transaction `id` has completed, without waiting. True, too, if no such
    /// transaction is outstanding.
    #[doc(hidden)]
    pub fn is_done(&self, id: u32) -> bool {
        let transaction = self.lock().outstanding.get(id).cloned();
        transaction.is_none_or(|transaction| transaction.poll())
    }

    fn lock(&self) -> MutexGuard<'_, MasterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Blocking accesses. Each returns when the slave has completed it, or fails with
/// [`ErrorKind::Timeout`] when [`Master::timeout`] is over, counted from the moment the slave has
/// taken it.
///
/// ```
/// use rogue_memory_bridge::{Emulate, Hub, Master};
/// use std::sync::Arc;
///
/// let hub = Hub::new(0x1000, 0, 0);
/// hub.master().set_slave(Arc::new(Emulate::new(4, 4096)));
/// let master = Master::new();
/// master.set_slave(Arc::new(hub));
///
/// master.write_u32(0x10, 0x1234)?;
/// let mut bytes = [0; 4];
/// master.read(0x10, &mut bytes)?;
/// assert_eq!(bytes, [0x34, 0x12, 0, 0]);
/// # Ok::<(), rogue_memory_bridge::Error>(())
/// ```
impl Master {
    /// Reads `data.len()` bytes at `address` into `data`. Does not return while the slave has the
    /// bytes locked, even if the timeout is over. After a failure the contents of `data` are
    /// unspecified.
    pub fn read(&self, address: u64, data: &mut [u8]) -> Result<()> {
        self.fill(Kind::Read, address, data)
    }

    /// Like [`Master::read`], but as a Verify: this tells the slave that the caller will compare
    /// the bytes with what it wrote.
    pub fn verify(&self, address: u64, data: &mut [u8]) -> Result<()> {
        self.fill(Kind::Verify, address, data)
    }

    /// Writes `data` to `address`, and waits until the slave has carried out the write. The slave
    /// gets a copy of `data`.
    pub fn write(&self, address: u64, data: &[u8]) -> Result<()> {
        self.put(Kind::Write, address, data)
    }

    /// Writes `data` to `address` as a posted write. Across TCP this is complete when it has been
    /// sent, and a failure at the far slave is not reported. The slave gets a copy of `data`.
    pub fn post(&self, address: u64, data: &[u8]) -> Result<()> {
        self.put(Kind::Post, address, data)
    }

    word_methods!();

    fn fill(&self, kind: Kind, address: u64, data: &mut [u8]) -> Result<()> {
        check(address, data.len())?;
        let (slave, timeout) = self.now();
        lend_mut((address, kind), data, timeout, |transaction| {
            slave.do_transaction(transaction.clone());
        })
    }

    fn put(&self, kind: Kind, address: u64, data: &[u8]) -> Result<()> {
        let size = check(address, data.len())?;
        let (slave, timeout) = self.now();
        // A copy: a slave may change the bytes that it is given.
        let memory = Memory::owned(data.to_vec());
        let transaction = Transaction::new(address, size, kind, Some(memory), timeout);
        slave.do_transaction(transaction.clone());
        transaction.taken();
        transaction.wait()
    }

    fn now(&self) -> (Arc<dyn Slave>, Duration) {
        (self.slave(), self.timeout())
    }
}

impl MasterState {
    fn note(&mut self, outcome: &Result<()>) {
        if let Err(error) = outcome {
            self.error = Some(error.clone());
        }
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Master")
            .field("slave", &self.slave().slave_name())
            .field("timeout", &self.timeout())
            .finish_non_exhaustive()
    }
}

impl Drop for Master {
    /// Fails the outstanding transactions, and returns when nothing touches their memory any more.
    fn drop(&mut self) {
        if !self.home.is_here() {
            return;
        }
        let outstanding = std::mem::take(&mut self.lock().outstanding);
        for transaction in outstanding.into_values() {
            transaction.fail(Error::new(
                ErrorKind::Stopped,
                "The master is gone: stopped",
            ));
            // Waits only while a lock on its bytes is held.
            let _ = transaction.wait();
        }
    }
}

/// Checks an access to `len` bytes at `address`: the size of its transaction, or an error that says
/// what is wrong.
#[inline]
fn check(address: u64, len: usize) -> Result<u32> {
    if len == 0 {
        let text = "A transaction of 0 bytes is not allowed";
        return Err(Error::new(ErrorKind::Size, text));
    }
    let size = data_size(len)?;
    check_range(address, size)?;
    Ok(size)
}

/// Checks a caller's pointer to `size` bytes. Fails if it is NULL, or if `size` is more than this
/// system has in one piece.
pub fn caller_start(data: *mut u8, size: u32) -> Result<NonNull<u8>> {
    check_memory(size, isize::MAX as u64)?;
    NonNull::new(data).ok_or_else(|| {
        let text = format!("The data of a transaction of {size} bytes is NULL");
        Error::new(ErrorKind::NullArgument, text)
    })
}

/// Fails if `size` is above `most`, the limit for one piece of memory. On a 32-bit system that is
/// half of what a transaction could have: no slice may be larger, and no system call moves more.
fn check_memory(size: u32, most: u64) -> Result<()> {
    if u64::from(size) <= most {
        return Ok(());
    }
    let text =
        format!("A transaction of {size} bytes is too large: this system allows at most {most}");
    Err(Error::new(ErrorKind::Size, text))
}

#[cfg(test)]
mod tests;
