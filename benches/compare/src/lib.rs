//! Heirloom beside other tracers, on the same workload: threads that record children of one shared parent.
//!
//! - [`plan`]: the peers, the scenarios and their order.
//! - [`peers`]: one file per tracer behind one trait, and the floor that no tracer can beat.
//! - [`measure`]: runs one scenario in this process; [`children`]: runs each scenario in a fresh process of the same binary.
//! - [`account`]: counts the spans that reached the exporter, with and without their parent.
//! - [`stats`], [`report`], [`plot`], [`goals`], [`checks`], [`output`]: evaluate the rows and print them.
//!
//! - [`defaults`]: each tracer with its default settings, nothing prepared.
//!
//! The binaries are `contention`, `single` and `defaults`; the README of this package explains how to run and read them.

pub mod account;
pub mod args;
pub mod checks;
pub mod children;
#[cfg(feature = "heirloom")]
pub mod defaults;
pub mod goals;
pub mod measure;
pub mod output;
pub mod peers;
pub mod plan;
pub mod plot;
pub mod report;
pub mod stats;
pub mod workload;

// Shared with the benches of the root package.
#[path = "../../support/clock.rs"]
pub mod clock;
#[path = "../../support/machine.rs"]
pub mod machine;
#[path = "../../support/pace.rs"]
pub mod pace;
#[path = "../../support/ring.rs"]
pub mod ring;
#[path = "../../support/summary.rs"]
pub mod summary;
#[path = "../../support/usage.rs"]
pub mod usage;
#[path = "../../support/work.rs"]
pub mod work;
