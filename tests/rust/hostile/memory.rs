//! What a server holds in memory for many greedy clients, as the system counts it, and that it goes
//! back to the system afterwards.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{Kind, Slave, SlaveBase, Transaction, READ};
use rogue_memory_bridge::endpoint::{serve, ServerOptions, TcpServer};
use rogue_memory_bridge::wire::{Role, WRITE};

use crate::measure::{alone, PATIENCE};
use crate::peer::{client, header, request, shake};
use crate::process::{answer, Process};
use crate::server::Good;

const MIB: usize = 1 << 20;
/// What may be held for all clients.
const TOTAL: usize = 160 * MIB;
/// Beyond that: what is freed and not used again at once, and what the connections take.
const BEYOND: usize = 40 * MIB;
/// What may stay of it when the clients have gone: of each thread's memory glibc keeps as much of the
/// end as two of the largest blocks that there were.
const STAYS: usize = 40 * MIB;
const CLIENTS: usize = 100;

/// A slave whose reads have bytes that have to be in memory.
struct Full(SlaveBase);

impl Slave for Full {
    fn do_transaction(&self, transaction: Transaction) {
        if transaction.kind() == Kind::Read {
            if let Some(bytes) = transaction.lock().bytes_mut() {
                bytes.fill(7);
            }
        }
        transaction.done();
    }

    fn base(&self) -> &SlaveBase {
        &self.0
    }
}

#[test]
#[ignore = "run by the tests that fill it, in a process of its own"]
fn a_small_server_in_a_process() {
    crate::crowd::take_all_descriptors();
    let options = ServerOptions::default()
        .with_max_queued_total(TOTAL)
        // None is closed for not reading while this goes on.
        .with_keep_alive(Duration::from_secs(60));
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, options).unwrap());
    let slave: Arc<dyn Slave> = Arc::new(Full(SlaveBase::new(1, 0)));
    let mut thread = serve(Arc::clone(&server), move || Arc::clone(&slave)).unwrap();
    rogue_memory_bridge::log::set_emit_stdout(false);
    answer(&server.port().to_string(), |words| match words {
        ["dropped"] => server.stats().dropped.not_reading.to_string(),
        _ => resident().to_string(),
    });
    server.stop();
    thread.join();
}

/// Bytes of memory that this process has, as the system counts them.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// A server, what it had at first, and the most that it has had.
struct Watched {
    process: Process,
    port: u16,
    before: usize,
    most: usize,
}

impl Watched {
    fn new() -> Watched {
        let mut process = Process::run("memory::a_small_server_in_a_process", "");
        let port = process.first.parse().unwrap();
        let good = Good::new(port);
        good.burst();
        let before = process.ask("resident").parse().unwrap();
        Watched {
            process,
            port,
            before,
            most: 0,
        }
    }

    fn look(&mut self) -> usize {
        let now = self.process.ask("resident").parse::<usize>().unwrap();
        let now = now.saturating_sub(self.before);
        self.most = self.most.max(now);
        now
    }

    /// Looks for as long as `time`, and until much is held, while a client of good will is at work.
    fn work(&mut self, time: Duration) {
        let good = Good::new(self.port);
        let begun = Instant::now();
        let little = |most| most <= TOTAL / 2 && begun.elapsed() < PATIENCE;
        while begun.elapsed() < time || little(self.most) {
            good.transact();
            self.look();
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(good.losses(), 0);
    }

    /// `clients` go: what was held for them goes back to the system.
    fn leave<T>(mut self, what: &str, clients: T) {
        let most = self.most;
        assert!(most < TOTAL + BEYOND, "{what}: {most} bytes at a time");
        assert!(most > TOTAL / 2, "{what}: only {most} bytes");
        drop(clients);
        let end = Instant::now() + PATIENCE;
        // It is given back while somebody is at work, too.
        let good = Good::new(self.port);
        while self.look() > STAYS {
            let now = self.look();
            assert!(Instant::now() < end, "{what}: {most} bytes, then {now}");
            good.transact();
            std::thread::sleep(Duration::from_millis(20));
        }
        let stays = self.look();
        println!("{what}: {most} bytes at most, then {stays}");
        self.process.finish();
    }
}

/// A client that asks for `count` blocks of `size` bytes and reads none of them.
fn ask(requests: &mut TcpStream, size: usize, count: u32) {
    for id in 0..count {
        let bytes = request(&header(id, size as u32, READ), None);
        requests.write_all(&bytes).unwrap();
    }
}

#[test]
fn row_24_clients_that_read_nothing_are_bounded_together_and_their_memory_goes_back() {
    let _alone = alone();
    for size in [16 * MIB, 1 << 16] {
        let mut watched = Watched::new();
        let all: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (mut requests, responses) = client(watched.port);
                ask(&mut requests, size, 1 + (32 * MIB / size) as u32);
                (requests, responses)
            })
            .collect();
        watched.work(Duration::from_secs(2));
        watched.leave(&format!("blocks of {size}"), all);
    }
}

#[test]
fn row_24_clients_without_a_response_connection_are_bounded_together() {
    let _alone = alone();
    let mut watched = Watched::new();
    let mut all: Vec<_> = (0..CLIENTS)
        .map(|_| shake(watched.port, Role::Push))
        .collect();
    for _ in 0..3 {
        for requests in &mut all {
            ask(requests, 16 * MIB, 1);
        }
        watched.work(Duration::from_millis(800));
    }
    watched.leave("no response connection", all);
}

#[test]
fn row_24_writes_that_never_end_are_bounded_together() {
    let _alone = alone();
    let mut watched = Watched::new();
    let port = watched.port;
    let data = vec![1; 16 * MIB];
    let bytes = request(&header(1, data.len() as u32, WRITE), Some(&data));
    let part = &bytes[..bytes.len() - 1];
    let all: Vec<_> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..12)
            .map(|_| {
                let pair = client(port);
                scope.spawn(move || {
                    let mut requests = &pair.0;
                    requests
                        .set_write_timeout(Some(Duration::from_secs(3)))
                        .unwrap();
                    // Some have to wait, and are stopped half-way: there is no more room.
                    let _ = requests.write_all(part);
                    pair
                })
            })
            .collect();
        watched.work(Duration::from_secs(2));
        senders
            .into_iter()
            .map(|sender| sender.join().unwrap())
            .collect()
    });
    // A large write of good will gets its room in the end.
    let (mut requests, mut responses) = client(port);
    requests.write_all(&bytes).unwrap();
    assert_eq!(crate::peer::read_header(&mut responses).unwrap().id, 1);
    let dropped: u64 = watched.process.ask("dropped").parse().unwrap();
    assert!(dropped > 0, "some were closed");
    watched.leave("writes that never end", (all, requests, responses));
}

#[test]
fn a_large_read_has_room_when_those_that_read_nothing_have_it_all() {
    let _alone = alone();
    let mut watched = Watched::new();
    let all: Vec<_> = (0..60)
        .map(|_| {
            let (mut requests, responses) = client(watched.port);
            ask(&mut requests, 4 * MIB, 8);
            (requests, responses)
        })
        .collect();
    watched.work(Duration::from_millis(500));
    let (mut requests, mut responses) = client(watched.port);
    for id in 0..3 {
        ask(&mut requests, 16 * MIB, 1);
        let mut rest = vec![0; 16 * MIB + 9 + 4];
        assert_eq!(
            crate::peer::read_header(&mut responses).unwrap().size,
            16 << 20
        );
        std::io::Read::read_exact(&mut responses, &mut rest).unwrap();
        assert_eq!(rest[9..1000], [7; 991], "{id}");
    }
    let dropped: usize = watched.process.ask("dropped").parse().unwrap();
    assert!(dropped > 0, "some were closed");
    watched.leave("a large read", all);
}
