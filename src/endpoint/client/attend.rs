//! The client's own thread: connects, again and again, and attends to a connection while it lasts.
//! It sends what waits, notices the end, keeps the deadlines that nobody waits for, and reads while
//! nobody else does.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::unix::AsyncFd;
use tokio::io::Interest;

use super::attending::Attending;
use super::connect::connect;
use super::connection::{Connection, ReadError};
use super::lines::About;
use super::link::Shared;
use super::pulse::Pulse;
use super::turn::Look;
use crate::endpoint::address::{canonical, Target};
use crate::endpoint::liveness::Liveness;
use crate::endpoint::outgoing::Body;
use crate::endpoint::socket::{self, Mode};
use crate::error::{Error, ErrorKind};
use crate::wire::{Decoder, Event};

/// How often to look whether to stand by, while transactions come and go. Standing by and being told
/// not to costs more than a transaction, so it is not for every pause; and what has been asked for by
/// somebody who has yet to wait for it need not be read before that.
pub(super) const TICK: Duration = Duration::from_millis(500);
/// The pause after the first failed attempt to connect, and between attempts while somebody waits
/// for a connection. Under a fuzzer (`fuzz/`) it would be most of the time there is.
const FIRST_PAUSE: Duration = Duration::from_millis(if cfg!(fuzzing) { 1 } else { 100 });
/// The longest that a request waits for others, if nobody waits for a response meanwhile.
const COMPANY: Duration = Duration::from_micros(500);
/// As long may responses come that were on their way when the request connection ended.
const LAST_WORDS: Duration = Duration::from_millis(50);
/// How often to wait for company before looking at other work.
const MOST_ROUNDS: u32 = 16;
/// The longest pause between attempts while nobody waits for one.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The thread's work, until the client is stopped.
pub(super) async fn run(shared: &Arc<Shared>, target: &Target, port: u16) {
    let _attending = Attending::new();
    let mut pause = FIRST_PAUSE;
    while !shared.stopped() {
        let begun = Instant::now();
        let attempt = tokio::select! {
            attempt = connect(shared, target, port) => attempt,
            () = stopped(shared) => return,
        };
        match attempt {
            Ok((connection, decoder)) => {
                pause = FIRST_PAUSE;
                let peer = connection.requests.peer_addr().map(canonical);
                if let Ok(peer) = peer {
                    shared.say(About::Connected, format_args!("Connected to {peer}."));
                }
                let connection = Arc::new(connection);
                let failure = attend(shared, &connection, decoder).await;
                shared.say(About::Disconnected, format_args!("Disconnected: {failure}"));
                connection.close();
                shared.disconnected(&connection, failure);
            }
            Err(error) => shared.failed(error),
        }
        rest(shared, begun, pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    shared.stop();
}

/// Ends when the client is stopped. Keeps deadlines meanwhile.
async fn stopped(shared: &Shared) {
    while !shared.stopped() {
        pause_until(shared, shared.expire(Instant::now())).await;
    }
}

/// The pause before the next attempt: until `pause` after `begun`, give or take, or until somebody
/// wants a connection.
async fn rest(shared: &Shared, begun: Instant, pause: Duration) {
    let end = begun + jitter(pause);
    let soonest = begun + FIRST_PAUSE;
    loop {
        let now = Instant::now();
        let until = if shared.wanted() { soonest } else { end };
        if shared.stopped() || now >= until {
            return;
        }
        let deadline = shared.expire(now);
        pause_until(
            shared,
            Some(deadline.map_or(until, |deadline| deadline.min(until))),
        )
        .await;
    }
}

/// Three quarters to five quarters of `pause`, so that clients which lost the same server do not all
/// come back at once.
fn jitter(pause: Duration) -> Duration {
    let mut byte = [128];
    // Without random numbers the middle will do.
    let _ = getrandom::fill(&mut byte);
    pause * 3 / 4 + pause / 2 * u32::from(byte[0]) / 255
}

async fn pause_until(shared: &Shared, at: Option<Instant>) {
    match at {
        None => shared.control.notified().await,
        Some(at) => {
            let _ = tokio::time::timeout_at(at.into(), shared.control.notified()).await;
        }
    }
}

/// Sees to a connection until it is lost; returns why.
async fn attend(shared: &Arc<Shared>, connection: &Arc<Connection>, decoder: Decoder) -> Error {
    let requests = match socket::watched(
        Arc::clone(&connection.requests),
        Interest::READABLE | Interest::WRITABLE,
    ) {
        Ok(requests) => requests,
        Err(error) => return lost(shared, connection, ReadError::Io(error)),
    };
    shared.connected(connection);
    let mut attendance = Attendance {
        shared,
        connection,
        requests,
        decoder,
        turns: 0,
        look_at: None,
        standby: None,
        missed: false,
        life: Liveness::of_server(),
        life_at: None,
        pulse: Pulse::new(),
    };
    attendance.run().await
}

struct Attendance<'a> {
    shared: &'a Arc<Shared>,
    connection: &'a Arc<Connection>,
    requests: AsyncFd<Arc<TcpStream>>,
    /// Of the request connection, on which a server has only commands to send.
    decoder: Decoder,
    turns: u64,
    /// When to look next whether somebody reads; `None` while this thread stands by.
    look_at: Option<Instant>,
    /// The response connection, while this thread stands by to read it.
    standby: Option<AsyncFd<Arc<TcpStream>>>,
    /// The response connection became readable while another thread had the turn: it may have left
    /// something, of which nothing will tell again.
    missed: bool,
    life: Liveness,
    /// When to look next whether the server's host is still there; `None` while nothing is sent.
    life_at: Option<Instant>,
    pulse: Pulse,
}

impl Attendance<'_> {
    async fn run(&mut self) -> Error {
        loop {
            let now = Instant::now();
            if self.shared.stopped() {
                return self.shared.stopped_error();
            }
            if let Some(failure) = self.connection.failure() {
                return failure;
            }
            if let Err(error) = self.stand(now) {
                return self.lost(ReadError::Io(error));
            }
            if self.missed && self.standby.is_some() {
                if let Err(error) = self.read_responses() {
                    return self.lost(error);
                }
            }
            self.await_company();
            let waiting = match self.connection.flush(self.shared) {
                Ok(waiting) => waiting > 0,
                Err(error) => {
                    self.last_words().await;
                    return self.lost(ReadError::Io(error));
                }
            };
            if let Err(error) = self.look_for_life(now) {
                return self.lost(error);
            }
            let deadline = self.shared.expire(now);
            let keep_alive = self.shared.settings.keep_alive.get();
            if let Err(error) = self.pulse.beat(self.connection, keep_alive, now) {
                return self.lost(error);
            }
            let alarms = [deadline, self.look_at, self.life_at, self.pulse.alarm()];
            let alarm = alarms.into_iter().flatten().min();
            let asking = self.pulse.is_asking();
            // Each of these may be dropped half-way: nothing is changed before it has finished.
            let seen = tokio::select! {
                biased;
                () = self.shared.control.notified() => Ok(()),
                () = self.connection.outgoing.pending.notified() => Ok(()),
                ready = self.requests.readable() => match ready {
                    Ok(mut ready) => {
                        // Ready again when more has come.
                        ready.clear_ready();
                        drop(ready);
                        self.read_commands()
                    }
                    Err(error) => Err(ReadError::Io(error)),
                },
                ready = self.requests.writable(), if waiting => match ready {
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
                self.last_words().await;
                return self.lost(error);
            }
        }
    }

    /// Looks whether the server's host still acknowledges what is sent, if it is time to. A server that
    /// takes nothing, be it for hours, is waited for.
    fn look_for_life(&mut self, now: Instant) -> Result<(), ReadError> {
        let outgoing = &self.connection.outgoing;
        if !outgoing.is_watched() || self.life_at.is_some_and(|at| at > now) {
            return Ok(());
        }
        let keep_alive = self.shared.settings.keep_alive.get();
        let look = self.life.look(outgoing, keep_alive, now);
        self.life_at = look.map_err(ReadError::Gone)?;
        Ok(())
    }

    /// A server that answers and then closes both connections has answered, in whatever order the two
    /// ends are seen.
    async fn last_words(&mut self) {
        let end = Instant::now() + LAST_WORDS;
        while self.connection.outstanding() > 0
            && self.connection.failure().is_none()
            && !self.shared.stopped()
            && Instant::now() < end
        {
            if self.read_responses().is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Gives requests that were deferred a moment to become more, unless this thread is the one that
    /// reads. Who waits for a response sends them before that.
    fn await_company(&mut self) {
        let mut rounds = 0;
        while self.connection.take_armed() && self.connection.background() <= 0 {
            std::thread::sleep(COMPANY);
            rounds += 1;
            if rounds == MOST_ROUNDS {
                self.shared.control.notify_one();
                return;
            }
            if self.connection.flush(self.shared).is_err() {
                return;
            }
        }
    }

    /// Takes up or gives up standing by, as the turn says.
    fn stand(&mut self, now: Instant) -> io::Result<()> {
        let background = self.connection.background() > 0;
        let ticking = self.connection.turn.is_ticking();
        if ticking && self.look_at.is_none() {
            // A thread has begun to read.
            self.look_at = Some(now + TICK);
        } else if self.look_at.is_none_or(|at| at <= now) {
            self.look_at = match self.connection.turn.look(&mut self.turns) {
                Look::Busy => Some(now + TICK),
                Look::Idle => None,
            };
        }
        if self.look_at.is_some() && !background {
            self.standby = None;
        } else if self.standby.is_none() {
            let responses = Arc::clone(&self.connection.responses);
            self.standby = Some(socket::watched(responses, Interest::READABLE)?);
        }
        Ok(())
    }

    /// Reads all responses that have come, unless another thread is at it.
    fn read_responses(&mut self) -> Result<(), ReadError> {
        self.missed = !self.connection.turn.enter_standby();
        if self.missed {
            return Ok(());
        }
        let result = self.connection.read_all(self.shared);
        if matches!(result, Ok(true)) {
            // There may be more, of which nothing will tell; other work has its turn first.
            self.missed = true;
            self.shared.control.notify_one();
        }
        self.connection.turn.leave();
        result.map(|_| ())
    }

    fn read_commands(&mut self) -> Result<(), ReadError> {
        let mut buffer = [0; 1024];
        loop {
            let count = match socket::receive(&self.connection.requests, &mut buffer, Mode::Now) {
                Ok(0) => return Err(ReadError::End),
                Ok(count) => count,
                Err(error) if socket::is_early(&error) => return Ok(()),
                Err(error) => return Err(ReadError::Io(error)),
            };
            self.connection.hear();
            let mut input = &buffer[..count];
            loop {
                let event = self.decoder.decode(&mut input);
                match event.map_err(|error| ReadError::Protocol(error.to_string()))? {
                    None => break,
                    Some(Event::Ping { pong }) => {
                        let pong = pong.as_bytes();
                        if self.connection.outgoing.queued()
                            > self.shared.settings.max_queued.get().saturating_mul(2)
                        {
                            let text = "it does not read the answers to its pings";
                            return Err(ReadError::Protocol(text.to_owned()));
                        }
                        self.connection
                            .outgoing
                            .send(pong, Body::Borrowed(&[]), &[]);
                    }
                    Some(_) => {}
                }
            }
        }
    }

    fn lost(&self, error: ReadError) -> Error {
        lost(self.shared, self.connection, error)
    }
}

fn lost(shared: &Shared, connection: &Connection, error: ReadError) -> Error {
    connection.lost(&shared.place, error);
    connection.failure().unwrap_or_else(|| {
        let text = format!("{}: connection lost", shared.place);
        Error::new(ErrorKind::ConnectionLost, text)
    })
}

async fn readable(standby: Option<&AsyncFd<Arc<TcpStream>>>) -> io::Result<()> {
    let Some(standby) = standby else {
        return std::future::pending().await;
    };
    // All there is will be read now, so it is ready again only when more has come.
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
