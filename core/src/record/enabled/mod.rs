//! The recording API. `disabled.rs` has the same API with empty bodies.

mod any_shard;
mod arrived;
mod attribute;
mod begin;
#[cfg(feature = "capture")]
mod captured;
mod end;
mod event;
mod handle;
pub(crate) mod mark;
#[cfg(feature = "async")]
mod polled;
mod probability;
mod scope;
mod span;
mod status;
mod trace_value;
mod update;

#[cfg(feature = "capture")]
pub(crate) use captured::{capture_into, denies, set_captured, why_not_captured, CaptureInto};
pub use handle::Span;
#[cfg(feature = "async")]
pub(crate) use polled::Polled;
#[cfg(feature = "macros")]
pub(crate) use scope::current;
pub use scope::Entered;
pub use span::{in_root, in_span, root, span, SpanBuilder};
pub(crate) use trace_value::{set as set_trace_value, updatable};
pub use update::Update;
