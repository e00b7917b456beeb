//! The parts of the example `agent`: its tools, a model that needs no network, and where the spans go.

pub mod export;
pub mod model;
pub mod tools;
