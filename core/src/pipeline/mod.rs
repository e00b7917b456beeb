//! What the threads of a tracer share: recording threads on their slow path, the collector, the exporters' threads, and
//! everybody who flushes. Recording (`record`, `thread`) and collecting (`collector`) meet here and nowhere else.
//!
//! | file | what it does |
//! |---|---|
//! | `shared.rs` | one tracer: who may touch which of its fields |
//! | `table.rs` | from the number in a context to the tracer; which one is global |
//! | `tracestates.rs` | from the number in a context to its tracestate |
//! | `wake.rs` | wakes the collector |
//! | `control.rs` | what others ask of the collector |
//! | `counts.rs` | what the collector counts |
//! | `queue.rs` | the queue and the thread of one exporter |
//! | `barrier.rs` | waits for several exporters, with a deadline |
//! | `ledger.rs` | the account of every span |
//! | `open_span.rs` | a span that has not ended |

mod barrier;
mod control;
mod counts;
mod ledger;
mod open_span;
mod queue;
mod shared;
mod table;
mod tracestates;
mod wake;

pub(crate) use barrier::{Barrier, Done};
pub(crate) use control::Request;
pub(crate) use counts::{Assembled, Foreign, Published};
pub(crate) use queue::{Queue, QueueSettings};
pub(crate) use shared::Shared;
pub(crate) use table::{add, find, global, global_key, remove, set_global};
pub(crate) use wake::Collector;

pub use ledger::{Dropped, ExporterLedger, Ledger, Transparent};
pub use open_span::OpenSpan;
