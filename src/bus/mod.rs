//! The memory bus inside one process: a [`Master`] makes accesses, a [`Slave`] carries them out,
//! and a [`Transaction`] passes between them.
//!
//! Nothing here uses sockets or knows the wire format. The endpoints use the bus: the client is a
//! [`Slave`], and the server is another source of transactions.

mod bits;
mod deadline;
mod emulate;
mod hub;
mod kind;
mod lend;
mod master;
mod memory;
mod slave;
mod spares;
mod transaction;
mod word;

pub use bits::{any_bits, copy_bits, set_bits};
pub use deadline::Renewals;
pub use emulate::Emulate;
pub use hub::{route, Hub, MAX_PIECES};
pub use kind::{Kind, POST, READ, VERIFY, WRITE};
pub(crate) use lend::{data_size, lend, lend_mut};
pub use master::{caller_start, Master, DEFAULT_TIMEOUT};
pub use memory::{Memory, INLINE};
pub use slave::{check_access, Slave, SlaveBase, Unconnected};
pub use transaction::{
    check_range, deadline_from_now, Access, Completed, Completion, Content, DataLock, Link,
    Payload, Transaction, WeakTransaction,
};
pub(crate) use word::word_methods;
