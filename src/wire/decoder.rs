//! Turns what a peer sends on one connection, in pieces of any size, into events. It knows no
//! socket and no time; what is done about an event is the endpoint's affair.

use super::command::{read_later, read_ready};
use super::frame::{FrameHeader, Gather};
use super::limits::{Limits, Messages, MAX_COMMAND_AFTER_READY, MAX_DATA_FRAME, MAX_FIELD_FRAME};
use super::{greeting, message, End, Event, Field, Header, Malformed, Message, Role, WireError};
use super::{GREETING_SIZE, RESULT_KEPT};

/// What the next byte of the input belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Greeting,
    FrameHeader,
    /// A command's body, gathered in `scratch`.
    Command,
    /// A frame of the header, gathered in `field`.
    Field(Field),
    /// The data frame, delivered in pieces.
    Data,
    /// The result frame, kept up to `RESULT_KEPT` bytes.
    Result,
    /// A frame that nobody wants.
    Skip,
    /// To no byte: the message is complete, and the caller must be told.
    End,
}

/// Reads one direction of one connection.
///
/// After an error it gives the same error for ever; the connection is to be closed.
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    messages: Messages,
    limits: Limits,
    state: State,
    ready: bool,
    failed: Option<WireError>,
    /// The greeting, then READY, then each command. After READY it never grows beyond
    /// `MAX_COMMAND_AFTER_READY`, and it is not used at all for messages.
    scratch: Vec<u8>,
    gather: Gather,
    /// Of the current frame: bytes that have not come yet, and whether another frame follows.
    left: u64,
    more: bool,
    /// Of the current message: frames that are complete, and what is known so far.
    frames: u8,
    message: End,
    /// The bytes of the current header frame that have come, at its end.
    field: [u8; 8],
    result: [u8; RESULT_KEPT],
    result_len: usize,
}

impl Decoder {
    /// A decoder for a new connection, on which our end has `role` and the peer may send
    /// `messages`.
    pub fn new(role: Role, messages: Messages, limits: Limits) -> Decoder {
        Decoder {
            role,
            messages,
            limits,
            state: State::Greeting,
            ready: false,
            failed: None,
            scratch: Vec::new(),
            gather: Gather::default(),
            left: GREETING_SIZE as u64,
            more: false,
            frames: 0,
            message: End::default(),
            field: [0; 8],
            result: [0; RESULT_KEPT],
            result_len: 0,
        }
    }

    /// Takes bytes from the front of `input` and returns the next event, or `None` when all of
    /// `input` was taken and more is needed.
    ///
    /// An event may be due without any further byte, so call it until it returns `None`, not until
    /// `input` is empty.
    ///
    /// # Errors
    /// The peer broke the protocol. What is left of `input` is of no use then.
    pub fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, WireError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        // Mostly so, after messages that were taken whole.
        if input.is_empty() && self.is_between() {
            return Ok(None);
        }
        let outcome = self.step(input);
        if let Err(error) = &outcome {
            self.failed = Some(error.clone());
        }
        outcome
    }

    /// Takes the next message from the front of `input` at once, if all of it is there and looks as
    /// usual, with little data. `None`, and nothing taken, if not: [`decode`](Self::decode) will
    /// tell what it is. To be called where a message could begin.
    ///
    /// It costs a fraction of what the events of the same message do; leaving it out would change
    /// nothing else.
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

    /// Bytes of the current data frame that have not been delivered; 0 outside of one and in one
    /// that is skipped.
    pub fn data_remaining(&self) -> u64 {
        match self.state {
            State::Data => self.left,
            _ => 0,
        }
    }

    /// Tells that the caller has itself read the next `n` bytes of the current data frame from the
    /// socket. Only right when `decode` has returned `None`, so that no earlier byte is left over.
    /// If these were the message's last bytes, `decode` returns its end without further input.
    ///
    /// `n` over [`data_remaining`](Self::data_remaining) counts as that many.
    pub fn data_taken(&mut self, n: u64) {
        if self.state == State::Data {
            self.left = self.left.saturating_sub(n);
            if self.left == 0 {
                self.finish_frame();
            }
        }
    }

    /// Passes over what is left of the current data frame, as if it were too long:
    /// [`End::skipped`](super::End::skipped) will say so. Nothing happens outside of one.
    pub fn skip_data(&mut self) {
        if self.state == State::Data {
            self.state = State::Skip;
            self.message.skipped = true;
        }
    }

    /// The result frame of the response whose end was returned last, cut to [`RESULT_KEPT`] bytes;
    /// empty if it had none. Valid until `decode` is called with further input.
    pub fn result(&self) -> &[u8] {
        &self.result[..self.result_len]
    }

    /// Whether the peer's READY has come.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Whether a message has begun and not all of its bytes have come: if the connection ended now
    /// it would be cut off.
    pub fn mid_message(&self) -> bool {
        match self.state {
            State::Greeting | State::Command | State::End => false,
            State::FrameHeader => self.frames > 0 || self.gather.holds_part_of_message(),
            State::Field(_) | State::Data | State::Result | State::Skip => true,
        }
    }

    /// Whether the handshake is over, and the next byte begins a message or a command.
    pub fn is_between(&self) -> bool {
        self.ready && self.state == State::FrameHeader && self.frames == 0 && self.gather.is_empty()
    }

    fn step<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, WireError> {
        // Each turn takes bytes, returns, or finds the frame complete; a frame header always takes
        // some, so the loop ends with the input at the latest.
        loop {
            match self.state {
                State::FrameHeader => {
                    if let Some(header) = self.whole_header(input) {
                        return Ok(Some(Event::Header(header)));
                    }
                    match self.gather.take(input)? {
                        Some(frame) => self.begin_frame(frame)?,
                        None => return Ok(None),
                    }
                }
                State::Field(field) => {
                    if !self.gather_field(input) {
                        return Ok(None);
                    }
                    self.set_field(field);
                    self.finish_frame();
                    if field == Field::Type && self.message.malformed.is_none() {
                        self.message.header_known = true;
                        return Ok(Some(Event::Header(self.message.header)));
                    }
                }
                State::Data => {
                    let piece = self.take(input);
                    if piece.is_empty() {
                        return Ok(None);
                    }
                    if self.left == 0 {
                        self.finish_frame();
                    }
                    return Ok(Some(Event::Data(piece)));
                }
                State::Result => {
                    let piece = self.take(input);
                    let kept = piece.len().min(RESULT_KEPT - self.result_len);
                    self.result[self.result_len..][..kept].copy_from_slice(&piece[..kept]);
                    self.result_len += kept;
                    if self.left > 0 {
                        return Ok(None);
                    }
                    self.finish_frame();
                }
                State::Skip => {
                    self.take(input);
                    if self.left > 0 {
                        return Ok(None);
                    }
                    self.finish_frame();
                }
                State::End => return Ok(Some(Event::End(self.end_message()))),
                State::Greeting => {
                    let piece = self.take(input);
                    self.scratch.extend_from_slice(piece);
                    greeting::check(&self.scratch)?;
                    if self.left > 0 {
                        return Ok(None);
                    }
                    self.state = State::FrameHeader;
                    let (major, minor) = (self.scratch[10], self.scratch[11]);
                    return Ok(Some(Event::Greeting { major, minor }));
                }
                State::Command => {
                    let piece = self.take(input);
                    self.scratch.extend_from_slice(piece);
                    if self.left > 0 {
                        return Ok(None);
                    }
                    self.state = State::FrameHeader;
                    if let Some(event) = self.command()? {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    /// The part of `input` that belongs to the current frame, at most all of it.
    fn take<'a>(&mut self, input: &mut &'a [u8]) -> &'a [u8] {
        let n = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        let (piece, rest) = input.split_at(n);
        *input = rest;
        self.left -= n as u64;
        piece
    }

    /// Takes the four header frames at once if they have come together and look as usual. Halves
    /// the cost of a small message; leaving it out would change nothing else.
    fn whole_header(&mut self, input: &mut &[u8]) -> Option<Header> {
        if !self.is_between() || self.messages == Messages::None {
            return None;
        }
        let (header, more) = message::read_head(input)?;
        *input = &input[message::FIELDS..];
        self.result_len = 0;
        self.message = End {
            header,
            header_known: true,
            ..End::default()
        };
        self.frames = 3;
        self.more = more;
        self.finish_frame();
        Some(header)
    }

    fn begin_frame(&mut self, frame: FrameHeader) -> Result<(), WireError> {
        if frame.command {
            return self.begin_command(frame.length);
        }
        if !self.ready {
            return Err(WireError::MessageBeforeReady);
        }
        let (_, most) = self.messages.frames();
        if most == 0 {
            return Err(WireError::UnexpectedMessage);
        }
        // Told by the flag of the last frame allowed, before anything of what is over comes.
        if frame.more && self.frames + 1 >= most {
            return Err(WireError::TooManyFrames { most });
        }
        if self.frames == 0 {
            self.message = End::default();
            self.result_len = 0;
        }
        self.left = frame.length;
        self.more = frame.more;
        let field = match self.frames {
            0 => Field::Id,
            1 => Field::Address,
            2 => Field::Size,
            3 => Field::Type,
            4 => Field::Data,
            _ => Field::Result,
        };
        let limit = if field == Field::Data {
            MAX_DATA_FRAME
        } else {
            MAX_FIELD_FRAME
        };
        if frame.length > limit {
            return Err(WireError::FrameTooLong {
                field,
                length: frame.length,
                limit,
            });
        }
        self.state = self.body_state(field, frame.length);
        if frame.length == 0 {
            self.finish_frame();
        }
        Ok(())
    }

    /// What becomes of a frame's body.
    fn body_state(&mut self, field: Field, length: u64) -> State {
        let sound = self.message.malformed.is_none();
        match field {
            Field::Data => {
                self.message.data_len = Some(length);
                self.message.skipped = !sound || length > self.limits.max_data;
                if self.message.skipped {
                    State::Skip
                } else {
                    State::Data
                }
            }
            Field::Result => {
                if sound {
                    State::Result
                } else {
                    State::Skip
                }
            }
            // The fields of a spoilt message are still read: they help whoever looks for the
            // reason.
            _ if field.fixed_length() == Some(length) => State::Field(field),
            _ => {
                self.message
                    .malformed
                    .get_or_insert(Malformed::FieldLength { field, length });
                State::Skip
            }
        }
    }

    /// Gathers a header frame at the end of `field`; whether it is complete.
    fn gather_field(&mut self, input: &mut &[u8]) -> bool {
        let piece = self.take(input);
        // `left` is at most 7 here, since a frame that comes here has at most 8 bytes.
        let end = self.field.len() - self.left as usize;
        self.field[end - piece.len()..end].copy_from_slice(piece);
        self.left == 0
    }

    fn set_field(&mut self, field: Field) {
        let header = &mut self.message.header;
        let wide = u64::from_le_bytes(self.field);
        // A field of 4 bytes lies in the last four: the upper half, in this byte order.
        let narrow = (wide >> 32) as u32;
        match field {
            Field::Id => header.id = narrow,
            Field::Address => header.address = wide,
            Field::Size => header.size = narrow,
            Field::Type => header.kind = narrow,
            Field::Data | Field::Result => {}
        }
    }

    fn finish_frame(&mut self) {
        self.frames += 1;
        self.state = if self.more {
            State::FrameHeader
        } else {
            State::End
        };
    }

    fn end_message(&mut self) -> End {
        let (least, _) = self.messages.frames();
        let frames = self.frames;
        if frames < least {
            self.message
                .malformed
                .get_or_insert(Malformed::FrameCount { frames, least });
        }
        self.frames = 0;
        self.state = State::FrameHeader;
        self.message.clone()
    }

    fn begin_command(&mut self, length: u64) -> Result<(), WireError> {
        if self.frames > 0 {
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
        self.state = State::Command;
        Ok(())
    }

    /// Acts upon the complete command in `scratch`.
    fn command<'a>(&mut self) -> Result<Option<Event<'a>>, WireError> {
        if self.ready {
            return Ok(read_later(&self.scratch)?.map(|pong| Event::Ping { pong }));
        }
        let session = read_ready(&self.scratch, self.role, &self.limits)?;
        self.ready = true;
        // READY may have been long, and nothing as long will come again.
        self.scratch = Vec::new();
        Ok(Some(Event::Ready { session }))
    }
}
