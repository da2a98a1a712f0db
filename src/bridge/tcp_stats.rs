//! The stats of clients and servers, for the C++ classes.

use std::time::Duration;

use super::boundary::attempt;
use super::ffi::{ClientStats, Latency, Outcomes, PeerStats, ServerStats, Traffic};
use crate::endpoint::{self, TcpClient, TcpServer};
use crate::error::Result;

pub(super) fn server_stats(server: &TcpServer) -> Result<ServerStats> {
    attempt(|| {
        server.check_home()?;
        let stats = server.stats();
        Ok(ServerStats {
            traffic: traffic(&stats.traffic),
            connections: stats.connections,
            connections_total: stats.connections_total,
            dropped_over_limit: stats.dropped.over_limit,
            dropped_handshake: stats.dropped.handshake,
            dropped_protocol: stats.dropped.protocol,
            dropped_not_reading: stats.dropped.not_reading,
            dropped_network: stats.dropped.network,
            bytes_queued: stats.bytes_queued,
            failed_posts: server.failed_posts(),
        })
    })
}

pub(super) fn server_peer_stats(server: &TcpServer) -> Result<Vec<PeerStats>> {
    attempt(|| {
        server.check_home()?;
        let stats = server.peer_stats().into_iter().map(|peer| PeerStats {
            address: peer.address.to_string(),
            port: peer.port,
            session: peer.session,
            traffic: traffic(&peer.traffic),
            bytes_queued: peer.bytes_queued,
        });
        Ok(stats.collect())
    })
}

pub(super) fn client_stats(client: &TcpClient) -> Result<ClientStats> {
    attempt(|| {
        client.check_home()?;
        let stats = client.stats();
        Ok(ClientStats {
            traffic: traffic(&stats.traffic),
            connection: traffic(&stats.connection),
            connects: stats.connects,
            losses: stats.losses,
            failed_attempts: stats.failed_attempts,
            unacknowledged_bytes: stats.unacknowledged.bytes,
            unacknowledged_posts: stats.unacknowledged.posts,
        })
    })
}

fn traffic(traffic: &endpoint::Traffic) -> Traffic {
    let outcomes = |outcomes: endpoint::Outcomes| Outcomes {
        done: outcomes.done,
        failed: outcomes.failed,
    };
    let latency = traffic.latency();
    Traffic {
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
        latency: Latency {
            count: latency.count,
            min: nanos(latency.min),
            mean: nanos(latency.mean),
            p50: nanos(traffic.latency_at(0.5)),
            p90: nanos(traffic.latency_at(0.9)),
            p99: nanos(traffic.latency_at(0.99)),
            p999: nanos(traffic.latency_at(0.999)),
            max: nanos(latency.max),
        },
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
