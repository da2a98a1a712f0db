//! `rim_emulate`: memory for tests.

use std::sync::Arc;

use super::args::{check_limits, Out};
use super::boundary::{call, call_void};
use super::handle::Handle;
use super::slave::rim_slave;
use super::status::rim_status;
use super::target::Target;
use crate::bus::Emulate;

/// A slave that is memory, for tests. It keeps what is written; addresses that were never written
/// read as 0. It allocates 4 KiB at a time, up to 1 GiB.
pub struct rim_emulate(Arc<Emulate>);

impl Handle for rim_emulate {
    const NAME: &'static str = "emulate";
}

/// Makes an emulated memory. It takes accesses of min_access to max_access bytes, at addresses and
/// in sizes that are multiples of min_access; others fail. A max_access of 0 is no limit. The
/// caller owns emulate.
#[no_mangle]
pub unsafe extern "C" fn rim_emulate_new(
    min_access: u32,
    max_access: u32,
    emulate: *mut *mut rim_emulate,
) -> rim_status {
    call(|| {
        crate::log::init();
        // SAFETY: `emulate` is NULL or the caller's own.
        let emulate = unsafe { Out::new(emulate, "emulate") }?;
        check_limits(min_access, max_access)?;
        rim_emulate(Arc::new(Emulate::new(min_access, max_access))).give(emulate);
        Ok(())
    })
}

/// Frees a handle. The memory itself stays as long as it is connected. NULL does nothing.
#[no_mangle]
pub unsafe extern "C" fn rim_emulate_free(emulate: *mut rim_emulate) {
    // SAFETY: the caller's last use of the handle.
    call_void(|| drop(unsafe { rim_emulate::take(emulate) }))
}

/// Gives the memory as a slave, to connect a master, hub or server to. The caller owns slave and
/// frees it with rim_slave_free.
#[no_mangle]
pub unsafe extern "C" fn rim_emulate_as_slave(
    emulate: *const rim_emulate,
    slave: *mut *mut rim_slave,
) -> rim_status {
    call(|| {
        // SAFETY: `emulate` is NULL or a live handle.
        let emulate = unsafe { rim_emulate::borrow(emulate) }?;
        // SAFETY: `slave` is NULL or the caller's own.
        let slave = unsafe { Out::new(slave, "slave") }?;
        rim_slave(Target::Emulate(Arc::clone(&emulate.0))).give(slave);
        Ok(())
    })
}
