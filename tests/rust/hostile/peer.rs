//! Bare sockets, from both ends, and what may be sent over them without harm.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use rogue_memory_bridge::endpoint::{ServerOptions, TcpServer};
use rogue_memory_bridge::wire::{greeting, ready, request_head, response_head, Header, Role};

use crate::measure::PATIENCE;

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    patient(&stream);
    stream
}

fn patient(stream: &TcpStream) {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
}

/// A peer's whole handshake, in one piece.
pub fn handshake(role: Role) -> Vec<u8> {
    [&greeting()[..], &ready(role, None)].concat()
}

/// Does the handshake, as a client: `role` is the peer's own.
pub fn shake(port: u16, role: Role) -> TcpStream {
    let mut stream = connect(port);
    stream.write_all(&handshake(role)).unwrap();
    let mut answer = vec![0; handshake(role.peer()).len()];
    stream.read_exact(&mut answer).unwrap();
    stream
}

/// Both connections of a client without a session: requests, responses.
pub fn client(port: u16) -> (TcpStream, TcpStream) {
    let responses = shake(port + 1, Role::Pull);
    (shake(port, Role::Push), responses)
}

pub fn header(id: u32, size: u32, kind: u32) -> Header {
    Header {
        id,
        address: 0x40,
        size,
        kind,
    }
}

pub fn request(header: &Header, data: Option<&[u8]>) -> Vec<u8> {
    let head = request_head(header, data.map(<[u8]>::len));
    [head.as_bytes(), data.unwrap_or(&[])].concat()
}

/// A response, of which the result is up to 255 bytes.
pub fn response(header: &Header, data: &[u8], result: &[u8]) -> Vec<u8> {
    let head = response_head(header, data.len());
    let length = u8::try_from(result.len()).unwrap();
    [head.as_bytes(), data, &[0, length], result].concat()
}

/// Reads the four frames with which a request or a response begins.
pub fn read_header(stream: &mut TcpStream) -> std::io::Result<Header> {
    let mut bytes = [0; 28];
    stream.read_exact(&mut bytes)?;
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    Ok(Header {
        id: word(2),
        address: u64::from(word(8)) | u64::from(word(12)) << 32,
        size: word(18),
        kind: word(24),
    })
}

/// Sends, as far as the other side takes it; false when it has closed the connection.
pub fn offer(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    match stream.write_all(bytes) {
        Ok(()) => true,
        Err(error) => {
            let gone = matches!(
                error.kind(),
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
            );
            assert!(gone, "{error}");
            false
        }
    }
}

/// Sends `bytes` again and again, up to `most` bytes; false when the other side has closed the
/// connection before.
pub fn flood(stream: &mut TcpStream, bytes: &[u8], most: usize) -> bool {
    let bytes = bytes.repeat((1 << 16) / bytes.len());
    (0..most.div_ceil(bytes.len())).all(|_| offer(stream, &bytes))
}

/// A command that nobody knows, of 120 bytes: the code of these tests is not optimised, and takes
/// long enough over those.
pub fn unknown_command() -> Vec<u8> {
    [&b"\x04\x78\x05WHAT?"[..], &[7; 114]].concat()
}

/// Reads on until the other side has closed the connection.
pub fn wait_closed(what: &str, stream: &mut TcpStream) {
    loop {
        match stream.read(&mut [0; 4096]) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            Err(error) => panic!("{what}: it is not closed: {error}"),
        }
    }
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
            let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap();
            let port = server.port();
            drop(server);
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

    /// Waits for a client's two connections, as they come: requests, responses.
    pub fn accept(&self) -> (TcpStream, TcpStream) {
        let (responses, _) = self.responses.accept().unwrap();
        let (requests, _) = self.requests.accept().unwrap();
        patient(&responses);
        patient(&requests);
        (requests, responses)
    }

    /// As [`Listening::accept`], and does both handshakes. A client that goes meanwhile comes again.
    pub fn welcome(&self) -> (TcpStream, TcpStream) {
        loop {
            let (mut requests, mut responses) = self.accept();
            let both = [(&mut responses, Role::Push), (&mut requests, Role::Pull)];
            if both.into_iter().all(|(stream, role)| greet(stream, role)) {
                return (requests, responses);
            }
        }
    }
}

fn greet(stream: &mut TcpStream, role: Role) -> bool {
    offer(stream, &handshake(role)) && read_handshake(stream)
}

/// Reads the other side's handshake; false when it has gone.
pub fn read_handshake(stream: &mut TcpStream) -> bool {
    // The greeting, then a short command, whose second byte is its length.
    let mut start = [0; 66];
    if stream.read_exact(&mut start).is_err() {
        return false;
    }
    let mut rest = vec![0; usize::from(start[65])];
    stream.read_exact(&mut rest).is_ok()
}
