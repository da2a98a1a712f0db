//! A hub passes transactions on, moved by its offset, and splits what is larger than the slave
//! behind it takes.

use std::sync::Arc;

use super::master::Master;
use super::slave::{Slave, SlaveBase};
use super::transaction::Transaction;
use crate::error::{Error, ErrorKind, Result};

/// The most pieces into which one transaction is split.
pub const MAX_PIECES: u32 = 1 << 20;

/// The name under which hubs log.
const LOGGER: &str = "pyrogue.memory.Hub";

/// A branch of the bus at an offset.
pub struct Hub {
    base: SlaveBase,
    master: Master,
    offset: u64,
}

impl Hub {
    /// A hub at `offset`. With `min` and `max` both given it is the root of an address space of its
    /// own: it answers for its access sizes, and its address is 0. Otherwise it hands on what the
    /// slave behind it says.
    pub fn new(offset: u64, min: u32, max: u32) -> Hub {
        Hub {
            base: SlaveBase::new(min, max),
            master: Master::new(),
            offset,
        }
    }

    /// The master side: what the hub passes on goes to the slave that this is connected to.
    pub fn master(&self) -> &Master {
        &self.master
    }

    /// The slave side's number, name and sizes.
    pub fn base(&self) -> &SlaveBase {
        &self.base
    }

    /// What the hub adds to each address.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The hub's own address: that of the slave behind it, and the offset.
    pub fn full_address(&self) -> u64 {
        self.master.slave().address().wrapping_add(self.offset)
    }

    fn root(&self) -> bool {
        self.base.min() != 0 && self.base.max() != 0
    }
}

/// Moves `transaction` by a hub's `offset` and passes it to `issue`, in pieces of at most `max` bytes
/// (0: whole) when it is larger than that. Each piece is made when the one before it has been issued,
/// so that a slave which completes at once never has more than one of them in memory.
pub fn route(transaction: &Transaction, offset: u64, max: u32, mut issue: impl FnMut(Transaction)) {
    transaction.offset_address(offset);
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
        let piece = max.min(size - offset);
        issue(transaction.piece(offset, piece, address.wrapping_add(u64::from(offset)))?);
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
