//! The C interface: every `rim_` function, as `include/rogue/rim.h` declares it.
//!
//! The rules for all functions (results, ownership, threads, text, time) stand at the top of that
//! header. They are kept in `cbindgen.toml`; the header is generated from it and from these files.
//! The doc comments here are the header's, and are written for C programmers.
//!
//! Five files serve all functions: `boundary.rs` (errors and panics), `handle.rs` (ownership),
//! `args.rs` (arguments that come in, places of results), `foreign.rs` (the user's pointer with its
//! finalizer), `growing.rs` (structs that later versions make longer). The other files have one
//! object each. No two files use each other.
#![allow(unsafe_code)]
#![warn(unsafe_op_in_unsafe_fn)]
// A type has the same name here as in C.
#![allow(non_camel_case_types)]
// What a caller must keep to stands at the top of the header, not at each function.
#![allow(clippy::missing_safety_doc)]

mod args;
mod bits;
mod boundary;
mod callback_slave;
mod emulate;
mod foreign;
mod growing;
mod handle;
mod hub;
mod logging;
mod master;
mod slave;
mod status;
mod target;
mod tcp_client;
mod tcp_client_request;
mod tcp_options;
mod tcp_server;
mod tcp_stats;
mod transaction;
mod transaction_state;

pub use args::{RIM_DEFAULT_TIMEOUT_US, RIM_FOREVER_US};
pub use bits::*;
pub use boundary::{rim_last_error, rim_version};
pub use callback_slave::rim_transaction_fn;
pub use emulate::*;
pub use foreign::rim_finalizer_fn;
pub use hub::*;
pub use logging::*;
pub use master::*;
pub use slave::*;
pub use status::*;
pub use tcp_client::*;
pub use tcp_client_request::*;
pub use tcp_options::*;
pub use tcp_server::*;
pub use tcp_stats::*;
pub use transaction::*;
