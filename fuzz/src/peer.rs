//! The other end of an endpoint's connection, played by a fuzz target over loopback. It may send
//! anything; what it gets has to be sound, always.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rogue_memory_bridge::wire::{Decoder, Header, Limits, Messages, Role, SessionId};
use socket2::SockRef;

use crate::seen::{feed, Seen, Setting};

/// Long enough for anything that should happen at all.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A whole message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// As far as it is known.
    pub header: Header,
    pub header_known: bool,
    pub sound: bool,
    pub data: Vec<u8>,
    pub has_data: bool,
    pub result: Vec<u8>,
}

/// One direction of a connection.
pub struct Heard {
    decoder: Decoder,
    data: Vec<u8>,
    pub session: Option<SessionId>,
    pub ready: bool,
    pub broken: bool,
    pub messages: VecDeque<Message>,
}

impl Heard {
    /// What one sends who has the role that goes with `role`.
    pub fn new(role: Role, messages: Messages) -> Heard {
        let limits = Limits {
            max_data: u64::MAX,
            ..Limits::default()
        };
        let setting = Setting {
            role,
            messages,
            limits,
        };
        Heard {
            decoder: setting.decoder(),
            data: Vec::new(),
            session: None,
            ready: false,
            broken: false,
            messages: VecDeque::new(),
        }
    }

    pub fn hear(&mut self, bytes: &[u8]) {
        let outcome = feed(&mut self.decoder, [bytes]);
        for seen in outcome.seen {
            match seen {
                Seen::Ready(session) => (self.ready, self.session) = (true, session),
                Seen::Header(_) => self.data.clear(),
                Seen::Data(piece) => self.data.extend(piece),
                Seen::End(end, result) => self.messages.push_back(Message {
                    header: end.header,
                    header_known: end.header_known,
                    sound: end.malformed.is_none(),
                    data: std::mem::take(&mut self.data),
                    has_data: end.data_len.is_some(),
                    result,
                }),
                Seen::Greeting(..) | Seen::Ping(_) => {}
            }
        }
        self.broken |= outcome.error.is_some();
    }
}

/// One connection.
pub struct Peer {
    stream: TcpStream,
    /// What the endpoint makes of what was sent to it.
    pub said: Heard,
    pub got: Heard,
    /// The endpoint has closed it.
    pub ended: bool,
}

impl Peer {
    /// For `stream`, on which this end has `role`.
    pub fn new(stream: TcpStream, role: Role, client: bool) -> Peer {
        stream.set_nonblocking(true).expect("a socket");
        let socket = SockRef::from(&stream);
        socket.set_tcp_nodelay(true).expect("a socket");
        // Closed at once, with a reset: else each would keep its port for a minute.
        socket.set_linger(Some(Duration::ZERO)).expect("a socket");
        let (requests, responses) = (Messages::Requests, Messages::Responses);
        let (said, got) = match (client, role) {
            (true, Role::Push) => (requests, Messages::None),
            (true, Role::Pull) => (Messages::None, responses),
            (false, Role::Push) => (responses, Messages::None),
            (false, Role::Pull) => (Messages::None, requests),
        };
        Peer {
            stream,
            said: Heard::new(role.peer(), said),
            got: Heard::new(role, got),
            ended: false,
        }
    }

    /// Sends what the connection takes of `bytes` now, and returns how many that were.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.stream.write(&bytes[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.said.hear(&bytes[..sent]);
        sent
    }

    /// Reads what has come, at most about `most` bytes, and holds it against the protocol.
    pub fn read(&mut self, most: usize) {
        let mut buffer = [0; 1 << 12];
        let mut count = 0;
        while count < most && !self.ended {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(length) => {
                    count += length;
                    self.got.hear(&buffer[..length]);
                    assert!(!self.got.broken, "sent {:02x?}", &buffer[..length]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.ended = true,
            }
        }
    }

    /// Sends no more; `all`: nor does it receive.
    pub fn shut(&mut self, all: bool) {
        let how = if all {
            std::net::Shutdown::Both
        } else {
            std::net::Shutdown::Write
        };
        // The endpoint may have done so before.
        let _ = self.stream.shutdown(how);
    }
}
