//! `rim_tcp_client`: a slave at the far end of a connection. Its own calls for single accesses are
//! in `tcp_client_request.rs`.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use super::args::{utf8, Out};
use super::boundary::{call, call_void};
use super::foreign::may_wait;
use super::handle::Handle;
use super::slave::rim_slave;
use super::status::rim_status;
use super::target::Target;
use super::tcp_options::{self, rim_tcp_client_options};
use crate::endpoint::TcpClient;

/// The client of the bridge: it carries out transactions at a server. It takes them from a master
/// that it is connected to as a slave (rim_tcp_client_as_slave), and from its own functions
/// rim_tcp_client_read, _write, _post, _verify and _request. It connects by itself, and again after
/// the connection was lost; a transaction given before waits for the connection, as long as its
/// timeout.
pub struct rim_tcp_client(pub(super) Arc<TcpClient>);

impl Handle for rim_tcp_client {
    const NAME: &'static str = "client";
}

/// Makes a client of the server at address, an IP address or host name, on port and the port after
/// it. Returns at once, whether there is a server or not. options may be NULL for the defaults.
/// RIM_STATUS_BAD_ADDRESS or RIM_STATUS_BAD_PORT if there cannot be one.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_new(
    address: *const c_char,
    port: u16,
    options: *const rim_tcp_client_options,
    client: *mut *mut rim_tcp_client,
) -> rim_status {
    call(|| {
        crate::log::init();
        // SAFETY: `address` is NULL or a string that the caller leaves alone during this call.
        let address = unsafe { utf8(address, "address") }?;
        // SAFETY: `options` is NULL or a struct that begins with its own size.
        let options = unsafe { tcp_options::client(options) }?;
        // SAFETY: `client` is NULL or the caller's own.
        let client = unsafe { Out::new(client, "client") }?;
        rim_tcp_client(Arc::new(TcpClient::new(address, port, options)?)).give(client);
        Ok(())
    })
}

/// Frees a handle. When nothing is connected to the client as a slave any more, it stops as
/// rim_tcp_client_stop says. It may be called in a completion callback. NULL does nothing.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_free(client: *mut rim_tcp_client) {
    // SAFETY: the caller's last use of the handle.
    call_void(|| drop(unsafe { rim_tcp_client::take(client) }))
}

/// Stops the client: transactions that are under way fail at once with RIM_STATUS_STOPPED, and so
/// does each that comes afterwards. May be called again, and by any thread.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_stop(client: *mut rim_tcp_client) -> rim_status {
    call(|| {
        // SAFETY: `client` is NULL or a live handle.
        unsafe { rim_tcp_client::borrow(client) }?.0.stop();
        Ok(())
    })
}

/// Gives a reference to the client as a slave, for a master, hub or server to be connected to. It
/// is freed with rim_slave_free.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_as_slave(
    client: *const rim_tcp_client,
    slave: *mut *mut rim_slave,
) -> rim_status {
    call(|| {
        // SAFETY: `client` is NULL or a live handle.
        let client = unsafe { rim_tcp_client::borrow(client) }?;
        // SAFETY: `slave` is NULL or the caller's own.
        let slave = unsafe { Out::new(slave, "slave") }?;
        rim_slave(Target::Client(Arc::clone(&client.0))).give(slave);
        Ok(())
    })
}

/// Waits until the server answers, asking it every period_us, for at most timeout_us: RIM_STATUS_OK
/// when it has answered, RIM_STATUS_TIMEOUT, with the last reason, if it has not, RIM_STATUS_STOPPED
/// when the client is stopped. Servers of Rogue before 6.8.5 do not
/// know the question. It need not be called: transactions wait for the connection by themselves.
/// RIM_STATUS_BUSY in a completion callback.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_wait_ready(
    client: *mut rim_tcp_client,
    timeout_us: u64,
    period_us: u64,
) -> rim_status {
    call(|| {
        // SAFETY: `client` is NULL or a live handle.
        let client = unsafe { rim_tcp_client::borrow(client) }?;
        may_wait()?;
        let (timeout, period) = (
            Duration::from_micros(timeout_us),
            Duration::from_micros(period_us),
        );
        client.0.wait_ready(timeout, period)
    })
}
