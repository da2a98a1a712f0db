//! What a slave does with the bytes of a transaction: it fills them or takes them.

use super::state::Transaction;
use crate::bus::kind::Kind;
use crate::error::{Error, ErrorKind, Result};

/// The bytes of a transaction, and what is to be done with them.
#[derive(Debug, PartialEq, Eq)]
pub enum Access<'a> {
    /// Fill these with the data at the transaction's address. Before that they are zeros, or what
    /// the master's buffer held.
    Read(&'a mut [u8]),
    /// Store these at the transaction's address.
    Write(&'a [u8]),
}

impl Transaction {
    /// Carries out a Read, Write, Post or Verify: gives its bytes to `work`, and completes it with
    /// what that returns. A Verify reads, and a Post writes. A transaction of another type fails.
    ///
    /// Returns false, without calling `work`, if the transaction has expired: its master has
    /// stopped waiting, or the client is gone. The bytes are locked while `work` runs, see
    /// [`Transaction::lock`].
    ///
    /// ```
    /// use rogue_memory_bridge::{Access, Error, Transaction};
    ///
    /// /// Eight bytes at address 0x100.
    /// fn carry_out(memory: &mut [u8; 8], transaction: &Transaction) {
    ///     let begin = transaction.address().wrapping_sub(0x100) as usize;
    ///     let end = begin.saturating_add(transaction.size() as usize);
    ///     transaction.complete(|access| {
    ///         let place = memory.get_mut(begin..end);
    ///         let place = place.ok_or_else(|| Error::failed("there is nothing"))?;
    ///         match access {
    ///             Access::Read(data) => data.copy_from_slice(place),
    ///             Access::Write(data) => place.copy_from_slice(data),
    ///         }
    ///         Ok(())
    ///     });
    /// }
    /// ```
    pub fn complete(&self, work: impl FnOnce(Access<'_>) -> Result<()>) -> bool {
        let mut lock = self.lock();
        let access = match self.kind() {
            Kind::Read | Kind::Verify => lock.bytes_mut().map(Access::Read),
            Kind::Write | Kind::Post => lock.bytes().map(Access::Write),
            Kind::Other(number) => {
                let text = format!("Transaction type {number} is not known");
                return lock.fail(Error::new(ErrorKind::InvalidArgument, text));
            }
        };
        let Some(access) = access else {
            return false;
        };
        let result = work(access);
        match result {
            Ok(()) => lock.done(),
            Err(error) => lock.fail(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Memory;
    use std::time::Duration;

    fn transaction(kind: Kind, bytes: &[u8]) -> Transaction {
        let memory = Memory::owned(bytes.to_vec());
        let size = bytes.len() as u32;
        Transaction::new(0, size, kind, Some(memory), Duration::MAX)
    }

    #[test]
    fn each_type_reads_or_writes() {
        for kind in [Kind::Read, Kind::Verify] {
            let transaction = transaction(kind, &[1; 4]);
            assert!(transaction.complete(|access| {
                assert_eq!(access, Access::Read(&mut [1; 4]));
                Ok(())
            }));
            assert_eq!(transaction.outcome(), Some(Ok(())));
        }
        for kind in [Kind::Write, Kind::Post] {
            let transaction = transaction(kind, &[2; 4]);
            assert!(transaction.complete(|access| {
                assert_eq!(access, Access::Write(&[2; 4]));
                Err(Error::failed("full"))
            }));
            let error = transaction.outcome().unwrap().unwrap_err();
            assert_eq!((error.kind(), error.text()), (ErrorKind::Failed, "full"));
        }
    }

    #[test]
    fn another_type_fails_and_what_is_over_is_left_alone() {
        let unknown = transaction(Kind::Other(7), &[0; 4]);
        assert!(unknown.complete(|_| unreachable!()));
        let error = unknown.outcome().unwrap().unwrap_err();
        assert!(error.text().contains("type 7"), "{error}");
        for kind in [Kind::Read, Kind::Write] {
            let over = transaction(kind, &[0; 4]);
            over.done();
            assert!(!over.complete(|_| unreachable!()));
        }
    }
}
