//! A client for the model checker: what `connection.rs`, `pending.rs` and `attend.rs` of the bridge do
//! with the turn and the transactions, step by step, with a queue in place of the socket. There is
//! no time: what waits for some time to pass waits to be told ([`Client::give_up_on`],
//! [`Client::tick`]).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::turn::{Look, ReadTurn, Reading};
use crate::bus::{Link, Transaction, READ};
use crate::error::Error;
use crate::sync::{Condvar, Mutex};

/// How often the endpoint's thread reads before looking at other work: as seldom as can be.
const MOST_ROUNDS: u32 = 1;

/// A client with its connection.
pub struct Client {
    turn: ReadTurn<()>,
    table: Mutex<Vec<Entry>>,
    socket: Mutex<Socket>,
    /// Something has changed about the socket.
    changed: Condvar,
    /// Somebody reads just now; not part of the model, but what it is held to.
    reading: AtomicBool,
}

struct Entry {
    transaction: Transaction,
    background: bool,
}

/// The response connection, and all else that the endpoint's thread waits for.
#[derive(Default)]
struct Socket {
    /// Ids of the transactions whose responses have come, and have not been read.
    responses: VecDeque<u32>,
    /// The endpoint's thread waits for it to become readable.
    watched: bool,
    /// It has become so. Told once, and again only when more has come.
    readable: bool,
    /// The endpoint's thread has been told that there is something to see to.
    control: bool,
    /// Ticks that the endpoint's thread has not heard of yet.
    ticks: u32,
    stopped: bool,
    /// How often readers have been told that time has passed.
    moments: u32,
}

/// A turn to read that a test holds.
pub struct Held<'a> {
    client: &'a Client,
    reading: Reading<'a, ()>,
}

impl Held<'_> {
    /// The turn is over.
    pub fn leave(self) {
        self.client.leave_turn(self.reading);
    }
}

/// What the endpoint's thread has heard of.
#[derive(PartialEq, Eq)]
enum Heard {
    Control,
    Readable,
    Tick,
    Stop,
}

impl Client {
    pub fn new() -> Arc<Client> {
        Arc::new(Client {
            turn: ReadTurn::new(()),
            table: Mutex::default(),
            socket: Mutex::default(),
            changed: Condvar::default(),
            reading: AtomicBool::default(),
        })
    }

    /// Sends a transaction, which never runs out of time unless [`Client::give_up_on`] it. If
    /// `background`, its response is to be read though nobody waits for it.
    pub fn submit(self: &Arc<Self>, background: bool) -> Transaction {
        let transaction = Transaction::new(0, 0, READ, None, Duration::ZERO);
        transaction.set_link(Arc::clone(self) as Arc<dyn Link>, Instant::now());
        // Its time, which is none, runs from `taken` on.
        transaction.delayed();
        self.table.lock().unwrap().push(Entry {
            transaction: transaction.clone(),
            background,
        });
        if background {
            self.notify();
        }
        transaction
    }

    /// The response is to be read though nobody may wait for it.
    pub fn watch(&self, transaction: &Transaction) {
        let mut table = self.table.lock().unwrap();
        let mut entries = table.iter_mut();
        let Some(entry) = entries.find(|e| e.transaction.same(transaction)) else {
            return;
        };
        entry.background = true;
        drop(table);
        self.notify();
    }

    /// The server's response comes.
    pub fn respond(&self, transaction: &Transaction) {
        let mut socket = self.socket.lock().unwrap();
        socket.responses.push_back(transaction.id());
        socket.readable |= socket.watched;
        drop(socket);
        self.changed.notify_all();
    }

    /// The transaction's time is over at once. Whoever waits with a time limit looks at the clock.
    pub fn give_up_on(&self, transaction: &Transaction) {
        transaction.taken();
        self.socket.lock().unwrap().moments += 1;
        self.changed.notify_all();
    }

    /// It is time for the endpoint's thread to look.
    pub fn tick(&self) {
        self.socket.lock().unwrap().ticks += 1;
        self.changed.notify_all();
    }

    /// Ends [`Client::attend`].
    pub fn stop(&self) {
        self.socket.lock().unwrap().stopped = true;
        self.changed.notify_all();
    }

    /// The turn to read, as if for `transaction`, until [`Held::leave`].
    pub fn enter(&self, transaction: &Transaction) -> Held<'_> {
        let reading = self.turn.enter(transaction).expect("nobody else reads");
        self.begin_reading();
        Held {
            client: self,
            reading,
        }
    }

    fn leave_turn(&self, reading: Reading<'_, ()>) {
        self.end_reading();
        if !reading.leave() && self.background() {
            self.notify();
        }
    }

    fn begin_reading(&self) {
        let others = self.reading.swap(true, Ordering::Relaxed);
        assert!(!others, "two threads read at the same time");
    }

    fn end_reading(&self) {
        self.reading.store(false, Ordering::Relaxed);
    }

    fn notify(&self) {
        self.socket.lock().unwrap().control = true;
        self.changed.notify_all();
    }

    fn background(&self) -> bool {
        self.table.lock().unwrap().iter().any(|e| e.background)
    }

    fn remove(&self, id: u32) -> Option<Transaction> {
        let mut table = self.table.lock().unwrap();
        let index = table.iter().position(|e| e.transaction.id() == id)?;
        Some(table.swap_remove(index).transaction)
    }

    fn moments(&self) -> u32 {
        self.socket.lock().unwrap().moments
    }

    /// Reads one response. With `wait`, waits for it until more than that many moments have passed.
    fn read(&self, wait: Option<u32>) -> bool {
        let mut socket = self.socket.lock().unwrap();
        while wait == Some(socket.moments) && socket.responses.is_empty() {
            socket = self.changed.wait(socket).unwrap();
        }
        let Some(id) = socket.responses.pop_front() else {
            return false;
        };
        drop(socket);
        if let Some(transaction) = self.remove(id) {
            transaction.done();
        }
        true
    }

    /// What the endpoint's thread does until it is stopped.
    pub fn attend(&self) {
        let mut attendance = Attendance::default();
        loop {
            attendance.stand(self);
            if attendance.missed && attendance.standby {
                attendance.read_responses(self);
            }
            match self.listen(attendance.looking) {
                Heard::Control => {}
                Heard::Readable => attendance.read_responses(self),
                Heard::Tick => attendance.due = true,
                Heard::Stop => return,
            }
        }
    }

    /// Waits for something to see to; only who is `looking` hears ticks.
    fn listen(&self, looking: bool) -> Heard {
        let mut socket = self.socket.lock().unwrap();
        loop {
            if std::mem::take(&mut socket.control) {
                return Heard::Control;
            }
            if std::mem::take(&mut socket.readable) {
                return Heard::Readable;
            }
            if looking && socket.ticks > 0 {
                socket.ticks -= 1;
                return Heard::Tick;
            }
            if socket.stopped {
                return Heard::Stop;
            }
            socket = self.changed.wait(socket).unwrap();
        }
    }
}

impl Link for Client {
    fn drive(&self, transaction: &Transaction, deadline: Option<Instant>) -> bool {
        let awaits = |e: &Entry| e.transaction.same(transaction);
        if !self.table.lock().unwrap().iter().any(awaits) {
            return transaction.completed();
        }
        let Some(reading) = self.turn.enter(transaction) else {
            return false;
        };
        if reading.wakes_standby {
            self.notify();
        }
        self.begin_reading();
        while !transaction.completed() {
            let moments = self.moments();
            let deadline = deadline.or_else(|| transaction.deadline());
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                break;
            }
            self.read(Some(moments));
        }
        self.leave_turn(reading);
        true
    }

    fn leave(&self, transaction: &Transaction) {
        if !self.turn.quit(transaction) && self.background() {
            self.notify();
        }
    }

    fn give_up(&self, transaction: &Transaction) -> Option<Error> {
        self.remove(transaction.id());
        None
    }
}

/// The endpoint's thread, as in `attend.rs`.
#[derive(Default)]
struct Attendance {
    turns: u64,
    /// It looks again at the next tick.
    looking: bool,
    /// That tick has come.
    due: bool,
    standby: bool,
    missed: bool,
}

impl Attendance {
    fn stand(&mut self, client: &Client) {
        let background = client.background();
        let due = std::mem::take(&mut self.due);
        if client.turn.is_looking() && !self.looking {
            self.looking = true;
        } else if !self.looking || due {
            self.looking = client.turn.look(&mut self.turns) == Look::Busy;
        }
        let standby = !self.looking || background;
        if standby != self.standby {
            let mut socket = client.socket.lock().unwrap();
            socket.watched = standby;
            socket.readable = standby && !socket.responses.is_empty();
        }
        self.standby = standby;
    }

    fn read_responses(&mut self, client: &Client) {
        let reading = client.turn.enter_standby();
        self.missed = reading.is_none();
        let Some(reading) = reading else {
            return;
        };
        client.begin_reading();
        let mut rounds = 0;
        let mut more = true;
        while more && rounds < MOST_ROUNDS {
            more = client.read(None);
            rounds += 1;
        }
        if more {
            self.missed = true;
            client.notify();
        }
        client.end_reading();
        reading.leave();
    }
}
