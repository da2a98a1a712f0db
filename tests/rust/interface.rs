//! The interface for Rust programs: what the crate has at its root, used as its users use it, in
//! safe Rust, against a server of the same process.

#![deny(unsafe_code)]

#[path = "interface/client.rs"]
mod client;
#[path = "interface/common.rs"]
mod common;
#[path = "interface/documents.rs"]
mod documents;
#[path = "interface/futures.rs"]
mod futures;
#[path = "interface/master.rs"]
mod master;
#[path = "interface/server.rs"]
mod server;
