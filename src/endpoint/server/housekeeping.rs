//! What is looked after by the clock. Sleeps while there is nothing of that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::log::Level;

use super::context::ServerTopic;
use super::registry::Registry;
use super::relief::Relief;

/// How often to look while responses wait for their connection.
const HELD_TICK: Duration = Duration::from_millis(50);

/// Looks after `registry` for as long as the server lives.
pub(super) async fn run(registry: Arc<Registry>) {
    let context = &registry.context;
    let mut relief = Relief::default();
    while !context.stopped() {
        let now = Instant::now();
        let next = [
            registry.settle_pairs(now),
            expire_held_responses(&registry, now),
            registry.deadlines.expire(context, now, || registry.peers()),
            let_go_of_departed(&registry, now),
            relief.look(&registry, now),
            close_halves(&registry, now),
            context.heap.look(context.held(), now),
            context.summarize_lines(now),
        ];
        let next = next.into_iter().flatten().min();
        match next {
            None => context.housekeep.notified().await,
            Some(at) => {
                let at = tokio::time::Instant::from_std(at);
                let _ = tokio::time::timeout_at(at, context.housekeep.notified()).await;
            }
        }
    }
}

/// Drops responses that have waited too long for their connection. Returns when to look again.
fn expire_held_responses(registry: &Registry, now: Instant) -> Option<Instant> {
    // Mostly none wait, and it is not worth to look at every client.
    if !registry.context.take_response_held() {
        return None;
    }
    let mut waits = false;
    for peer in registry.peers() {
        waits |= peer.expire_held(now);
    }
    waits.then(|| {
        registry.context.set_response_held();
        now + HELD_TICK
    })
}

/// Lets go of what clients that have gone have left with the slave. Returns when to look again.
fn let_go_of_departed(registry: &Registry, now: Instant) -> Option<Instant> {
    let (left, next) = registry.look_at_departed(now)?;
    left.fail();
    registry.context.look_again();
    next
}

/// Closes connections whose other one has not come. Returns when to look again.
fn close_halves(registry: &Registry, now: Instant) -> Option<Instant> {
    let (closed, limit, next) = registry.close_halves(now);
    for (peer, side) in closed {
        registry.context.say(
            Level::Warn,
            ServerTopic::Handshake,
            format_args!(
                "Closing the {side:?} connection of {peer}: the client's other connection has not \
                 come within {limit:?}."
            ),
        );
    }
    next
}
