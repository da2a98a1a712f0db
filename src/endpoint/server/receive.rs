//! How a connection receives: what is there at once, large data where it belongs, and the next
//! request of an only client in the system call that waits for it.

use std::io;
use std::net::TcpStream;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::poll_fn;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::io::Interest;

use super::context::ServerContext;
use super::wake::Wake;
use crate::endpoint::socket::{self, Mode, READ_AHEAD};

type Ready<'a> = AsyncFdReadyGuard<'a, Arc<TcpStream>>;

/// The receiving half of a connection.
pub(super) struct Receiver {
    socket: AsyncFd<Arc<TcpStream>>,
    /// More was there when this received last, whatever the event loop knows of that.
    more: bool,
}

/// What came of one attempt to receive.
pub(super) enum Received<'a> {
    /// The first `count` bytes of the server's buffer. `full`: there may be more.
    Bytes {
        buffer: MutexGuard<'a, Vec<u8>>,
        count: usize,
        full: bool,
    },
    /// Nothing was there after all.
    Nothing,
    /// The peer has closed the connection.
    End,
}

impl Receiver {
    pub(super) fn new(socket: AsyncFd<Arc<TcpStream>>) -> Receiver {
        Receiver {
            socket,
            more: false,
        }
    }

    /// The socket, for what is not received.
    pub(super) fn socket(&self) -> &AsyncFd<Arc<TcpStream>> {
        &self.socket
    }

    /// Receives once when the connection seems readable. `listen` tells when this may wait in the
    /// system call; `large`: large data is expected.
    pub(super) async fn receive<'a>(
        &mut self,
        context: &'a ServerContext,
        listen: Option<&Wake>,
        large: bool,
    ) -> io::Result<Received<'a>> {
        let more = std::mem::take(&mut self.more);
        let Ok((mode, mut ready)) = self.readable(context, listen, more).await else {
            return Ok(Received::End);
        };
        let mut buffer = context
            .buffer
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Only the beginning of large data comes this way: the rest needs no copy. Without room for
        // more, little should come.
        let little = large || context.is_crammed();
        let most = if little { READ_AHEAD } else { buffer.len() };
        match socket::receive(self.socket.get_ref(), &mut buffer[..most], mode) {
            Ok(0) => Ok(Received::End),
            Ok(count) => {
                let full = count == most;
                if !full {
                    // Taken as a sign that no more is there; more makes it ready again.
                    not_ready(&mut ready);
                }
                self.more = full && ready.is_none();
                Ok(Received::Bytes {
                    buffer,
                    count,
                    full,
                })
            }
            Err(error) if socket::is_early(&error) => {
                not_ready(&mut ready);
                Ok(Received::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits until it is worth to receive; with `more` it is at once. Returns whether receiving may
    /// wait, and the readiness if the event loop told it.
    async fn readable(
        &self,
        context: &ServerContext,
        listen: Option<&Wake>,
        more: bool,
    ) -> io::Result<(Mode, Option<Ready<'_>>)> {
        poll_fn(|cx| {
            if more {
                return Poll::Ready(Ok((Mode::Now, None)));
            }
            // Not with requests at hand: this connection may have brought some since it was told to
            // wait for them.
            if listen.is_some_and(|listen| listen.poll_told(cx).is_ready())
                && !context.load.has_requests()
            {
                return Poll::Ready(Ok((Mode::Wait, None)));
            }
            // Not `AsyncFd::readable`, which enters itself in a list for each wait: one task waits
            // here.
            let ready = self.socket.poll_read_ready(cx);
            ready.map_ok(|ready| (Mode::Now, Some(ready)))
        })
        .await
    }

    /// Appends data to `data`, up to `room` bytes in all. 0 at the end of the stream.
    pub(super) async fn receive_data(
        &mut self,
        data: &mut Vec<u8>,
        room: usize,
    ) -> io::Result<usize> {
        let mut receive = |stream: &Arc<TcpStream>| socket::receive_to_end(stream, data, room);
        let mut result = Err(io::ErrorKind::WouldBlock.into());
        if std::mem::take(&mut self.more) {
            result = receive(self.socket.get_ref());
        }
        if result.as_ref().is_err_and(socket::is_early) {
            result = self.socket.async_io(Interest::READABLE, receive).await;
        }
        result
    }

    /// Ends when the peer has closed the connection, though there may be something left to read.
    pub(super) async fn closed(&self) {
        while let Ok(ready) = self.socket.ready(Interest::READABLE).await {
            if ready.ready().is_read_closed() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Nothing is there to be received, until the event loop says so again.
fn not_ready(ready: &mut Option<Ready<'_>>) {
    if let Some(ready) = ready {
        ready.clear_ready();
    }
}
