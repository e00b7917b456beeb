//! A parent with its own spans, and a child with a region. The collector has no thread: its passes are explicit calls.

use heirloom_core::export::SpanData;
use heirloom_core::region::{Death, Region};
use heirloom_core::testing::region::{Collector, Held, RawChild, RawShard, SharedMemory};
use heirloom_core::{Settings, Span, SpanId, Status};
use std::cell::RefCell;
use std::time::Duration;

/// Bytes of a ring.
pub const RING: usize = 4096;
/// The number of shards that the child starts with.
pub const SHARDS: usize = 2;
const NONCE: u64 = 7;
const PID: u32 = 4_000_000;

thread_local! {
    static PARENT: RefCell<Collector> = RefCell::new(parent());
}

fn parent() -> Collector {
    let mut settings = Settings::default();
    settings.max_open_spans_per_thread = 64;
    settings.limits.attribute_value_chars = Some(40);
    Collector::start(RING, settings).expect("a tracer")
}

/// One input's parent and child.
pub struct Family<'p> {
    parent: &'p mut Collector,
    pub region: Region,
    pub child: RawChild,
    pub memory: SharedMemory,
    pub shards: Vec<RawShard>,
    pub root: Span,
    own: Vec<Span>,
    /// The parent's started spans.
    begun: Vec<SpanId>,
    exported: Vec<SpanData>,
    /// Whether the child set values of the parent's trace, which the parent's spans then have.
    pub set_values: bool,
}

/// Runs `body` with a family, then ends the child, and checks that the parent's spans are unchanged.
pub fn run(body: impl FnOnce(&mut Family<'_>)) {
    end(body, |family| {
        while family.region.wait_closed(Duration::ZERO).is_none() {
            family.pass();
        }
    })
}

/// As [`run`]; `die` makes the passes from the child's exit to the end of its region.
pub fn end(body: impl FnOnce(&mut Family<'_>), die: impl FnOnce(&mut Family<'_>)) {
    PARENT.with_borrow_mut(|parent| {
        let mut family = Family::new(parent);
        body(&mut family);
        family.region.died(Death::Killed(9));
        die(&mut family);
        family.check();
    });
}

impl<'p> Family<'p> {
    fn new(parent: &'p mut Collector) -> Self {
        let memory = SharedMemory::new(Region::bytes(parent.tracer())).expect("memory");
        let region = Region::host(parent.tracer(), Box::new(memory.clone()), NONCE).expect("a region");
        let child = RawChild::attach(&memory, NONCE).expect("the first process that attaches");
        region.started(PID);
        child.resource(&[("service.name", "child")]);
        assert!(child.name("job") && child.name("step"));
        let shards = (0..SHARDS).map(|n| child.shard(n as u64, "worker").expect("a shard")).collect();
        let root = parent.tracer().root("own");
        let begun = vec![root.context().span_id()];
        let (own, exported, set_values) = (Vec::new(), Vec::new(), false);
        Self { parent, region, child, memory, shards, root, own, begun, exported, set_values }
    }

    pub fn pass(&mut self) -> bool {
        self.parent.pass()
    }

    /// The parent starts a span.
    pub fn begin_own(&mut self) {
        if self.own.len() < 32 {
            let span = self.root.span("own");
            if span.is_recording() {
                self.begun.push(span.context().span_id());
            }
            self.own.push(span);
        }
    }

    /// The parent ends its last open span.
    pub fn end_own(&mut self) {
        self.own.pop();
    }

    /// The id of one of the parent's spans.
    pub fn own_id(&self, which: u8) -> u64 {
        self.begun[usize::from(which) % self.begun.len()].to_u64()
    }

    /// The checks for every input: the parent's spans are unchanged, the ledger is exact, and the collector keeps no state
    /// of the region.
    fn check(self) {
        let Self { parent, own, root, begun, mut exported, region, set_values, .. } = self;
        let open = own.iter().filter(|span| span.is_recording()).count() + 1;
        exported.extend(parent.take_spans());
        let early: Vec<_> = exported.iter().filter(|span| begun.contains(&span.span_id)).cloned().collect();
        assert_eq!(early.len() + open, begun.len(), "an own span ended before its time, or did not: {early:?}");
        drop((own, root));
        while parent.pass() {}
        parent.pass();
        exported.extend(parent.take_spans());
        let own: Vec<_> = exported.iter().filter(|span| begun.contains(&span.span_id)).collect();
        assert_eq!(own.len(), begun.len(), "own spans were lost or came twice: {own:?}");
        own.into_iter().for_each(|span| is_untouched(span, set_values));
        let ledger = parent.tracer().ledger();
        assert!(ledger.is_balanced() && ledger.corrupt == 0, "{ledger:#?}");
        assert_eq!(parent.held(), Held::default(), "something is kept");
        drop(region);
    }
}

fn is_untouched(span: &SpanData, has_values: bool) {
    let bare = (has_values || span.attributes.is_empty()) && span.events.is_empty() && span.links.is_empty();
    let whole = !span.aborted && !span.incomplete && span.status == Status::Unset;
    let own = span.lane.process_id == std::process::id();
    assert!(bare && whole && own && span.name == "own", "an own span was changed: {span:?}");
}
