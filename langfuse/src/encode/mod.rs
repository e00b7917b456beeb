//! From a batch to the messages of OTLP.
//!
//! | file | what it makes |
//! |---|---|
//! | `envelope.rs` | resource, scope and request |
//! | `process.rs` | what stands on every span of a process |
//! | `span.rs` | a span with its times, status, events and links |
//! | `attributes.rs` | its attributes: which go where, which come first |
//! | `foreign.rs` | inputs and outputs as other libraries record them |
//! | `kind.rs` | which type of observation it is |
//! | `generation.rs` | model, usage, cost |
//! | `value.rs` | values |

mod attributes;
mod envelope;
mod foreign;
mod generation;
mod kind;
mod process;
mod span;
mod value;

pub(crate) use envelope::Envelope;
