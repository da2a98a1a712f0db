//! Links that show nothing wrong, while nothing comes: who is given up, and who is not.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{Emulate, READ};
use rogue_memory_bridge::endpoint::{ClientOptions, ServerOptions, TcpServer};
use rogue_memory_bridge::error::ErrorKind;
use rogue_memory_bridge::wire::{greeting, ping, ready, Role};

use crate::common::{free_port, Asking, Keeper, Served, PATIENCE};
use crate::forwarder::Forwarder;
use crate::legacy::read_header;

/// A client that looks after a second whether its server is there, and asks with little patience.
fn hasty(port: u16) -> Asking {
    let options = ClientOptions::default().with_keep_alive(Duration::from_secs(1));
    let asking = Asking::with(port, options).ready();
    asking.master.set_timeout(Duration::from_millis(300));
    asking
}

#[test]
fn a_forwarder_that_outlives_its_server_does_not_hold_a_client_for_ever() {
    let memory = Arc::new(Emulate::new(1, 0));
    let mut served = Served::new(memory.clone());
    let port = served.port();
    let forwarder = Forwarder::new(port, Duration::ZERO);
    let asking = hasty(forwarder.port);
    served.stop();
    let error = asking.read(0, 4).unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Timeout,
        "TCP shows nothing: {error}"
    );
    let served = Served::with(memory, port, ServerOptions::default());
    let end = Instant::now() + PATIENCE;
    let mut said = String::new();
    while let Err(error) = asking.read(0, 4) {
        assert!(Instant::now() < end, "it never comes back: {error}");
        said.push_str(error.text());
    }
    assert!(said.contains("has not answered a ping"), "{said}");
    assert!(
        said.contains("connection lost, no answer to a ping"),
        "{said}"
    );
    assert_eq!(asking.client.stats().losses, 1);
    drop(served);
}

#[test]
fn a_server_from_which_nobody_pulls_is_not_given_up() {
    let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap();
    let pull = |time: Duration| {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            if let Some(transaction) = server.next(Some(left)).unwrap() {
                transaction.provide_zeros();
                transaction.done();
            }
        }
    };
    let asking = std::thread::scope(|scope| {
        scope.spawn(|| pull(Duration::from_secs(1)));
        hasty(server.port())
    });
    let mut said = String::new();
    for _ in 0..16 {
        let error = asking.read(0, 4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        said = error.text().to_owned();
    }
    // It knows no better, and waits.
    assert!(
        said.ends_with("is connected, but has not answered a ping)"),
        "{said}"
    );
    std::thread::scope(|scope| {
        scope.spawn(|| pull(Duration::from_secs(3)));
        asking.master.set_timeout(PATIENCE);
        asking.read(0, 4).unwrap();
        // Long enough for a verdict, had there been one under way.
        std::thread::sleep(Duration::from_millis(1500));
        asking.master.set_timeout(Duration::from_millis(300));
        asking.read(0, 4).unwrap();
    });
    assert_eq!(asking.client.stats().losses, 0);
}

#[test]
fn a_server_that_has_yet_to_read_the_ping_is_not_given_up() {
    // It pulls, and greets whoever comes; but it leaves off reading this client, whose requests wait
    // for a slave that takes its time.
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    let asking = hasty(served.port());
    let mut words = [[0; 4]; 200];
    for word in &mut words {
        asking.ask(0, word, READ);
    }
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        let error = asking.read(0, 4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    }
    assert_eq!(asking.client.stats().losses, 0);
    drop(asking.master.wait(0));
}

#[test]
fn only_peers_that_know_ping_are_sent_one() {
    for (minor, pinged) in [(0, false), (1, true)] {
        let port = free_port();
        let ports = [(port, Role::Pull), (port + 1, Role::Push)];
        let listeners =
            ports.map(|(port, role)| (TcpListener::bind(("127.0.0.1", port)).unwrap(), role));
        let server = std::thread::spawn(move || {
            let [requests, _responses] = listeners.map(|(listener, role)| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut hello = greeting();
                hello[11] = minor;
                stream.write_all(&hello).unwrap();
                stream.write_all(&ready(role, None)).unwrap();
                // The greeting, then READY, whose second byte is its length.
                let mut start = [0; 66];
                stream.read_exact(&mut start).unwrap();
                stream.read_exact(&mut vec![0; start[65].into()]).unwrap();
                stream
            });
            let mut requests = requests;
            read_header(&mut requests);
            let limit = if pinged {
                PATIENCE
            } else {
                Duration::from_secs(2)
            };
            requests.set_read_timeout(Some(limit)).unwrap();
            let mut came = ping();
            came.fill(0);
            requests.read_exact(&mut came).map(|()| came).ok()
        });
        let asking = Asking::new(port);
        asking.master.set_timeout(Duration::from_millis(200));
        let error = asking.read(0, 4).unwrap_err();
        assert!(error.text().contains("is connected)"), "{error}");
        let came = server.join().unwrap();
        assert_eq!(came, pinged.then(ping), "ZMTP 3.{minor}");
    }
}
