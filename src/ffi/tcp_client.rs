//! `rim_tcp_client`: a slave at the far end of a connection. Its functions for single transactions
//! are in `tcp_client_request.rs`.

use std::ffi::c_char;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::args::{named, utf8, wait_time, Out};
use super::boundary::{call, call_void};
use super::foreign::may_wait;
use super::growing::Places;
use super::handle::Handle;
use super::slave::rim_slave;
use super::status::rim_status;
use super::target::Target;
use super::tcp_options::{rim_tcp_client_options, ClientSetup};
use crate::endpoint::{LinkState, TcpClient};
use crate::error::{Error, ErrorKind, Result};

/// State of a client's link: there has been no connection yet; the client tries to connect.
pub const RIM_LINK_CONNECTING: u32 = 1;
/// State of a client's link: there is a connection, as far as the client knows.
pub const RIM_LINK_CONNECTED: u32 = 2;
/// State of a client's link: the connection was lost; the client tries to connect again.
pub const RIM_LINK_LOST: u32 = 3;
/// State of a client's link: the client has been stopped and stays so.
pub const RIM_LINK_STOPPED: u32 = 4;

/// The client of the bridge. It carries out transactions at a server. They come from a master that
/// it is connected to as a slave (rim_tcp_client_as_slave), or from its own functions
/// rim_tcp_client_read, _write, _post, _verify and _request. It connects by itself, and reconnects
/// after a connection was lost. A transaction that is made meanwhile waits for the connection, for
/// at most its timeout.
pub struct rim_tcp_client {
    pub(super) client: Arc<TcpClient>,
    /// See `rim_tcp_client_options::timeout_us`. The lock is also held while the options are set or
    /// read, so that no thread sees half of a change.
    timeout: Mutex<Duration>,
}

impl Handle for rim_tcp_client {
    const NAME: &'static str = "client";

    fn check_home(&self) -> Result<()> {
        self.client.check_home()
    }
}

impl rim_tcp_client {
    /// The timeout of a call that was given this one: 0 is the client's own.
    pub(super) fn timeout_of(&self, timeout_us: u64) -> Duration {
        match timeout_us {
            0 => *self.lock_timeout(),
            _ => Duration::from_micros(timeout_us),
        }
    }

    fn lock_timeout(&self) -> MutexGuard<'_, Duration> {
        self.timeout.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a client of the server at address, on port and the port after it. It returns at once,
/// whether there is a server or not.
///
/// address is an IP address or host name without a port. A link-local address of IPv6 names its
/// interface: "fe80::1%eth0". options may be NULL for the defaults. The caller owns client.
/// RIM_STATUS_BAD_ADDRESS or RIM_STATUS_BAD_PORT if the address or port cannot be one.
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
        let setup = unsafe { ClientSetup::from_c(options) }?;
        // SAFETY: `client` is NULL or the caller's own.
        let client = unsafe { Out::new(client, "client") }?;
        let made = rim_tcp_client {
            client: Arc::new(TcpClient::new(address, port, setup.options)?),
            timeout: Mutex::new(setup.timeout),
        };
        made.give(client);
        Ok(())
    })
}

/// Frees a handle. When nothing is connected to the client as a slave any more, the client stops as
/// by rim_tcp_client_stop. It may be called in a completion callback. NULL does nothing.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_free(client: *mut rim_tcp_client) {
    // SAFETY: the caller's last use of the handle.
    call_void(|| drop(unsafe { rim_tcp_client::take(client) }))
}

/// Stops the client. Transactions under way fail at once with RIM_STATUS_STOPPED, and so does each
/// later one. It may be called again, on any thread.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_stop(client: *mut rim_tcp_client) -> rim_status {
    call(|| {
        // SAFETY: `client` is NULL or a live handle.
        unsafe { rim_tcp_client::borrow_anywhere(client) }?
            .client
            .stop();
        Ok(())
    })
}

/// Sets all options, while the client is at work; a member that is 0 has its default again. To
/// change one of them, start with rim_tcp_client_get_options. Limits and timeout_us apply from now
/// on; connect_timeout_us and keep_alive_us apply to connections made from now on.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_set_options(
    client: *mut rim_tcp_client,
    options: *const rim_tcp_client_options,
) -> rim_status {
    call(|| {
        // SAFETY: `client` is NULL or a live handle.
        let client = unsafe { rim_tcp_client::borrow(client) }?;
        if options.is_null() {
            return Err(named("options"));
        }
        // SAFETY: not NULL, and a struct that begins with its own size.
        let setup = unsafe { ClientSetup::from_c(options) }?;
        let mut timeout = client.lock_timeout();
        *timeout = setup.timeout;
        client.client.set_options(&setup.options);
        Ok(())
    })
}

/// Gives the present options. struct_size is sizeof(rim_tcp_client_options).
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_get_options(
    client: *const rim_tcp_client,
    options: *mut rim_tcp_client_options,
    struct_size: usize,
) -> rim_status {
    call(|| {
        // SAFETY: `client` is NULL or a live handle.
        let client = unsafe { rim_tcp_client::borrow(client) }?;
        // SAFETY: `options` is NULL or the caller has `struct_size` bytes there.
        let place = unsafe { Places::one(options, struct_size, "options") }?;
        let timeout = client.lock_timeout();
        let setup = ClientSetup {
            options: client.client.options(),
            timeout: *timeout,
        };
        place.set([setup.to_c()]);
        Ok(())
    })
}

/// Gives the client as a slave, to connect a master, hub or server to. The caller owns slave and
/// frees it with rim_slave_free.
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
        rim_slave(Target::Client(Arc::clone(&client.client))).give(slave);
        Ok(())
    })
}

/// Waits until the server answers, for at most timeout_us, and asks it every period_us. It need not
/// be called: transactions wait for the connection by themselves. Servers of Rogue before 6.8.5 do
/// not know the question.
///
/// RIM_STATUS_TIMEOUT, with the last reason, if the server has not answered. RIM_STATUS_STOPPED if
/// the client is stopped. RIM_STATUS_INVALID_ARGUMENT if period_us is above timeout_us. A period_us
/// below 1000 counts as 1000. RIM_STATUS_BUSY in a completion callback.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_wait_ready(
    client: *mut rim_tcp_client,
    timeout_us: u64,
    period_us: u64,
) -> rim_status {
    call(|| {
        // SAFETY: `client` is NULL or a live handle.
        let client = unsafe { rim_tcp_client::borrow(client) }?;
        if period_us > timeout_us {
            let text =
                format!("A period of {period_us} us is longer than the timeout, {timeout_us} us");
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        may_wait()?;
        let timeout = Duration::from_micros(timeout_us);
        let period = Duration::from_micros(period_us);
        client.client.wait_ready(timeout, period)
    })
}

/// Gives the state of the client's link: RIM_LINK_CONNECTING, RIM_LINK_CONNECTED, RIM_LINK_LOST or
/// RIM_LINK_STOPPED.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_link_state(
    client: *const rim_tcp_client,
    state: *mut u32,
) -> rim_status {
    call(|| {
        // SAFETY: `client` is NULL or a live handle.
        let client = unsafe { rim_tcp_client::borrow(client) }?;
        // SAFETY: `state` is NULL or the caller's own.
        let state = unsafe { Out::new(state, "state") }?;
        state.set(match client.client.link_state() {
            LinkState::Connecting => RIM_LINK_CONNECTING,
            LinkState::Connected => RIM_LINK_CONNECTED,
            LinkState::Lost => RIM_LINK_LOST,
            LinkState::Stopped => RIM_LINK_STOPPED,
        });
        Ok(())
    })
}

/// Waits until the client's link is in a state such as RIM_LINK_CONNECTED, for at most timeout_us;
/// 0 only looks, RIM_FOREVER_US waits without limit. A state that lasts only a moment may be
/// missed.
///
/// RIM_STATUS_TIMEOUT if the link did not reach the state; the text has its present state and the
/// reason. RIM_STATUS_STOPPED if the client is stopped and another state was waited for.
/// RIM_STATUS_BUSY in a completion callback.
#[no_mangle]
pub unsafe extern "C" fn rim_tcp_client_wait_link(
    client: *mut rim_tcp_client,
    state: u32,
    timeout_us: u64,
) -> rim_status {
    call(|| {
        // SAFETY: `client` is NULL or a live handle.
        let client = unsafe { rim_tcp_client::borrow(client) }?;
        let wanted = match state {
            RIM_LINK_CONNECTING => LinkState::Connecting,
            RIM_LINK_CONNECTED => LinkState::Connected,
            RIM_LINK_LOST => LinkState::Lost,
            RIM_LINK_STOPPED => LinkState::Stopped,
            _ => {
                let text = format!("{state} is not a state of a link");
                return Err(Error::new(ErrorKind::InvalidArgument, text));
            }
        };
        may_wait()?;
        client.client.wait_link(wanted, wait_time(timeout_us))
    })
}
