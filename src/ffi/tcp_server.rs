//! `rim_tcp_server`: takes transactions from the network. Either a thread of the library gives them
//! to a slave, or the program polls the server.

use std::ffi::c_char;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::args::{named, utf8, wait_time, Out};
use super::boundary::{call, call_void};
use super::foreign::may_wait;
use super::growing::Places;
use super::handle::Handle;
use super::slave::rim_slave;
use super::status::rim_status;
use super::tcp_options::{rim_tcp_server_options, AccessSizes, ServerSetup};
use super::transaction::rim_transaction;
use super::transaction_state::Carried;
use crate::bus::Slave;
use crate::endpoint::{admit, serve, ServerThread, TcpServer};
use crate::error::{Error, ErrorKind, Result};
use crate::process::Home;

/// The server of the bridge. It listens on two consecutive ports. Transactions from clients are
/// carried out in one of two ways: by a slave (rim_tcp_server_set_slave), on a thread of the
/// server; or by the program, which polls the server and takes one transaction after the other
/// (rim_tcp_server_next). As long as the server has no slave and is not polled, clients wait.
pub struct rim_tcp_server {
    pub(super) server: Arc<TcpServer>,
    slave: Arc<Mutex<Option<Arc<dyn Slave>>>>,
    /// Also held while the options are set or read, so that no thread sees half of a change.
    access: Mutex<AccessSizes>,
    mode: Mutex<ServerMode>,
    home: Home,
}

/// What takes the server's transactions.
enum ServerMode {
    /// The program. The number of its calls that are under way.
    Polled(usize),
    /// A thread, for a slave.
    Served(ServerThread),
    /// Nothing any more.
    Stopped,
}

impl Handle for rim_tcp_server {
    const NAME: &'static str = "server";

    fn check_home(&self) -> Result<()> {
        self.server.check_home()
    }
}

impl rim_tcp_server {
    fn set_slave(&self, slave: Arc<dyn Slave>) -> Result<()> {
        let mut mode = self.mode();
        match *mode {
            ServerMode::Polled(0) => {
                self.replace_slave(slave);
                let current = Arc::clone(&self.slave);
                let slave = move || lock(&current).clone().unwrap_or_else(unconnected);
                *mode = ServerMode::Served(serve(Arc::clone(&self.server), slave)?);
            }
            ServerMode::Polled(_) => {
                let text =
                    "A thread is inside rim_tcp_server_next: the server cannot be given a slave";
                return Err(Error::new(ErrorKind::Busy, text));
            }
            ServerMode::Served(_) => {
                drop(mode);
                self.replace_slave(slave);
            }
            ServerMode::Stopped => {
                return Err(Error::new(
                    ErrorKind::Stopped,
                    "The server has been stopped",
                ));
            }
        }
        Ok(())
    }

    fn replace_slave(&self, slave: Arc<dyn Slave>) {
        let old = lock(&self.slave).replace(slave);
        // This may be the last reference, whose finalizer may call anything: no lock is held.
        drop(old);
    }

    fn next(&self, timeout_us: u64) -> Result<rim_transaction> {
        {
            let mut mode = self.mode();
            match &mut *mode {
                ServerMode::Polled(calls) => *calls += 1,
                ServerMode::Served(_) => {
                    let text = "The server has a slave: it cannot be polled";
                    return Err(Error::new(ErrorKind::Busy, text));
                }
                ServerMode::Stopped => {}
            }
        }
        let result = self.pull(timeout_us);
        if let ServerMode::Polled(calls) = &mut *self.mode() {
            *calls = calls.saturating_sub(1);
        }
        result
    }

    fn pull(&self, timeout_us: u64) -> Result<rim_transaction> {
        let timeout = wait_time(timeout_us);
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut left = end.and(timeout);
        loop {
            let Some(transaction) = self.server.pull(left)? else {
                let text = format!("No transaction came within {timeout_us} us");
                return Err(Error::new(ErrorKind::Timeout, text));
            };
            let access = *lock(&self.access);
            if admit(&transaction, access.min, access.max) {
                return Ok(rim_transaction::new(Arc::new(Carried::new(
                    transaction,
                    None,
                ))));
            }
            left = end.map(|end| end.saturating_duration_since(Instant::now()));
        }
    }

    fn stop(&self) {
        if !self.home.is_here() {
            return;
        }
        self.server.stop();
        let old = std::mem::replace(&mut *self.mode(), ServerMode::Stopped);
        // Without the lock: the slave may be inside a call that takes it.
        if let ServerMode::Served(mut thread) = old {
            thread.join();
        }
    }

    fn mode(&self) -> MutexGuard<'_, ServerMode> {
        lock(&self.mode)
    }
}

impl Drop for rim_tcp_server {
    fn drop(&mut self) {
        if !self.home.is_here() {
            // The thread belongs to the parent. It cannot be joined or detached here.
            std::mem::forget(std::mem::replace(
                &mut self.mode,
                Mutex::new(ServerMode::Stopped),
            ));
            return;
        }
        self.stop();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unconnected() -> Arc<dyn Slave> {
    Arc::new(crate::bus::Unconnected::new())
}

/// Makes a server that listens at address, on port and the port after it.
///
/// address is an IP address, a host name, the name of a network interface, or "*" for all addresses
/// of this host. A link-local address of IPv6 names its interface: "fe80::1%eth0". The name of an
/// interface means all its addresses; link-local ones of IPv6 count only if it has no others. A
/// port of 0 takes any free pair, see rim_tcp_server_port. options may be NULL for the defaults.
/// The caller owns server.
///
/// RIM_STATUS_BIND if a port cannot be had; the text names it. RIM_STATUS_BAD_ADDRESS or
/// RIM_STATUS_BAD_PORT if there is no such address or port.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_new(
    address: *const c_char,
    port: u16,
    options: *const rim_tcp_server_options,
    server: *mut *mut rim_tcp_server,
) -> rim_status {
    call(|| {
        crate::log::init();
        // SAFETY: `address` is NULL or a string that the caller leaves alone during this call.
        let address = unsafe { utf8(address, "address") }?;
        // SAFETY: `options` is NULL or a struct that begins with its own size.
        let setup = unsafe { ServerSetup::from_c(options) }?;
        // SAFETY: `server` is NULL or the caller's own.
        let server = unsafe { Out::new(server, "server") }?;
        let made = TcpServer::bind(address, port, setup.options)?;
        let made = rim_tcp_server {
            server: Arc::new(made),
            slave: Arc::default(),
            access: Mutex::new(setup.access),
            mode: Mutex::new(ServerMode::Polled(0)),
            home: Home::here(),
        };
        made.give(server);
        Ok(())
    })
}

/// Stops a server as by rim_tcp_server_stop, and frees it. The server's own callback may call it.
/// No thread may be inside rim_tcp_server_next: stop the server first. NULL does nothing.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_free(server: *mut rim_tcp_server) {
    // SAFETY: the caller's last use of the handle.
    call_void(|| drop(unsafe { rim_tcp_server::take(server) }))
}

/// Stops the server: no more transactions come, all connections are closed, and the ports are free.
/// A thread inside rim_tcp_server_next returns at once. A running callback gets 150 ms to return;
/// after that its thread goes on without the server. It may be called again, on any thread.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_stop(server: *mut rim_tcp_server) -> rim_status {
    call(|| {
        // SAFETY: `server` is NULL or a live handle.
        unsafe { rim_tcp_server::borrow_anywhere(server) }?.stop();
        Ok(())
    })
}

/// Sets all options, while the server is at work; a member that is 0 has its default again. To
/// change one of them, start with rim_tcp_server_get_options. Limits apply from now on, also to
/// transactions that wait for their turn. handshake_timeout_us, keep_alive_us and max_transaction
/// apply to connections that come from now on, timeout_us to transactions that come to the slave
/// from now on.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_set_options(
    server: *mut rim_tcp_server,
    options: *const rim_tcp_server_options,
) -> rim_status {
    call(|| {
        // SAFETY: `server` is NULL or a live handle.
        let server = unsafe { rim_tcp_server::borrow(server) }?;
        if options.is_null() {
            return Err(named("options"));
        }
        // SAFETY: not NULL, and a struct that begins with its own size.
        let setup = unsafe { ServerSetup::from_c(options) }?;
        let mut access = lock(&server.access);
        *access = setup.access;
        server.server.set_options(&setup.options);
        Ok(())
    })
}

/// Gives the present options. struct_size is sizeof(rim_tcp_server_options).
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_get_options(
    server: *const rim_tcp_server,
    options: *mut rim_tcp_server_options,
    struct_size: usize,
) -> rim_status {
    call(|| {
        // SAFETY: `server` is NULL or a live handle.
        let server = unsafe { rim_tcp_server::borrow(server) }?;
        // SAFETY: `options` is NULL or the caller has `struct_size` bytes there.
        let place = unsafe { Places::one(options, struct_size, "options") }?;
        let access = lock(&server.access);
        let setup = ServerSetup {
            options: server.server.options(),
            access: *access,
        };
        place.set([setup.to_c()]);
        Ok(())
    })
}

/// Sets the time that the slave, or the program that polls, has for each transaction from now on,
/// in microseconds. After it the transaction expires, and its client gets an error. It is
/// 3600000000, an hour, at the start. 0 changes nothing; RIM_FOREVER_US is no limit. A server that
/// is polled checks the time inside rim_tcp_server_next only; the client has its own timeout in any
/// case. A read of a client that is gone expires at once.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_set_timeout_us(
    server: *mut rim_tcp_server,
    timeout_us: u64,
) -> rim_status {
    call(|| {
        // SAFETY: `server` is NULL or a live handle.
        let server = unsafe { rim_tcp_server::borrow(server) }?;
        if timeout_us != 0 {
            server.server.set_timeout(wait_time(timeout_us));
        }
        Ok(())
    })
}

/// Gives the lower of the server's two ports.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_port(
    server: *const rim_tcp_server,
    port: *mut u16,
) -> rim_status {
    call(|| {
        // SAFETY: `server` is NULL or a live handle.
        let server = unsafe { rim_tcp_server::borrow(server) }?;
        // SAFETY: `port` is NULL or the caller's own.
        unsafe { Out::new(port, "port") }?.set(server.server.port());
        Ok(())
    })
}

/// Connects the server to a slave, in place of the one before. From the first call on, a thread
/// named TcpServer hands each transaction to the slave, one after the other, in the order of
/// arrival. The slave's handle may be freed afterwards. RIM_STATUS_BUSY while a thread is inside
/// rim_tcp_server_next.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_set_slave(
    server: *mut rim_tcp_server,
    slave: *const rim_slave,
) -> rim_status {
    call(|| {
        // SAFETY: `server` is NULL or a live handle.
        let server = unsafe { rim_tcp_server::borrow(server) }?;
        // SAFETY: `slave` is NULL or a live handle.
        let slave = unsafe { rim_slave::borrow(slave) }?;
        server.set_slave(slave.0.slave())
    })
}

/// Takes the next transaction, for a program that carries out transactions itself, on its own
/// thread. All work of the server with the network is done inside this call, so call it again and
/// again.
///
/// It waits for at most timeout_us. 0 does what can be done without waiting; RIM_FOREVER_US waits
/// until a transaction comes. RIM_STATUS_TIMEOUT if none came in that time. RIM_STATUS_STOPPED
/// after rim_tcp_server_stop. RIM_STATUS_BUSY if the server has a slave, if another thread is
/// inside this call, or, unless timeout_us is 0, in a completion callback.
///
/// The caller owns the transaction: it completes it, at once or later, on any thread, and then
/// frees it. It may have up to max_outstanding (see rim_tcp_server_options) at a time.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_next(
    server: *mut rim_tcp_server,
    timeout_us: u64,
    transaction: *mut *mut rim_transaction,
) -> rim_status {
    call(|| {
        // SAFETY: `server` is NULL or a live handle.
        let server = unsafe { rim_tcp_server::borrow(server) }?;
        // SAFETY: `transaction` is NULL or the caller's own.
        let transaction = unsafe { Out::new(transaction, "transaction") }?;
        if timeout_us != 0 {
            may_wait()?;
        }
        server.next(timeout_us)?.give(transaction);
        Ok(())
    })
}
