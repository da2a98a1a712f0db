//! Peers that mean harm, or are broken as if they did, against a server and a client in processes of
//! their own. Each attack is a function with a name in a table. While it goes on and afterwards the
//! process is up, another client's transactions take no longer than before, and memory and
//! descriptors come back: `measure.rs` says how that is told, and within which bounds.

#[path = "hostile/handshakes.rs"]
mod handshakes;
#[path = "hostile/measure.rs"]
mod measure;
#[path = "hostile/messages.rs"]
mod messages;
#[path = "hostile/peer.rs"]
mod peer;
#[path = "hostile/process.rs"]
mod process;

#[path = "hostile/client.rs"]
mod client;
#[path = "hostile/crowd.rs"]
mod crowd;
#[path = "hostile/memory.rs"]
mod memory;
#[path = "hostile/server.rs"]
mod server;
#[path = "hostile/sleepers.rs"]
mod sleepers;
