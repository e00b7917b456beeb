//! Heirloom's adapters: traced forms of the functions by which a program passes work to other threads.
//!
//! Every adapter takes the parent as a handle (`impl Into<Context>`: a `&Span` or a [`Context`]). It records a span for the job,
//! whose context is current while the job runs. Afterwards the thread has the context that was current before, even after a panic
//! and after a leaked scope. The threads, queues and pools remain those of the runtime.
//!
//! # Which adapter to use
//!
//! | work goes to | use | feature |
//! |---|---|---|
//! | a rayon parallel iterator | [`.traced(cx)`](rayon::TracedParallel::traced) | `rayon` |
//! | rayon's `join`, `spawn`, `broadcast` and scopes | the functions of the same names in [`rayon`] | `rayon` |
//! | a rayon `ThreadPool` | [`pool.traced(cx)`](rayon::TracedThreadPool::traced) | `rayon` |
//! | threads of the standard library | [`threads`] | |
//! | crossbeam's scoped threads | [`crossbeam`] | `crossbeam` |
//! | tokio's tasks, `spawn_blocking`, `JoinSet`, `LocalSet`, `LocalRuntime` | the functions of the same names in [`tokio`] | `tokio` |
//! | a thread that is blocked on a future | [`runtime.traced(cx).block_on(..)`](tokio::TracedTasks::traced), or [`block_on`] with any executor | `tokio`, `async` |
//! | a future that is awaited in place | [`.in_span(span)`](heirloom_core::future::FutureExt::in_span) | `async` |
//! | locks and channels, so that a trace shows who waited for whom | [`sync`] | `sync` |
//! | any other pool that takes closures | [`carry()`], [`carry_in_span`] | |
//! | a closure or a future that nothing waits for, in a new trace | [`.background(name)`](Background::background) | futures: `async`, `tokio` |
//!
//! The page `docs/pools.md` of the repository has a row for every form, with its test.
//!
//! # Names
//!
//! Spans are named by [`impl Into<Name>`](heirloom_core::Name): a `&'static str`, a `String`, a `&String` or a `Cow<str>`. An
//! adapter copies a borrowed name once. Naming one span per item costs no allocation: a static name is looked up in a
//! cache, and another text is copied into the record.
//!
//! A `&str` that is not static needs [`Name::dynamic`](heirloom_core::Name::dynamic): without it the compiler reports that the text
//! "must outlive `'static`".
//!
//! # Without the feature `record`
//!
//! Spans have no size and every adapter is the plain runtime's call: no clock read, no thread-local access, no branch
//! per item.

// A print panics if it can't write, and blocks: messages go to `heirloom_core::diagnostics`.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![cfg_attr(
    not(all(feature = "rayon", feature = "crossbeam", feature = "sync", feature = "tokio")),
    allow(rustdoc::broken_intra_doc_links)
)]

pub mod background;
#[cfg(feature = "async")]
mod blocking;
mod carry;
#[cfg(feature = "crossbeam")]
pub mod crossbeam;
mod fan;
mod join;
pub mod prelude;
#[cfg(feature = "rayon")]
pub mod rayon;
#[cfg(feature = "sync")]
pub mod sync;
pub mod threads;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use background::Background;
#[cfg(feature = "async")]
pub use blocking::block_on;
pub use carry::{carry, carry_in_span};
#[cfg(feature = "rayon")]
pub use rayon::{TracedParallel, TracedThreadPool};
#[cfg(feature = "tokio")]
pub use tokio::TracedTasks;

#[doc(no_inline)]
pub use heirloom_core::{Context, Span};
