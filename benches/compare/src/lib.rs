//! Heirloom beside other tracers, on the same workload: threads that record children of one shared parent.
//!
//! - [`plan`]: which peers, which scenarios, in which order.
//! - [`peers`]: one file per tracer behind one trait, and the floor that none can beat.
//! - [`measure`]: one scenario in this process; [`children`]: each scenario in a fresh process of the same binary.
//! - [`account`]: what arrived at the exporter, and whether its parent did.
//! - [`stats`], [`report`], [`plot`], [`goals`], [`checks`], [`output`]: what becomes of the rows.
//!
//! The binaries are `contention` and `single`; the README beside this package says how to run and read them.

pub mod account;
pub mod args;
pub mod checks;
pub mod children;
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
#[path = "../../support/ring.rs"]
pub mod ring;
#[path = "../../support/summary.rs"]
pub mod summary;
#[path = "../../support/usage.rs"]
pub mod usage;
