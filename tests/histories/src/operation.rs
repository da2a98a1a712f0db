//! What was done to one register, and what is left to be decided when the outcome of a write is not
//! known.

use std::collections::HashMap;

/// Between its beginning and what, an operation was carried out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// It was, before this.
    Certain(u64),
    /// It was, before this, or never.
    Unknown(u64),
    /// It was not.
    Never,
}

/// One transaction, as far as one register is concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operation {
    /// The index of its lane.
    pub lane: usize,
    /// The number of the wire.
    pub kind: u8,
    pub writes: bool,
    pub value: u64,
    pub begun: u64,
    /// When its caller was told what had come of it, which may be nothing.
    pub asked_until: u64,
    pub place: Place,
}

/// An operation that was carried out at one moment between its beginning and its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub writes: bool,
    pub value: u64,
    pub begun: u64,
    pub ended: u64,
}

/// Two writes of one value, which tell nothing apart.
#[derive(Debug, PartialEq)]
pub struct WrittenTwice(pub u64);

/// Decides what is plain, so that the search need not. It changes nothing of whether there is an order:
///
/// - A write that may or may not have been carried out, and whose value nobody has read, is left
///   out. In an order with it in which everything fits, nothing reads between it and the next
///   write, so everything fits without it too.
/// - A write whose value was read has been carried out, before the first of its reads ended.
///
/// Both hold because no value is written twice, so a value that is read tells which write it is of.
pub fn decide(operations: &[Operation]) -> Result<Vec<Interval>, WrittenTwice> {
    let mut first_read = HashMap::new();
    for operation in operations.iter().filter(|operation| !operation.writes) {
        if let Place::Certain(ended) = operation.place {
            let first = first_read.entry(operation.value).or_insert(ended);
            *first = ended.min(*first);
        }
    }
    let mut written = HashMap::new();
    let mut intervals = Vec::with_capacity(operations.len());
    for operation in operations {
        if operation.writes && written.insert(operation.value, ()).is_some() {
            return Err(WrittenTwice(operation.value));
        }
        let read = first_read.get(&operation.value);
        let bound = match (operation.place, read) {
            (Place::Unknown(_), None) | (Place::Never, _) => continue,
            (Place::Certain(bound) | Place::Unknown(bound), _) => bound,
        };
        let ended = match read {
            // A read that ended before the write began is left for the search to refuse.
            Some(&read) if operation.writes => bound.min(read).max(operation.begun),
            _ => bound,
        };
        intervals.push(Interval {
            writes: operation.writes,
            value: operation.value,
            begun: operation.begun,
            ended,
        });
    }
    intervals.sort_by_key(|interval| interval.begun);
    Ok(intervals)
}
