//! Emulated memory, for tests: a slave that reads and writes 4 KiB pages, allocated when they are
//! first written to. Bytes that were never written read as zero.

use std::collections::btree_map::Entry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::kind::Kind;
use super::memory::INLINE;
use super::slave::{check_access, Slave, SlaveBase};
use super::transaction::{check_range, Transaction};
use crate::error::{Error, ErrorKind, Result};

const PAGE: u64 = 4096;
/// The most pages that one object allocates: 1 GiB.
const MAX_PAGES: usize = 1 << 18;
/// The name under which emulated memories log.
const LOGGER: &str = "pyrogue.memory.Emulate";

/// Emulated memory, for tests. It allocates pages of 4 KiB when they are first written to, at most
/// 1 GiB in all: writes that need more fail. Bytes that were never written read as zero.
pub struct Emulate {
    base: SlaveBase,
    pages: Mutex<BTreeMap<u64, Box<[u8]>>>,
}

impl Emulate {
    /// Memory for accesses of `min` to `max` bytes (`max` 0: no maximum). Addresses and sizes must
    /// be multiples of `min`.
    pub fn new(min: u32, max: u32) -> Emulate {
        Emulate {
            base: SlaveBase::new(min, max),
            pages: Mutex::default(),
        }
    }

    fn check(&self, transaction: &Transaction) -> Result<()> {
        let (address, size) = (transaction.address(), transaction.size());
        let min = self.base.min();
        check_access(size, min, self.base.max())?;
        let text = if min > 1 && address % u64::from(min) != 0 {
            format!("Address {address:#x} is not a multiple of the minimum access of {min} bytes")
        } else if min > 1 && size % min != 0 {
            format!("Size {size} is not a multiple of the minimum access of {min} bytes")
        } else if let Kind::Other(number) = transaction.kind() {
            format!("Transaction type {number} is not known")
        } else {
            return check_range(address, size);
        };
        Err(Error::new(ErrorKind::InvalidArgument, text))
    }

    fn write(&self, mut address: u64, mut data: &[u8]) -> Result<()> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let first = address / PAGE;
        let last = (address + (data.len() as u64 - 1)) / PAGE;
        let new = (first..=last)
            .filter(|page| !pages.contains_key(page))
            .count();
        if pages.len() + new > MAX_PAGES {
            let text = format!("The emulated memory is full ({MAX_PAGES} pages of {PAGE} bytes)");
            return Err(Error::new(ErrorKind::Failed, text));
        }
        while !data.is_empty() {
            let offset = (address % PAGE) as usize;
            let count = data.len().min(PAGE as usize - offset);
            let page = match pages.entry(address / PAGE) {
                Entry::Occupied(page) => page.into_mut(),
                Entry::Vacant(place) => {
                    ::log::debug!(target: LOGGER, "Allocating block at {:#x}", address / PAGE * PAGE);
                    place.insert(new_page()?)
                }
            };
            page[offset..offset + count].copy_from_slice(&data[..count]);
            data = &data[count..];
            address = address.wrapping_add(count as u64);
        }
        Ok(())
    }

    fn read(&self, mut address: u64, mut data: &mut [u8]) {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        while !data.is_empty() {
            let offset = (address % PAGE) as usize;
            let count = data.len().min(PAGE as usize - offset);
            let (part, rest) = data.split_at_mut(count);
            match pages.get(&(address / PAGE)) {
                Some(page) => part.copy_from_slice(&page[offset..offset + count]),
                None => part.fill(0),
            }
            data = rest;
            address = address.wrapping_add(count as u64);
        }
    }
}

/// A page of zeros. Fails if there is no memory for it.
fn new_page() -> Result<Box<[u8]>> {
    let mut page = Vec::new();
    page.try_reserve_exact(PAGE as usize).map_err(|_| {
        let text = format!("There is no memory for a page of {PAGE} bytes");
        Error::new(ErrorKind::System, text)
    })?;
    page.resize(PAGE as usize, 0);
    Ok(page.into_boxed_slice())
}

impl Emulate {
    /// As [`Slave::do_transaction`], for a caller that keeps its handle.
    #[doc(hidden)]
    pub fn carry_out(&self, transaction: &Transaction) {
        if let Err(error) = self.check(transaction) {
            ::log::debug!(
                target: LOGGER,
                "Refused {}: {error}",
                transaction.kind()
            );
            transaction.fail(error);
            return;
        }
        let size = transaction.size() as usize;
        if size <= INLINE && matches!(transaction.kind(), Kind::Read | Kind::Verify) {
            // `done_with` locks, copies and completes in one call. A separate lock would take
            // longer than the rest.
            let mut word = [0; INLINE];
            self.read(transaction.address(), &mut word[..size]);
            transaction.done_with(&word[..size]);
            return;
        }
        let mut lock = transaction.lock();
        let Some(data) = lock.bytes_mut() else { return };
        let result = match transaction.kind() {
            Kind::Write | Kind::Post => self.write(transaction.address(), data),
            _ => {
                self.read(transaction.address(), data);
                Ok(())
            }
        };
        match result {
            Ok(()) => lock.done(),
            Err(error) => lock.fail(error),
        };
    }
}

impl Slave for Emulate {
    fn do_transaction(&self, transaction: Transaction) {
        self.carry_out(&transaction);
    }

    fn base(&self) -> &SlaveBase {
        &self.base
    }
}

impl fmt::Debug for Emulate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulate")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Content, Master, Memory, READ, WRITE};
    use std::sync::Arc;

    fn master(min: u32, max: u32) -> Master {
        let master = Master::new();
        master.set_slave(Arc::new(Emulate::new(min, max)));
        master
    }

    fn read(master: &Master, address: u64, size: u32) -> Vec<u8> {
        let memory = Memory::owned(vec![0xEE; size as usize]);
        let transaction = master.create(address, memory, READ);
        master.slave().do_transaction(transaction.clone());
        // The completion copies the bytes: after the wait they are out of reach.
        let heard = Arc::new(Mutex::new(Vec::new()));
        struct Copy(Arc<Mutex<Vec<u8>>>);
        impl crate::bus::Completion for Copy {
            fn completed(&self, _: u64, completed: crate::bus::Completed) {
                let Content::Bytes(payload) = completed.content else {
                    panic!("the emulated memory has written all bytes");
                };
                *self.0.lock().unwrap() = payload.as_ref().to_vec();
            }
        }
        transaction.on_completion(Arc::new(Copy(heard.clone())), 0);
        master.wait(transaction.id()).unwrap();
        let bytes = heard.lock().unwrap().clone();
        bytes
    }

    #[test]
    fn what_is_written_is_read_back_across_pages() {
        let master = master(1, 0);
        let data: Vec<u8> = (0..10_000u32).map(|n| (n % 251) as u8).collect();
        master
            .wait(master.request(0xFFF, Memory::owned(data.clone()), WRITE))
            .unwrap();
        assert_eq!(read(&master, 0xFFF, 10_000), data);
        assert_eq!(read(&master, 0xFFE, 3), [0, data[0], data[1]]);
        assert_eq!(read(&master, 1 << 60, 8), [0; 8]);
    }

    #[test]
    fn row_27_an_access_against_the_rules_names_the_rule() {
        let master = master(4, 16);
        for (address, size, kind, word) in [
            (0, 2, READ, "below the slave's minimum"),
            (0, 20, READ, "above the slave's maximum"),
            (2, 4, READ, "Address 0x2 is not a multiple"),
            (0, 6, READ, "Size 6 is not a multiple"),
            (0, 4, 7, "type 7"),
            (u64::MAX - 3, 8, WRITE, "beyond the last address"),
        ] {
            let id = master.request(address, Memory::owned(vec![0; size]), kind);
            let error = master.wait(id).unwrap_err();
            assert!(error.text().contains(word), "{error}");
        }
        // The last four bytes of the address space.
        master
            .wait(master.request(u64::MAX - 3, Memory::owned(vec![1; 4]), WRITE))
            .unwrap();
    }
}
