//! What follows when a transaction of a client is over.

use std::time::Duration;

use super::{answer_bytes, data_bytes, filler, Client, Responses};
use crate::bus::{Completed, Completion, Content, WRITE};
use crate::endpoint::outgoing::Chunk;
use crate::endpoint::stats::{End, Over};
use crate::error::ErrorKind;
use crate::wire::Header;

/// By whom a request was answered.
pub(in crate::endpoint::server) enum Answered {
    /// A probe, by the server.
    Probe,
    /// By the server, which does not ask its slave for such a thing.
    Refused,
    /// By the slave: the transaction had this place in its hands, and was over at this time.
    Slave { place: u32, now: u64, end: End },
}

/// What follows from an answer for the server.
#[derive(Default)]
pub(in crate::endpoint::server) struct Follows {
    /// It counted among what the slave may have.
    pub(super) counted: bool,
    /// The client is to be looked at again,
    pub(super) look: bool,
    /// since it has requests that may be carried out now.
    pub(super) parked: bool,
    /// Bytes of its answer that were reserved.
    pub(super) paid: usize,
}

impl Client {
    /// Counts a request that has been answered.
    pub(super) fn count(
        &self,
        responses: &mut Responses,
        header: &Header,
        answered: &Answered,
    ) -> Follows {
        let mut follows = Follows::default();
        match answered {
            Answered::Probe => {}
            Answered::Refused if responses.gone => self.shared.past().refused += 1,
            Answered::Refused => responses.traffic.refused += 1,
            Answered::Slave { place, now, end } => {
                let ended = responses.hands.take(*place);
                let steps = ended.map_or(0, |ended| now.saturating_sub(ended.since));
                let over = Over {
                    kind: header.kind,
                    size: header.size,
                    end: *end,
                    took: Some(Duration::from_nanos(steps << 8)),
                };
                if responses.gone {
                    self.shared.past().end(&over);
                } else {
                    responses.traffic.end(&over);
                }
                follows.counted = ended.is_some_and(|ended| ended.counted);
                follows.paid = answer_bytes(header.kind, header.size);
                follows.parked = std::mem::take(&mut responses.parked);
                let look = follows.parked || responses.hands.count() == 0;
                follows.look = look && !std::mem::replace(&mut responses.noted, true);
            }
        }
        follows
    }
}

impl Completion for Client {
    fn completed(&self, token: u64, completed: Completed) {
        let Completed {
            address,
            size,
            kind,
            outcome,
            content,
        } = completed;
        let header = Header {
            id: token as u32,
            address,
            size,
            kind,
        };
        let now = self.shared.clock();
        let end = match &outcome {
            Ok(()) => End::Done,
            Err(error) if error.kind() == ErrorKind::Timeout => End::TimedOut,
            Err(_) => End::Failed,
        };
        let answered = Answered::Slave {
            place: (token >> 32) as u32,
            now,
            end,
        };
        let follows = match outcome {
            Ok(()) => {
                let body = match content {
                    // A write's data is not echoed.
                    _ if kind == WRITE => Chunk::Zeros(0),
                    Content::Zeros(count) => Chunk::Zeros(count),
                    Content::Bytes(payload) => Chunk::Payload(payload),
                };
                self.respond(&header, body, Ok(()), &answered)
            }
            Err(error) => {
                let body = filler(&header, self.shared.settings.max_transaction());
                self.respond(&header, body, Err(error.text()), &answered)
            }
        };
        self.shared.incoming.release(data_bytes(kind, size));
        if follows.look {
            self.shared.look_at(self.id);
        }
        self.shared.completed(now, follows.counted, follows.parked);
    }
}
