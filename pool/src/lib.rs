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
//! | rayon's `join`, `spawn`, `broadcast` and scopes | their twins in [`rayon`] | `rayon` |
//! | a rayon `ThreadPool` | [`pool.traced(cx)`](rayon::TracedThreadPool::traced) | `rayon` |
//! | threads of the standard library | [`threads`] | |
//! | crossbeam's scoped threads | [`crossbeam`] | `crossbeam` |
//! | tokio's tasks, `spawn_blocking`, `JoinSet`, `LocalSet` | their twins in [`tokio`] | `tokio` |
//! | a future that is awaited in place | [`.in_span(span)`](heirloom_core::future::FutureExt::in_span) | `async` |
//! | any other pool that takes closures | [`carry()`], [`carry_in_span`] | |
//! | a closure or a future that nothing waits for, with a trace of its own | [`.background(name)`](Background::background) | futures: `async`, `tokio` |
//!
//! The page `docs/pools.md` of the repository has a row for every form, with the test that tries it.
//!
//! # Names
//!
//! Spans are named by [`impl Into<Name>`](heirloom_core::Name): a `&'static str`, a `String`, a `&String` or a `Cow<str>`. An
//! adapter copies a borrowed name once. Naming one span per item costs no allocation: a static name is looked up in a
//! cache, and another text is copied into the record.
//!
//! A `&str` that is not static needs [`Name::dynamic`](heirloom_core::Name::dynamic): without it the compiler says that the text
//! "must outlive `'static`".
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
