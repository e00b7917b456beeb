//! The collector's passes without its thread, one pass per call. For the fuzz targets, through
//! [`testing::region`](crate::testing::region).

use super::assemble::Assembler;
use super::drain::Sources;
use crate::clock::timeline::Timeline;
use crate::export::{Batch, Resource, SpanData};
use crate::pipeline::{Published, Shared};
use std::sync::Arc;

/// Sources, tables, and their results.
pub(crate) struct ByHand {
    tracer: Arc<Shared>,
    sources: Sources,
    assembler: Assembler,
    batches: Vec<Batch>,
}

impl ByHand {
    pub(crate) fn new(tracer: Arc<Shared>, resource: Arc<Resource>) -> Self {
        let settings = &tracer.settings;
        let assembler = Assembler::new(resource, settings.limits, settings.queue_bytes, Timeline::system());
        Self { tracer, sources: Sources::default(), assembler, batches: Vec::new() }
    }

    /// Makes one pass, like the thread. Returns whether anything waits for another one.
    pub(crate) fn pass(&mut self) -> bool {
        let Self { tracer, sources, assembler, batches } = self;
        let (_, waits) = sources.pass(tracer, assembler, &mut |batch| batches.push(batch));
        let children = sources.regions.counts();
        tracer.control.publish(Published { assembled: assembler.counts, open: assembler.open_count(), children });
        sources.regions.tell();
        waits
    }

    /// Looks after the shards' memory, as the thread does a few times a second.
    pub(crate) fn tend(&mut self) {
        self.sources.tend();
    }

    /// Takes the spans that were finished since the last call.
    pub(crate) fn take_spans(&mut self) -> Vec<SpanData> {
        self.assembler.send_all(&mut |batch| self.batches.push(batch));
        self.batches.drain(..).flat_map(|batch| batch.spans().map(|span| span.to_data()).collect::<Vec<_>>()).collect()
    }

    /// Numbers of open spans, of records and of polls that wait for a span, and the bytes of spans and records.
    pub(crate) fn held(&self) -> [usize; 4] {
        self.assembler.held()
    }
}
