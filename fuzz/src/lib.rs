//! What the fuzz targets have in common: how an input is read (`input`), what a decoder makes of it
//! (`seen`), what it should make of it (`reference`), how much memory that takes (`heap`), and a peer
//! that holds every byte it gets against the protocol (`peer`). The claims are in `fuzz_targets`.

pub mod heap;
pub mod input;
pub mod peer;
pub mod reference;
pub mod seen;
