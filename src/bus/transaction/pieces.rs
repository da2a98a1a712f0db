//! A transaction that is passed on: moved by an offset, or split into pieces (sub-transactions). It
//! completes when all its pieces have, and fails if any of them fails.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::state::{Parent, Transaction};
use crate::error::{Error, ErrorKind, Result};

/// Fails if an access goes beyond the last address, 2^64 - 1, so that its end would wrap around.
pub fn check_range(address: u64, size: u32) -> Result<()> {
    if address.checked_add(u64::from(size.max(1)) - 1).is_some() {
        return Ok(());
    }
    let text = format!("{size} bytes at {address:#x} go beyond the last address");
    Err(Error::new(ErrorKind::InvalidArgument, text))
}

#[doc(hidden)]
impl Transaction {
    /// Adds `offset` to the address, as a hub does. Fails, and changes nothing, if the transaction
    /// would go beyond the last address.
    pub fn offset_address(&self, offset: u64) -> Result<()> {
        let (address, size) = (self.address(), self.size());
        let Some(moved) = address.checked_add(offset) else {
            let text = format!(
                "{size} bytes at {address:#x} and the hub's offset {offset:#x} go beyond the last address"
            );
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        };
        check_range(moved, size)?;
        self.0.address.store(moved, Ordering::Relaxed);
        Ok(())
    }

    /// A piece of this transaction: `size` bytes from `offset` on, to be moved at `address`. The
    /// parent completes when [`Transaction::seal`] has been called and every piece has ended.
    pub fn piece(&self, offset: u32, size: u32, address: u64) -> Result<Transaction> {
        if u64::from(offset) + u64::from(size) > u64::from(self.size()) {
            let text = format!(
                "{size} bytes from byte {offset} are not inside a transaction of {} bytes",
                self.size()
            );
            return Err(Error::new(ErrorKind::Size, text));
        }
        check_range(address, size)?;
        self.check_home()?;
        self.0.lock_state().pieces.begin();
        let parent = Parent {
            transaction: self.clone(),
            offset: self.0.range().start + offset as usize,
        };
        let (kind, timeout) = (self.kind(), self.timeout());
        Ok(Transaction::build(
            address,
            size,
            kind,
            Some(parent),
            |inner| inner.state_mut().timeout = timeout,
        ))
    }

    /// Whether this is a piece of another transaction.
    pub fn is_piece(&self) -> bool {
        self.0.parent.is_some()
    }

    /// No more pieces will be made: completes the transaction as soon as all of them have ended.
    pub fn seal(&self) {
        if !self.is_here() {
            return;
        }
        self.0.lock_state().pieces.seal();
        self.complete_pieces();
    }

    /// Whether two handles are to the same transaction.
    pub fn same(&self, other: &Transaction) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
