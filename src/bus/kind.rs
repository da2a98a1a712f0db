//! The types of a transaction.

use std::fmt;

/// The type of a transaction: what a slave does with its bytes.
///
/// More types may be added. Rogue passes on types that it does not know, and so does this crate
/// ([`Kind::Other`]).
///
/// ```
/// use rogue_memory_bridge::Kind;
///
/// assert_eq!(Kind::from(3), Kind::Post);
/// assert_eq!(Kind::Verify.number(), 4);
/// assert_eq!(Kind::from(7), Kind::Other(7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Moves bytes from the slave to the master.
    Read,
    /// Moves bytes from the master to the slave; complete when the slave has written them.
    Write,
    /// A posted write: for the master it is complete when it has been sent.
    Post,
    /// A read whose data the master compares with what it wrote.
    Verify,
    /// A type that this crate does not know, with its number. [`Kind::from`] never returns it for
    /// the number of a type above.
    Other(u32),
}

/// The numbers of the types, as they are on the wire and in Rogue's `Constants.h`.
pub const READ: u32 = 1;
/// See [`Kind::Write`].
pub const WRITE: u32 = 2;
/// See [`Kind::Post`].
pub const POST: u32 = 3;
/// See [`Kind::Verify`].
pub const VERIFY: u32 = 4;

impl Kind {
    /// The number of the type, on the wire and in Rogue.
    pub fn number(self) -> u32 {
        match self {
            Kind::Read => READ,
            Kind::Write => WRITE,
            Kind::Post => POST,
            Kind::Verify => VERIFY,
            Kind::Other(number) => number,
        }
    }
}

impl From<u32> for Kind {
    fn from(number: u32) -> Kind {
        match number {
            READ => Kind::Read,
            WRITE => Kind::Write,
            POST => Kind::Post,
            VERIFY => Kind::Verify,
            number => Kind::Other(number),
        }
    }
}

impl Default for Kind {
    fn default() -> Kind {
        Kind::Other(0)
    }
}

/// The name of the type, for log lines and error texts.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Read => "Read",
            Kind::Write => "Write",
            Kind::Post => "Post",
            Kind::Verify => "Verify",
            Kind::Other(_) => "unknown type",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_a_number_and_a_name() {
        for (number, kind, name) in [
            (1, Kind::Read, "Read"),
            (2, Kind::Write, "Write"),
            (3, Kind::Post, "Post"),
            (4, Kind::Verify, "Verify"),
            (0, Kind::Other(0), "unknown type"),
            (5, Kind::Other(5), "unknown type"),
            (u32::MAX, Kind::Other(u32::MAX), "unknown type"),
        ] {
            assert_eq!((Kind::from(number), kind.number()), (kind, number));
            assert_eq!(kind.to_string(), name);
        }
    }
}
