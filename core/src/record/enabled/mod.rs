//! The recording API. Its twin with empty bodies is `disabled.rs`.

mod attribute;
mod begin;
#[cfg(feature = "capture")]
mod captured;
mod end;
mod event;
mod scope;
mod span;

#[cfg(feature = "capture")]
pub(crate) use captured::{capture_into, set_captured, CaptureInto};
pub use scope::Entered;
pub use span::{in_root, in_span, root, span, Span, SpanBuilder};
