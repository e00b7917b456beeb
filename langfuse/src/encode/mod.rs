//! What Langfuse gets instead of what was recorded: a mapping for the encoder of `heirloom-otlp`.
//!
//! | file | what it makes |
//! |---|---|
//! | `observation.rs` | the mapping: resource, scope, and the fields of a span |
//! | `process.rs` | what stands on every span of a process |
//! | `common.rs` | the attributes of a span without any special one |
//! | `attributes.rs` | its attributes: the place of each, and which are kept first |
//! | `foreign.rs` | inputs and outputs as other libraries record them |
//! | `kind.rs` | its observation type |
//! | `generation.rs` | model, cost, prompt |
//! | `usage.rs` | tokens, each counted once |
//! | `public.rs` | which span says that its trace is public |
//! | `value.rs` | attributes before they are encoded |

mod attributes;
mod common;
mod foreign;
mod generation;
mod kind;
mod observation;
mod process;
mod public;
mod usage;
mod value;

pub(crate) use observation::Observations;
