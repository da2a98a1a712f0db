//! One attempt to connect: both connections, up to the end of their handshakes.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};

use tokio::net::TcpSocket;

use super::connection::Connection;
use super::link::{Shared, READ_LIMIT};
use super::response::Reader;
use crate::endpoint::address::Target;
use crate::endpoint::socket::{self, Mode};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::{greeting, ready, Decoder, Event, Limits, Messages, Role};

/// Connects to the server: its name is resolved anew, and its addresses are tried in turn.
pub(super) async fn connect(
    shared: &Shared,
    target: &Target,
    port: u16,
) -> Result<(Connection, Decoder)> {
    let place = &shared.place;
    let limit = shared.settings.connect_timeout.get();
    let attempt = async {
        let found = tokio::net::lookup_host((target.host.as_str(), port))
            .await
            .map_err(|error| match TcpSocket::new_v4().err() {
                // The resolver would say that there is no such host.
                Some(none) => io_error(shared, &none),
                None => Error::new(
                    ErrorKind::NotFound,
                    format!("{place}: host not found: {error}"),
                ),
            })?;
        let mut result = Err(Error::new(
            ErrorKind::NotFound,
            format!("{place}: host not found: it has no address"),
        ));
        let found: Vec<_> = found.collect();
        // Each has its share of the time: one that swallows everything must not use it all up.
        let share = limit / u32::try_from(found.len().max(1)).unwrap_or(u32::MAX);
        for address in found {
            let attempt = connect_to(shared, address.ip(), target.source, port);
            result = tokio::time::timeout(share, attempt)
                .await
                .unwrap_or_else(|_| {
                    let text = format!("{place}: unreachable, no answer within {share:?}");
                    Err(Error::new(ErrorKind::Unreachable, text))
                });
            if result.is_ok() {
                break;
            }
        }
        result
    };
    tokio::time::timeout(limit, attempt)
        .await
        .unwrap_or_else(|_| {
            let text = format!("{place}: unreachable, no answer within {limit:?}");
            Err(Error::new(ErrorKind::Unreachable, text))
        })
}

async fn connect_to(
    shared: &Shared,
    host: IpAddr,
    source: Option<SocketAddr>,
    port: u16,
) -> Result<(Connection, Decoder)> {
    // The response connection first, so that it is there when the first response is.
    let responses = open(shared, SocketAddr::new(host, port + 1), source).await?;
    let requests = open(shared, SocketAddr::new(host, port), source).await?;
    let (responses, reader) = shake(shared, responses, Role::Pull).await?;
    let (requests, decoder) = shake(shared, requests, Role::Push).await?;
    for stream in [&responses, &requests] {
        // From here on threads wait in their reads, each for no longer than this.
        socket::may_wait(stream, READ_LIMIT).map_err(|error| io_error(shared, &error))?;
    }
    Ok((
        Connection::new(requests, responses, Reader::new(reader)),
        decoder,
    ))
}

async fn open(shared: &Shared, to: SocketAddr, source: Option<SocketAddr>) -> Result<TcpStream> {
    let attempt = async {
        let socket = if to.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if let Some(source) = source {
            if source.port() != 0 {
                // Both connections come from it, and the next ones soon after these.
                socket.set_reuseaddr(true)?;
            }
            socket.bind(source)?;
        }
        socket::no_pacing(&socket, to.ip());
        let stream = socket.connect(to).await?;
        // A port in the range of outgoing ones can, with nobody listening, connect to itself.
        if stream.local_addr()? == stream.peer_addr()? {
            return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        }
        let stream = stream.into_std()?;
        socket::tune(&stream, shared.settings.keep_alive.get())?;
        Ok(stream)
    };
    let port = to.port();
    attempt.await.map_err(|error: io::Error| {
        ::log::debug!(target: &shared.name, "Port {port}: {error}");
        io_error(shared, &error)
    })
}

/// Does the handshake of one connection; returns it with the decoder, which goes on from there.
async fn shake(shared: &Shared, stream: TcpStream, role: Role) -> Result<(TcpStream, Decoder)> {
    let messages = if role == Role::Pull {
        Messages::Responses
    } else {
        Messages::None
    };
    // Whatever size a response has, the transaction that it answers says whether it fits.
    let limits = Limits {
        max_data: u64::from(u32::MAX),
        ..Limits::default()
    };
    let mut decoder = Decoder::new(role, messages, limits);
    let stream =
        tokio::net::TcpStream::from_std(stream).map_err(|error| io_error(shared, &error))?;
    send(shared, &stream, &greeting()).await?;
    let mut buffer = [0; 4096];
    while !decoder.is_ready() {
        let count = stream
            .async_io(tokio::io::Interest::READABLE, || {
                socket::receive(&stream, &mut buffer, Mode::Now)
            })
            .await
            .map_err(|error| io_error(shared, &error))?;
        if count == 0 {
            let text = format!(
                "{}: connection lost, the server closed it at once",
                shared.place
            );
            return Err(Error::new(ErrorKind::ConnectionLost, text));
        }
        let mut input = &buffer[..count];
        loop {
            let event = decoder.decode(&mut input).map_err(|error| {
                let text = format!("{}: not a server of the bridge: {error}", shared.place);
                Error::new(ErrorKind::Protocol, text)
            })?;
            match event {
                None => break,
                Some(Event::Greeting { .. }) => {
                    send(shared, &stream, &ready(role, Some(&shared.session))).await?;
                }
                // What comes before the first request is nobody's response.
                Some(_) => {}
            }
        }
    }
    let stream = stream
        .into_std()
        .map_err(|error| io_error(shared, &error))?;
    Ok((stream, decoder))
}

/// Sends the few bytes of a handshake, for which a new socket has room.
async fn send(shared: &Shared, stream: &tokio::net::TcpStream, bytes: &[u8]) -> Result<()> {
    let sent = stream
        .async_io(tokio::io::Interest::WRITABLE, || {
            socket::send(stream, &[io::IoSlice::new(bytes)])
        })
        .await
        .map_err(|error| io_error(shared, &error))?;
    if sent == bytes.len() {
        return Ok(());
    }
    Err(io_error(shared, &io::ErrorKind::WriteZero.into()))
}

/// A failure of the network, told in the words that programs may look for.
fn io_error(shared: &Shared, error: &io::Error) -> Error {
    let place = &shared.place;
    let (kind, text) = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            (ErrorKind::Refused, format!("{place}: connection refused"))
        }
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::TimedOut => (
            ErrorKind::Unreachable,
            format!("{place}: unreachable: {error}"),
        ),
        // No descriptors, no memory: nothing was said about the server.
        _ if matches!(
            error.raw_os_error(),
            Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
        ) =>
        {
            (
                ErrorKind::System,
                format!("{place}: cannot connect: {error}"),
            )
        }
        _ => (
            ErrorKind::ConnectionLost,
            format!("{place}: connection lost: {error}"),
        ),
    };
    Error::new(kind, text)
}
