//! Tells whether what clients recorded can be explained: for each register, whether its operations
//! can be put in an order in which each of them happened at one moment between its beginning and its
//! end, and each read gave what was written last (linearizability).
//!
//!     check-histories FOLDER [--of SERVER ADDRESS]
//!
//! With `--of`, prints the whole history of one register. Ends with 0; 1 when a register cannot be
//! explained; 2 when the folder has no whole histories.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

mod check;
mod operation;
mod record;
mod report;
mod shrink;
#[cfg(test)]
mod tests;

use check::{check, Figures};
use operation::{decide, Operation, Place};
use record::{Histories, Register};

/// Every memory begins with this in each register.
const INITIAL: u64 = 0;
/// One fault shows in many registers.
const REPORTS: usize = 3;

/// The registers that do not fit, and up to which operation.
type Failed = Vec<(Register, usize)>;

fn check_all(
    registers: &BTreeMap<Register, Vec<Operation>>,
    figures: &mut Figures,
) -> Result<Failed, String> {
    let mut failed = Vec::new();
    for (register, operations) in registers {
        let intervals = decide(operations).map_err(|twice| {
            let (server, address) = register;
            format!(
                "0x{:x} was written twice to 0x{address:x} of {server}",
                twice.0
            )
        })?;
        if let Some(count) = check(INITIAL, &intervals, figures) {
            failed.push((register.clone(), at(operations, intervals[count - 1].begun)));
        }
    }
    Ok(failed)
}

/// How many operations have begun by then.
fn at(operations: &[Operation], begun: u64) -> usize {
    operations.partition_point(|operation| operation.begun <= begun)
}

fn summary(histories: &Histories, registers: &BTreeMap<Register, Vec<Operation>>) -> String {
    let all = || registers.values().flatten();
    let count = |of: fn(&&Operation) -> bool| all().filter(of).count();
    let shared = registers.values().filter(|operations| {
        let lanes = || operations.iter().map(|one| one.lane);
        lanes().min() != lanes().max()
    });
    let open = |one: &&Operation| matches!(one.place, Place::Unknown(_));
    let seen = registers.values().map(|operations| {
        let reads = operations.iter().filter(|one| !one.writes);
        let read: HashSet<_> = reads.map(|one| one.value).collect();
        let open = operations.iter().filter(open);
        open.filter(|one| read.contains(&one.value)).count()
    });
    let lives = || histories.lives.values().flatten();
    format!(
        "histories: {} operations of {} threads on {} registers, {} of them shared\n  \
         {} reads, {} writes, {} posts; {} outcomes are not known, and {} of these were seen; {} refused\n  \
         {} servers, ended {} times",
        all().count(),
        histories.lanes.len(),
        registers.len(),
        shared.count(),
        count(|one| !one.writes),
        count(|one| one.kind == 2),
        count(|one| one.kind == 3),
        all().filter(open).count(),
        seen.sum::<usize>(),
        count(|one| one.place == Place::Never),
        registers.keys().map(|(server, _)| server).collect::<HashSet<_>>().len(),
        lives().filter(|life| life.ended != u64::MAX).count(),
    )
}

fn run(folder: &Path, of: Option<Register>) -> Result<bool, String> {
    let begun = Instant::now();
    let histories = Histories::read(folder).map_err(|error| error.to_string())?;
    let registers = histories.registers();
    if registers.is_empty() {
        return Err(format!("{}: no histories", folder.display()));
    }
    let starts = registers.values().map(|operations| operations[0].begun);
    let origin = starts.min().unwrap_or(0);
    let table = |register: &Register, operations: &[Operation]| {
        report::table(INITIAL, operations, &histories, &register.0, origin)
    };
    if let Some(register) = of {
        let operations = registers.get(&register).ok_or("no such register")?;
        print!("{}", table(&register, operations));
        return Ok(true);
    }
    println!("{}", summary(&histories, &registers));
    let mut figures = Figures::default();
    let failed = check_all(&registers, &mut figures)?;
    println!(
        "  {} stretches between moments at which nothing was under way, of at most {} operations; {:.1} s",
        figures.stretches,
        figures.longest,
        begun.elapsed().as_secs_f64()
    );
    for (register, count) in failed.iter().take(REPORTS) {
        let shortest = shrink::shrink(INITIAL, &registers[register], *count);
        let table = table(register, &shortest);
        println!("\n{}", report::report(register, INITIAL, &shortest, &table));
    }
    match failed.len() {
        0 => println!("  linearizable: each register can be explained"),
        count => println!(
            "{count} of {} registers cannot be explained",
            registers.len()
        ),
    }
    Ok(failed.is_empty())
}

fn parse(arguments: &[String]) -> Option<(&Path, Option<Register>)> {
    match arguments {
        [folder] => Some((Path::new(folder), None)),
        [folder, of, server, address] if of == "--of" => {
            let address = u64::from_str_radix(address.strip_prefix("0x")?, 16).ok()?;
            Some((Path::new(folder), Some((server.clone(), address))))
        }
        _ => None,
    }
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let Some((folder, of)) = parse(&arguments) else {
        eprintln!("usage: check-histories FOLDER [--of SERVER 0xADDRESS]");
        return ExitCode::from(2);
    };
    match run(folder, of) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("check-histories: {error}");
            ExitCode::from(2)
        }
    }
}
