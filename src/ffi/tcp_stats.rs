//! The statistics of the TCP server and client, as structs that later versions may make longer
//! (`growing.rs`), and the functions that fill them in.

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

/// The number of transactions of one type, by outcome. This struct never gets more members.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_outcomes {
    /// Carried out. A client counts a posted write here once it has sent it, a server once its
    /// slave has completed it.
    pub done: u64,
    /// Failed, for any reason.
    pub failed: u64,
}

/// How long transactions took, with an accuracy of two digits: at a client from sending to the
/// response, at a server from the request's arrival to its slave's answer. All members are 0 if
/// there were none. This struct never gets more members.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_latency {
    /// The number of transactions that were timed: those that had a response.
    pub count: u64,
    /// The shortest time.
    pub min_ns: u64,
    /// The mean of all times.
    pub mean_ns: u64,
    /// Half of them took at most this time.
    pub p50_ns: u64,
    /// 90 % of them took at most this time.
    pub p90_ns: u64,
    /// 99 % of them took at most this time.
    pub p99_ns: u64,
    /// 99.9 % of them took at most this time.
    pub p999_ns: u64,
    /// The longest time.
    pub max_ns: u64,
}

/// The transactions of a server, of a client or of one connection since its beginning. This struct
/// never gets more members: later versions add theirs to the structs that have it as a member.
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
    /// The part of the failed ones whose time was over.
    pub timed_out: u64,
    /// Transactions that the server refused without asking its slave, since their size, type or
    /// data was wrong. They are not counted elsewhere. Always 0 at a client.
    pub refused: u64,
    /// Bytes of data that reads and verifies have transferred.
    pub bytes_read: u64,
    /// Bytes of data that writes and posted writes have transferred.
    pub bytes_written: u64,
    /// Transactions under way now. Client: sent and not answered. Server: with the slave.
    pub outstanding: u64,
    /// The most that have been under way at a time.
    pub most_outstanding: u64,
    /// How long they took.
    pub latency: rim_latency,
}

/// The statistics of a server, see rim_tcp_server_get_stats. Later versions add members at the end;
/// a member that the library does not know is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_tcp_server_stats {
    /// The size of this struct as the program knows it.
    pub struct_size: usize,
    /// The transactions of all clients, also of those that are gone.
    pub traffic: rim_traffic,
    /// Posted writes that have failed, also those that were refused. Their clients are not told.
    pub failed_posts: u64,
    /// Connections now, two for each client.
    pub connections: u64,
    /// All connections so far: those of now, those that are gone, and those that were closed at
    /// once.
    pub connections_total: u64,
    /// Connections that the server closed because there were max_connections already, or as many
    /// clients from their address as max_clients_per_address allows.
    pub dropped_over_limit: u64,
    /// Connections that it closed because their handshake was not over within handshake_timeout_us,
    /// or because the client's other connection did not come in that time.
    pub dropped_handshake: u64,
    /// Connections that it closed because they sent something that no client of the bridge may
    /// send.
    pub dropped_protocol: u64,
    /// Connections that it closed because they took none of their responses within six times
    /// keep_alive_us, or because other clients waited for the memory that their responses held.
    pub dropped_not_reading: u64,
    /// Connections that the network lost: the client's host gave no sign of life within
    /// keep_alive_us. Connections whose client process ended are not counted.
    pub dropped_network: u64,
    /// Bytes of responses that wait until their clients read them, for all clients together.
    pub bytes_queued: u64,
}

/// The statistics of one client that is connected to a server now, see
/// rim_tcp_server_get_peer_stats. Later versions add members at the end; a member that the library
/// does not know is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_tcp_peer_stats {
    /// The size of this struct as the program knows it.
    pub struct_size: usize,
    /// The client's IP address, as text with a closing NUL.
    pub address: [c_char; 48],
    /// 1 for a client of this library, which names its session; 0 for another one, such as Rogue's.
    pub session: u64,
    /// Its transactions since it connected.
    pub traffic: rim_traffic,
    /// Bytes of responses that wait until it reads them.
    pub bytes_queued: u64,
    /// The port that its requests come from. It tells clients at the same address apart.
    pub port: u64,
}

/// The statistics of a client, see rim_tcp_client_get_stats. Later versions add members at the end;
/// a member that the library does not know is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_tcp_client_stats {
    /// The size of this struct as the program knows it.
    pub struct_size: usize,
    /// All its transactions.
    pub traffic: rim_traffic,
    /// Its transactions over the present connection; all 0 while there is none.
    pub connection: rim_traffic,
    /// How often it has connected, the first time included.
    pub connects: u64,
    /// How often a connection was lost.
    pub losses: u64,
    /// How often an attempt to connect has failed.
    pub failed_attempts: u64,
    /// Bytes of requests that were sent over connections that were then lost before the server's
    /// host had acknowledged them. The server may or may not have received them. 0 on systems that
    /// do not report it.
    pub unacknowledged_bytes: u64,
    /// Posted writes among those bytes. They count as done, since they had been sent.
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

/// Gives the statistics of a server since it was made. struct_size is sizeof(rim_tcp_server_stats).
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

/// Gives the statistics of each client that is connected to the server now, in no particular order.
/// It writes as many structs as fit into the array peers, which has room for capacity of them, and
/// the number of all clients to count. struct_size is sizeof(rim_tcp_peer_stats), the distance from
/// one struct to the next. peers may be NULL if capacity is 0.
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
        let stats = server.server.peer_stats();
        places.set(stats.iter().map(peer_stats));
        count.set(stats.len());
        Ok(())
    })
}

/// Gives the statistics of a client since it was made. struct_size is sizeof(rim_tcp_client_stats).
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
    // The longest address has 45 characters. The last place stays 0.
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
