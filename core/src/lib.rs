//! Heirloom's core.

pub use context::{Context, TracerId};
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
#[cfg(feature = "serde")]
mod serial;
mod value;

#[cfg(feature = "record")]
pub use collector::{Dropped, ExporterLedger, Ledger, OpenSpan, Transparent};
#[cfg(feature = "record")]
pub use config::{ConfigWarning, Difference, Limits, Settings};
#[cfg(feature = "record")]
pub use sampler::{ParseSamplerError, Sampler, SamplerState};
#[cfg(feature = "record")]
pub use tracer::{builder, init, on_finish, Builder, FlushError, Guard, InitError, Report, Tracer};

#[cfg(not(feature = "record"))]
pub use record::on_finish;

#[cfg(feature = "record")]
mod clock;
#[cfg(feature = "record")]
mod collector;
#[cfg(feature = "record")]
mod config;
#[cfg(feature = "record")]
mod diagnostics;
#[cfg(feature = "record")]
mod dictionary;
#[cfg(feature = "record")]
pub mod export;
#[cfg(feature = "otel")]
pub mod otel;
#[cfg(feature = "record")]
mod sampler;
#[cfg(feature = "record")]
mod shard;
#[cfg(feature = "record")]
mod sync;
#[cfg(feature = "record")]
mod sys;
#[cfg(feature = "record")]
pub mod testing;
#[cfg(feature = "record")]
mod thread;
#[cfg(feature = "record")]
mod tracer;
#[cfg(feature = "record")]
pub mod tree;
#[cfg(feature = "record")]
mod wire;
