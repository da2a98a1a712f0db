//! The memory bus inside one process: who asks ([`Master`]), who carries out ([`Slave`]), and what
//! passes between them ([`Transaction`]).
//!
//! Nothing here knows of sockets or of the bytes on the wire; an endpoint takes part as one more
//! [`Slave`] (the client) or as one more source of transactions (the server).

mod bits;
mod deadline;
mod emulate;
mod hub;
mod kind;
mod master;
mod memory;
mod slave;
mod transaction;

pub use bits::{any_bits, copy_bits, set_bits};
pub use deadline::Renewals;
pub use emulate::Emulate;
pub use hub::{route, Hub, MAX_PIECES};
pub use kind::{kind_name, POST, READ, VERIFY, WRITE};
pub use master::{caller_start, Master, DEFAULT_TIMEOUT};
pub use memory::{Memory, WITHIN};
pub use slave::{check_access, Slave, SlaveBase, Unconnected};
pub use transaction::{
    check_range, deadline_from_now, Completed, Completion, DataLock, Link, Payload, Transaction,
    WeakTransaction,
};
