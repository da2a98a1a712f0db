//! The C interface: every `rim_` function, as `include/rogue/rim.h` declares it.
//!
//! The contract that all functions share (ownership, threads, results, text, time) stands once, at
//! the top of that header; it is kept in `cbindgen.toml`, which generates the header from these
//! files. The doc comments here are the header's: they speak to a C programmer.
//!
//! What the functions have in common is in five small files: `boundary.rs` (errors and panics),
//! `handle.rs` (who owns what), `args.rs` (pointers and text that come in, and places that results
//! go to), `foreign.rs` (the user's pointer with its finalizer), `growing.rs` (structs that later versions
//! make longer). The others have one object each.
#![allow(unsafe_code)]
#![warn(unsafe_op_in_unsafe_fn)]
// One name for one thing: a type is called here what it is called in C.
#![allow(non_camel_case_types)]
// What a caller has to keep to is told once, at the top of the header, not in each function.
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
