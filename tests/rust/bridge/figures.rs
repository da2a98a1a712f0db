//! What endpoints tell of themselves: counters, clients, states of the link.

use std::sync::Arc;
use std::time::Duration;

use rogue_memory_bridge::bus::{Emulate, POST, READ, VERIFY, WRITE};
use rogue_memory_bridge::endpoint::{LinkState, Outcomes, ServerOptions, Traffic};
use rogue_memory_bridge::error::ErrorKind;

use crate::common::{eventually, free_port, Asking, Keeper, Served, PATIENCE};
use crate::legacy::{client, read_header, Listening};

fn outcomes(done: u64, failed: u64) -> Outcomes {
    Outcomes { done, failed }
}

#[test]
fn counters_agree_with_what_was_done() {
    let options = ServerOptions::default().with_max_transaction(4096);
    let served = Served::with(Arc::new(Emulate::new(4, 1024)), 0, options);
    let asking = Asking::new(served.port());
    for address in [0, 8, 16] {
        asking.write(address, &[1; 8]).unwrap();
    }
    asking.put(0, &[2; 4], POST).unwrap();
    asking.put(1, &[2; 4], POST).unwrap(); // no such address
    asking.read(2, 4).unwrap_err();
    asking.get(0, 4, VERIFY).unwrap();
    asking.read(0, 8192).unwrap_err(); // more than the server takes
    asking.read(0, 8).unwrap();

    let ours = asking.client.stats();
    assert_eq!((ours.connects, ours.losses), (1, 0));
    let common = |traffic: &Traffic| {
        assert_eq!(traffic.writes, outcomes(3, 0));
        assert_eq!(traffic.verifies, outcomes(1, 0));
        assert_eq!(traffic.bytes_read, 4 + 8);
        assert_eq!(traffic.timed_out, 0);
        assert_eq!(traffic.outstanding, 0);
        assert_eq!(traffic.most_outstanding, 1);
    };
    for traffic in [&ours.traffic, &ours.connection] {
        common(traffic);
        // What is refused there is a failure here; a Post has no answer.
        assert_eq!(traffic.reads, outcomes(1, 2));
        assert_eq!(traffic.posts, outcomes(2, 0));
        assert_eq!((traffic.refused, traffic.bytes_written), (0, 3 * 8 + 2 * 4));
        assert_eq!(traffic.latency().count, 7);
        assert!(traffic.latency().max >= traffic.latency().min);
        assert!(traffic.latency_at(1.0) > Duration::ZERO);
    }
    let theirs = served.server.stats();
    let peers = served.server.peer_stats();
    assert_eq!((theirs.connections, theirs.connections_total), (2, 2));
    assert_eq!(peers.len(), 1);
    for traffic in [&theirs.traffic, &peers[0].traffic] {
        common(traffic);
        assert_eq!(traffic.reads, outcomes(1, 1));
        assert_eq!(traffic.posts, outcomes(1, 1));
        assert_eq!((traffic.refused, traffic.bytes_written), (1, 3 * 8 + 4));
        assert_eq!(traffic.latency().count, 8);
    }
    assert_eq!(served.server.failed_posts(), 1);
    assert_eq!(peers[0].address.to_string(), "127.0.0.1");
    assert!(peers[0].session && peers[0].port != 0);

    // A client that has gone is no peer any more; what was done for it stays counted.
    let field = client(served.port());
    drop(asking);
    eventually("it has gone, and the other is there", || {
        let peers = served.server.peer_stats();
        let connections = served.server.stats().connections;
        peers.len() == 1 && !peers[0].session && connections == 2
    });
    let after = served.server.stats();
    assert_eq!(after.connections_total, 4);
    assert_eq!(after.traffic.writes, outcomes(3, 0));
    assert_eq!(after.traffic.refused, 1);
    drop(field);
}

#[test]
fn what_is_under_way_or_timed_out_is_counted() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let asking = Asking::new(served.port()).ready();
    let mut words = [[0; 4]; 3];
    for word in &mut words {
        asking.ask(0, word, WRITE);
    }
    let kept = keeper.take(3);
    assert_eq!(asking.client.stats().traffic.outstanding, 3);
    assert_eq!(served.server.stats().traffic.outstanding, 3);
    for transaction in kept {
        transaction.done();
    }
    asking.master.wait(0).unwrap();
    asking.master.set_timeout(Duration::from_millis(50));
    asking.get(0, 4, READ).unwrap_err();
    let traffic = asking.client.stats().traffic;
    assert_eq!((traffic.outstanding, traffic.most_outstanding), (0, 3));
    assert_eq!(
        (traffic.reads, traffic.writes),
        (outcomes(0, 1), outcomes(3, 0))
    );
    assert_eq!(traffic.timed_out, 1);
}

#[test]
fn what_times_out_while_a_lost_connection_is_taken_down_is_counted_once() {
    const COUNT: u64 = 20;
    for _ in 0..5 {
        let listening = Listening::new();
        let asking = Asking::new(listening.port);
        asking.master.set_timeout(Duration::from_millis(30));
        let (mut requests, _responses) = listening.accept();
        asking
            .client
            .wait_link(LinkState::Connected, Some(PATIENCE))
            .unwrap();
        let mut words = [[0; 4]; COUNT as usize];
        let (first, others) = words.split_first_mut().unwrap();
        let first = asking.ask(0, first, READ);
        read_header(&mut requests);
        // The client goes on waiting for the last response, and what is asked next meets the end.
        drop(requests);
        for word in others {
            std::thread::sleep(Duration::from_millis(1));
            let id = asking.ask(0, word, READ);
            // Otherwise it would wait for company.
            asking.master.is_done(id);
        }
        let error = asking.master.wait(first).unwrap_err();
        assert!(!error.text().contains("not connected yet"), "{error}");
        asking.master.wait(0).unwrap_err();
        let traffic = asking.client.stats().traffic;
        assert_eq!(traffic.reads, outcomes(0, COUNT));
        assert_eq!(traffic.outstanding, 0);
    }
}

#[test]
fn the_states_of_a_link() {
    let port = free_port();
    let asking = Asking::new(port);
    let client = &asking.client;
    assert_eq!(client.link_state(), LinkState::Connecting);
    client.wait_link(LinkState::Connecting, None).unwrap();
    eventually("it has tried", || client.stats().failed_attempts > 0);
    let soon = Some(Duration::from_millis(20));
    let error = client.wait_link(LinkState::Connected, soon).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let text = format!(
        "127.0.0.1:{port}: the link is connecting, not connected. 127.0.0.1:{port}: connection refused"
    );
    assert_eq!(error.text(), text);
    for time in 1..=2 {
        let served = Served::with(Arc::new(Emulate::new(1, 0)), port, ServerOptions::default());
        client
            .wait_link(LinkState::Connected, Some(PATIENCE))
            .unwrap();
        assert_eq!(client.link_state(), LinkState::Connected);
        assert_eq!(client.stats().connects, time);
        drop(served);
        client.wait_link(LinkState::Lost, Some(PATIENCE)).unwrap();
        eventually("it is counted", || client.stats().losses == time);
    }
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| client.wait_link(LinkState::Connected, None));
        let stopped = scope.spawn(|| client.wait_link(LinkState::Stopped, Some(PATIENCE)));
        client.stop();
        stopped.join().unwrap().unwrap();
        let error = waiter.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stopped);
    });
    assert_eq!(client.link_state(), LinkState::Stopped);
}
