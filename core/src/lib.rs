//! Heirloom's core.

pub use context::Context;
pub use error::SetError;
pub use id::{ParseIdError, SpanId, TraceId};
pub use kind::{SpanKind, Status};
pub use name::Name;
pub use propagation::{
    Baggage, BaggageDropped, BaggageMember, InsertBaggageError, InsertTraceStateError, ParseTraceStateError,
    ParseTraceparentError, TraceState, Traceparent,
};
pub use record::{in_root, in_span, root, span, Entered, Span, SpanBuilder};
pub use value::Value;

mod context;
mod error;
mod id;
mod kind;
mod name;
mod propagation;
mod record;
mod value;

#[cfg(feature = "record")]
pub use config::{ConfigWarning, Difference, Limits, Settings};
#[cfg(feature = "record")]
pub use sampler::{ParseSamplerError, Sampler, SamplerState};

#[cfg(feature = "record")]
mod config;
#[cfg(feature = "record")]
pub mod export;
#[cfg(feature = "record")]
mod sampler;
