//! `rim_hub`: a branch of the bus at an offset.

use std::sync::Arc;

use super::args::{check_limits, Out};
use super::boundary::{call, call_void};
use super::handle::Handle;
use super::slave::rim_slave;
use super::status::rim_status;
use super::target::{HubNode, Target};
use crate::bus::Hub;
use crate::error::{Error, ErrorKind};

/// A branch of the bus. It adds an offset to each address, splits accesses that are larger than the
/// slave behind it takes, and passes them on. An access that would go beyond the last address,
/// 0xffffffffffffffff, fails with RIM_STATUS_INVALID_ARGUMENT before any part of it is passed on.
pub struct rim_hub(Arc<HubNode>);

impl Handle for rim_hub {
    const NAME: &'static str = "hub";
}

/// Makes a hub that adds offset to each address. With min_access and max_access both above 0 it is
/// the root of an address space: it answers for these access sizes, in bytes, and its slave address
/// is 0. With 0 for both it has the access sizes of the slave behind it, and that slave's address
/// plus offset. RIM_STATUS_INVALID_ARGUMENT if only one of them is 0. The caller owns hub.
#[no_mangle]
pub unsafe extern "C" fn rim_hub_new(
    offset: u64,
    min_access: u32,
    max_access: u32,
    hub: *mut *mut rim_hub,
) -> rim_status {
    call(|| {
        crate::log::init();
        // SAFETY: `hub` is NULL or the caller's own.
        let hub = unsafe { Out::new(hub, "hub") }?;
        if (min_access == 0) != (max_access == 0) {
            let text = format!(
                "A hub has both a minimum and a maximum access, or neither: not {min_access} and \
                 {max_access} bytes"
            );
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        check_limits(min_access, max_access)?;
        rim_hub(Arc::new(HubNode::new(Hub::new(
            offset, min_access, max_access,
        ))))
        .give(hub);
        Ok(())
    })
}

/// Frees a handle. The hub itself stays as long as something is connected to it. NULL does nothing.
#[no_mangle]
pub unsafe extern "C" fn rim_hub_free(hub: *mut rim_hub) {
    // SAFETY: the caller's last use of the handle.
    call_void(|| drop(unsafe { rim_hub::take(hub) }))
}

/// Connects the hub to the slave behind it, in place of the one before. The slave's handle may be
/// freed afterwards. RIM_STATUS_INVALID_ARGUMENT if the slave is a hub that leads back to this one.
#[no_mangle]
pub unsafe extern "C" fn rim_hub_set_slave(
    hub: *mut rim_hub,
    slave: *const rim_slave,
) -> rim_status {
    call(|| {
        // SAFETY: `hub` is NULL or a live handle.
        let hub = unsafe { rim_hub::borrow(hub) }?;
        // SAFETY: `slave` is NULL or a live handle.
        let slave = unsafe { rim_slave::borrow(slave) }?;
        hub.0.connect(&slave.0)
    })
}

/// Gives the hub as a slave, to connect a master, another hub or a server to. The caller owns slave
/// and frees it with rim_slave_free.
#[no_mangle]
pub unsafe extern "C" fn rim_hub_as_slave(
    hub: *const rim_hub,
    slave: *mut *mut rim_slave,
) -> rim_status {
    call(|| {
        // SAFETY: `hub` is NULL or a live handle.
        let hub = unsafe { rim_hub::borrow(hub) }?;
        // SAFETY: `slave` is NULL or the caller's own.
        let slave = unsafe { Out::new(slave, "slave") }?;
        rim_slave(Target::Hub(Arc::clone(&hub.0))).give(slave);
        Ok(())
    })
}

/// Gives the offset that the hub adds to each address.
#[no_mangle]
pub unsafe extern "C" fn rim_hub_offset(hub: *const rim_hub, offset: *mut u64) -> rim_status {
    call(|| {
        // SAFETY: `hub` is NULL or a live handle.
        let hub = unsafe { rim_hub::borrow(hub) }?;
        // SAFETY: `offset` is NULL or the caller's own.
        unsafe { Out::new(offset, "offset") }?.set(hub.0.hub.offset());
        Ok(())
    })
}

/// Gives the hub's own address: the address of the slave behind it, plus the offset.
#[no_mangle]
pub unsafe extern "C" fn rim_hub_address(hub: *const rim_hub, address: *mut u64) -> rim_status {
    call(|| {
        // SAFETY: `hub` is NULL or a live handle.
        let hub = unsafe { rim_hub::borrow(hub) }?;
        // SAFETY: `address` is NULL or the caller's own.
        unsafe { Out::new(address, "address") }?.set(hub.0.hub.full_address());
        Ok(())
    })
}
