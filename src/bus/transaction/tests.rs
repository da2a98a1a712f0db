//! The life of a transaction, without any slave.
