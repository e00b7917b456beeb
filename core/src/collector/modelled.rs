//! The collector's passes without its thread, for the models in `shard/models`.

use super::assemble::Assembler;
use super::drain::{settle, Sources};
use crate::clock::timeline::Timeline;
use crate::config::Settings;
use crate::export::{Batch, SpanData};
use crate::pipeline::{Assembled, Shared};
use crate::wire::End;

/// Sources, tables, and their results.
pub(crate) struct Passes {
    sources: Sources,
    assembler: Assembler,
    batches: Vec<Batch>,
    give_back_twice: bool,
}

impl Passes {
    pub(crate) fn new() -> Self {
        let assembler = Assembler::new(Default::default(), Settings::default().limits, 1 << 20, Timeline::manual());
        Self { sources: Sources::default(), assembler, batches: Vec::new(), give_back_twice: false }
    }

    /// A planted bug: each reservation is returned a second time.
    pub(crate) fn give_back_twice(&mut self) {
        self.give_back_twice = true;
    }

    /// Makes one pass, like the collector's thread.
    pub(crate) fn pass(&mut self, tracer: &Shared) -> (u64, bool) {
        let batches = &mut self.batches;
        let result = self.sources.pass(tracer, &mut self.assembler, &mut |batch| batches.push(batch));
        if self.give_back_twice {
            let all = tracer.registry.since(0).1;
            all.iter().filter(|shard| shard.returned() == End::BYTES).for_each(|shard| shard.give_back(End::BYTES));
        }
        result
    }

    /// Makes the passes of a flush.
    pub(crate) fn settle(&mut self, tracer: &Shared) {
        settle(|| self.pass(tracer).1);
    }

    /// Closes open spans, as at the end of a tracer.
    pub(crate) fn close_all(&mut self, tracer: &Shared) {
        let batches = &mut self.batches;
        self.assembler.close_all(tracer.clock_tick(), &mut |batch| batches.push(batch));
    }

    /// Every span that is finished.
    pub(crate) fn spans(&mut self) -> Vec<SpanData> {
        self.assembler.send_all(&mut |batch| self.batches.push(batch));
        self.batches.iter().flat_map(|batch| batch.spans().map(|span| span.to_data())).collect()
    }

    pub(crate) fn counts(&self) -> Assembled {
        self.assembler.counts
    }

    pub(crate) fn open(&self) -> u64 {
        self.assembler.open_count()
    }
}
