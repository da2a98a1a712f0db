//! The hand-over of the turn to read: no thread waits for ever while its response is there.
//!
//! The checker goes through the orders in which the threads can take their steps; a thread that is
//! never woken is a deadlock, which it reports. Main is the server, and the clock. There is no
//! endpoint's thread where the claim is that those who wait do not need it.

mod check;

use loom::sync::{Condvar, Mutex};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;

use check::check;
use rogue_memory_bridge_model::bus::{Completed, Completion, Transaction};
use rogue_memory_bridge_model::client::Client;

/// A thread that waits for `transaction`, and gets its response or, if `late`, a timeout.
fn waiter(transaction: &Transaction, late: bool) -> JoinHandle<()> {
    let transaction = transaction.clone();
    thread::spawn(move || {
        let outcome = transaction.wait();
        assert!(late || outcome.is_ok(), "{outcome:?}");
    })
}

fn endpoint(client: &Arc<Client>) -> JoinHandle<()> {
    let client = Arc::clone(client);
    thread::spawn(move || client.attend())
}

/// Waits for what nobody drives, as a program does that has asked to be told.
#[derive(Default)]
struct Told {
    told: Mutex<bool>,
    changed: Condvar,
}

impl Told {
    fn of(transaction: &Transaction) -> Arc<Told> {
        let told = Arc::<Told>::default();
        assert!(transaction.on_completion(Arc::clone(&told) as Arc<dyn Completion>, 0));
        told
    }

    fn wait(&self) {
        let mut told = self.told.lock().unwrap();
        while !*told {
            told = self.changed.wait(told).unwrap();
        }
    }
}

impl Completion for Told {
    fn completed(&self, _: u64, completed: Completed) {
        assert!(completed.outcome.is_ok());
        *self.told.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

fn join<const N: usize>(threads: [JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn two_who_wait_need_nobody_else() {
    check(Some(4), || {
        let client = Client::new();
        let (a, b) = (client.submit(false), client.submit(false));
        let threads = [waiter(&a, false), waiter(&b, false)];
        client.respond(&a);
        client.respond(&b);
        join(threads);
    });
}

#[test]
fn three_who_wait_need_nobody_else() {
    check(Some(2), || {
        let client = Client::new();
        let sent = [(); 3].map(|()| client.submit(false));
        let threads = sent
            .each_ref()
            .map(|transaction| waiter(transaction, false));
        for transaction in &sent {
            client.respond(transaction);
        }
        join(threads);
    });
}

#[test]
fn two_can_wait_for_the_same() {
    check(Some(2), || {
        let client = Client::new();
        let (a, b) = (client.submit(false), client.submit(false));
        let threads = [waiter(&a, false), waiter(&a, false), waiter(&b, false)];
        client.respond(&a);
        client.respond(&b);
        join(threads);
    });
}

#[test]
fn a_reader_that_gives_up_hands_over() {
    check(Some(3), || {
        let client = Client::new();
        let (a, b) = (client.submit(false), client.submit(false));
        let threads = [waiter(&a, true), waiter(&b, false)];
        client.give_up_on(&a);
        client.respond(&b);
        join(threads);
    });
}

#[test]
fn a_follower_that_gives_up_passes_its_nudge_on() {
    check(Some(3), || {
        let client = Client::new();
        let [a, b, c] = [(); 3].map(|()| client.submit(false));
        let turn = client.enter(&a);
        let threads = [waiter(&b, true), waiter(&c, false)];
        client.give_up_on(&b);
        turn.leave();
        client.respond(&c);
        join(threads);
    });
}

#[test]
fn two_followers_of_the_same_that_give_up_pass_their_nudge_on() {
    check(Some(2), || {
        let client = Client::new();
        let [a, b, c] = [(); 3].map(|()| client.submit(false));
        let turn = client.enter(&a);
        let threads = [waiter(&b, true), waiter(&b, true), waiter(&c, false)];
        turn.leave();
        client.give_up_on(&b);
        client.respond(&c);
        join(threads);
    });
}

#[test]
fn the_endpoint_reads_what_a_reader_leaves() {
    check(Some(3), || {
        let client = Client::new();
        let (a, b) = (client.submit(false), client.submit(true));
        let told = Told::of(&b);
        let threads = [waiter(&a, false), endpoint(&client)];
        client.respond(&a);
        client.respond(&b);
        told.wait();
        client.stop();
        join(threads);
    });
}

#[test]
fn the_endpoint_reads_what_is_watched_later() {
    check(Some(3), || {
        let client = Client::new();
        let (a, b) = (client.submit(false), client.submit(false));
        let told = Told::of(&b);
        let threads = [waiter(&a, false), endpoint(&client)];
        client.respond(&a);
        client.respond(&b);
        client.watch(&b);
        told.wait();
        client.stop();
        join(threads);
    });
}

#[test]
fn the_endpoint_reads_what_a_follower_leaves() {
    check(Some(2), || {
        let client = Client::new();
        let [a, b, c] = [
            client.submit(false),
            client.submit(false),
            client.submit(true),
        ];
        let told = Told::of(&c);
        let turn = client.enter(&a);
        let threads = [waiter(&b, true), endpoint(&client)];
        turn.leave();
        client.give_up_on(&b);
        client.respond(&c);
        told.wait();
        client.stop();
        join(threads);
    });
}

#[test]
fn who_waits_does_not_need_a_tick_of_the_endpoint() {
    check(Some(2), || {
        let client = Client::new();
        let (a, b) = (client.submit(false), client.submit(false));
        let attending = endpoint(&client);
        let threads = [waiter(&a, false), waiter(&b, false)];
        client.respond(&a);
        client.respond(&b);
        join(threads);
        client.stop();
        join([attending]);
    });
}

#[test]
fn what_nobody_waits_for_is_read_after_two_ticks() {
    check(Some(3), || {
        let client = Client::new();
        let (a, b) = (client.submit(false), client.submit(false));
        let told = Told::of(&b);
        let (attending, waiting) = (endpoint(&client), waiter(&a, false));
        client.respond(&a);
        client.respond(&b);
        join([waiting]);
        // At the first it may see that somebody has read, at the second that nobody does any more.
        client.tick();
        client.tick();
        told.wait();
        client.stop();
        join([attending]);
    });
}
