//! Many clients that wait, and one at work: what it does must not depend on how many the others are.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{Emulate, Slave, SlaveBase, Transaction};
use rogue_memory_bridge::endpoint::{serve, ServerOptions, TcpServer};
use rogue_memory_bridge::wire::{Role, READ};
use socket2::{Domain, Socket, Type};

use crate::crowd::take_all_descriptors;
use crate::measure::{alone, eventually, median, PATIENCE};
use crate::peer::{client, handshake, header, read_header, request, shake};
use crate::process::{answer, Process};
use crate::server::Good;

/// Clients that do not read, if the system lets a process have as many descriptors.
const SLEEPERS: usize = 1000;

/// A slave that touches no byte.
struct Blank(SlaveBase);

impl Slave for Blank {
    fn do_transaction(&self, transaction: Transaction) {
        transaction.done();
    }

    fn base(&self) -> &SlaveBase {
        &self.0
    }
}

/// A response connection for which the system takes next to nothing.
fn narrow(port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port + 1));
    socket.connect(&to.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&handshake(Role::Pull)).unwrap();
    let mut answer = vec![0; handshake(Role::Push).len()];
    stream.read_exact(&mut answer).unwrap();
    stream
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn a_patient_server_in_a_process() {
    take_all_descriptors();
    let options = ServerOptions::default()
        .with_keep_alive(Duration::from_secs(600))
        // Nobody waits for room: what they do not read are zeros, which take no memory.
        .with_max_queued_total(1 << 40);
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, options).unwrap());
    let slave: Arc<dyn Slave> = Arc::new(Blank(SlaveBase::new(1, 0)));
    let mut thread = serve(Arc::clone(&server), move || Arc::clone(&slave)).unwrap();
    rogue_memory_bridge::log::set_emit_stdout(false);
    answer(&server.port().to_string(), |words| match words {
        ["queued"] => server.stats().bytes_queued.to_string(),
        _ => server.stats().connections.to_string(),
    });
    server.stop();
    thread.join();
}

/// Transactions of a burst by second, at best.
fn rate(good: &Good) -> f64 {
    let mut best = 0f64;
    for _ in 0..12 {
        let begun = Instant::now();
        good.burst();
        best = best.max(500.0 / begun.elapsed().as_secs_f64());
    }
    best
}

/// The figure in docs/performance.md: what a register access takes beside large blocks. That it passes
/// them is tested in `tests/rust/bridge/fair.rs`.
#[test]
#[ignore = "it measures, and tests nothing"]
fn how_long_a_register_access_takes_beside_large_blocks() {
    let memory: Arc<dyn Slave> = Arc::new(Emulate::new(1, 0));
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap());
    let mut thread = serve(Arc::clone(&server), move || Arc::clone(&memory)).unwrap();
    let port = server.port();
    let good = Good::new(port);
    println!("alone: {:?}", median(|| good.transact()));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let (mut requests, mut responses) = client(port);
                let bytes = request(&header(1, 16 << 20, READ), None);
                // Two at a time, so that one always waits for its turn.
                requests.write_all(&bytes).unwrap();
                let mut rest = vec![0; (16 << 20) + 9 + 4];
                while !over.load(Ordering::Relaxed) {
                    requests.write_all(&bytes).unwrap();
                    read_header(&mut responses).unwrap();
                    responses.read_exact(&mut rest).unwrap();
                }
            });
        }
        std::thread::sleep(Duration::from_secs(2));
        println!("beside 16 with 16 MiB: {:?}", median(|| good.transact()));
        over.store(true, Ordering::Relaxed);
    });
    server.stop();
    thread.join();
}

#[test]
fn clients_that_do_not_read_cost_the_others_nothing() {
    let _alone = alone();
    let count = SLEEPERS.min(take_all_descriptors().saturating_sub(100) / 2);
    let mut process = Process::run("sleepers::a_patient_server_in_a_process", "");
    let port = process.first.parse().unwrap();
    let good = Good::new(port);
    let mut sleepers: Vec<_> = (0..count)
        .map(|_| (narrow(port), shake(port, Role::Push)))
        .collect();
    eventually("all are there", || {
        process.ask("connections").parse() == Ok(2 * count + 2)
    });
    let before = rate(&good);
    for (_, requests) in &mut sleepers {
        // More than may be held for one: the last ones wait.
        let bytes = request(&header(1, 8 << 20, READ), None);
        requests.write_all(&bytes.repeat(8)).unwrap();
    }
    eventually("much waits for them", || {
        let queued: usize = process.ask("queued").parse().unwrap();
        // To ask takes the server longer than to send.
        std::thread::sleep(Duration::from_millis(200));
        queued > count * (16 << 20)
    });
    let with = rate(&good);
    // A walk past all of them for each transaction makes it many times slower.
    let ratio = before / with;
    println!("{count} sleepers: {before:.0}/s before, {with:.0}/s with them");
    assert!(
        ratio < 2.5,
        "{ratio} times slower with {count} clients that wait"
    );
    drop(sleepers);
    process.finish();
}
