//! The client's own thread. It connects again and again. While there is a connection, it sends what
//! waits, notices the end, keeps the deadlines of transactions that no thread waits for, and reads
//! while no other thread does.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::unix::AsyncFd;
use tokio::io::Interest;

use super::connect::connect;
use super::connection::{read_all, Connection};
use super::context::{About, ClientContext};
use super::link::ClientLink;
use super::pulse::Pulse;
use super::reader::ReadError;
use super::room::Attending;
use super::turn::Look;
use crate::endpoint::address::{canonical, Destination};
use crate::endpoint::liveness::Liveness;
use crate::endpoint::outgoing::Body;
use crate::endpoint::socket::{self, Mode};
use crate::error::Error;
use crate::wire::{Decoder, Event};

/// How often the thread checks whether to stand by, while transactions come and go. Registering the
/// socket costs more than a transaction, so short pauses are skipped. A response that a thread will
/// wait for need not be read before that thread does.
const STANDBY_CHECK: Duration = Duration::from_millis(500);
/// The pause after the first failed attempt to connect, and between attempts while transactions
/// wait for a connection. Under a fuzzer (`fuzz/`) the longer pause would take most of the time.
const FIRST_PAUSE: Duration = Duration::from_millis(if cfg!(fuzzing) { 1 } else { 100 });
/// The longest pause between attempts while no transaction waits for a connection.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a deferred request waits for others to leave with it, if no thread waits for a response
/// meanwhile. The timer of the event loop rounds it up to whole milliseconds.
const DEFER_FOR: Duration = Duration::from_micros(500);
/// How long to wait for responses that were on their way when the request connection ended.
const LAST_RESPONSES: Duration = Duration::from_millis(50);

/// The thread's work, until the client is stopped.
pub(super) async fn run(link: &ClientLink, destination: &Destination, port: u16) {
    let _attending = Attending::new();
    let context = &link.context;
    let mut pause = FIRST_PAUSE;
    while !link.is_stopped() {
        let begun = Instant::now();
        let attempt = tokio::select! {
            attempt = connect(context, &link.progress, destination, port) => attempt,
            () = stopped(link) => return,
        };
        match attempt {
            Ok((connection, decoder)) => {
                pause = FIRST_PAUSE;
                let peer = connection.requests.stream.peer_addr().map(canonical);
                if let Ok(peer) = peer {
                    context.say(About::Connected, format_args!("Connected to {peer}."));
                }
                let connection = Arc::new(connection);
                let reason = attend(link, &connection, decoder).await;
                context.say(About::Disconnected, format_args!("Disconnected: {reason}"));
                connection.finish(reason.clone());
                link.disconnected(&connection, reason);
            }
            Err(error) => link.failed(error),
        }
        rest(link, begun, pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    link.stop();
}

/// Ends when the client is stopped. Keeps deadlines meanwhile.
async fn stopped(link: &ClientLink) {
    while !link.is_stopped() {
        pause_until(&link.context, overdue(link, Instant::now())).await;
    }
}

/// Does what is due at `now`, with or without a connection; returns when the next work is due.
fn overdue(link: &ClientLink, now: Instant) -> Option<Instant> {
    let due = [link.expire(now), link.context.tell_left_out(now)];
    due.into_iter().flatten().min()
}

/// The pause before the next attempt: until about `pause` after `begun`, or until a transaction
/// wants a connection.
async fn rest(link: &ClientLink, begun: Instant, pause: Duration) {
    let end = begun + jitter(pause);
    let soonest = begun + FIRST_PAUSE;
    loop {
        let now = Instant::now();
        let until = if link.is_wanted() { soonest } else { end };
        if link.is_stopped() || now >= until {
            return;
        }
        let due = overdue(link, now).map_or(until, |due| due.min(until));
        pause_until(&link.context, Some(due)).await;
    }
}

/// Three quarters to five quarters of `pause`, so that clients that lost the same server do not all
/// come back at once.
fn jitter(pause: Duration) -> Duration {
    let mut byte = [128];
    // Without random numbers the byte stays in the middle of its range.
    let _ = getrandom::fill(&mut byte);
    pause * 3 / 4 + pause / 2 * u32::from(byte[0]) / 255
}

/// Ends at `at`, or when the thread is woken.
async fn pause_until(context: &ClientContext, at: Option<Instant>) {
    match at {
        None => context.woken().await,
        Some(at) => {
            let _ = tokio::time::timeout_at(at.into(), context.woken()).await;
        }
    }
}

/// Attends to a connection until it ends; returns why it has.
async fn attend(link: &ClientLink, connection: &Arc<Connection>, decoder: Decoder) -> Error {
    let requests = match socket::watched(
        Arc::clone(&connection.requests.stream),
        Interest::READABLE | Interest::WRITABLE,
    ) {
        Ok(requests) => requests,
        Err(error) => return loss(link, connection, ReadError::Io(error)),
    };
    link.connected(connection);
    let mut attendance = Attendance {
        link,
        context: &link.context,
        connection,
        requests,
        decoder,
        turns: 0,
        look_at: None,
        standby: None,
        missed: false,
        flush_at: None,
        liveness: Liveness::of_server(),
        check_alive_at: None,
        pulse: Pulse::new(),
    };
    attendance.run().await
}

struct Attendance<'a> {
    link: &'a ClientLink,
    context: &'a ClientContext,
    connection: &'a Connection,
    requests: AsyncFd<Arc<TcpStream>>,
    /// For the request connection, on which a server sends only commands.
    decoder: Decoder,
    /// The number of turns at the last look.
    turns: u64,
    /// When to check next whether a thread reads; `None` while this thread stands by.
    look_at: Option<Instant>,
    /// The response connection, while this thread stands by to read it.
    standby: Option<AsyncFd<Arc<TcpStream>>>,
    /// The response connection became readable while another thread had the turn. That thread may
    /// have left something unread, which the event loop does not report again.
    missed: bool,
    /// When to send the requests that are deferred; `None` while there are none.
    flush_at: Option<Instant>,
    liveness: Liveness,
    /// When to check next whether the server's host is alive; `None` while nothing is sent.
    check_alive_at: Option<Instant>,
    pulse: Pulse,
}

impl Attendance<'_> {
    async fn run(&mut self) -> Error {
        loop {
            let now = Instant::now();
            if self.link.is_stopped() {
                return self.context.stopped();
            }
            if let Some(reason) = self.connection.requests.loss() {
                return reason.clone();
            }
            if let Err(error) = self.stand(now) {
                return self.loss(ReadError::Io(error));
            }
            if self.missed && self.standby.is_some() {
                if let Err(error) = self.read_responses() {
                    return self.loss(error);
                }
            }
            let stalled = match self.flush(now) {
                Ok(stalled) => stalled,
                Err(error) => {
                    self.last_responses().await;
                    return self.loss(ReadError::Io(error));
                }
            };
            if let Err(error) = self.check_alive(now) {
                return self.loss(error);
            }
            let keep_alive = self.context.settings.keep_alive.get();
            if let Err(error) = self.pulse.beat(self.connection, keep_alive, now) {
                return self.loss(error);
            }
            let alarms = [
                overdue(self.link, now),
                self.look_at,
                self.flush_at,
                self.check_alive_at,
                self.pulse.alarm(),
            ];
            let alarm = alarms.into_iter().flatten().min();
            let asking = self.pulse.is_asking();
            // Any branch may be dropped before it finishes, so none changes anything before.
            let seen = tokio::select! {
                biased;
                () = self.context.woken() => Ok(()),
                () = self.connection.requests.outgoing.pending.notified() => Ok(()),
                ready = self.requests.readable() => match ready {
                    Ok(mut ready) => {
                        // Ready again when more has come.
                        ready.clear_ready();
                        drop(ready);
                        self.read_commands()
                    }
                    Err(error) => Err(ReadError::Io(error)),
                },
                ready = self.requests.writable(), if stalled => match ready {
                    Ok(mut ready) => {
                        ready.clear_ready();
                        Ok(())
                    }
                    Err(error) => Err(ReadError::Io(error)),
                },
                ready = readable(self.standby.as_ref()), if self.standby.is_some() => match ready {
                    Ok(()) => self.read_responses(),
                    Err(error) => Err(ReadError::Io(error)),
                },
                greeted = self.pulse.answer(), if asking => {
                    self.pulse.answered(greeted, keep_alive);
                    Ok(())
                },
                () = sleep_until(alarm), if alarm.is_some() => Ok(()),
            };
            if let Err(error) = seen {
                self.last_responses().await;
                return self.loss(error);
            }
        }
    }

    /// Sends what waits, as far as the socket takes it; returns whether bytes are left.
    ///
    /// Deferred requests wait for `DEFER_FOR`, so that others can join them, unless this thread
    /// must read responses. A thread that waits for a response sends them earlier.
    fn flush(&mut self, now: Instant) -> io::Result<bool> {
        let requests = &self.connection.requests;
        if self.flush_at.is_none() && requests.has_deferred() {
            self.flush_at = Some(now + DEFER_FOR);
        }
        let waits = self.flush_at.is_some_and(|at| at > now);
        if waits && !self.connection.pending.needs_reader() && !requests.outgoing.is_stalled() {
            return Ok(false);
        }
        if self.flush_at.take().is_some() {
            // So far further requests have not woken this thread. One that is deferred from now on
            // does, or is sent by the flush.
            requests.forget_deferred();
        }
        Ok(requests.flush()? > 0)
    }

    /// Checks, when it is time, whether the server's host still acknowledges what is sent. The
    /// client waits for a server that reads nothing, even for hours.
    fn check_alive(&mut self, now: Instant) -> Result<(), ReadError> {
        let outgoing = &self.connection.requests.outgoing;
        if !outgoing.is_watched() || self.check_alive_at.is_some_and(|at| at > now) {
            return Ok(());
        }
        let keep_alive = self.context.settings.keep_alive.get();
        let look = self.liveness.look(outgoing, keep_alive, now);
        self.check_alive_at = look.map_err(ReadError::Gone)?;
        Ok(())
    }

    /// Reads the responses of a server that has answered and then closed both connections. The ends
    /// of the two may be seen in any order.
    async fn last_responses(&mut self) {
        let end = Instant::now() + LAST_RESPONSES;
        while self.connection.pending.outstanding() > 0
            && self.connection.requests.loss().is_none()
            && !self.link.is_stopped()
            && Instant::now() < end
        {
            if self.read_responses().is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Starts or stops standing by, depending on whether another thread reads.
    fn stand(&mut self, now: Instant) -> io::Result<()> {
        let turn = &self.connection.turn;
        if turn.is_looking() && self.look_at.is_none() {
            // A thread has begun to read.
            self.look_at = Some(now + STANDBY_CHECK);
        } else if self.look_at.is_none_or(|at| at <= now) {
            self.look_at = match turn.look(&mut self.turns) {
                Look::Busy => Some(now + STANDBY_CHECK),
                Look::Idle => None,
            };
        }
        if self.look_at.is_some() && !self.connection.pending.needs_reader() {
            self.standby = None;
        } else if self.standby.is_none() {
            let responses = Arc::clone(&self.connection.responses);
            self.standby = Some(socket::watched(responses, Interest::READABLE)?);
        }
        Ok(())
    }

    /// Reads all responses that have come, unless another thread reads.
    fn read_responses(&mut self) -> Result<(), ReadError> {
        let Some(mut reading) = self.connection.turn.enter_standby() else {
            self.missed = true;
            return Ok(());
        };
        let more = read_all(&mut reading);
        reading.leave();
        // The event loop does not report what may be left. Other work comes first.
        self.missed = matches!(more, Ok(true));
        if self.missed {
            self.context.wake();
        }
        more.map(|_| ())
    }

    /// Reads what the server sends on the request connection: PINGs, and their answers.
    fn read_commands(&mut self) -> Result<(), ReadError> {
        let Connection {
            requests, pending, ..
        } = self.connection;
        let mut buffer = [0; 1024];
        loop {
            let count = match socket::receive(&requests.stream, &mut buffer, Mode::Now) {
                Ok(0) => return Err(ReadError::End),
                Ok(count) => count,
                Err(error) if socket::is_early(&error) => return Ok(()),
                Err(error) => return Err(ReadError::Io(error)),
            };
            pending.hear();
            let mut input = &buffer[..count];
            loop {
                let event = self.decoder.decode(&mut input);
                match event.map_err(|error| ReadError::Protocol(error.to_string()))? {
                    None => break,
                    Some(Event::Ping { pong }) => {
                        let most = self.context.settings.max_queued.get().saturating_mul(2);
                        if requests.outgoing.queued() > most {
                            let text = "the server does not read the answers to its pings";
                            return Err(ReadError::Protocol(text.to_owned()));
                        }
                        let body = Body::Borrowed(&[]);
                        requests.outgoing.send(pong.as_bytes(), body, &[]);
                    }
                    Some(_) => {}
                }
            }
        }
    }

    fn loss(&self, error: ReadError) -> Error {
        loss(self.link, self.connection, error)
    }
}

/// Ends the connection because of `error`; returns why it has ended, which may be another reason.
fn loss(link: &ClientLink, connection: &Connection, error: ReadError) -> Error {
    connection.lost(error);
    let reason = connection.requests.loss().cloned();
    reason.unwrap_or_else(|| link.context.connection_lost())
}

async fn readable(standby: Option<&AsyncFd<Arc<TcpStream>>>) -> io::Result<()> {
    let Some(standby) = standby else {
        return std::future::pending().await;
    };
    // All that has come is read now, so it is ready again only when more has come.
    standby
        .readable()
        .await
        .map(|mut ready| ready.clear_ready())
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at.into()).await;
    }
}
