//! Whether the server still hears us: a forwarder in between may keep our side of a connection open
//! after the server has gone, and then TCP shows nothing.
//!
//! When a transaction times out and nothing has come since it was sent, the client sends PING. That
//! alone proves little: a server of ours answers only while somebody pulls from it, and a process that
//! is stopped answers nothing; both come back, and no link is given up whose both ends work. So when
//! the PING is not answered, the client opens one connection more to the same port and listens. A
//! server that greets it is at work; if the old connection then still says nothing, nobody is at
//! its end, and it is given up. What greets nobody is left alone. It costs such a server one
//! connection, which it may never see.
//!
//! PING stands in the stream behind the requests before it. A server need not have read those: ours
//! leaves off at 64 requests or 1 MiB that wait for their turn, libzmq at 1000 messages. So a PING
//! counts only behind a few.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::connect::dial;
use super::connection::{Connection, ReadError};
use crate::endpoint::outgoing::Body;
use crate::endpoint::socket::{self, Until};
use crate::wire::ping;

/// The most requests, and bytes of theirs, that may be unread before a PING that counts.
const FEW: u64 = 32;
const FEW_BYTES: u64 = 64 << 10;
/// An answer may be on its way for as long, whatever `keep_alive` says: responses are not looked at
/// all the time.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest that one more connection is kept which nobody greets.
const LONGEST: Duration = Duration::from_secs(600);

type Question = Pin<Box<dyn Future<Output = bool>>>;

/// Of one connection, in the hands of the client's thread.
pub(super) struct Pulse {
    step: Step,
    /// What had been heard when the server was suspected.
    heard: u64,
    /// How long the next connection is kept that nobody greets.
    patience: Duration,
}

enum Step {
    Calm,
    Pinged {
        until: Instant,
    },
    /// One more connection waits for its greeting.
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
            step: Step::Calm,
            heard: 0,
            patience: Duration::ZERO,
        }
    }

    /// Does what is due. An error is the end of the connection.
    pub(super) fn beat(
        &mut self,
        connection: &Connection,
        keep_alive: Duration,
        now: Instant,
    ) -> Result<(), ReadError> {
        let wait = keep_alive.max(SHORTEST);
        if !matches!(self.step, Step::Calm) && connection.heard() != self.heard {
            connection.mark_silent(false);
            self.step = Step::Calm;
        }
        let until = match &self.step {
            Step::Calm => {
                if connection.take_suspicion() && connection.answers_pings() {
                    let (requests, bytes) = connection.unread();
                    if requests <= FEW && bytes <= FEW_BYTES {
                        self.heard = connection.heard();
                        self.patience = wait;
                        let body = Body::Borrowed(&[]);
                        connection.outgoing.send(&ping(), body, &[]);
                        self.step = Step::Pinged {
                            until: later(now, wait),
                        };
                    }
                }
                return Ok(());
            }
            Step::Pinged { until }
            | Step::Asking { until, .. }
            | Step::Resting { until }
            | Step::Greeted { until } => *until,
        };
        if now < until {
            return Ok(());
        }
        match self.step {
            Step::Greeted { .. } => {
                // It may be that nobody has come to read it.
                let came = [&connection.requests, &connection.responses]
                    .iter()
                    .any(|stream| socket::wait(stream, Until::Readable, Duration::ZERO));
                if !came {
                    let text = format!(
                        "no answer to a ping within {wait:?}, though the server greets new connections"
                    );
                    return Err(ReadError::Io(io::Error::other(text)));
                }
                self.step = Step::Calm;
            }
            _ => {
                if matches!(self.step, Step::Asking { .. }) {
                    self.patience = (self.patience * 2).min(LONGEST.max(wait));
                }
                connection.mark_silent(true);
                self.step = Step::Asking {
                    question: Box::pin(greeted(connection)),
                    until: later(now, self.patience),
                };
            }
        }
        Ok(())
    }

    /// When to call [`Pulse::beat`] at the latest.
    pub(super) fn alarm(&self) -> Option<Instant> {
        match &self.step {
            Step::Calm => None,
            Step::Pinged { until }
            | Step::Asking { until, .. }
            | Step::Resting { until }
            | Step::Greeted { until } => Some(*until),
        }
    }

    /// Whether one more connection waits for its greeting.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.step, Step::Asking { .. })
    }

    /// Whether the server greets it. Ends only while [`Pulse::is_asking`], and may be dropped before.
    pub(super) async fn answer(&mut self) -> bool {
        match &mut self.step {
            Step::Asking { question, .. } => question.await,
            _ => std::future::pending().await,
        }
    }

    /// What came of [`Pulse::answer`].
    pub(super) fn answered(&mut self, greeted: bool, keep_alive: Duration) {
        let until = later(Instant::now(), keep_alive.max(SHORTEST));
        self.step = if greeted {
            Step::Greeted { until }
        } else {
            Step::Resting { until }
        };
    }
}

fn later(now: Instant, wait: Duration) -> Instant {
    // For a limit that is never reached, a year will do.
    now.checked_add(wait)
        .unwrap_or(now + Duration::from_secs(365 * 24 * 3600))
}

/// Opens one more connection like that of the requests, and waits for the first bytes of a greeting.
/// Nothing is sent: it is no client yet.
fn greeted(connection: &Connection) -> impl Future<Output = bool> + 'static {
    let ends = connection.requests.peer_addr();
    let ends = ends.and_then(|peer| Ok((peer, connection.requests.local_addr()?)));
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
