//! The message that the decoder is reading: which of its frames have come, and their contents.

use arrayvec::ArrayVec;
use bytes::Buf;

use super::error::WireError;
use super::event::MessageEnd;
use super::field::{Field, Malformed};
use super::frame::FrameHeader;
use super::limits::{Messages, MAX_DATA_FRAME, MAX_FIELD_FRAME};
use super::message::Header;
use super::result::RESULT_KEPT;

/// How the body of a message frame is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameBody {
    /// A frame of the header: collected.
    Field(Field),
    /// The data frame: delivered in pieces.
    Data,
    /// The result frame: kept, up to `RESULT_KEPT` bytes.
    Result,
    /// Discarded.
    Skip,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct IncomingMessage {
    /// Frames that are complete.
    frames: u8,
    /// Whether another frame follows the current one.
    more: bool,
    end: MessageEnd,
    /// The bytes of the current header frame that have come.
    field: ArrayVec<u8, 8>,
    /// The bytes of the result frame that are kept.
    result: ArrayVec<u8, RESULT_KEPT>,
}

impl IncomingMessage {
    /// Whether at least one frame is complete.
    pub fn has_begun(&self) -> bool {
        self.frames > 0
    }

    /// The result frame of the last message that had one.
    pub fn result(&self) -> &[u8] {
        &self.result
    }

    /// Begins a new message with all four header frames at once; `more` frames may follow.
    pub fn begin_with(&mut self, header: Header, more: bool) {
        self.clear();
        self.end.header = header;
        self.end.header_known = true;
        self.frames = 4;
        self.more = more;
    }

    /// Begins a frame; the first frame also begins a message.
    pub fn begin_frame(
        &mut self,
        frame: &FrameHeader,
        messages: Messages,
        max_data: u64,
    ) -> Result<FrameBody, WireError> {
        let (_, most) = messages.frames();
        if most == 0 {
            return Err(WireError::UnexpectedMessage);
        }
        // The MORE flag of the last allowed frame shows the error before the next frame comes.
        if frame.more && self.frames + 1 >= most {
            return Err(WireError::TooManyFrames { most });
        }
        if self.frames == 0 {
            self.clear();
        }
        self.more = frame.more;
        let length = frame.length;
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
        if length > limit {
            return Err(WireError::FrameTooLong {
                field,
                length,
                limit,
            });
        }
        Ok(self.frame_body(field, length, max_data))
    }

    fn frame_body(&mut self, field: Field, length: u64, max_data: u64) -> FrameBody {
        let sound = self.end.malformed.is_none();
        match field {
            Field::Data => {
                self.end.data_len = Some(length);
                self.end.skipped = !sound || length > max_data;
                if self.end.skipped {
                    FrameBody::Skip
                } else {
                    FrameBody::Data
                }
            }
            Field::Result if sound => FrameBody::Result,
            Field::Result => FrameBody::Skip,
            // The fields of a malformed message are still read: they help to find the reason.
            _ if field.fixed_length() == Some(length) => {
                self.field.clear();
                FrameBody::Field(field)
            }
            _ => {
                self.end
                    .malformed
                    .get_or_insert(Malformed::FieldLength { field, length });
                FrameBody::Skip
            }
        }
    }

    /// Adds `piece` to the current header frame, which has at most 8 bytes.
    pub fn add_to_field(&mut self, piece: &[u8]) {
        self.field.extend(piece.iter().copied());
    }

    /// Reads the complete header frame. With the last one it returns the header, unless the message
    /// is malformed.
    pub fn finish_field(&mut self, field: Field) -> Option<Header> {
        let header = &mut self.end.header;
        let mut bytes = &self.field[..];
        match field {
            Field::Id => header.id = bytes.get_u32_le(),
            Field::Address => header.address = bytes.get_u64_le(),
            Field::Size => header.size = bytes.get_u32_le(),
            Field::Type => header.kind = bytes.get_u32_le(),
            Field::Data | Field::Result => {}
        }
        if field != Field::Type || self.end.malformed.is_some() {
            return None;
        }
        self.end.header_known = true;
        Some(self.end.header)
    }

    /// Keeps `piece` of the result frame as far as there is room.
    pub fn add_to_result(&mut self, piece: &[u8]) {
        let kept = piece.len().min(self.result.remaining_capacity());
        self.result.extend(piece[..kept].iter().copied());
    }

    /// Notes that the rest of the data frame is not delivered.
    pub fn skip_data(&mut self) {
        self.end.skipped = true;
    }

    /// Counts the current frame as complete.
    pub fn finish_frame(&mut self) {
        self.frames += 1;
    }

    /// Whether another frame follows the current one.
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Ends the message, which must have at least `least` frames.
    pub fn finish(&mut self, messages: Messages) -> MessageEnd {
        let (least, _) = messages.frames();
        let frames = std::mem::take(&mut self.frames);
        if frames < least {
            self.end
                .malformed
                .get_or_insert(Malformed::FrameCount { frames, least });
        }
        self.end.clone()
    }

    /// Forgets the previous message.
    fn clear(&mut self) {
        self.end = MessageEnd::default();
        self.result.clear();
    }
}
