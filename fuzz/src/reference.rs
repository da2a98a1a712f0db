//! What a decoder should make of a stream: a second reader, written from the protocol's description
//! (`docs/protocol.md`, RFC 23 and 37) and from the limits. It has the whole stream before it and
//! takes copies as it likes, so that it can be plain.

use std::mem::{discriminant, Discriminant};

use rogue_memory_bridge::wire::{
    Field, Limits, Malformed, MessageEnd, Messages, SessionId, WireError, MAX_COMMAND_AFTER_READY,
    MAX_FIELD_FRAME, RESULT_KEPT,
};

use crate::seen::{Outcome, Seen, Setting};

/// What is to come of a stream.
#[derive(Debug)]
pub struct Expected {
    pub seen: Vec<Seen>,
    /// An error of this kind.
    pub error: Option<Discriminant<WireError>>,
    pub mid_message: bool,
}

impl PartialEq<Outcome> for Expected {
    fn eq(&self, outcome: &Outcome) -> bool {
        let error = outcome.error.as_ref().map(discriminant);
        // After an error nothing can be cut off any more.
        self.seen == outcome.seen
            && self.error == error
            && (error.is_some() || self.mid_message == outcome.mid_message)
    }
}

/// A frame, of which perhaps only a part is there.
pub struct Frame<'a> {
    pub more: bool,
    pub command: bool,
    pub length: u64,
    pub body: &'a [u8],
    pub whole: bool,
}

/// Why no frame could be had.
pub enum NoFrame {
    /// The stream ends before its body.
    Short,
    Bad(WireError),
}

/// The frame at the beginning of `stream`, and what follows it.
pub fn frame(stream: &[u8]) -> Result<(Frame<'_>, &[u8]), NoFrame> {
    let &flags = stream.first().ok_or(NoFrame::Short)?;
    if flags > 7 {
        return Err(NoFrame::Bad(WireError::ReservedFlags { flags }));
    }
    let (more, long, command) = (flags & 1 > 0, flags & 2 > 0, flags & 4 > 0);
    if more && command {
        return Err(NoFrame::Bad(WireError::CommandWithMore));
    }
    let (length, rest) = if long {
        let (length, rest) = stream[1..].split_first_chunk::<8>().ok_or(NoFrame::Short)?;
        (u64::from_be_bytes(*length), rest)
    } else {
        let (length, rest) = stream[1..].split_first().ok_or(NoFrame::Short)?;
        (u64::from(*length), rest)
    };
    if length > i64::MAX as u64 {
        return Err(NoFrame::Bad(WireError::FrameLength { length }));
    }
    let there = usize::try_from(length).map_or(rest.len(), |length| length.min(rest.len()));
    let (body, after) = rest.split_at(there);
    let frame = Frame {
        more,
        command,
        length,
        body,
        whole: there as u64 == length,
    };
    Ok((frame, after))
}

/// What a decoder with this setting should make of `stream`.
pub fn expected(setting: &Setting, stream: &[u8]) -> Expected {
    let mut reader = Reader {
        setting: *setting,
        seen: Vec::new(),
        ready: false,
        message: None,
    };
    let (error, cut) = match reader.stream(stream) {
        Ok(cut) => (None, cut),
        Err(error) => (Some(discriminant(&error)), false),
    };
    Expected {
        mid_message: cut || reader.message.is_some(),
        seen: reader.seen,
        error,
    }
}

struct Reader {
    setting: Setting,
    seen: Vec<Seen>,
    ready: bool,
    /// The message that has begun.
    message: Option<Message>,
}

#[derive(Default)]
struct Message {
    frames: u8,
    end: MessageEnd,
    result: Vec<u8>,
}

impl Reader {
    /// True if the stream ends within a frame of a message.
    fn stream(&mut self, stream: &[u8]) -> Result<bool, WireError> {
        self.greeting(stream)?;
        let mut rest = stream.get(64..).unwrap_or(&[]);
        loop {
            let begun = rest.first().is_some_and(|flags| flags & 4 == 0);
            let (frame, after) = match frame(rest) {
                Ok(found) => found,
                Err(NoFrame::Short) => return Ok(begun),
                Err(NoFrame::Bad(error)) => return Err(error),
            };
            if frame.command {
                self.command(&frame)?;
            } else {
                self.frame(&frame)?;
            }
            if !frame.whole {
                return Ok(!frame.command);
            }
            rest = after;
        }
    }

    fn greeting(&mut self, stream: &[u8]) -> Result<(), WireError> {
        let at = |offset: usize| stream.get(offset).copied();
        if let Some(byte) = at(0).filter(|byte| *byte != 0xff) {
            return Err(WireError::NotZmtp { offset: 0, byte });
        }
        if let Some(byte) = at(9).filter(|byte| byte % 2 == 0) {
            return Err(WireError::NotZmtp { offset: 9, byte });
        }
        if let Some(revision) = at(10).filter(|revision| *revision < 3) {
            return Err(WireError::OldVersion { revision });
        }
        let name = stream.get(12..32);
        if name.is_some_and(|name| name != b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0") {
            let name = String::new();
            return Err(WireError::Mechanism { name });
        }
        if stream.len() >= 64 {
            self.seen.push(Seen::Greeting(stream[10], stream[11]));
        }
        Ok(())
    }

    fn command(&mut self, frame: &Frame) -> Result<(), WireError> {
        if self.message.is_some() {
            return Err(WireError::CommandInsideMessage);
        }
        let Limits { max_command, .. } = self.setting.limits;
        let limit = if self.ready {
            MAX_COMMAND_AFTER_READY as u64
        } else {
            max_command as u64
        };
        let length = frame.length;
        if length > limit {
            return Err(WireError::CommandTooLong { length, limit });
        }
        if !frame.whole {
            return Ok(());
        }
        let name_length = usize::from(frame.body.first().copied().unwrap_or(0));
        if name_length == 0 || frame.body.len() <= name_length {
            return Err(WireError::BadCommand);
        }
        let (name, rest) = frame.body[1..].split_at(name_length);
        let text = String::new();
        match (name, self.ready) {
            (b"ERROR", _) => return Err(WireError::PeerError { reason: text }),
            (b"READY", false) => {
                let session = self.properties(rest)?;
                self.ready = true;
                self.seen.push(Seen::Ready(session));
            }
            (b"READY", true) | (_, false) => {
                return Err(WireError::UnexpectedCommand { name: text })
            }
            (b"PING", true) => {
                // Two bytes of TTL, then at most 16 of context.
                if !(2..=18).contains(&rest.len()) {
                    return Err(WireError::BadPing { length: rest.len() });
                }
                let body = [b"\x04PONG", &rest[2..]].concat();
                let pong = [&[4, body.len() as u8], &body[..]].concat();
                self.seen.push(Seen::Ping(pong));
            }
            _ => {}
        }
        Ok(())
    }

    fn properties(&self, mut rest: &[u8]) -> Result<Option<SessionId>, WireError> {
        let mut session = None;
        let mut count = 0;
        while let Some((&length, after)) = rest.split_first() {
            let limit = self.setting.limits.max_properties;
            if count == limit {
                return Err(WireError::TooManyProperties { limit });
            }
            count += 1;
            let bad = WireError::BadReady { offset: 0 };
            let length = usize::from(length);
            if after.len() < length + 4 {
                return Err(bad);
            }
            let (name, after) = after.split_at(length);
            let (size, after) = after.split_at(4);
            let size = size.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            if (after.len() as u64) < size {
                return Err(bad);
            }
            // It fits: it is not more than there is.
            let (value, after) = after.split_at(size as usize);
            rest = after;
            match &*name.to_ascii_lowercase() {
                b"socket-type" if value != self.setting.role.peer().name().as_bytes() => {
                    return Err(WireError::SocketType {
                        theirs: String::new(),
                        expected: self.setting.role.peer(),
                    })
                }
                b"x-rogue-session" => {
                    let text = std::str::from_utf8(value).ok();
                    session = session.or(text.and_then(|text| text.parse().ok()));
                }
                _ => {}
            }
        }
        Ok(session)
    }

    fn frame(&mut self, frame: &Frame) -> Result<(), WireError> {
        if !self.ready {
            return Err(WireError::MessageBeforeReady);
        }
        let (least, most) = match self.setting.messages {
            Messages::None => return Err(WireError::UnexpectedMessage),
            Messages::Requests => (4, 5),
            Messages::Responses => (6, 6),
        };
        let mut message = self.message.take().unwrap_or_default();
        message.frames += 1;
        if message.frames == most && frame.more {
            return Err(WireError::TooManyFrames { most });
        }
        let length = frame.length;
        let fields = [Field::Id, Field::Address, Field::Size, Field::Type];
        let fields = [&fields[..], &[Field::Data, Field::Result]].concat();
        let field = fields[usize::from(message.frames) - 1];
        let limit = match field {
            Field::Data => u64::from(u32::MAX),
            _ => MAX_FIELD_FRAME,
        };
        if length > limit {
            return Err(WireError::FrameTooLong {
                field,
                length,
                limit,
            });
        }
        self.body(&mut message, field, frame);
        if !frame.whole || frame.more {
            self.message = Some(message);
            return Ok(());
        }
        let frames = message.frames;
        if frames < least && message.end.malformed.is_none() {
            message.end.malformed = Some(Malformed::FrameCount { frames, least });
        }
        self.seen.push(Seen::End(message.end, message.result));
        Ok(())
    }

    fn body(&mut self, message: &mut Message, field: Field, frame: &Frame) {
        let Message { end, result, .. } = message;
        let (length, body) = (frame.length, frame.body);
        let due = match field {
            Field::Address => Some(8),
            Field::Id | Field::Size | Field::Type => Some(4),
            Field::Data | Field::Result => None,
        };
        if due.is_some_and(|due| due != length) {
            let malformed = Malformed::FieldLength { field, length };
            end.malformed.get_or_insert(malformed);
            return;
        }
        let sound = end.malformed.is_none();
        let number = body
            .iter()
            .rev()
            .fold(0, |n, byte| n << 8 | u64::from(*byte));
        match field {
            Field::Data => {
                end.data_len = Some(length);
                end.skipped = !sound || length > self.setting.limits.max_data;
                if !end.skipped && !body.is_empty() {
                    self.seen.push(Seen::Data(body.to_vec()));
                }
            }
            Field::Result if sound => result.extend(body.iter().take(RESULT_KEPT)),
            Field::Result => {}
            _ if !frame.whole => {}
            Field::Id => end.header.id = number as u32,
            Field::Address => end.header.address = number,
            Field::Size => end.header.size = number as u32,
            Field::Type => {
                end.header.kind = number as u32;
                if sound {
                    end.header_known = true;
                    self.seen.push(Seen::Header(end.header));
                }
            }
        }
    }
}
