//! `rim_tcp_server`: takes transactions from the network, and either gives them to a slave on a
//! thread of the library's, or is polled by the program.

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

/// The server of the bridge. It listens on two consecutive ports, and carries out what clients ask
/// for in one of two ways: at a slave that it is connected to (rim_tcp_server_set_slave), on a
/// thread of its own; or by the program, which pulls one transaction after the other
/// (rim_tcp_server_next). As long as it has no slave and nobody pulls, clients wait.
pub struct rim_tcp_server {
    pub(super) server: Arc<TcpServer>,
    slave: Arc<Mutex<Option<Arc<dyn Slave>>>>,
    /// Held too while the options are set or told, so that nobody sees half of them changed.
    access: Mutex<AccessSizes>,
    mode: Mutex<Mode>,
    home: Home,
}

/// Who takes the server's transactions.
enum Mode {
    /// The program: so many of its calls are under way.
    Polled(usize),
    /// A thread, for a slave.
    Served(ServerThread),
    /// Nobody any more.
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
            Mode::Polled(0) => {
                self.replace_slave(slave);
                let current = Arc::clone(&self.slave);
                let slave = move || lock(&current).clone().unwrap_or_else(unconnected);
                *mode = Mode::Served(serve(Arc::clone(&self.server), slave)?);
            }
            Mode::Polled(_) => {
                let text = "A thread is inside rim_tcp_server_next: the server cannot have a slave";
                return Err(Error::new(ErrorKind::Busy, text));
            }
            Mode::Served(_) => {
                drop(mode);
                self.replace_slave(slave);
            }
            Mode::Stopped => {
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
        // Its last reference may go here, with a finalizer that may call anything: not under the
        // lock.
        drop(old);
    }

    fn next(&self, timeout_us: u64) -> Result<rim_transaction> {
        {
            let mut mode = self.mode();
            match &mut *mode {
                Mode::Polled(calls) => *calls += 1,
                Mode::Served(_) => {
                    let text = "The server has a slave: it cannot be polled";
                    return Err(Error::new(ErrorKind::Busy, text));
                }
                Mode::Stopped => {}
            }
        }
        let result = self.pull(timeout_us);
        if let Mode::Polled(calls) = &mut *self.mode() {
            *calls = calls.saturating_sub(1);
        }
        result
    }

    fn pull(&self, timeout_us: u64) -> Result<rim_transaction> {
        let timeout = wait_time(timeout_us);
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut left = end.and(timeout);
        loop {
            let Some(transaction) = self.server.next(left)? else {
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
        let old = std::mem::replace(&mut *self.mode(), Mode::Stopped);
        // Not under the lock: the slave may be inside a call that takes it.
        if let Mode::Served(mut thread) = old {
            thread.join();
        }
    }

    fn mode(&self) -> MutexGuard<'_, Mode> {
        lock(&self.mode)
    }
}

impl Drop for rim_tcp_server {
    fn drop(&mut self) {
        if !self.home.is_here() {
            // Its thread is not there to be let go of.
            std::mem::forget(std::mem::replace(&mut self.mode, Mutex::new(Mode::Stopped)));
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
/// interface means all its addresses, link-local ones of IPv6 if there are no others. A port of 0 takes any free pair; rim_tcp_server_port tells which. options may be
/// NULL for the defaults. RIM_STATUS_BIND if a port cannot be had, which the text names;
/// RIM_STATUS_BAD_ADDRESS or RIM_STATUS_BAD_PORT if there is no such address or port.
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
            mode: Mutex::new(Mode::Polled(0)),
            home: Home::here(),
        };
        made.give(server);
        Ok(())
    })
}

/// Stops a server as rim_tcp_server_stop does, and frees it. It may be called by the server's own
/// callback. No thread may be inside rim_tcp_server_next: stop the server first. NULL does nothing.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_free(server: *mut rim_tcp_server) {
    // SAFETY: the caller's last use of the handle.
    call_void(|| drop(unsafe { rim_tcp_server::take(server) }))
}

/// Stops the server: no more transactions come, all connections are closed, and the ports are free.
/// A thread inside rim_tcp_server_next returns at once. A callback that is at work gets 150 ms to
/// return; if it takes longer, its thread is left to it. May be called again, and by any thread.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_server_stop(server: *mut rim_tcp_server) -> rim_status {
    call(|| {
        // SAFETY: `server` is NULL or a live handle.
        unsafe { rim_tcp_server::borrow_anywhere(server) }?.stop();
        Ok(())
    })
}

/// Sets all options anew, while the server is at work; a member that is 0 has its default again. To
/// change one, get them first with rim_tcp_server_get_options. Limits hold from now on, also for
/// those transactions that wait for their turn; handshake_timeout_us, keep_alive_us and
/// max_transaction hold for connections that come from now on, timeout_us for transactions that come
/// to the slave from now on.
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

/// Gives the options as they are now. struct_size is sizeof(rim_tcp_server_options), as the program
/// knows it.
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

/// Sets the time that the slave, or the program that pulls, has for each transaction from now on,
/// in microseconds; afterwards the transaction expires and its client gets an error. It is
/// 3600000000, an hour, at the start. 0 changes nothing; RIM_FOREVER_US sets no limit. The limit is
/// kept while the server is pulled from; the client has its own timeout in any case. A read of a
/// client that has gone expires at once.
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

/// Connects the server to a slave, instead of the one before. From the first call on, a thread
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

/// Pulls the next transaction, for a program that carries them out itself, on its own thread. The
/// server's work with the network is done inside this call, so call it again and again.
///
/// Waits for at most timeout_us; 0 does what can be done without waiting, RIM_FOREVER_US waits
/// until one comes. RIM_STATUS_TIMEOUT if none came in that time, RIM_STATUS_STOPPED after
/// rim_tcp_server_stop, RIM_STATUS_BUSY if the server has a slave or another thread is inside this
/// call. The transaction is the caller's to complete, at once or later, on any thread, and then to
/// free; up to max_outstanding (see rim_tcp_server_options) may be in its hands at a time.
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
