//! The time that the slave has for each transaction: those that are late fail, and their clients
//! get an error.
//!
//! There are two ways. If the server has a time of its own, it starts when a transaction is handed
//! out, and is kept beside the transaction in [`Hands`](super::hands::Hands). With
//! `TcpServer::limit_by` it starts when the slave has returned; then the transaction has a
//! deadline, and is in [`Watch`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::context::{nanos, ServerContext};
use super::peer::Peer;
use crate::bus::Transaction;
use crate::endpoint::watch::Watch;

/// The pause when the slave holds the bytes of a late transaction just now.
const AGAIN: Duration = Duration::from_millis(10);

/// See the [module](self).
#[derive(Default)]
pub(super) struct Deadlines {
    state: Mutex<DeadlinesState>,
}

#[derive(Default)]
struct DeadlinesState {
    watch: Watch,
    /// How many transactions had been handed out at the last look.
    begun: u64,
    /// When to look next for those that are late by the server's own time.
    late_at: Option<Instant>,
}

impl Deadlines {
    /// Keeps the deadline of `transaction`, if it has one of its own.
    pub(super) fn watch(&self, context: &ServerContext, transaction: &Transaction) {
        if self.lock().watch.add(transaction) {
            context.housekeep.notify_one();
        }
    }

    /// The time that slaves have is another one: look anew.
    pub(super) fn retime(&self, context: &ServerContext) {
        self.lock().late_at = None;
        context.housekeep.notify_one();
    }

    /// Fails the transactions that are late at `now`, and returns when to look again. `peers` are
    /// the clients that are there.
    pub(super) fn expire(
        &self,
        context: &ServerContext,
        now: Instant,
        peers: impl FnOnce() -> Vec<Arc<Peer>>,
    ) -> Option<Instant> {
        let watched = self.expire_watched(now);
        earlier(watched, self.expire_handed_out(context, now, peers))
    }

    fn expire_watched(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        let due = state.watch.due(now);
        let next = state.watch.next();
        drop(state);
        let mut busy = Vec::new();
        for transaction in due {
            if !transaction.expire() && !transaction.completed() {
                busy.push(transaction);
            }
        }
        if busy.is_empty() {
            return next;
        }
        // The slave holds their bytes: look again soon.
        let mut state = self.lock();
        for transaction in &busy {
            state.watch.add(transaction);
        }
        Some(now + AGAIN)
    }

    /// Fails those that are late by the server's own time.
    fn expire_handed_out(
        &self,
        context: &ServerContext,
        now: Instant,
        peers: impl FnOnce() -> Vec<Arc<Peer>>,
    ) -> Option<Instant> {
        if context.limit.get().is_some() {
            return None;
        }
        let timeout = context.settings.timeout.get();
        let mut state = self.lock();
        // What is handed out meanwhile has no less time than that.
        if let Some(at) = state.late_at.filter(|at| *at > now) {
            return Some(at);
        }
        let begun = context.load.begun();
        let active = std::mem::replace(&mut state.begun, begun) != begun;
        drop(state);
        let next = expire_in_hands(context, now, peers());
        // Those handed out from now on have their time too. If there are none, the next one wakes
        // housekeeping.
        let goes_on = next.is_some() || active;
        let within = timeout.max(Duration::from_millis(1));
        let within = now.checked_add(within).filter(|_| goes_on);
        let left = next.map(Duration::from_nanos);
        let at = earlier(within, left.and_then(|left| now.checked_add(left)));
        let mut state = self.lock();
        if context.settings.timeout.get() != timeout {
            // It has been changed meanwhile.
            return Some(now);
        }
        context.set_keeps_time(at.is_some());
        state.late_at = at;
        at
    }

    fn lock(&self) -> MutexGuard<'_, DeadlinesState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fails the late transactions of `peers`. Returns in how many nanoseconds the next one is late.
fn expire_in_hands(context: &ServerContext, now: Instant, peers: Vec<Arc<Peer>>) -> Option<u64> {
    let clock = context.clock();
    let (mut due, mut next) = (Vec::new(), None::<u64>);
    for peer in peers {
        let mut late = Vec::new();
        let first = peer.lock().hands.due(clock, &mut late);
        let first = first.filter(|first| *first < u64::MAX);
        next = next.into_iter().chain(first).min();
        due.extend(late.into_iter().map(|late| (Arc::clone(&peer), late)));
    }
    for (peer, transaction) in due {
        // Its time starts when the slave returns, if that is later.
        let renewed = transaction.deadline().filter(|deadline| *deadline > now);
        let at = match renewed {
            Some(deadline) => clock + nanos(deadline - now).max(1),
            None if transaction.end_time() || transaction.completed() => continue,
            // The slave holds its bytes: look again soon.
            None => clock + nanos(AGAIN),
        };
        peer.lock().hands.renew(&transaction, at);
        next = next.into_iter().chain([at]).min();
    }
    next.map(|next| next.saturating_sub(clock).max(1))
}

/// The earlier of two times, if there are any.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::READ;
    use crate::endpoint::server::queued::{QueuedRequest, RequestData};
    use crate::endpoint::settings::ServerSettings;
    use crate::endpoint::ServerOptions;
    use crate::error::ErrorKind;
    use crate::wire::Header;

    #[test]
    fn what_is_late_by_the_servers_time_fails() {
        let options = ServerOptions {
            timeout: Some(Duration::from_secs(5)),
            ..ServerOptions::default()
        };
        let settings = ServerSettings::new(&options);
        let context = Arc::new(ServerContext::new("test".to_owned(), settings));
        let address = ("127.0.0.1".parse().unwrap(), 1);
        let peer = Arc::new(Peer::new(Arc::clone(&context), 1, address, true));
        let hand_out = |now| {
            let header = Header {
                id: 7,
                address: 0,
                size: 4,
                kind: READ,
            };
            let request = QueuedRequest {
                header,
                data: RequestData::None,
                since: now,
            };
            peer.hand_out(&mut peer.lock(), request, now)
        };
        let (late, next) = (hand_out(0), hand_out(nanos(Duration::from_secs(3600))));
        let deadlines = Deadlines::default();
        let now = Instant::now() + Duration::from_secs(6);
        let look = |context: &ServerContext| deadlines.expire(context, now, || vec![peer.clone()]);
        let again = look(&context).unwrap();
        assert!(again > now && again <= now + Duration::from_secs(5));
        assert!(
            !late.completed(),
            "by the server's clock it is not late yet"
        );
        std::thread::sleep(Duration::from_millis(1));
        context.settings.timeout.set(Duration::from_nanos(1));
        peer.lock().hands.renew(&late, 1);
        deadlines.retime(&context);
        look(&context);
        let error = late.outcome().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(!next.completed());
    }
}
