//! Peers made of bare sockets, which speak as Rogue does, without a session: a legacy client, and a
//! server that the test plays itself. No tests are here.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rogue_memory_bridge::wire::{greeting, ready, request_head, response_head, Header, Role};

use crate::common::{free_port, PATIENCE};

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Does a legacy client's handshake.
pub fn shake(port: u16, role: Role) -> TcpStream {
    let mut stream = connect(port);
    stream.write_all(&greeting()).unwrap();
    stream.write_all(&ready(role, None)).unwrap();
    let mut answer = vec![0; 64 + ready(role.peer(), None).len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[..64], greeting());
    assert_eq!(answer[64..], ready(role.peer(), None));
    stream
}

/// Both connections of a legacy client: requests, responses.
pub fn client(port: u16) -> (TcpStream, TcpStream) {
    let responses = shake(port + 1, Role::Pull);
    (shake(port, Role::Push), responses)
}

pub fn header(id: u32, address: u64, size: u32, kind: u32) -> Header {
    Header {
        id,
        address,
        size,
        kind,
    }
}

pub fn request(id: u32, address: u64, size: u32, kind: u32, data: Option<&[u8]>) -> Vec<u8> {
    let head = request_head(&header(id, address, size, kind), data.map(<[u8]>::len));
    [head.as_bytes(), data.unwrap_or(&[])].concat()
}

/// A response that says OK.
pub fn response(header: &Header, data: &[u8]) -> Vec<u8> {
    let head = response_head(header, data.len());
    [head.as_bytes(), data, b"\x00\x02OK"].concat()
}

/// Reads the four frames with which a request or a response begins.
pub fn read_header(stream: &mut TcpStream) -> Header {
    let mut bytes = [0; 28];
    stream.read_exact(&mut bytes).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let address = u64::from(word(8)) | u64::from(word(12)) << 32;
    header(word(2), address, word(18), word(24))
}

pub fn is_closed(mut stream: TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    loop {
        match stream.read(&mut [0; 256]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// Sends `bytes` again and again, until the peer closes the connection or has taken `most` bytes.
/// True if it has closed it.
pub fn flood(stream: &mut TcpStream, bytes: &[u8], most: usize) -> bool {
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let bytes = bytes.repeat((1 << 16) / bytes.len());
    for _ in 0..most / bytes.len() {
        if let Err(error) = stream.write_all(&bytes) {
            use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
            return matches!(error.kind(), BrokenPipe | ConnectionReset);
        }
    }
    false
}

/// A server's two ports.
pub struct Listening {
    pub port: u16,
    requests: TcpListener,
    responses: TcpListener,
}

impl Listening {
    pub fn new() -> Listening {
        loop {
            let port = free_port();
            let requests = TcpListener::bind(("127.0.0.1", port));
            let responses = TcpListener::bind(("127.0.0.1", port + 1));
            // Another test may have been quicker.
            if let (Ok(requests), Ok(responses)) = (requests, responses) {
                return Listening {
                    port,
                    requests,
                    responses,
                };
            }
        }
    }

    /// Waits for a client: its connections for requests and responses, after the handshake.
    pub fn accept(&self) -> (TcpStream, TcpStream) {
        self.accept_with(&[])
    }

    /// As [`Listening::accept`]; `early` follows the handshake of the response connection at once.
    pub fn accept_with(&self, early: &[u8]) -> (TcpStream, TcpStream) {
        let (responses, _) = self.responses.accept().unwrap();
        let (requests, _) = self.requests.accept().unwrap();
        let responses = welcome(responses, Role::Push, early);
        (welcome(requests, Role::Pull, &[]), responses)
    }
}

fn welcome(mut stream: TcpStream, role: Role, early: &[u8]) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // In one piece, so that it arrives in one piece.
    let bytes = [&greeting()[..], &ready(role, None), early].concat();
    stream.write_all(&bytes).unwrap();
    // The greeting, then a short command, whose second byte is its length.
    let mut start = [0; 66];
    stream.read_exact(&mut start).unwrap();
    let mut rest = vec![0; start[65].into()];
    stream.read_exact(&mut rest).unwrap();
    stream
}
