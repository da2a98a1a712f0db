//! Whether there is an order in which everything fits: each operation at one moment between its
//! beginning and its end, and each read of what was written last.
//!
//! The search is `todc_utils`'s, which takes time exponential in what is under way together.
//! Therefore a history is cut where nothing is under way, and what is carried over such a quiet
//! point is the values that the register may hold there.

use std::collections::BTreeSet;

use todc_utils::linearizability::history::{Action, History};
use todc_utils::linearizability::WGLChecker;
use todc_utils::specifications::Specification;

use crate::operation::Interval;

/// What a register does, for the search.
struct Register;

#[derive(Clone, Debug)]
enum Step {
    Write(u64),
    Read(u64),
}

impl Specification for Register {
    type State = u64;
    type Operation = Step;

    fn init() -> u64 {
        0
    }

    fn apply(step: &Step, &state: &u64) -> (bool, u64) {
        match *step {
            Step::Write(value) => (true, value),
            Step::Read(value) => (value == state, state),
        }
    }
}

/// What was seen on the way.
#[derive(Debug, Default)]
pub struct Figures {
    /// Stretches between quiet points.
    pub stretches: usize,
    /// Operations of the longest one.
    pub longest: usize,
}

/// The intervals between the quiet points, which are sorted by their beginnings.
pub fn stretches(intervals: &[Interval]) -> impl Iterator<Item = &[Interval]> {
    let mut rest = intervals;
    std::iter::from_fn(move || {
        let mut until = rest.first()?.ended;
        let quiet = rest.iter().position(|interval| {
            let quiet = interval.begun > until;
            until = until.max(interval.ended);
            quiet
        });
        let (stretch, later) = rest.split_at(quiet.unwrap_or(rest.len()));
        rest = later;
        Some(stretch)
    })
}

/// Whether a stretch can lead from one value to another.
fn leads(from: u64, stretch: &[Interval], to: u64) -> bool {
    let step = |interval: &Interval| match interval.writes {
        true => Step::Write(interval.value),
        false => Step::Read(interval.value),
    };
    // What begins at the moment at which another ends is under way together with it.
    let mut events = Vec::with_capacity(2 * stretch.len());
    for (number, interval) in stretch.iter().enumerate() {
        events.push((interval.begun, false, number));
        events.push((interval.ended, true, number));
    }
    events.sort_unstable();
    let alone = |number, step: Step| {
        let (call, response) = (Action::Call(step.clone()), Action::Response(step));
        [(number, call), (number, response)]
    };
    let mut actions = Vec::with_capacity(events.len() + 4);
    actions.extend(alone(stretch.len(), Step::Write(from)));
    actions.extend(events.into_iter().map(|(_, ends, number)| {
        let step = step(&stretch[number]);
        match ends {
            true => (number, Action::Response(step)),
            false => (number, Action::Call(step)),
        }
    }));
    actions.extend(alone(stretch.len() + 1, Step::Read(to)));
    WGLChecker::<Register>::is_linearizable(History::from_actions(actions))
}

/// What makes it plain that a write is not the last one saves the search from trying it: another
/// write, or a read of another value, that began when this one had ended.
fn may_be_last(write: &Interval, stretch: &[Interval]) -> bool {
    let later = |other: &Interval| other.begun > write.ended;
    let another = |other: &Interval| other.writes || other.value != write.value;
    !stretch.iter().any(|other| later(other) && another(other))
}

/// `None` when everything fits; otherwise how many intervals there are up to the end of the first
/// stretch in which something does not.
pub fn check(initial: u64, intervals: &[Interval], figures: &mut Figures) -> Option<usize> {
    let mut values = BTreeSet::from([initial]);
    let mut count = 0;
    for stretch in stretches(intervals) {
        count += stretch.len();
        figures.stretches += 1;
        figures.longest = figures.longest.max(stretch.len());
        let mut last: BTreeSet<_> = stretch
            .iter()
            .filter(|interval| interval.writes && may_be_last(interval, stretch))
            .map(|interval| interval.value)
            .collect();
        if !stretch.iter().any(|interval| interval.writes) {
            values.retain(|&value| leads(value, stretch, value));
        } else {
            last.retain(|&to| values.iter().any(|&from| leads(from, stretch, to)));
            values = last;
        }
        if values.is_empty() {
            return Some(count);
        }
    }
    None
}
