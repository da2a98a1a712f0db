//! A hub passes transactions on to another slave. It adds its offset to their addresses, and splits
//! those that are larger than that slave can carry out.

use std::fmt;
use std::sync::Arc;

use super::master::Master;
use super::slave::{Slave, SlaveBase};
use super::transaction::Transaction;
use crate::error::{Error, ErrorKind, Result};

/// The most pieces into which one transaction is split.
pub const MAX_PIECES: u32 = 1 << 20;

/// The name under which hubs log.
const LOGGER: &str = "pyrogue.memory.Hub";

/// A branch of the bus: passes transactions on to the slave that its [`master`](Hub::master) is
/// connected to, with an offset added to their addresses. Splits those that are larger than that
/// slave's maximum access.
pub struct Hub {
    base: SlaveBase,
    master: Master,
    offset: u64,
}

impl Hub {
    /// A hub that adds `offset` to addresses. If `min` and `max`, in bytes, are both not 0, the hub
    /// begins an address space of its own: it has its own number, name and access sizes, and its
    /// address is 0. Otherwise it has the number, name and minimum access of the slave behind it,
    /// no maximum (`u32::MAX`), and the address [`full_address`](Hub::full_address).
    pub fn new(offset: u64, min: u32, max: u32) -> Hub {
        Hub {
            base: SlaveBase::new(min, max),
            master: Master::new(),
            offset,
        }
    }

    /// The hub's master side: transactions go on to the slave that this is connected to.
    pub fn master(&self) -> &Master {
        &self.master
    }

    /// What the hub adds to each address.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The hub's own address: that of the slave behind it plus the offset. It wraps around at 2^64;
    /// an access whose address would wrap around fails.
    pub fn full_address(&self) -> u64 {
        self.master.slave().address().wrapping_add(self.offset)
    }

    fn root(&self) -> bool {
        self.base.min() != 0 && self.base.max() != 0
    }
}

/// Adds a hub's `offset` to the address of `transaction`, and passes it to `issue`: in pieces of at
/// most `max` bytes if it is larger than that, otherwise whole. `max` 0 is no limit.
///
/// Each piece is made after the one before it has been issued, so there is only one of them in
/// memory if the slave completes at once. A transaction that would go beyond the last address fails
/// before any piece is issued. No more pieces are issued when the master has stopped waiting: they
/// would move nothing. (Rogue's own hub issues all of them.)
pub fn route(transaction: &Transaction, offset: u64, max: u32, mut issue: impl FnMut(Transaction)) {
    if let Err(error) = transaction.offset_address(offset) {
        transaction.fail(error);
        return;
    }
    if max == 0 || transaction.size() <= max {
        issue(transaction.clone());
        return;
    }
    let result = split(transaction, max, &mut issue);
    if let Err(error) = result {
        transaction.fail(error);
    }
    transaction.seal();
}

fn split(transaction: &Transaction, max: u32, issue: &mut impl FnMut(Transaction)) -> Result<()> {
    let size = transaction.size();
    let count = size.div_ceil(max);
    if count > MAX_PIECES {
        let text = format!(
            "A transaction of {size} bytes would take {count} pieces of {max} bytes, more than {MAX_PIECES}"
        );
        return Err(Error::new(ErrorKind::Size, text));
    }
    ::log::debug!(
        target: LOGGER,
        "Splitting transaction {} into {count} subtransactions",
        transaction.id()
    );
    let address = transaction.address();
    for offset in (0..size).step_by(max as usize) {
        if transaction.expired() {
            let text = "The transaction has expired before all of its pieces were issued";
            return Err(Error::new(ErrorKind::Expired, text));
        }
        let piece = max.min(size - offset);
        // No overflow: the whole transaction ends within the address space.
        issue(transaction.piece(offset, piece, address + u64::from(offset))?);
    }
    Ok(())
}

impl Slave for Hub {
    fn do_transaction(&self, transaction: Transaction) {
        let slave: Arc<dyn Slave> = self.master.slave();
        let max = slave.max_access();
        route(&transaction, self.offset, max, |piece| {
            slave.do_transaction(piece)
        });
    }

    fn base(&self) -> &SlaveBase {
        &self.base
    }

    fn slave_id(&self) -> u32 {
        if self.root() {
            self.base.id()
        } else {
            self.master.slave().slave_id()
        }
    }

    fn slave_name(&self) -> String {
        if self.root() {
            self.base.name()
        } else {
            self.master.slave().slave_name()
        }
    }

    fn min_access(&self) -> u32 {
        if self.root() {
            self.base.min()
        } else {
            self.master.slave().min_access()
        }
    }

    fn max_access(&self) -> u32 {
        if self.root() {
            self.base.max()
        } else {
            u32::MAX
        }
    }

    fn address(&self) -> u64 {
        if self.root() {
            0
        } else {
            self.full_address()
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Emulate, Memory, READ, WRITE};
    use std::sync::Mutex;

    /// Keeps its transactions, for the test to complete them.
    struct Later {
        base: SlaveBase,
        kept: Mutex<Vec<Transaction>>,
    }

    impl Later {
        fn new(max: u32) -> Arc<Later> {
            Arc::new(Later {
                base: SlaveBase::new(1, max),
                kept: Mutex::default(),
            })
        }

        fn take(&self) -> Vec<Transaction> {
            std::mem::take(&mut self.kept.lock().unwrap())
        }
    }

    impl Slave for Later {
        fn do_transaction(&self, transaction: Transaction) {
            self.kept.lock().unwrap().push(transaction);
        }

        fn base(&self) -> &SlaveBase {
            &self.base
        }

        fn address(&self) -> u64 {
            0x1_0000
        }
    }

    #[test]
    fn offsets_add_up_through_a_chain() {
        let slave = Later::new(0);
        let (inner, outer) = (Hub::new(0x100, 0, 0), Arc::new(Hub::new(0x1000, 0, 0)));
        inner.master().set_slave(slave.clone());
        assert_eq!(inner.full_address(), 0x1_0100);
        outer.master().set_slave(Arc::new(inner));
        assert_eq!(outer.address(), 0x1_1100);
        assert_eq!(outer.slave_id(), slave.slave_id());
        assert_eq!(outer.max_access(), u32::MAX);
        let master = Master::new();
        master.set_slave(outer);
        let id = master.request(4, Memory::owned(vec![0; 4]), READ);
        let got = slave.take();
        assert_eq!(got[0].address(), 0x1104);
        got[0].done();
        master.wait(id).unwrap();
    }

    #[test]
    fn a_root_hub_answers_for_itself() {
        let hub = Hub::new(0x100, 4, 64);
        hub.base().set_name("root");
        assert_eq!(
            (hub.min_access(), hub.max_access(), hub.address()),
            (4, 64, 0)
        );
        assert_eq!(
            (hub.slave_id(), hub.slave_name()),
            (hub.base().id(), "root".to_owned())
        );
    }

    #[test]
    fn row_9_a_split_fails_with_an_early_piece() {
        let slave = Later::new(4);
        let hub = Hub::new(0, 0, 0);
        hub.master().set_slave(slave.clone());
        let master = Master::new();
        master.set_slave(Arc::new(hub));
        let id = master.request(0x10, Memory::owned(vec![0; 10]), READ);
        let pieces = slave.take();
        let asked: Vec<_> = pieces.iter().map(|p| (p.address(), p.size())).collect();
        assert_eq!(asked, [(0x10, 4), (0x14, 4), (0x18, 2)]);
        pieces[0].fail_with("first");
        pieces[1].done();
        pieces[2].done();
        assert!(master
            .wait(id)
            .unwrap_err()
            .text()
            .contains("failed with error: first"));
    }

    #[test]
    fn row_10_a_split_over_a_slave_that_completes_at_once_works() {
        let hub = Hub::new(0x2000, 0, 0);
        hub.master().set_slave(Arc::new(Emulate::new(4, 4)));
        let master = Master::new();
        master.set_slave(Arc::new(hub));
        let data: Vec<u8> = (0..100).collect();
        master
            .wait(master.request(0, Memory::owned(data.clone()), WRITE))
            .unwrap();
        let mut got = vec![0u8; 100];
        let memory = {
            #[allow(unsafe_code)]
            // SAFETY: `got` outlives the wait below, and is not touched before it.
            unsafe {
                Memory::caller(std::ptr::NonNull::new(got.as_mut_ptr()).unwrap(), 100)
            }
        };
        master.wait(master.request(0, memory, READ)).unwrap();
        assert_eq!(got, data);
    }

    #[test]
    fn nothing_is_carried_out_beyond_the_last_address() {
        const LAST: u64 = u64::MAX;
        let slave = Later::new(4);
        let hub = Hub::new(0x100, 0, 0);
        hub.master().set_slave(slave.clone());
        let hub = Arc::new(hub);
        // Bypasses the master, which would refuse some of these itself.
        let ask = |address, size: u32| {
            let memory = Memory::owned(vec![0; size as usize]);
            let timeout = std::time::Duration::MAX;
            let transaction = Transaction::new(address, size, WRITE, Some(memory), timeout);
            hub.do_transaction(transaction.clone());
            transaction
        };
        // The end of the access, the moved address, and the end of the moved access wrap around.
        for (address, size) in [(LAST - 7, 16), (LAST - 0xff, 4), (LAST - 0x107, 16)] {
            let error = ask(address, size).outcome().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.text().contains("beyond the last address"), "{error}");
            assert!(slave.take().is_empty());
        }
        let whole = ask(LAST - 0x10f, 16);
        let asked: Vec<_> = slave.take().iter().map(Transaction::address).collect();
        assert_eq!(asked, [LAST - 15, LAST - 11, LAST - 7, LAST - 3]);
        drop(whole);
    }

    #[test]
    fn no_more_pieces_are_issued_when_the_master_has_stopped_waiting() {
        /// Its master stops waiting while it has the second piece.
        struct Slow {
            base: SlaveBase,
            root: Mutex<Option<Transaction>>,
            asked: Mutex<Vec<u64>>,
        }

        impl Slave for Slow {
            fn do_transaction(&self, piece: Transaction) {
                self.asked.lock().unwrap().push(piece.address());
                if piece.address() % 16 == 4 {
                    let root = self.root.lock().unwrap().take().unwrap();
                    root.fail(Error::new(ErrorKind::Timeout, "too late"));
                }
                piece.done();
            }

            fn base(&self) -> &SlaveBase {
                &self.base
            }
        }

        // Behind one hub, and behind two: then the inner one gets pieces, and splits them.
        for hubs in [1, 2] {
            let slow = Arc::new(Slow {
                base: SlaveBase::new(1, 4),
                root: Mutex::default(),
                asked: Mutex::default(),
            });
            let mut hub = Arc::new(Hub::new(0, 0, 0));
            hub.master().set_slave(slow.clone());
            if hubs == 2 {
                let inner = Arc::new(Hub::new(0, 4, 12));
                inner.master().set_slave(slow.clone());
                hub = Arc::new(Hub::new(0, 0, 0));
                hub.master().set_slave(inner);
            }
            let memory = Some(Memory::owned(vec![0; 24]));
            let timeout = std::time::Duration::MAX;
            let transaction = Transaction::new(0, 24, WRITE, memory, timeout);
            *slow.root.lock().unwrap() = Some(transaction.clone());
            hub.do_transaction(transaction.clone());
            assert_eq!(*slow.asked.lock().unwrap(), [0, 4], "{hubs} hubs");
            let error = transaction.outcome().unwrap().unwrap_err();
            assert_eq!(error.text(), "too late");
        }
    }

    #[test]
    fn too_many_pieces_are_refused() {
        let slave = Later::new(1);
        let hub = Hub::new(0, 0, 0);
        hub.master().set_slave(slave.clone());
        let master = Master::new();
        master.set_slave(Arc::new(hub));
        let size = MAX_PIECES as usize + 1;
        let id = master.request(0, Memory::owned(vec![0; size]), READ);
        assert!(master.wait(id).unwrap_err().text().contains("pieces"));
        assert!(slave.take().is_empty());
    }
}
