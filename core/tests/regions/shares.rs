//! A child that floods loses its own spans, and none of its parent.

use super::*;
use heirloom_core::builder;
use heirloom_core::export::{Delivery, ExportError, Exporter};
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Mutex};

/// Counts the spans of this process and of the child, once it may.
struct Waits {
    opens: Receiver<()>,
    spans: Arc<Mutex<[u64; 2]>>,
}

impl Exporter for Waits {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let _ = self.opens.recv();
        let mut spans = self.spans.lock().unwrap();
        delivery.spans().for_each(|span| spans[usize::from(span.lane().process_id == PID)] += 1);
        Ok(())
    }
}

#[test]
fn a_child_that_floods_from_many_threads_costs_its_parent_no_span() {
    const OWN: u64 = 7_000;
    let mut settings = Settings::default();
    settings.queue_bytes = 8 << 20;
    let (open, opens) = channel();
    let spans = Arc::default();
    let exporter = Waits { opens, spans: Arc::clone(&spans) };
    let guard = builder("parent").settings(settings).exporter(exporter).start().unwrap();
    let tracer = guard.tracer();
    let Family { region, child, .. } = child_of(tracer, &["job"]);
    let mut shards: Vec<_> = (0..16).map(|thread| child.shard(thread + 1, "worker").unwrap()).collect();
    let root = tracer.root("root");
    // What isn't a leaf is only refused when the child has used up its part.
    let full = || tracer.ledger().exporters[0].dropped.torn > 1000;
    let start = Instant::now();
    let mut own = 0;
    let mut is_full = false;
    while !is_full || own < OWN {
        is_full |= full();
        assert!(start.elapsed() < Duration::from_secs(60), "{:#?}", tracer.ledger());
        for shard in &mut shards {
            for _ in 0..20 {
                // Every other one is a leaf.
                let Some(span) = shard.begin(1, root.context()) else { break };
                let parent = Parent { trace: root.context().trace_id(), span: SpanId::from_u64(span) };
                shard.begin(1, parent).into_iter().for_each(|leaf| shard.end(leaf));
                shard.text(span, "text", "a text of some length, so that the queue is soon full");
                shard.end(span);
            }
        }
        // Half of its own are leaves. Most of them come when the child has used up its part.
        let some = if is_full { 20.min(OWN - own) } else { 2 };
        for _ in 0..some.min(OWN - own) / 2 {
            tracer.in_root("own", |own| own.in_span("leaf", |_| ()));
            own += 2;
        }
    }
    drop(root);
    drop(open);
    region.died(Death::Exited(0));
    region.wait_closed(Duration::from_secs(60)).unwrap();
    let report = guard.finish();
    let [of_parent, of_child] = *spans.lock().unwrap();
    let ledger = &report.ledger().exporters[0];
    assert_eq!(of_parent, OWN + 1, "all of its own: {report}");
    assert_eq!(of_parent + of_child + ledger.dropped.total(), report.ledger().assembled, "{report}");
    assert!(ledger.dropped.torn > 1000 && report.ledger().is_balanced(), "{report}");
}
