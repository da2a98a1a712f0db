//! Checks whether the server still hears the client. A forwarder in between may keep our side of a
//! connection open after the server has gone, and then TCP shows nothing.
//!
//! When a transaction times out and nothing has come since it was sent, the client sends PING. That
//! alone proves little: a server of ours answers only while a thread pulls from it, and a stopped
//! process answers nothing. Both may come back, and a connection must not be given up while both of
//! its ends work. So when the PING is not answered, the client opens one more connection to the
//! same port and listens. If the server greets it, the server is at work; if the old connection
//! still says nothing then, its other end is gone, and it is given up. If the server does not greet
//! it, nothing happens. The check costs the server one connection, which it may never see.
//!
//! A PING comes after earlier requests in the stream, which a server need not have read: ours stops
//! reading at 64 requests or 1 MiB that wait for their turn, libzmq at 1000 messages. So a PING
//! counts only if few requests are before it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::connect::dial;
use super::connection::Connection;
use super::reader::ReadError;
use crate::endpoint::outgoing::Body;
use crate::endpoint::socket::{self, Until};
use crate::wire::ping;

/// A PING counts only with at most this many unread requests, and bytes of their data, before it.
const MOST_UNREAD: u64 = 32;
const MOST_UNREAD_BYTES: u64 = 64 << 10;
/// The shortest time to wait for an answer, whatever `keep_alive` says: responses are not read all
/// the time.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest time that the additional connection is kept without a greeting.
const LONGEST_QUESTION: Duration = Duration::from_secs(600);

type Question = Pin<Box<dyn Future<Output = bool>>>;

/// The state of the check for one connection. Used by the client's thread only.
pub(super) struct Pulse {
    step: PulseStep,
    /// The count of what had been heard when the server was suspected.
    heard: u64,
    /// How long the next additional connection is kept without a greeting.
    ask_for: Duration,
}

enum PulseStep {
    Calm,
    Pinged {
        until: Instant,
    },
    /// The additional connection waits for its greeting.
    Asking {
        question: Question,
        until: Instant,
    },
    /// It could not be opened, or was closed at once.
    Resting {
        until: Instant,
    },
    /// The server has greeted it.
    Greeted {
        until: Instant,
    },
}

impl Pulse {
    pub(super) fn new() -> Pulse {
        Pulse {
            step: PulseStep::Calm,
            heard: 0,
            ask_for: Duration::ZERO,
        }
    }

    /// Does what is due. An error means that the connection has ended.
    pub(super) fn beat(
        &mut self,
        connection: &Connection,
        keep_alive: Duration,
        now: Instant,
    ) -> Result<(), ReadError> {
        let wait = keep_alive.max(SHORTEST);
        if !matches!(self.step, PulseStep::Calm) && connection.pending.heard() != self.heard {
            connection.set_silent(false);
            self.step = PulseStep::Calm;
        }
        let until = match &self.step {
            PulseStep::Calm => {
                if connection.pending.take_suspicion() && connection.answers_pings {
                    let unread = connection.pending.unread();
                    if unread.requests <= MOST_UNREAD && unread.bytes <= MOST_UNREAD_BYTES {
                        self.heard = connection.pending.heard();
                        self.ask_for = wait;
                        let body = Body::Borrowed(&[]);
                        connection.requests.outgoing.send(&ping(), body, &[]);
                        self.step = PulseStep::Pinged {
                            until: later(now, wait),
                        };
                    }
                }
                return Ok(());
            }
            PulseStep::Pinged { until }
            | PulseStep::Asking { until, .. }
            | PulseStep::Resting { until }
            | PulseStep::Greeted { until } => *until,
        };
        if now < until {
            return Ok(());
        }
        match self.step {
            PulseStep::Greeted { .. } => {
                // An answer may have come that no thread has read yet.
                let came = [&connection.requests.stream, &connection.responses]
                    .iter()
                    .any(|stream| socket::wait(stream, Until::Readable, Duration::ZERO));
                if !came {
                    let text = format!(
                        "no answer to a ping within {wait:?}, though the server greets new \
                         connections"
                    );
                    return Err(ReadError::Io(io::Error::other(text)));
                }
                self.step = PulseStep::Calm;
            }
            _ => {
                if matches!(self.step, PulseStep::Asking { .. }) {
                    self.ask_for = (self.ask_for * 2).min(LONGEST_QUESTION.max(wait));
                }
                connection.set_silent(true);
                self.step = PulseStep::Asking {
                    question: Box::pin(greeted(connection)),
                    until: later(now, self.ask_for),
                };
            }
        }
        Ok(())
    }

    /// When to call [`Pulse::beat`] at the latest.
    pub(super) fn alarm(&self) -> Option<Instant> {
        match &self.step {
            PulseStep::Calm => None,
            PulseStep::Pinged { until }
            | PulseStep::Asking { until, .. }
            | PulseStep::Resting { until }
            | PulseStep::Greeted { until } => Some(*until),
        }
    }

    /// Whether the additional connection waits for its greeting.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.step, PulseStep::Asking { .. })
    }

    /// Whether the server greets the additional connection. Never ends unless [`Pulse::is_asking`];
    /// may be dropped before.
    pub(super) async fn answer(&mut self) -> bool {
        match &mut self.step {
            PulseStep::Asking { question, .. } => question.await,
            _ => std::future::pending().await,
        }
    }

    /// Takes the result of [`Pulse::answer`].
    pub(super) fn answered(&mut self, greeted: bool, keep_alive: Duration) {
        let until = later(Instant::now(), keep_alive.max(SHORTEST));
        self.step = if greeted {
            PulseStep::Greeted { until }
        } else {
            PulseStep::Resting { until }
        };
    }
}

fn later(now: Instant, wait: Duration) -> Instant {
    // A year stands for a time that is never reached.
    now.checked_add(wait)
        .unwrap_or(now + Duration::from_secs(365 * 24 * 3600))
}

/// Opens one more connection like that of the requests, and waits for the first bytes of a
/// greeting. Sends nothing, so to the server it is not a client.
fn greeted(connection: &Connection) -> impl Future<Output = bool> + 'static {
    let stream = &connection.requests.stream;
    let ends = stream.peer_addr();
    let ends = ends.and_then(|peer| Ok((peer, stream.local_addr()?)));
    let ask = async move {
        let (peer, mut local) = ends?;
        local.set_port(0);
        let stream = dial(peer, Some(local)).await?;
        // Padding is between these two.
        let (mut signature, mut have) = ([0; 10], 0);
        while have < signature.len() {
            stream.readable().await?;
            match stream.try_read(&mut signature[have..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => have += count,
                Err(error) if socket::is_early(&error) => {}
                Err(error) => return Err(error),
            }
        }
        io::Result::Ok((signature[0], signature[9]) == (0xFF, 0x7F))
    };
    async { ask.await.unwrap_or(false) }
}
