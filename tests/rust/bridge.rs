//! Client and server of the bridge over loopback, through the crate's public interface.

#[path = "bridge/common.rs"]
mod common;
#[path = "bridge/legacy.rs"]
mod legacy;

#[path = "bridge/basic.rs"]
mod basic;
#[path = "bridge/clients.rs"]
mod clients;
#[path = "bridge/hostile.rs"]
mod hostile;
#[path = "bridge/links.rs"]
mod links;
#[path = "bridge/raw.rs"]
mod raw;
#[path = "bridge/slaves.rs"]
mod slaves;
#[path = "bridge/waiting.rs"]
mod waiting;
