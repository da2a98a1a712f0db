//! Histories that fit and that do not; and the search held against one that tries all orders.

mod files;

use crate::check::{check, Figures};
use crate::operation::{decide, Operation, Place, WrittenTwice};
use crate::record::{Histories, Lane, Life, Record};
use crate::report::{report, table};
use crate::shrink::shrink;

fn operation(kind: u8, value: u64, begun: u64, place: Place) -> Operation {
    Operation {
        lane: 0,
        kind,
        writes: kind == 2 || kind == 3,
        value,
        begun,
        asked_until: match place {
            Place::Certain(ended) | Place::Unknown(ended) if ended != u64::MAX => ended,
            _ => begun + 1,
        },
        place,
    }
}

fn write(value: u64, begun: u64, ended: u64) -> Operation {
    operation(2, value, begun, Place::Certain(ended))
}

fn read(value: u64, begun: u64, ended: u64) -> Operation {
    operation(1, value, begun, Place::Certain(ended))
}

/// A write that timed out.
fn open(value: u64, begun: u64) -> Operation {
    operation(2, value, begun, Place::Unknown(u64::MAX))
}

fn fits(operations: &[Operation]) -> bool {
    check(0, &decide(operations).unwrap(), &mut Figures::default()).is_none()
}

/// `writes` and `reads` in the order in which they began. A read is given as its beginning and its
/// value, and takes a unit of time.
fn history(writes: &[Operation], reads: &[(u64, u64)]) -> Vec<Operation> {
    let reads = reads
        .iter()
        .map(|&(begun, value)| read(value, begun, begun + 1));
    let mut operations: Vec<_> = writes.iter().copied().chain(reads).collect();
    operations.sort_by_key(|operation| operation.begun);
    operations
}

#[track_caller]
fn right(writes: &[Operation], reads: &[(u64, u64)]) {
    assert!(fits(&history(writes, reads)), "{writes:?} {reads:?}");
}

#[track_caller]
fn wrong(writes: &[Operation], reads: &[(u64, u64)]) {
    assert!(!fits(&history(writes, reads)), "{writes:?} {reads:?}");
}

#[test]
fn one_after_the_other() {
    right(&[write(1, 2, 3), write(2, 6, 7)], &[(0, 0), (4, 1), (8, 2)]);
}

#[test]
fn a_read_during_a_write_gives_either() {
    let one = [write(1, 0, 9)];
    right(&one, &[(1, 0), (3, 1)]);
    right(&one, &[(1, 0), (3, 0), (10, 1)]);
    let two = [write(1, 0, 9), write(2, 0, 9)];
    right(&two, &[(1, 2), (3, 1), (10, 1)]);
}

#[test]
fn a_stale_read() {
    let two = [write(1, 0, 1), write(2, 2, 3)];
    wrong(&two, &[(4, 1)]);
    wrong(&two[..1], &[(4, 0)]);
}

#[test]
fn a_lost_write() {
    wrong(&[write(1, 0, 1)], &[(2, 0), (4, 0)]);
}

#[test]
fn a_write_that_is_carried_out_twice() {
    wrong(&[write(1, 0, 1), write(2, 2, 3)], &[(4, 2), (6, 1)]);
    wrong(&[open(1, 0), write(2, 3, 4)], &[(1, 1), (5, 2), (7, 1)]);
}

#[test]
fn a_value_never_written() {
    wrong(&[write(1, 0, 1)], &[(2, 7)]);
    wrong(&[operation(2, 7, 0, Place::Never)], &[(2, 7)]);
}

#[test]
fn a_write_that_is_seen_before_it_begins() {
    wrong(&[write(1, 2, 3)], &[(0, 1)]);
    wrong(&[open(1, 2)], &[(0, 1)]);
}

#[test]
fn two_reads_in_opposite_orders() {
    let two = [write(1, 0, 9), write(2, 0, 9)];
    wrong(&two, &[(1, 1), (3, 2), (5, 1)]);
    wrong(&two[..1], &[(1, 1), (3, 0)]);
}

#[test]
fn a_write_that_timed_out_is_seen_later_or_never() {
    let timed_out = [open(1, 0), write(2, 5, 6)];
    right(&timed_out, &[(7, 2), (9, 2)]);
    right(&timed_out, &[(7, 2), (9, 1), (11, 1)]);
    wrong(&timed_out, &[(7, 1), (9, 2)]);
    wrong(&timed_out[..1], &[(1, 1), (3, 0)]);
}

#[test]
fn a_post_seen_late_but_before_the_next_answer() {
    let post = [operation(3, 1, 0, Place::Certain(9))];
    right(&post, &[(2, 0), (6, 1), (10, 1)]);
    wrong(&post, &[(2, 0), (10, 0)]);
}

#[test]
fn a_write_with_a_bound_comes_before_it_or_never() {
    let bounded = operation(2, 1, 0, Place::Unknown(5));
    right(&[bounded], &[(7, 1)]);
    let meanwhile = [bounded, write(2, 3, 4)];
    right(&meanwhile, &[(7, 2)]);
    right(&meanwhile, &[(7, 1)]);
    wrong(&[bounded, write(2, 6, 7)], &[(8, 1)]);
}

#[test]
fn what_may_be_there_is_carried_over_quiet_points() {
    let both = [write(1, 0, 3), write(2, 1, 4)];
    right(&both, &[(10, 1), (20, 1)]);
    right(&both, &[(10, 2), (20, 2)]);
    wrong(&both, &[(10, 1), (20, 2)]);
    wrong(&both, &[(10, 0)]);
}

#[test]
fn no_value_is_written_twice() {
    assert_eq!(decide(&[write(1, 0, 1), open(1, 2)]), Err(WrittenTwice(1)));
}

/// The same history, judged by every order of its operations and every choice of what was never
/// carried out.
fn fits_in_some_order(left: &[Operation], value: u64) -> bool {
    let must = |one: &Operation| matches!(one.place, Place::Certain(_));
    if !left.iter().any(must) {
        return true;
    }
    (0..left.len()).any(|next| {
        let one = left[next];
        let ended = |other: &Operation| match other.place {
            Place::Certain(ended) => ended,
            _ => u64::MAX,
        };
        // What ended before it began comes first; and what may not come any more, does not.
        if left.iter().any(|other| ended(other) < one.begun) || one.place == Place::Never {
            return false;
        }
        let mut rest = left.to_vec();
        rest.remove(next);
        rest.retain(|other| !matches!(other.place, Place::Unknown(bound) if bound < one.begun));
        match one.writes {
            true => fits_in_some_order(&rest, one.value),
            false => one.value == value && fits_in_some_order(&rest, value),
        }
    })
}

/// Splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn history(&mut self) -> Vec<Operation> {
        let mut written = 0;
        let mut operations: Vec<_> = (0..2 + self.below(6))
            .map(|_| {
                let begun = self.below(16);
                let ended = begun + self.below(10);
                match self.below(8) {
                    0..4 => read(self.below(5), begun, ended),
                    kind => {
                        written += 1;
                        let place = match kind {
                            4 => Place::Unknown(u64::MAX),
                            5 => Place::Unknown(ended),
                            _ if self.below(12) == 0 => Place::Never,
                            _ => Place::Certain(ended),
                        };
                        operation(2, written, begun, place)
                    }
                }
            })
            .collect();
        operations.sort_by_key(|operation| operation.begun);
        operations
    }
}

#[test]
fn all_orders_of_small_histories_say_the_same() {
    let mut random = Random(1);
    let mut counts = [0, 0];
    for _ in 0..60_000 {
        let history = random.history();
        let expected = fits_in_some_order(&history, 0);
        assert_eq!(fits(&history), expected, "{history:?}");
        counts[usize::from(expected)] += 1;
    }
    assert!(counts.iter().all(|&count| count > 5_000), "{counts:?}");
}

#[test]
fn what_is_left_of_a_wrong_history_is_wrong_and_nothing_can_go() {
    let mut random = Random(2);
    for _ in 0..5_000 {
        let history = random.history();
        let intervals = decide(&history).unwrap();
        let Some(count) = check(0, &intervals, &mut Figures::default()) else {
            continue;
        };
        let begun = intervals[count - 1].begun;
        let count = history.partition_point(|one| one.begun <= begun);
        let left = shrink(0, &history, count);
        assert!(!fits(&left), "{left:?}");
        for (index, one) in left.iter().enumerate() {
            let mut fewer = left.clone();
            fewer.remove(index);
            fewer.retain(|other| other.writes || !one.writes || other.value != one.value);
            assert!(fits(&fewer), "{fewer:?}");
        }
    }
}

/// The report of a wrong history of a register of "board", which had these lives.
fn told(history: &[Operation], lives: &[(u64, u64)]) -> String {
    assert!(!fits(history), "{history:?}");
    let mut histories = Histories {
        lanes: vec![lane("board", "ours-1", Vec::new())],
        ..Histories::default()
    };
    let lives = lives.iter().map(|&(begun, ended)| Life { begun, ended });
    histories.lives.insert("board".to_owned(), lives.collect());
    let told = table(0, history, &histories, "board", 0);
    report(&("board".to_owned(), 0x18), 0, history, &told)
}

#[test]
fn a_stale_read_among_many_is_told_in_three_lines() {
    let mut history: Vec<_> = (1..2000)
        .flat_map(|n| {
            [
                write(n, 10 * n, 10 * n + 3),
                read(n, 10 * n + 4, 10 * n + 6),
            ]
        })
        .collect();
    history[3001].value -= 1; // the read of 1501
    let intervals = decide(&history).unwrap();
    let count = check(0, &intervals, &mut Figures::default()).unwrap();
    let left = shrink(0, &history, count);
    assert_eq!(left, [history[2998], history[3000], history[3001]]);
    let told = told(&left, &[(0, 15_009), (15_012, u64::MAX)]);
    for part in [
        "the register at 0x18 of server board",
        "there is no such order",
        "write A",
        "write B",
        "read: A",
        "ours-1",
        "A   is 0x00000000000005dc",
    ] {
        assert!(told.contains(part), "{part}:\n{told}");
    }
}

#[test]
fn a_report_says_what_is_plain() {
    let refused = operation(2, 1, 0, Place::Never);
    let unseen = write(3, 4, 5);
    for (history, hint) in [
        (
            &[read(7, 0, 1)][..],
            "A was read, but no client has written it.",
        ),
        (
            &[refused, read(1, 2, 3)],
            "A was read, although the server refused",
        ),
        (
            &[read(1, 0, 1), write(1, 2, 3)],
            "A was read before the write of it began.",
        ),
        (
            &[write(1, 0, 1), unseen, read(1, 6, 7)],
            "A was read after B had taken its place",
        ),
        (
            &[write(1, 1, 2), read(0, 3, 4)],
            "B was read after A had taken its place: A was lost",
        ),
        (
            &[write(1, 0, 9), read(1, 1, 2), read(0, 3, 4)],
            "No order of these operations",
        ),
    ] {
        let told = told(history, &[]);
        assert!(told.contains(hint), "{hint}:\n{told}");
    }
}

#[test]
fn a_report_shows_what_is_pending() {
    let told = told(&[open(1, 0), read(1, 1, 2), read(0, 3, 4)], &[]);
    let line = told.lines().find(|line| line.contains("write A")).unwrap();
    assert!(
        line.contains("=>|  no answer: carried out at any later time, or never"),
        "{told}"
    );
    assert!(line.contains("  ?  |"), "{told}");
}

fn lane(server: &str, name: &str, records: Vec<Record>) -> Lane {
    Lane {
        server: server.to_owned(),
        name: name.to_owned(),
        records,
    }
}
