//! From a batch to the messages of OTLP.
//!
//! | file | what it makes |
//! |---|---|
//! | `envelope.rs` | resource, scope and request |
//! | `process.rs` | what stands on every span of a process |
//! | `span.rs` | a span with its times, status, events and links |
//! | `attributes.rs` | its attributes: the place of each, and which are kept first |
//! | `foreign.rs` | inputs and outputs as other libraries record them |
//! | `kind.rs` | its observation type |
//! | `generation.rs` | model, cost, prompt |
//! | `usage.rs` | tokens, each counted once |
//! | `public.rs` | which span says that its trace is public |
//! | `value.rs` | values |

mod attributes;
mod envelope;
mod foreign;
mod generation;
mod kind;
mod process;
mod public;
mod span;
mod usage;
mod value;

pub(crate) use envelope::Envelope;
pub(crate) use public::Public;
