//! The requests of one connection, from what is decoded to what the registry takes.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use ::log::Level;

use super::context::{ServerContext, ServerTopic};
use super::incoming::Charge;
use super::peer::Peer;
use super::queued::{QueuedRequest, RequestData};
use crate::bus::{check_range, Kind, POST, READ, VERIFY, WRITE};
use crate::endpoint::socket::MIN_IN_PLACE;
use crate::wire::{Header, Message, MessageEnd, PROBE};

/// See the [module](self).
pub(super) struct RequestReader {
    context: Arc<ServerContext>,
    /// The client, once the handshake is over.
    peer: Option<Arc<Peer>>,
    /// Data of the request that is coming in.
    data: Vec<u8>,
    /// The memory that is counted for `data`: for all of it, also what has not come, if `reserved`.
    charge: Charge,
    reserved: bool,
    /// There is no memory for `data`: the request will be refused.
    no_memory: bool,
    /// The last request had so much data that it is worth to be received where it belongs.
    large: bool,
    /// Requests that are complete, for the registry to take.
    pub(super) complete: Vec<QueuedRequest>,
    /// When what is decoded now came, by the server's clock.
    pub(super) now: u64,
}

impl RequestReader {
    pub(super) fn new(context: Arc<ServerContext>) -> RequestReader {
        RequestReader {
            charge: context.incoming.charge(0),
            context,
            peer: None,
            data: Vec::new(),
            reserved: false,
            no_memory: false,
            large: false,
            complete: Vec::new(),
            now: 0,
        }
    }

    pub(super) fn set_peer(&mut self, peer: Option<Arc<Peer>>) {
        self.peer = peer;
    }

    pub(super) fn peer(&self) -> Option<&Arc<Peer>> {
        self.peer.as_ref()
    }

    /// Whether the last request had large data, so that the next one may have it too.
    pub(super) fn expects_large(&self) -> bool {
        self.large
    }

    /// A request begins.
    pub(super) fn begin(&mut self) {
        self.data.clear();
        self.no_memory = false;
        self.reserved = false;
    }

    /// A piece of its data. False if there is no memory for it: the decoder is to skip the rest.
    pub(super) fn append(&mut self, piece: &[u8]) -> bool {
        let room = self.data.try_reserve(piece.len()).is_ok();
        if room {
            self.data.extend_from_slice(piece);
        } else {
            self.forget_data();
        }
        room
    }

    /// It is complete. False if it was answered here and now.
    pub(super) fn end(&mut self, end: &MessageEnd) -> bool {
        self.large = end.data_len.is_some_and(|len| len >= MIN_IN_PLACE);
        let data = RequestData::take(&mut self.data, &mut self.charge);
        self.request(end, data)
    }

    /// A request has come in one piece. False if it was answered here and now.
    pub(super) fn whole(&mut self, message: &Message) -> bool {
        self.large = false;
        self.no_memory = false;
        let end = MessageEnd {
            header: message.header,
            header_known: true,
            data_len: message.data.map(|data| data.len() as u64),
            ..MessageEnd::default()
        };
        let data = match message.data {
            Some(bytes) => RequestData::copy(bytes, &self.context.incoming),
            None => RequestData::None,
        };
        self.request(&end, data)
    }

    fn request(&mut self, end: &MessageEnd, data: RequestData) -> bool {
        let Some(peer) = &self.peer else {
            return false;
        };
        let header = end.header;
        let whole = end.malformed.is_none() && end.data_len.is_none();
        if header.kind == PROBE && header.size == 0 && whole {
            peer.answer_probe(&header);
            return false;
        }
        let checked = if self.no_memory && matches!(header.kind, WRITE | POST) {
            let size = header.size;
            Err(format!("The server has no memory for {size} bytes"))
        } else {
            check(end, self.context.settings.max_transaction())
        };
        match checked {
            Ok(()) => {
                // What a Read or Verify brought is not used: `admit` makes their memory.
                let data = match header.kind {
                    WRITE | POST => data,
                    _ => RequestData::None,
                };
                let since = self.now;
                self.complete.push(QueuedRequest {
                    header,
                    data,
                    since,
                });
                true
            }
            Err(text) => {
                let address = peer.address();
                if end.header_known {
                    ::log::debug!(target: &self.context.name, "Bad request of {address}: {text}");
                    peer.refuse(&header, &text);
                } else {
                    // The client cannot be told.
                    self.context.say(
                        Level::Warn,
                        ServerTopic::BadRequest,
                        format_args!("Bad request of {address}: {text}"),
                    );
                }
                false
            }
        }
    }

    /// Counts the memory of the data that has come.
    pub(super) fn count_data(&mut self) {
        self.charge.grow(self.data.len());
    }

    /// Whether more responses wait for the client than may.
    pub(super) fn is_crowded(&self) -> bool {
        let most = self.context.settings.max_queued.get();
        self.peer.as_ref().is_some_and(|peer| peer.queued() > most)
    }

    /// Waits until there is memory for the `direct` bytes of data that are still to come. False if
    /// the peer has gone meanwhile, as `closed` tells.
    pub(super) async fn reserve(&mut self, direct: u64, closed: impl Future<Output = ()>) -> bool {
        if self.reserved {
            return true;
        }
        let rest = usize::try_from(direct).unwrap_or(usize::MAX);
        let context = Arc::clone(&self.context);
        if context.incoming.has_room(rest, context.limits()) {
            self.charge.add(context.incoming.charge(rest));
        } else {
            self.expect(self.data.len());
            // Clients that hold it may have to be closed.
            context.housekeep.notify_one();
            tokio::select! {
                charge = context.incoming.reserve(rest, || context.limits()) => {
                    self.charge.add(charge);
                }
                // Nothing is read meanwhile, which would tell that the sender has gone.
                () = closed => return false,
            }
        }
        self.reserved = true;
        self.expect(rest + self.data.len());
        true
    }

    /// Where data of which `direct` bytes are still to come is received, and up to which length.
    /// Room that is not touched costs next to nothing; beyond 1 MiB it grows with what has come.
    pub(super) fn data_and_room(&mut self, direct: u64) -> (&mut Vec<u8>, usize) {
        let direct = usize::try_from(direct).unwrap_or(usize::MAX);
        let room = self.data.len().max(1 << 20).min(direct);
        (&mut self.data, room)
    }

    /// `count` bytes of data were received; `complete`: there are no more.
    pub(super) fn data_received(&self, count: usize, complete: bool) {
        if let Some(peer) = &self.peer {
            peer.received.fetch_add(count as u64, Ordering::Relaxed);
        }
        if complete {
            self.expect(0);
        }
    }

    /// There is no memory for the data that is coming in: the decoder is to skip the rest.
    pub(super) fn forget_data(&mut self) {
        self.data = Vec::new();
        drop(self.charge.take(0));
        self.expect(0);
        self.no_memory = true;
    }

    /// `bytes` are held for a request that is not complete.
    fn expect(&self, bytes: usize) {
        if let Some(peer) = &self.peer {
            peer.partial.store(bytes, Ordering::Relaxed);
        }
    }
}

/// Refuses a request that no slave needs to see.
fn check(end: &MessageEnd, max: u32) -> Result<(), String> {
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
            "Size {size} is above the server's maximum of {max} bytes, which its setting \
             max_transaction raises"
        ));
    }
    match (kind, end.data_len) {
        (WRITE | POST, None) => Err(format!("A {} without data", Kind::from(kind))),
        (WRITE | POST, Some(len)) if len != u64::from(size) => Err(format!(
            "A {} of {size} bytes brought {len} bytes of data",
            Kind::from(kind)
        )),
        // The maximum has been raised since the connection was made.
        (WRITE | POST, Some(_)) if end.skipped => Err(format!(
            "Size {size} is above the maximum that the connection was made with: its \
             max_transaction has been raised since"
        )),
        (WRITE | POST, Some(_)) | (READ | VERIFY, _) => Ok(()),
        _ => Err(format!("Transaction type {kind} is not known")),
    }
}
