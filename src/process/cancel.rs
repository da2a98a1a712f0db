//! Cancellation of threads (`pthread_cancel`), which unwinds the thread from whatever system call it
//! is in. It must not unwind frames of Rust: that ends the process. So a thread cannot be cancelled
//! inside a call; it is when the call has returned and it comes to a point of cancellation.

#[cfg(not(target_os = "android"))]
mod state {
    use std::ffi::c_int;
    use std::marker::PhantomData;
    use std::ptr::null_mut;

    // `libc` declares it for few systems. C: `int pthread_setcancelstate(int, int *)`.
    extern "C" {
        fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
    }

    const DISABLE: c_int = if cfg!(target_vendor = "apple") { 0 } else { 1 };

    /// The calling thread cannot be cancelled until this is dropped, on the same thread. Costs 9 ns.
    pub(crate) struct Uncancelled(c_int, PhantomData<*const ()>);

    impl Uncancelled {
        #[inline]
        pub(crate) fn new() -> Uncancelled {
            let mut old = DISABLE;
            if !cfg!(miri) {
                // SAFETY: a valid state, and a place for the old one. It fails for neither.
                unsafe { pthread_setcancelstate(DISABLE, &mut old) };
            }
            Uncancelled(old, PhantomData)
        }
    }

    impl Drop for Uncancelled {
        #[inline]
        fn drop(&mut self) {
            if self.0 != DISABLE {
                // SAFETY: a state that it has been in; nobody asks for the old one.
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

/// The calling thread, one of the library's own, cannot be cancelled at all: user code that runs on it
/// has frames of Rust beneath it.
pub(crate) fn never_cancel() {
    std::mem::forget(Uncancelled::new());
}
