//! One attempt to connect: both connections side by side, up to the end of their handshakes.

use std::cell::Cell;
use std::future::{poll_fn, Future};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::pin::{pin, Pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use super::connection::Connection;
use super::context::{ClientContext, READ_LIMIT};
use super::failure::{port_text, Failure};
use super::progress::{Progress, Stage};
use crate::endpoint::address::{Destination, Host};
use crate::endpoint::socket::{self, Mode};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::{greeting, ready, Decoder, Event, Limits, Messages, Role};

/// When one connection could not be opened, how long to wait for the outcome of the other, so that
/// the error text says whether one port is closed or both are.
const OTHER: Duration = Duration::from_millis(50);

/// Connects to the server: resolves its name again, and tries its addresses in turn.
pub(super) async fn connect(
    context: &Arc<ClientContext>,
    progress: &Progress,
    destination: &Destination,
    port: u16,
) -> Result<(Connection, Decoder)> {
    let place = &context.place;
    let limit = context.settings.connect_timeout.get();
    let found = tokio::time::timeout(limit, find(place, &destination.host, port))
        .await
        .unwrap_or_else(|_| {
            let text = format!("{place}: host not found: no answer within {limit:?}");
            Err(Error::new(ErrorKind::NotFound, text))
        })?;
    let mut result = Err(Error::new(
        ErrorKind::NotFound,
        format!("{place}: host not found: it has no address"),
    ));
    // Each has its share of the time: one that never answers must not use it all up.
    let patience = limit / u32::try_from(found.len().max(1)).unwrap_or(u32::MAX);
    for address in found {
        let attempt = Attempt {
            context,
            progress,
            address,
            source: destination.source,
            patience,
            advanced_at: Cell::new(Instant::now()),
        };
        result = attempt.run().await;
        if result.is_ok() {
            break;
        }
    }
    result
}

/// The addresses of the server's base port.
async fn find(place: &str, host: &Host, port: u16) -> Result<Vec<SocketAddr>> {
    match host {
        Host::Literal(literal) => literal
            .at(port)
            .map(|address| vec![address])
            .ok_or_else(|| {
                let text = format!("{place}: not found: {}", literal.no_zone());
                Error::new(ErrorKind::NotFound, text)
            }),
        Host::Name(name) => match tokio::net::lookup_host((name.as_str(), port)).await {
            Ok(found) => Ok(found.collect()),
            Err(error) => Err(match socket::new((Ipv4Addr::LOCALHOST, 0).into()).err() {
                // Without free descriptors the resolver would say that there is no such host.
                Some(none) => Failure::opening(&none).error(place),
                None => Error::new(
                    ErrorKind::NotFound,
                    format!("{place}: host not found: {error}"),
                ),
            }),
        },
    }
}

/// An attempt at one address.
///
/// `patience` starts again at each sign of progress: a connection that opens, the end of the
/// server's greeting, its READY. Each of the two connections has three of them, so an attempt ends
/// within six times `patience`, however slowly the server sends its bytes.
struct Attempt<'a> {
    context: &'a Arc<ClientContext>,
    progress: &'a Progress,
    /// The server's address, with the base port.
    address: SocketAddr,
    source: Option<SocketAddr>,
    patience: Duration,
    /// When there was progress last.
    advanced_at: Cell<Instant>,
}

/// A connection after its handshake.
struct Shaken {
    stream: TcpStream,
    /// Goes on where the handshake ended.
    decoder: Decoder,
    /// The server speaks ZMTP 3.1, and so knows PING.
    pings: bool,
}

impl Attempt<'_> {
    async fn run(&self) -> Result<(Connection, Decoder)> {
        self.progress.begin();
        let result = tokio::select! {
            biased;
            result = self.both() => result,
            () = self.stall() => Err(self.progress.stalled(self.address.port(), self.patience)),
        };
        self.progress.begin();
        result.map_err(|failure| failure.error(&self.context.place))
    }

    /// Ends when there has been no progress for too long.
    async fn stall(&self) {
        loop {
            let Some(end) = self.advanced_at.get().checked_add(self.patience) else {
                return std::future::pending().await;
            };
            if end <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(end.into()).await;
        }
    }

    /// Opens both connections and does their handshakes, side by side: over a long distance that
    /// takes one round trip to open them, and one for the handshakes.
    async fn both(&self) -> std::result::Result<(Connection, Decoder), Failure> {
        let mut responses = pin!(self.shaken(Role::Pull));
        let mut requests = pin!(self.shaken(Role::Push));
        let (mut pull, mut push) = (None, None);
        let (responses, requests) = loop {
            match (pull, push) {
                (Some(pull), Some(push)) => break (pull, push),
                both => (pull, push) = both,
            }
            tokio::select! {
                biased;
                done = &mut responses, if pull.is_none() => match done {
                    Ok(shaken) => pull = Some(shaken),
                    Err(failure) => return Err(self.failed(failure, Role::Pull, requests).await),
                },
                done = &mut requests, if push.is_none() => match done {
                    Ok(shaken) => push = Some(shaken),
                    Err(failure) => return Err(self.failed(failure, Role::Push, responses).await),
                },
            }
        };
        let ends = |stream: &TcpStream| io::Result::Ok((stream.local_addr()?, stream.peer_addr()?));
        let (answers, asks) = (&responses.stream, &requests.stream);
        let meet = ends(answers).and_then(|(local, peer)| Ok((peer, local) == ends(asks)?));
        // Where nobody listens, the two may have connected to each other.
        if meet.map_err(|error| Failure::shaking(&error))? {
            return Err(Failure::opening(&io::ErrorKind::ConnectionRefused.into()));
        }
        for stream in [answers, asks] {
            // From now on threads wait in reads of these, each for no longer than this.
            socket::may_wait(stream, READ_LIMIT).map_err(|error| Failure::shaking(&error))?;
        }
        let connection = Connection::new(
            Arc::clone(self.context),
            requests.stream,
            responses.stream,
            responses.decoder,
            requests.pings,
        );
        Ok((connection, requests.decoder))
    }

    /// The connection with `role` has failed: names its port, and says what is known of the
    /// `other`.
    async fn failed<F>(&self, failure: Failure, role: Role, mut other: Pin<&mut F>) -> Failure
    where
        F: Future<Output = std::result::Result<Shaken, Failure>>,
    {
        let base = self.address.port();
        if failure.is_ours() {
            return failure;
        }
        if self.stage(role) > Stage::Opening {
            return failure.at(port_text(base, role));
        }
        let open = || self.stage(role.peer()) > Stage::Opening;
        let outcome = poll_fn(|context| {
            if open() {
                return Poll::Ready(None);
            }
            match other.as_mut().poll(context) {
                Poll::Ready(outcome) => Poll::Ready(outcome.err()),
                Poll::Pending if open() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        });
        match tokio::time::timeout(OTHER, outcome).await {
            Ok(Some(outcome)) if outcome == failure => failure,
            Ok(None) => failure.only_at(base, role),
            _ => failure.at(port_text(base, role)),
        }
    }

    fn stage(&self, role: Role) -> Stage {
        self.progress.stage(role)
    }

    fn reached(&self, role: Role, stage: Stage) {
        self.progress.reached(role, stage);
        self.advanced_at.set(Instant::now());
    }

    async fn shaken(&self, role: Role) -> std::result::Result<Shaken, Failure> {
        let stream = self.open(role).await?;
        self.reached(role, Stage::Open);
        let shaken = self.shake(stream, role).await?;
        self.reached(role, Stage::Ready);
        Ok(shaken)
    }

    async fn open(&self, role: Role) -> std::result::Result<TcpStream, Failure> {
        let mut to = self.address;
        // `address::destination` refuses 65535.
        to.set_port(to.port() + u16::from(role == Role::Pull));
        let opened = async {
            let stream = dial(to, self.source).await?.into_std()?;
            socket::tune(&stream, self.context.settings.keep_alive.get())?;
            Ok(stream)
        };
        opened.await.map_err(|error: io::Error| {
            let port = to.port();
            ::log::debug!(target: &self.context.name, "Port {port}: {error}");
            match self.source {
                Some(source) => Failure::opening_from(source, &error),
                None => Failure::opening(&error),
            }
        })
    }

    /// Does the handshake of one connection. Our greeting leaves at once, READY when the server's
    /// greeting has come.
    async fn shake(&self, stream: TcpStream, role: Role) -> std::result::Result<Shaken, Failure> {
        let messages = if role == Role::Pull {
            Messages::Responses
        } else {
            Messages::None
        };
        // Any size is accepted here: the reader checks that a response fits its transaction.
        let limits = Limits {
            max_data: u64::from(u32::MAX),
            ..Limits::default()
        };
        let mut decoder = Decoder::new(role, messages, limits);
        let mut pings = false;
        let lost = |error: io::Error| Failure::shaking(&error);
        let stream = tokio::net::TcpStream::from_std(stream).map_err(lost)?;
        send(&stream, &greeting()).await.map_err(lost)?;
        let mut buffer = [0; 4096];
        while !decoder.is_ready() {
            let count = stream
                .async_io(tokio::io::Interest::READABLE, || {
                    socket::receive(&stream, &mut buffer, Mode::Now)
                })
                .await
                .map_err(lost)?;
            if count == 0 {
                return Err(Failure::closed());
            }
            let mut input = &buffer[..count];
            loop {
                let event = decoder
                    .decode(&mut input)
                    .map_err(|error| Failure::stranger(&error))?;
                match event {
                    None => break,
                    Some(Event::Greeting { major, minor }) => {
                        pings = (major, minor) >= (3, 1);
                        self.reached(role, Stage::Greeted);
                        let ready = ready(role, Some(&self.context.session));
                        send(&stream, &ready).await.map_err(lost)?;
                    }
                    // A response before the first request belongs to no transaction.
                    Some(_) => {}
                }
            }
        }
        let stream = stream.into_std().map_err(lost)?;
        Ok(Shaken {
            stream,
            decoder,
            pings,
        })
    }
}

/// Opens a connection.
pub(super) async fn dial(
    to: SocketAddr,
    source: Option<SocketAddr>,
) -> io::Result<tokio::net::TcpStream> {
    let socket = TcpSocket::from_std_stream(socket::new(to)?.into());
    if let Some(source) = source {
        if source.port() != 0 {
            // Both connections use this source port, and the next two soon after them.
            socket.set_reuseaddr(true)?;
        }
        socket.bind(source)?;
    }
    socket::no_pacing(&socket, to.ip());
    let stream = socket.connect(to).await?;
    // Where nobody listens, a port in the range of outgoing ones can connect to itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// Sends the few bytes of a handshake, for which a new socket has room.
async fn send(stream: &tokio::net::TcpStream, bytes: &[u8]) -> io::Result<()> {
    let sent = stream
        .async_io(tokio::io::Interest::WRITABLE, || {
            socket::send(stream, &[io::IoSlice::new(bytes)])
        })
        .await?;
    if sent == bytes.len() {
        return Ok(());
    }
    Err(io::ErrorKind::WriteZero.into())
}
