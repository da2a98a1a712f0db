//! Carries the register and memory accesses of a Rogue memory bus across TCP.
//!
//! # Modules, and who may use whom
//!
//! `error` <- `wire` <- `endpoint` <- `ffi`, `bridge`; `error` <- `bus` <- `endpoint`. `wire` (bytes)
//! and `bus` (transactions) do not know each other; neither do `ffi` (the C interface) and `bridge`
//! (the C++ one). `log` is the backend of the `log` facade, through which all of them log. A test
//! reads the `use` lines and holds this rule.
//!
//! # Bytes
//!
//! Data goes as it is in memory, from the client's buffer to the slave and back: nobody swaps it.
//! The registers of Rogue's firmware are little-endian by convention. What a slave over device memory
//! has to mind is told at [`bus::Slave`].
#![deny(unsafe_code)]
#![warn(missing_docs)]

#[cfg(feature = "cpp")]
mod bridge;
pub mod bus;
pub mod endpoint;
pub mod error;
pub mod ffi;
pub mod log;
mod process;
mod sync;
mod time;
pub mod wire;

pub use bus::{Access, DataLock, Emulate, Hub, Master, Slave, SlaveBase, Transaction};
pub use endpoint::{ClientOptions, LinkState, ServerOptions, Serving, TcpClient, TcpServer, Timed};
pub use endpoint::{
    ClientStats, Dropped, Latency, Outcomes, PeerStats, ServerStats, Traffic, Unacknowledged,
};
pub use error::{Error, ErrorKind, Result};
