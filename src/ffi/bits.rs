//! `rim_copy_bits`, `rim_set_bits` and `rim_any_bits`: runs of bits in registers.

use std::ffi::c_void;

use super::args::{bytes, bytes_mut, Out};
use super::boundary::call;
use super::status::rim_status;
use crate::bus;
use crate::error::{Error, ErrorKind, Result};

/// Copies bit_count bits from source, starting at bit source_lsb, to target, starting at bit
/// target_lsb. The other bits of target do not change. Bit n is bit n % 8 of byte n / 8.
/// target_size and source_size are in bytes. The two may overlap: the bits copied are those from
/// before the call. RIM_STATUS_SIZE if the bits are not all inside the bytes given.
#[no_mangle]
pub unsafe extern "C" fn rim_copy_bits(
    target: *mut c_void,
    target_size: usize,
    target_lsb: u32,
    source: *const c_void,
    source_size: usize,
    source_lsb: u32,
    bit_count: u32,
) -> rim_status {
    call(|| {
        let distance = (target as usize).wrapping_sub(source as usize);
        let overlap = distance < source_size || distance.wrapping_neg() < target_size;
        // SAFETY: the caller has `source_size` bytes there, and no other thread writes to them now.
        let source = unsafe { bytes(source, source_size, "source") }?;
        let copy;
        let source = if overlap {
            copy = copied(source)?;
            &copy
        } else {
            source
        };
        // SAFETY: the caller has `target_size` bytes there that no other thread touches now, and
        // `source` does not overlap them.
        let target = unsafe { bytes_mut(target, target_size, "target") }?;
        bus::copy_bits(target, target_lsb, source, source_lsb, bit_count)
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

/// Sets bit_count bits of target to 1, starting at bit lsb. target_size is in bytes.
/// RIM_STATUS_SIZE if the bits are not all inside the bytes given.
#[no_mangle]
pub unsafe extern "C" fn rim_set_bits(
    target: *mut c_void,
    target_size: usize,
    lsb: u32,
    bit_count: u32,
) -> rim_status {
    call(|| {
        // SAFETY: the caller has `target_size` bytes there that no other thread touches now.
        let target = unsafe { bytes_mut(target, target_size, "target") }?;
        bus::set_bits(target, lsb, bit_count)
    })
}

/// Tells whether any of bit_count bits of source is 1, starting at bit lsb; false if bit_count is
/// 0. source_size is in bytes. RIM_STATUS_SIZE if the bits are not all inside the bytes given.
#[no_mangle]
pub unsafe extern "C" fn rim_any_bits(
    source: *const c_void,
    source_size: usize,
    lsb: u32,
    bit_count: u32,
    any: *mut bool,
) -> rim_status {
    call(|| {
        // SAFETY: `any` is NULL or the caller's own.
        let any = unsafe { Out::new(any, "any") }?;
        // SAFETY: the caller has `source_size` bytes there, and no thread writes to them now.
        let source = unsafe { bytes(source, source_size, "source") }?;
        any.set(bus::any_bits(source, lsb, bit_count)?);
        Ok(())
    })
}
