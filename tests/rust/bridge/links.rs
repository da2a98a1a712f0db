//! Links that come and go.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{Emulate, POST, READ, WRITE};
use rogue_memory_bridge::endpoint::{ClientOptions, ServerOptions};
use rogue_memory_bridge::error::ErrorKind;

use crate::common::{eventually, free_port, Asking, Keeper, Served, PATIENCE};
use crate::legacy::{read_header, response, Listening};

#[test]
fn row_1_a_transaction_waits_for_the_first_connection_and_is_sent_once() {
    let port = free_port();
    let asking = Asking::new(port);
    let mut word = [1, 2, 3, 4];
    asking.ask(0, &mut word, WRITE);
    std::thread::sleep(Duration::from_millis(250));
    let keeper = Keeper::new();
    let served = Served::with(keeper.clone(), port, ServerOptions::default());
    let came = keeper.take(1);
    assert_eq!(came[0].lock().bytes().unwrap(), [1, 2, 3, 4]);
    came[0].done();
    asking.master.wait(0).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(keeper.count(), 0);
    drop(served);
}

#[test]
fn row_2_each_error_names_the_address_and_the_cause() {
    let port = free_port();
    let refused = Asking::new(port);
    refused.master.set_timeout(Duration::from_millis(300));
    let error = refused.read(0, 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(
        error
            .text()
            .contains(&format!("127.0.0.1:{port}: connection refused")),
        "{error}"
    );

    let client = rogue_memory_bridge::endpoint::TcpClient::new(
        "no.such.host.invalid",
        port,
        ClientOptions::default(),
    );
    let unknown = Asking {
        client: Arc::new(client.unwrap()),
        ..Asking::new(port)
    };
    unknown.master.set_slave(unknown.client.clone());
    unknown.master.set_timeout(Duration::from_secs(8));
    let error = unknown.read(0, 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.text().contains("no.such.host.invalid"), "{error}");
    assert!(error.text().contains("not found"), "{error}");

    let stopped = Asking::new(port);
    stopped.client.stop();
    let begun = Instant::now();
    let error = stopped.read(0, 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stopped);
    assert!(
        error.text().contains("stopped") && error.text().contains("127.0.0.1"),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(1), "at once");
}

#[test]
fn row_26_a_post_without_a_link_fails_like_the_others() {
    let port = free_port();
    let asking = Asking::new(port);
    asking.master.set_timeout(Duration::from_millis(200));
    assert_eq!(
        asking.put(0, &[1], POST).unwrap_err().kind(),
        ErrorKind::Refused
    );
    asking.client.stop();
    assert_eq!(
        asking.put(0, &[1], POST).unwrap_err().kind(),
        ErrorKind::Stopped
    );
}

#[test]
fn row_14_what_was_in_flight_fails_at_once_and_the_next_succeeds() {
    let keeper = Keeper::new();
    let mut served = Served::new(keeper.clone());
    let port = served.port();
    let asking = Asking::new(port).ready();
    for turn in 0..5 {
        let mut words = [[0; 4]; 10];
        for word in &mut words {
            asking.ask(0, word, READ);
        }
        let kept = keeper.take(10);
        served.stop();
        let begun = Instant::now();
        let error = asking.master.wait(0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
        assert!(error.text().contains("connection lost"), "{error}");
        assert!(
            error.text().contains(&format!("127.0.0.1:{port}")),
            "{error}"
        );
        assert!(begun.elapsed() < PATIENCE / 4, "not at the deadline");
        drop(kept);
        // It waits for the next server.
        let mut word = [turn; 4];
        asking.ask(8, &mut word, WRITE);
        served = Served::with(keeper.clone(), port, ServerOptions::default());
        let came = keeper.take(1);
        assert_eq!(came[0].lock().bytes().unwrap(), [turn; 4]);
        came[0].done();
        asking.master.wait(0).unwrap();
        assert_eq!(keeper.count(), 0, "nothing is sent twice");
    }
}

#[test]
fn a_server_that_comes_and_goes_under_load_gives_no_wrong_value() {
    let memory = Arc::new(Emulate::new(1, 0));
    let port = free_port();
    let served = Served::with(memory.clone(), port, ServerOptions::default());
    let end = Instant::now() + Duration::from_secs(3);
    std::thread::scope(|scope| {
        for client in 0..3u64 {
            scope.spawn(move || {
                let asking = Asking::new(port);
                let (mut good, mut lost) = (0u32, 0u32);
                let expected = |text: &str| {
                    assert!(
                        text.contains("connection lost") || text.contains("stopped"),
                        "{text}"
                    );
                };
                while Instant::now() < end {
                    let word = (good + lost).to_le_bytes();
                    match asking.write(client * 8, &word) {
                        Ok(()) => {}
                        Err(error) => {
                            expected(error.text());
                            lost += 1;
                            continue;
                        }
                    }
                    match asking.read(client * 8, 4) {
                        Ok(got) => {
                            assert_eq!(got, word);
                            good += 1;
                        }
                        Err(error) => {
                            expected(error.text());
                            lost += 1;
                        }
                    }
                }
                assert!(good > 10, "{good} good, {lost} lost");
            });
        }
        let mut served = served;
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(200));
            served.stop();
            served = Served::with(memory.clone(), port, ServerOptions::default());
        }
        // The clients' last transactions need one.
        std::thread::sleep(Duration::from_millis(600));
        drop(served);
    });
}

#[test]
fn row_12_who_asks_for_too_many_is_held_back_or_told() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let options = ClientOptions::default().with_max_outstanding(8);
    let asking = Asking::with(served.port(), options);
    asking.master.set_timeout(Duration::from_millis(200));
    let mut words = [[0; 4]; 9];
    let (ninth, eight) = words.split_last_mut().unwrap();
    for word in eight {
        asking.ask(0, word, READ);
    }
    let id = asking.ask(0, ninth, READ);
    let error = asking.master.wait(id).unwrap_err();
    assert!(
        error.text().contains("8 transactions are outstanding"),
        "{error}"
    );
    // With room in time it goes through.
    let kept = keeper.take(8);
    asking.master.set_timeout(PATIENCE);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            for transaction in kept {
                transaction.done();
            }
            keeper.take(1)[0].done();
        });
        let mut word = [0; 4];
        let id = asking.ask(0, &mut word, READ);
        asking.master.wait(id).unwrap();
    });
    let _ = asking.master.wait(0);
}

#[test]
fn stopping_a_client_is_bounded_in_every_state() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mute = listener.local_addr().unwrap().port();
    for port in [served.port(), free_port(), mute] {
        let asking = Asking::new(port);
        let mut word = [0; 4];
        asking.ask(0, &mut word, READ);
        std::thread::sleep(Duration::from_millis(50));
        let begun = Instant::now();
        asking.client.stop();
        asking.client.stop();
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(
            asking.master.wait(0).unwrap_err().kind(),
            ErrorKind::Stopped
        );
    }
}

#[test]
fn a_waiting_thread_is_released_by_stop() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let asking = Asking::new(served.port()).ready();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| asking.read(0, 4));
        keeper.take(1).remove(0);
        asking.client.stop();
        let error = waiter.join().unwrap().unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Stopped | ErrorKind::Failed),
            "{error}"
        );
    });
    eventually("the thread has gone", || {
        Arc::strong_count(&asking.client) <= 2
    });
}

#[test]
fn a_watched_transaction_keeps_its_deadline_though_nobody_waits() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let asking = Asking::new(served.port()).ready();
    let transaction = rogue_memory_bridge::bus::Transaction::new(
        0,
        4,
        READ,
        Some(rogue_memory_bridge::bus::Memory::owned(vec![0; 4])),
        Duration::from_millis(100),
    );
    use rogue_memory_bridge::bus::Slave;
    asking.client.do_transaction(transaction.clone());
    transaction.taken();
    asking.client.watch(&transaction);
    eventually("it times out", || transaction.completed());
    assert_eq!(
        transaction.outcome().unwrap().unwrap_err().kind(),
        ErrorKind::Timeout
    );
}

#[test]
fn what_was_answered_before_the_server_closed_is_a_success() {
    // The end of either connection may be seen first; the response may even come after it.
    for order in 0..3 {
        for _ in 0..10 {
            let listening = Listening::new();
            let asking = Asking::new(listening.port);
            let mut word = [0; 4];
            let id = asking.ask(0x10, &mut word, READ);
            let (mut requests, mut responses) = listening.accept();
            let header = read_header(&mut requests);
            let answer = response(&header, &[6; 4]);
            let server = std::thread::spawn(move || match order {
                0 => {
                    responses.write_all(&answer).unwrap();
                    drop((responses, requests));
                }
                1 => {
                    responses.write_all(&answer).unwrap();
                    drop((requests, responses));
                }
                _ => {
                    drop(requests);
                    std::thread::sleep(Duration::from_millis(3));
                    responses.write_all(&answer).unwrap();
                }
            });
            server.join().unwrap();
            asking.master.wait(id).unwrap();
            assert_eq!(word, [6; 4]);
        }
    }
}
