//! How a connection receives: what is there at once, large data where they belong, and at an only
//! client's the wait for it.

use std::io;
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::Poll;

use futures_util::future::poll_fn;
use tokio::io::unix::AsyncFdReadyGuard;
use tokio::io::Interest;

use super::{let_others, Connection, Finish};
use crate::endpoint::socket::{self, Mode};
use crate::wire::Role;

/// As much is received at a time while data is to be expected that is worth to be received where it
/// belongs.
const LOOK_AHEAD: usize = 4096;

type Ready<'a> = AsyncFdReadyGuard<'a, Arc<TcpStream>>;

impl Connection {
    /// Receives what is there and works through it. False at the end of the stream.
    pub(super) async fn receive(&mut self, role: Role) -> Finish<bool> {
        // A large piece of data goes straight to where it belongs.
        let direct = self.decoder.data_remaining();
        if direct >= LOOK_AHEAD as u64 {
            if !self.reserved && !self.reserve(direct).await {
                return Ok(false);
            }
            return self.receive_data(direct).await;
        }
        loop {
            if let Some(goes_on) = self.receive_once(role).await? {
                return Ok(goes_on);
            }
        }
    }

    /// Receives once the connection seems readable. `None` if there was nothing after all, false at
    /// the end of the stream.
    pub(super) async fn receive_once(&mut self, role: Role) -> Finish<Option<bool>> {
        let shared = Arc::clone(&self.shared);
        let full = {
            let more = std::mem::take(&mut self.more);
            let Ok((mode, mut ready)) = self.readable(more).await else {
                return Ok(Some(false));
            };
            let mut buffer = shared.buffer.lock().unwrap_or_else(PoisonError::into_inner);
            // Of large data only the beginning comes this way: the rest needs no copy. And when there
            // is no room, what comes should be little.
            let little = self.large || shared.is_crammed();
            let most = if little { LOOK_AHEAD } else { buffer.len() };
            match socket::receive(self.socket.get_ref(), &mut buffer[..most], mode) {
                Ok(0) => return Ok(Some(false)),
                Ok(count) => {
                    let full = count == most;
                    if !full {
                        // Taken as a sign that no more is there; more would make it ready again.
                        not_ready(&mut ready);
                    }
                    self.more = full && ready.is_none();
                    self.work(role, &buffer[..count])?;
                    full
                }
                Err(error) if socket::is_early(&error) => {
                    not_ready(&mut ready);
                    return Ok(None);
                }
                Err(error) => return self.failed(&error).map(|()| Some(false)),
            }
        };
        if full && !self.large {
            // It may have more than it is due: the others first.
            let_others().await;
        }
        Ok(Some(true))
    }

    /// Waits until it is worth to receive, as it is at once if `more` is there. Says whether that may
    /// wait in turn; with what the event loop says, if it was that.
    async fn readable(&self, more: bool) -> io::Result<(Mode, Option<Ready<'_>>)> {
        let listen = self.client.as_ref().map(|client| &client.listen);
        poll_fn(|context| {
            if more {
                return Poll::Ready(Ok((Mode::Now, None)));
            }
            // Not with requests at hand: it may have brought some since it was told to wait for them.
            if listen.is_some_and(|listen| listen.poll_told(context).is_ready())
                && !self.shared.has_requests()
            {
                return Poll::Ready(Ok((Mode::Wait, None)));
            }
            // Not `readable()`, which enters itself in a list for each wait: one task waits here.
            let ready = self.socket.poll_read_ready(context);
            ready.map_ok(|ready| (Mode::Now, Some(ready)))
        })
        .await
    }

    /// Waits until there is room for the `direct` bytes of data that are to come. False if the peer has
    /// gone meanwhile.
    async fn reserve(&mut self, direct: u64) -> bool {
        let rest = usize::try_from(direct).unwrap_or(usize::MAX);
        let shared = Arc::clone(&self.shared);
        if shared.incoming.has_room(rest, shared.limits()) {
            self.charge.add(shared.incoming.charge(rest));
        } else {
            self.expect(self.data.len());
            // Those that hold it may have to be closed.
            shared.housekeep.notify_one();
            tokio::select! {
                charge = shared.incoming.reserve(rest, || shared.limits()) => self.charge.add(charge),
                // What is not read does not tell that its sender has gone.
                () = super::closed(&self.socket) => return false,
            }
        }
        self.reserved = true;
        self.expect(rest + self.data.len());
        true
    }

    /// So much is held for a request that is not complete.
    fn expect(&self, bytes: usize) {
        if let Some(client) = &self.client {
            client.partial.store(bytes, Ordering::Relaxed);
        }
    }

    async fn receive_data(&mut self, direct: u64) -> Finish<bool> {
        // What is announced is no more than a transaction may have, and untouched room costs next to
        // nothing; beyond this it grows with what has come.
        let room = self
            .data
            .len()
            .max(1 << 20)
            .min(usize::try_from(direct).unwrap_or(usize::MAX));
        let data = &mut self.data;
        let mut receive = |stream: &Arc<TcpStream>| socket::receive_to_end(stream, data, room);
        let mut result = Err(io::ErrorKind::WouldBlock.into());
        if std::mem::take(&mut self.more) {
            result = receive(self.socket.get_ref());
        }
        if result.as_ref().is_err_and(socket::is_early) {
            result = self.socket.async_io(Interest::READABLE, receive).await;
        }
        let count = match result {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                self.forget_data();
                return Ok(true);
            }
            Err(error) => return self.failed(&error).map(|()| false),
        };
        self.decoder.data_taken(count as u64);
        if let Some(client) = &self.client {
            client.received.fetch_add(count as u64, Ordering::Relaxed);
        }
        if count > 0 && self.decoder.data_remaining() == 0 {
            self.expect(0);
            self.work(Role::Pull, &[])?;
        }
        Ok(count > 0)
    }

    /// There is no memory for the data that is coming in: the rest of it is passed over.
    pub(super) fn forget_data(&mut self) {
        self.data = Vec::new();
        drop(self.charge.take(0));
        self.expect(0);
        self.no_memory = true;
        self.decoder.skip_data();
    }
}

/// Nothing is there to be received, until the event loop says so again.
fn not_ready(ready: &mut Option<Ready<'_>>) {
    if let Some(ready) = ready {
        ready.clear_ready();
    }
}
