//! The kind of slave that carries out transactions by calling a C function.

use std::ffi::c_void;
use std::sync::Arc;

use super::foreign::Foreign;
use super::handle::Handle;
use super::transaction::rim_transaction;
use super::transaction_state::Carried;
use crate::bus::{Slave, SlaveBase, Transaction};

/// Carries out a transaction for a slave of the program.
///
/// It is called exactly once for each transaction, on the thread that hands the transaction over: a
/// thread that calls rim_master_request, the thread named TcpServer of a server that the slave is
/// connected to, or the thread that a hub in front of the slave was called on. Calls may overlap
/// when several of these are connected to the slave.
///
/// The callback owns the transaction. It completes it with rim_transaction_done or
/// rim_transaction_fail, at once or later, on any thread, and then frees it with
/// rim_transaction_free. It may call every function of this header, also those that wait; until it
/// returns, a server carries out nothing else. A server checks sizes against the slave's minimum
/// and maximum before the call; a master and a hub do not.
///
/// A slave over device memory (mmap of /dev/mem or of a UIO device) moves the bytes by aligned
/// accesses as wide as the bus, through volatile pointers. It must not use memcpy there, which may
/// use single bytes or wide vectors: device memory splits such accesses or answers with a bus
/// error. docs/c-api.md shows a slave that does it right.
pub type rim_transaction_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, transaction: *mut rim_transaction)>;

/// A slave that calls a C function.
pub(super) struct CallbackSlave {
    base: Arc<SlaveBase>,
    do_transaction: unsafe extern "C" fn(*mut c_void, *mut rim_transaction),
    foreign: Foreign,
}

impl CallbackSlave {
    /// `do_transaction` is called with the pointer of `foreign`.
    pub(super) fn new(
        base: SlaveBase,
        do_transaction: unsafe extern "C" fn(*mut c_void, *mut rim_transaction),
        foreign: Foreign,
    ) -> CallbackSlave {
        CallbackSlave {
            base: Arc::new(base),
            do_transaction,
            foreign,
        }
    }
}

impl Slave for CallbackSlave {
    fn do_transaction(&self, transaction: Transaction) {
        // Answers that this slave gives to earlier transactions renew the time of this one.
        self.base.note_added(&transaction);
        let carried = Carried::new(transaction, Some(Arc::clone(&self.base)));
        let transaction = rim_transaction::new(Arc::new(carried)).into_raw();
        // SAFETY: the user gave this function for this pointer, and it owns the transaction.
        unsafe { (self.do_transaction)(self.foreign.user(), transaction) }
    }

    fn base(&self) -> &SlaveBase {
        &self.base
    }
}
