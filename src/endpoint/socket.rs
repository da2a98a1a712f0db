//! TCP sockets as both endpoints use them: their options, and sending and receiving that never
//! raises `SIGPIPE` in the host program and blocks only where asked to.
//!
//! The one module of the endpoints with `unsafe`: `recv` and `poll` have no safe form in `std` that
//! takes flags or a time limit.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io::{self, ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::poll_fn;
use socket2::{Domain, MaybeUninitSlice, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::process::{above_stdio, own, Stdio};

/// As many probes of a closed window without an answer say something.
#[cfg(target_os = "linux")]
const PROBES: u8 = 3;

/// Whether a call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Wait, for at most the socket's read timeout, or until a signal comes; then say `WouldBlock`.
    Wait,
    /// Say `WouldBlock` instead.
    Now,
}

/// A new TCP socket for addresses such as `address`, which does not block.
///
/// As every descriptor of the endpoints it is none of the program's standard streams, and as every
/// socket it is closed in a child process.
pub(super) fn new(address: SocketAddr) -> io::Result<Socket> {
    let held = Stdio::hold();
    let socket = above_stdio(Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        None,
    )?)?;
    drop(held);
    own(&socket);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The next connection that comes to `listener`.
pub(super) async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = poll_fn(|context| {
        // For as long as the system call takes, not for the wait.
        let _held = Stdio::hold();
        listener.poll_accept(context)
    })
    .await?;
    let stream = above_stdio(stream.into_std()?)?;
    own(&stream);
    Ok((stream, peer))
}

/// An event loop for the calling thread.
pub(super) fn event_loop() -> io::Result<Runtime> {
    let _held = Stdio::hold();
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
}

/// Sets what every connection of the bridge has: no delay of small messages, and keep-alive so that
/// a host which vanished is noticed within `keep_alive` while nothing is sent to it. While something
/// is, keep-alive is silent, and `liveness.rs` looks after that.
///
/// `TCP_USER_TIMEOUT` is not set: Linux ends a connection by it whose peer acknowledges each probe but
/// opens no window for that long, as the peer of a slow slave does.
pub(super) fn tune(stream: &TcpStream, keep_alive: Duration) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    // Whole seconds are what the kernel counts in: a third of the time idle, then three probes.
    let third = Duration::from_secs((keep_alive.as_secs() / 3).clamp(1, 32767));
    let probes = TcpKeepalive::new().with_time(third).with_interval(third);
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    let probes = probes.with_retries(2);
    socket.set_tcp_keepalive(&probes)?;
    #[cfg(target_vendor = "apple")]
    socket.set_nosigpipe(true)?;
    Ok(())
}

/// Lets data for `peer` leave as soon as it can, where it stays on this machine: there is nothing to
/// congest on that way, and a system whose choice is BBR would pace it to what it takes the way to
/// carry, which is half of what it does carry (docs/performance.md). A client calls this before it
/// connects: what BBR has once begun to pace, Linux goes on to pace. Elsewhere the system's choice
/// stays; and without reno, so it does here.
pub(super) fn no_pacing(socket: &impl AsFd, peer: IpAddr) {
    #[cfg(target_os = "linux")]
    if peer.to_canonical().is_loopback() {
        // The one that every Linux has, and every process may choose.
        let _ = SockRef::from(socket).set_tcp_congestion(b"reno");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, peer);
}

/// What the kernel knows of the acknowledgements of the peer's host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledgements {
    /// Bytes that the socket has taken and the peer's host has not acknowledged.
    pub(super) missing: u64,
    /// The peer's host owes one: for data that was sent, or for several probes of its closed window,
    /// one after the other. A single probe may be lost, or come too soon after another to be answered,
    /// and the next one is sent up to two minutes later.
    pub(super) owed: bool,
    /// How long ago one came last.
    pub(super) last: Duration,
}

/// What the kernel tells of acknowledgements; `None` where it tells nothing.
#[cfg(target_os = "linux")]
pub(super) fn acknowledgements(stream: &impl AsFd) -> Option<Acknowledgements> {
    // SAFETY: integers, for which zeros are values.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = std::mem::size_of_val(&info) as libc::socklen_t;
    // SAFETY: `info` has `length` bytes to be written to; the descriptor is open as long as `stream`
    // is borrowed.
    let told = unsafe {
        libc::getsockopt(
            stream.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            std::ptr::from_mut(&mut info).cast(),
            &mut length,
        )
    };
    if told != 0 {
        return None;
    }
    Some(Acknowledgements {
        missing: unacknowledged(stream),
        owed: info.tcpi_unacked > 0 || info.tcpi_probes >= PROBES,
        last: Duration::from_millis(u64::from(info.tcpi_last_ack_recv)),
    })
}

/// What the kernel tells of acknowledgements; `None` where it tells nothing.
#[cfg(not(target_os = "linux"))]
pub(super) fn acknowledgements(_stream: &impl AsFd) -> Option<Acknowledgements> {
    None
}

/// Bytes that the socket has taken and the peer's host has not acknowledged; 0 where that is not told.
#[cfg(target_os = "linux")]
pub(super) fn unacknowledged(stream: &impl AsFd) -> u64 {
    let mut count: libc::c_int = 0;
    // SAFETY: TIOCOUTQ, which is SIOCOUTQ for a socket, writes one `int`; the descriptor is open as
    // long as `stream` is borrowed.
    let told = unsafe { libc::ioctl(stream.as_fd().as_raw_fd(), libc::TIOCOUTQ, &mut count) };
    match told {
        0 => u64::try_from(count).unwrap_or(0),
        _ => 0,
    }
}

/// Bytes that the socket has taken and the peer's host has not acknowledged; 0 where that is not told.
#[cfg(not(target_os = "linux"))]
pub(super) fn unacknowledged(_stream: &impl AsFd) -> u64 {
    0
}

/// Has the kernel throw away what it has still to send, when the socket is closed: the peer gets no
/// more of it, and sees a reset in place of an end.
pub(super) fn discard_when_closed(stream: &impl AsFd) {
    // Fails when the connection is over, with nothing left to send.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Whether the peer has closed its side, though there may be something left to read.
pub(super) fn peer_has_closed(stream: &impl AsFd) -> bool {
    #[cfg(target_os = "linux")]
    let events = libc::POLLRDHUP;
    // Elsewhere it shows itself when everything has been read.
    #[cfg(not(target_os = "linux"))]
    let events = 0;
    let mut poll = libc::pollfd {
        fd: stream.as_fd().as_raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: one valid `pollfd`, whose descriptor is open as long as `stream` is borrowed.
    let count = unsafe { libc::poll(&mut poll, 1, 0) };
    count > 0 && poll.revents & (events | libc::POLLHUP | libc::POLLERR) != 0
}

/// Lets calls with [`Mode::Wait`] wait, for at most `limit`.
pub(super) fn may_wait(stream: &TcpStream, limit: Duration) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(limit))
}

/// Sends what the socket takes at once of `parts`, in one system call.
pub(super) fn send(stream: &impl AsFd, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    #[cfg(not(target_os = "linux"))]
    let flags = libc::MSG_DONTWAIT;
    loop {
        match SockRef::from(stream).send_vectored_with_flags(parts, flags) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Receives into `buffer`; 0 is the end of the stream.
pub(super) fn receive(stream: &impl AsFd, buffer: &mut [u8], mode: Mode) -> io::Result<usize> {
    receive_raw(stream, uninitialised(buffer), mode)
}

/// Receives what is there into the first of `parts`, and what comes after it into the next; returns
/// how many bytes in all, 0 at the end of the stream.
pub(super) fn receive_parts<const N: usize>(
    stream: &impl AsFd,
    parts: [&mut [u8]; N],
) -> io::Result<usize> {
    let mut parts = parts.map(|part| MaybeUninitSlice::new(uninitialised(part)));
    loop {
        let received =
            SockRef::from(stream).recv_vectored_with_flags(&mut parts, libc::MSG_DONTWAIT);
        match received {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result.map(|(count, _)| count),
        }
    }
}

/// Bytes as a place to receive to, where nothing but bytes is written.
fn uninitialised(bytes: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    let (start, len) = (bytes.as_mut_ptr().cast(), bytes.len());
    // SAFETY: the same bytes, borrowed for as long. `recv` leaves none of them uninitialised.
    unsafe { std::slice::from_raw_parts_mut(start, len) }
}

fn receive_raw(
    stream: &impl AsFd,
    buffer: &mut [MaybeUninit<u8>],
    mode: Mode,
) -> io::Result<usize> {
    let flags = if mode == Mode::Now {
        libc::MSG_DONTWAIT
    } else {
        0
    };
    loop {
        // SAFETY: `buffer` is valid for writes of its length for the duration of the call, and the
        // descriptor is open as long as `stream` is borrowed.
        let count = unsafe {
            libc::recv(
                stream.as_fd().as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                flags,
            )
        };
        match usize::try_from(count) {
            Ok(count) => return Ok(count),
            Err(_) => {
                let error = io::Error::last_os_error();
                match (error.kind(), mode) {
                    (ErrorKind::Interrupted, Mode::Now) => {}
                    // The wait would begin anew, and with signals that come often never end.
                    (ErrorKind::Interrupted, Mode::Wait) => {
                        return Err(ErrorKind::WouldBlock.into())
                    }
                    _ => return Err(error),
                }
            }
        }
    }
}

/// Receives at most `most` bytes to the end of `bytes`, which grows by what has come; 0 is the end
/// of the stream. `OutOfMemory` if there is no room for them.
pub(super) fn receive_to_end(
    stream: &impl AsFd,
    bytes: &mut Vec<u8>,
    most: usize,
) -> io::Result<usize> {
    bytes
        .try_reserve_exact(most)
        .map_err(|_| ErrorKind::OutOfMemory)?;
    let count = receive_raw(stream, &mut bytes.spare_capacity_mut()[..most], Mode::Now)?;
    // SAFETY: so many bytes have been written behind those that were there.
    unsafe { bytes.set_len(bytes.len() + count) };
    Ok(count)
}

/// Lets the event loop of this thread watch a socket that other threads use too.
pub(super) fn watched(
    stream: Arc<TcpStream>,
    interest: Interest,
) -> io::Result<AsyncFd<Arc<TcpStream>>> {
    // SAFETY: an `Arc<TcpStream>` always gives the same descriptor, and keeps it open for as long as
    // it is inside the `AsyncFd`.
    unsafe { AsyncFd::register_with_interest(stream, interest) }.map_err(io::Error::from)
}

/// What to wait for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    Readable,
    Writable,
}

/// Waits until the socket is ready, has failed, or `timeout` is over; false when that is all, or
/// when a signal has ended the wait early.
pub(super) fn wait(stream: &TcpStream, until: Until, timeout: Duration) -> bool {
    let events = match until {
        Until::Readable => libc::POLLIN,
        Until::Writable => libc::POLLOUT,
    };
    // Rounded up: a wait of less than a millisecond must not become a busy loop.
    let millis = timeout.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i32;
    let mut poll = libc::pollfd {
        fd: stream.as_raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: one valid `pollfd`, whose descriptor is open as long as `stream` is borrowed.
    let count = unsafe { libc::poll(&mut poll, 1, millis) };
    count > 0
}

/// The number of the interface `name` of this host; `None` if there is none.
pub(super) fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: a string with its closing NUL, which is valid for the duration of the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// Whether an error of a non-blocking call only says that the time has not come.
pub(super) fn is_early(error: &io::Error) -> bool {
    // `TimedOut` is the end of a connection whose peer has vanished.
    error.kind() == ErrorKind::WouldBlock
}
