//! What both forms are made of, without knowing spans: numbers, texts, ids, attributes.

pub(super) mod json;
pub(super) mod protobuf;
