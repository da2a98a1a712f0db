//! What the TCP endpoints have done, as structs that may grow at their ends (`growing.rs`), and the
//! functions that fill them in.

use std::ffi::c_char;
use std::mem::{offset_of, size_of};
use std::time::Duration;

use super::args::Out;
use super::boundary::call;
use super::growing::{Growing, Places};
use super::handle::Handle;
use super::status::rim_status;
use super::tcp_client::rim_tcp_client;
use super::tcp_server::rim_tcp_server;
use crate::endpoint::{ClientStats, Outcomes, PeerStats, TcpServer, Traffic};
use crate::error::{Error, ErrorKind, Result};

/// How many transactions of one type came out in which way. It does not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_outcomes {
    /// Carried out. A posted write counts as such once a client has sent it, and once a server's
    /// slave has taken it.
    pub done: u64,
    /// Failed, for whatever reason.
    pub failed: u64,
}

/// The times that transactions took, to two digits: at a client from sending to the response, at a
/// server from the request's arrival to its slave's answer. All are 0 as long as there are none. It
/// does not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_latency {
    /// How many transactions were timed: those that had a response.
    pub count: u64,
    /// The shortest time.
    pub min_ns: u64,
    /// The mean of all times.
    pub mean_ns: u64,
    /// The time within which half of them were over.
    pub p50_ns: u64,
    /// The time within which 90 % of them were over.
    pub p90_ns: u64,
    /// The time within which 99 % of them were over.
    pub p99_ns: u64,
    /// The time within which 99.9 % of them were over.
    pub p999_ns: u64,
    /// The longest time.
    pub max_ns: u64,
}

/// What an endpoint, or one connection, has done since its beginning. It does not grow: what later
/// versions count besides will stand at the end of the structs that it is a member of.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_traffic {
    /// Transactions of type RIM_READ.
    pub reads: rim_outcomes,
    /// Transactions of type RIM_WRITE.
    pub writes: rim_outcomes,
    /// Transactions of type RIM_POST.
    pub posts: rim_outcomes,
    /// Transactions of type RIM_VERIFY.
    pub verifies: rim_outcomes,
    /// Of those that failed, how many because their time was over.
    pub timed_out: u64,
    /// Transactions that the server refused without asking its slave, since their size, type or
    /// data were wrong; they are counted here alone. Always 0 at a client.
    pub refused: u64,
    /// Bytes of data that reads and verifies have brought.
    pub bytes_read: u64,
    /// Bytes of data that writes and posted writes have taken.
    pub bytes_written: u64,
    /// Transactions under way now: sent and not answered (client), in the slave's hands (server).
    pub outstanding: u64,
    /// The most that have been under way at a time.
    pub most_outstanding: u64,
    /// How long they took.
    pub latency: rim_latency,
}

/// What a server has done, as rim_tcp_server_get_stats gives it. Later versions add members at the end; a
/// member that the library does not know is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_tcp_server_stats {
    /// The size of this struct as the program knows it.
    pub struct_size: usize,
    /// What it did for all clients together, those that have gone included.
    pub traffic: rim_traffic,
    /// Posted writes that have failed, those that were refused included. Their clients are not told.
    pub failed_posts: u64,
    /// Connections now, two for each client.
    pub connections: u64,
    /// Connections that there have been, those of now included, and those that were closed at once.
    pub connections_total: u64,
    /// Connections that the server closed since there were max_connections.
    pub dropped_over_limit: u64,
    /// Connections that it closed since no handshake came within handshake_timeout_us.
    pub dropped_handshake: u64,
    /// Connections that it closed since they sent what no client of the bridge may send.
    pub dropped_protocol: u64,
    /// Connections that it closed since they took none of their responses within six times
    /// keep_alive_us.
    pub dropped_not_reading: u64,
    /// Connections that the network lost: their hosts gave no sign of life within keep_alive_us. One
    /// whose peer's process ended is not counted.
    pub dropped_network: u64,
    /// Bytes of responses that wait to be read, of all clients together.
    pub bytes_queued: u64,
}

/// A client that is connected to a server now, as rim_tcp_server_get_peer_stats gives it. Later versions add
/// members at the end; a member that the library does not know is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_tcp_peer_stats {
    /// The size of this struct as the program knows it.
    pub struct_size: usize,
    /// The client's IP address, with a closing NUL.
    pub address: [c_char; 48],
    /// 1 for a client of this library, which names its session; 0 for another, such as Rogue's.
    pub session: u64,
    /// What was done for it since it connected.
    pub traffic: rim_traffic,
    /// Bytes of responses that it has not read yet.
    pub bytes_queued: u64,
    /// The port that its requests come from: tells clients at one address apart.
    pub port: u64,
}

/// What a client has done, as rim_tcp_client_get_stats gives it. Later versions add members at the end; a
/// member that the library does not know is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_tcp_client_stats {
    /// The size of this struct as the program knows it.
    pub struct_size: usize,
    /// All that it did.
    pub traffic: rim_traffic,
    /// What it did over the connection that there is now; all 0 while there is none.
    pub connection: rim_traffic,
    /// How often it has connected: the first connection, and each one that was made anew.
    pub connects: u64,
    /// How often a connection was lost.
    pub losses: u64,
    /// How often an attempt to connect has failed.
    pub failed_attempts: u64,
    /// Bytes of requests that were sent over connections which were lost before the server's host had
    /// acknowledged them: the server may have got them, or not. 0 where the system does not tell.
    pub unacknowledged_bytes: u64,
    /// Posted writes among those. They count as done, since they had been sent.
    pub unacknowledged_posts: u64,
}

// SAFETY: integers only, the first of them the size.
unsafe impl Growing for rim_tcp_server_stats {
    const NAME: &'static str = "rim_tcp_server_stats";
    const ADVICE: &'static str = "pass sizeof(rim_tcp_server_stats)";
}

// SAFETY: integers only, the first of them the size.
unsafe impl Growing for rim_tcp_peer_stats {
    const NAME: &'static str = "rim_tcp_peer_stats";
    const ADVICE: &'static str = "pass sizeof(rim_tcp_peer_stats)";
}

// SAFETY: integers only, the first of them the size.
unsafe impl Growing for rim_tcp_client_stats {
    const NAME: &'static str = "rim_tcp_client_stats";
    const ADVICE: &'static str = "pass sizeof(rim_tcp_client_stats)";
}

/// Gives what the server has done since it was made. struct_size is sizeof(rim_tcp_server_stats),
/// as the program knows it.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_get_stats(
    server: *const rim_tcp_server,
    stats: *mut rim_tcp_server_stats,
    struct_size: usize,
) -> rim_status {
    call(|| {
        // SAFETY: `server` is NULL or a live handle.
        let server = unsafe { rim_tcp_server::borrow(server) }?;
        // SAFETY: `stats` is NULL or the caller has `struct_size` bytes there.
        let place = unsafe { Places::one(stats, struct_size, "stats") }?;
        place.set([server_stats(&server.server)]);
        Ok(())
    })
}

/// Gives the clients that are connected to the server now, in no particular order: it writes what
/// fits into an array of capacity structs at clients, and the number of all clients to count.
/// struct_size is sizeof(rim_tcp_peer_stats), as the program knows it: one struct stands that many
/// bytes after the other. With a capacity of 0, clients may be NULL.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_get_peer_stats(
    server: *const rim_tcp_server,
    peers: *mut rim_tcp_peer_stats,
    struct_size: usize,
    capacity: usize,
    count: *mut usize,
) -> rim_status {
    call(|| {
        // SAFETY: `server` is NULL or a live handle.
        let server = unsafe { rim_tcp_server::borrow(server) }?;
        check_peer_size(struct_size)?;
        // SAFETY: the caller has an array of that many structs of that size at `peers`.
        let places = unsafe { Places::several(peers, struct_size, capacity, "peers") }?;
        // SAFETY: `count` is NULL or the caller's own.
        let count = unsafe { Out::new(count, "count") }?;
        let stats = server.server.peers();
        places.set(stats.iter().map(peer_stats));
        count.set(stats.len());
        Ok(())
    })
}

/// Gives what the client has done since it was made. struct_size is sizeof(rim_tcp_client_stats),
/// as the program knows it.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_get_stats(
    client: *const rim_tcp_client,
    stats: *mut rim_tcp_client_stats,
    struct_size: usize,
) -> rim_status {
    call(|| {
        // SAFETY: `client` is NULL or a live handle.
        let client = unsafe { rim_tcp_client::borrow(client) }?;
        // SAFETY: `stats` is NULL or the caller has `struct_size` bytes there.
        let place = unsafe { Places::one(stats, struct_size, "stats") }?;
        place.set([client_stats(&client.client.stats())]);
        Ok(())
    })
}

/// Refuses a size below that of the struct's first version, which no program has: it is likely to
/// be the capacity, passed in the wrong place.
fn check_peer_size(struct_size: usize) -> Result<()> {
    const FIRST: usize = offset_of!(rim_tcp_peer_stats, port) + size_of::<u64>();
    if struct_size >= FIRST {
        return Ok(());
    }
    let text = format!(
        "A struct_size of {struct_size} bytes is below that of rim_tcp_peer_stats: {}",
        rim_tcp_peer_stats::ADVICE
    );
    Err(Error::new(ErrorKind::InvalidArgument, text))
}

fn server_stats(server: &TcpServer) -> rim_tcp_server_stats {
    let stats = server.stats();
    rim_tcp_server_stats {
        struct_size: size_of::<rim_tcp_server_stats>(),
        traffic: traffic(&stats.traffic),
        failed_posts: server.failed_posts(),
        connections: stats.connections,
        connections_total: stats.connections_total,
        dropped_over_limit: stats.dropped.over_limit,
        dropped_handshake: stats.dropped.handshake,
        dropped_protocol: stats.dropped.protocol,
        dropped_not_reading: stats.dropped.not_reading,
        dropped_network: stats.dropped.network,
        bytes_queued: stats.bytes_queued,
    }
}

fn peer_stats(peer: &PeerStats) -> rim_tcp_peer_stats {
    let mut address = [0; 48];
    // The longest is 45 characters, so that the last place stays 0.
    for (place, byte) in address[..47]
        .iter_mut()
        .zip(peer.address.to_string().bytes())
    {
        *place = byte as c_char;
    }
    rim_tcp_peer_stats {
        struct_size: size_of::<rim_tcp_peer_stats>(),
        address,
        session: u64::from(peer.session),
        traffic: traffic(&peer.traffic),
        bytes_queued: peer.bytes_queued,
        port: u64::from(peer.port),
    }
}

fn client_stats(stats: &ClientStats) -> rim_tcp_client_stats {
    rim_tcp_client_stats {
        struct_size: size_of::<rim_tcp_client_stats>(),
        traffic: traffic(&stats.traffic),
        connection: traffic(&stats.connection),
        connects: stats.connects,
        losses: stats.losses,
        failed_attempts: stats.failed_attempts,
        unacknowledged_bytes: stats.unacknowledged.bytes,
        unacknowledged_posts: stats.unacknowledged.posts,
    }
}

fn traffic(traffic: &Traffic) -> rim_traffic {
    let outcomes = |outcomes: Outcomes| rim_outcomes {
        done: outcomes.done,
        failed: outcomes.failed,
    };
    let latency = traffic.latency();
    rim_traffic {
        reads: outcomes(traffic.reads),
        writes: outcomes(traffic.writes),
        posts: outcomes(traffic.posts),
        verifies: outcomes(traffic.verifies),
        timed_out: traffic.timed_out,
        refused: traffic.refused,
        bytes_read: traffic.bytes_read,
        bytes_written: traffic.bytes_written,
        outstanding: traffic.outstanding,
        most_outstanding: traffic.most_outstanding,
        latency: rim_latency {
            count: latency.count,
            min_ns: nanos(latency.min),
            mean_ns: nanos(latency.mean),
            p50_ns: nanos(traffic.latency_at(0.5)),
            p90_ns: nanos(traffic.latency_at(0.9)),
            p99_ns: nanos(traffic.latency_at(0.99)),
            p999_ns: nanos(traffic.latency_at(0.999)),
            max_ns: nanos(latency.max),
        },
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
