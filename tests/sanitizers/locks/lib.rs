//! `std::sync` with locks that ThreadSanitizer sees.
//!
//! The standard library comes compiled, without instrumentation: of a std lock that is contended,
//! ThreadSanitizer does not see that it is taken, and takes what it guards for unguarded. The locks
//! here are compiled with the rest. They stand in std's place, under std's names and with std's
//! signatures, in the copy of the sources that `tests/sanitizers.sh` makes; nothing else uses them.
//! A lock is never poisoned.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

pub use std::sync::*;

/// As `std::sync::Mutex`.
#[derive(Default)]
pub struct Mutex<T: ?Sized>(parking_lot::Mutex<T>);

/// As `std::sync::MutexGuard`.
pub struct MutexGuard<'a, T: ?Sized>(parking_lot::MutexGuard<'a, T>);

impl<T> Mutex<T> {
    /// As `std::sync::Mutex::new`.
    pub const fn new(value: T) -> Self {
        Mutex(parking_lot::Mutex::new(value))
    }

    /// As `std::sync::Mutex::into_inner`.
    pub fn into_inner(self) -> LockResult<T> {
        Ok(self.0.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// As `std::sync::Mutex::lock`.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        Ok(MutexGuard(self.0.lock()))
    }

    /// As `std::sync::Mutex::try_lock`.
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        self.0
            .try_lock()
            .map(MutexGuard)
            .ok_or(TryLockError::WouldBlock)
    }

    /// As `std::sync::Mutex::get_mut`.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.0.get_mut())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// As `std::sync::RwLock`.
#[derive(Debug, Default)]
pub struct RwLock<T: ?Sized>(parking_lot::RwLock<T>);

impl<T> RwLock<T> {
    /// As `std::sync::RwLock::new`.
    pub const fn new(value: T) -> Self {
        RwLock(parking_lot::RwLock::new(value))
    }
}

impl<T: ?Sized> RwLock<T> {
    /// As `std::sync::RwLock::read`.
    pub fn read(&self) -> LockResult<parking_lot::RwLockReadGuard<'_, T>> {
        Ok(self.0.read())
    }

    /// As `std::sync::RwLock::write`.
    pub fn write(&self) -> LockResult<parking_lot::RwLockWriteGuard<'_, T>> {
        Ok(self.0.write())
    }
}

/// As `std::sync::Condvar`.
#[derive(Debug, Default)]
pub struct Condvar(parking_lot::Condvar);

/// As `std::sync::WaitTimeoutResult`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// As `std::sync::WaitTimeoutResult::timed_out`.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// As `std::sync::Condvar::new`.
    pub const fn new() -> Self {
        Condvar(parking_lot::Condvar::new())
    }

    /// As `std::sync::Condvar::notify_one`.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// As `std::sync::Condvar::notify_all`.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }

    /// As `std::sync::Condvar::wait`.
    pub fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(&mut guard.0);
        Ok(guard)
    }

    /// As `std::sync::Condvar::wait_while`.
    pub fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut guard) {
            self.0.wait(&mut guard.0);
        }
        Ok(guard)
    }

    /// As `std::sync::Condvar::wait_timeout`.
    pub fn wait_timeout<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let over = self.0.wait_for(&mut guard.0, limit).timed_out();
        Ok((guard, WaitTimeoutResult(over)))
    }

    /// As `std::sync::Condvar::wait_timeout_while`.
    pub fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        limit: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let begun = Instant::now();
        while condition(&mut guard) {
            let Some(left) = limit.checked_sub(begun.elapsed()) else {
                return Ok((guard, WaitTimeoutResult(true)));
            };
            self.0.wait_for(&mut guard.0, left);
        }
        Ok((guard, WaitTimeoutResult(false)))
    }
}

/// As `std::sync::OnceLock`.
#[derive(Debug)]
pub struct OnceLock<T> {
    turn: parking_lot::Mutex<()>,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    /// As `std::sync::OnceLock::new`.
    pub const fn new() -> Self {
        OnceLock {
            turn: parking_lot::Mutex::new(()),
            value: std::sync::OnceLock::new(),
        }
    }

    /// As `std::sync::OnceLock::get`.
    pub fn get(&self) -> Option<&T> {
        let _turn = self.turn.lock();
        self.value.get()
    }

    /// As `std::sync::OnceLock::set`.
    pub fn set(&self, value: T) -> Result<(), T> {
        let _turn = self.turn.lock();
        self.value.set(value)
    }

    /// As `std::sync::OnceLock::get_or_init`.
    pub fn get_or_init(&self, value: impl FnOnce() -> T) -> &T {
        let _turn = self.turn.lock();
        self.value.get_or_init(value)
    }

    /// As `std::sync::OnceLock::into_inner`.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        OnceLock::new()
    }
}
