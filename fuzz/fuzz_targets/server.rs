//! A whole server, driven by peers that do as the input says: they connect, send sound and unsound
//! bytes on either port, read or do not, and go, while the slave answers early, late, never, or with
//! an error. What each connection gets from the server has to be sound, and no response may reach
//! anybody but the client that asked for it. When all have gone nothing of theirs is left, and a
//! client that comes then is served.
//!
//! All of it happens on this thread: a server has none of its own as long as somebody pulls. Peers
//! connect over loopback, which is a pipe in memory, but for its name.
//!
//! Input: four bytes of options, then steps; see `World::step`.
#![no_main]

use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fuzzing::heap::{in_use, most_during};
use fuzzing::input::Input;
use fuzzing::peer::{Message, Peer, PATIENCE};
use libfuzzer_sys::fuzz_target;
use rogue_memory_bridge::bus::{Kind, Transaction, POST, READ, VERIFY, WRITE};
use rogue_memory_bridge::endpoint::{admit, ServerOptions, TcpServer};
use rogue_memory_bridge::log;
use rogue_memory_bridge::wire::{
    decode_result, greeting, ready, request_head, Header, Role, SessionId, PROBE,
};

/// As many connections there may be at a time.
const CONNECTIONS: usize = 8;
/// Beyond what the options allow: the event loop, the buffers of the server, and this target's own.
const BESIDES: usize = 4 << 20;

fuzz_target!(|data: &[u8]| {
    log::init();
    log::set_emit_stdout(false);
    log::set_level(log::DEBUG);
    let mut input = Input::new(data);
    let (options, limits) = options(&mut input);
    let ((), used) = most_during(|| run(&options, limits, &mut input));
    // For each client: a request that comes in, those that wait, and what it has not read.
    let each = 2 * options.max_transaction as usize + (2 << 20) + 2 * options.max_queued;
    let all = CONNECTIONS * each + options.max_outstanding * 2 * options.max_transaction as usize;
    assert!(used <= all + BESIDES + 16 * data.len(), "{used} bytes");

    // The first run leaves behind what the process needs once.
    static BEFORE: AtomicUsize = AtomicUsize::new(usize::MAX);
    let now = in_use();
    let before = BEFORE.fetch_min(now, Ordering::Relaxed);
    assert!(now <= before.saturating_add(1 << 18), "{now} bytes stay");
});

/// The options, and the slave's least and most access.
fn options(input: &mut Input) -> (ServerOptions, (u32, u32)) {
    let (sizes, queues, most, rest) = (input.u8(), input.u8(), input.u8(), input.u8());
    let max_queued = [1 << 8, 1 << 12, 1 << 16, 1 << 20][usize::from(queues % 4)];
    let options = ServerOptions::default()
        .with_max_transaction([1 << 20, 1 << 16, 1 << 12, 64][usize::from(sizes % 4)])
        .with_max_outstanding(1 + usize::from(most % 16))
        .with_max_connections(CONNECTIONS - usize::from(rest % 4))
        .with_max_queued(max_queued)
        .with_max_queued_total(max_queued * (1 + usize::from(queues / 4 % 4)))
        .with_timeout((rest & 0x80 != 0).then_some(Duration::from_millis(1)));
    let limits = [(1, 0), (4, 0), (4, 256), (1, 1 << 16)][usize::from(sizes / 4 % 4)];
    (options, limits)
}

fn run(options: &ServerOptions, limits: (u32, u32), input: &mut Input) {
    let server = TcpServer::bind("127.0.0.1", 0, options.clone()).expect("a free pair of ports");
    let mut world = World {
        server,
        options: options.clone(),
        limits,
        peers: Vec::new(),
        asked: Vec::new(),
        held: Vec::new(),
        answers: true,
    };
    for _ in 0..200 {
        if input.is_empty() {
            break;
        }
        world.step(input);
        world.pump();
    }
    world.end();
    world.serve_another();
}

struct World {
    server: TcpServer,
    options: ServerOptions,
    limits: (u32, u32),
    peers: Vec<Slot>,
    /// What clients have asked for, by their sessions.
    asked: Vec<(Option<SessionId>, Header)>,
    /// Transactions in the slave's hands.
    held: Vec<Transaction>,
    /// The slave answers at once.
    answers: bool,
}

struct Slot {
    peer: Peer,
    role: Role,
}

impl World {
    fn step(&mut self, input: &mut Input) {
        let (what, which) = (input.u8(), input.u8());
        let count = self.peers.len().max(1);
        let at = usize::from(which) % count;
        match what % 16 {
            // Two connections with their handshakes, of a client of ours or a legacy one.
            0 | 1 => {
                let session = (which > 0).then_some(SessionId([which % 4; 16]));
                self.connect(Role::Pull, Some(session));
                self.connect(Role::Push, Some(session));
            }
            // One, without a word.
            2 => self.connect([Role::Push, Role::Pull][usize::from(which % 2)], None),
            // Bytes as they are.
            3 | 4 => {
                let bytes = input.piece();
                self.send(at, bytes);
            }
            // A request that is sound, but for what it says.
            5..=7 => self.request(at, input),
            // The handshake's own bytes, in parts of choice.
            8 => {
                let parts = input.u8();
                if let Some(slot) = self.peers.get(at) {
                    let session = (parts & 4 != 0).then_some(SessionId([parts >> 4; 16]));
                    let hello = [greeting().to_vec(), ready(slot.role, session.as_ref())];
                    let from = usize::from(parts & 1);
                    let to = (1 + usize::from(parts >> 1 & 1)).max(from);
                    self.send(at, &hello[from..to].concat());
                }
            }
            9 => self.send(at, b"\x04\x09\x04PING\0\x01ab"),
            10 => self.read(at, usize::from(input.u8()) << 8),
            11 => {
                let how = input.u8() % 3;
                if at < self.peers.len() {
                    match how {
                        0 => drop(self.peers.swap_remove(at)),
                        how => self.peers[at].peer.shut(how == 1),
                    }
                }
            }
            // The slave: one of what it holds, or from now on.
            12 => self.answers = which % 2 == 0,
            13 | 14 => {
                let how = input.u8();
                let text = if how % 4 == 1 { input.piece() } else { &[] };
                if !self.held.is_empty() {
                    let at = usize::from(which) % self.held.len();
                    let transaction = self.held.swap_remove(at);
                    complete(&transaction, how, text);
                }
            }
            _ => {
                let options = self
                    .options
                    .clone()
                    .with_max_outstanding(1 + usize::from(which % 16));
                self.server.set_options(&options);
            }
        }
    }

    fn connect(&mut self, role: Role, hello: Option<Option<SessionId>>) {
        let port = self.server.port() + u16::from(role == Role::Pull);
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a server that listens");
        let peer = Peer::new(stream, role, true);
        self.peers.push(Slot { peer, role });
        if let Some(session) = hello {
            let bytes = [&greeting()[..], &ready(role, session.as_ref())].concat();
            self.send(self.peers.len() - 1, &bytes);
        }
        // A little more than there may be.
        if self.peers.len() > CONNECTIONS + 2 {
            self.peers.remove(0);
        }
    }

    fn request(&mut self, at: usize, input: &mut Input) {
        let (kind, id, place) = (input.u8(), input.u8(), input.u8());
        let (size, other) = (input.u16(), input.u8());
        let size = match kind >> 6 {
            // Larger than an input is.
            3 => u32::from(size) * 4,
            _ => u32::from(size),
        };
        let header = Header {
            id: id.into(),
            address: u64::from(place) << 2,
            size,
            kind: match kind & 7 {
                0 | 1 => READ,
                2 | 3 => WRITE,
                4 => POST,
                5 => VERIFY,
                6 => PROBE,
                _ => kind.into(),
            },
        };
        let data = match other {
            0..0x80 if matches!(header.kind, WRITE | POST) => Some(header.size as usize),
            0..0xc0 => None,
            odd => Some(header.size as usize + usize::from(odd & 0x3f)),
        };
        let head = request_head(&header, data);
        let data: Vec<u8> = (0..data.unwrap_or(0))
            .map(|n| pattern(header.address, n))
            .collect();
        self.send(at, &[head.as_bytes(), &data].concat());
    }

    /// Sends as much as the server takes.
    fn send(&mut self, at: usize, mut bytes: &[u8]) {
        for _ in 0..16 {
            let Some(slot) = self.peers.get_mut(at) else {
                return;
            };
            let sent = slot.peer.send(bytes);
            bytes = &bytes[sent..];
            let session = slot.peer.said.session;
            let known = slot.peer.said.messages.drain(..).filter(|m| m.header_known);
            self.asked
                .extend(known.map(|message| (session, message.header)));
            if bytes.is_empty() {
                return;
            }
            self.pump();
        }
    }

    /// Lets the server work, and its slave.
    fn pump(&mut self) {
        for _ in 0..32 {
            let next = self
                .server
                .pull(Some(Duration::ZERO))
                .expect("a server that runs");
            let Some(transaction) = next else { return };
            let (size, kind) = (transaction.size(), transaction.kind().number());
            assert!((1..=self.options.max_transaction).contains(&size), "{size}");
            assert!(matches!(kind, READ | WRITE | POST | VERIFY), "{kind}");
            if !admit(&transaction, self.limits.0, self.limits.1) {
                continue;
            }
            if let Some(bytes) = transaction.lock().bytes() {
                assert_eq!(bytes.len(), size as usize);
            }
            if self.answers {
                complete(&transaction, 0, &[]);
            } else {
                self.held.push(transaction);
            }
        }
    }

    /// Reads, and holds each response against what was asked.
    fn read(&mut self, at: usize, most: usize) {
        let Some(slot) = self.peers.get_mut(at) else {
            return;
        };
        slot.peer.read(most);
        let session = slot.peer.said.session;
        for response in slot.peer.got.messages.drain(..) {
            assert!(
                response.sound && response.header.kind != POST,
                "{response:?}"
            );
            let request = (session, response.header);
            let found = self.asked.iter().position(|asked| *asked == request);
            let place = found.unwrap_or_else(|| panic!("nobody asked for {response:?}"));
            // Once for each time that it was asked.
            self.asked.swap_remove(place);
            check(&response, session.is_some());
        }
    }

    /// All go; nothing of them stays.
    fn end(&mut self) {
        for at in 0..self.peers.len() {
            self.read(at, usize::MAX);
        }
        self.peers.clear();
        self.answers = true;
        for transaction in self.held.drain(..) {
            transaction.done();
        }
        let end = Instant::now() + PATIENCE;
        loop {
            self.pump();
            let stats = self.server.stats();
            if stats.connections == 0 && stats.bytes_queued == 0 && stats.traffic.outstanding == 0 {
                return;
            }
            assert!(Instant::now() < end, "something stays: {stats:?}");
        }
    }

    /// A client of good will.
    fn serve_another(&mut self) {
        self.server.set_options(&ServerOptions::default());
        self.limits = (1, 0);
        self.asked.clear();
        let session = Some(SessionId([0xaa; 16]));
        self.connect(Role::Pull, Some(session));
        self.connect(Role::Push, Some(session));
        let header = Header {
            id: 7,
            address: 0x1000,
            size: 4,
            kind: READ,
        };
        self.send(1, request_head(&header, None).as_bytes());
        let end = Instant::now() + PATIENCE;
        // It was asked for once, and is forgotten when it has been answered.
        while !self.asked.is_empty() {
            assert!(Instant::now() < end, "the next client is not served");
            self.pump();
            self.read(0, usize::MAX);
            self.read(1, usize::MAX);
            assert!(!self.peers.iter().any(|slot| slot.peer.ended));
        }
    }
}

/// The slave's byte at a place.
fn pattern(address: u64, offset: usize) -> u8 {
    (address as usize)
        .wrapping_mul(31)
        .wrapping_add(offset.wrapping_mul(7)) as u8
}

fn complete(transaction: &Transaction, how: u8, text: &[u8]) {
    match how % 4 {
        1 => {
            transaction.fail_with(String::from_utf8_lossy(text));
        }
        // Its last handle goes: it is abandoned.
        2 => {}
        _ => {
            let mut lock = transaction.lock();
            if let (Kind::Read | Kind::Verify, Some(bytes)) = (transaction.kind(), lock.bytes_mut())
            {
                for (n, byte) in bytes.iter_mut().enumerate() {
                    *byte = pattern(transaction.address(), n);
                }
            }
            lock.done();
        }
    }
}

/// A response, as its client takes it.
fn check(response: &Message, session: bool) {
    let Header {
        address,
        size,
        kind,
        ..
    } = response.header;
    let data = &response.data;
    let reads = matches!(kind, READ | VERIFY);
    match decode_result(&response.result) {
        Ok(()) if reads => {
            let same = |(n, byte): (usize, &u8)| *byte == pattern(address, n);
            assert!(data.len() == size as usize && data.iter().enumerate().all(same));
        }
        Ok(()) if kind == PROBE => assert!(data.is_empty()),
        Ok(()) => assert_eq!(data.len(), usize::from(!session), "{response:?}"),
        Err(text) => {
            assert!(!text.is_empty());
            // Zeros, as many as it asked for if it reads: a legacy client wants them.
            assert!(data.iter().all(|byte| *byte == 0));
            assert!(
                data.len() <= 1 || (reads && data.len() == size as usize),
                "{response:?}"
            );
        }
    }
}
