//! What a `rim_slave` handle refers to: one of the kinds of slave that there are, counted.

use std::sync::{Arc, Mutex, PoisonError};

use super::callback_slave::CallbackSlave;
use crate::bus::{Emulate, Hub, Slave, SlaveBase};
use crate::endpoint::TcpClient;
use crate::error::{Error, ErrorKind, Result};

/// A counted reference to a slave, whose kind is still known.
#[derive(Clone)]
pub(super) enum Target {
    Callback(Arc<CallbackSlave>),
    Hub(Arc<HubNode>),
    Emulate(Arc<Emulate>),
    Client(Arc<TcpClient>),
}

impl Target {
    /// The slave, as the bus takes it.
    pub(super) fn slave(&self) -> Arc<dyn Slave> {
        match self {
            Target::Callback(slave) => slave.clone(),
            Target::Hub(node) => node.hub.clone(),
            Target::Emulate(slave) => slave.clone(),
            Target::Client(slave) => slave.clone(),
        }
    }

    /// What every slave has of its own.
    pub(super) fn base(&self) -> &SlaveBase {
        match self {
            Target::Callback(slave) => slave.base(),
            Target::Hub(node) => node.hub.base(),
            Target::Emulate(slave) => slave.base(),
            Target::Client(slave) => slave.base(),
        }
    }
}

/// A hub and what it is connected to.
pub(super) struct HubNode {
    pub(super) hub: Arc<Hub>,
    /// What the hub's master side is connected to, kept to find circles: a transaction in one would
    /// never end.
    behind: Mutex<Option<Target>>,
}

/// Held while hubs are connected, so that two threads do not close a circle between them.
static CONNECTING: Mutex<()> = Mutex::new(());

impl HubNode {
    pub(super) fn new(hub: Hub) -> HubNode {
        HubNode {
            hub: Arc::new(hub),
            behind: Mutex::new(None),
        }
    }

    /// Connects the hub's master side to `target`, unless the way from there leads back to the hub.
    pub(super) fn connect(&self, target: &Target) -> Result<()> {
        let connecting = CONNECTING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Some(target.clone());
        while let Some(Target::Hub(node)) = next {
            if std::ptr::eq(&*node, self) {
                let text = "The slave leads back to the hub: a transaction would never end";
                return Err(Error::new(ErrorKind::InvalidArgument, text));
            }
            next = node.behind();
        }
        let old = {
            let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
            behind.replace(target.clone())
        };
        self.hub.master().set_slave(target.slave());
        drop(connecting);
        // Its last reference may go here, with a finalizer that may call anything: no lock is held.
        drop(old);
        Ok(())
    }

    fn behind(&self) -> Option<Target> {
        self.behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
