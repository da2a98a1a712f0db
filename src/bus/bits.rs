//! Copying, setting and testing runs of bits in little-endian byte order: bit `n` is bit `n % 8` of
//! byte `n / 8`.

use crate::error::{Error, ErrorKind, Result};

fn check(what: &str, len: usize, lsb: u32, bits: u32) -> Result<()> {
    let end = u64::from(lsb) + u64::from(bits);
    let have = (len as u64).saturating_mul(8);
    if end > have {
        let text = format!("{bits} bits from bit {lsb} do not fit the {have} bits of the {what}");
        return Err(Error::new(ErrorKind::Size, text));
    }
    Ok(())
}

/// Copies `bits` bits of `source`, from bit `source_lsb` on, to `target`, from bit `target_lsb` on.
/// The other bits of `target` keep their values. Fails with [`ErrorKind::Size`], and changes
/// nothing, if the bits are not all inside both slices.
pub fn copy_bits(
    target: &mut [u8],
    target_lsb: u32,
    source: &[u8],
    source_lsb: u32,
    bits: u32,
) -> Result<()> {
    check("target", target.len(), target_lsb, bits)?;
    check("source", source.len(), source_lsb, bits)?;
    let (mut to, mut from, mut left) = (target_lsb as usize, source_lsb as usize, bits as usize);
    while left > 0 {
        if to % 8 == 0 && from % 8 == 0 && left >= 8 {
            let bytes = left / 8;
            target[to / 8..to / 8 + bytes].copy_from_slice(&source[from / 8..from / 8 + bytes]);
            (to, from, left) = (to + 8 * bytes, from + 8 * bytes, left - 8 * bytes);
            continue;
        }
        // The next run of bits that lies within one byte of each slice.
        let run = left.min(8 - to % 8).min(8 - from % 8);
        let mask = (0xFFu16 >> (8 - run)) as u8;
        let value = source[from / 8] >> (from % 8) & mask;
        let byte = &mut target[to / 8];
        *byte = *byte & !(mask << (to % 8)) | value << (to % 8);
        (to, from, left) = (to + run, from + run, left - run);
    }
    Ok(())
}

/// Sets `bits` bits of `target`, from bit `lsb` on. Fails with [`ErrorKind::Size`], and changes
/// nothing, if they are not all inside `target`.
pub fn set_bits(target: &mut [u8], lsb: u32, bits: u32) -> Result<()> {
    check("target", target.len(), lsb, bits)?;
    runs(lsb, bits).for_each(|(byte, mask)| target[byte] |= mask);
    Ok(())
}

/// Whether any of the `bits` bits of `source`, from bit `lsb` on, is set. Fails with
/// [`ErrorKind::Size`] if they are not all inside `source`.
pub fn any_bits(source: &[u8], lsb: u32, bits: u32) -> Result<bool> {
    check("source", source.len(), lsb, bits)?;
    Ok(runs(lsb, bits).any(|(byte, mask)| source[byte] & mask != 0))
}

/// The bytes that a run of bits touches, each with the mask of the bits in it.
fn runs(lsb: u32, bits: u32) -> impl Iterator<Item = (usize, u8)> {
    let end = lsb as usize + bits as usize;
    let mut at = lsb as usize;
    std::iter::from_fn(move || {
        if at == end {
            return None;
        }
        let run = (8 - at % 8).min(end - at);
        let item = (at / 8, ((0xFFu16 >> (8 - run)) as u8) << (at % 8));
        at += run;
        Some(item)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies bit by bit: slow, but simple enough to trust.
    fn reference(target: &mut [u8], target_lsb: u32, source: &[u8], source_lsb: u32, bits: u32) {
        for n in 0..bits {
            let (to, from) = ((target_lsb + n) as usize, (source_lsb + n) as usize);
            let bit = source[from / 8] >> (from % 8) & 1;
            target[to / 8] = target[to / 8] & !(1 << (to % 8)) | bit << (to % 8);
        }
    }

    #[test]
    fn copy_is_the_same_as_bit_by_bit() {
        let source: Vec<u8> = (0..8u32).map(|n| (n * 73 + 41) as u8).collect();
        // Miri is a thousand times slower: it tries fewer values.
        let step = if cfg!(miri) { 7 } else { 1 };
        for target_lsb in (0..18).step_by(step) {
            for source_lsb in (0..18).step_by(step) {
                for bits in (0..40).step_by(step) {
                    let mut got = vec![0xA5u8; 8];
                    let mut want = got.clone();
                    copy_bits(&mut got, target_lsb, &source, source_lsb, bits).unwrap();
                    reference(&mut want, target_lsb, &source, source_lsb, bits);
                    assert_eq!(got, want, "{target_lsb} {source_lsb} {bits}");
                }
            }
        }
    }

    #[test]
    fn set_and_any() {
        let mut bytes = [0u8; 4];
        set_bits(&mut bytes, 6, 13).unwrap();
        assert_eq!(bytes, [0xC0, 0xFF, 0x07, 0]);
        assert!(!any_bits(&bytes, 0, 6).unwrap());
        assert!(any_bits(&bytes, 0, 7).unwrap());
        assert!(any_bits(&bytes, 18, 14).unwrap());
        assert!(!any_bits(&bytes, 19, 13).unwrap());
        assert!(!any_bits(&bytes, 8, 0).unwrap());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let mut two = [0u8; 2];
        let error = set_bits(&mut two, 10, 7).unwrap_err();
        assert_eq!(
            error.text(),
            "7 bits from bit 10 do not fit the 16 bits of the target"
        );
        assert!(any_bits(&two, u32::MAX, u32::MAX).is_err());
        assert!(copy_bits(&mut two, 0, &[0], 1, 8)
            .unwrap_err()
            .text()
            .contains("source"));
    }
}
