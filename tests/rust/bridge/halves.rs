//! Row 29 at a server: legacy clients that come from several addresses, lose one of their two
//! connections, or bring one only. None gets responses that are another's.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::READ;
use rogue_memory_bridge::wire::{greeting, ready, Role};
use socket2::{Domain, Socket, Type};

use crate::common::{eventually, Served, PATIENCE};
use crate::legacy::{is_closed, read_header, request};

/// Longer than a server takes to pair connections that nothing better comes for.
const SETTLED: Duration = Duration::from_millis(800);

/// A connection from 127.0.0.`host`, with a legacy client's handshake.
fn half(served: &Served, host: u8, role: Role) -> TcpStream {
    let port = served.port() + u16::from(role == Role::Pull);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0));
    socket.bind(&from.into()).unwrap();
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    socket.connect(&to.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&greeting()).unwrap();
    stream.write_all(&ready(role, None)).unwrap();
    let mut answer = vec![0; 64 + ready(role.peer(), None).len()];
    stream.read_exact(&mut answer).unwrap();
    stream
}

fn pull(served: &Served, host: u8) -> TcpStream {
    half(served, host, Role::Pull)
}

fn push(served: &Served, host: u8) -> TcpStream {
    half(served, host, Role::Push)
}

/// Asks for a word, without waiting for it.
fn ask(requests: &mut TcpStream, id: u32) {
    requests.write_all(&request(id, 0, 4, READ, None)).unwrap();
}

/// Takes one response.
fn answer(responses: &mut TcpStream) -> u32 {
    let id = read_header(responses).id;
    // Four bytes of data, and "OK".
    responses.read_exact(&mut [0; 10]).unwrap();
    id
}

/// Whether nothing comes for a while, though the connection is up.
fn is_quiet(stream: &mut TcpStream, time: Duration) -> bool {
    stream.set_read_timeout(Some(time)).unwrap();
    let read = stream.read(&mut [0; 1]);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    matches!(read, Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

#[test]
fn row_29_two_clients_that_lose_one_half_each_do_not_get_each_others_responses() {
    let served = Served::memory();
    let (lost, mut one) = (pull(&served, 2), push(&served, 2));
    let (mut other, lost_too) = (pull(&served, 3), push(&served, 3));
    ask(&mut one, 1);
    std::thread::sleep(Duration::from_millis(100));
    drop((lost, lost_too));
    std::thread::sleep(SETTLED);
    ask(&mut one, 2);
    assert!(is_quiet(&mut other, SETTLED), "another client's response");
    // They come back, and go on.
    let (mut back, mut back_too) = (pull(&served, 2), push(&served, 3));
    ask(&mut one, 3);
    ask(&mut back_too, 7);
    assert_eq!(answer(&mut other), 7);
    // What was asked for when there was nobody to tell may be gone.
    while answer(&mut back) != 3 {}
}

#[test]
fn row_29_a_parked_connection_gets_nothing_of_the_next_client() {
    for first in [Role::Push, Role::Pull] {
        let served = Served::memory();
        let mut parked = pull(&served, 1);
        std::thread::sleep(Duration::from_millis(300));
        let one = half(&served, 1, first);
        let other = half(&served, 1, first.peer());
        let (mut requests, mut responses) = match first {
            Role::Push => (one, other),
            Role::Pull => (other, one),
        };
        for id in 0..100 {
            ask(&mut requests, id);
            assert_eq!(answer(&mut responses), id);
        }
        assert!(is_quiet(&mut parked, SETTLED), "another client's response");
    }
}

#[test]
fn a_client_behind_two_tunnels_is_served_and_comes_anew_when_it_loses_one() {
    let served = Served::memory();
    for round in 0..2 {
        let began = Instant::now();
        let (mut responses, mut requests) = (pull(&served, 2), push(&served, 3));
        ask(&mut requests, round);
        assert_eq!(answer(&mut responses), round);
        // Not before something better could have come, and in time for a Rogue client: within 1 s.
        assert!(began.elapsed() >= Duration::from_millis(500));
        if round == 0 {
            drop(responses);
            assert!(is_closed(requests), "it would have no partner again");
        } else {
            drop(requests);
            assert!(is_closed(responses), "it would have no partner again");
        }
    }
}

#[test]
fn the_other_connection_of_a_client_takes_the_place_of_a_stranger() {
    let served = Served::memory();
    let (stranger, mut requests) = (pull(&served, 2), push(&served, 3));
    std::thread::sleep(SETTLED);
    let mut responses = pull(&served, 3);
    ask(&mut requests, 5);
    assert_eq!(answer(&mut responses), 5);
    assert!(is_closed(stranger));

    let (mut responses, stranger) = (pull(&served, 4), push(&served, 5));
    std::thread::sleep(SETTLED);
    let mut requests = push(&served, 4);
    ask(&mut requests, 6);
    assert_eq!(answer(&mut responses), 6);
    assert!(is_closed(stranger));
}

#[test]
fn what_waits_in_a_connection_is_not_left_to_the_next_client() {
    let served = Served::memory();
    let (responses, mut stranger) = (pull(&served, 6), push(&served, 7));
    std::thread::sleep(SETTLED);
    // More than the sockets hold; nobody reads it.
    for id in 0..24 {
        let bytes = request(id, 0, 1 << 20, READ, None);
        stranger.write_all(&bytes).unwrap();
    }
    eventually("responses wait", || served.server.stats().bytes_queued > 0);
    let mut requests = push(&served, 6);
    assert!(is_closed(stranger));
    assert!(is_closed(responses), "with the stranger's responses");
    // It comes anew, as libzmq does.
    let mut responses = pull(&served, 6);
    ask(&mut requests, 99);
    assert_eq!(answer(&mut responses), 99);
}
