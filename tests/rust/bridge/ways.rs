//! The way to a server: ports that are closed, servers that say nothing, links that are long.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rogue_memory_bridge::endpoint::{ClientOptions, LinkState, ServerOptions, TcpServer};
use rogue_memory_bridge::error::{Error, ErrorKind};
use rogue_memory_bridge::wire::{greeting, ready, Role};

use crate::common::{eventually, free_port, Asking, Served, PATIENCE};
use crate::forwarder::Forwarder;

/// What a client says that has `timeout` for a read.
fn fails(port: u16, timeout: Duration, options: ClientOptions) -> Error {
    let asking = Asking::with(port, options);
    asking.master.set_timeout(timeout);
    asking.read(0, 4).unwrap_err()
}

/// A listener at `port`, which has just been found free.
fn listener(port: u16) -> TcpListener {
    TcpListener::bind(("127.0.0.1", port)).unwrap()
}

#[test]
fn row_29_the_port_that_is_closed_is_named() {
    let timeout = Duration::from_millis(400);
    let port = free_port();
    let place = format!("127.0.0.1:{port}: connection refused");
    for (open, says, other) in [
        (
            port,
            format!("port {}, on which the responses come", port + 1),
            port,
        ),
        (
            port + 1,
            format!("port {port}, to which the requests go"),
            port + 1,
        ),
    ] {
        let listener = listener(open);
        let error = fails(port, timeout, ClientOptions::default());
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert!(error.text().contains(&place), "{error}");
        assert!(error.text().contains(&says), "{error}");
        let hint = format!("port {other} accepts connections, and both must be open");
        assert!(error.text().contains(&hint), "{error}");
        drop(listener);
    }
    let error = fails(port, timeout, ClientOptions::default());
    assert!(error.text().ends_with(&place), "{error}");
}

#[test]
fn a_server_that_says_nothing_is_silent_and_not_unreachable() {
    let options = ClientOptions::default().with_connect_timeout(Duration::from_millis(300));
    // Nobody pulls: the system accepts, and no greeting comes.
    let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap();
    let place = format!("127.0.0.1:{}: silent: connected", server.port());
    // Before the first attempt is given up, and afterwards.
    for timeout in [Duration::from_millis(150), Duration::from_millis(1000)] {
        let error = fails(server.port(), timeout, options.clone());
        assert_eq!(error.kind(), ErrorKind::Silent, "{error}");
        assert!(error.text().contains(&place), "{error}");
        assert!(!error.text().contains("unreachable"), "{error}");
    }
    let asking = Asking::with(server.port(), options);
    let error = asking
        .client
        .wait_link(LinkState::Connected, Some(Duration::from_millis(150)))
        .unwrap_err();
    assert!(error.text().contains("silent"), "{error}");
    // It is served as soon as somebody pulls.
    let pulling = std::thread::spawn(move || {
        let transaction = server.next(Some(PATIENCE)).unwrap().unwrap();
        transaction.provide_zeros();
        transaction.done();
        // What it answers leaves at once; the connection may go.
        std::thread::sleep(Duration::from_millis(100));
    });
    asking.read(0, 4).unwrap();
    pulling.join().unwrap();
}

#[test]
fn a_long_way_takes_two_round_trips_and_each_access_one() {
    let served = Served::memory();
    // 1.4 s there and back, as by satellite. The time of an attempt is shorter than two round trips.
    let forwarder = Forwarder::new(served.port(), Duration::from_millis(700));
    let options = ClientOptions::default().with_connect_timeout(Duration::from_millis(2500));
    let asking = Asking::with(forwarder.port, options);
    asking.write(0x10, &[1, 2, 3, 4]).unwrap();
    // One round trip opens the connections, which a forwarder does not see: it accepts at once.
    // Both greetings go side by side, then READY on both together with the first request.
    assert_eq!(forwarder.flights(), 2);
    assert_eq!(asking.read(0x10, 4).unwrap(), [1, 2, 3, 4]);
    assert_eq!(forwarder.flights(), 3);
    assert_eq!(asking.client.stats().failed_attempts, 0);
}

/// Plays a server that sends `steps` of its handshake on both ports, a pause before each, and keeps
/// the connections. Tells how often somebody came.
fn slowly(steps: impl Fn(Role) -> Vec<Vec<u8>>, pause: Duration) -> (u16, impl Fn() -> usize) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;
    let port = free_port();
    let came = Arc::new(AtomicUsize::new(0));
    for (port, role) in [(port, Role::Pull), (port + 1, Role::Push)] {
        let (steps, came, listener) = (steps(role), Arc::clone(&came), listener(port));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (steps, mut stream) = (steps.clone(), stream.unwrap());
                came.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || {
                    for step in steps {
                        std::thread::sleep(pause);
                        if stream.write_all(&step).is_err() {
                            return;
                        }
                    }
                    let _ = stream.read_to_end(&mut Vec::new());
                });
            }
        });
    }
    (port, move || came.load(Ordering::Relaxed))
}

#[test]
fn progress_renews_the_time_of_an_attempt() {
    let limit = Duration::from_millis(600);
    let options = ClientOptions::default().with_connect_timeout(limit);
    let steps = |role| vec![greeting().to_vec(), ready(role, None)];
    let (port, came) = slowly(steps, limit * 2 / 3);
    let asking = Asking::with(port, options);
    let connected = asking
        .client
        .wait_link(LinkState::Connected, Some(PATIENCE));
    connected.unwrap();
    assert_eq!(came(), 2, "the first attempt was enough");
}

#[test]
fn a_server_that_trickles_does_not_hold_an_attempt_for_ever() {
    let limit = Duration::from_millis(300);
    let options = ClientOptions::default().with_connect_timeout(limit);
    // A byte now and then, which is no progress: the greeting alone would take 16 s.
    let steps = |_| greeting().iter().map(|&byte| vec![byte]).collect();
    let (port, _) = slowly(steps, Duration::from_millis(250));
    let begun = Instant::now();
    let asking = Asking::with(port, options);
    eventually("it gives up", || asking.client.stats().failed_attempts > 0);
    assert!(begun.elapsed() < limit * 6 + Duration::from_secs(3));
    let stream = TcpStream::connect(("127.0.0.1", port));
    assert!(stream.is_ok(), "the server is still there");
}
