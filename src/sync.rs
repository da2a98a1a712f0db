//! The locks that transactions and the turn to read are made of. Named in one place, so that
//! `tests/model` can put those of a model checker in their place; nothing else is here.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
