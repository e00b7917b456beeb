//! The span of the two hand-made peers, as cheap as heap memory allows.

use crate::clock::ticks;
use crate::workload::{Samples, CHILD, KEYS, PARENT};

/// A finished span.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: u64,
    pub(super) parent: u64,
    _trace: u128,
    _name: &'static str,
    _start: u64,
    _end: u64,
    /// Allocates only if there are attributes.
    _attributes: Vec<(&'static str, Value)>,
}

/// An attribute's value.
#[derive(Debug)]
pub(super) enum Value {
    I64(#[expect(dead_code, reason = "kept, as a tracer would, and never read")] i64),
    F64(#[expect(dead_code, reason = "kept, as a tracer would, and never read")] f64),
    Text(#[expect(dead_code, reason = "kept, as a tracer would, and never read")] String),
}

/// The id of the only trace.
const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;

impl Record {
    /// Opens a child, does the work, and ends it.
    #[inline]
    pub(super) fn child<const ATTRIBUTES: bool, R>(
        id: u64,
        parent: u64,
        samples: &Samples,
        work: impl FnOnce() -> R,
    ) -> (Self, R) {
        let start = ticks();
        let attributes = if ATTRIBUTES { attributes(id, samples) } else { Vec::new() };
        let result = work();
        let end = ticks();
        let record =
            Self { id, parent, _trace: TRACE, _name: CHILD, _start: start, _end: end, _attributes: attributes };
        (record, result)
    }

    /// The parent, started at `start`.
    pub(super) fn parent(id: u64, start: u64) -> Self {
        let attributes = Vec::new();
        Self { id, parent: 0, _trace: TRACE, _name: PARENT, _start: start, _end: ticks(), _attributes: attributes }
    }
}

#[inline]
fn attributes(id: u64, samples: &Samples) -> Vec<(&'static str, Value)> {
    let sample = samples.of(id);
    vec![
        (KEYS[0], Value::I64(sample.count)),
        (KEYS[1], Value::F64(sample.ratio)),
        (KEYS[2], Value::Text(sample.file.to_owned())),
    ]
}
