//! A whole client, whose server does as the input says: it answers soundly or not, sends what nobody
//! asked for, goes and comes back, or is no server at all. What the client sends has to be sound and
//! what was asked for; a transaction that succeeds has what some response brought; all of them end;
//! and a good server that comes then is used.
//!
//! The client's own thread runs beside this one. Its pause before it connects again is short under
//! `cfg(fuzzing)`. The server's connections come over loopback.
//!
//! Input: two bytes of options, then steps; see `World::step`.
#![no_main]

use std::net::{TcpListener, TcpStream};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fuzzing::heap::{in_use, most_during};
use fuzzing::input::Input;
use fuzzing::peer::{Message, Peer, PATIENCE};
use libfuzzer_sys::fuzz_target;
use rogue_memory_bridge::bus::{Memory, Slave, Transaction, POST, READ, VERIFY, WRITE};
use rogue_memory_bridge::endpoint::{ClientOptions, LinkState, TcpClient};
use rogue_memory_bridge::log;
use rogue_memory_bridge::wire::{
    decode_result, greeting, ready, response_head, response_tail, response_tail_ok, Header, Role,
};
use socket2::SockRef;

/// A time that is over soon, for transactions that are not to be answered.
const SHORT: Duration = Duration::from_millis(2);
/// How often the server may go and come back.
const MOST_RETURNS: usize = 3;
/// As many transactions are asked for.
const MOST_ASKED: usize = 64;

fuzz_target!(|data: &[u8]| {
    log::init();
    log::set_emit_stdout(false);
    log::set_level(log::DEBUG);
    let mut input = Input::new(data);
    let ((), used) = most_during(|| run(&mut input));
    // The event loop, the buffers of the client and of the peers, and what was asked for; nothing
    // that the server chose but what it sent.
    let asked = MOST_ASKED * (4 * usize::from(u16::MAX) + 1000);
    assert!(
        used <= (4 << 20) + 3 * asked + 64 * data.len(),
        "{used} bytes"
    );

    // The first run leaves behind what the process needs once; a thread may be about to end.
    static BEFORE: AtomicUsize = AtomicUsize::new(usize::MAX);
    let before = BEFORE.fetch_min(in_use(), Ordering::Relaxed);
    let end = Instant::now() + PATIENCE;
    while in_use() > before.saturating_add(1 << 18) {
        assert!(Instant::now() < end, "{} bytes stay", in_use());
        std::thread::sleep(Duration::from_millis(1));
    }
});

fn run(input: &mut Input) {
    let (most, queued) = (input.u8(), input.u8());
    let options = ClientOptions::default()
        .with_max_outstanding(if most == 0 { 1000 } else { usize::from(most) })
        .with_max_queued(1 << (queued % 21));
    let (port, requests, responses) = listen();
    let mut world = World {
        client: TcpClient::new("127.0.0.1", port, options).expect("a client"),
        patient: most == 0,
        requests,
        responses,
        link: None,
        asked: Vec::new(),
        heard: Vec::new(),
        answers: Vec::new(),
        returns: 0,
        count: 0,
    };
    for _ in 0..200 {
        if input.is_empty() {
            break;
        }
        world.step(input);
        world.hear();
    }
    world.serve_well();
    world.end();
}

/// Two listening sockets on ports that follow each other.
fn listen() -> (u16, TcpListener, TcpListener) {
    loop {
        let requests = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = requests.local_addr().expect("a bound socket").port();
        let Some(next) = port.checked_add(1) else {
            continue;
        };
        if let Ok(responses) = TcpListener::bind(("127.0.0.1", next)) {
            for listener in [&requests, &responses] {
                let socket = SockRef::from(listener);
                socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
            }
            return (port, requests, responses);
        }
    }
}

struct World {
    client: TcpClient,
    /// Nobody is held back, so that most transactions may have time.
    patient: bool,
    requests: TcpListener,
    responses: TcpListener,
    /// The connection: requests, responses.
    link: Option<[Peer; 2]>,
    asked: Vec<Asked>,
    /// Requests that have come over the connection that there is.
    heard: Vec<Header>,
    /// All that was said in answer, over whichever connection.
    answers: Vec<Message>,
    returns: usize,
    count: u64,
}

/// A transaction, and its caller's memory.
struct Asked {
    transaction: Transaction,
    header: Header,
    bytes: Box<[u8]>,
    short: bool,
}

impl World {
    fn step(&mut self, input: &mut Input) {
        let (what, which) = (input.u8(), input.u8());
        match what % 16 {
            0..=3 => {
                let size = input.u16();
                if self.asked.len() < MOST_ASKED {
                    self.ask(which, size);
                }
            }
            4..=7 => self.respond(which, input),
            // Bytes as they are, on either connection.
            8 | 9 => {
                let bytes = input.piece();
                self.say(usize::from(which % 2), bytes);
            }
            10 => self.say(usize::from(which % 2), b"\x04\x09\x04PING\0\x01ab"),
            // The server goes, or a part of it.
            11 => match which % 4 {
                0 | 1 => self.part(),
                half => {
                    if let Some(link) = &mut self.link {
                        link[usize::from(half % 2)].shut(which & 4 == 0);
                    }
                }
            },
            // It comes back, and says what it should, or something else.
            12 | 13 => {
                if self.returns < MOST_RETURNS {
                    self.returns += 1;
                    self.part();
                    self.accept();
                    self.greet();
                }
            }
            14 => {
                let (one, other) = (input.piece(), input.piece());
                if self.returns < MOST_RETURNS {
                    self.returns += 1;
                    self.part();
                    self.accept();
                    self.say(1, one);
                    self.say(0, other);
                }
            }
            // Whoever asked gives up, or looks whether it is done.
            _ => {
                if self.asked.is_empty() {
                    return;
                }
                let at = usize::from(which) % self.asked.len();
                if self.asked[at].short {
                    let asked = self.asked.swap_remove(at);
                    let outcome = asked.transaction.wait();
                    self.judge(&asked, outcome.is_ok());
                } else {
                    self.asked[at].transaction.poll();
                }
            }
        }
    }

    fn accept(&mut self) {
        // The client connects to the one for responses first.
        let accept = |listener: &TcpListener| -> TcpStream {
            let came = listener.accept();
            came.expect("the client tries again and again").0
        };
        let responses = Peer::new(accept(&self.responses), Role::Push, false);
        let requests = Peer::new(accept(&self.requests), Role::Pull, false);
        self.link = Some([requests, responses]);
    }

    /// A legacy server's handshake, and the client's, which has to come to an end.
    fn greet(&mut self) {
        for (at, role) in [(1, Role::Push), (0, Role::Pull)] {
            self.say(at, &[&greeting()[..], &ready(role, None)].concat());
        }
        let connected = self.client.wait_link(LinkState::Connected, Some(PATIENCE));
        connected.expect("a sound handshake makes a connection");
    }

    fn say(&mut self, at: usize, bytes: &[u8]) {
        if let Some(link) = &mut self.link {
            link[at].send(bytes);
            self.answers.extend(link[1].said.messages.drain(..));
        }
    }

    /// Takes what the client has sent: sound, and what was asked for.
    fn hear(&mut self) {
        let Some(link) = &mut self.link else { return };
        for peer in link.iter_mut() {
            peer.read(usize::MAX);
        }
        for request in link[0].got.messages.drain(..) {
            assert!(request.sound, "{request:?}");
            let Header {
                address,
                size,
                kind,
                ..
            } = request.header;
            let carries = matches!(kind, WRITE | POST);
            assert_eq!(request.has_data, carries, "{request:?}");
            let due = carries.then(|| pattern(address, size as usize));
            assert!(address < self.count << 20, "{request:?}");
            assert_eq!(
                request.data,
                due.unwrap_or_default(),
                "{:?}",
                request.header
            );
            let again = self.heard.iter().any(|other| other.id == request.header.id);
            assert!(!again, "twice: {request:?}");
            self.heard.push(request.header);
        }
    }

    fn part(&mut self) {
        self.hear();
        self.link = None;
        self.heard.clear();
    }

    fn ask(&mut self, which: u8, size: u16) {
        let size = u32::from(size.max(1)) << (which >> 3 & 2);
        // One address for each, so that it can be known again.
        let (kind, address) = (
            [READ, WRITE, POST, VERIFY][usize::from(which % 4)],
            self.count << 20,
        );
        self.count += 1;
        let short = !self.patient || which & 4 != 0;
        let mut bytes = match kind {
            WRITE | POST => pattern(address, size as usize),
            _ => vec![0; size as usize],
        }
        .into_boxed_slice();
        let start = NonNull::new(bytes.as_mut_ptr()).expect("it has bytes");
        // SAFETY: they are kept, untouched, until the transaction has been waited for.
        let memory = unsafe { Memory::caller(start, bytes.len()) };
        let time = if short { SHORT } else { PATIENCE };
        let transaction = Transaction::new(address, size, kind, Some(memory), time);
        self.client.do_transaction(transaction.clone());
        transaction.taken();
        let id = 0;
        self.asked.push(Asked {
            transaction,
            header: Header {
                id,
                address,
                size,
                kind,
            },
            bytes,
            short,
        });
    }

    /// Answers one of the requests, soundly or not.
    fn respond(&mut self, which: u8, input: &mut Input) {
        let how = input.u8();
        if self.heard.is_empty() {
            return;
        }
        let at = usize::from(which) % self.heard.len();
        let mut header = self.heard[at];
        let mut length = match header.kind {
            READ | VERIFY => header.size as usize,
            _ => usize::from(how & 0x40) * header.size as usize / 0x40,
        };
        match how & 7 {
            4 => header.address ^= 1 << (how >> 3 & 7),
            5 => header.size ^= 1 << (how >> 3 & 7),
            6 => header.kind ^= 1 << (how >> 3 & 7),
            7 => length = usize::from(input.u16()),
            _ => {}
        }
        let tail = match how >> 3 & 7 {
            0..=3 => response_tail_ok().to_vec(),
            4 => response_tail(&String::from_utf8_lossy(input.piece())),
            5 => b"\0\0".to_vec(),
            6 => [&b"\0\x04"[..], &input.u32().to_le_bytes()].concat(),
            _ => b"\0\x01\0".to_vec(),
        };
        let data: Vec<u8> = pattern(header.address ^ u64::from(how), length);
        let head = response_head(&header, data.len());
        self.say(1, &[head.as_bytes(), &data, &tail].concat());
        if how & 0x80 == 0 {
            self.heard.swap_remove(at);
        }
    }

    /// A success has to come from somewhere.
    fn judge(&self, asked: &Asked, success: bool) {
        if !success || asked.header.kind == POST {
            return;
        }
        let reads = matches!(asked.header.kind, READ | VERIFY);
        let fits = |answer: &Message| {
            let id = asked.header.id;
            answer.sound
                && Header {
                    id,
                    ..answer.header
                } == asked.header
                && decode_result(&answer.result).is_ok()
                && (!reads || answer.data[..] == asked.bytes[..])
        };
        assert!(
            self.answers.iter().any(fits),
            "{:?} out of nothing",
            asked.header
        );
        if !reads {
            let wrote = pattern(asked.header.address, asked.bytes.len());
            assert_eq!(asked.bytes[..], wrote[..]);
        }
    }

    /// The server is a good one from now on, and the client goes on with it.
    fn serve_well(&mut self) {
        self.part();
        self.client.set_options(&ClientOptions::default());
        self.patient = true;
        self.accept();
        self.greet();
        let end = Instant::now() + PATIENCE;
        loop {
            self.ask(0, 8);
            let wanted = self.asked.pop().expect("just asked for");
            while !wanted.transaction.poll() {
                assert!(Instant::now() < end, "no answer from a good server");
                self.hear();
                for header in std::mem::take(&mut self.heard) {
                    let length = match header.kind {
                        READ | VERIFY => header.size as usize,
                        _ => 0,
                    };
                    let head = response_head(&header, length);
                    let data = pattern(header.address, length);
                    self.say(1, &[head.as_bytes(), &data, response_tail_ok()].concat());
                }
            }
            let outcome = wanted.transaction.wait();
            self.judge(&wanted, outcome.is_ok());
            if outcome.is_ok() {
                return;
            }
            // The client may not have known yet that the server before this one has gone.
            assert!(Instant::now() < end, "{outcome:?}");
        }
    }

    /// When the client is stopped, all is over.
    fn end(mut self) {
        self.hear();
        self.client.stop();
        for asked in std::mem::take(&mut self.asked) {
            assert!(asked.transaction.completed(), "{:?}", asked.transaction);
            let outcome = asked.transaction.wait();
            self.judge(&asked, outcome.is_ok());
        }
    }
}

/// Bytes that belong to an address.
fn pattern(address: u64, length: usize) -> Vec<u8> {
    let salt = (address as usize).wrapping_mul(31) ^ (address >> 20) as usize;
    (0..length)
        .map(|n| salt.wrapping_add(n.wrapping_mul(7)) as u8)
        .collect()
}
