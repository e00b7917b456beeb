//! What becomes of calls of models, against a loopback server that speaks OpenAI's protocol.

#[expect(unreachable_pub, reason = "shared with examples")]
#[path = "../support/mod.rs"]
mod support;

mod calls;
mod captures;
mod errors;
mod parents;
mod streams;
