//! Peers that do not speak the protocol, or stop half-way, beside one that does.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::Emulate;
use rogue_memory_bridge::endpoint::ServerOptions;
use rogue_memory_bridge::error::ErrorKind;
use rogue_memory_bridge::wire::{greeting, ready, Role, READ, VERIFY, WRITE};

use crate::common::{eventually, Asking, Served};
use crate::legacy::{client, connect, is_closed, request, shake};

#[test]
fn garbage_closes_its_own_connection_and_no_other() {
    let served = Served::memory();
    let asking = Asking::new(served.port()).ready();
    for (n, garbage) in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xFF; 200],
        &[0; 200],
        &greeting()[..63],
        &[greeting().as_slice(), &[0x04, 0xFF]].concat(),
        &[greeting().as_slice(), &ready(Role::Pull, None)].concat(),
        &[
            greeting().as_slice(),
            &[0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        ]
        .concat(),
    ]
    .iter()
    .enumerate()
    {
        let mut stream = connect(served.port());
        stream.write_all(garbage).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert!(is_closed(stream), "garbage {n}");
        asking.write(n as u64, &[1]).unwrap();
    }
}

#[test]
fn row_23_a_message_of_many_frames_closes_its_connection() {
    let served = Served::memory();
    let asking = Asking::new(served.port()).ready();
    let mut stream = shake(served.port(), Role::Push);
    stream.write_all(&[1, 0].repeat(1000)).unwrap();
    assert!(is_closed(stream));
    asking.read(0, 4).unwrap();
}

#[test]
fn row_21_a_connection_without_a_handshake_is_closed() {
    let options = ServerOptions::default().with_handshake_timeout(Duration::from_millis(100));
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, options);
    for port in [served.port(), served.port() + 1] {
        assert!(is_closed(connect(port)));
        let mut half = connect(port);
        half.write_all(&greeting()[..20]).unwrap();
        assert!(is_closed(half));
    }
    Asking::new(served.port()).read(0, 4).unwrap();
}

#[test]
fn a_legacy_client_is_served_byte_by_byte() {
    let served = Served::memory();
    let (mut requests, mut responses) = client(served.port());
    let mut bytes = request(1, 0x10, 4, WRITE, Some(&[1, 2, 3, 4]));
    bytes.extend(request(2, 0x10, 4, READ, None));
    bytes.extend(request(3, 0x11, 2, VERIFY, None));
    for byte in bytes {
        requests.write_all(&[byte]).unwrap();
    }
    let expected: Vec<u8> = [
        // id, address, size, type; data; result. The data of a response to a Write is one byte, since
        // Rogue before 6.8.5 does not count an empty frame.
        &[
            1, 4, 1, 0, 0, 0, 1, 8, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 4, 4, 0, 0, 0, 1, 4, 2, 0, 0, 0,
        ][..],
        &[1, 1, 0, 0, 2, b'O', b'K'],
        &[
            1, 4, 2, 0, 0, 0, 1, 8, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 4, 4, 0, 0, 0, 1, 4, 1, 0, 0, 0,
        ],
        &[1, 4, 1, 2, 3, 4, 0, 2, b'O', b'K'],
        &[
            1, 4, 3, 0, 0, 0, 1, 8, 0x11, 0, 0, 0, 0, 0, 0, 0, 1, 4, 2, 0, 0, 0, 1, 4, 4, 0, 0, 0,
        ],
        &[1, 2, 2, 3, 0, 2, b'O', b'K'],
    ]
    .concat();
    let mut got = vec![0; expected.len()];
    responses.read_exact(&mut got).unwrap();
    assert_eq!(got, expected);
}

#[test]
fn a_legacy_client_that_is_refused_gets_the_text_and_as_many_bytes_as_it_asked_for() {
    let served = Served::with(Arc::new(Emulate::new(4, 8)), 0, ServerOptions::default());
    let (mut requests, mut responses) = client(served.port());
    requests.write_all(&request(9, 0, 12, READ, None)).unwrap();
    let text = b"Size 12 is above the slave's maximum access of 8 bytes";
    let head = [
        1, 4, 9, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 12, 0, 0, 0, 1, 4, 1, 0, 0, 0,
    ];
    let mut expected = head.to_vec();
    expected.extend([1, 12]);
    expected.extend([0; 12]);
    expected.extend([0, text.len() as u8]);
    expected.extend(text);
    let mut got = vec![0; expected.len()];
    responses.read_exact(&mut got).unwrap();
    assert_eq!(got, expected);
}

#[test]
fn row_22_a_response_is_never_given_to_another_client() {
    let keeper = crate::common::Keeper::new();
    let served = Served::new(keeper.clone());
    let (mut requests, responses) = client(served.port());
    requests.write_all(&request(1, 0, 4, READ, None)).unwrap();
    let kept = keeper.take(1);
    drop((requests, responses));
    // It has gone; the next one comes from the same address, and asks with the same id.
    std::thread::sleep(Duration::from_millis(50));
    let (mut requests, mut responses) = client(served.port());
    // The slave sees that it is over; it may not look.
    assert!(kept[0].lock().bytes().is_none());
    assert!(!kept[0].done());
    requests.write_all(&request(1, 0, 4, READ, None)).unwrap();
    let kept = keeper.take(1);
    kept[0].lock().bytes_mut().unwrap().fill(0x60);
    kept[0].done();
    let mut got = [0; 38];
    responses.read_exact(&mut got).unwrap();
    assert_eq!(got[30..34], [0x60; 4]);
}

#[test]
fn row_24_a_client_that_never_reads_is_bounded_and_closed() {
    let options = ServerOptions::default()
        .with_max_queued(4 << 20)
        .with_keep_alive(Duration::from_secs(1));
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, options);
    let (mut requests, responses) = client(served.port());
    for id in 0..2000 {
        if requests
            .write_all(&request(id, 0, 1 << 20, READ, None))
            .is_err()
        {
            break;
        }
    }
    let before = resident();
    // Row 20: the others go on meanwhile.
    let asking = Asking::new(served.port());
    let end = Instant::now() + Duration::from_millis(1500);
    let mut most = 0;
    while Instant::now() < end {
        asking.write(0, &[1, 2, 3, 4]).unwrap();
        most = most.max(resident());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        most < before + (200 << 20),
        "{before} bytes before, {most} at most"
    );
    eventually("it is dropped", || {
        served.server.stats().dropped.not_reading == 1
    });
    // What the kernel holds for it can still be read; then it is over.
    assert!(is_closed(responses));
}

/// Bytes of memory that the process holds; 0 where that is not told.
fn resident() -> usize {
    let Ok(text) = std::fs::read_to_string("/proc/self/statm") else {
        return 0;
    };
    let pages = text
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

#[test]
fn a_client_refuses_what_is_not_a_server_and_goes_on_trying() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // The port after it, where the client looks for responses; taken by somebody else: try again.
    let Ok(second) = std::net::TcpListener::bind(("127.0.0.1", port + 1)) else {
        return a_client_refuses_what_is_not_a_server_and_goes_on_trying();
    };
    let answering = std::thread::spawn(move || {
        let mut attempts = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = second.accept().unwrap();
            stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
            attempts.push(stream);
        }
        // Kept open: a port that is closed would be another error.
        (attempts.len(), second)
    });
    let asking = Asking::new(port);
    asking.master.set_timeout(Duration::from_millis(500));
    let error = asking.read(0, 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(
        error.text().contains("not a server of the bridge"),
        "{error}"
    );
    eventually("it tries again", || answering.is_finished());
    assert_eq!(answering.join().unwrap().0, 2);
    drop(listener);
}
