//! Reads what the server sends: puts data where it belongs, and completes transactions.

use std::io;
use std::net::TcpStream;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::context::{About, ClientContext, READ_LIMIT};
use super::pending::{Entry, Pending};
use super::response::{fit, Response};
use crate::bus::{READ, VERIFY};
use crate::endpoint::liveness::Gone;
use crate::endpoint::socket::{self, Mode, Until, MIN_IN_PLACE, READ_AHEAD};
use crate::error::Error;
use crate::wire::{response_head, Decoder, Event, Header};

/// Why a connection cannot be read any more.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The server has closed it.
    End,
    Io(io::Error),
    /// The server is gone, as far as its host's acknowledgements show.
    Gone(Gone),
    /// The server sent what no server may send.
    Protocol(String),
}

/// The receiving half of a connection.
pub(super) struct Reader {
    context: Arc<ClientContext>,
    pending: Arc<Pending>,
    stream: Arc<TcpStream>,
    decoder: Decoder,
    buffer: Vec<u8>,
    current: Option<Current>,
}

/// The response that is coming in.
struct Current {
    entry: Entry,
    /// It fits its request, and its data belongs in the transaction's memory.
    fits: bool,
    /// Bytes of data that have come.
    offset: usize,
}

/// The outcome of receiving data in place.
enum InPlace {
    Nothing,
    /// Data, and `beyond` bytes behind the last of it.
    Data {
        beyond: usize,
    },
    /// The memory for the data is gone.
    Unwanted,
}

/// The responses that came with one call.
struct Batch {
    /// When they came.
    at: Instant,
    /// The lowest place in the order of creation among the transactions answered. The answer to
    /// that one has renewed the deadlines; answers to later ones add nothing.
    oldest: u64,
}

impl Reader {
    /// A reader of `stream` that goes on where the handshake has left `decoder`.
    pub(super) fn new(
        context: Arc<ClientContext>,
        pending: Arc<Pending>,
        stream: Arc<TcpStream>,
        decoder: Decoder,
    ) -> Reader {
        Reader {
            context,
            pending,
            stream,
            decoder,
            buffer: vec![0; 1 << 16],
            current: None,
        }
    }

    /// Receives what is there, or waits for it if `mode` is `Wait`, and completes the transactions
    /// that it answers. False if nothing came. An error is the end of the connection.
    pub(super) fn receive(&mut self, mode: Mode) -> Result<bool, ReadError> {
        let some = self.receive_once(mode)?;
        if some {
            self.pending.hear();
        }
        Ok(some)
    }

    fn receive_once(&mut self, mode: Mode) -> Result<bool, ReadError> {
        if let Some(entry) = self.expected() {
            if let Some(some) = self.receive_expected(mode, &entry)? {
                return Ok(some);
            }
        }
        let remaining = self.decoder.data_remaining();
        if remaining >= MIN_IN_PLACE {
            match self.receive_data(mode, remaining)? {
                InPlace::Nothing => return Ok(false),
                InPlace::Data { beyond } => {
                    if self.decoder.data_remaining() == 0 {
                        self.work_buffer(0..beyond)?;
                    }
                    return Ok(true);
                }
                InPlace::Unwanted => {}
            }
        }
        // Data that is received in place is not copied, so only its beginning comes this way.
        let most = if self.pending.expects_in_place() {
            READ_AHEAD
        } else {
            self.buffer.len()
        };
        match socket::receive(&self.stream, &mut self.buffer[..most], mode) {
            Ok(0) => Err(ReadError::End),
            Ok(count) => self.work_buffer(0..count).map(|()| true),
            Err(error) if socket::is_early(&error) => Ok(false),
            Err(error) => Err(ReadError::Io(error)),
        }
    }

    /// The transaction whose response comes next, with nothing of it read yet, if it is received in
    /// place.
    fn expected(&self) -> Option<Entry> {
        (self.decoder.is_between() && self.current.is_none())
            .then(|| self.pending.only_in_place())?
    }

    /// Receives once, as if the response to `entry` came next: its head, its data in place, and
    /// what follows. `None` if the transaction's memory is gone; then nothing was received.
    ///
    /// The head of a response is known beforehand, except for failures and PINGs. To receive the
    /// head first and the data with a second call takes twice the time on one core for a block of 1
    /// MiB, for plain sockets too (`docs/performance.md`).
    fn receive_expected(&mut self, mode: Mode, entry: &Entry) -> Result<Option<bool>, ReadError> {
        // Wait without the lock: the master may give up meanwhile.
        if mode == Mode::Wait && !socket::wait(&self.stream, Until::Readable, READ_LIMIT) {
            return Ok(Some(false));
        }
        let mut lock = entry.transaction.lock();
        let size = entry.header.size as usize;
        let Some(place) = lock.bytes_mut().filter(|place| place.len() == size) else {
            return Ok(None);
        };
        let expected = response_head(&entry.header, size);
        let (head, behind) = self.buffer.split_at_mut(expected.len());
        let parts = [&mut *head, &mut *place, &mut behind[..READ_AHEAD]];
        let count = match socket::receive_parts(&self.stream, parts) {
            Ok(0) => return Err(ReadError::End),
            Ok(count) => count,
            Err(error) if socket::is_early(&error) => return Ok(Some(false)),
            Err(error) => return Err(ReadError::Io(error)),
        };
        let in_head = count.min(expected.len());
        let in_place = (count - in_head).min(size);
        let beyond = count - in_head - in_place;
        let as_expected = *head == *expected;
        // If something else has come, its bytes must not stay in the transaction's memory.
        let mut stray = Vec::new();
        if !as_expected {
            stray
                .try_reserve_exact(in_place)
                .map_err(|_| ReadError::Io(io::ErrorKind::OutOfMemory.into()))?;
            stray.extend_from_slice(&place[..in_place]);
            place[..in_place].fill(0);
        }
        drop(lock);

        let start_of_rest = expected.len();
        self.work_buffer(0..in_head)?;
        if as_expected {
            if let Some(current) = &mut self.current {
                current.offset += in_place;
            }
            self.decoder.data_taken(in_place as u64);
        } else {
            self.work(&stray)?;
        }
        if in_place == size {
            self.work_buffer(start_of_rest..start_of_rest + beyond)?;
        }
        Ok(Some(true))
    }

    /// Receives data into the memory of its transaction, and what follows into the buffer.
    fn receive_data(&mut self, mode: Mode, remaining: u64) -> Result<InPlace, ReadError> {
        let Some(current) = self.current.as_mut().filter(|current| current.fits) else {
            return Ok(InPlace::Unwanted);
        };
        let mut lock = current.entry.transaction.lock();
        let place = lock
            .bytes_mut()
            .and_then(|bytes| bytes.get_mut(current.offset..));
        let Some(place) = place else {
            current.fits = false;
            return Ok(InPlace::Unwanted);
        };
        let room = place
            .len()
            .min(usize::try_from(remaining).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(InPlace::Unwanted);
        }
        // If the data may end here, the same call receives the rest of the response.
        let behind = if room as u64 == remaining {
            READ_AHEAD
        } else {
            0
        };
        let behind = &mut self.buffer[..behind];
        match socket::receive_parts(&self.stream, [&mut place[..room], behind]) {
            Ok(0) => Err(ReadError::End),
            Ok(count) => {
                let data = count.min(room);
                current.offset += data;
                self.decoder.data_taken(data as u64);
                Ok(InPlace::Data {
                    beyond: count - data,
                })
            }
            Err(error) if socket::is_early(&error) => {
                drop(lock);
                // Wait without the lock: the master may give up meanwhile.
                let more =
                    mode == Mode::Wait && socket::wait(&self.stream, Until::Readable, READ_LIMIT);
                Ok(if more {
                    InPlace::Data { beyond: 0 }
                } else {
                    InPlace::Nothing
                })
            }
            Err(error) => Err(ReadError::Io(error)),
        }
    }

    /// Decodes a part of the buffer.
    fn work_buffer(&mut self, part: Range<usize>) -> Result<(), ReadError> {
        let buffer = std::mem::take(&mut self.buffer);
        let result = self.work(&buffer[part]);
        self.buffer = buffer;
        self.context.room.freed();
        result
    }

    fn work(&mut self, mut input: &[u8]) -> Result<(), ReadError> {
        let mut batch = Batch {
            at: Instant::now(),
            oldest: u64::MAX,
        };
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
                self.answer(&response, &mut batch);
            }
            let event = self
                .decoder
                .decode(&mut input)
                .map_err(|error| ReadError::Protocol(error.to_string()))?;
            let Some(event) = event else { return Ok(()) };
            match event {
                Event::Header(header) => {
                    self.current = self.pending.find(header.id).map(|entry| Current {
                        // Other types move no data this way: the memory of a Write is never written
                        // to.
                        fits: fit(&entry.header, &header).is_ok()
                            && matches!(entry.header.kind, READ | VERIFY),
                        entry,
                        offset: 0,
                    });
                }
                Event::Data(piece) => {
                    if let Some(current) = &mut self.current {
                        current.put(piece);
                    }
                }
                Event::End(end) => {
                    let response = Response {
                        header: end.header,
                        malformed: end.malformed,
                        size: end.data_len.unwrap_or(0),
                        data: None,
                        result: self.decoder.result(),
                    };
                    // A transaction that was not found at the header has got none of the data.
                    match self.current.take() {
                        Some(_) => self.answer(&response, &mut batch),
                        None => self.tell_stray(&response.header),
                    }
                }
                Event::Ping { pong } => {
                    // Nothing else is ever written here, so the socket has room for it.
                    let pong = io::IoSlice::new(pong.as_bytes());
                    socket::send(&self.stream, &[pong]).map_err(ReadError::Io)?;
                }
                // The handshake is over; the decoder lets no second one pass.
                Event::Greeting { .. } | Event::Ready { .. } => {}
            }
        }
    }

    /// Completes the transaction that a response answers.
    fn answer(&self, response: &Response, batch: &mut Batch) {
        let header = &response.header;
        let judge = |request: &Header| response.outcome(request);
        let Some((entry, outcome)) = self.pending.answered(header.id, batch.at, judge) else {
            return self.tell_stray(header);
        };
        ::log::debug!(
            target: &self.context.name,
            "Response for transaction id={}, addr=0x{:x}, size={}, type={}, result: ({})",
            header.id,
            header.address,
            header.size,
            header.kind,
            outcome.as_ref().err().map_or("OK", Error::text)
        );
        let transaction = entry.transaction;
        if transaction.order() < batch.oldest {
            batch.oldest = transaction.order();
            self.context.renewals.answered(batch.oldest, batch.at);
        }
        if self.context.room.is_waited_for() {
            // Before the completion, whose callback may wait for a thread that waits for a slot.
            self.context.room.freed();
        }
        match (outcome, response.data) {
            (Ok(()), Some(data)) if matches!(entry.header.kind, READ | VERIFY) => {
                transaction.done_with(data)
            }
            (Ok(()), _) => transaction.done(),
            (Err(error), _) => transaction.fail(error),
        };
    }

    /// Logs a response for which no transaction waits: it is late, or meant for another client.
    /// That is no error, but may explain one.
    fn tell_stray(&self, header: &Header) {
        self.context.say(
            About::Stray,
            format_args!(
                "No transaction waits for the response id={}, addr=0x{:x}, size={}, type={}",
                header.id, header.address, header.size, header.kind
            ),
        );
    }
}

impl Current {
    /// Puts a piece of data where it belongs.
    fn put(&mut self, piece: &[u8]) {
        let start = self.offset;
        self.offset = start.saturating_add(piece.len());
        if !self.fits {
            return;
        }
        let mut lock = self.entry.transaction.lock();
        let place = lock
            .bytes_mut()
            .and_then(|bytes| bytes.get_mut(start..self.offset));
        if let Some(place) = place {
            place.copy_from_slice(piece);
        }
    }
}
