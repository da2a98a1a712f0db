//! Turns the bytes that a peer sends on one connection, in pieces of any size, into events. It
//! knows neither sockets nor the time; the endpoint acts upon the events.

use super::command::{read_later, read_ready};
use super::error::WireError;
use super::event::Event;
use super::frame::{FrameHeader, HeaderBuffer};
use super::greeting::{self, GREETING_SIZE};
use super::incoming::{FrameBody, IncomingMessage};
use super::limits::{Limits, Messages, Role, MAX_COMMAND_AFTER_READY};
use super::message::{self, Header, Message};

/// What the next byte of the input belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Greeting,
    FrameHeader,
    /// A command's body, collected in `scratch`.
    Command,
    /// The body of a message frame.
    Body(FrameBody),
    /// Nothing: the message is complete, and `Event::End` must be returned.
    MessageEnd,
}

/// Reads one direction of one connection.
///
/// After an error it returns the same error forever. Close the connection then.
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    messages: Messages,
    limits: Limits,
    next: Next,
    ready: bool,
    failed: Option<WireError>,
    /// The greeting, then READY, then each command. After READY it never grows beyond
    /// `MAX_COMMAND_AFTER_READY`. Messages do not use it.
    scratch: Vec<u8>,
    header: HeaderBuffer,
    /// Bytes of the current frame that have not come yet.
    left: u64,
    message: IncomingMessage,
}

impl Decoder {
    /// A decoder for a new connection, on which our end has `role` and the peer may send
    /// `messages`.
    pub fn new(role: Role, messages: Messages, limits: Limits) -> Decoder {
        Decoder {
            role,
            messages,
            limits,
            next: Next::Greeting,
            ready: false,
            failed: None,
            scratch: Vec::new(),
            header: HeaderBuffer::default(),
            left: GREETING_SIZE as u64,
            message: IncomingMessage::default(),
        }
    }

    /// Takes bytes from the front of `input` and returns the next event. `None`: all of `input` was
    /// taken, and more is needed.
    ///
    /// Call it until it returns `None`, not until `input` is empty: an event may be due without any
    /// further byte.
    ///
    /// # Errors
    /// The peer broke the protocol. The rest of `input` has no meaning then.
    pub fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, WireError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        // The usual case after `take_message` has taken everything.
        if input.is_empty() && self.is_between() {
            return Ok(None);
        }
        let outcome = self.step(input);
        if let Err(error) = &outcome {
            self.failed = Some(error.clone());
        }
        outcome
    }

    /// Takes the next message from the front of `input` at once, if it is complete, in the usual
    /// form, and has little data. Otherwise `None`, and nothing is taken: call
    /// [`decode`](Self::decode). Use it where a message could begin.
    ///
    /// It costs a fraction of the events of the same message, and has no other effect.
    pub fn take_message<'a>(&mut self, input: &mut &'a [u8]) -> Option<Message<'a>> {
        if !self.is_between() || self.failed.is_some() {
            return None;
        }
        let (least, most) = self.messages.frames();
        let (message, rest) = message::read_whole(input, least, most)?;
        let size = message.data.map_or(0, <[u8]>::len);
        if size as u64 > self.limits.max_data {
            return None;
        }
        *input = rest;
        Some(message)
    }

    /// Bytes of the current data frame that have not been delivered. 0 outside of a data frame, and
    /// in one that is skipped.
    pub fn data_remaining(&self) -> u64 {
        match self.next {
            Next::Body(FrameBody::Data) => self.left,
            _ => 0,
        }
    }

    /// Counts `n` bytes of the current data frame as delivered: the caller has read them from the
    /// socket itself. Call it only after `decode` has returned `None`, so that no earlier byte is
    /// left. If these were the message's last bytes, `decode` returns its end without further
    /// input.
    ///
    /// `n` is cut to [`data_remaining`](Self::data_remaining).
    pub fn data_taken(&mut self, n: u64) {
        if self.next == Next::Body(FrameBody::Data) {
            self.left = self.left.saturating_sub(n);
            if self.left == 0 {
                self.finish_frame();
            }
        }
    }

    /// Discards the rest of the current data frame and sets
    /// [`MessageEnd::skipped`](super::MessageEnd::skipped), as for a frame that is too long. Does
    /// nothing outside of a data frame.
    pub fn skip_data(&mut self) {
        if self.next == Next::Body(FrameBody::Data) {
            self.next = Next::Body(FrameBody::Skip);
            self.message.skip_data();
        }
    }

    /// The result frame of the response whose end was returned last, cut to
    /// [`RESULT_KEPT`](super::RESULT_KEPT) bytes; empty if it had none. Valid until `decode` is
    /// called with further input.
    pub fn result(&self) -> &[u8] {
        self.message.result()
    }

    /// Whether the peer's READY has come.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Whether a message has begun and is incomplete: it would be cut off if the connection ended
    /// now.
    pub fn mid_message(&self) -> bool {
        match self.next {
            Next::Greeting | Next::Command | Next::MessageEnd => false,
            Next::FrameHeader => self.message.has_begun() || self.header.holds_part_of_message(),
            Next::Body(_) => true,
        }
    }

    /// Whether the handshake is over, and the next byte begins a message or a command.
    pub fn is_between(&self) -> bool {
        self.ready
            && self.next == Next::FrameHeader
            && !self.message.has_begun()
            && self.header.is_empty()
    }

    fn step<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, WireError> {
        // Each round takes bytes, returns, or completes a frame. A frame header is at least two
        // bytes, so the loop ends with the input at the latest.
        loop {
            match self.next {
                Next::FrameHeader => {
                    if let Some(header) = self.whole_header(input) {
                        return Ok(Some(Event::Header(header)));
                    }
                    match self.header.take(input)? {
                        Some(frame) => self.begin_frame(&frame)?,
                        None => return Ok(None),
                    }
                }
                Next::Body(FrameBody::Field(field)) => {
                    let piece = self.take(input);
                    self.message.add_to_field(piece);
                    if self.left > 0 {
                        return Ok(None);
                    }
                    let header = self.message.finish_field(field);
                    self.finish_frame();
                    if let Some(header) = header {
                        return Ok(Some(Event::Header(header)));
                    }
                }
                Next::Body(FrameBody::Data) => {
                    let piece = self.take(input);
                    if piece.is_empty() {
                        return Ok(None);
                    }
                    if self.left == 0 {
                        self.finish_frame();
                    }
                    return Ok(Some(Event::Data(piece)));
                }
                Next::Body(FrameBody::Result) => {
                    let piece = self.take(input);
                    self.message.add_to_result(piece);
                    if self.left > 0 {
                        return Ok(None);
                    }
                    self.finish_frame();
                }
                Next::Body(FrameBody::Skip) => {
                    self.take(input);
                    if self.left > 0 {
                        return Ok(None);
                    }
                    self.finish_frame();
                }
                Next::MessageEnd => {
                    self.next = Next::FrameHeader;
                    return Ok(Some(Event::End(self.message.finish(self.messages))));
                }
                Next::Greeting => {
                    let piece = self.take(input);
                    self.scratch.extend_from_slice(piece);
                    greeting::check(&self.scratch)?;
                    if self.left > 0 {
                        return Ok(None);
                    }
                    self.next = Next::FrameHeader;
                    let (major, minor) = (self.scratch[10], self.scratch[11]);
                    return Ok(Some(Event::Greeting { major, minor }));
                }
                Next::Command => {
                    let piece = self.take(input);
                    self.scratch.extend_from_slice(piece);
                    if self.left > 0 {
                        return Ok(None);
                    }
                    self.next = Next::FrameHeader;
                    if let Some(event) = self.command()? {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    /// Takes the part of `input` that belongs to the current frame, at most all of it.
    fn take<'a>(&mut self, input: &mut &'a [u8]) -> &'a [u8] {
        let n = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        let (piece, rest) = input.split_at(n);
        *input = rest;
        self.left -= n as u64;
        piece
    }

    /// Takes the four header frames at once if they are complete and in the usual form. This halves
    /// the cost of a small message, and has no other effect.
    fn whole_header(&mut self, input: &mut &[u8]) -> Option<Header> {
        if !self.is_between() || self.messages == Messages::None {
            return None;
        }
        let (header, more) = message::read_header(input)?;
        *input = &input[message::HEADER_FRAMES..];
        self.message.begin_with(header, more);
        self.go_on();
        Some(header)
    }

    fn begin_frame(&mut self, frame: &FrameHeader) -> Result<(), WireError> {
        if frame.command {
            return self.begin_command(frame.length);
        }
        if !self.ready {
            return Err(WireError::MessageBeforeReady);
        }
        let max_data = self.limits.max_data;
        let body = self.message.begin_frame(frame, self.messages, max_data)?;
        self.next = Next::Body(body);
        self.left = frame.length;
        if self.left == 0 {
            self.finish_frame();
        }
        Ok(())
    }

    fn finish_frame(&mut self) {
        self.message.finish_frame();
        self.go_on();
    }

    /// Goes on after a complete frame of a message.
    fn go_on(&mut self) {
        self.next = if self.message.has_more() {
            Next::FrameHeader
        } else {
            Next::MessageEnd
        };
    }

    fn begin_command(&mut self, length: u64) -> Result<(), WireError> {
        if self.message.has_begun() {
            return Err(WireError::CommandInsideMessage);
        }
        let limit = if self.ready {
            MAX_COMMAND_AFTER_READY
        } else {
            self.limits.max_command
        };
        let limit = limit as u64;
        if length > limit {
            return Err(WireError::CommandTooLong { length, limit });
        }
        self.left = length;
        self.scratch.clear();
        self.next = Next::Command;
        Ok(())
    }

    /// Acts upon the complete command in `scratch`.
    fn command<'a>(&mut self) -> Result<Option<Event<'a>>, WireError> {
        if self.ready {
            return Ok(read_later(&self.scratch)?.map(|pong| Event::Ping { pong }));
        }
        let session = read_ready(&self.scratch, self.role, &self.limits)?;
        self.ready = true;
        // READY may have been long; later commands are short.
        self.scratch = Vec::new();
        Ok(Some(Event::Ready { session }))
    }
}
