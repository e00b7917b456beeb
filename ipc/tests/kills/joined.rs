//! Programs that record through the public API.
