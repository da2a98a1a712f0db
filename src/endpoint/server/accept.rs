//! New connections: accepted, set up, and given to the pulling thread.

use std::future::Future;
use std::net::{SocketAddr, TcpStream};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::log::Level;
use futures_util::FutureExt;
use tokio::io::Interest;
use tokio::net::TcpListener;

use super::connection::{PeerAddress, PeerConnection};
use super::context::ServerTopic;
use super::quota::Exceeded;
use super::receive::Receiver;
use super::registry::Registry;
use super::wake::Wake;
use crate::endpoint::address::canonical;
use crate::endpoint::outgoing::Outgoing;
use crate::endpoint::pairing::Side;
use crate::endpoint::socket;

/// The longest wait for requests in the system call that receives them. Everything else waits as
/// long; the kernel rounds it up to some milliseconds.
const LISTEN_LIMIT: Duration = Duration::from_millis(1);
/// The pause after a failed accept: the process has no descriptors left, and will not at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The work on one connection, to its end.
pub(super) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Connections that have come since the pulling thread looked last.
pub(super) struct Arrivals {
    work: Mutex<Vec<Work>>,
    wake: Arc<Wake>,
}

impl Arrivals {
    /// For a pulling thread that `wake` wakes.
    pub(super) fn new(wake: Arc<Wake>) -> Arrivals {
        Arrivals {
            work: Mutex::default(),
            wake,
        }
    }

    fn add(&self, work: Work) {
        let mut arrivals = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.push(work);
        drop(arrivals);
        self.wake.tell();
    }

    pub(super) fn take(&self) -> Vec<Work> {
        std::mem::take(&mut self.work.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A socket that listens until this is dropped, even if a process that was forked off has it too:
/// closing it here would leave the port taken, and clients would connect to nobody.
pub(super) struct Listening {
    pub(super) socket: TcpListener,
    /// The program gave it to the server: another process may have it too, and go on listening.
    pub(super) given: bool,
}

impl Drop for Listening {
    fn drop(&mut self) {
        if !self.given {
            // Not every system can; there it is only closed.
            let _ = socket2::SockRef::from(&self.socket).shutdown(std::net::Shutdown::Both);
        }
    }
}

/// Accepts connections for as long as the server lives.
pub(super) async fn accept(
    registry: Arc<Registry>,
    arrivals: Arc<Arrivals>,
    listener: Listening,
    side: Side,
) {
    while !registry.context.stopped() {
        match socket::accept(&listener.socket).await {
            Ok((stream, peer)) => {
                let work = serve(Arc::clone(&registry), stream, peer, side);
                // A panic ends this connection, and nothing else.
                let work = AssertUnwindSafe(work).catch_unwind().map(|_| ());
                // Without tokio's budget for one poll: a task that has used it up is woken by the
                // event loop, and that is forgotten when the pulling thread leaves the loop
                // meanwhile.
                arrivals.add(Box::pin(tokio::task::unconstrained(work)));
            }
            Err(error) => {
                registry.context.say(
                    Level::Warn,
                    ServerTopic::Accept(error.raw_os_error()),
                    format_args!("Cannot accept a connection: {error}"),
                );
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection's place in the registry, given up when this is dropped, by whatever way.
struct Leave {
    registry: Arc<Registry>,
    id: u64,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.registry.disconnect(self.id);
    }
}

/// Sets up one connection, and works on it to its end.
async fn serve(registry: Arc<Registry>, stream: TcpStream, peer: SocketAddr, side: Side) {
    let context = Arc::clone(&registry.context);
    let peer = canonical(peer);
    socket::no_pacing(&stream, peer.ip());
    let tuned = socket::tune(&stream, context.settings.keep_alive.get())
        .and_then(|()| socket::may_wait(&stream, LISTEN_LIMIT));
    if let Err(error) = tuned {
        context.say(
            Level::Warn,
            ServerTopic::Setup,
            format_args!("Lost {peer}: {error}"),
        );
        return;
    }
    let stream = Arc::new(stream);
    let queued = Arc::clone(&context.budget.queued);
    let outgoing = Arc::new(Outgoing::new(Arc::clone(&stream), queued));
    let Ok(socket) = socket::watched(stream, Interest::READABLE | Interest::WRITABLE) else {
        return;
    };
    let id = match registry.connect(&outgoing, peer.ip(), side) {
        Ok(id) => id,
        Err(exceeded) => {
            let why = match exceeded {
                Exceeded::Connections(most) => format!("{most} connections are the most"),
                Exceeded::Address(most) => format!("{most} clients of one address are the most"),
                Exceeded::Network(most) => {
                    format!("{most} clients of one IPv6 network are the most")
                }
            };
            context.say(
                Level::Warn,
                ServerTopic::OverLimit,
                format_args!("Closing the connection of {peer}: {why}."),
            );
            return;
        }
    };
    let leave = Leave {
        registry: Arc::clone(&registry),
        id,
    };
    let address = PeerAddress {
        ip: peer.ip(),
        port: peer.port(),
    };
    let receiver = Receiver::new(socket);
    let mut connection = PeerConnection::new(
        Arc::clone(&registry),
        (id, side),
        address,
        receiver,
        outgoing,
    );
    let finish = connection.run().await;
    let is_client = connection.is_client();
    drop(connection);
    drop(leave);
    if context.stopped() {
        return;
    }
    if let Err(ending) = finish {
        registry.count_dropped(|dropped| ending.count(dropped));
        context.say(
            Level::Warn,
            ending.topic,
            format_args!("Closing the connection of {peer}: {}", ending.text),
        );
    }
    if is_client {
        context.say(
            Level::Info,
            ServerTopic::Gone,
            format_args!("Client {peer} has gone."),
        );
    } else {
        ::log::debug!(target: &context.name, "{peer} has gone.");
    }
}
