//! The figures of a server and of its clients.

use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use super::Shared;
use crate::endpoint::stats::{Dropped, PeerStats, ServerStats, Traffic};

impl Shared {
    pub(in crate::endpoint::server) fn failed_posts(&self) -> u64 {
        self.failed_posts.load(Ordering::Relaxed)
    }

    pub(in crate::endpoint::server) fn post_failed(&self) {
        self.failed_posts.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection was dropped, for a cause that is counted.
    pub(in crate::endpoint::server) fn dropped(&self, count: impl FnOnce(&mut Dropped)) {
        count(&mut self.lock().dropped);
    }

    /// What was done for clients that have gone.
    pub(in crate::endpoint::server) fn past(&self) -> MutexGuard<'_, Traffic> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::endpoint::server) fn stats(&self) -> ServerStats {
        let state = self.lock();
        let mut stats = ServerStats {
            connections: state.connections.len() as u64,
            connections_total: state.arrivals,
            dropped: state.dropped,
            ..ServerStats::default()
        };
        // Under the lock: the figures of a client that goes move to the past.
        stats.traffic.add(&self.past());
        for client in state.connections.values().filter_map(|c| c.client.as_ref()) {
            let client = client.stats();
            stats.traffic.add(&client.traffic);
            stats.bytes_queued += client.bytes_queued;
        }
        drop(state);
        let most = self.most_outstanding.load(Ordering::Relaxed) as u64;
        stats.traffic.most_outstanding = most;
        stats
    }

    pub(in crate::endpoint::server) fn peers(&self) -> Vec<PeerStats> {
        let clients = self.lock().clients();
        clients.iter().map(|client| client.stats()).collect()
    }
}
