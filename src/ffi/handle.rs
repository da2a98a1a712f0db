//! Who owns what lies behind a handle: the caller, through one pointer, from the function that gave
//! the handle out until the `_free` function. It is said here once, for the type, and nowhere cast
//! at the spot. Where several handles share an object, the object is counted inside them.

use super::args::{named, Out};
use crate::error::Result;

/// A type that C holds by pointer. `Send` and `Sync`, since any thread may call with it.
pub(super) trait Handle: Sized + Send + Sync {
    /// What the argument is called in an error text.
    const NAME: &'static str;

    /// Refuses an object that another process has made, see [`Home`](crate::process::Home): before
    /// anything is done with it, and above all before a lock of it is taken.
    fn check_home(&self) -> Result<()> {
        Ok(())
    }

    /// Gives the object to the caller, who owns it from now on.
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
    /// `handle` is NULL, or was given out for this type and has not been taken back; it is not
    /// taken back while the result is in use.
    unsafe fn borrow<'a>(handle: *const Self) -> Result<&'a Self> {
        // SAFETY: the caller's promise.
        let object = unsafe { Self::borrow_anywhere(handle) }?;
        object.check_home()?;
        Ok(object)
    }

    /// As [`Handle::borrow`], for what may be done with another process's object too.
    ///
    /// # Safety
    ///
    /// As for [`Handle::borrow`].
    unsafe fn borrow_anywhere<'a>(handle: *const Self) -> Result<&'a Self> {
        // SAFETY: not NULL it is a live object of this type, as the caller promises; only shared
        // references are ever made to it before it is taken back.
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
