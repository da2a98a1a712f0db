//! Attacks on a client, by the server that it connects to. Beside it, in the same process, is a
//! client of a server of good will.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, Receiver};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{Emulate, Master, Memory, Slave};
use rogue_memory_bridge::endpoint::{
    serve, ClientOptions, LinkState, ServerOptions, TcpClient, TcpServer,
};
use rogue_memory_bridge::wire::{Role, READ, WRITE};

use crate::handshakes::{broken, unusual};
use crate::measure::{
    alone, comes_back, eventually, median, no_longer, while_flooded, When, BOUND,
};
use crate::messages::{closing_responses, wrong_responses};
use crate::peer::{
    flood, handshake, header, offer, read_handshake, read_header, response, unknown_command,
    wait_closed, Listening,
};
use crate::process::{answer, arguments, Process};
use crate::server::Good;

const MIB: usize = 1 << 20;
const CONNECT: Duration = Duration::from_millis(1500);

/// A client under attack, and the server that it connects to.
struct Attacked<'a> {
    process: &'a mut Process,
    listening: &'a Listening,
    what: &'static str,
    before: Duration,
}

impl Attacked<'_> {
    /// Lets the client ask, and goes on without waiting for what comes of it.
    fn ask(&mut self, kind: u32, size: usize, timeout: Duration) {
        let question = format!("ask {kind} {size} {}", timeout.as_millis());
        assert_eq!(self.process.ask(&question), "asked");
    }

    /// A Read of 4 bytes, with a time limit that matters to nobody, over the connection that there
    /// is.
    fn ask_over(&mut self) {
        self.ask(READ, 4, Duration::from_secs(20));
    }

    /// As [`Attacked::ask_over`], when the client knows that it has lost the connection.
    fn ask_to_read(&mut self) {
        assert_eq!(self.process.ask("part"), "parted");
        self.ask_over();
    }

    /// What came of it: "ok", or the text of the failure.
    fn told(&mut self) -> String {
        self.process.ask("told")
    }

    fn meanwhile(&mut self) {
        let (what, before) = (self.what, self.before);
        no_longer(what, When::Meanwhile, before, || time(self.process));
    }

    fn while_flooded(&mut self, flooding: impl FnOnce(&AtomicBool) + Send) {
        let (what, before) = (self.what, self.before);
        while_flooded(flooding, || {
            no_longer(what, When::Flooded, before, || time(self.process));
        });
    }
}

/// The median of the other client's transactions.
fn time(process: &mut Process) -> Duration {
    Duration::from_nanos(process.ask("time").parse().unwrap())
}

type Attack = (&'static str, usize, fn(&mut Attacked));

const ATTACKS: [Attack; 15] = [
    ("broken handshakes", 2 * MIB, broken_handshakes),
    ("unusual handshakes", 2 * MIB, unusual_handshakes),
    ("handshakes byte by byte", 2 * MIB, byte_by_byte),
    ("handshakes cut off", 2 * MIB, cut_off_handshakes),
    ("handshakes that never come", 2 * MIB, no_handshake),
    ("connections closed at once", 2 * MIB, closed_at_once),
    ("responses that are none", 2 * MIB, responses_that_are_none),
    (
        "responses that do not fit",
        4 * MIB,
        responses_that_do_not_fit,
    ),
    ("responses cut off", 2 * MIB, cut_off_responses),
    ("responses byte by byte", 2 * MIB, slow_response),
    ("a million empty frames", 2 * MIB, empty_frames),
    ("commands without end", 2 * MIB, commands),
    (
        "responses to nobody without end",
        4 * MIB,
        responses_to_nobody,
    ),
    ("pings, with answers never read", 4 * MIB, pings_never_read),
    // What is written, and a copy of what the network did not take of it.
    ("writes never read", 40 * MIB, never_reads),
];

#[test]
fn a_client_stands_up_to_every_attack() {
    let _alone = alone();
    let listening = Listening::new();
    let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap();
    let server = Arc::new(server);
    let memory: Arc<dyn Slave> = Arc::new(Emulate::new(1, 0));
    let mut thread = serve(Arc::clone(&server), move || Arc::clone(&memory)).unwrap();
    let ports = format!("{} {}", listening.port, server.port());
    let mut process = Process::run("client::a_client_in_a_process", &ports);
    let mut before = Duration::MAX;
    (0..3).for_each(|_| before = before.min(time(&mut process)));
    let mut quiet = None;
    for (what, most, attack) in ATTACKS {
        let begun = Instant::now();
        // The first time it connects tells how much that takes.
        let held = *quiet.get_or_insert_with(|| recovers(&mut process, &listening));
        process.held();
        let mut attacked = Attacked {
            process: &mut process,
            listening: &listening,
            what,
            before,
        };
        attack(&mut attacked);
        let beyond = process.held().most.saturating_sub(held.bytes);
        assert!(beyond <= most, "{what}: {beyond} bytes at a time");
        recovers(&mut process, &listening);
        comes_back(what, &mut process, held, BOUND);
        no_longer(what, When::Afterwards, before, || time(&mut process));
        println!("{what}: {beyond} bytes, {:?}", begun.elapsed());
    }
    if let Some(at_first) = quiet {
        comes_back("all of them", &mut process, at_first, BOUND);
        println!("{at_first:?}, then {:?}", process.held());
    }
    process.finish();
    server.stop();
    thread.join();
}

/// The server has come to its senses: the client's next transaction succeeds. What it held then.
fn recovers(process: &mut Process, listening: &Listening) -> crate::process::Held {
    assert_eq!(process.ask("part"), "parted");
    assert_eq!(process.ask(&format!("ask {READ} 4 20000")), "asked");
    loop {
        let (mut requests, mut responses) = listening.welcome();
        // A connection that it has given up, or the one that it asks over.
        let Ok(asked) = read_header(&mut requests) else {
            continue;
        };
        responses
            .write_all(&response(&asked, &[1, 2, 3, 4], b"OK"))
            .unwrap();
        assert_eq!(process.ask("told"), "ok");
        return process.held();
    }
}

#[test]
#[ignore = "run by the test that attacks it, in a process of its own"]
fn a_client_in_a_process() {
    let ports: Vec<u16> = arguments()
        .iter()
        .map(|word| word.parse().unwrap())
        .collect();
    let options = ClientOptions::default()
        .with_connect_timeout(CONNECT)
        .with_max_queued(MIB);
    let client = Arc::new(TcpClient::new("127.0.0.1", ports[0], options).unwrap());
    rogue_memory_bridge::log::set_emit_stdout(false);
    let good = Good::new(ports[1]);
    good.transact();
    let mut told: Option<Receiver<String>> = None;
    answer("", |words| match words {
        ["part"] => {
            eventually("it has lost its connection", || {
                client.link_state() != LinkState::Connected
            });
            "parted".to_owned()
        }
        ["time"] => median(|| good.transact()).as_nanos().to_string(),
        ["ask", words @ ..] => {
            let numbers: Vec<u64> = words.iter().map(|word| word.parse().unwrap()).collect();
            let (tell, receiver) = channel();
            told = Some(receiver);
            let client = Arc::clone(&client);
            std::thread::spawn(move || tell.send(ask(&client, &numbers)).unwrap());
            "asked".to_owned()
        }
        _ => told.take().unwrap().recv().unwrap(),
    });
    assert_eq!(good.losses(), 0);
}

/// One transaction of a type, a size and a timeout in milliseconds.
fn ask(client: &Arc<TcpClient>, numbers: &[u64]) -> String {
    let master = Master::new();
    master.set_slave(Arc::clone(client) as Arc<dyn Slave>);
    master.set_timeout(Duration::from_millis(numbers[2]));
    let memory = Memory::owned(vec![7; numbers[1] as usize]);
    let id = master.request(0x40, memory, numbers[0] as u32);
    match master.wait(id) {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.to_string().replace('\n', " "),
    }
}

/// The client tries again until it is answered rightly.
fn answer_rightly(attacked: &mut Attacked) {
    loop {
        let (mut requests, mut responses) = attacked.listening.welcome();
        let Ok(asked) = read_header(&mut requests) else {
            continue;
        };
        responses
            .write_all(&response(&asked, &[1, 2, 3, 4], b"OK"))
            .unwrap();
        assert_eq!(attacked.told(), "ok");
        return;
    }
}

fn broken_handshakes(attacked: &mut Attacked) {
    attacked.ask_to_read();
    for (n, (name, bytes)) in broken(Role::Push).into_iter().enumerate() {
        let (mut requests, mut responses) = attacked.listening.accept();
        // In turns on either connection.
        if n % 2 == 0 {
            offer(&mut responses, &bytes);
        } else {
            let (_, bytes) = broken(Role::Pull).swap_remove(n);
            offer(&mut responses, &handshake(Role::Push));
            offer(&mut requests, &bytes);
        }
        wait_closed(&name, &mut responses);
        wait_closed(&name, &mut requests);
    }
    attacked.meanwhile();
    answer_rightly(attacked);
}

fn unusual_handshakes(attacked: &mut Attacked) {
    for (name, bytes) in unusual(Role::Push) {
        attacked.ask_to_read();
        loop {
            let (mut requests, mut responses) = attacked.listening.accept();
            offer(&mut responses, &bytes);
            let other = unusual(Role::Pull).into_iter().find(|(n, _)| *n == name);
            offer(&mut requests, &other.unwrap().1);
            if serves_once(&mut requests, &mut responses) {
                assert_eq!(attacked.told(), "ok", "{name}");
                break;
            }
        }
    }
}

/// Reads a client's handshakes, and answers one request; false when it has gone.
fn serves_once(requests: &mut TcpStream, responses: &mut TcpStream) -> bool {
    // What is not read would, when the connection is closed, take away what was sent.
    if !read_handshake(responses) || !read_handshake(requests) {
        return false;
    }
    let Ok(asked) = read_header(requests) else {
        return false;
    };
    offer(responses, &response(&asked, &[1, 2, 3, 4], b"OK"))
}

fn byte_by_byte(attacked: &mut Attacked) {
    attacked.ask_to_read();
    loop {
        let (mut requests, mut responses) = attacked.listening.accept();
        for byte in handshake(Role::Push) {
            offer(&mut responses, &[byte]);
        }
        for byte in handshake(Role::Pull) {
            offer(&mut requests, &[byte]);
        }
        if serves_once(&mut requests, &mut responses) {
            assert_eq!(attacked.told(), "ok");
            break;
        }
    }
}

fn cut_off_handshakes(attacked: &mut Attacked) {
    attacked.ask_to_read();
    let whole = handshake(Role::Push);
    for length in (0..whole.len()).step_by(13) {
        let (_requests, mut responses) = attacked.listening.accept();
        offer(&mut responses, &whole[..length]);
        responses.shutdown(Shutdown::Write).unwrap();
        wait_closed("a handshake cut off", &mut responses);
    }
    attacked.meanwhile();
    answer_rightly(attacked);
}

fn no_handshake(attacked: &mut Attacked) {
    attacked.ask_to_read();
    let (mut requests, mut responses) = attacked.listening.accept();
    attacked.meanwhile();
    wait_closed("a server that says nothing", &mut responses);
    wait_closed("a server that says nothing", &mut requests);
    answer_rightly(attacked);
}

fn closed_at_once(attacked: &mut Attacked) {
    assert_eq!(attacked.process.ask("part"), "parted");
    attacked.ask(READ, 4, Duration::from_secs(2));
    let begun = Instant::now();
    let mut attempts = 0;
    while begun.elapsed() < Duration::from_secs(1) {
        drop(attacked.listening.accept());
        attempts += 1;
    }
    // One in 100 ms, and those that had come before.
    assert!(attempts < 20, "{attempts} attempts in a second");
    attacked.meanwhile();
    let told = attacked.told();
    assert!(told.contains("connection lost"), "{told}");
}

fn responses_that_are_none(attacked: &mut Attacked) {
    for (name, bytes) in closing_responses() {
        attacked.ask_to_read();
        loop {
            let (mut requests, mut responses) = attacked.listening.welcome();
            if read_header(&mut requests).is_err() {
                continue;
            }
            offer(&mut responses, &bytes);
            wait_closed(&name, &mut responses);
            wait_closed(&name, &mut requests);
            break;
        }
        let told = attacked.told();
        assert!(told.contains("connection lost"), "{name}: {told}");
    }
}

fn responses_that_do_not_fit(attacked: &mut Attacked) {
    let count = wrong_responses(&header(0, 4, READ)).len();
    let (mut requests, mut responses) = attacked.listening.welcome();
    for n in 0..count {
        attacked.ask_over();
        let asked = loop {
            match read_header(&mut requests) {
                Ok(asked) => break asked,
                // The one that it had from before: it comes anew, once.
                Err(_) => (requests, responses) = attacked.listening.welcome(),
            }
        };
        let (name, bytes) = wrong_responses(&asked).swap_remove(n);
        offer(&mut responses, &bytes);
        // What it was not told by that, it is told now; a second answer is passed over.
        offer(&mut responses, &response(&asked, &[1, 2, 3, 4], b"OK"));
        let told = attacked.told();
        // What does not say which request it is for is passed over, so that the right answer counts.
        let nobodys =
            name == "another id" || name.ends_with(" frames") || name.starts_with("field");
        assert!(told != "ok" || nobodys, "{name}");
        assert!(!told.contains("connection lost"), "{name}: {told}");
    }
    attacked.meanwhile();
}

fn cut_off_responses(attacked: &mut Attacked) {
    let length = response(&header(0, 4, READ), &[0; 4], b"OK").len();
    for cut in 0..length {
        attacked.ask_to_read();
        loop {
            let (mut requests, mut responses) = attacked.listening.welcome();
            let Ok(asked) = read_header(&mut requests) else {
                continue;
            };
            offer(&mut responses, &response(&asked, &[9; 4], b"OK")[..cut]);
            responses.shutdown(Shutdown::Both).unwrap();
            wait_closed("the other connection", &mut requests);
            break;
        }
        let told = attacked.told();
        assert!(told.contains("connection lost"), "{cut}: {told}");
    }
}

fn slow_response(attacked: &mut Attacked) {
    attacked.ask_to_read();
    loop {
        let (mut requests, mut responses) = attacked.listening.welcome();
        let Ok(asked) = read_header(&mut requests) else {
            continue;
        };
        for byte in response(&asked, &[1, 2, 3, 4], b"OK") {
            offer(&mut responses, &[byte]);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(attacked.told(), "ok");
        // Slower than it has time: it gives up, though bytes come all the while.
        attacked.ask(READ, 4, Duration::from_millis(500));
        let asked = read_header(&mut requests).unwrap();
        let begun = Instant::now();
        for byte in response(&asked, &[1, 2, 3, 4], b"OK") {
            offer(&mut responses, &[byte]);
            attacked.meanwhile();
            std::thread::sleep(Duration::from_millis(30));
        }
        assert!(begun.elapsed() > Duration::from_millis(500));
        let told = attacked.told();
        assert!(told.contains("Timeout"), "{told}");
        return;
    }
}

fn empty_frames(attacked: &mut Attacked) {
    attacked.ask_to_read();
    let (_requests, mut responses) = attacked.listening.welcome();
    flood(&mut responses, &[1, 0], 2_000_000);
    wait_closed("a million empty frames", &mut responses);
    let told = attacked.told();
    assert!(told.contains("connection lost"), "{told}");
}

fn commands(attacked: &mut Attacked) {
    let unknown = unknown_command();
    let (mut requests, mut responses) = attacked.listening.welcome();
    for stream in [&mut requests, &mut responses] {
        attacked.while_flooded(|over| {
            while !over.load(Ordering::Relaxed) {
                assert!(flood(stream, &unknown, 4 * MIB), "it was closed");
            }
        });
    }
    attacked.ask_over();
    let asked = read_header(&mut requests).unwrap();
    offer(&mut responses, &response(&asked, &[1, 2, 3, 4], b"OK"));
    assert_eq!(attacked.told(), "ok");
}

fn responses_to_nobody(attacked: &mut Attacked) {
    let (_requests, mut responses) = attacked.listening.welcome();
    let bytes = [
        response(&header(77, 4, READ), &[0; 4], b"OK"),
        response(
            &header(78, 1 << 16, READ),
            &vec![0; 1 << 16],
            b"no such register",
        ),
    ]
    .concat();
    attacked.while_flooded(|over| {
        while !over.load(Ordering::Relaxed) {
            assert!(offer(&mut responses, &bytes), "it was closed");
        }
    });
}

fn pings_never_read(attacked: &mut Attacked) {
    let ping = b"\x04\x17\x04PING\x00\x000123456789abcdef";
    for side in 0..2 {
        let (mut requests, mut responses) = attacked.listening.welcome();
        let stream = if side == 0 {
            &mut requests
        } else {
            &mut responses
        };
        attacked.while_flooded(|_| {
            assert!(!flood(stream, ping, 64 * MIB), "it was closed");
        });
    }
}

fn never_reads(attacked: &mut Attacked) {
    let (requests, _responses) = attacked.listening.welcome();
    attacked.ask(WRITE, 16 * MIB, Duration::from_millis(500));
    attacked.meanwhile();
    let told = attacked.told();
    assert!(told.contains("Timeout"), "{told}");
    // And one that is posted.
    attacked.ask(3, 4 * MIB, Duration::from_millis(500));
    attacked.meanwhile();
    let told = attacked.told();
    assert!(told.contains("Timeout"), "{told}");
    drop(requests);
}
