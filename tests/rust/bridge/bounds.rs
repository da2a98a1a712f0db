//! What one client may take of a server, and all of them together.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{Emulate, Memory, Transaction, READ};
use rogue_memory_bridge::endpoint::ServerOptions;

use rogue_memory_bridge::wire::Role;

use crate::common::{eventually, Acting, Asking, Keeper, Served, PATIENCE};
use crate::legacy::{client, is_closed, read_header, request, shake};

const MIB: usize = 1 << 20;

/// A client that asks for `count` times a megabyte and reads none of it.
fn greedy(port: u16, count: u32) -> (TcpStream, TcpStream) {
    let (mut requests, responses) = client(port);
    for id in 0..count {
        let request = request(id, 0, MIB as u32, READ, None);
        requests.write_all(&request).unwrap();
    }
    (requests, responses)
}

#[test]
fn row_20_a_client_that_never_reads_is_closed_and_the_others_go_on() {
    let options = ServerOptions::default()
        .with_max_queued(MIB)
        .with_keep_alive(Duration::from_millis(700));
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, options);
    let asking = Asking::new(served.port()).ready();
    let (requests, responses) = greedy(served.port(), 60);
    let queued = || served.server.stats().bytes_queued;
    // One answer is the most that there may be, and a part of it has been sent.
    eventually("its queue is full", || queued() > 0);
    // While it is there, and when it has gone.
    let dropped = || served.server.stats().dropped.not_reading;
    let end = Instant::now() + PATIENCE;
    let mut turns = 0u32;
    while dropped() == 0 || turns < 100 {
        assert!(Instant::now() < end, "it is never closed");
        asking.write(8, &turns.to_le_bytes()).unwrap();
        assert_eq!(asking.read(8, 4).unwrap(), turns.to_le_bytes());
        turns += 1;
    }
    assert_eq!(dropped(), 1);
    assert!(is_closed(responses));
    drop(requests);
    eventually("nothing is kept of it", || queued() == 0);
    assert_eq!(asking.client.stats().losses, 0);
}

#[test]
fn row_24_greedy_clients_together_are_bounded_and_the_others_served() {
    let (clients, total) = (6, 8 * MIB);
    let options = ServerOptions::default()
        // Each of them alone may have far more.
        .with_max_queued(64 * MIB)
        .with_max_queued_total(total)
        // None of them is closed for not reading while this goes on.
        .with_keep_alive(Duration::from_secs(60));
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, options);
    let modest = Asking::new(served.port()).ready();
    let reader = Asking::new(served.port()).ready();
    let all: Vec<_> = (0..clients).map(|_| greedy(served.port(), 200)).collect();
    let queued = || served.server.stats().bytes_queued as usize;
    // What is held of a response is more than what is left to be sent of it.
    eventually("much is held", || queued() > total / 4);
    for turn in 0..100u32 {
        // This one has nothing waiting.
        modest.write(8, &turn.to_le_bytes()).unwrap();
        assert_eq!(modest.read(8, 4).unwrap(), turn.to_le_bytes());
        assert!(queued() <= total, "{} bytes", queued());
        if turn % 10 == 0 {
            // For this one there is room when greedy ones have been closed.
            assert_eq!(reader.read(0, 4 * MIB).unwrap().len(), 4 * MIB);
        }
    }
    let dropped = served.server.stats().dropped.not_reading;
    assert!(
        dropped > 0 && dropped < clients as u64,
        "{dropped} were closed"
    );
    assert_eq!(
        reader.client.stats().losses + modest.client.stats().losses,
        0
    );
    drop(all);
    eventually("all of it is given back", || queued() == 0);
}

#[test]
fn row_3_clients_at_work_share_what_the_slave_may_have_in_its_hands() {
    let keeper = Keeper::new();
    let options = ServerOptions::default().with_max_outstanding(8);
    let served = Served::with(keeper.clone(), 0, options);
    let greedy = Asking::new(served.port()).ready();
    let modest = Asking::new(served.port()).ready();
    let ask = |asking: &Asking, address, count| {
        for _ in 0..count {
            let memory = Memory::owned(vec![0; 4]);
            asking.master.request(address, memory, READ);
        }
    };
    let of = |held: &[Transaction], address| {
        let same = held.iter().filter(|t| t.address() == address);
        same.count()
    };
    ask(&greedy, 1, 2000);
    // Nobody else is at work: it has all.
    let mut held = Vec::new();
    while held.len() < 8 {
        held.extend(keeper.take(1));
    }
    ask(&modest, 2, 40);
    let (mut came, mut most) = (0, 0);
    while came < 40 {
        // One ends, the oldest, and one takes its place.
        held.remove(0).done();
        for next in keeper.take(1) {
            let address = next.address();
            held.push(next);
            if address == 2 {
                came += 1;
                most = most.max(of(&held, 2));
            } else if came > 0 {
                let greedy = of(&held, 1);
                assert!(greedy <= 4, "{greedy} of 8 are the greedy one's");
            }
        }
    }
    assert_eq!(most, 4, "its share, and no more");
    // It is alone again, and has all.
    while of(&held, 2) > 0 || held.len() < 8 {
        if let Some(next) = held.iter().position(|t| t.address() == 2) {
            held.remove(next).done();
        } else {
            held.extend(keeper.take(1));
        }
    }
    assert_eq!(of(&held, 1), 8);
}

#[test]
fn a_refusal_of_much_waits_for_its_connection_though_there_is_room_for_little() {
    let options = ServerOptions::default().with_max_queued(4096);
    let slave = Acting::new(1, 0, |transaction| {
        transaction.fail_with("not today");
    });
    let served = Served::with(slave, 0, options);
    let mut requests = shake(served.port(), Role::Push);
    let read = request(1, 0, MIB as u32, READ, None);
    requests.write_all(&read).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    // As many zeros as it asked for come with the refusal, and they take no memory meanwhile.
    let mut responses = shake(served.port() + 1, Role::Pull);
    assert_eq!(read_header(&mut responses).id, 1);
}
