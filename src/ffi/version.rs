//! The library's version.

use std::ffi::c_char;

/// The version of the library, such as "1.2.3". The text is constant. Cannot fail.
#[no_mangle]
pub extern "C" fn rim_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
