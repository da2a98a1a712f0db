//! Single accesses through a client: calls that wait, and futures.

use std::time::Duration;

use super::awaited::Awaited;
use super::room::is_attending;
use super::TcpClient;
use crate::bus::{lend, lend_mut, word_methods, Memory, Transaction};
use crate::bus::{POST, READ, VERIFY, WRITE};
use crate::error::{Error, ErrorKind, Result};

/// Adds `read_u32_async`, `write_u32_async` and their like, on top of `read_async` and `write_async`.
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
            // A read that has succeeded has as many bytes as it asked for.
            let bytes: [u8; SIZE] = data.try_into().map_err(|_| wrong_size())?;
            Ok(<$word>::from_le_bytes(bytes))
        }

        #[doc = concat!("[`", stringify!($write), "`](Self::", stringify!($write), ") as a future.")]
        pub async fn $write_async(&self, address: u64, value: $word) -> Result<()> {
            self.write_async(address, value.to_le_bytes()).await
        }
    };
}

/// Accesses that wait. Each has the time [`ClientOptions::timeout`], a second unless set;
/// [`TcpClient::with_timeout`] gives one another time.
///
/// **Order.** Requests of one thread leave in the order of its calls, and our server hands them to its
/// slave in that order. **Bytes** go as they are in memory, the one at `address` first; words are
/// little-endian, as the registers of Rogue's firmware are by convention. **Threads.** Any number of
/// them may use a client at a time. The thread that calls sends the request and, mostly, reads the
/// response itself. **Errors.** A size of 0 is a [`Size`](ErrorKind::Size). While there is no
/// connection, a call waits for one, and fails with the reason when its time is over. It fails with
/// [`ConnectionLost`](ErrorKind::ConnectionLost) when the connection is lost under way; nothing is
/// sent twice. With [`Busy`](ErrorKind::Busy) where it must not wait: on a thread that has just
/// completed another access, in a [`Waker`](std::task::Waker).
///
/// [`ClientOptions::timeout`]: crate::ClientOptions::timeout
impl TcpClient {
    /// Reads as many bytes at `address` as `data` has, into `data`. After a failure, `data` has any
    /// bytes.
    ///
    /// ```
    /// # use rogue_memory_bridge::{Emulate, ServerOptions, TcpServer};
    /// # let memory = std::sync::Arc::new(Emulate::new(4, 4096));
    /// # let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default())?.serve(memory)?;
    /// use rogue_memory_bridge::{ClientOptions, TcpClient};
    ///
    /// let client = TcpClient::new("127.0.0.1", server.port(), ClientOptions::default())?;
    /// let mut samples = [0xFF; 64];
    /// client.read(0x100, &mut samples)?;
    /// assert_eq!(samples, [0; 64]);
    /// # Ok::<(), rogue_memory_bridge::Error>(())
    /// ```
    pub fn read(&self, address: u64, data: &mut [u8]) -> Result<()> {
        self.with_timeout(self.timeout()).read(address, data)
    }

    /// As [`TcpClient::read`], and the slave is told that the bytes are to be compared with what was
    /// written.
    pub fn verify(&self, address: u64, data: &mut [u8]) -> Result<()> {
        self.with_timeout(self.timeout()).verify(address, data)
    }

    /// Writes `data` to `address`, and waits until the slave has taken it.
    ///
    /// A [`Timeout`](ErrorKind::Timeout) does not say that nothing was written: the request may be
    /// carried out later. See [`ClientOptions::close_on_timeout`] and
    /// [`ServerOptions::drop_after_close`]. Whoever must know reads the value back.
    ///
    /// ```
    /// # use rogue_memory_bridge::{Emulate, ServerOptions, TcpServer};
    /// # let memory = std::sync::Arc::new(Emulate::new(4, 4096));
    /// # let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default())?.serve(memory)?;
    /// # use rogue_memory_bridge::{ClientOptions, TcpClient};
    /// # let client = TcpClient::new("127.0.0.1", server.port(), ClientOptions::default())?;
    /// client.write(0x100, &[1, 2, 3, 4])?;
    /// assert_eq!(client.read_u32(0x100)?, 0x0403_0201);
    /// # Ok::<(), rogue_memory_bridge::Error>(())
    /// ```
    ///
    /// [`ClientOptions::close_on_timeout`]: crate::ClientOptions::close_on_timeout
    /// [`ServerOptions::drop_after_close`]: crate::ServerOptions::drop_after_close
    pub fn write(&self, address: u64, data: &[u8]) -> Result<()> {
        self.with_timeout(self.timeout()).write(address, data)
    }

    /// Writes `data` to `address`, and waits until it has been sent; whether the slave takes it is not
    /// told. What was sent over a connection that was then lost is counted:
    /// [`ClientStats::unacknowledged`](crate::ClientStats::unacknowledged).
    pub fn post(&self, address: u64, data: &[u8]) -> Result<()> {
        self.with_timeout(self.timeout()).post(address, data)
    }

    word_methods!();

    /// The client, with `timeout` in place of [`ClientOptions::timeout`] for each access made through
    /// what this returns.
    ///
    /// ```
    /// use rogue_memory_bridge::{ClientOptions, ErrorKind, TcpClient};
    /// use std::time::Duration;
    ///
    /// # let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// # let port = nobody.local_addr().unwrap().port();
    /// # drop(nobody);
    /// // Nobody is there.
    /// let client = TcpClient::new("127.0.0.1", port, ClientOptions::default())?;
    /// let error = client.with_timeout(Duration::from_millis(50)).read_u32(0).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Refused);
    /// # Ok::<(), rogue_memory_bridge::Error>(())
    /// ```
    ///
    /// [`ClientOptions::timeout`]: crate::ClientOptions::timeout
    pub fn with_timeout(&self, timeout: Duration) -> Timed<'_> {
        Timed {
            client: self,
            timeout,
        }
    }
}

/// The same as futures, for any executor: the client's own thread reads the responses and keeps the
/// deadlines, so nothing has to be polled for that.
///
/// A future sends its request when it is polled first. It never blocks: `max_outstanding` and
/// `max_queued` of [`ClientOptions`](crate::ClientOptions) hold no future back, so the program says
/// how many it has at a time. **To drop a future is safe** at any time, and so is to forget it: the
/// bytes that the client works on are its own. A request that waits for the connection is withdrawn
/// by that; one that has been sent is carried out, and nobody hears of it.
///
/// ```
/// # use rogue_memory_bridge::{Emulate, ServerOptions, TcpServer};
/// # let memory = std::sync::Arc::new(Emulate::new(4, 4096));
/// # let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default())?.serve(memory)?;
/// # use rogue_memory_bridge::{ClientOptions, TcpClient};
/// # let client = TcpClient::new("127.0.0.1", server.port(), ClientOptions::default())?;
/// let work = async {
///     client.write_u32_async(0x10, 7).await?;
///     // Both are under way together.
///     let (a, b) = tokio::join!(client.read_u32_async(0x10), client.read_async(0x14, 8));
///     assert_eq!((a?, b?), (7, vec![0; 8]));
///     Ok::<(), rogue_memory_bridge::Error>(())
/// };
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)?;
/// # Ok::<(), rogue_memory_bridge::Error>(())
/// ```
impl TcpClient {
    /// [`TcpClient::read`] as a future: `size` bytes at `address`.
    pub async fn read_async(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        let timed = self.with_timeout(self.timeout());
        timed.read_async(address, size).await
    }

    /// [`TcpClient::verify`] as a future.
    pub async fn verify_async(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        let timed = self.with_timeout(self.timeout());
        timed.verify_async(address, size).await
    }

    /// [`TcpClient::write`] as a future. A `Vec` is taken as it is; a slice or an array is copied.
    pub async fn write_async(&self, address: u64, data: impl Into<Vec<u8>>) -> Result<()> {
        let timed = self.with_timeout(self.timeout());
        timed.write_async(address, data).await
    }

    /// [`TcpClient::post`] as a future. A `Vec` is taken as it is; a slice or an array is copied.
    pub async fn post_async(&self, address: u64, data: impl Into<Vec<u8>>) -> Result<()> {
        let timed = self.with_timeout(self.timeout());
        timed.post_async(address, data).await
    }

    async_word_methods!();
}

/// A client, with a timeout of its own: see [`TcpClient::with_timeout`].
#[derive(Clone, Copy)]
pub struct Timed<'a> {
    client: &'a TcpClient,
    timeout: Duration,
}

impl Timed<'_> {
    /// As [`TcpClient::read`].
    pub fn read(&self, address: u64, data: &mut [u8]) -> Result<()> {
        may_wait()?;
        lend_mut((address, READ), data, self.timeout, |transaction| {
            self.client.carry_out(transaction);
        })
    }

    /// As [`TcpClient::verify`].
    pub fn verify(&self, address: u64, data: &mut [u8]) -> Result<()> {
        may_wait()?;
        lend_mut((address, VERIFY), data, self.timeout, |transaction| {
            self.client.carry_out(transaction);
        })
    }

    /// As [`TcpClient::write`].
    pub fn write(&self, address: u64, data: &[u8]) -> Result<()> {
        may_wait()?;
        lend((address, WRITE), data, self.timeout, |transaction| {
            self.client.carry_out(transaction);
        })
    }

    /// As [`TcpClient::post`].
    pub fn post(&self, address: u64, data: &[u8]) -> Result<()> {
        may_wait()?;
        lend((address, POST), data, self.timeout, |transaction| {
            self.client.carry_out(transaction);
        })
    }

    word_methods!();

    /// As [`TcpClient::read_async`].
    pub async fn read_async(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        self.fetch(READ, address, size).await
    }

    /// As [`TcpClient::verify_async`].
    pub async fn verify_async(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        self.fetch(VERIFY, address, size).await
    }

    /// As [`TcpClient::write_async`].
    pub async fn write_async(&self, address: u64, data: impl Into<Vec<u8>>) -> Result<()> {
        self.give(WRITE, address, data.into()).await
    }

    /// As [`TcpClient::post_async`].
    pub async fn post_async(&self, address: u64, data: impl Into<Vec<u8>>) -> Result<()> {
        self.give(POST, address, data.into()).await
    }

    async_word_methods!();

    async fn fetch(&self, kind: u32, address: u64, size: usize) -> Result<Vec<u8>> {
        let size = crate::bus::data_size(size)?;
        let transaction = Transaction::new(address, size, kind, None, self.timeout);
        if size > 0 && !transaction.provide_zeros() {
            let text = format!("There is no memory for {size} bytes");
            return Err(Error::new(ErrorKind::System, text));
        }
        Awaited::new(self.client, transaction).await
    }

    async fn give(&self, kind: u32, address: u64, data: Vec<u8>) -> Result<()> {
        let size = crate::bus::data_size(data.len())?;
        let memory = Some(Memory::owned(data));
        let transaction = Transaction::new(address, size, kind, memory, self.timeout);
        Awaited::new(self.client, transaction).await.map(|_| ())
    }
}

/// Refuses a thread on which others wait for the client: what runs there must not wait itself.
fn may_wait() -> Result<()> {
    if is_attending() {
        let text = "This thread brings accesses of clients forward: it must not wait for one";
        return Err(Error::new(ErrorKind::Busy, text));
    }
    Ok(())
}

fn wrong_size() -> Error {
    Error::new(ErrorKind::Internal, "A read has brought too few bytes")
}
