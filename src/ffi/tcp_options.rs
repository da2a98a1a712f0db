//! The options of the TCP endpoints, as structs that may grow: the first member says how much of
//! the struct the program knows, and a member that is 0, or that the program does not know, means
//! the default.

use std::mem::{size_of, MaybeUninit};
use std::time::Duration;

use super::args::Out;
use super::boundary::call;
use super::slave::check_limits;
use super::status::rim_status;
use crate::endpoint::{ClientOptions, ServerOptions};
use crate::error::{Error, ErrorKind, Result};

/// Limits and times of a TCP server. A member that is 0 has its default.
///
/// Later versions add members at the end. A program says by struct_size which it knows; those that
/// it does not know have their defaults. A program that is newer than the library is refused
/// (RIM_STATUS_INVALID_ARGUMENT) if a member that the library does not know is not 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_tcp_server_options {
    /// The size of this struct: sizeof(rim_tcp_server_options). Set by rim_tcp_server_options_init.
    pub struct_size: usize,
    /// The largest transaction, in bytes; a larger one is refused. Default 16777216.
    pub max_transaction: usize,
    /// Transactions that may be in the slave's hands at a time; the others wait their turn. With 1,
    /// a transaction comes when the one before it has completed. Default 32.
    pub max_outstanding: usize,
    /// Connections at a time, two for each client; those over it are closed. Default 4096.
    pub max_connections: usize,
    /// Bytes of responses that may wait for one client to read them; while they are more, none of
    /// its requests are carried out. Default 33554432.
    pub max_queued: usize,
    /// For rim_tcp_server_next: the smallest access, in bytes; a smaller one is refused. Default 4.
    /// A server with a slave asks the slave.
    pub min_access: u32,
    /// For rim_tcp_server_next: the largest access, in bytes; a larger one is refused. Default: no
    /// limit but max_transaction. A server with a slave asks the slave.
    pub max_access: u32,
    /// The time from a connection's arrival to the end of its handshake. Default 30000000.
    pub handshake_timeout_us: u64,
    /// How long a peer may give no sign of life, or take none of the bytes that wait for it, before
    /// its connection is dropped. Default 10000000.
    pub keep_alive_us: u64,
}

/// Limits and times of a TCP client. A member that is 0 has its default. As for
/// rim_tcp_server_options, later versions add members at the end.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rim_tcp_client_options {
    /// The size of this struct: sizeof(rim_tcp_client_options). Set by rim_tcp_client_options_init.
    pub struct_size: usize,
    /// Transactions that may wait for their responses at a time; who asks for more is held back,
    /// for at most the timeout of the transaction. Default 65536.
    pub max_outstanding: usize,
    /// Bytes of requests that the network has not taken yet, beyond which who asks is held back.
    /// Default 1048576.
    pub max_queued: usize,
    /// The time that one attempt to connect may take, handshake included. Default 5000000.
    pub connect_timeout_us: u64,
    /// How long the server's host may give no sign of life before the connection counts as lost.
    /// Default 10000000.
    pub keep_alive_us: u64,
}

/// The default of `rim_tcp_server_options::min_access`: registers are words.
const MIN_ACCESS: u32 = 4;
/// No options struct will ever be larger: what says it is has not been initialised.
const MAX_STRUCT: usize = 4096;

/// A struct of options, as C passes it.
///
/// # Safety
///
/// The type is `repr(C)`, begins with a `usize` that is its size, and any bytes make a value of it.
unsafe trait Growing: Copy {
    const NAME: &'static str;
}

// SAFETY: integers only, the first of them the size.
unsafe impl Growing for rim_tcp_server_options {
    const NAME: &'static str = "rim_tcp_server_options";
}

// SAFETY: integers only, the first of them the size.
unsafe impl Growing for rim_tcp_client_options {
    const NAME: &'static str = "rim_tcp_client_options";
}

fn check_size<T: Growing>(size: usize) -> Result<()> {
    if (size_of::<usize>()..=MAX_STRUCT).contains(&size) {
        return Ok(());
    }
    let text = format!(
        "A struct_size of {size} bytes cannot be right for {}: call {}_init first",
        T::NAME,
        T::NAME
    );
    Err(Error::new(ErrorKind::InvalidArgument, text))
}

/// Reads options of whatever length the program has, filling up with zeros.
///
/// # Safety
///
/// `options` is NULL, or points to a `usize` and to as many bytes as that says, which nobody
/// changes now.
unsafe fn read<T: Growing>(options: *const T) -> Result<T> {
    // SAFETY: any bytes make a value, zeros too.
    let mut known: T = unsafe { MaybeUninit::zeroed().assume_init() };
    if options.is_null() {
        return Ok(known);
    }
    // SAFETY: not NULL, and at least the size is there.
    let size = unsafe { options.cast::<usize>().read() };
    check_size::<T>(size)?;
    // SAFETY: `size` bytes are there, says the caller; a slice of them is of a sane length.
    let given = unsafe { std::slice::from_raw_parts(options.cast::<u8>(), size) };
    let (given, unknown) = given.split_at(size.min(size_of::<T>()));
    if unknown.iter().any(|byte| *byte != 0) {
        let text = format!(
            "{} of {size} bytes sets an option that this version of the library does not know",
            T::NAME
        );
        return Err(Error::new(ErrorKind::InvalidArgument, text));
    }
    // SAFETY: not more bytes than the value has, and any bytes make a value.
    unsafe {
        std::ptr::copy_nonoverlapping(given.as_ptr(), (&raw mut known).cast(), given.len());
    }
    Ok(known)
}

/// Writes as much of `defaults` as the program knows, and zeros after it.
///
/// # Safety
///
/// `options` is NULL or `size` bytes can be written there.
unsafe fn write<T: Growing>(options: *mut T, size: usize, defaults: T) -> Result<()> {
    // SAFETY: only looked at for NULL here.
    unsafe { Out::new(options, "options") }?;
    check_size::<T>(size)?;
    let known = size.min(size_of::<T>());
    // SAFETY: `size` bytes are there, says the caller, and `known` is not more than either has.
    unsafe {
        options.cast::<u8>().write_bytes(0, size);
        std::ptr::copy_nonoverlapping((&raw const defaults).cast(), options.cast::<u8>(), known);
        options.cast::<usize>().write(size);
    }
    Ok(())
}

/// Fills in the defaults. struct_size is sizeof(rim_tcp_server_options), as the program knows it.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_options_init(
    options: *mut rim_tcp_server_options,
    struct_size: usize,
) -> rim_status {
    call(|| {
        let defaults = ServerOptions::default();
        let defaults = rim_tcp_server_options {
            struct_size,
            max_transaction: defaults.max_transaction as usize,
            max_outstanding: defaults.max_outstanding,
            max_connections: defaults.max_connections,
            max_queued: defaults.max_queued,
            min_access: MIN_ACCESS,
            max_access: 0,
            handshake_timeout_us: micros(defaults.handshake_timeout),
            keep_alive_us: micros(defaults.keep_alive),
        };
        // SAFETY: the caller has `struct_size` bytes at `options`.
        unsafe { write(options, struct_size, defaults) }
    })
}

/// Fills in the defaults. struct_size is sizeof(rim_tcp_client_options), as the program knows it.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_options_init(
    options: *mut rim_tcp_client_options,
    struct_size: usize,
) -> rim_status {
    call(|| {
        let defaults = ClientOptions::default();
        let defaults = rim_tcp_client_options {
            struct_size,
            max_outstanding: defaults.max_outstanding,
            max_queued: defaults.max_queued,
            connect_timeout_us: micros(defaults.connect_timeout),
            keep_alive_us: micros(defaults.keep_alive),
        };
        // SAFETY: the caller has `struct_size` bytes at `options`.
        unsafe { write(options, struct_size, defaults) }
    })
}

/// What a server is to do, and the access sizes of a program that pulls.
pub(super) struct ServerSettings {
    pub(super) options: ServerOptions,
    pub(super) min_access: u32,
    pub(super) max_access: u32,
}

/// The options of a server as C gave them, or the defaults for NULL.
///
/// # Safety
///
/// As for [`read`].
pub(super) unsafe fn server(options: *const rim_tcp_server_options) -> Result<ServerSettings> {
    // SAFETY: the caller's promise.
    let given = unsafe { read(options) }?;
    let mut options = ServerOptions::default();
    if given.max_transaction != 0 {
        options.max_transaction = u32::try_from(given.max_transaction).unwrap_or(u32::MAX);
    }
    set(&mut options.max_outstanding, given.max_outstanding);
    set(&mut options.max_connections, given.max_connections);
    set(&mut options.max_queued, given.max_queued);
    set_time(&mut options.handshake_timeout, given.handshake_timeout_us);
    set_time(&mut options.keep_alive, given.keep_alive_us);
    let mut min_access = MIN_ACCESS;
    if given.min_access != 0 {
        min_access = given.min_access;
    }
    check_limits(min_access, given.max_access)?;
    Ok(ServerSettings {
        options,
        min_access,
        max_access: given.max_access,
    })
}

/// The options of a client as C gave them, or the defaults for NULL.
///
/// # Safety
///
/// As for [`read`].
pub(super) unsafe fn client(options: *const rim_tcp_client_options) -> Result<ClientOptions> {
    // SAFETY: the caller's promise.
    let given = unsafe { read(options) }?;
    let mut options = ClientOptions::default();
    set(&mut options.max_outstanding, given.max_outstanding);
    set(&mut options.max_queued, given.max_queued);
    set_time(&mut options.connect_timeout, given.connect_timeout_us);
    set_time(&mut options.keep_alive, given.keep_alive_us);
    Ok(options)
}

fn set(option: &mut usize, given: usize) {
    if given != 0 {
        *option = given;
    }
}

fn set_time(option: &mut Duration, given_us: u64) {
    if given_us != 0 {
        *option = Duration::from_micros(given_us);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
