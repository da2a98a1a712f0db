//! Leaves out of a history that does not fit whatever is not needed for that.
//!
//! Where everything fits, everything still fits without a read, and without a write and all reads of
//! its value. So what is left, and does not fit, shows that the whole does not.

use crate::check::{check, Figures};
use crate::operation::{decide, Operation};

fn fits(initial: u64, operations: &[Operation]) -> bool {
    let Ok(intervals) = decide(operations) else {
        return true; // not what is looked for
    };
    check(initial, &intervals, &mut Figures::default()).is_none()
}

/// `operations` without those from `from` to `to`, and without the reads of what these wrote.
fn without(operations: &[Operation], from: usize, to: usize) -> Vec<Operation> {
    let gone = &operations[from..to];
    let kept = operations[..from].iter().chain(&operations[to..]);
    kept.filter(|operation| {
        operation.writes
            || !gone
                .iter()
                .any(|gone| gone.writes && gone.value == operation.value)
    })
    .copied()
    .collect()
}

/// Some operations that do not fit, sorted by their beginnings, none of which can be left out. `at` is
/// about where they are.
pub fn shrink(initial: u64, operations: &[Operation], at: usize) -> Vec<Operation> {
    let mut left = operations.to_vec();
    // Those nearby are likely to be enough, with what wrote the values that they read.
    let mut near = 64;
    while near < operations.len() {
        let numbered = operations.iter().enumerate();
        let part = numbered.filter(|(index, one)| one.writes || index.abs_diff(at) < near);
        let part: Vec<_> = part.map(|(_, one)| *one).collect();
        if !fits(initial, &part) {
            left = part;
            break;
        }
        near *= 4;
    }
    let mut piece = left.len().div_ceil(2);
    loop {
        let before = left.len();
        let mut from = 0;
        while from < left.len() {
            let fewer = without(&left, from, left.len().min(from + piece));
            if fits(initial, &fewer) {
                from += piece;
            } else {
                left = fewer;
            }
        }
        if piece == 1 && left.len() == before {
            return left;
        }
        piece = piece.div_ceil(2);
    }
}
