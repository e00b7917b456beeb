//! Heirloom's adapters: traced twins of the ways in which a program hands work to other threads.
//!
//! Every adapter takes the parent as a handle (`impl Into<Context>`: a `&Span` or a [`Context`]) and gives the job a
//! span of its own, which is current while the job runs. Whatever was current on that thread before is current again
//! afterwards, also after a panic and after a scope that was leaked. The threads, queues and pools stay the runtime's
//! own.
//!
//! # Which one do I use?
//!
//! | work goes to | use | feature |
//! |---|---|---|
//! | a rayon parallel iterator | [`.traced(cx)`](rayon::TracedParallel::traced) | `rayon` |
//! | `rayon::join`, `scope`, `spawn`, `ThreadPool::install` | their twins in [`rayon`] | `rayon` |
//! | threads of the standard library | [`threads`] | |
//! | crossbeam's scoped threads | [`crossbeam`] | `crossbeam` |
//! | tokio's tasks, `spawn_blocking`, `JoinSet`, `LocalSet` | their twins in [`tokio`] | `tokio` |
//! | a future that is awaited in place | [`.in_span(span)`](heirloom_core::future::FutureExt::in_span) | `async` |
//! | any other pool that takes closures | [`carry()`], [`carry_in_span`] | |
//! | a job that nobody waits for, with a trace of its own | [`.background(name)`](Background::background) | |
//!
//! # Names
//!
//! Spans are named by `impl Into<Cow<'static, str>>`: a `&'static str` or a `String`. Naming one span per item costs no
//! allocation with either; a static name is looked up in a cache and a `String`'s text is copied into the record.
//!
//! # Without the feature `record`
//!
//! Spans have no size and every adapter is the plain runtime's call: no clock read, no thread-local access, no branch
//! per item.

#![cfg_attr(test, allow(clippy::unwrap_used))]
#![cfg_attr(
    not(all(feature = "rayon", feature = "crossbeam", feature = "tokio")),
    allow(rustdoc::broken_intra_doc_links)
)]

pub mod background;
mod carry;
#[cfg(feature = "crossbeam")]
pub mod crossbeam;
pub mod prelude;
#[cfg(feature = "rayon")]
pub mod rayon;
pub mod threads;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use background::Background;
pub use carry::{carry, carry_in_span};
#[cfg(feature = "rayon")]
pub use rayon::{TracedParallel, TracedThreadPool};
#[cfg(feature = "tokio")]
pub use tokio::TracedTasks;

#[doc(no_inline)]
pub use heirloom_core::{Context, Span};
