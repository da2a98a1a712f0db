//! What a `rim_slave` handle refers to: a slave of one of four kinds.

use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::callback_slave::CallbackSlave;
use crate::bus::{Emulate, Hub, Slave, SlaveBase};
use crate::endpoint::TcpClient;
use crate::error::{Error, ErrorKind, Result};
use crate::process::Home;

/// A counted reference to a slave, with its kind.
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

    /// The slave's number, name and access sizes.
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
    /// What the hub's master side is connected to. It is kept to find circles, in which a
    /// transaction would never end.
    behind: Mutex<Option<Target>>,
}

impl HubNode {
    pub(super) fn new(hub: Hub) -> HubNode {
        HubNode {
            hub: Arc::new(hub),
            behind: Mutex::new(None),
        }
    }

    /// Connects the hub's master side to `target`, unless `target` leads back to the hub.
    pub(super) fn connect(&self, target: &Target) -> Result<()> {
        let connecting = lock(Connecting::here());
        let mut next = Some(target.clone());
        while let Some(Target::Hub(node)) = next {
            if std::ptr::eq(&*node, self) {
                let text = "The slave leads back to the hub: a transaction would never end";
                return Err(Error::new(ErrorKind::InvalidArgument, text));
            }
            next = lock(&node.behind).clone();
        }
        let old = lock(&self.behind).replace(target.clone());
        self.hub.master().set_slave(target.slave());
        drop(connecting);
        // This may be the last reference, whose finalizer may call anything: no lock is held.
        drop(old);
        Ok(())
    }
}

/// The lock that a process holds while it connects hubs, so that two threads do not close a circle
/// between them.
struct Connecting {
    home: Home,
    lock: Mutex<()>,
}

impl Connecting {
    /// The lock of the calling process. A child that was forked off gets a lock of its own: a
    /// thread of the parent may have held the parent's at the fork, and it is never unlocked in the
    /// child. The parent's is not freed there: 16 bytes for each generation of processes.
    fn here() -> &'static Mutex<()> {
        static CURRENT: AtomicPtr<Connecting> = AtomicPtr::new(std::ptr::null_mut());
        let mut current = CURRENT.load(Ordering::Acquire);
        loop {
            // SAFETY: NULL, or made below, and never freed after it has been stored.
            if let Some(known) = unsafe { current.as_ref() } {
                if known.home.is_here() {
                    return &known.lock;
                }
            }
            let new = Box::into_raw(Box::new(Connecting {
                home: Home::here(),
                lock: Mutex::new(()),
            }));
            let stored =
                CURRENT.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire);
            current = match stored {
                Ok(_) => new,
                Err(other) => {
                    // SAFETY: made above, and no other thread has seen it.
                    drop(unsafe { Box::from_raw(new) });
                    other
                }
            };
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
