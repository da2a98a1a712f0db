//! Writes of more data than the network takes at once, which are sent from the caller's memory. The
//! server is played by the test.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use rogue_memory_bridge::bus::{POST, READ, WRITE};
use rogue_memory_bridge::endpoint::LinkState;
use rogue_memory_bridge::error::ErrorKind;

use crate::common::{pattern, Asking, PATIENCE};
use crate::legacy::{read_header, response, Listening};

/// More than loopback keeps under way while nobody reads.
const SIZE: usize = 12 << 20;

/// A client, and its connections as the server has them: requests and responses.
fn connected() -> (Asking, TcpStream, TcpStream) {
    let listening = Listening::new();
    let asking = Asking::new(listening.port);
    let (requests, responses) = listening.accept();
    let (client, wanted) = (&asking.client, LinkState::Connected);
    client.wait_link(wanted, Some(PATIENCE)).unwrap();
    (asking, requests, responses)
}

/// The data of a Write whose header has been read.
fn data(requests: &mut TcpStream) -> Vec<u8> {
    // A long frame's header has nine bytes.
    let mut bytes = vec![0; 9 + SIZE];
    requests.read_exact(&mut bytes).unwrap();
    bytes.split_off(9)
}

#[test]
fn what_is_left_when_the_time_is_over_is_sent_as_it_was() {
    for kind in [WRITE, POST] {
        let (asking, mut requests, _responses) = connected();
        let mut bytes = pattern(SIZE, kind);
        let asked = bytes.clone();
        asking.master.set_timeout(Duration::from_millis(200));
        let id = asking.ask(0x10, &mut bytes, kind);
        let error = asking.master.wait(id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        // It is the caller's again.
        bytes.fill(0);
        let header = read_header(&mut requests);
        assert_eq!((header.address, header.size), (0x10, SIZE as u32));
        assert!(data(&mut requests) == asked, "not what was asked for");
    }
}

#[test]
fn a_client_is_stopped_in_the_midst_of_it() {
    for kind in [WRITE, POST] {
        let (asking, _requests, _responses) = connected();
        let mut bytes = pattern(SIZE, kind);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(100));
                asking.client.stop();
            });
            let id = asking.ask(0, &mut bytes, kind);
            let error = asking.master.wait(id).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Stopped);
        });
    }
}

#[test]
fn a_server_is_lost_in_the_midst_of_it() {
    for kind in [WRITE, POST] {
        let (asking, requests, responses) = connected();
        let mut bytes = pattern(SIZE, kind);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(100));
                drop((requests, responses));
            });
            let id = asking.ask(0, &mut bytes, kind);
            let error = asking.master.wait(id).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionLost);
        });
    }
}

#[test]
fn a_server_that_wants_its_responses_read_first_gets_that() {
    let (asking, mut requests, mut responses) = connected();
    let server = thread::spawn(move || {
        // All of the responses before any more is read.
        let reads = [(); 2].map(|()| read_header(&mut requests));
        for header in &reads {
            responses
                .write_all(&response(header, &pattern(SIZE, 1)))
                .unwrap();
        }
        let write = read_header(&mut requests);
        let bytes = data(&mut requests);
        responses.write_all(&response(&write, &[0])).unwrap();
        bytes
    });
    let (mut first, mut second) = (vec![0; SIZE], vec![0; SIZE]);
    let mut bytes = pattern(SIZE, 2);
    for memory in [&mut first, &mut second] {
        asking.ask(0, memory, READ);
    }
    asking.ask(0, &mut bytes, WRITE);
    asking.master.wait(0).unwrap();
    assert!(server.join().unwrap() == bytes);
    assert!(first == pattern(SIZE, 1) && second == first);
}
