//! Works through what the server sends: puts data where it belongs, and completes transactions.

mod expected;

use std::ops::Range;
use std::time::Instant;

use super::connection::{Connection, Entry, ReadError};
use super::lines::About;
use super::link::{Shared, READ_LIMIT};
use crate::bus::{READ, VERIFY};
use crate::endpoint::socket::{self, Mode, Until};
use crate::error::{Error, ErrorKind};
use crate::wire::{decode_result, Decoder, Event, Header, Malformed};

/// Data of at least this much goes straight from the socket to where it belongs.
pub(super) const DIRECT: u64 = 1 << 14;
/// As much is received at a time while such data is to be expected.
const LOOK_AHEAD: usize = 4096;

/// The reading half of a response connection.
pub(super) struct Reader {
    decoder: Decoder,
    buffer: Vec<u8>,
    current: Option<Current>,
}

/// What came of receiving data.
enum Received {
    Nothing,
    /// Some, perhaps, and so many bytes beyond the last of it.
    Data {
        beyond: usize,
    },
    /// There is no place for it: nobody waits for it any more.
    Unwanted,
}

/// The response that is coming in.
struct Current {
    entry: Entry,
    /// What of it fits its request.
    fits: bool,
    /// Bytes of data that have come.
    offset: usize,
}

impl Reader {
    /// Goes on where the handshake has left `decoder`.
    pub(super) fn new(decoder: Decoder) -> Reader {
        Reader {
            decoder,
            buffer: vec![0; 1 << 16],
            current: None,
        }
    }

    /// Receives once, and works through what came. False: there was nothing.
    pub(super) fn receive(
        &mut self,
        connection: &Connection,
        shared: &Shared,
        mode: Mode,
    ) -> Result<bool, ReadError> {
        if let Some(entry) = self.expected(connection) {
            if let Some(some) = self.receive_expected(connection, shared, mode, &entry)? {
                return Ok(some);
            }
        }
        let remaining = self.decoder.data_remaining();
        if remaining >= DIRECT {
            match self.receive_data(connection, mode, remaining)? {
                Received::Nothing => return Ok(false),
                Received::Data { beyond } => {
                    if self.decoder.data_remaining() == 0 {
                        self.work_buffer(connection, shared, 0..beyond)?;
                    }
                    return Ok(true);
                }
                Received::Unwanted => {}
            }
        }
        // Of large data only the beginning comes this way: the rest needs no copy.
        let most = if connection.expects_large() {
            LOOK_AHEAD
        } else {
            self.buffer.len()
        };
        match socket::receive(&connection.responses, &mut self.buffer[..most], mode) {
            Ok(0) => Err(ReadError::End),
            Ok(count) => self
                .work_buffer(connection, shared, 0..count)
                .map(|()| true),
            Err(error) if socket::is_early(&error) => Ok(false),
            Err(error) => Err(ReadError::Io(error)),
        }
    }

    /// Receives data into the memory of its transaction, and what comes behind it into the buffer.
    fn receive_data(
        &mut self,
        connection: &Connection,
        mode: Mode,
        remaining: u64,
    ) -> Result<Received, ReadError> {
        let Some(current) = self.current.as_mut().filter(|current| current.fits) else {
            return Ok(Received::Unwanted);
        };
        let mut lock = current.entry.transaction.lock();
        let place = lock
            .bytes_mut()
            .and_then(|bytes| bytes.get_mut(current.offset..));
        let Some(place) = place else {
            current.fits = false;
            return Ok(Received::Unwanted);
        };
        let room = place
            .len()
            .min(usize::try_from(remaining).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(Received::Unwanted);
        }
        // Where the data ends, the rest of the response saves a call of its own.
        let behind = if room as u64 == remaining {
            LOOK_AHEAD
        } else {
            0
        };
        let behind = &mut self.buffer[..behind];
        match socket::receive_parts(&connection.responses, [&mut place[..room], behind]) {
            Ok(0) => Err(ReadError::End),
            Ok(count) => {
                let data = count.min(room);
                current.offset += data;
                self.decoder.data_taken(data as u64);
                Ok(Received::Data {
                    beyond: count - data,
                })
            }
            Err(error) if socket::is_early(&error) => {
                drop(lock);
                // Not under the lock: its master may want to give up.
                let more = mode == Mode::Wait
                    && socket::wait(&connection.responses, Until::Readable, READ_LIMIT);
                Ok(if more {
                    Received::Data { beyond: 0 }
                } else {
                    Received::Nothing
                })
            }
            Err(error) => Err(ReadError::Io(error)),
        }
    }

    /// Works through a part of the buffer.
    fn work_buffer(
        &mut self,
        connection: &Connection,
        shared: &Shared,
        part: Range<usize>,
    ) -> Result<(), ReadError> {
        let buffer = std::mem::take(&mut self.buffer);
        let result = self.work(connection, shared, &buffer[part]);
        self.buffer = buffer;
        shared.made_room();
        result
    }

    fn work(
        &mut self,
        connection: &Connection,
        shared: &Shared,
        mut input: &[u8],
    ) -> Result<(), ReadError> {
        let now = Instant::now();
        let mut oldest = u64::MAX;
        loop {
            while let Some(message) = self.decoder.take_message(&mut input) {
                let data = message.data.unwrap_or(&[]);
                let response = Response {
                    header: message.header,
                    malformed: None,
                    size: data.len() as u64,
                    data: Some(data),
                    result: message.result,
                };
                answer(connection, shared, &response, true, (now, &mut oldest));
            }
            let event = self
                .decoder
                .decode(&mut input)
                .map_err(|error| ReadError::Protocol(error.to_string()))?;
            let Some(event) = event else { return Ok(()) };
            match event {
                Event::Header(header) => {
                    self.current = connection.find(header.id).map(|entry| Current {
                        // Only these move data this way: a Write's memory is never written to.
                        fits: fit(&entry.header, &header).is_ok()
                            && matches!(entry.header.kind, READ | VERIFY),
                        entry,
                        offset: 0,
                    });
                }
                Event::Data(piece) => {
                    if let Some(current) = &mut self.current {
                        current.take(piece);
                    }
                }
                Event::End(end) => {
                    let waited_for = self.current.take().is_some();
                    let response = Response {
                        header: end.header,
                        malformed: end.malformed,
                        size: end.data_len.unwrap_or(0),
                        data: None,
                        result: self.decoder.result(),
                    };
                    answer(
                        connection,
                        shared,
                        &response,
                        waited_for,
                        (now, &mut oldest),
                    );
                }
                Event::Ping { pong } => {
                    // Nothing else is ever written here, so the socket has room for it.
                    let pong = std::io::IoSlice::new(pong.as_bytes());
                    socket::send(&connection.responses, &[pong]).map_err(ReadError::Io)?;
                }
                // The handshake is over; the decoder lets no second one pass.
                Event::Greeting { .. } | Event::Ready { .. } => {}
            }
        }
    }
}

impl Current {
    /// Puts a piece of data where it belongs.
    fn take(&mut self, piece: &[u8]) {
        let Header { kind, .. } = self.entry.header;
        let start = self.offset;
        self.offset = start.saturating_add(piece.len());
        if !self.fits || !matches!(kind, READ | VERIFY) {
            return;
        }
        let mut lock = self.entry.transaction.lock();
        if let Some(place) = lock
            .bytes_mut()
            .and_then(|bytes| bytes.get_mut(start..self.offset))
        {
            place.copy_from_slice(piece);
        }
    }
}

/// Whether a response has the address, size and type of its request.
fn fit(request: &Header, response: &Header) -> Result<(), String> {
    let (a, b) = (request, response);
    if a.address != b.address {
        return Err(format!(
            "address {:#x} instead of {:#x}",
            b.address, a.address
        ));
    }
    if a.size != b.size {
        return Err(format!("size {} instead of {}", b.size, a.size));
    }
    if a.kind != b.kind {
        return Err(format!("type {} instead of {}", b.kind, a.kind));
    }
    Ok(())
}

/// A complete response.
struct Response<'a> {
    header: Header,
    malformed: Option<Malformed>,
    /// Bytes of data that it brought.
    size: u64,
    /// These, if they have not been put where they belong.
    data: Option<&'a [u8]>,
    result: &'a [u8],
}

impl Response<'_> {
    /// What it says about `request`.
    fn outcome(&self, request: &Header) -> Result<(), Error> {
        let protocol = |text: String| {
            Err(Error::new(
                ErrorKind::Protocol,
                format!("The response does not fit its request: {text}"),
            ))
        };
        if let Err(text) = fit(request, &self.header) {
            return protocol(text);
        }
        if let Some(malformed) = &self.malformed {
            return protocol(malformed.to_string());
        }
        // What went wrong at the slave says more than how much data came with it.
        decode_result(self.result).map_err(|text| Error::new(ErrorKind::Failed, text))?;
        if matches!(request.kind, READ | VERIFY) && self.size != u64::from(request.size) {
            return protocol(format!(
                "{} bytes of data for a size of {}",
                self.size, request.size
            ));
        }
        Ok(())
    }
}

/// Completes the transaction that a response answers, if one was `waited_for` when it began. It came
/// at `now`, together with others, the `oldest` of which has renewed what it may.
fn answer(
    connection: &Connection,
    shared: &Shared,
    response: &Response,
    waited_for: bool,
    (now, oldest): (Instant, &mut u64),
) {
    let header = &response.header;
    let answered = if waited_for {
        connection.answered(header.id, now, |request| response.outcome(request))
    } else {
        None
    };
    let Some((entry, outcome)) = answered else {
        // Late, or of somebody else. A fact for who looks into it, not a fault of the user's.
        shared.say(
            About::Stray,
            format_args!(
                "No transaction waits for the response id={}, addr=0x{:x}, size={}, type={}",
                header.id, header.address, header.size, header.kind
            ),
        );
        return;
    };
    ::log::debug!(
        target: &shared.name,
        "Response for transaction id={}, addr=0x{:x}, size={}, type={}, result: ({})",
        header.id,
        header.address,
        header.size,
        header.kind,
        outcome.as_ref().err().map_or("OK", Error::text)
    );
    let transaction = entry.transaction;
    if transaction.order() < *oldest {
        *oldest = transaction.order();
        shared.renewals.answered(*oldest, now);
    }
    if shared.holds_back() {
        // Now, since a completion callback may wait for who is held back.
        shared.made_room();
    }
    match (outcome, response.data) {
        (Ok(()), Some(data)) if matches!(entry.header.kind, READ | VERIFY) => {
            transaction.done_with(data)
        }
        (Ok(()), _) => transaction.done(),
        (Err(error), _) => transaction.fail(error),
    };
}
