//! `rim_copy_bits`, `rim_set_bits` and `rim_any_bits`: runs of bits in registers.

use std::ffi::c_void;

use super::args::{bytes, bytes_mut, Out};
use super::boundary::call;
use super::status::rim_status;
use crate::bus;
use crate::error::{Error, ErrorKind, Result};

/// Copies a run of bits from source to target; the other bits of target stay as they are. Bit n is
/// bit n % 8 of byte n / 8. The two may overlap: the bits copied are those of before the call.
/// RIM_STATUS_SIZE if a run does not lie within the bytes given.
#[no_mangle]
pub unsafe extern "C" fn rim_copy_bits(
    target: *mut c_void,
    target_size: usize,
    target_lsb: u32,
    source: *const c_void,
    source_size: usize,
    source_lsb: u32,
    bits: u32,
) -> rim_status {
    call(|| {
        let distance = (target as usize).wrapping_sub(source as usize);
        let overlap = distance < source_size || distance.wrapping_neg() < target_size;
        // SAFETY: the caller has `source_size` bytes there, and nobody else writes to them now.
        let source = unsafe { bytes(source, source_size, "source") }?;
        let copy;
        let source = if overlap {
            copy = copied(source)?;
            &copy
        } else {
            source
        };
        // SAFETY: the caller has `target_size` bytes there that nobody else touches now, and what
        // is read from does not overlap them.
        let target = unsafe { bytes_mut(target, target_size, "target") }?;
        bus::copy_bits(target, target_lsb, source, source_lsb, bits)
    })
}

/// A copy of `bytes`, if there is memory for it.
fn copied(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| {
        let text = format!("There is no memory for {} bytes", bytes.len());
        Error::new(ErrorKind::System, text)
    })?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// Sets a run of bits of target to 1. RIM_STATUS_SIZE if it does not lie within the bytes given.
#[no_mangle]
pub unsafe extern "C" fn rim_set_bits(
    target: *mut c_void,
    target_size: usize,
    lsb: u32,
    bits: u32,
) -> rim_status {
    call(|| {
        // SAFETY: the caller has `target_size` bytes there that nobody else touches now.
        let target = unsafe { bytes_mut(target, target_size, "target") }?;
        bus::set_bits(target, lsb, bits)
    })
}

/// Tells whether any of a run of bits is 1; false for a run of none. RIM_STATUS_SIZE if it does not
/// lie within the bytes given.
#[no_mangle]
pub unsafe extern "C" fn rim_any_bits(
    source: *const c_void,
    source_size: usize,
    lsb: u32,
    bits: u32,
    any: *mut bool,
) -> rim_status {
    call(|| {
        // SAFETY: `any` is NULL or the caller's own.
        let any = unsafe { Out::new(any, "any") }?;
        // SAFETY: the caller has `source_size` bytes there, and nobody writes to them now.
        let source = unsafe { bytes(source, source_size, "source") }?;
        any.set(bus::any_bits(source, lsb, bits)?);
        Ok(())
    })
}
