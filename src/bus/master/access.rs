//! Accesses of a master that are made, waited for, and told of by their own result.

use std::sync::Arc;
use std::time::Duration;

use super::{check, Master};
use crate::bus::kind::Kind;
use crate::bus::lend::lend_mut;
use crate::bus::memory::Memory;
use crate::bus::slave::Slave;
use crate::bus::transaction::Transaction;
use crate::bus::word::word_methods;
use crate::error::Result;

/// Accesses that wait; the result of each call tells how it came out. Each has the time
/// [`Master::timeout`], from the moment the slave has taken it.
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
    /// Reads as many bytes at `address` as `data` has, into `data`. It does not return while a slave
    /// has the bytes locked, even when the time is over. After a failure, `data` has any bytes.
    pub fn read(&self, address: u64, data: &mut [u8]) -> Result<()> {
        self.fill(Kind::Read, address, data)
    }

    /// As [`Master::read`], and the slave is told that the bytes are to be compared with what was
    /// written.
    pub fn verify(&self, address: u64, data: &mut [u8]) -> Result<()> {
        self.fill(Kind::Verify, address, data)
    }

    /// Writes `data` to `address`, and waits until the slave has taken it. The slave gets a copy.
    pub fn write(&self, address: u64, data: &[u8]) -> Result<()> {
        self.put(Kind::Write, address, data)
    }

    /// Writes `data` to `address`; whether the slave takes it is not told. The slave gets a copy.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Emulate, Hub, SlaveBase};
    use crate::error::{Error, ErrorKind};
    use std::sync::Mutex;

    #[test]
    fn values_are_read_back_in_pieces_too() {
        let hub = Hub::new(0x100, 0, 0);
        hub.master().set_slave(Arc::new(Emulate::new(1, 4)));
        let master = Master::new();
        master.set_slave(Arc::new(hub));
        let data: Vec<u8> = (0..100).collect();
        master.write(0, &data).unwrap();
        let mut read = [0; 100];
        master.read(0, &mut read).unwrap();
        assert_eq!(read[..], data);
        master.post(4, &[0xFF; 2]).unwrap();
        master.verify(0, &mut read).unwrap();
        assert_eq!(read[2..7], [2, 3, 0xFF, 0xFF, 6]);
    }

    #[test]
    fn words_are_little_endian() {
        let master = Master::new();
        master.set_slave(Arc::new(Emulate::new(1, 0)));
        master.write_u64(0, 0x8877_6655_4433_2211).unwrap();
        assert_eq!(master.read_u8(0), Ok(0x11));
        assert_eq!(master.read_u16(1), Ok(0x3322));
        assert_eq!(master.read_u32(4), Ok(0x8877_6655));
        master.write_u8(0, 1).unwrap();
        master.write_u16(2, 0x0302).unwrap();
        master.write_u32(4, 0).unwrap();
        assert_eq!(master.read_u64(0), Ok(0x0302_2201));
    }

    #[test]
    fn bad_arguments_are_told() {
        let master = Master::new();
        master.set_slave(Arc::new(Emulate::new(1, 0)));
        let kind = |result: Result<()>| result.map_err(|error| error.kind());
        assert_eq!(kind(master.read(0, &mut [])), Err(ErrorKind::Size));
        assert_eq!(kind(master.write(0, &[])), Err(ErrorKind::Size));
        let beyond = master.read(u64::MAX, &mut [0; 2]);
        assert_eq!(kind(beyond), Err(ErrorKind::InvalidArgument));
        assert_eq!(master.error(), None);
    }

    /// Keeps what it is given.
    struct Keeper(SlaveBase, Mutex<Vec<Transaction>>);

    impl Slave for Keeper {
        fn do_transaction(&self, transaction: Transaction) {
            self.1.lock().unwrap().push(transaction);
        }

        fn base(&self) -> &SlaveBase {
            &self.0
        }
    }

    #[test]
    fn a_slave_that_is_late_reaches_nothing() {
        let master = Master::new();
        let keeper = Arc::new(Keeper(SlaveBase::new(1, 0), Mutex::default()));
        master.set_slave(keeper.clone());
        master.set_timeout(Duration::from_millis(20));
        let mut data = [0; 8];
        let late = |result: Result<()>| result.map_err(|error| error.kind());
        assert_eq!(late(master.read(0, &mut data)), Err(ErrorKind::Timeout));
        assert_eq!(late(master.write(0, &data)), Err(ErrorKind::Timeout));
        for transaction in keeper.1.lock().unwrap().drain(..) {
            assert!(!transaction.complete(|_| Err(Error::failed("late"))));
        }
        assert_eq!(data, [0; 8]);
    }
}
