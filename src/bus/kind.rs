//! The types of a transaction, by their numbers in Rogue's `Constants.h`.

/// Moves bytes from the slave to the master.
pub const READ: u32 = 1;
/// Moves bytes from the master to the slave; complete when the slave has taken them.
pub const WRITE: u32 = 2;
/// A posted write: complete for the master when it has been sent.
pub const POST: u32 = 3;
/// A read whose data the master compares with what it wrote.
pub const VERIFY: u32 = 4;

/// The name of a transaction type, for log lines and error texts.
pub fn kind_name(kind: u32) -> &'static str {
    match kind {
        READ => "Read",
        WRITE => "Write",
        POST => "Post",
        VERIFY => "Verify",
        _ => "unknown type",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_a_name() {
        let names = [READ, WRITE, POST, VERIFY, 0, 5].map(kind_name);
        let due = [
            "Read",
            "Write",
            "Post",
            "Verify",
            "unknown type",
            "unknown type",
        ];
        assert_eq!(names, due);
    }
}
