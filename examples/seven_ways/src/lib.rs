//! The seven ways to trace, in the four kinds of concurrency, as one program: what `examples/seven_ways` runs, and its
//! tests.
//!
//! Each cell of the matrix is a trace: a root, jobs below it, and leaves below those, each made in its way. Every span
//! says which parent it has to have; a receiver checks all of them.

pub mod check;
pub mod kind;
pub mod machine;
pub mod setup;
pub mod way;
