//! Tells a reader who knows nothing of this program what does not fit.

use std::collections::HashMap;
use std::fmt::Write;

use crate::operation::{Operation, Place};
use crate::record::{Histories, Life, Register};

const WIDTH: usize = 48;

/// `A` to `Z`, `A1` to `Z1`, and so on.
fn letter(index: usize) -> String {
    let first = char::from(b'A' + (index % 26) as u8);
    match index / 26 {
        0 => first.to_string(),
        round => format!("{first}{round}"),
    }
}

fn kind(operation: &Operation) -> &'static str {
    match operation.kind {
        1 => "read",
        2 => "write",
        3 => "post",
        _ => "verify",
    }
}

/// Until when it may have been carried out, as far as is known.
fn until(operation: &Operation) -> Option<u64> {
    match operation.place {
        Place::Certain(ended) => Some(ended),
        Place::Unknown(u64::MAX) => None,
        Place::Unknown(bound) => Some(bound),
        Place::Never => Some(operation.asked_until),
    }
}

fn outcome(operation: &Operation) -> &'static str {
    match (operation.place, operation.kind) {
        (Place::Certain(_), 3) => "sent; a later answer to its client came at the end",
        (Place::Certain(_), _) => "answered",
        (Place::Unknown(u64::MAX), _) => "no answer: carried out at any later time, or never",
        (Place::Unknown(_), _) => "no answer: carried out before the end, or never",
        (Place::Never, _) => "refused: not carried out",
    }
}

/// A line from the beginning of an operation to its end.
fn bar(operation: &Operation, first: u64, last: u64) -> String {
    let column = |time: u64| {
        let part = u128::from(time.clamp(first, last) - first);
        (part * (WIDTH as u128 - 1) / u128::from((last - first).max(1))) as usize
    };
    let begun = column(operation.begun);
    let ended = until(operation).map_or(WIDTH - 1, column).max(begun);
    let mut bar: String = (0..WIDTH)
        .map(|at| {
            if (begun..=ended).contains(&at) {
                '='
            } else {
                ' '
            }
        })
        .collect();
    if until(operation).is_none() {
        bar.replace_range(WIDTH - 1.., ">");
    }
    bar
}

/// What is plain to see, in words.
fn hint(initial: u64, operations: &[Operation], names: &HashMap<u64, String>) -> String {
    let writes = || operations.iter().filter(|one| one.writes);
    for read in operations.iter().filter(|one| !one.writes) {
        let write = writes().find(|one| one.value == read.value);
        let name = &names[&read.value];
        // When it was there at the latest for the first time.
        let there = match write {
            None if read.value == initial => Some(0),
            None => return format!("{name} was read, but no client has written it."),
            Some(write) if write.place == Place::Never => {
                return format!("{name} was read, although the server refused to write it.");
            }
            Some(write) if read.asked_until < write.begun => {
                return format!("{name} was read before the write of it began.");
            }
            Some(write) => until(write),
        };
        let another = writes().find(|other| match (there, other.place) {
            (Some(there), Place::Certain(ended)) => there < other.begun && ended < read.begun,
            _ => false,
        });
        if let Some(another) = another {
            let another = &names[&another.value];
            return format!(
                "{name} was read after {another} had taken its place: {another} was lost, or the \
                 answer was old, or {name} was written again."
            );
        }
    }
    "No order of these operations explains all values that were read.".to_owned()
}

/// Names for the values, in the order in which operations bring them up.
fn names(operations: &[Operation]) -> (HashMap<u64, String>, Vec<u64>) {
    let (mut names, mut values) = (HashMap::new(), Vec::new());
    for operation in operations {
        names.entry(operation.value).or_insert_with(|| {
            values.push(operation.value);
            letter(values.len() - 1)
        });
    }
    (names, values)
}

/// Where a server was ended meanwhile. Its memory stayed, what it had not carried out yet did not.
fn ends(lives: &[Life], first: u64, last: u64, ms: impl Fn(u64) -> String) -> String {
    let mut text = String::new();
    for life in lives {
        if (first..=last).contains(&life.ended) {
            let next = lives.iter().find(|next| next.begun >= life.ended);
            let next = next.map_or("never".to_owned(), |next| ms(next.begun) + " ms");
            let ended = ms(life.ended);
            writeln!(
                text,
                "    The server was ended by {ended} ms; begun again: {next}"
            )
            .unwrap();
        }
    }
    text
}

/// A table of the operations, and what their values are. `origin` is the time that counts as 0.
pub fn table(
    initial: u64,
    operations: &[Operation],
    histories: &Histories,
    server: &str,
    origin: u64,
) -> String {
    let lanes = &histories.lanes;
    let lives = histories.lives.get(server).map_or(&[][..], |lives| lives);
    let (names, values) = names(operations);
    let known = operations
        .iter()
        .map(|one| until(one).unwrap_or(one.asked_until));
    let first = operations.iter().map(|one| one.begun).min().unwrap_or(0);
    let last = known.max().unwrap_or(first);
    let widest = operations.iter().map(|one| lanes[one.lane].name.len());
    let widest = widest.max().unwrap_or(0).max(6);
    let ms = |time: u64| format!("{:.6}", time.saturating_sub(origin) as f64 / 1e6);
    let mut text = format!(
        "    {:<widest$}  {:<10}  {:>13}  {:>13}\n",
        "client", "operation", "from, ms", "to, ms"
    );
    for operation in operations {
        let name = &names[&operation.value];
        let did = match operation.writes {
            true => format!("{} {name}", kind(operation)),
            false => format!("{}: {name}", kind(operation)),
        };
        writeln!(
            text,
            "    {:<widest$}  {did:<10}  {:>13}  {:>13}  |{}|  {}",
            lanes[operation.lane].name,
            ms(operation.begun),
            until(operation).map_or("?".to_owned(), ms),
            bar(operation, first, last),
            outcome(operation)
        )
        .unwrap();
    }
    text += &ends(lives, first, last, ms);
    text.push('\n');
    for value in values {
        let note = match value == initial {
            true => ", what the register held at the start",
            false => "",
        };
        writeln!(text, "    {:<3} is 0x{value:016x}{note}", names[&value]).unwrap();
    }
    text
}

/// Says that these operations do not fit, and why as far as that is plain.
pub fn report(register: &Register, initial: u64, operations: &[Operation], table: &str) -> String {
    let (server, address) = register;
    format!(
        "NOT LINEARIZABLE: the register at 0x{address:x} of server {server}\n  \
         {}\n  \
         A read gives what was written last, and each operation happens at one moment of its line\n  \
         below. For these {} there is no such order; without any one of them there is:\n\n{table}",
        hint(initial, operations, &names(operations).0),
        operations.len(),
    )
}
