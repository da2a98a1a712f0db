//! The two ends of the bridge: [`TcpServer`] takes transactions from the network and gives them to
//! the thread that pulls; [`TcpClient`] is a slave that carries out transactions at a server.
//!
//! This is the only user of tokio, and the only owner of threads.

mod address;
mod client;
mod ids;
mod liveness;
mod options;
mod outgoing;
mod pairing;
mod serve;
mod server;
mod settings;
mod socket;
mod stats;
mod watch;

#[cfg(fuzzing)]
pub use address::fuzzed;
pub use client::{LinkState, TcpClient, Timed};
pub use options::{ClientOptions, ServerOptions};
pub use serve::{serve, ServerThread, Serving};
pub use server::{admit, TcpServer};
pub use stats::{
    ClientStats, Dropped, Latency, Outcomes, PeerStats, ServerStats, Traffic, Unacknowledged,
};
