//! Peers that speak the protocol, but do with it what no program of good will does, or give up half
//! of their connections.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use rogue_memory_bridge::bus::{Emulate, Memory, READ, VERIFY, WRITE};
use rogue_memory_bridge::endpoint::{ClientOptions, ServerOptions};
use rogue_memory_bridge::wire::{Role, PROBE};

use crate::common::{Asking, Served};
use crate::legacy::{client, flood, read_header, request, response, shake, Listening};

/// A command of 25 bytes. The answer has 23, since it brings back the longest context there can be.
const PING: &[u8] = b"\x04\x17\x04PING\x00\x000123456789abcdef";

/// More than any limit here and all that the kernel holds on the way.
const FLOOD: usize = 64 << 20;

#[test]
fn a_response_never_writes_into_the_memory_of_a_write() {
    let listening = Listening::new();
    let asking = Asking::new(listening.port);
    let mut data = vec![1; 1 << 17];
    let id = asking.ask(0, &mut data, WRITE);
    let (mut requests, mut responses) = listening.accept();
    let header = read_header(&mut requests);
    // A frame of more than 255 bytes: its flags, and its length in eight bytes.
    let mut frame = vec![0; 9 + header.size as usize];
    requests.read_exact(&mut frame).unwrap();
    // Rogue's server sends the data back; this one sends something else.
    let other = vec![0xFF; header.size as usize];
    responses.write_all(&response(&header, &other)).unwrap();
    asking.master.wait(id).unwrap();
    assert_eq!(data.iter().filter(|byte| **byte != 1).count(), 0);
}

#[test]
fn a_read_that_brings_data_is_carried_out_or_refused_and_the_server_lives() {
    let served = Served::memory();
    let (mut requests, mut responses) = client(served.port());
    for (id, kind) in [(1, READ), (2, VERIFY)] {
        let bytes = request(id, 0x100, 1000, kind, Some(&[1, 2, 3, 4]));
        requests.write_all(&bytes).unwrap();
        let header = read_header(&mut responses);
        assert_eq!((header.id, header.kind), (id, kind));
        // Either way as many bytes come as were asked for, and a result.
        let mut frame = [0; 9 + 1000];
        responses.read_exact(&mut frame).unwrap();
        assert_eq!(frame[9..], [0; 1000]);
        let mut result = [0; 2];
        responses.read_exact(&mut result).unwrap();
        let mut text = vec![0; result[1].into()];
        responses.read_exact(&mut text).unwrap();
        Asking::new(served.port()).read(0, 4).unwrap();
    }
}

#[test]
fn pings_that_are_never_read_are_bounded() {
    let options = ServerOptions::default().with_max_queued(1 << 18);
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, options);
    let asking = Asking::new(served.port()).ready();
    let (mut requests, mut responses) = client(served.port());
    assert!(flood(&mut requests, PING, FLOOD), "for requests");
    // It closes with the other.
    drop(responses);
    (requests, responses) = client(served.port());
    assert!(flood(&mut responses, PING, FLOOD), "for responses");
    drop(requests);
    asking.read(0, 4).unwrap();
}

#[test]
fn pings_that_a_server_never_reads_the_answers_to_are_bounded() {
    let options = ClientOptions::default().with_max_queued(1 << 18);
    let listening = Listening::new();
    let asking = Asking::with(listening.port, options);
    let (mut requests, _responses) = listening.accept();
    assert!(flood(&mut requests, PING, FLOOD));
    // A server that has come to its senses is asked again.
    let memory = Memory::owned(vec![0; 4]);
    let id = asking.master.request(0, memory, READ);
    let (mut requests, mut responses) = listening.accept();
    let header = read_header(&mut requests);
    responses.write_all(&response(&header, &[7; 4])).unwrap();
    asking.master.wait(id).unwrap();
}

#[test]
fn probes_that_are_never_read_are_bounded() {
    let options = ServerOptions::default().with_max_queued(1 << 18);
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, options);
    let asking = Asking::new(served.port()).ready();
    let (mut requests, _responses) = client(served.port());
    let probe = request(1, 0, 0, PROBE, None);
    assert!(flood(&mut requests, &probe, FLOOD));
    asking.read(0, 4).unwrap();
}

#[test]
fn refusals_that_are_never_read_are_bounded() {
    let options = ServerOptions::default().with_max_queued(1 << 18);
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, options);
    let asking = Asking::new(served.port()).ready();
    let (mut requests, _responses) = client(served.port());
    let unknown = request(1, 0, 4, 99, None);
    assert!(flood(&mut requests, &unknown, FLOOD));
    asking.read(0, 4).unwrap();
}

#[test]
fn a_legacy_client_that_lost_its_response_connection_goes_on_with_the_next() {
    // More than the kernel takes of a response that is not read.
    let size = 64 << 20;
    let options = ServerOptions::default()
        .with_max_transaction(size)
        .with_max_queued(1024);
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, options);
    let (mut requests, mut first) = client(served.port());
    // An answer shows that the two are a pair: the large response would not be held until then.
    requests.write_all(&request(9, 0, 4, READ, None)).unwrap();
    assert_eq!(read_header(&mut first).id, 9);
    first.read_exact(&mut [0; 10]).unwrap();
    // At one go, so that the second is there, and waits, when the first is answered.
    let both = [
        request(1, 0, size, READ, None),
        request(2, 0, 4, READ, None),
    ]
    .concat();
    requests.write_all(&both).unwrap();
    assert_eq!(read_header(&mut first).id, 1);
    let mut next = shake(served.port() + 1, Role::Pull);
    first.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_header(&mut next).id, 2);
}
