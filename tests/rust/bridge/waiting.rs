//! Who waits for whom: deadlines, limits and callbacks, among the threads of a client.

use std::io::Write;
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{
    Completed, Completion, Emulate, Memory, Slave, Transaction, READ, WRITE,
};
use rogue_memory_bridge::endpoint::{ClientOptions, ServerOptions, TcpClient};
use rogue_memory_bridge::error::{ErrorKind, Result};

use crate::common::{Asking, Keeper, Served, PATIENCE};
use crate::legacy::{read_header, response, Listening};

/// Time for another thread to get where it waits. Were it not enough, a test would prove less, and
/// not fail.
const A_MOMENT: Duration = Duration::from_millis(100);

/// A completion callback.
struct Callback<F>(F);

impl<F: Fn(Completed) + Send + Sync> Completion for Callback<F> {
    fn completed(&self, _: u64, completed: Completed) {
        (self.0)(completed)
    }
}

fn read(address: u64, timeout: Duration) -> Transaction {
    let memory = Memory::owned(vec![0; 4]);
    Transaction::new(address, 4, READ, Some(memory), timeout)
}

/// Has the outcome told to whoever holds the other end.
fn tell(transaction: &Transaction, end: &Sender<Result<()>>) {
    let end = Mutex::new(end.clone());
    let told = Callback(move |completed: Completed| {
        // Nobody listens any more when the test has failed.
        let _ = end.lock().unwrap().send(completed.outcome);
    });
    transaction.on_completion(Arc::new(told), 0);
}

fn send(client: &TcpClient, transaction: &Transaction) {
    client.do_transaction(transaction.clone());
    transaction.taken();
}

#[test]
fn a_deadline_set_while_another_thread_already_reads_is_kept() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let asking = Asking::new(served.port()).ready();
    let transaction = read(0, Duration::from_millis(300));
    asking.client.do_transaction(transaction.clone());
    // As when there is much to send before it.
    transaction.delayed();
    let _kept = keeper.take(1);
    let (end, ended) = channel();
    let waiting = transaction.clone();
    spawn(move || end.send(waiting.wait()));
    sleep(A_MOMENT);
    // From here on its time runs, and nobody else is there to see it end.
    transaction.taken();
    let error = ended.recv_timeout(PATIENCE).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

#[test]
fn a_callback_may_ask_for_more_than_the_limit() {
    let served = Served::memory();
    let options = ClientOptions::default().with_max_outstanding(1);
    let client = Asking::with(served.port(), options).ready().client;
    let (end, ended) = channel();
    let asks = client.clone();
    let first = read(0, PATIENCE);
    let more = Callback(move |_| {
        for address in [4, 8] {
            // Were it held back, it would be for this long, and fail.
            let next = read(address, Duration::from_secs(2));
            tell(&next, &end);
            send(&asks, &next);
            asks.watch(&next);
        }
    });
    first.on_completion(Arc::new(more), 0);
    send(&client, &first);
    client.watch(&first);
    for _ in 0..2 {
        ended.recv_timeout(PATIENCE).unwrap().unwrap();
    }
}

#[test]
fn a_callback_may_wait_for_who_is_held_back() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let options = ClientOptions::default().with_max_outstanding(2);
    let client = Asking::with(served.port(), options).ready().client;
    let asking = Arc::new(Mutex::new(()));
    let (end, ended) = channel();
    for address in [0, 4] {
        let first = read(address, PATIENCE);
        let (asking, end) = (asking.clone(), end.clone());
        let waits = Callback(move |completed: Completed| {
            drop(asking.lock().unwrap());
            end.send(completed.outcome).unwrap();
        });
        first.on_completion(Arc::new(waits), 0);
        send(&client, &first);
        client.watch(&first);
    }
    let kept = keeper.take(2);
    let (held, third) = (asking.lock().unwrap(), read(8, PATIENCE));
    let answering = spawn(move || {
        sleep(A_MOMENT);
        kept.iter().for_each(|transaction| _ = transaction.done());
    });
    let begun = Instant::now();
    send(&client, &third);
    drop(held);
    // Were nobody told that there is room, it would be for all of its time.
    assert!(begun.elapsed() < PATIENCE / 2);
    answering.join().unwrap();
    for _ in 0..2 {
        ended.recv_timeout(PATIENCE).unwrap().unwrap();
    }
    keeper.take(1)[0].done();
    third.wait().unwrap();
}

#[test]
fn transactions_that_are_over_make_room() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let options = ClientOptions::default().with_max_outstanding(2);
    let client = Asking::with(served.port(), options).ready().client;
    let memory = Memory::owned(vec![0; 8]);
    let lost = Transaction::new(0, 8, READ, Some(memory), Duration::from_millis(50));
    for offset in [0, 4] {
        send(&client, &lost.piece(offset, 4, offset.into()).unwrap());
    }
    lost.seal();
    lost.taken();
    // Never answered: it is over, and with it its pieces, of which nobody will hear.
    let _kept = keeper.take(2);
    lost.wait().unwrap_err();
    // Were it held back, it would be for this long, and fail.
    let next = read(8, Duration::from_secs(2));
    client.do_transaction(next.clone());
    assert_eq!(next.outcome(), None);
    keeper.take(1)[0].done();
    next.wait().unwrap();
}

#[test]
fn a_response_that_came_while_another_thread_had_the_turn_is_heard() {
    let listening = Listening::new();
    let client = Asking::new(listening.port).client;
    let slow = read(1, PATIENCE);
    let waited = read(2, PATIENCE);
    let watched = read(3, Duration::from_secs(3));
    slow.on_completion(Arc::new(Callback(|_| sleep(3 * A_MOMENT))), 0);
    let (end, ended) = channel();
    tell(&watched, &end);
    for transaction in [&slow, &waited, &watched] {
        send(&client, transaction);
    }
    let (mut requests, mut responses) = listening.accept();
    let headers = [(); 3].map(|()| read_header(&mut requests));
    let waiter = spawn(move || waited.wait());
    sleep(A_MOMENT);
    client.watch(&watched);
    sleep(A_MOMENT);
    // In one piece: the one whose callback takes long, and the one for which the thread waits that
    // reads them.
    let both = [
        response(&headers[0], &[1; 4]),
        response(&headers[1], &[2; 4]),
    ]
    .concat();
    responses.write_all(&both).unwrap();
    sleep(A_MOMENT);
    // That thread will read no more after these; this must wake somebody else.
    responses
        .write_all(&response(&headers[2], &[3; 4]))
        .unwrap();
    waiter.join().unwrap().unwrap();
    ended.recv_timeout(PATIENCE).unwrap().unwrap();
}

#[test]
fn a_piece_completed_under_a_lock_on_its_parent_is_published() {
    let memory = Memory::owned(vec![0; 8]);
    let root = Transaction::new(0, 8, WRITE, Some(memory), PATIENCE);
    let (end, ended) = channel();
    tell(&root, &end);
    let pieces = [0, 4].map(|offset| root.piece(offset, 4, 0).unwrap());
    root.seal();
    let lock = root.lock();
    for piece in &pieces {
        assert!(piece.done());
    }
    // Its bytes are still being looked at.
    assert!(ended.try_recv().is_err());
    drop(lock);
    ended.try_recv().unwrap().unwrap();
    root.wait().unwrap();
}

#[test]
fn a_keep_alive_of_days_is_accepted() {
    let keep_alive = Duration::from_secs(200_000);
    let options = ServerOptions::default().with_keep_alive(keep_alive);
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, options);
    Asking::new(served.port()).read(0, 4).unwrap();
    let options = ClientOptions::default().with_keep_alive(keep_alive);
    let served = Served::memory();
    Asking::with(served.port(), options).read(0, 4).unwrap();
}
