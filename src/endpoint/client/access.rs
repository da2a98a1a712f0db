//! Single accesses through a client: calls that wait, and futures.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::awaited::Awaited;
use super::link::ClientLink;
use super::room::is_attending;
use crate::bus::{lend, lend_mut, word_methods, Kind, Memory, Transaction};
use crate::error::{Error, ErrorKind, Result};

/// Adds `read_u32_async`, `write_u32_async` and their like, on top of `read_async` and
/// `write_async`.
macro_rules! async_word_methods {
    () => {
        async_word_methods!(read_u8_async, read_u8, write_u8_async, write_u8, u8);
        async_word_methods!(read_u16_async, read_u16, write_u16_async, write_u16, u16);
        async_word_methods!(read_u32_async, read_u32, write_u32_async, write_u32, u32);
        async_word_methods!(read_u64_async, read_u64, write_u64_async, write_u64, u64);
    };
    ($read_async:ident, $read:ident, $write_async:ident, $write:ident, $word:ty) => {
        #[doc = concat!("[`", stringify!($read), "`](Self::", stringify!($read), ") as a future.")]
        pub async fn $read_async(&self, address: u64) -> Result<$word> {
            const SIZE: usize = std::mem::size_of::<$word>();
            let data = self.read_async(address, SIZE).await?;
            // A successful read has the size that it asked for.
            let bytes: [u8; SIZE] = data.try_into().map_err(|_| wrong_size())?;
            Ok(<$word>::from_le_bytes(bytes))
        }

        #[doc = concat!(
                    "[`", stringify!($write), "`](Self::", stringify!($write), ") as a future."
                )]
        pub async fn $write_async(&self, address: u64, value: $word) -> Result<()> {
            self.write_async(address, value.to_le_bytes()).await
        }
    };
}
pub(super) use async_word_methods;

/// A client, with a timeout of its own: see
/// [`TcpClient::with_timeout`](crate::TcpClient::with_timeout).
#[derive(Clone, Copy)]
pub struct Timed<'a> {
    link: &'a Arc<ClientLink>,
    timeout: Duration,
}

impl<'a> Timed<'a> {
    pub(super) fn new(link: &'a Arc<ClientLink>, timeout: Duration) -> Timed<'a> {
        Timed { link, timeout }
    }

    /// As [`TcpClient::read`](crate::TcpClient::read).
    pub fn read(&self, address: u64, data: &mut [u8]) -> Result<()> {
        may_wait()?;
        lend_mut((address, Kind::Read), data, self.timeout, |transaction| {
            self.link.carry_out(transaction);
        })
    }

    /// As [`TcpClient::verify`](crate::TcpClient::verify).
    pub fn verify(&self, address: u64, data: &mut [u8]) -> Result<()> {
        may_wait()?;
        lend_mut((address, Kind::Verify), data, self.timeout, |transaction| {
            self.link.carry_out(transaction);
        })
    }

    /// As [`TcpClient::write`](crate::TcpClient::write).
    pub fn write(&self, address: u64, data: &[u8]) -> Result<()> {
        may_wait()?;
        lend((address, Kind::Write), data, self.timeout, |transaction| {
            self.link.carry_out(transaction);
        })
    }

    /// As [`TcpClient::post`](crate::TcpClient::post).
    pub fn post(&self, address: u64, data: &[u8]) -> Result<()> {
        may_wait()?;
        lend((address, Kind::Post), data, self.timeout, |transaction| {
            self.link.carry_out(transaction);
        })
    }

    word_methods!();

    /// As [`TcpClient::read_async`](crate::TcpClient::read_async).
    pub async fn read_async(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        self.fetch(Kind::Read, address, size).await
    }

    /// As [`TcpClient::verify_async`](crate::TcpClient::verify_async).
    pub async fn verify_async(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        self.fetch(Kind::Verify, address, size).await
    }

    /// As [`TcpClient::write_async`](crate::TcpClient::write_async).
    pub async fn write_async(&self, address: u64, data: impl Into<Vec<u8>>) -> Result<()> {
        self.give(Kind::Write, address, data.into()).await
    }

    /// As [`TcpClient::post_async`](crate::TcpClient::post_async).
    pub async fn post_async(&self, address: u64, data: impl Into<Vec<u8>>) -> Result<()> {
        self.give(Kind::Post, address, data.into()).await
    }

    async_word_methods!();

    async fn fetch(&self, kind: Kind, address: u64, size: usize) -> Result<Vec<u8>> {
        let size = crate::bus::data_size(size)?;
        let transaction = Transaction::new(address, size, kind, None, self.timeout);
        if size > 0 && !transaction.provide_zeros() {
            let text = format!("There is no memory for {size} bytes");
            return Err(Error::new(ErrorKind::System, text));
        }
        Awaited::new(self.link, transaction).await
    }

    async fn give(&self, kind: Kind, address: u64, data: Vec<u8>) -> Result<()> {
        let size = crate::bus::data_size(data.len())?;
        let memory = Some(Memory::owned(data));
        let transaction = Transaction::new(address, size, kind, memory, self.timeout);
        Awaited::new(self.link, transaction).await.map(|_| ())
    }
}

impl fmt::Debug for Timed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timed")
            .field("client", &self.link.context.name)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Refuses a thread that reads responses which other threads wait for: it must not block.
fn may_wait() -> Result<()> {
    if is_attending() {
        let text = "This thread reads responses for other threads: it must not wait for an access";
        return Err(Error::new(ErrorKind::Busy, text));
    }
    Ok(())
}

pub(super) fn wrong_size() -> Error {
    Error::new(ErrorKind::Internal, "A read has brought too few bytes")
}
