//! The work on one connection of a server: its handshake, then its requests or its responses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use ::log::Level;
use futures_util::future::poll_fn;
use tokio::io::Interest;

use super::context::{ServerContext, ServerTopic};
use super::ending::{Cause, Ending, Finish};
use super::receive::{Received, Receiver};
use super::registry::Registry;
use super::request::RequestReader;
use crate::endpoint::liveness::Liveness;
use crate::endpoint::outgoing::{Body, Outgoing, Sent};
use crate::endpoint::pairing::{Arrival, Side};
use crate::endpoint::socket::READ_AHEAD;
use crate::wire::{greeting, ready, Decoder, Event, Limits, Messages, Role, SessionId};

/// How often a connection receives before the others have their turn.
const MOST_TURNS: u32 = 8;
/// Bytes of answers to PINGs that may wait to be sent.
const MOST_PONGS: usize = 1 << 14;
/// What is wrong with a client that has more responses waiting than may.
const CROWDED: &str = "it does not read its responses";

/// One connection, on the pulling thread.
pub(super) struct PeerConnection {
    context: Arc<ServerContext>,
    registry: Arc<Registry>,
    id: u64,
    side: Side,
    role: Role,
    address: PeerAddress,
    receiver: Receiver,
    outgoing: Arc<Outgoing>,
    decoder: Decoder,
    requests: RequestReader,
    /// As many requests waited as may when the last ones were given to the registry.
    full: bool,
    pongs: Pongs,
}

/// Where a connection comes from. An IPv4 address is one, whatever socket it came by.
#[derive(Clone, Copy)]
pub(super) struct PeerAddress {
    pub(super) ip: IpAddr,
    pub(super) port: u16,
}

/// Answers to PINGs that have not been sent.
#[derive(Default)]
struct Pongs {
    bytes: usize,
    /// They have been sent when [`Outgoing::sent`] reaches this.
    end: u64,
}

impl PeerConnection {
    /// A connection that the registry has admitted as number `id`.
    pub(super) fn new(
        registry: Arc<Registry>,
        (id, side): (u64, Side),
        address: PeerAddress,
        receiver: Receiver,
        outgoing: Arc<Outgoing>,
    ) -> PeerConnection {
        let context = Arc::clone(&registry.context);
        let (role, messages) = match side {
            Side::Request => (Role::Pull, Messages::Requests),
            Side::Response => (Role::Push, Messages::None),
        };
        let limits = Limits {
            max_data: u64::from(context.settings.max_transaction()),
            ..Limits::default()
        };
        PeerConnection {
            registry,
            id,
            side,
            role,
            address,
            receiver,
            outgoing,
            decoder: Decoder::new(role, messages, limits),
            requests: RequestReader::new(Arc::clone(&context)),
            full: false,
            pongs: Pongs::default(),
            context,
        }
    }

    /// Works on it to its end.
    pub(super) async fn run(&mut self) -> Finish {
        self.outgoing.send(&greeting(), Body::Borrowed(&[]), &[]);
        let limit = self.context.settings.handshake_timeout.get();
        let handshake = tokio::time::timeout(limit, async {
            while !self.decoder.is_ready() {
                if !self.receive().await? {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        match handshake.await {
            Err(_) => {
                let text = format!("no handshake within {limit:?}");
                return Err(Cause::Handshake.because(text));
            }
            Ok(Ok(true)) => {}
            Ok(other) => return other.map(|_| ()),
        }
        match self.side {
            Side::Request => self.run_requests().await,
            Side::Response => self.run_responses().await,
        }
    }

    /// Whether it is the request connection of a client.
    pub(super) fn is_client(&self) -> bool {
        self.requests.peer().is_some()
    }

    async fn run_requests(&mut self) -> Finish {
        let mut turns = 0u32;
        loop {
            while self.full && self.registry.is_full(self.id) {
                let Some(peer) = self.requests.peer() else {
                    return Ok(());
                };
                if self.outgoing.is_closed() {
                    return Ok(());
                }
                tokio::select! {
                    () = peer.space.notified() => {}
                    // Nothing is read meanwhile, which would tell that the sender has gone.
                    () = self.receiver.closed() => return Ok(()),
                }
            }
            if !self.receive().await? {
                return Ok(());
            }
            turns = turns.wrapping_add(1);
            if turns.is_multiple_of(MOST_TURNS) {
                let_others().await;
            }
        }
    }

    /// Any thread that has a response writes it to the socket. Here is sent what the socket did not
    /// take.
    async fn run_responses(&mut self) -> Finish {
        let outgoing = Arc::clone(&self.outgoing);
        let mut life = Liveness::of_client();
        let mut look_at = None;
        loop {
            let now = Instant::now();
            if outgoing.is_watched() && look_at.is_none_or(|at| at <= now) {
                look_at = self.check_life(&mut life, now)?;
            }
            // Each of these may be dropped half-way: the ones that have not finished changed
            // nothing.
            tokio::select! {
                ready = self.receiver.socket().readable() => {
                    if let Ok(mut ready) = ready {
                        ready.retain_ready();
                    }
                }
                () = self.flush() => continue,
                () = sleep_until(look_at), if look_at.is_some() => continue,
            }
            if outgoing.is_closed() || self.receive_once().await? == Some(false) {
                return Ok(());
            }
        }
    }

    /// Waits until bytes of responses can be sent, or may have been sent by another thread.
    async fn flush(&self) {
        if !self.outgoing.is_stalled() {
            self.outgoing.pending.notified().await;
            self.registry.bytes_taken(self.id);
            return;
        }
        let flush = |_: &_| {
            let left = self.outgoing.flush();
            // The client's next requests may have waited for this.
            self.registry.bytes_taken(self.id);
            match left {
                Ok(0) => Ok(()),
                Ok(_) => Err(io::ErrorKind::WouldBlock.into()),
                Err(error) => Err(error),
            }
        };
        let socket = self.receiver.socket();
        let _ = socket.async_io(Interest::WRITABLE, flush).await;
    }

    /// Looks whether the peer is still there; returns when to look again, or why it is given up.
    fn check_life(&self, life: &mut Liveness, now: Instant) -> Finish<Option<Instant>> {
        let keep_alive = self.context.settings.keep_alive.get();
        life.look(&self.outgoing, keep_alive, now).map_err(|gone| {
            self.outgoing.abort();
            Ending::gone(gone)
        })
    }

    /// Receives what is there and works through it. False at the end of the stream.
    async fn receive(&mut self) -> Finish<bool> {
        let direct = self.decoder.data_remaining();
        if direct >= READ_AHEAD as u64 {
            let closed = self.receiver.closed();
            if !self.requests.reserve(direct, closed).await {
                return Ok(false);
            }
            return self.receive_data(direct).await;
        }
        loop {
            if let Some(goes_on) = self.receive_once().await? {
                return Ok(goes_on);
            }
        }
    }

    /// Receives once when the connection seems readable. `None` if nothing was there after all,
    /// false at the end of the stream.
    async fn receive_once(&mut self) -> Finish<Option<bool>> {
        let context = Arc::clone(&self.context);
        let large = self.requests.expects_large();
        let listen = self.requests.peer().map(|peer| &peer.listen);
        let full = match self.receiver.receive(&context, listen, large).await {
            Ok(Received::Bytes {
                buffer,
                count,
                full,
            }) => {
                self.work(&buffer[..count])?;
                full
            }
            Ok(Received::Nothing) => return Ok(None),
            Ok(Received::End) => return Ok(Some(false)),
            Err(error) => return self.failed(&error).map(|()| Some(false)),
        };
        if full && !self.requests.expects_large() {
            // It may have more than its share: the others first.
            let_others().await;
        }
        Ok(Some(true))
    }

    /// Receives large data where it belongs. False at the end of the stream.
    async fn receive_data(&mut self, direct: u64) -> Finish<bool> {
        let (data, room) = self.requests.data_and_room(direct);
        let count = match self.receiver.receive_data(data, room).await {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                self.requests.forget_data();
                self.decoder.skip_data();
                return Ok(true);
            }
            Err(error) => return self.failed(&error).map(|()| false),
        };
        self.decoder.data_taken(count as u64);
        let complete = count > 0 && self.decoder.data_remaining() == 0;
        self.requests.data_received(count, complete);
        if complete {
            self.work(&[])?;
        }
        Ok(count > 0)
    }

    /// Works through `input`, and gives the registry the requests that are complete then.
    fn work(&mut self, input: &[u8]) -> Finish {
        self.requests.now = self.context.clock();
        let result = self.decode(input);
        self.requests.count_data();
        self.full = self.registry.push(self.id, &mut self.requests.complete);
        result
    }

    fn decode(&mut self, mut input: &[u8]) -> Finish {
        loop {
            while let Some(message) = self.decoder.take_message(&mut input) {
                if !self.requests.whole(&message) && self.requests.is_crowded() {
                    return Err(Cause::NotReading.because(CROWDED));
                }
            }
            let event = match self.decoder.decode(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(()),
                Err(error) => return Err(Ending::breach(&error)),
            };
            match event {
                Event::Greeting { .. } => {
                    let ready = ready(self.role, None);
                    self.outgoing.send(&ready, Body::Borrowed(&[]), &[]);
                }
                Event::Ready { session } => self.ready(session),
                Event::Ping { pong } => {
                    if !self.pongs.send(&self.outgoing, pong.as_bytes()) {
                        let text = "it does not read the answers to its PINGs";
                        return Err(Cause::NotReading.because(text));
                    }
                }
                Event::Header(_) => self.requests.begin(),
                Event::Data(piece) => {
                    if !self.requests.append(piece) {
                        self.decoder.skip_data();
                    }
                }
                Event::End(end) => {
                    if !self.requests.end(&end) && self.requests.is_crowded() {
                        return Err(Cause::NotReading.because(CROWDED));
                    }
                }
            }
        }
    }

    /// The handshake is over.
    fn ready(&mut self, session: Option<SessionId>) {
        let PeerAddress { ip, port } = self.address;
        let arrival = Arrival {
            id: self.id,
            side: self.side,
            peer: ip,
            session,
        };
        self.requests.set_peer(self.registry.ready(arrival, port));
        let peer = SocketAddr::new(ip, port);
        let side = match self.side {
            Side::Request => "requests",
            Side::Response => "responses",
        };
        let whose = match session {
            Some(_) => "",
            None => " (a legacy client)",
        };
        ::log::debug!(target: &self.context.name, "{peer} is a connection for {side}{whose}.");
        if self.is_client() {
            self.context.say(
                Level::Info,
                ServerTopic::Connected,
                format_args!("Client {peer} is connected{whose}."),
            );
        }
    }

    /// Receiving has failed. That is no failure of the network if this side has closed the
    /// connection, or the peer's process has ended without reading everything.
    fn failed(&self, error: &io::Error) -> Finish {
        if self.outgoing.is_closed() || error.kind() == io::ErrorKind::ConnectionReset {
            return Ok(());
        }
        Err(Ending::network(error))
    }
}

impl Pongs {
    /// Answers a PING. False if too many answers wait.
    fn send(&mut self, outgoing: &Outgoing, pong: &[u8]) -> bool {
        if outgoing.sent() >= self.end {
            self.bytes = 0;
        }
        if self.bytes > MOST_PONGS {
            return false;
        }
        // On a request connection nobody sends what waits, but the next answer does.
        if let Sent::Queued(end) = outgoing.send(pong, Body::Borrowed(&[]), &[]) {
            self.bytes += pong.len();
            self.end = end;
        }
        true
    }
}

/// Lets the other connections work before this one goes on. Not tokio's `yield_now`, which is
/// forgotten when the pulling thread leaves the event loop meanwhile.
async fn let_others() {
    let mut first = true;
    poll_fn(|cx| {
        if std::mem::replace(&mut first, false) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at.into()).await;
    }
}
