//! What has to be looked after by the clock: pairs that are made late, responses held too long,
//! transactions that the slave does not complete, clients that hold what others wait for, halves of
//! clients, memory that is free, log lines that were left out. Sleeps while there is nothing of that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::state::Shared;

/// How often to look while responses wait for their connection.
const TICK: Duration = Duration::from_millis(50);

pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.stopped() {
        let now = Instant::now();
        let pairing = shared.settle_pairs(now);
        let waiting = shared.expire_kept(now);
        let tick = waiting.then(|| now + TICK);
        let next = [
            pairing,
            tick,
            shared.expire(now),
            shared.let_go_late(now),
            shared.relieve(now),
            shared.close_halves(now),
            shared.give_back(now),
            shared.lines.tell(&shared.name, now),
        ];
        let next = next.into_iter().flatten().min();
        match next {
            None => shared.housekeep.notified().await,
            Some(at) => {
                let at = tokio::time::Instant::from_std(at);
                let _ = tokio::time::timeout_at(at, shared.housekeep.notified()).await;
            }
        }
    }
}
