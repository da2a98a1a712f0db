//! The files that clients and the driver leave: what is in them, and what that says of each
//! register. Which orders are possible is in `check.rs`.
//!
//! A `*.history` is of one lane, which is a thread of a client. It begins with 64 bytes: `RIMHIST1`,
//! the server in 24 bytes and the lane in 32, padded with zeros. Then come transactions, in the
//! order in which they were asked for: when each began and ended (`CLOCK_MONOTONIC`, in ns), a
//! number for its connection or 0, how many words there are (32 bits), kind and outcome (a byte
//! each), two bytes of nothing, and the words: address and value. All numbers are the machine's.
//!
//! `lives` has a line for each process that was a server: its name, when it was begun, and when it
//! had ended, or 0. The memory of a server outlives it, but not what it has been sent.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use crate::operation::{Operation, Place};

const POST: u8 = 3;
const DONE: u8 = 0;
const REFUSED: u8 = 1;
const SENT: u8 = 2;
const UNKNOWN: u8 = 3;

/// What was recorded of a transaction.
pub struct Record {
    pub begun: u64,
    pub ended: u64,
    pub connection: u64,
    pub kind: u8,
    pub outcome: u8,
    /// Address and value.
    pub words: Vec<(u64, u64)>,
}

impl Record {
    fn answered(&self) -> bool {
        self.outcome == DONE || self.outcome == REFUSED
    }

    fn writes(&self) -> bool {
        self.kind == 2 || self.kind == POST
    }
}

/// One `*.history`.
pub struct Lane {
    pub server: String,
    pub name: String,
    pub records: Vec<Record>,
}

/// From when to when a process was a server.
#[derive(Clone, Copy)]
pub struct Life {
    pub begun: u64,
    pub ended: u64,
}

/// A server and an address.
pub type Register = (String, u64);

/// Everything in a folder.
#[derive(Default)]
pub struct Histories {
    pub lanes: Vec<Lane>,
    pub lives: BTreeMap<String, Vec<Life>>,
}

/// Takes bytes off the front.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_ne_bytes)
    }

    fn text<const N: usize>(&mut self) -> Option<String> {
        let padded = String::from_utf8(self.take::<N>()?.to_vec()).ok()?;
        Some(padded.trim_end_matches('\0').to_owned())
    }

    fn record(&mut self) -> Option<Record> {
        let (begun, ended, connection) = (self.u64()?, self.u64()?, self.u64()?);
        let count = u32::from_ne_bytes(self.take()?);
        let [kind, outcome, _, _] = self.take()?;
        if !(1..=4).contains(&kind) || outcome > UNKNOWN || ended < begun {
            return None;
        }
        let words = (0..count)
            .map(|_| Some((self.u64()?, self.u64()?)))
            .collect::<Option<_>>()?;
        Some(Record {
            begun,
            ended,
            connection,
            kind,
            outcome,
            words,
        })
    }

    fn lane(&mut self) -> Option<Lane> {
        if &self.take::<8>()? != b"RIMHIST1" {
            return None;
        }
        let (server, name) = (self.text::<24>()?, self.text::<32>()?);
        let mut records = Vec::new();
        while !self.0.is_empty() {
            records.push(self.record()?);
        }
        Some(Lane {
            server,
            name,
            records,
        })
    }
}

fn life(line: &str) -> Option<(String, Life)> {
    let mut words = line.split(' ');
    let name = words.next()?.to_owned();
    let begun = words.next()?.parse().ok()?;
    let ended = match words.next()?.parse().ok()? {
        0 => u64::MAX,
        ended => ended,
    };
    Some((name, Life { begun, ended }))
}

fn unreadable(path: &Path) -> io::Error {
    io::Error::other(format!("{}: not a whole history", path.display()))
}

impl Histories {
    /// Reads a folder.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut all = Self::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name == "lives") {
                for line in fs::read_to_string(&path)?.lines() {
                    let (name, life) = life(line).ok_or_else(|| unreadable(&path))?;
                    all.lives.entry(name).or_default().push(life);
                }
            } else if path.extension().is_some_and(|ending| ending == "history") {
                let lane = Bytes(&fs::read(&path)?).lane();
                all.lanes.push(lane.ok_or_else(|| unreadable(&path))?);
            }
        }
        all.lanes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// The operations of each register.
    pub fn registers(&self) -> BTreeMap<Register, Vec<Operation>> {
        let mut registers: BTreeMap<Register, Vec<Operation>> = BTreeMap::new();
        for (number, lane) in self.lanes.iter().enumerate() {
            let none = Vec::new();
            let lives = self.lives.get(&lane.server).unwrap_or(&none);
            let answers = Answers::of(lane);
            for (index, record) in lane.records.iter().enumerate() {
                let place = place(record, &answers, index, lives);
                for &(address, value) in &record.words {
                    let register = (lane.server.clone(), address);
                    registers.entry(register).or_default().push(Operation {
                        lane: number,
                        kind: record.kind,
                        writes: record.writes(),
                        value,
                        begun: record.begun,
                        asked_until: record.ended,
                        place,
                    });
                }
            }
        }
        for operations in registers.values_mut() {
            operations.sort_by_key(|operation| operation.begun);
        }
        registers
    }
}

/// For each transaction of a lane, when the next answer came to one that was asked for later: on
/// any connection, and on the same one.
struct Answers {
    any: Vec<Option<u64>>,
    same: Vec<Option<u64>>,
}

impl Answers {
    fn of(lane: &Lane) -> Self {
        let mut any = vec![None; lane.records.len()];
        let mut same = any.clone();
        let mut next = None;
        let mut next_on = BTreeMap::new();
        for (index, record) in lane.records.iter().enumerate().rev() {
            any[index] = next;
            same[index] = next_on.get(&record.connection).copied();
            if !record.answered() {
                continue;
            }
            // Of those that were under way together, the first answer counts.
            next = earlier(next, record.ended);
            if record.connection != 0 {
                let on = next_on.entry(record.connection).or_insert(record.ended);
                *on = record.ended.min(*on);
            }
        }
        Self { any, same }
    }
}

fn earlier(known: Option<u64>, other: u64) -> Option<u64> {
    Some(known.map_or(other, |known| known.min(other)))
}

/// When a transaction was carried out, as far as its lane and the lives of its server tell.
///
/// A connection keeps the order. So the answer to something that was asked for later on the same
/// connection says that a Post has been carried out, and that a write of which nothing is known has
/// been carried out, or never will be. Whatever a lane asked for before it got an answer, it had
/// sent by then; so a server that is begun later does not get it.
fn place(record: &Record, answers: &Answers, index: usize, lives: &[Life]) -> Place {
    match record.outcome {
        DONE => return Place::Certain(record.ended),
        REFUSED => return Place::Never,
        _ => {}
    }
    let same = answers.same[index];
    if let (SENT, Some(answer)) = (record.outcome, same) {
        return Place::Certain(answer);
    }
    let last_life = answers.any[index].and_then(|answer| {
        let begun = lives.iter().filter(|life| life.begun <= answer);
        begun.map(|life| life.ended).max()
    });
    let bound = same.into_iter().chain(last_life).min();
    Place::Unknown(bound.unwrap_or(u64::MAX))
}
