//! The transactions and the turn to read, as the bridge has them, on the locks of a model checker.
//!
//! `src/bus/transaction` and `src/endpoint/client/turn.rs` are compiled here a second time, word for
//! word; only `crate::sync` and `crate::process` are others. What they meet in the bridge and cannot
//! meet here, sockets and the endpoint's thread, is modelled in `link.rs`. The claims are in
//! `turns.rs` and `outcomes.rs`.
#![allow(dead_code, missing_docs)]

#[path = "../../src/error.rs"]
pub mod error;

/// No process is forked here.
mod process {
    #[derive(Clone, Copy, Default)]
    pub(crate) struct Home;

    impl Home {
        pub(crate) fn here() -> Home {
            Home
        }

        pub(crate) fn is_here(self) -> bool {
            true
        }
    }
}

mod sync {
    pub(crate) use loom::sync::atomic::AtomicU8;
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};

    // A lock of the checker's is good for one execution.
    pub(crate) const REUSE: bool = false;
}

#[path = "../../src/bus"]
pub mod bus {
    mod deadline;
    mod kind;
    mod memory;
    mod spares;
    mod transaction;

    pub use deadline::Renewals;
    pub use kind::{POST, READ, VERIFY, WRITE};
    pub use memory::Memory;
    pub use transaction::{
        check_range, deadline_from_now, Access, Completed, Completion, Content, DataLock, Link, Payload,
        Transaction,
    };
}

#[path = "../../src/endpoint/client"]
pub mod client {
    #[path = "../../../tests/model/link.rs"]
    mod link;
    mod turn;

    pub use link::Client;
}
