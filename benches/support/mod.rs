//! Shared by the benches.
//!
//! | file | content |
//! |---|---|
//! | `args.rs` | the arguments, and whether a run is only a smoke run |
//! | `bench.rs` | tables, goals, promises, and their files |
//! | `child.rs` | a measurement in a fresh process of the same binary |
//! | `worker.rs` | worker processes that record into their parent's collector |
//! | `spans.rs` | exporters that do nothing or hang, filling a ring |
//! | `pace.rs` | a regular beat, by the time-stamp counter |
//! | `work.rs` | arithmetic that takes a wanted time |
//! | `clock.rs`, `ring.rs` | the floor: the cheapest clock, and a ring |
//! | `usage.rs`, `threads.rs` | CPU time and memory of the process and of each thread |
//! | `machine.rs`, `summary.rs` | the header of a result; medians |
//!
//! The comparison with other tracers also uses `clock`, `machine`, `pace`, `ring`, `summary`, `usage` and `work`.
#![allow(dead_code, unused_imports, reason = "each bench uses a part of it, and its tests run with the comparison's")]
#![allow(unreachable_pub, reason = "some files are public modules of the comparison")]

pub mod args;
pub mod bench;
pub mod child;
pub mod clock;
pub mod machine;
pub mod pace;
pub mod ring;
pub mod spans;
pub mod summary;
pub mod threads;
pub mod usage;
pub mod work;
pub mod worker;

pub use bench::{run, Bench, Goal};
pub use child::{Child, Numbers};
pub use summary::Summary;
