//! The work on one connection of a server: from its arrival over the handshake to its end.

mod ending;
mod receive;
mod request;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use ::log::Level;
use futures_util::future::poll_fn;
use futures_util::FutureExt;
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;
use tokio::net::TcpListener;

use super::client::{Client, Data, Request};
use super::incoming::Charge;
use super::lines::About;
use super::quota::Over;
use super::state::Shared;
use crate::endpoint::address::canonical;
use crate::endpoint::liveness::Liveness;
use crate::endpoint::outgoing::{Body, Outgoing};
use crate::endpoint::pairing::{Arrival, Side};
use crate::endpoint::socket;
use crate::wire::{greeting, ready, Decoder, Event, Limits, Messages, Role, SessionId};
use ending::{breach, Cause, Dropped, Finish, Leave};

/// Data of at least this much is received where it belongs, as far as it is not there yet.
const DIRECT: u64 = 1 << 14;
/// The longest wait for requests in the system call that receives them. What else there is to do waits
/// as long; the kernel rounds it up to some milliseconds.
const LISTEN_LIMIT: Duration = Duration::from_millis(1);
/// How often a connection may receive before the others have their turn.
const MOST_TURNS: u32 = 8;
/// What is wrong with a client that has more responses waiting than may.
const CROWDED: &str = "it does not read its responses";
/// The pause after a failed accept: the process has no descriptors left, and will not at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Takes in connections for as long as the server lives.
pub(super) async fn accept(shared: Arc<Shared>, listener: Listening, side: Side) {
    while !shared.stopped() {
        match socket::accept(&listener.0).await {
            Ok((stream, peer)) => {
                let work = serve(Arc::clone(&shared), stream, peer, side);
                // A fault in it is the end of that connection, and of nothing else.
                let work = AssertUnwindSafe(work).catch_unwind().map(|_| ());
                // Without a share of tokio's budget for one poll: who has used that up is woken by the
                // event loop, which is forgotten when the thread leaves it meanwhile.
                shared.arrive(Box::pin(tokio::task::unconstrained(work)));
            }
            Err(error) => {
                let about = About::Accept(error.raw_os_error());
                shared.say(
                    Level::Warn,
                    about,
                    format_args!("Cannot accept a connection: {error}"),
                );
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A socket that listens until this is dropped, even if a process that was forked off has it too: to
/// close it here would leave the port taken, and clients connecting to nobody.
pub(super) struct Listening(pub(super) TcpListener);

impl Drop for Listening {
    fn drop(&mut self) {
        // Not every system can; there it is closed, as ever.
        let _ = socket2::SockRef::from(&self.0).shutdown(std::net::Shutdown::Both);
    }
}

/// One connection, on the thread that pulls.
struct Connection {
    shared: Arc<Shared>,
    id: u64,
    side: Side,
    /// The peer's address; an IPv4 one as such, whatever socket it came by.
    peer: IpAddr,
    port: u16,
    socket: AsyncFd<Arc<TcpStream>>,
    outgoing: Arc<Outgoing>,
    decoder: Decoder,
    session: Option<SessionId>,
    client: Option<Arc<Client>>,
    /// Data of the request that is coming in.
    data: Vec<u8>,
    /// What is counted for them: all that will come of them, if that is `reserved`.
    charge: Charge,
    reserved: bool,
    /// Answers to PINGs that have not been sent, and where the last of them ends.
    pongs: usize,
    last_pong: u64,
    /// There was no memory for them: the request will be refused.
    no_memory: bool,
    /// The last message had data that is worth to be received where it belongs.
    large: bool,
    /// More was there when it was received last, whatever the event loop knows of that.
    more: bool,
    /// Requests that are complete, until they are given to the server.
    requests: Vec<Request>,
    /// As many of them waited as may when the last ones were given.
    full: bool,
    /// When what is worked on came, as [`Shared::clock`] told it.
    now: u64,
}

async fn serve(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr, side: Side) {
    let peer = canonical(peer);
    let peer_ip = peer.ip();
    socket::no_pacing(&stream, peer_ip);
    let tuned = socket::tune(&stream, shared.settings.keep_alive.get())
        .and_then(|()| socket::may_wait(&stream, LISTEN_LIMIT));
    if let Err(error) = tuned {
        let text = format_args!("Lost {peer}: {error}");
        shared.say(Level::Warn, About::Setup, text);
        return;
    }
    let stream = Arc::new(stream);
    let outgoing = shared.outgoing(Arc::clone(&stream));
    let Ok(socket) = socket::watched(stream, Interest::READABLE | Interest::WRITABLE) else {
        return;
    };
    let id = match shared.connect(&outgoing, peer_ip, side) {
        Ok(id) => id,
        Err(over) => {
            let why = match over {
                Over::Connections(most) => format!("{most} connections are the most"),
                Over::Address(most) => format!("{most} clients of one address are the most"),
                Over::Network(most) => format!("{most} clients of one IPv6 network are the most"),
            };
            let text = format_args!("Closing the connection of {peer}: {why}.");
            shared.say(Level::Warn, About::OverLimit, text);
            return;
        }
    };
    let (role, messages) = match side {
        Side::Request => (Role::Pull, Messages::Requests),
        Side::Response => (Role::Push, Messages::None),
    };
    let max_data = u64::from(shared.settings.max_transaction());
    let limits = Limits {
        max_data,
        ..Limits::default()
    };
    let mut connection = Connection {
        id,
        side,
        peer: peer_ip,
        port: peer.port(),
        socket,
        outgoing,
        decoder: Decoder::new(role, messages, limits),
        session: None,
        client: None,
        data: Vec::new(),
        charge: shared.incoming.charge(0),
        reserved: false,
        pongs: 0,
        last_pong: 0,
        no_memory: false,
        large: false,
        more: false,
        requests: Vec::new(),
        full: false,
        now: 0,
        shared,
    };
    let leave = Leave(Arc::clone(&connection.shared), id);
    let end = connection.run(role).await;
    let Connection { shared, client, .. } = connection;
    drop(leave);
    if shared.stopped() {
        return;
    }
    if let Err(Dropped { cause, about, text }) = end {
        shared.dropped(|dropped| match cause {
            Cause::Handshake => dropped.handshake += 1,
            Cause::Protocol => dropped.protocol += 1,
            Cause::NotReading => dropped.not_reading += 1,
            Cause::Network => dropped.network += 1,
        });
        let text = format_args!("Closing the connection of {peer}: {text}");
        shared.say(Level::Warn, about, text);
    }
    match client {
        Some(_) => shared.say(
            Level::Info,
            About::Gone,
            format_args!("Client {peer} has gone."),
        ),
        None => ::log::debug!(target: &shared.name, "{peer} has gone."),
    }
}

impl Connection {
    async fn run(&mut self, role: Role) -> Finish {
        self.outgoing.send(&greeting(), Body::Borrowed(&[]), &[]);
        let limit = self.shared.settings.handshake_timeout.get();
        let handshake = tokio::time::timeout(limit, async {
            while !self.decoder.is_ready() {
                if !self.receive(role).await? {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        match handshake.await {
            Err(_) => return Err(Cause::Handshake.say(format!("no handshake within {limit:?}"))),
            Ok(Ok(true)) => {}
            Ok(other) => return other.map(|_| ()),
        }
        match self.side {
            Side::Request => self.requests(role).await,
            Side::Response => self.responses(role).await,
        }
    }

    async fn requests(&mut self, role: Role) -> Finish {
        let mut turns = 0u32;
        loop {
            while self.full && self.shared.full(self.id) {
                let Some(client) = self.client.clone() else {
                    return Ok(());
                };
                if self.outgoing.is_closed() {
                    return Ok(());
                }
                tokio::select! {
                    () = client.space.notified() => {}
                    // What is not read does not tell that its sender has gone.
                    () = closed(&self.socket) => return Ok(()),
                }
            }
            if !self.receive(role).await? {
                return Ok(());
            }
            turns = turns.wrapping_add(1);
            if turns.is_multiple_of(MOST_TURNS) {
                let_others().await;
            }
        }
    }

    /// A response connection is written to by whoever has a response; here is done what the socket
    /// did not take then.
    async fn responses(&mut self, role: Role) -> Finish {
        let outgoing = Arc::clone(&self.outgoing);
        let mut life = Liveness::of_client();
        let mut look_at = None;
        loop {
            let now = Instant::now();
            if outgoing.is_watched() && look_at.is_none_or(|at| at <= now) {
                look_at = self.look(&mut life, now)?;
            }
            let stalled = outgoing.is_stalled();
            let flush = async {
                if !stalled {
                    outgoing.pending.notified().await;
                    // Another thread may have sent what has waited.
                    self.shared.bytes_taken(self.id);
                } else {
                    let _ = self
                        .socket
                        .async_io(Interest::WRITABLE, |_| {
                            let left = outgoing.flush();
                            // The client's next requests may have waited for this.
                            self.shared.bytes_taken(self.id);
                            match left {
                                Ok(0) => Ok(()),
                                Ok(_) => Err(io::ErrorKind::WouldBlock.into()),
                                Err(error) => Err(error),
                            }
                        })
                        .await;
                }
            };
            // All of these may be dropped half-way: whoever finishes first has changed nothing yet.
            tokio::select! {
                ready = self.socket.readable() => {
                    if let Ok(mut ready) = ready {
                        ready.retain_ready();
                    }
                }
                () = flush => continue,
                () = sleep_until(look_at), if look_at.is_some() => continue,
            }
            if outgoing.is_closed() || self.receive_once(role).await? == Some(false) {
                return Ok(());
            }
        }
    }

    /// Says that the handshake is over.
    fn note_ready(&self) {
        let peer = SocketAddr::new(self.peer, self.port);
        let (side, whose) = match (self.side, self.session) {
            (Side::Request, Some(_)) => ("requests", ""),
            (Side::Response, Some(_)) => ("responses", ""),
            (Side::Request, None) => ("requests", " (a legacy client)"),
            (Side::Response, None) => ("responses", " (a legacy client)"),
        };
        ::log::debug!(target: &self.shared.name, "{peer} is a connection for {side}{whose}.");
        if self.client.is_some() {
            let text = format_args!("Client {peer} is connected{whose}.");
            self.shared.say(Level::Info, About::Connected, text);
        }
    }

    fn work(&mut self, role: Role, input: &[u8]) -> Finish {
        self.now = self.shared.clock();
        let result = self.decode(role, input);
        self.charge.grow(self.data.len());
        self.full = self.shared.push(self.id, &mut self.requests);
        result
    }

    fn decode(&mut self, role: Role, mut input: &[u8]) -> Finish {
        loop {
            while let Some(message) = self.decoder.take_message(&mut input) {
                if !self.whole_request(&message) && self.is_crowded() {
                    return Err(Cause::NotReading.say(CROWDED));
                }
            }
            let event = match self.decoder.decode(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(()),
                Err(error) => return Err(breach(&error)),
            };
            match event {
                Event::Greeting { .. } => {
                    self.outgoing
                        .send(&ready(role, None), Body::Borrowed(&[]), &[]);
                }
                Event::Ready { session } => {
                    self.session = session;
                    let arrival = Arrival {
                        id: self.id,
                        side: self.side,
                        peer: self.peer,
                        session,
                    };
                    self.client = self.shared.ready(arrival, self.port);
                    self.note_ready();
                }
                Event::Ping { pong } => {
                    self.pong(pong.as_bytes())?;
                }
                Event::Header(_) => {
                    self.data.clear();
                    self.no_memory = false;
                    self.reserved = false;
                }
                Event::Data(piece) => {
                    if self.data.try_reserve(piece.len()).is_ok() {
                        self.data.extend_from_slice(piece);
                    } else {
                        self.forget_data();
                    }
                }
                Event::End(end) => {
                    self.large = end.data_len.is_some_and(|len| len >= DIRECT);
                    let data = Data::take(&mut self.data, &mut self.charge);
                    if !self.request(&end, data) && self.is_crowded() {
                        return Err(Cause::NotReading.say(CROWDED));
                    }
                }
            }
        }
    }
}

/// Ends when the peer has closed the connection, though there may be something left to read.
async fn closed(socket: &AsyncFd<Arc<TcpStream>>) {
    while let Ok(ready) = socket.ready(Interest::READABLE).await {
        if ready.ready().is_read_closed() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Lets the other connections work before this one goes on. Not tokio's `yield_now`: that is
/// forgotten when the thread which pulls leaves the event loop meanwhile.
async fn let_others() {
    let mut first = true;
    poll_fn(|context| {
        if std::mem::replace(&mut first, false) {
            context.waker().wake_by_ref();
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
