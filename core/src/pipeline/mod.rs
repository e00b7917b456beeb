//! The state that a tracer's threads share: recording threads on their slow path, the collector, the exporters' threads,
//! and threads that flush. Recording (`record`, `thread`) and collecting (`collector`) meet only here.
//!
//! | file | what it does |
//! |---|---|
//! | `shared.rs` | one tracer, and which threads may access which of its fields |
//! | `table.rs` | finds a tracer by the number in a context; the global tracer |
//! | `wake.rs` | wakes the collector |
//! | `waiting.rs` | how long threads wait for the collector, and the waits so far |
//! | `complete.rs` | the mode in which everything waits, and its end |
//! | `control.rs` | requests to the collector |
//! | `counts.rs` | the collector's counts |
//! | `queue.rs` | the queue and the thread of one exporter |
//! | `admission/` | which spans a queue takes |
//! | `flushes.rs` | the flushes that wait for one exporter |
//! | `lost.rs` | the spans that one exporter lost |
//! | `losses.rs` | what was lost before the exporters |
//! | `barrier.rs` | waits for several exporters, with a deadline |
//! | `by_context.rs` | whether a span's end must wait for records that refer to it by its context |
//! | `ledger.rs` | the counts that account for every span |
//! | `open_span.rs` | a span that has not ended |

mod admission;
mod barrier;
pub(crate) mod by_context;
mod complete;
mod control;
mod counts;
mod flushes;
mod ledger;
mod losses;
mod lost;
mod open_span;
mod queue;
mod shared;
mod table;
mod waiting;
mod wake;

pub(crate) use admission::Question;
pub(crate) use barrier::{Barrier, Done};
pub(crate) use complete::Complete;
pub(crate) use control::{Answer, Request};
pub(crate) use counts::{Assembled, ChildCounts, Published};
pub(crate) use losses::LossReports;
pub(crate) use lost::How;
pub(crate) use open_span::OpenSpans;
pub(crate) use queue::{Queue, QueueSettings};
pub(crate) use shared::{Outputs, Shared};
pub(crate) use table::{add, after_fork, find, global, global_key, is_foreign, remove, set_global};
pub(crate) use wake::Collector;

pub use ledger::{Dropped, ExporterLedger, ImplicitRoot, Ledger, Transparent, Waits};
pub use open_span::OpenSpan;
