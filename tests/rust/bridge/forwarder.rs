//! A forwarder between a client and a server, which is a long way, or does not tell that the server
//! has gone. No tests are here.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::free_port;

/// Forwards a port and the port after it.
pub struct Forwarder {
    pub port: u16,
    delay: Duration,
    /// When bytes of a client came.
    came: Arc<Mutex<Vec<Instant>>>,
}

impl Forwarder {
    /// Forwards to the server at `to`, and keeps what either side sends for `delay`. The client's
    /// side of a connection stays open when the server's has ended, or could not be opened.
    pub fn new(to: u16, delay: Duration) -> Forwarder {
        let (port, listeners) = loop {
            let port = free_port();
            let listen = |port| TcpListener::bind(("127.0.0.1", port));
            // Another test may have been quicker.
            if let (Ok(first), Ok(second)) = (listen(port), listen(port + 1)) {
                break (port, [first, second]);
            }
        };
        let came = Arc::new(Mutex::new(Vec::new()));
        for (listener, to) in listeners.into_iter().zip([to, to + 1]) {
            let came = Arc::clone(&came);
            std::thread::spawn(move || {
                for client in listener.incoming() {
                    forward(client.unwrap(), to, delay, Arc::clone(&came));
                }
            });
        }
        Forwarder { port, delay, came }
    }

    /// How often the client has sent something after it could have had an answer to what it sent
    /// before: round trips, since that takes twice the delay.
    pub fn flights(&self) -> usize {
        let came = self.came.lock().unwrap();
        let mut begun: Option<Instant> = None;
        let mut flights = 0;
        for &at in came.iter() {
            if begun.is_none_or(|begun| at - begun > self.delay) {
                flights += 1;
                begun = Some(at);
            }
        }
        flights
    }
}

fn forward(client: TcpStream, to: u16, delay: Duration, came: Arc<Mutex<Vec<Instant>>>) {
    client.set_nodelay(true).unwrap();
    let (put, take) = channel();
    read_from(client.try_clone().unwrap(), put, move || {
        came.lock().unwrap().push(Instant::now())
    });
    std::thread::spawn(move || {
        // As on a long way: the server hears of the connection together with the first bytes.
        std::thread::sleep(delay);
        let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else {
            // Whatever the client sends, nobody hears it, and nobody says so.
            take.into_iter().for_each(drop);
            return;
        };
        server.set_nodelay(true).unwrap();
        let (put, back) = channel();
        read_from(server.try_clone().unwrap(), put, || ());
        std::thread::spawn(move || write_to(client, back, delay));
        write_to(server, take, delay);
    });
}

type Piece = (Instant, Vec<u8>);

/// Reads until `from` has ended.
fn read_from(mut from: TcpStream, put: Sender<Piece>, seen: impl Fn() + Send + 'static) {
    std::thread::spawn(move || {
        let mut buffer = [0; 1 << 16];
        while let Ok(count) = from.read(&mut buffer) {
            if count == 0
                || put
                    .send((Instant::now(), buffer[..count].to_vec()))
                    .is_err()
            {
                return;
            }
            seen();
        }
    });
}

/// Writes what comes, each piece `delay` after it came. What nobody takes any more is lost without a
/// word.
fn write_to(mut to: TcpStream, take: Receiver<Piece>, delay: Duration) {
    for (at, bytes) in take {
        std::thread::sleep((at + delay).saturating_duration_since(Instant::now()));
        let _ = to.write_all(&bytes);
    }
}
