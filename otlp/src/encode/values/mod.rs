//! What both forms are made of, without knowing spans: numbers, texts, ids, attributes.

pub(crate) mod json;
pub(crate) mod protobuf;
