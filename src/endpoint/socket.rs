//! TCP sockets as both endpoints use them: their options, and sending and receiving that never
//! raises `SIGPIPE` in the host program and blocks only on request.
//!
//! The only module of the endpoints with `unsafe`: `recv` and `poll` have no safe form in `std`
//! that takes flags or a time limit.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::poll_fn;
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::process::{above_stdio, own, Stdio};

/// How many probes of a closed window must go unanswered before silence counts.
#[cfg(target_os = "linux")]
const PROBES: u8 = 3;

/// Data of at least this many bytes is received straight into the memory of its transaction, if
/// that is known when the data comes.
pub(super) const MIN_IN_PLACE: u64 = 1 << 14;

/// Bytes to receive into the buffer while such data is expected: its beginning, or what follows it.
pub(super) const READ_AHEAD: usize = 4096;

/// Whether a call may block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Block, for at most the socket's read timeout, or until a signal comes; then fail with
    /// `WouldBlock`.
    Wait,
    /// Fail with `WouldBlock` instead.
    Now,
}

/// A new non-blocking TCP socket for addresses of the family of `address`.
///
/// Like every descriptor of the endpoints it is 3 or more, so it is never taken for a standard
/// stream. Like every socket it is closed in a child process.
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
        // Held during the system call, not during the wait.
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

/// Sets the options that every connection of the bridge has: no delay of small messages, and
/// keep-alive, so that the loss of the peer's host is noticed within `keep_alive` while nothing is
/// sent to it. While data is on its way keep-alive is silent, and `liveness.rs` watches the
/// connection.
///
/// `TCP_USER_TIMEOUT` is not set: with it Linux ends a connection whose peer acknowledges each
/// probe but opens no window for that long, as the peer of a slow slave does.
pub(super) fn tune(stream: &TcpStream, keep_alive: Duration) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    // The kernel counts in whole seconds: a third of the time idle, then the probes.
    let third = Duration::from_secs((keep_alive.as_secs() / 3).clamp(1, 32767));
    let probes = TcpKeepalive::new().with_time(third).with_interval(third);
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    let probes = probes.with_retries(2);
    socket.set_tcp_keepalive(&probes)?;
    #[cfg(target_vendor = "apple")]
    socket.set_nosigpipe(true)?;
    Ok(())
}

/// Turns off pacing of a connection that stays on this machine, where nothing can be congested. A
/// system that uses BBR would pace it to the bandwidth that it estimates, which is half of the real
/// one (docs/performance.md). A client calls this before it connects: Linux goes on pacing a
/// connection that BBR has begun to pace. Other connections keep the system's choice, and so does
/// this one where reno is missing.
pub(super) fn no_pacing(socket: &impl AsFd, peer: IpAddr) {
    #[cfg(target_os = "linux")]
    if peer.to_canonical().is_loopback() {
        // Every Linux has reno, and every process may choose it.
        let _ = SockRef::from(socket).set_tcp_congestion(b"reno");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, peer);
}

/// What the kernel reports about acknowledgements by the peer's host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledgements {
    /// Bytes that the socket has taken and the peer's host has not acknowledged.
    pub(super) missing: u64,
    /// The peer's host must send one: for data that was sent, or for several probes of its closed
    /// window in a row. A single probe may be lost, or come too soon after another to be answered,
    /// and the next one is sent up to two minutes later.
    pub(super) expected: bool,
    /// How long ago the last one came.
    pub(super) last: Duration,
}

/// What the kernel knows of acknowledgements; `None` where it does not say.
#[cfg(target_os = "linux")]
pub(super) fn acknowledgements(stream: &impl AsFd) -> Option<Acknowledgements> {
    // SAFETY: integers, for which zeros are values.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = std::mem::size_of_val(&info) as libc::socklen_t;
    // SAFETY: `info` has `length` bytes to be written to; the descriptor is open as long as
    // `stream` is borrowed.
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
        expected: info.tcpi_unacked > 0 || info.tcpi_probes >= PROBES,
        last: Duration::from_millis(u64::from(info.tcpi_last_ack_recv)),
    })
}

/// What the kernel knows of acknowledgements; `None` where it does not say.
#[cfg(not(target_os = "linux"))]
pub(super) fn acknowledgements(_stream: &impl AsFd) -> Option<Acknowledgements> {
    None
}

/// Bytes that the socket has taken and the peer's host has not acknowledged; 0 where the kernel
/// does not say.
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

/// Bytes that the socket has taken and the peer's host has not acknowledged; 0 where the kernel
/// does not say.
#[cfg(not(target_os = "linux"))]
pub(super) fn unacknowledged(_stream: &impl AsFd) -> u64 {
    0
}

/// Makes the kernel discard unsent data when the socket is closed: the peer gets no more of it, and
/// sees a reset instead of an end.
pub(super) fn discard_when_closed(stream: &impl AsFd) {
    // Fails when the connection has ended, and then there is nothing left to send.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Whether the peer has closed its side; there may still be data to read.
pub(super) fn peer_has_closed(stream: &impl AsFd) -> bool {
    #[cfg(target_os = "linux")]
    let events = libc::POLLRDHUP;
    // Elsewhere this is noticed when everything has been read.
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

/// Lets calls with [`Mode::Wait`] block, for at most `limit`.
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
    // SAFETY: `buffer` is borrowed for writing.
    unsafe { receive_raw(stream, buffer.as_mut_ptr(), buffer.len(), mode) }
}

/// Receives what has arrived into the first of `parts`, and what comes after it into the next,
/// without waiting. Returns how many bytes in all, 0 at the end of the stream.
pub(super) fn receive_parts<const N: usize>(
    stream: &impl AsFd,
    parts: [&mut [u8]; N],
) -> io::Result<usize> {
    let mut parts = parts.map(IoSliceMut::new);
    // SAFETY: integers and pointers, for which zeros are values.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    // `IoSliceMut` has the layout of `iovec` (documented in std).
    message.msg_iov = parts.as_mut_ptr().cast();
    message.msg_iovlen = N as _;
    loop {
        // SAFETY: `message` names `N` buffers that are borrowed for writing, and no address and no
        // control data; the descriptor is open as long as `stream` is borrowed.
        let count =
            unsafe { libc::recvmsg(stream.as_fd().as_raw_fd(), &mut message, libc::MSG_DONTWAIT) };
        if let Ok(count) = usize::try_from(count) {
            return Ok(count);
        }
        let error = io::Error::last_os_error();
        if error.kind() != ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Receives at most `len` bytes to `start`.
///
/// # Safety
///
/// `start` is valid for writes of `len` bytes during the call.
unsafe fn receive_raw(
    stream: &impl AsFd,
    start: *mut u8,
    len: usize,
    mode: Mode,
) -> io::Result<usize> {
    let flags = match mode {
        Mode::Now => libc::MSG_DONTWAIT,
        Mode::Wait => 0,
    };
    loop {
        // SAFETY: the caller's promise; the descriptor is open as long as `stream` is borrowed.
        let count = unsafe { libc::recv(stream.as_fd().as_raw_fd(), start.cast(), len, flags) };
        if let Ok(count) = usize::try_from(count) {
            return Ok(count);
        }
        let error = io::Error::last_os_error();
        match (error.kind(), mode) {
            (ErrorKind::Interrupted, Mode::Now) => {}
            // Waiting again would start the time limit anew: with frequent signals, for ever.
            (ErrorKind::Interrupted, Mode::Wait) => return Err(ErrorKind::WouldBlock.into()),
            _ => return Err(error),
        }
    }
}

/// Receives at most `most` bytes and appends them to `bytes`; 0 is the end of the stream.
/// `OutOfMemory` if there is no memory for them.
pub(super) fn receive_to_end(
    stream: &impl AsFd,
    bytes: &mut Vec<u8>,
    most: usize,
) -> io::Result<usize> {
    bytes
        .try_reserve_exact(most)
        .map_err(|_| ErrorKind::OutOfMemory)?;
    let room = &mut bytes.spare_capacity_mut()[..most];
    // SAFETY: `room` is borrowed for writing.
    let count = unsafe { receive_raw(stream, room.as_mut_ptr().cast(), most, Mode::Now) }?;
    // SAFETY: `count` bytes, at most `most`, have been written behind those that were there.
    unsafe { bytes.set_len(bytes.len() + count) };
    Ok(count)
}

/// Lets the event loop of this thread watch a socket that other threads use too.
pub(super) fn watched(
    stream: Arc<TcpStream>,
    interest: Interest,
) -> io::Result<AsyncFd<Arc<TcpStream>>> {
    // SAFETY: an `Arc<TcpStream>` always gives the same descriptor, and keeps it open for as long
    // as it is inside the `AsyncFd`.
    unsafe { AsyncFd::register_with_interest(stream, interest) }.map_err(io::Error::from)
}

/// What to wait for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    Readable,
    Writable,
}

/// Waits until the socket is ready or has failed, for at most `timeout`. False after `timeout`, or
/// if a signal has ended the wait early.
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

/// Whether an error of a non-blocking call means only that it must be tried again later.
pub(super) fn is_early(error: &io::Error) -> bool {
    // `TimedOut` is different: it ends a connection whose peer has vanished.
    error.kind() == ErrorKind::WouldBlock
}
