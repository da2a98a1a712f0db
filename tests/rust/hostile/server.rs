//! Attacks on a server.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{Emulate, Master, Memory, Slave};
use rogue_memory_bridge::endpoint::{serve, ClientOptions, ServerOptions, TcpClient, TcpServer};
use rogue_memory_bridge::wire::{Role, PROBE, READ, WRITE};

use crate::handshakes::{broken, unusual};
use crate::measure::{
    alone, comes_back, eventually, median, no_longer, while_flooded, When, BOUND, PATIENCE,
};
use crate::messages::{closing_requests, refused_requests};
use crate::peer::{
    client, connect, flood, handshake, header, offer, read_header, request, shake, unknown_command,
    wait_closed,
};
use crate::process::{answer, arguments, Process};

const MIB: usize = 1 << 20;
/// What may wait for one client, and for all; far less than by default, so that it is soon reached.
const MAX_QUEUED: usize = MIB;
const MAX_QUEUED_TOTAL: usize = 4 * MIB;
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// As long a client may take nothing, and a little more.
const TAKES_NOTHING: Duration = Duration::from_secs(7);

/// A client of good will.
pub struct Good {
    client: Arc<TcpClient>,
    master: Master,
}

impl Good {
    pub fn new(port: u16) -> Good {
        let client = TcpClient::new("127.0.0.1", port, ClientOptions::default()).unwrap();
        let client = Arc::new(client);
        let master = Master::new();
        master.set_slave(client.clone());
        master.set_timeout(PATIENCE);
        Good { client, master }
    }

    /// One transaction, which has to succeed.
    pub fn transact(&self) {
        let memory = Memory::owned(vec![1; 4]);
        self.master
            .wait(self.master.request(0x100, memory, WRITE))
            .unwrap();
    }

    /// Many transactions at a time, so that the server has started all the threads that it has.
    pub fn burst(&self) {
        for _ in 0..500 {
            self.master.request(0x100, Memory::owned(vec![1; 4]), WRITE);
        }
        self.master.wait(0).unwrap();
    }

    /// How often it has lost its connection.
    pub fn losses(&self) -> u64 {
        self.client.stats().losses
    }
}

/// A server under attack, and a client of good will.
struct Attacked<'a> {
    port: u16,
    what: &'static str,
    good: &'a Good,
    before: Duration,
}

impl Attacked<'_> {
    /// Checks the server while the attack goes on.
    fn meanwhile(&self) {
        no_longer(self.what, When::Meanwhile, self.before, || {
            median(|| self.good.transact())
        });
    }

    /// As [`Attacked::meanwhile`], while another thread sends by `flooding`, until told to end.
    fn while_flooded(&self, flooding: impl FnOnce(&AtomicBool) + Send) {
        while_flooded(flooding, || {
            no_longer(self.what, When::Flooded, self.before, || {
                median(|| self.good.transact())
            });
        });
    }

    /// Both ports, with the role of a client there.
    fn sides(&self) -> [(u16, Role); 2] {
        [(self.port, Role::Push), (self.port + 1, Role::Pull)]
    }
}

/// An attack: its name, the most that it may make the server hold beyond what it held, and itself.
type Attack = (&'static str, usize, fn(&Attacked));

const ATTACKS: [Attack; 17] = [
    ("broken handshakes", 2 * MIB, broken_handshakes),
    ("unusual handshakes", 2 * MIB, unusual_handshakes),
    ("handshakes byte by byte", 2 * MIB, byte_by_byte),
    ("handshakes cut off", 2 * MIB, cut_off_handshakes),
    ("requests that are none", 2 * MIB, requests_that_are_none),
    ("requests to be refused", 4 * MIB, requests_to_be_refused),
    ("requests cut off", 2 * MIB, cut_off_requests),
    ("a million empty frames", 2 * MIB, empty_frames),
    ("commands without end", 2 * MIB, commands),
    ("pings never read", 4 * MIB, pings_never_read),
    ("messages on the response connection", 2 * MIB, wrong_side),
    (
        "requests without a response connection",
        4 * MIB,
        no_responses,
    ),
    ("connections that come and go", 4 * MIB, come_and_go),
    // Beyond what may be held for all: what each connection takes, and what a good client does.
    ("reads never read", MAX_QUEUED_TOTAL + MIB, never_reads),
    (
        "reads read a byte at a time",
        MAX_QUEUED_TOTAL + MIB,
        reads_bytes,
    ),
    ("answers never read", 4 * MIB, refusals_never_read),
    // One of 16 MiB, which is more than there may be and moved while it grows; the others wait.
    ("large writes never finished", 40 * MIB, unfinished_writes),
];

#[test]
fn a_server_stands_up_to_every_attack() {
    let _alone = alone();
    let mut process = Process::run("server::a_server_in_a_process", "");
    let port = process.first.parse().unwrap();
    let good = Good::new(port);
    good.burst();
    let mut before = Duration::MAX;
    (0..3).for_each(|_| before = before.min(median(|| good.transact())));
    let at_first = process.held();
    for (what, most, attack) in ATTACKS {
        let begun = Instant::now();
        let held = process.held();
        let attacked = Attacked {
            port,
            what,
            good: &good,
            before,
        };
        attack(&attacked);
        let during = process.held();
        let beyond = during.most.saturating_sub(held.bytes);
        assert!(beyond <= most, "{what}: {beyond} bytes at a time");
        comes_back(what, &mut process, held, BOUND);
        no_longer(what, When::Afterwards, before, || {
            median(|| good.transact())
        });
        // Somebody who comes now is served as well.
        Good::new(port).transact();
        println!("{what}: {beyond} bytes, {:?}", begun.elapsed());
    }
    comes_back("all of them", &mut process, at_first, BOUND);
    println!("{at_first:?}, then {:?}", process.held());
    assert_eq!(good.losses(), 0);
    process.finish();
}

#[test]
#[ignore = "run by the tests that attack it, in a process of its own"]
fn a_server_in_a_process() {
    let options = ServerOptions::default()
        .with_max_queued(MAX_QUEUED)
        .with_max_queued_total(MAX_QUEUED_TOTAL)
        .with_keep_alive(KEEP_ALIVE)
        .with_max_connections(arguments()[0].parse().unwrap_or(4096))
        .with_max_clients_per_address(usize::MAX);
    crate::crowd::take_all_descriptors();
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, options).unwrap());
    let memory: Arc<dyn Slave> = Arc::new(Emulate::new(1, 0));
    let mut thread = serve(Arc::clone(&server), move || Arc::clone(&memory)).unwrap();
    rogue_memory_bridge::log::set_emit_stdout(false);
    let port = server.port().to_string();
    let connections = || server.stats().connections.to_string();
    answer(&port, |_| connections());
    server.stop();
    thread.join();
}

#[test]
fn a_maximum_that_is_raised_holds_for_connections_that_come_afterwards() {
    let _alone = alone();
    let mut options = ServerOptions::default().with_max_transaction(2);
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, options.clone()).unwrap());
    let memory: Arc<dyn Slave> = Arc::new(Emulate::new(1, 0));
    let mut thread = serve(Arc::clone(&server), move || Arc::clone(&memory)).unwrap();
    let (mut requests, mut responses) = client(server.port());
    requests
        .write_all(&request(&header(1, 0, PROBE), None))
        .unwrap();
    assert_eq!(read_header(&mut responses).unwrap().id, 1);
    options.max_transaction = 1000;
    server.set_options(&options);
    // A register, and more: what the connection passes over does not reach the slave as nothing.
    for (id, size) in [(2, 4), (3, 100)] {
        let bytes = request(&header(id, size, WRITE), Some(&vec![1; size as usize]));
        requests.write_all(&bytes).unwrap();
        // What the response before had behind its header: a frame of data, and the result.
        let mut rest = [0; 64];
        let count = std::io::Read::read(&mut responses, &mut rest).unwrap();
        assert!(count > 0);
        let text = b"above the maximum that the connection was made with";
        let mut all = rest[..count].to_vec();
        while !all.windows(text.len()).any(|bytes| bytes == text) {
            let count = std::io::Read::read(&mut responses, &mut rest).unwrap();
            assert!(count > 0);
            all.extend_from_slice(&rest[..count]);
        }
    }
    Good::new(server.port()).transact();
    server.stop();
    thread.join();
}

fn broken_handshakes(attacked: &Attacked) {
    for (port, role) in attacked.sides() {
        for (name, bytes) in broken(role) {
            let mut stream = connect(port);
            offer(&mut stream, &bytes);
            wait_closed(&name, &mut stream);
            attacked.good.transact();
        }
    }
}

fn unusual_handshakes(attacked: &Attacked) {
    for (name, bytes) in unusual(Role::Pull) {
        let mut responses = connect(attacked.port + 1);
        offer(&mut responses, &bytes);
        let mut requests = connect(attacked.port);
        let other = unusual(Role::Push).into_iter().find(|(n, _)| *n == name);
        offer(&mut requests, &other.unwrap().1);
        asks_once(&name, requests, responses);
    }
}

/// A client that has sent its handshakes gets an answer.
fn asks_once(name: &str, mut requests: TcpStream, mut responses: TcpStream) {
    let mut greeted = vec![0; handshake(Role::Push).len()];
    std::io::Read::read_exact(&mut responses, &mut greeted).expect(name);
    assert!(
        offer(&mut requests, &request(&header(3, 4, READ), None)),
        "{name}"
    );
    assert_eq!(read_header(&mut responses).expect(name).id, 3, "{name}");
}

fn byte_by_byte(attacked: &Attacked) {
    let mut streams = Vec::new();
    for (port, role) in attacked.sides() {
        let mut stream = connect(port);
        for byte in handshake(role) {
            stream.write_all(&[byte]).unwrap();
            attacked.good.transact();
        }
        streams.push(stream);
    }
    attacked.meanwhile();
    let responses = streams.pop().unwrap();
    asks_once("byte by byte", streams.pop().unwrap(), responses);
}

fn cut_off_handshakes(attacked: &Attacked) {
    for (port, role) in attacked.sides() {
        let whole = handshake(role);
        let mut streams: Vec<_> = (0..whole.len())
            .map(|length| {
                let mut stream = connect(port);
                stream.write_all(&whole[..length]).unwrap();
                stream
            })
            .collect();
        attacked.meanwhile();
        for stream in &mut streams {
            stream.shutdown(Shutdown::Write).unwrap();
            wait_closed("a handshake cut off", stream);
        }
    }
}

fn requests_that_are_none(attacked: &Attacked) {
    for (name, bytes) in closing_requests() {
        let mut requests = shake(attacked.port, Role::Push);
        offer(&mut requests, &bytes);
        wait_closed(&name, &mut requests);
        attacked.good.transact();
    }
}

fn requests_to_be_refused(attacked: &Attacked) {
    let (mut requests, mut responses) = client(attacked.port);
    for (name, bytes) in refused_requests() {
        requests.write_all(&bytes).expect(&name);
        attacked.good.transact();
    }
    // Its answers are there, and it is served.
    requests
        .write_all(&request(&header(1000, 0, PROBE), None))
        .unwrap();
    let mut tail = Vec::new();
    let probe = 1000u32.to_le_bytes();
    eventually("the probe is answered", || {
        let mut piece = [0; 65536];
        let count = std::io::Read::read(&mut responses, &mut piece).unwrap();
        assert!(count > 0, "it was closed");
        tail.extend_from_slice(&piece[..count]);
        let answered = tail
            .windows(6)
            .any(|bytes| bytes == [&[1, 4], &probe[..]].concat());
        tail.drain(..tail.len().saturating_sub(64));
        answered
    });
}

fn cut_off_requests(attacked: &Attacked) {
    let whole = request(&header(1, 40, WRITE), Some(&[7; 40]));
    for length in 1..whole.len() {
        let (mut requests, mut responses) = client(attacked.port);
        requests.write_all(&whole[..length]).unwrap();
        requests.shutdown(Shutdown::Both).unwrap();
        responses.shutdown(Shutdown::Write).unwrap();
        wait_closed("the other connection", &mut responses);
        attacked.good.transact();
    }
}

fn empty_frames(attacked: &Attacked) {
    let mut requests = shake(attacked.port, Role::Push);
    // Two bytes each.
    flood(&mut requests, &[1, 0], 2_000_000);
    wait_closed("a million empty frames", &mut requests);
    // And before the handshake is over.
    let mut requests = connect(attacked.port);
    requests.write_all(&handshake(Role::Push)[..64]).unwrap();
    flood(&mut requests, &[1, 0], 2_000_000);
    wait_closed("a million empty frames before READY", &mut requests);
}

fn commands(attacked: &Attacked) {
    let (mut requests, mut responses) = client(attacked.port);
    // A command that nobody knows and that needs no answer is passed over.
    let unknown = unknown_command();
    for stream in [&mut requests, &mut responses] {
        attacked.while_flooded(|over| {
            while !over.load(Ordering::Relaxed) {
                assert!(flood(stream, &unknown, 8 * MIB), "it was closed");
            }
        });
    }
    assert!(offer(&mut requests, &request(&header(1, 0, PROBE), None)));
    assert_eq!(read_header(&mut responses).unwrap().id, 1);
}

/// A PING, of which the answer is nearly as long.
const PING: &[u8] = b"\x04\x17\x04PING\x00\x000123456789abcdef";

fn pings_never_read(attacked: &Attacked) {
    for (port, role) in attacked.sides() {
        let mut stream = shake(port, role);
        attacked.while_flooded(|_| {
            assert!(!flood(&mut stream, PING, 64 * MIB), "it was closed");
        });
    }
}

fn wrong_side(attacked: &Attacked) {
    let bytes = request(&header(1, 4, READ), None);
    let mut responses = shake(attacked.port + 1, Role::Pull);
    offer(&mut responses, &bytes);
    wait_closed("a request on the response connection", &mut responses);
}

fn no_responses(attacked: &Attacked) {
    let mut requests = shake(attacked.port, Role::Push);
    let bytes = request(&header(1, 1 << 16, READ), None);
    attacked.while_flooded(|over| {
        while !over.load(Ordering::Relaxed) {
            requests.write_all(&bytes).unwrap();
        }
    });
}

fn come_and_go(attacked: &Attacked) {
    attacked.while_flooded(|over| {
        let mut count = 0;
        while count < 200 || !over.load(Ordering::Relaxed) {
            count += 1;
            drop(connect(attacked.port));
            drop(connect(attacked.port + 1));
            let (mut requests, _responses) = client(attacked.port);
            requests
                .write_all(&request(&header(1, 4096, READ), None))
                .unwrap();
        }
    });
}

/// Clients that ask for far more than may wait, and read none of it.
fn greedy(port: u16) -> Vec<(TcpStream, TcpStream)> {
    let bytes = request(&header(1, 1 << 18, READ), None);
    let clients = (0..6).map(|_| {
        let (mut requests, responses) = client(port);
        (0..100).for_each(|_| requests.write_all(&bytes).unwrap());
        (requests, responses)
    });
    clients.collect()
}

fn never_reads(attacked: &Attacked) {
    let mut clients = greedy(attacked.port);
    attacked.meanwhile();
    let begun = Instant::now();
    while begun.elapsed() < TAKES_NOTHING {
        attacked.good.transact();
    }
    attacked.meanwhile();
    for (_, responses) in &mut clients {
        // What the kernel holds is still there to be read.
        wait_closed("it never reads", responses);
    }
}

fn reads_bytes(attacked: &Attacked) {
    let mut clients = greedy(attacked.port);
    let begun = Instant::now();
    while begun.elapsed() < 2 * KEEP_ALIVE {
        // So little that the kernel has no room for more: to the server it is as if it never read.
        for (_, responses) in &mut clients {
            std::io::Read::read_exact(responses, &mut [0]).unwrap();
        }
        let next = Instant::now() + Duration::from_millis(500);
        while Instant::now() < next {
            attacked.good.transact();
        }
    }
    attacked.meanwhile();
}

fn refusals_never_read(attacked: &Attacked) {
    for bytes in [
        request(&header(1, 0, PROBE), None),
        request(&header(1, 4, 99), None),
    ] {
        let (mut requests, _responses) = client(attacked.port);
        attacked.while_flooded(|_| {
            assert!(!flood(&mut requests, &bytes, 64 * MIB), "it was closed");
        });
    }
}

fn unfinished_writes(attacked: &Attacked) {
    let size = 16 * MIB as u32;
    let data = vec![1; size as usize];
    let bytes = request(&header(1, size, WRITE), Some(&data));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (mut requests, responses) = client(attacked.port);
            requests.write_all(&bytes[..bytes.len() - 1]).unwrap();
            (requests, responses)
        })
        .collect();
    attacked.meanwhile();
    drop(clients);
}
