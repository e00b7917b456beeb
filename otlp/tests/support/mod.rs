//! What the tests share: random spans, recorded by a real tracer, and the official schema.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

pub mod convert;
pub mod foreign;
pub mod official;
pub mod random;

use heirloom_core::export::{Delivery, ExportError, Exporter, SpanRef};
use heirloom_otlp::{Encoder, Filled, Format, Mapping};
use std::iter::Peekable;

/// Calls a function with each delivery.
pub struct Each<F>(pub F);

impl<F: FnMut(&Delivery) + Send + 'static> Exporter for Each<F> {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        (self.0)(delivery);
        Ok(())
    }
}

/// Requests of at most `max` bytes each, for all spans of a delivery. A span that is larger gets a larger one.
pub fn requests<M: Mapping>(encoder: &mut Encoder<M>, delivery: &Delivery, max: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for part in delivery.parts() {
        let mut spans = part.spans().peekable();
        while spans.peek().is_some() {
            let mut out = Vec::new();
            let begun = encoder.begin(&mut out).unwrap();
            let mut max = max.saturating_sub(encoder.format().frame_bytes());
            let filled = loop {
                let filled = fill(encoder, part.resource(), &mut spans, max, &mut out);
                assert!(filled.bytes <= max, "{filled:?} of {max}");
                if filled.spans > 0 {
                    break filled;
                }
                assert_eq!((filled, out.len()), (Filled::default(), begun));
                max = max * 2 + 100;
            };
            let ended = encoder.end(&mut out).unwrap();
            assert_eq!((out.len(), begun + ended), (begun + filled.bytes + ended, encoder.format().frame_bytes()));
            all.push(out);
        }
    }
    all
}

fn fill<'a, M: Mapping>(
    encoder: &mut Encoder<M>,
    resource: &heirloom_core::export::Resource,
    spans: &mut Peekable<impl Iterator<Item = SpanRef<'a>>>,
    left: usize,
    out: &mut Vec<u8>,
) -> Filled {
    encoder.fill(resource, spans, left, out).unwrap()
}

/// Both formats.
pub const FORMATS: [Format; 2] = [Format::Protobuf, Format::Json];
