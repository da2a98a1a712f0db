//! The 64 bytes that open a connection in each direction. READY, in `command.rs`, follows them.

use super::error::{printable, WireError};

/// Size of a greeting in bytes.
pub const GREETING_SIZE: usize = 64;

/// The 20 bytes of the mechanism's name.
const MECHANISM: std::ops::Range<usize> = 12..32;

/// Our greeting: ZMTP 3.1, mechanism NULL. Send it at once, without waiting for the peer's.
pub fn greeting() -> [u8; GREETING_SIZE] {
    let mut bytes = [0; GREETING_SIZE];
    bytes[0] = 0xff;
    bytes[9] = 0x7f;
    bytes[10] = 3;
    bytes[11] = 1;
    bytes[12..16].copy_from_slice(b"NULL");
    bytes
}

/// Checks a greeting, of which `bytes` have arrived so far. A bad one is refused with its first bad
/// byte.
pub(super) fn check(bytes: &[u8]) -> Result<(), WireError> {
    // Bytes 1 to 8 are padding: libzmq puts the length of its identity there, for ZMTP 1 peers.
    if let Some(&byte) = bytes.first().filter(|&&byte| byte != 0xff) {
        return Err(WireError::NotZmtp { offset: 0, byte });
    }
    // A ZMTP 1 identity may begin with 0xff too; the lowest bit here is set in a signature only.
    if let Some(&byte) = bytes.get(9).filter(|&&byte| byte & 1 == 0) {
        return Err(WireError::NotZmtp { offset: 9, byte });
    }
    if let Some(&revision) = bytes.get(10).filter(|&&revision| revision < 3) {
        return Err(WireError::OldVersion { revision });
    }
    match bytes.get(MECHANISM) {
        Some(mechanism) if mechanism != &greeting()[MECHANISM] => {
            let end = mechanism
                .iter()
                .position(|&byte| byte == 0)
                .unwrap_or(mechanism.len());
            Err(WireError::Mechanism {
                name: printable(&mechanism[..end]),
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_of_our_own_is_accepted() {
        let bytes = greeting();
        for n in 0..=bytes.len() {
            assert_eq!(check(&bytes[..n]), Ok(()), "{n} bytes");
        }
    }

    #[test]
    fn a_mechanism_with_bytes_after_its_end_is_not_null() {
        let mut bytes = greeting();
        bytes[20] = b'x';
        assert_eq!(
            check(&bytes),
            Err(WireError::Mechanism {
                name: "NULL".into()
            })
        );
    }
}
