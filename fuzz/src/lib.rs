//! What the fuzz targets share: a family of a parent and a child whose script is the input, and what must hold whatever the
//! script says.

pub mod family;
pub mod script;

pub use family::Family;
pub use script::Script;
