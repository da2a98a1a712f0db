//! A transaction that is carried out elsewhere: moved by an offset, or in pieces (sub-transactions).
//! It completes when all pieces have, and fails when any has.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::{Inner, Transaction};
use crate::error::{Error, ErrorKind, Result};

/// What a piece belongs to.
pub(super) struct Parent {
    pub(super) transaction: Transaction,
    /// Where the piece's bytes start in the memory of the root.
    pub(super) offset: usize,
}

/// The pieces of a transaction, as far as they are not over.
#[derive(Default)]
pub(super) struct Pieces {
    open: usize,
    sealed: bool,
    /// The first failure among them: the piece's id and what it said.
    failure: Option<(u32, Error)>,
}

impl Parent {
    pub(super) fn root(&self) -> &Inner {
        self.transaction.0.root()
    }

    /// A piece has been published.
    pub(super) fn piece_over(&self, id: u32, outcome: Result<()>) {
        let mut state = self.transaction.0.lock_state();
        state.pieces.open = state.pieces.open.saturating_sub(1);
        if let Err(error) = outcome {
            state.pieces.failure.get_or_insert((id, error));
        }
        drop(state);
        self.transaction.complete_pieces();
    }
}

/// Refuses an access that goes beyond the last address, 2^64 - 1: its end would wrap around to
/// address 0.
pub fn check_range(address: u64, size: u32) -> Result<()> {
    if address.checked_add(u64::from(size.max(1)) - 1).is_some() {
        return Ok(());
    }
    let text = format!("{size} bytes at {address:#x} go beyond the last address");
    Err(Error::new(ErrorKind::InvalidArgument, text))
}

impl Transaction {
    /// Moves the address by `offset`, as a hub does. Fails, and moves nothing, if the transaction
    /// would go beyond the last address.
    pub fn offset_address(&self, offset: u64) -> Result<()> {
        let (address, size) = (self.address(), self.size());
        let Some(moved) = address.checked_add(offset) else {
            let text = format!(
                "{size} bytes at {address:#x}, moved by {offset:#x}, go beyond the last address"
            );
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        };
        check_range(moved, size)?;
        self.0.address.store(moved, Ordering::Relaxed);
        Ok(())
    }

    /// A piece of this transaction: `size` bytes from `offset` on, to be moved at `address`. The
    /// parent completes when [`Transaction::seal`] has been called and every piece is over.
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
        self.0.lock_state().pieces.open += 1;
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

    /// No more pieces will be made.
    pub fn seal(&self) {
        if !self.is_here() {
            return;
        }
        self.0.lock_state().pieces.sealed = true;
        self.complete_pieces();
    }

    /// Completes the parent when its pieces are all over.
    fn complete_pieces(&self) {
        let mut state = self.0.lock_state();
        if !state.pieces.sealed || state.pieces.open > 0 {
            return;
        }
        let failure = state.pieces.failure.take();
        drop(state);
        match failure {
            None => self.done(),
            Some((id, error)) => self.fail(Error::new(
                error.kind(),
                format!("Transaction error. Subtransaction {id} failed with error: {error}"),
            )),
        };
    }

    /// The transaction whose memory this one moves: itself, unless it is a piece.
    pub(super) fn root_handle(&self) -> &Transaction {
        let mut transaction = self;
        while let Some(parent) = &transaction.0.parent {
            transaction = &parent.transaction;
        }
        transaction
    }

    /// Whether two handles are to the same transaction.
    pub fn same(&self, other: &Transaction) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
