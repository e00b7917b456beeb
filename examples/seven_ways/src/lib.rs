//! The seven ways to trace, in the four kinds of concurrency, as one program: the code that `examples/seven_ways` and its
//! tests run.
//!
//! Each cell of the matrix is a trace: a root, jobs below it, and leaves below the jobs, made in the cell's way. Every span
//! has the id of its expected parent in an attribute, and a receiver checks it.

pub mod check;
pub mod kind;
pub mod machine;
pub mod setup;
pub mod way;
