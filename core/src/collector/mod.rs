//! The collector: the one thread of a tracer that reads every shard and assembles spans.
//!
//! | file | what it does |
//! |---|---|
//! | `worker.rs` | the thread: when it looks, what it is asked, how it stops |
//! | `drain.rs` | one pass over all shards |
//! | `regions/` | the shards of child processes, and the end of a dead one |
//! | `border.rs` | what another process wrote is checked there |
//! | `assemble/` | pairs ends with begins, and decides when a span is finished |
//! | `extras/` | what was set on an open span: attributes, events, links, status |
//! | `stack.rs` | which spans of a shard are nested in which |
//! | `decode.rs` | reads the fields of a record |
//! | `lanes.rs` | which process and thread a shard's records are of |
//! | `by_hand.rs` | passes without the thread, for the fuzz targets |

mod assemble;
mod border;
#[cfg(all(target_os = "linux", not(loom)))]
mod by_hand;
mod decode;
mod drain;
mod extras;
mod lanes;
#[cfg(all(test, loom))]
mod modelled;
mod regions;
mod stack;
#[cfg(all(test, not(loom)))]
mod tests;
mod worker;

pub(crate) use border::reserve_name;
#[cfg(all(target_os = "linux", not(loom)))]
pub(crate) use by_hand::ByHand;
#[cfg(all(test, loom))]
pub(crate) use modelled::Passes;
pub(crate) use worker::start;
