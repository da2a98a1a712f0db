//! Posted writes of which some still waits to be sent: they are complete when it has been.

use std::collections::VecDeque;
use std::sync::{MutexGuard, PoisonError};

use super::figures::over_as;
use super::Connection;
use crate::bus::Transaction;
use crate::endpoint::client::link::Shared;
use crate::endpoint::stats::End;

impl Connection {
    pub(super) fn posts_sent(&self, shared: &Shared) {
        let mut posts = self.posts();
        if posts.is_empty() {
            return;
        }
        let sent = self.outgoing.sent();
        let mut done = Vec::new();
        while posts.front().is_some_and(|&(mark, _)| mark <= sent) {
            done.extend(posts.pop_front());
        }
        drop(posts);
        for (_, transaction) in done {
            transaction.done();
            self.count(shared, &over_as(&transaction, End::Done));
        }
    }

    pub(super) fn take_post(&self, transaction: &Transaction) -> bool {
        let mut posts = self.posts();
        let before = posts.len();
        posts.retain(|(_, post)| !post.same(transaction));
        posts.len() < before
    }

    pub(super) fn posts(&self) -> MutexGuard<'_, VecDeque<(u64, Transaction)>> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
