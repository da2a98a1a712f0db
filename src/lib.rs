//! Carries the register and memory accesses of a [Rogue] memory bus across TCP.
//!
//! A [`TcpServer`] runs in the process that owns the memory or hardware; a [`TcpClient`] reads and
//! writes it from another process. Both speak Rogue's protocol, so the other end may be a Rogue.
//! The crate needs no Rogue, no ZeroMQ, and no executor.
//!
//! # A client
//!
//! ```
//! use rogue_memory_bridge::{ClientOptions, TcpClient};
//! use std::time::Duration;
//!
//! # use rogue_memory_bridge::{Emulate, ServerOptions, TcpServer};
//! # let memory = std::sync::Arc::new(Emulate::new(4, 4096));
//! # let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default())?.serve(memory)?;
//! # let port = server.port();
//! // Ports `port` and `port + 1`. Returns at once, and connects by itself, again and again.
//! let client = TcpClient::new("127.0.0.1", port, ClientOptions::default())?;
//!
//! client.write_u32(0x100, 0x1234_5678)?;
//! assert_eq!(client.read_u32(0x100)?, 0x1234_5678);
//!
//! let mut block = [0; 256];
//! client.with_timeout(Duration::from_millis(200)).read(0x100, &mut block)?;
//! # Ok::<(), rogue_memory_bridge::Error>(())
//! ```
//!
//! Each of these has an asynchronous form, such as [`TcpClient::read_u32_async`], for any executor.
//!
//! # A server
//!
//! A [`Slave`] carries out the accesses. This one has 4096 bytes, from address 0 on:
//!
//! ```
//! use rogue_memory_bridge::{Access, Error, Slave, SlaveBase, Transaction};
//! use rogue_memory_bridge::{ServerOptions, TcpServer};
//! use std::sync::{Arc, Mutex};
//!
//! struct Registers {
//!     base: SlaveBase,
//!     bytes: Mutex<Vec<u8>>,
//! }
//!
//! impl Slave for Registers {
//!     fn do_transaction(&self, transaction: Transaction) {
//!         let begin = transaction.address() as usize;
//!         let end = begin.saturating_add(transaction.size() as usize);
//!         transaction.complete(|access| {
//!             let mut bytes = self.bytes.lock().unwrap();
//!             let place = bytes.get_mut(begin..end);
//!             let place = place.ok_or_else(|| Error::failed("no such register"))?;
//!             match access {
//!                 Access::Read(data) => data.copy_from_slice(place),
//!                 Access::Write(data) => place.copy_from_slice(data),
//!             }
//!             Ok(())
//!         });
//!     }
//!
//!     fn base(&self) -> &SlaveBase {
//!         &self.base
//!     }
//! }
//!
//! let registers = Registers {
//!     // Accesses of 4 to 4096 bytes.
//!     base: SlaveBase::new(4, 4096),
//!     bytes: Mutex::new(vec![0; 0x1000]),
//! };
//! // Port 0 takes any free pair; "*" in place of the address listens on all interfaces.
//! let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default())?;
//! // A thread calls the slave, until this is dropped.
//! let serving = server.serve(Arc::new(registers))?;
//! # use rogue_memory_bridge::{ClientOptions, TcpClient};
//! # let client = TcpClient::new("127.0.0.1", serving.port(), ClientOptions::default())?;
//! # client.write_u32(0xFFC, 7)?;
//! # assert_eq!(client.read_u64(0xFF8)?, 7 << 32);
//! # assert!(client.read_u32(0x1000).unwrap_err().text().contains("no such register"));
//! # Ok::<(), rogue_memory_bridge::Error>(())
//! ```
//!
//! A program with a loop of its own pulls transactions instead, with [`TcpServer::next`] or
//! [`TcpServer::next_async`].
//!
//! # What else there is
//!
//! - [`Master`], [`Hub`] and [`Emulate`]: a bus inside one process. A [`TcpClient`] can be one of
//!   its slaves.
//! - [`ClientOptions`], [`ServerOptions`]: limits and times. [`TcpClient::stats`],
//!   [`TcpServer::stats`]: counters and latencies. [`TcpClient::link_state`],
//!   [`TcpClient::wait_link`]: whether there is a connection.
//! - [`Error`] has a [kind](ErrorKind) for programs and a text for people.
//! - The crate logs through the [`log`](https://docs.rs/log) crate, with targets such as
//!   `pyrogue.memory.TcpClient.127.0.0.1.8000`.
//!
//! `docs/rust-api.md` describes threads, errors and ownership in one place.
//!
//! The protocol has no authentication and no encryption: everyone who can reach the two ports can
//! read and write the memory.
//!
//! # Bytes
//!
//! Data goes unchanged from the client's buffer to the slave and back: bytes are never swapped. The
//! registers of Rogue's firmware are little-endian by convention, and so are `read_u32` and its
//! like. [`Slave`] says what a slave over device memory must take care of.
//!
//! # For contributors: the modules
//!
//! `error` <- `wire` <- `endpoint` <- `ffi`, `bridge`; `error` <- `bus` <- `endpoint` (`a` <- `b`:
//! `b` uses `a`). `wire` (bytes) and `bus` (transactions) do not know each other; neither do `ffi`
//! (the C interface) and `bridge` (the C++ one). `log` is the backend of the `log` facade, through
//! which all of them log. A test reads the `use` lines and enforces this rule.
//!
//! The public interface is what is documented here, at the root. Modules are public only for the
//! tests, fuzz targets and benchmarks of this repository: they are hidden, and change without
//! notice.
//!
//! [Rogue]: https://github.com/slaclab/rogue
#![deny(unsafe_code)]
#![warn(missing_docs)]

#[cfg(feature = "cpp")]
mod bridge;
#[doc(hidden)]
pub mod bus;
#[doc(hidden)]
pub mod endpoint;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod ffi;
#[doc(hidden)]
pub mod log;
mod process;
mod sync;
#[doc(hidden)]
pub mod wire;

pub use bus::{Access, DataLock, Emulate, Hub, Kind, Master, Slave, SlaveBase, Transaction};
pub use endpoint::{ClientOptions, LinkState, ServerOptions, Serving, TcpClient, TcpServer, Timed};
pub use endpoint::{
    ClientStats, Dropped, Latency, Outcomes, PeerStats, ServerStats, Traffic, Unacknowledged,
};
pub use error::{Error, ErrorKind, Result};

/// Makes the programs of that page doctests; those with `no_run` are only compiled.
#[cfg(doctest)]
#[doc = include_str!("../docs/rust-api.md")]
struct RustApiPage;
