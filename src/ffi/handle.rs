//! Ownership of what lies behind a handle. The caller owns it, through one pointer, from the
//! function that gave the handle until the `_free` function. This is said here once for each type,
//! so that no function casts by itself. Where several handles share an object, each holds a counted
//! reference.

use super::args::{named, Out};
use crate::error::Result;

/// A type that C holds by pointer. It is `Send` and `Sync`, since any thread may call with it.
pub(super) trait Handle: Sized + Send + Sync {
    /// The name of the argument in error texts.
    const NAME: &'static str;

    /// Refuses an object that another process made, see [`Home`](crate::process::Home). This comes
    /// before any lock of the object is taken, since the lock may be held for ever in a child.
    fn check_home(&self) -> Result<()> {
        Ok(())
    }

    /// Gives the object to the caller, who owns it from then on.
    fn give(self, out: Out<*mut Self>) {
        out.set(self.into_raw());
    }

    /// As [`Handle::give`], for a callback's argument.
    fn into_raw(self) -> *mut Self {
        Box::into_raw(Box::new(self))
    }

    /// The object behind `handle`, for the length of one call.
    ///
    /// # Safety
    ///
    /// `handle` is NULL, or was given out for this type and has not been taken back. It is not
    /// taken back while the result is in use.
    unsafe fn borrow<'a>(handle: *const Self) -> Result<&'a Self> {
        // SAFETY: the caller's promise.
        let object = unsafe { Self::borrow_anywhere(handle) }?;
        object.check_home()?;
        Ok(object)
    }

    /// As [`Handle::borrow`], also for an object of another process, which may be stopped and
    /// freed.
    ///
    /// # Safety
    ///
    /// As for [`Handle::borrow`].
    unsafe fn borrow_anywhere<'a>(handle: *const Self) -> Result<&'a Self> {
        // SAFETY: if it is not NULL, the caller promises a live object of this type. Until it is
        // taken back, only shared references to it are made.
        unsafe { handle.as_ref() }.ok_or_else(|| named(Self::NAME))
    }

    /// Takes the object back from the caller; `None` for NULL.
    ///
    /// # Safety
    ///
    /// `handle` is NULL, or was given out for this type and has not been taken back, and no other
    /// call with it is under way.
    unsafe fn take(handle: *mut Self) -> Option<Box<Self>> {
        if handle.is_null() {
            return None;
        }
        // SAFETY: `give` or `into_raw` made it from a box of this type, and it comes back once.
        Some(unsafe { Box::from_raw(handle) })
    }
}
