//! Client and server of the bridge over loopback, through the crate's public interface.

#[path = "bridge/common.rs"]
mod common;
#[path = "bridge/forwarder.rs"]
mod forwarder;
#[path = "bridge/legacy.rs"]
mod legacy;

#[path = "bridge/basic.rs"]
mod basic;
#[path = "bridge/batches.rs"]
mod batches;
#[path = "bridge/bounds.rs"]
mod bounds;
#[path = "bridge/clients.rs"]
mod clients;
#[path = "bridge/crowds.rs"]
mod crowds;
#[path = "bridge/expected.rs"]
mod expected;
#[path = "bridge/fair.rs"]
mod fair;
#[path = "bridge/figures.rs"]
mod figures;
#[path = "bridge/halves.rs"]
mod halves;
#[path = "bridge/hostile.rs"]
mod hostile;
#[path = "bridge/large.rs"]
mod large;
#[path = "bridge/links.rs"]
mod links;
#[path = "bridge/only.rs"]
mod only;
#[path = "bridge/pulse.rs"]
mod pulse;
#[path = "bridge/raw.rs"]
mod raw;
#[path = "bridge/slaves.rs"]
mod slaves;
#[path = "bridge/slow.rs"]
mod slow;
#[path = "bridge/strangers.rs"]
mod strangers;
#[path = "bridge/waiting.rs"]
mod waiting;
#[path = "bridge/ways.rs"]
mod ways;
