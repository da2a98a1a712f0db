//! `std::sync` with mutexes that count where they are locked.
//!
//! A mutex of the standard library is a few instructions inside its caller, so no library put in
//! front of another can count it. `tests/locks.sh` makes a copy of the sources in which this module
//! stands in the place of `std::sync`; nothing else uses it.
#![allow(dead_code, unsafe_code)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LockResult, TryLockResult};

pub use std::sync::*;

thread_local!(static CLIENT: Cell<bool> = const { Cell::new(false) });

/// Whether locks are counted now.
static COUNTING: AtomicBool = AtomicBool::new(false);
/// How often which line has locked a mutex, by the client's thread or by the one that reads.
static COUNTS: std::sync::Mutex<BTreeMap<(bool, String, u32), u64>> =
    std::sync::Mutex::new(BTreeMap::new());

fn count(place: &Location<'_>) {
    if !COUNTING.load(Ordering::Relaxed) {
        return;
    }
    let reader = CLIENT.get();
    if reader || std::thread::current().name() == Some("TcpClient") {
        let place = (!reader, place.file().to_owned(), place.line());
        *COUNTS.lock().unwrap().entry(place).or_default() += 1;
    }
}

/// As `std::sync::Mutex`.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// As `std::sync::Mutex::new`.
    pub const fn new(value: T) -> Self {
        Mutex(std::sync::Mutex::new(value))
    }

    /// As `std::sync::Mutex::into_inner`.
    pub fn into_inner(self) -> LockResult<T> {
        self.0.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// As `std::sync::Mutex::lock`.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        count(Location::caller());
        self.0.lock()
    }

    /// As `std::sync::Mutex::try_lock`.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        count(Location::caller());
        self.0.try_lock()
    }

    /// As `std::sync::Mutex::get_mut`.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.0.get_mut()
    }
}

/// As `std::sync::RwLock`.
#[derive(Debug, Default)]
pub struct RwLock<T: ?Sized>(std::sync::RwLock<T>);

impl<T> RwLock<T> {
    /// As `std::sync::RwLock::new`.
    pub const fn new(value: T) -> Self {
        RwLock(std::sync::RwLock::new(value))
    }
}

impl<T: ?Sized> RwLock<T> {
    /// As `std::sync::RwLock::read`.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        count(Location::caller());
        self.0.read()
    }

    /// As `std::sync::RwLock::write`.
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        count(Location::caller());
        self.0.write()
    }
}

/// Counts from now on what this thread locks and what the client's own thread locks, or no longer.
#[no_mangle]
pub extern "C" fn counted_locks(enable: bool) {
    CLIENT.set(enable);
    COUNTING.store(enable, Ordering::Relaxed);
}

/// Calls `each` with every place that has locked a mutex: the file, which is valid during the call
/// and has so many bytes, the line, whether the client's own thread did it, and how often.
#[no_mangle]
pub extern "C" fn counted_locks_each(each: extern "C" fn(*const u8, usize, u32, bool, u64)) {
    for ((own, file, line), count) in COUNTS.lock().unwrap().iter() {
        each(file.as_ptr(), file.len(), *line, *own, *count);
    }
}
