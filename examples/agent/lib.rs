//! The parts of the example `agent`: its tools, a model that needs no network, and the destinations of the spans.

pub mod export;
pub mod model;
pub mod tools;
