//! The life of the client's own thread.

use std::io;
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::attend;
use super::link::ClientLink;
use crate::endpoint::address::Destination;
use crate::endpoint::socket;
use crate::process::never_cancel;

/// How long to wait for the thread when the client is stopped. It may be in a completion callback
/// of the user's that does not return.
const STOP_WAIT: Duration = Duration::from_millis(150);

/// The running thread. It ends when the link is stopped; dropping this leaves it alone.
pub(super) struct ClientThread {
    handle: JoinHandle<()>,
    /// Closed when the thread's work has ended.
    finished: Receiver<()>,
}

impl ClientThread {
    /// Starts the thread, named `TcpClient`, for the server at `destination` and `port`.
    pub(super) fn start(
        link: &Arc<ClientLink>,
        destination: Destination,
        port: u16,
    ) -> io::Result<Self> {
        let runtime = socket::event_loop()?;
        let (finish, finished) = channel::<()>();
        let link = Arc::clone(link);
        let run = move || {
            never_cancel();
            // Dropped when the work ends, also by a panic: the receiver sees it.
            let _finish = finish;
            runtime.block_on(attend::run(&link, &destination, port));
            // Does not wait for a host name that is still being looked up.
            runtime.shutdown_background();
        };
        let handle = thread::Builder::new()
            .name("TcpClient".to_owned())
            .spawn(run)?;
        Ok(ClientThread { handle, finished })
    }

    /// Waits until the thread of `link`, which is stopped, has ended, for at most `STOP_WAIT`. On
    /// that thread itself it does not wait.
    pub(super) fn join(self, link: &ClientLink) {
        if self.handle.thread().id() == thread::current().id() {
            return;
        }
        if self.finished.recv_timeout(STOP_WAIT) == Err(RecvTimeoutError::Timeout) {
            ::log::warn!(
                target: &link.context.name,
                "A completion callback has not returned: its thread keeps running."
            );
            return;
        }
        // Only its last instructions are left.
        let _ = self.handle.join();
    }
}
