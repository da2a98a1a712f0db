//! Cancellation of threads. `pthread_cancel` unwinds a thread from the system call in which it is,
//! and unwinding a frame of Rust ends the process. So a thread cannot be cancelled inside a call of
//! the library; the cancellation takes effect at the next cancellation point after the call.

#[cfg(not(target_os = "android"))]
mod state {
    use std::ffi::c_int;
    use std::marker::PhantomData;
    use std::ptr::null_mut;

    // `libc` declares it for few systems. In C: `int pthread_setcancelstate(int, int *)`.
    extern "C" {
        fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
    }

    const DISABLE: c_int = if cfg!(target_vendor = "apple") { 0 } else { 1 };

    /// The calling thread cannot be cancelled until this is dropped, on the same thread. Takes 9
    /// ns.
    pub(crate) struct Uncancelled(c_int, PhantomData<*const ()>);

    impl Uncancelled {
        #[inline]
        pub(crate) fn new() -> Uncancelled {
            let mut old = DISABLE;
            if !cfg!(miri) {
                // SAFETY: a valid state, and a pointer to a variable for the old one.
                unsafe { pthread_setcancelstate(DISABLE, &mut old) };
            }
            Uncancelled(old, PhantomData)
        }
    }

    impl Drop for Uncancelled {
        #[inline]
        fn drop(&mut self) {
            if self.0 != DISABLE {
                // SAFETY: a state that the function has given; NULL asks for no old one.
                unsafe { pthread_setcancelstate(self.0, null_mut()) };
            }
        }
    }
}

/// Android has no cancellation.
#[cfg(target_os = "android")]
mod state {
    pub(crate) struct Uncancelled(());

    impl Uncancelled {
        pub(crate) fn new() -> Uncancelled {
            Uncancelled(())
        }
    }
}

pub(crate) use state::Uncancelled;

/// Makes sure that the calling thread is never cancelled. For the library's own threads: user code
/// that runs there has frames of Rust beneath it.
pub(crate) fn never_cancel() {
    std::mem::forget(Uncancelled::new());
}
