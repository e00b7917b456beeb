//! The collector: the one thread of a tracer that reads every shard and assembles spans.
//!
//! | file | what it does |
//! |---|---|
//! | `worker.rs` | the thread: its schedule, its requests, its end |
//! | `drain.rs` | one pass over all shards |
//! | `regions/` | the shards of child processes, and the end of a region |
//! | `border.rs` | validates the records of other processes |
//! | `assemble/` | pairs ends with begins, and decides when a span is finished |
//! | `extras/` | the data that was set on an open span: attributes, events, links, status |
//! | `stack.rs` | how the spans of a shard nest |
//! | `sample.rs` | CPU times of lanes and processes |
//! | `keys.rs` | the names of the process |
//! | `lanes.rs` | the process and thread of a shard's records |
//! | `by_hand.rs` | passes without the thread, for the fuzz targets |

mod assemble;
mod border;
#[cfg(all(target_os = "linux", not(loom)))]
mod by_hand;
mod drain;
mod extras;
mod keys;
mod lanes;
#[cfg(all(test, loom))]
mod modelled;
mod regions;
mod sample;
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
