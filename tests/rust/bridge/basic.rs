//! What everybody does: read, write, verify, post, probe, in every size, one at a time and many.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{
    Emulate, Master, Memory, Slave, Transaction, POST, READ, VERIFY, WRITE,
};
use rogue_memory_bridge::endpoint::{admit, ClientOptions, ServerOptions, TcpClient, TcpServer};
use rogue_memory_bridge::error::ErrorKind;

use crate::common::{eventually, pattern, Acting, Asking, Keeper, Served, PATIENCE};
use crate::legacy;

#[test]
fn every_type_in_every_size() {
    let served = Served::memory();
    let asking = Asking::new(served.port());
    let sizes = (1..20).chain([
        31,
        64,
        255,
        256,
        1000,
        4096,
        65_535,
        65_536,
        1 << 20,
        3_000_001,
    ]);
    for (seed, size) in sizes.enumerate() {
        let (address, data) = (0x1000 * seed as u64 + 3, pattern(size, seed as u32));
        asking.write(address, &data).unwrap();
        assert!(asking.read(address, size).unwrap() == data, "{size}");
        assert!(asking.get(address, size, VERIFY).unwrap() == data, "{size}");
        let data = pattern(size, 1000 + seed as u32);
        asking.put(address, &data, POST).unwrap();
        assert!(asking.read(address, size).unwrap() == data, "{size}");
    }
}

#[test]
fn many_outstanding_each_get_their_own() {
    let served = Served::memory();
    let asking = Asking::new(served.port());
    let mut words: Vec<[u8; 4]> = (0..5000u32).map(u32::to_le_bytes).collect();
    let expected = words.clone();
    for (n, word) in words.iter_mut().enumerate() {
        asking.ask(4 * n as u64, word, WRITE);
    }
    asking.master.wait(0).unwrap();
    words.fill([0; 4]);
    for (n, word) in words.iter_mut().enumerate() {
        asking.ask(4 * n as u64, word, READ);
    }
    asking.master.wait(0).unwrap();
    assert_eq!(words, expected);
}

#[test]
fn many_threads_share_a_client() {
    let served = Served::memory();
    let asking = Asking::new(served.port());
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let asking = &asking;
            scope.spawn(move || {
                for turn in 0..300u32 {
                    let size = if turn % 50 == 0 { 70_000 } else { 8 };
                    let data = pattern(size, turn + 1000 * thread as u32);
                    let address = thread << 32 | u64::from(turn);
                    asking.write(address, &data).unwrap();
                    assert!(asking.read(address, size).unwrap() == data);
                }
            });
        }
    });
}

#[test]
fn large_blocks_both_ways_at_once_do_not_lock_up() {
    let served = Served::memory();
    let asking = Asking::new(served.port());
    let data = pattern(4 << 20, 7);
    asking.write(0, &data).unwrap();
    let mut blocks: Vec<Vec<u8>> = vec![vec![0; 4 << 20]; 8];
    // Nobody reads while these are sent: responses and requests are both more than the sockets hold.
    for (n, block) in blocks.iter_mut().enumerate() {
        if n % 2 == 0 {
            asking.ask(0, block, READ);
        } else {
            block.copy_from_slice(&data);
            asking.ask((n as u64) << 32, block, WRITE);
        }
    }
    asking.master.wait(0).unwrap();
    assert!(blocks.iter().all(|block| *block == data));
}

#[test]
fn a_client_without_a_waiting_thread_still_completes() {
    let served = Served::memory();
    let asking = Asking::new(served.port()).ready();
    let mut word = [1, 2, 3, 4];
    let id = asking.ask(0, &mut word, WRITE);
    // Nobody waits: the client's own thread reads.
    eventually("the write completes", || asking.master.is_done(id));
    asking.master.wait(id).unwrap();
}

#[test]
fn readiness() {
    let asking = Asking::new(crate::common::free_port());
    let begun = Instant::now();
    let wait = asking
        .client
        .wait_ready(Duration::from_millis(150), Duration::from_millis(20));
    let error = wait.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.text().contains("refused"), "{error}");
    assert!(begun.elapsed() >= Duration::from_millis(150));
    let served = Served::memory();
    let asking = Asking::new(served.port()).ready();
    // The probe is answered by the server itself: a slave that does nothing is not asked.
    let keeper = Keeper::new();
    let idle = Served::new(keeper.clone());
    let other = Asking::new(idle.port()).ready();
    assert_eq!(keeper.count(), 0);
    asking.client.stop();
    let error = asking
        .client
        .wait_ready(PATIENCE, Duration::from_millis(20))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stopped);
    drop((asking, other));
}

#[test]
fn a_polled_server_needs_no_thread() {
    let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap();
    let memory = Emulate::new(1, 0);
    assert!(server.next(Some(Duration::ZERO)).unwrap().is_none());
    let port = server.port();
    let client = std::thread::spawn(move || {
        let asking = Asking::new(port);
        asking.write(8, &[5, 6, 7]).unwrap();
        asking.read(8, 3).unwrap()
    });
    let mut served = 0;
    while served < 2 {
        if let Some(transaction) = server.next(Some(Duration::ZERO)).unwrap() {
            assert!(admit(&transaction, 1, 0));
            memory.do_transaction(transaction);
            served += 1;
        }
    }
    assert_eq!(client.join().unwrap(), [5, 6, 7]);
    server.stop();
    assert_eq!(server.next(None).unwrap_err().kind(), ErrorKind::Stopped);
}

#[test]
fn only_one_thread_pulls_at_a_time() {
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap());
    let puller = {
        let server = Arc::clone(&server);
        std::thread::spawn(move || loop {
            match server.next(None) {
                Err(error) if error.kind() == ErrorKind::Busy => {}
                other => break other.map(|_| ()),
            }
        })
    };
    eventually("a second one is told", || {
        server
            .next(Some(Duration::ZERO))
            .is_err_and(|error| error.kind() == ErrorKind::Busy)
    });
    server.stop();
    assert_eq!(
        puller.join().unwrap().unwrap_err().kind(),
        ErrorKind::Stopped
    );
}

#[test]
fn every_kind_of_address_is_served() {
    for (bind, connect) in [
        ("*", "127.0.0.1"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.9;127.0.0.1"),
    ] {
        let server = Arc::new(TcpServer::bind(bind, 0, ServerOptions::default()).unwrap());
        let slave: Arc<dyn Slave> = Arc::new(Emulate::new(1, 0));
        let mut thread =
            rogue_memory_bridge::endpoint::serve(server.clone(), move || slave.clone()).unwrap();
        let client = TcpClient::new(connect, server.port(), ClientOptions::default()).unwrap();
        let ready = client.wait_ready(PATIENCE, Duration::from_millis(50));
        ready.unwrap_or_else(|error| panic!("{bind} {connect}: {error}"));
        server.stop();
        thread.join();
    }
}

#[test]
fn bad_requests_name_what_is_wrong() {
    let served = Served::memory();
    let asking = Asking::new(served.port());
    let error = asking.get(0, 4, 7).unwrap_err();
    assert_eq!(
        (error.kind(), error.text()),
        (
            ErrorKind::InvalidArgument,
            "Transaction type 7 is not known"
        )
    );
    let error = asking.get(0, 0, READ).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Size);
    // The probe's type is no transaction's.
    assert_eq!(
        asking.get(0, 4, 0xFFFF_FFFE).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    asking.write(0, &[1]).unwrap();
}

#[test]
fn the_order_of_requests_is_the_order_of_arrival() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let asking = Asking::new(served.port());
    let mut words = [[0u8; 4]; 20];
    for (n, word) in words.iter_mut().enumerate() {
        asking.ask(4 * n as u64, word, READ);
    }
    let came: Vec<Transaction> = keeper.take(20);
    let order: Vec<u64> = came.iter().map(Transaction::address).collect();
    assert_eq!(order, (0..20).map(|n| 4 * n).collect::<Vec<u64>>());
    // They may complete in any order.
    for transaction in came.into_iter().rev() {
        let word = (transaction.address() as u32).to_le_bytes();
        let mut lock = transaction.lock();
        lock.bytes_mut().unwrap().copy_from_slice(&word);
        lock.done();
    }
    asking.master.wait(0).unwrap();
    assert!(words
        .iter()
        .enumerate()
        .all(|(n, word)| u32::from_le_bytes(*word) == 4 * n as u32));
}

#[test]
fn row_11_a_timeout_leaves_the_memory_alone() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let asking = Asking::new(served.port()).ready();
    asking.master.set_timeout(Duration::from_millis(50));
    let mut word = [0xAA; 4];
    let id = asking.ask(0, &mut word, READ);
    let error = asking.master.wait(id).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(
        error.text(),
        format!(
            "Timeout waiting for register transaction {id} message response. (127.0.0.1:{} is connected)",
            served.port()
        )
    );
    keeper.take(1)[0].done();
    // The late response is read, and touches nothing.
    asking.master.set_timeout(PATIENCE);
    let mut other = [0; 4];
    let id = asking.ask(4, &mut other, READ);
    keeper.take(1)[0].done();
    asking.master.wait(id).unwrap();
    assert_eq!(word, [0xAA; 4]);
}

#[test]
fn an_answer_to_an_earlier_transaction_renews_the_deadline() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let asking = Asking::new(served.port()).ready();
    asking.master.set_timeout(Duration::from_millis(600));
    let (mut first, mut second) = ([0; 4], [0; 4]);
    asking.ask(0, &mut first, READ);
    asking.ask(4, &mut second, READ);
    let kept = keeper.take(2);
    let answering = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(400));
        kept[0].done();
        std::thread::sleep(Duration::from_millis(400));
        kept[1].done();
    });
    // 800 ms in all: the second is overtaken by the answer to the first, and has 600 ms from then.
    asking.master.wait(0).unwrap();
    answering.join().unwrap();
}

#[test]
fn a_server_with_a_limit_answers_for_a_slave_that_does_not() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    served.server.set_timeout(Some(Duration::from_millis(50)));
    let asking = Asking::new(served.port());
    let error = asking.read(0, 4).unwrap_err();
    assert!(error.text().contains("Timeout waiting"), "{error}");
    // What the slave says later is nothing any more.
    assert!(!keeper.take(1)[0].done());
}

#[test]
fn a_slave_that_never_answers_does_not_use_up_the_turns() {
    let options = ServerOptions::default().with_max_outstanding(2);
    let server = TcpServer::bind("127.0.0.1", 0, options).unwrap();
    let master = Master::new();
    server.limit_by(master.shared_timeout());
    master.set_timeout(Duration::from_millis(20));
    let asking = Asking::new(server.port());
    let mut words = [[0u8; 4]; 10];
    for word in &mut words {
        asking.ask(0, word, READ);
    }
    let mut kept = Vec::new();
    while kept.len() < words.len() {
        let Some(transaction) = server.next(Some(PATIENCE)).unwrap() else {
            continue;
        };
        server.returned(&transaction);
        kept.push(transaction);
    }
    // The last two need somebody to pull for their time to run out.
    let _ = server.next(Some(Duration::from_millis(200)));
    assert!(asking
        .master
        .wait(0)
        .unwrap_err()
        .text()
        .contains("Timeout waiting"));
}

#[test]
fn an_access_beyond_the_last_address_is_refused_at_both_ends() {
    let slave = Acting::new(1, 0, |transaction| {
        panic!("{transaction:?} must not come here");
    });
    let served = Served::new(slave);
    let client = TcpClient::new("127.0.0.1", served.port(), ClientOptions::default()).unwrap();
    // Past the master, which refuses it as well.
    let memory = Memory::owned(vec![0; 16]);
    let transaction = Transaction::new(u64::MAX - 7, 16, WRITE, Some(memory), PATIENCE);
    client.do_transaction(transaction.clone());
    let error = transaction.outcome().expect("at once").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    // A client of the field does not look.
    let (mut requests, mut responses) = legacy::client(served.port());
    let request = legacy::request(1, u64::MAX - 7, 16, WRITE, Some(&[0; 16]));
    requests.write_all(&request).unwrap();
    // Four frames, one byte of data, and the length of the text.
    let mut got = [0; 28 + 3 + 2];
    responses.read_exact(&mut got).unwrap();
    let mut text = vec![0; usize::from(got[32])];
    responses.read_exact(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("beyond the last address"), "{text}");
}

#[test]
fn row_8_sizes_over_the_limits_are_refused() {
    let options = ServerOptions::default().with_max_transaction(1 << 20);
    let slave = Acting::new(4, 64 << 10, |transaction| {
        transaction.done();
    });
    let served = Served::with(slave, 0, options);
    let asking = Asking::new(served.port());
    for (size, kind, word) in [
        (2, READ, "below the slave's minimum access of 4"),
        (100_000, WRITE, "above the slave's maximum access of 65536"),
        (100_000, READ, "above the slave's maximum access of 65536"),
        (2 << 20, READ, "above the server's maximum of 1048576"),
        (2 << 20, WRITE, "which its setting max_transaction raises"),
    ] {
        let error = if kind == READ {
            asking.read(0, size).map(|_| ())
        } else {
            asking.write(0, &vec![0; size])
        }
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert!(error.text().contains(word), "{error}");
    }
    // A read that was not written to is zeros, never somebody else's memory.
    assert_eq!(asking.read(0, 64).unwrap(), [0; 64]);
}
