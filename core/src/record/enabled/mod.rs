//! The recording API. Its twin with empty bodies is `disabled.rs`.

mod attribute;
mod begin;
mod end;
mod event;
mod scope;
mod span;

pub use scope::Entered;
pub use span::{in_root, in_span, root, span, Span, SpanBuilder};
