//! The locks that transactions and the turn to read are made of, and what depends on their kind. Named
//! in one place, so that `tests/model` can put those of a model checker in their place.

pub(crate) use std::sync::atomic::AtomicU8;
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

/// Whether objects with such locks may be used again after their time. Not where a checker is to see
/// that nobody touches one that is gone.
pub(crate) const REUSE: bool = cfg!(not(no_reuse));
