//! The options of a running endpoint. Any thread may read or change them. A changed limit or
//! `timeout` applies from then on, any other changed time to connections made from then on.
//!
//! Each option is an atomic of its own, since every transaction reads about nine of them. A
//! snapshot in an `arc_swap::ArcSwap` would cost 17 ns and 62 instructions for each read, where an
//! atomic load costs one instruction: together 7 % of the instructions of a 4-byte read.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::options::{ClientOptions, ServerOptions};
use crate::sync::{Number, Switch, Time};

/// See [`ServerOptions`].
#[derive(Debug)]
pub(super) struct ServerSettings {
    /// Held while options are changed, so that no change is lost.
    changing: Mutex<()>,
    pub(super) max_transaction: Number,
    /// Never 0.
    pub(super) max_outstanding: Number,
    pub(super) max_connections: Number,
    /// As it was set: 0 means half of `max_connections`.
    pub(super) max_clients_per_address: Number,
    pub(super) max_queued: Number,
    pub(super) max_queued_total: Number,
    pub(super) handshake_timeout: Time,
    pub(super) keep_alive: Time,
    /// `Duration::MAX` if there is no limit.
    pub(super) timeout: Time,
    pub(super) drop_after_close: Switch,
}

impl ServerSettings {
    pub(super) fn new(options: &ServerOptions) -> ServerSettings {
        let settings = ServerSettings {
            changing: Mutex::default(),
            max_transaction: Number::new(0),
            max_outstanding: Number::new(0),
            max_connections: Number::new(0),
            max_clients_per_address: Number::new(0),
            max_queued: Number::new(0),
            max_queued_total: Number::new(0),
            handshake_timeout: Time::new(Duration::ZERO),
            keep_alive: Time::new(Duration::ZERO),
            timeout: Time::new(Duration::ZERO),
            drop_after_close: Switch::new(false),
        };
        settings.store(options);
        settings
    }

    /// Changes some options. No change that another thread makes meanwhile is lost.
    pub(super) fn update(&self, change: impl FnOnce(&mut ServerOptions)) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut options = self.get();
        change(&mut options);
        self.store(&options);
    }

    fn store(&self, options: &ServerOptions) {
        self.max_transaction.set(options.max_transaction as usize);
        self.max_outstanding.set(options.max_outstanding.max(1));
        self.max_connections.set(options.max_connections);
        self.max_clients_per_address
            .set(options.max_clients_per_address);
        self.max_queued.set(options.max_queued);
        self.max_queued_total.set(options.max_queued_total);
        self.handshake_timeout.set(options.handshake_timeout);
        self.keep_alive.set(options.keep_alive);
        self.timeout.set(options.timeout.unwrap_or(Duration::MAX));
        self.drop_after_close.set(options.drop_after_close);
    }

    pub(super) fn get(&self) -> ServerOptions {
        ServerOptions {
            max_transaction: self.max_transaction(),
            max_outstanding: self.max_outstanding.get(),
            max_connections: self.max_connections.get(),
            max_clients_per_address: self.max_clients_per_address.get(),
            max_queued: self.max_queued.get(),
            max_queued_total: self.max_queued_total.get(),
            handshake_timeout: self.handshake_timeout.get(),
            keep_alive: self.keep_alive.get(),
            timeout: Some(self.timeout.get()).filter(|timeout| *timeout < Duration::MAX),
            drop_after_close: self.drop_after_close.is_on(),
        }
    }

    pub(super) fn max_transaction(&self) -> u32 {
        u32::try_from(self.max_transaction.get()).unwrap_or(u32::MAX)
    }
}

/// See [`ClientOptions`].
#[derive(Debug)]
pub(super) struct ClientSettings {
    /// Held while options are changed, so that no change is lost.
    changing: Mutex<()>,
    pub(super) timeout: Time,
    /// Never 0.
    pub(super) max_outstanding: Number,
    pub(super) max_queued: Number,
    pub(super) connect_timeout: Time,
    pub(super) keep_alive: Time,
    pub(super) close_on_timeout: Switch,
}

impl ClientSettings {
    pub(super) fn new(options: &ClientOptions) -> ClientSettings {
        let settings = ClientSettings {
            changing: Mutex::default(),
            timeout: Time::new(Duration::ZERO),
            max_outstanding: Number::new(0),
            max_queued: Number::new(0),
            connect_timeout: Time::new(Duration::ZERO),
            keep_alive: Time::new(Duration::ZERO),
            close_on_timeout: Switch::new(false),
        };
        settings.store(options);
        settings
    }

    /// Changes some options. No change that another thread makes meanwhile is lost.
    pub(super) fn update(&self, change: impl FnOnce(&mut ClientOptions)) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut options = self.get();
        change(&mut options);
        self.store(&options);
    }

    fn store(&self, options: &ClientOptions) {
        self.timeout.set(options.timeout);
        self.max_outstanding.set(options.max_outstanding.max(1));
        self.max_queued.set(options.max_queued);
        self.connect_timeout.set(options.connect_timeout);
        self.keep_alive.set(options.keep_alive);
        self.close_on_timeout.set(options.close_on_timeout);
    }

    pub(super) fn get(&self) -> ClientOptions {
        ClientOptions {
            timeout: self.timeout.get(),
            max_outstanding: self.max_outstanding.get(),
            max_queued: self.max_queued.get(),
            connect_timeout: self.connect_timeout.get(),
            keep_alive: self.keep_alive.get(),
            close_on_timeout: self.close_on_timeout.is_on(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_returned_as_they_were_set() {
        let options = ServerOptions {
            max_transaction: 5,
            max_outstanding: 6,
            max_connections: 7,
            max_clients_per_address: 10,
            max_queued: 8,
            max_queued_total: 9,
            handshake_timeout: Duration::from_secs(1),
            keep_alive: Duration::from_secs(2),
            timeout: Some(Duration::from_secs(3)),
            drop_after_close: true,
        };
        let settings = ServerSettings::new(&ServerOptions::default());
        assert_eq!(settings.get(), ServerOptions::default());
        settings.update(|now| *now = options.clone());
        assert_eq!(settings.get(), options);
        let options = ClientOptions {
            timeout: Duration::from_secs(5),
            max_outstanding: 1,
            max_queued: 2,
            connect_timeout: Duration::from_secs(3),
            keep_alive: Duration::from_secs(4),
            close_on_timeout: true,
        };
        let settings = ClientSettings::new(&ClientOptions::default());
        assert_eq!(settings.get(), ClientOptions::default());
        settings.update(|now| *now = options.clone());
        assert_eq!(settings.get(), options);
    }
}
