//! Parts of a transaction: the ranges of its bytes that are locked, and the pieces in which it is
//! carried out.

use std::ops::Range;

use crate::error::{Error, Result};

/// The ranges of a root transaction's bytes that are locked now.
#[derive(Default)]
pub(super) struct Ranges {
    /// Usually there is one lock at most, and it should not need an allocation.
    first: Option<Range<usize>>,
    others: Vec<Range<usize>>,
}

impl Ranges {
    /// Whether a byte of `range` is locked.
    pub(super) fn overlaps(&self, range: &Range<usize>) -> bool {
        let hit = |held: &Range<usize>| held.start < range.end && range.start < held.end;
        self.first.as_ref().is_some_and(hit) || self.others.iter().any(hit)
    }

    pub(super) fn add(&mut self, range: Range<usize>) {
        if self.first.is_none() {
            self.first = Some(range);
        } else {
            self.others.push(range);
        }
    }

    pub(super) fn remove(&mut self, range: &Range<usize>) {
        if self.first.as_ref() == Some(range) {
            self.first = None;
        } else if let Some(index) = self.others.iter().position(|held| held == range) {
            self.others.swap_remove(index);
        }
    }
}

/// The state of a transaction's pieces: how many have not ended, and the first failure.
#[derive(Default)]
pub(super) struct Pieces {
    open: usize,
    /// No more pieces will be made.
    sealed: bool,
    /// The first failure among them: the piece's id and its error.
    failure: Option<(u32, Error)>,
}

impl Pieces {
    /// A piece is made.
    pub(super) fn begin(&mut self) {
        self.open += 1;
    }

    /// The piece with this id has ended.
    pub(super) fn end(&mut self, id: u32, outcome: Result<()>) {
        self.open = self.open.saturating_sub(1);
        if let Err(error) = outcome {
            self.failure.get_or_insert((id, error));
        }
    }

    /// No more pieces will be made.
    pub(super) fn seal(&mut self) {
        self.sealed = true;
    }

    /// The outcome of the whole transaction, once all pieces have been made and have ended; `None`
    /// before. Several threads may get it, and all get the same one.
    pub(super) fn outcome(&self) -> Option<Result<()>> {
        if !self.sealed || self.open > 0 {
            return None;
        }
        Some(match &self.failure {
            None => Ok(()),
            Some((id, error)) => Err(Error::new(
                error.kind(),
                format!("Transaction error. Subtransaction {id} failed with error: {error}"),
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_overlap_only_where_they_share_a_byte() {
        let mut ranges = Ranges::default();
        for range in [0..4, 8..12, 16..20] {
            ranges.add(range);
        }
        assert!(ranges.overlaps(&(3..4)) && ranges.overlaps(&(4..9)) && ranges.overlaps(&(0..99)));
        assert!(!ranges.overlaps(&(4..8)) && !ranges.overlaps(&(20..30)));
        for range in [8..12, 0..4] {
            assert!(ranges.overlaps(&range));
            ranges.remove(&range);
            assert!(!ranges.overlaps(&range));
        }
        ranges.remove(&(0..4));
        assert!(ranges.overlaps(&(16..17)), "the last one stays");
    }
}
