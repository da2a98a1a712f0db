//! Many transactions at a time, many threads that wait for them, and what brings them forward when
//! nobody does.

use std::sync::mpsc::{channel, sync_channel, Receiver, SyncSender};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{
    Completed, Completion, Memory, Slave, Transaction, POST, READ, WRITE,
};
use rogue_memory_bridge::endpoint::ServerOptions;

use crate::common::{eventually, Acting, Asking, Keeper, Served, PATIENCE};

/// As many as are outstanding at a time, at most.
const MOST: usize = 10_000;

/// Asks for `count` words, has all of them outstanding at a time, and gets each right. The time for
/// all that.
fn all_at_once(asking: &Asking, keeper: &Keeper, count: usize) -> Duration {
    let mut words = vec![[0u8; 4]; count];
    let begun = Instant::now();
    for (n, word) in words.iter_mut().enumerate() {
        asking.ask(4 * n as u64, word, READ);
    }
    // Every one of them is in the slave's hands before the first is answered.
    let came = keeper.take(count);
    assert_eq!(came.len(), count, "each comes once");
    for transaction in came {
        let value = (transaction.address() as u32).to_le_bytes();
        let mut lock = transaction.lock();
        lock.bytes_mut().unwrap().copy_from_slice(&value);
        lock.done();
    }
    asking.master.wait(0).unwrap();
    let took = begun.elapsed();
    for (n, word) in words.iter().enumerate() {
        assert_eq!(u32::from_le_bytes(*word), 4 * n as u32);
    }
    took
}

#[test]
fn row_12_the_cost_of_each_is_the_same_with_ten_thousand_outstanding() {
    let keeper = Keeper::new();
    let options = ServerOptions::default().with_max_outstanding(MOST);
    let served = Served::with(keeper.clone(), 0, options);
    let asking = Asking::new(served.port()).ready();
    let few = 200;
    // Rogue takes five times as long for each at 900 as at 100. Both ways move equally many, one
    // after the other, and the best of several rounds counts: the machine has other things to do.
    let mut best = f64::MAX;
    for _ in 0..6 {
        let alone: Duration = (0..MOST / few)
            .map(|_| all_at_once(&asking, &keeper, few))
            .sum();
        let crowded = all_at_once(&asking, &keeper, MOST);
        best = best.min(crowded.as_secs_f64() / alone.as_secs_f64());
        if best < 2.0 {
            break;
        }
    }
    assert!(best < 4.0, "{best} times the time at {few} outstanding");
    assert_eq!(asking.client.stats().traffic.most_outstanding, MOST as u64);
}

#[test]
fn row_16_every_waiting_thread_gets_its_result_over_the_bridge() {
    // It answers on a thread of its own, the last one first; every third address has no register.
    let (give, given) = channel::<Transaction>();
    let answering = std::thread::spawn(move || {
        while let Ok(first) = given.recv() {
            let mut some = vec![first];
            some.extend(given.try_iter().take(20));
            for transaction in some.into_iter().rev() {
                let address = transaction.address();
                if address.is_multiple_of(3) {
                    transaction.fail_with(format!("no register {address}"));
                    continue;
                }
                let mut lock = transaction.lock();
                lock.bytes_mut()
                    .unwrap()
                    .copy_from_slice(&address.to_le_bytes());
                lock.done();
            }
        }
    });
    let give = Mutex::new(give);
    let served = Served::new(Acting::new(8, 8, move |transaction| {
        give.lock().unwrap().send(transaction).unwrap();
    }));
    let asking = Asking::new(served.port()).ready();
    let (threads, each) = (8u64, 150u64);
    let shared: Vec<Transaction> = (0..200)
        .map(|address| {
            let memory = Memory::owned(vec![0; 8]);
            Transaction::new(address, 8, READ, Some(memory), PATIENCE)
        })
        .collect();
    let all_sent = Barrier::new(threads as usize);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (asking, shared, all_sent) = (&asking, &shared, &all_sent);
            scope.spawn(move || {
                // Its own, by id, of the one master that all have.
                for turn in 0..each {
                    let address = 1000 * (thread + 1) + turn;
                    match asking.read(address, 8) {
                        Ok(bytes) => assert_eq!(bytes, address.to_le_bytes()),
                        Err(error) => assert_eq!(error.text(), format!("no register {address}")),
                    }
                }
                // The same ones as all others, in an order of its own.
                for transaction in shared
                    .iter()
                    .skip(thread as usize)
                    .step_by(threads as usize)
                {
                    asking.client.do_transaction(transaction.clone());
                    transaction.taken();
                }
                all_sent.wait();
                for n in 0..shared.len() {
                    let transaction = &shared[(n + 25 * thread as usize) % shared.len()];
                    let address = transaction.address();
                    match transaction.wait() {
                        Ok(()) => assert!(!address.is_multiple_of(3), "{address}"),
                        Err(error) => assert_eq!(error.text(), format!("no register {address}")),
                    }
                }
            });
        }
    });
    for transaction in &shared {
        let address = transaction.address();
        let expected = !address.is_multiple_of(3);
        assert_eq!(transaction.outcome().unwrap().is_ok(), expected);
    }
    drop((asking, served));
    answering.join().unwrap();
}

/// A completion callback that does not return before it is let go.
struct Holding {
    entered: SyncSender<()>,
    leave: Mutex<Receiver<()>>,
}

impl Completion for Holding {
    fn completed(&self, _: u64, _: Completed) {
        let _ = self.entered.send(());
        // An error is the end of the test, and as good.
        let _ = self.leave.lock().unwrap().recv();
    }
}

#[test]
fn is_done_brings_transactions_forward_by_itself() {
    let never = Mutex::new(Vec::new());
    let served = Served::new(Acting::new(1, 0, move |transaction| {
        if transaction.address() == 0xDEAD {
            never.lock().unwrap().push(transaction);
        } else {
            transaction.done();
        }
    }));
    let asking = Asking::new(served.port()).ready();
    // The client's own thread keeps this one's deadline, and then is stuck in its callback.
    let (entered, has_entered) = sync_channel(1);
    let (let_go, leave) = channel();
    let leave = Mutex::new(leave);
    let memory = Memory::owned(vec![0; 4]);
    let stuck = Transaction::new(0xDEAD, 4, READ, Some(memory), Duration::from_millis(50));
    stuck.on_completion(Arc::new(Holding { entered, leave }), 0);
    asking.client.do_transaction(stuck.clone());
    stuck.taken();
    asking.client.watch(&stuck);
    has_entered.recv_timeout(PATIENCE).unwrap();
    for turn in 0..50 {
        // The second is deferred, since the first is outstanding: that it leaves is seen to as well.
        let ids = [0, 4].map(|address| {
            let memory = Memory::owned(vec![turn; 4]);
            asking.master.request(address, memory, WRITE)
        });
        for id in ids {
            eventually("it is done", || asking.master.is_done(id));
            asking.master.wait(id).unwrap();
        }
    }
    let_go.send(()).unwrap();
}

#[test]
fn what_is_asked_for_leaves_though_nobody_ever_waits() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let asking = Asking::new(served.port()).ready();
    let mut kept = Vec::new();
    // While the first is outstanding, those after it are deferred, to leave together.
    for address in 0..20u64 {
        let kind = [READ, WRITE, POST][address as usize % 3];
        let memory = Memory::owned(vec![0; 4]);
        asking.master.request(address, memory, kind);
        kept.extend(keeper.take(1));
        assert_eq!(kept.last().unwrap().address(), address);
        if address.is_multiple_of(5) {
            // Longer than the client's thread stays near.
            std::thread::sleep(Duration::from_millis(30));
        }
    }
    for transaction in kept {
        transaction.done();
    }
    asking.master.wait(0).unwrap();
}

#[test]
fn a_client_behind_a_server_answers_without_pauses() {
    let memory = Served::memory();
    let direct = Asking::new(memory.port()).ready();
    let behind = Asking::new(memory.port()).ready();
    let gateway = Served::new(behind.client.clone());
    let through = Asking::new(gateway.port()).ready();
    let reads = 40;
    let time = |asking: &Asking, seed: u32| {
        let begun = Instant::now();
        for n in 0..reads {
            let word = (seed + n).to_le_bytes();
            // The gateway asks for itself as well, so that its client's thread does not stand by.
            behind.read(0, 4).unwrap();
            asking.write(8, &word).unwrap();
            assert_eq!(asking.read(8, 4).unwrap(), word);
        }
        begun.elapsed().as_secs_f64()
    };
    // A few times as long as without it. Were each to wait for the client's thread to look, every
    // 20 ms, it would be hundreds of times.
    let mut best = f64::MAX;
    for round in 0..6 {
        let alone = time(&direct, 1000 * round);
        best = best.min(time(&through, 1000 * round + 500) / alone);
        if best < 10.0 {
            break;
        }
    }
    assert!(best < 30.0, "{best} times as long");
}
