//! What becomes of a request that is complete.

use ::log::Level;

use super::ending::{Cause, Finish};
use super::Connection;
use crate::bus::{check_range, kind_name, POST, READ, VERIFY, WRITE};
use crate::endpoint::outgoing::{Body, Chunk, Sent};
use crate::endpoint::server::client::{Answered, Data, Request};
use crate::endpoint::server::lines::About;
use crate::wire::{End, Header, Message, PROBE};

/// Bytes of answers to PINGs that may wait to be sent.
const MOST_PONGS: usize = 1 << 14;

impl Connection {
    /// A request has come at once.
    pub(super) fn whole_request(&mut self, message: &Message) -> bool {
        self.large = false;
        self.no_memory = false;
        let end = End {
            header: message.header,
            header_known: true,
            data_len: message.data.map(|data| data.len() as u64),
            ..End::default()
        };
        let data = match message.data {
            Some(bytes) => Data::copy(bytes, &self.shared.incoming),
            None => Data::None,
        };
        self.request(&end, data)
    }

    /// A request is complete; `data` is what it brought. False if it was answered here and now.
    pub(super) fn request(&mut self, end: &End, data: Data) -> bool {
        let Some(client) = &self.client else {
            return false;
        };
        let header = end.header;
        let whole = end.malformed.is_none() && end.data_len.is_none();
        if header.kind == PROBE && header.size == 0 && whole {
            client.respond(&header, Chunk::Zeros(0), Ok(()), &Answered::Probe);
            return false;
        }
        let checked = if self.no_memory && matches!(header.kind, WRITE | POST) {
            let size = header.size;
            Err(format!("The server has no memory for {size} bytes"))
        } else {
            check(end, self.shared.settings.max_transaction())
        };
        match checked {
            Ok(()) => {
                // What a Read or Verify brought is nobody's: its memory is made by `admit`.
                let data = match header.kind {
                    WRITE | POST => data,
                    _ => Data::None,
                };
                let since = self.now;
                self.requests.push(Request {
                    header,
                    data,
                    since,
                });
                true
            }
            Err(text) => {
                let peer = client.peer();
                if end.header_known {
                    ::log::debug!(target: &self.shared.name, "Bad request of {peer}: {text}");
                    client.refuse(&header, &text);
                } else {
                    // Nobody else hears of it.
                    let text = format_args!("Bad request of {peer}: {text}");
                    self.shared.say(Level::Warn, About::BadRequest, text);
                }
                false
            }
        }
    }

    /// Whether more responses wait for the client than may.
    pub(super) fn is_crowded(&self) -> bool {
        let most = self.shared.settings.max_queued.get();
        self.client
            .as_ref()
            .is_some_and(|client| client.queued() > most)
    }

    /// Answers a PING, unless too many answers to those wait.
    pub(super) fn pong(&mut self, pong: &[u8]) -> Finish {
        if self.outgoing.sent() >= self.last_pong {
            self.pongs = 0;
        }
        if self.pongs > MOST_PONGS {
            return Err(Cause::NotReading.say("it does not read what it asks for"));
        }
        // On a request connection nothing sends what waits: the next one does.
        if let Sent::Queued(mark) = self.outgoing.send(pong, Body::Borrowed(&[]), &[]) {
            self.pongs += pong.len();
            self.last_pong = mark;
        }
        Ok(())
    }
}

/// Refuses a request that no slave needs to see.
fn check(end: &End, max: u32) -> Result<(), String> {
    let Header {
        address,
        size,
        kind,
        ..
    } = end.header;
    if let Some(malformed) = &end.malformed {
        return Err(malformed.to_string());
    }
    if size == 0 {
        return Err("A transaction of 0 bytes is not allowed".to_owned());
    }
    check_range(address, size).map_err(|error| error.text().to_owned())?;
    if size > max {
        return Err(format!(
            "Size {size} is above the server's maximum of {max} bytes, which its setting max_transaction raises"
        ));
    }
    match (kind, end.data_len) {
        (WRITE | POST, None) => Err(format!("A {} without data", kind_name(kind))),
        (WRITE | POST, Some(len)) if len != u64::from(size) => Err(format!(
            "A {} of {size} bytes brought {len} bytes of data",
            kind_name(kind)
        )),
        // The maximum has been raised since the connection was made.
        (WRITE | POST, Some(_)) if end.skipped => Err(format!(
            "Size {size} is above the maximum that the connection was made with: its max_transaction has been raised since"
        )),
        (WRITE | POST, Some(_)) | (READ | VERIFY, _) => Ok(()),
        _ => Err(format!("Transaction type {kind} is not known")),
    }
}
