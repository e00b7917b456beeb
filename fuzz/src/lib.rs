//! Shared by the fuzz targets: a family of a parent and a child whose script is the input, and the checks that must hold for
//! every script.

pub mod family;
pub mod script;

pub use family::Family;
pub use script::Script;
