//! Each of the seven ways in each of the four kinds of concurrency: 10,000 leaves, none lost, no orphan, no wrong parent.
//!
//! The cells share one process, since a tracer, a subscriber of `tracing` and a provider of OpenTelemetry are global.

use heirloom::workers;
use heirloom_receiver::Receiver;
use heirloom_seven_ways::check::Cell;
use heirloom_seven_ways::kind::{Kind, Stage, LEAVES};
use heirloom_seven_ways::machine::{self, Machine};
use heirloom_seven_ways::setup;
use heirloom_seven_ways::way::Way;
use std::collections::HashSet;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Leaves of each cell.
const LEAVES_OF_A_CELL: u64 = 10_000;

/// The test that the harness runs in worker processes.
#[test]
fn heirloom_worker() {
    bridged();
    workers::serve(&[&LEAVES]);
}

/// The test that the harness runs in the process of the other machine.
#[test]
fn another_machine() {
    bridged();
    machine::serve();
}

/// Installs the bridges, once in each process.
fn bridged() {
    static BRIDGED: OnceLock<()> = OnceLock::new();
    BRIDGED.get_or_init(|| setup::bridge().expect("bridges"));
}

struct Everything {
    receiver: Receiver,
    stage: Stage,
    guard: heirloom::Guard,
}

/// Started once and kept: the cells run on the harness's threads.
fn everything() -> &'static Everything {
    static EVERYTHING: OnceLock<Everything> = OnceLock::new();
    EVERYTHING.get_or_init(|| {
        bridged();
        let receiver = Receiver::start();
        let guard = setup::start("matrix", receiver.url()).expect("a tracer");
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["another_machine", "--exact", "--nocapture", "--test-threads=1"]);
        let machine = Machine::start(command, receiver.url()).expect("another machine");
        let stage = Stage::start(machine, Some("heirloom_worker")).expect("a stage");
        Everything { receiver, stage, guard }
    })
}

fn cell(way: Way, kind: Kind) {
    let Everything { receiver, stage, guard } = everything();
    let jobs = stage.run(way, kind, LEAVES_OF_A_CELL).expect("every job ran");
    guard.tracer().flush(Duration::from_secs(60)).expect("everything was delivered");
    let name = format!("{} in {}", way.name(), kind.name());
    // The other machine has a separate exporter, which this process can't flush.
    let until = Instant::now() + Duration::from_secs(60);
    while arrived(receiver, &name) < 1 + jobs + LEAVES_OF_A_CELL && Instant::now() < until {
        receiver.wait_for_requests(receiver.requests().len() + 1, Duration::from_millis(200));
    }
    let checked = receiver.with_spans(|spans| Cell::of(spans, way, kind, LEAVES_OF_A_CELL));
    assert_eq!(checked, Cell { leaves: LEAVES_OF_A_CELL, ..Cell::default() }, "{name}");
    let ledger = guard.tracer().ledger();
    let lost =
        ledger.transparent.total() + ledger.exporters.iter().map(|exporter| exporter.dropped.total()).sum::<u64>();
    // The count of orphans has no meaning yet: parents in concurrent cells are still open.
    assert_eq!((lost, ledger.late), (0, 0), "{ledger:?}");
}

/// The number of spans in this root's trace. A span that is sent again is one span.
fn arrived(receiver: &Receiver, root: &str) -> u64 {
    receiver.with_spans(|spans| {
        let trace = spans.iter().find(|span| span.name == root).map(|root| &root.trace_id);
        let own = spans.iter().filter(|span| Some(&span.trace_id) == trace);
        own.map(|span| &span.span_id).collect::<HashSet<_>>().len() as u64
    })
}

macro_rules! cells {
    ($($test:ident: $way:ident, $kind:ident;)*) => {
        $(#[test]
        fn $test() {
            cell(Way::$way, Kind::$kind);
        })*
    };
}

cells! {
    observe_in_async: Observe, Async;
    observe_in_a_thread_pool: Observe, ThreadPool;
    observe_in_a_process_pool: Observe, ProcessPool;
    observe_on_another_machine: Observe, Distributed;
    scopes_in_async: Scope, Async;
    scopes_in_a_thread_pool: Scope, ThreadPool;
    scopes_in_a_process_pool: Scope, ProcessPool;
    scopes_on_another_machine: Scope, Distributed;
    manual_spans_in_async: Manual, Async;
    manual_spans_in_a_thread_pool: Manual, ThreadPool;
    manual_spans_in_a_process_pool: Manual, ProcessPool;
    manual_spans_on_another_machine: Manual, Distributed;
    explicit_ids_in_async: Ids, Async;
    explicit_ids_in_a_thread_pool: Ids, ThreadPool;
    explicit_ids_in_a_process_pool: Ids, ProcessPool;
    explicit_ids_on_another_machine: Ids, Distributed;
    framework_spans_in_async: Framework, Async;
    framework_spans_in_a_thread_pool: Framework, ThreadPool;
    framework_spans_in_a_process_pool: Framework, ProcessPool;
    framework_spans_on_another_machine: Framework, Distributed;
    zero_code_in_async: ZeroCode, Async;
    zero_code_in_a_thread_pool: ZeroCode, ThreadPool;
    zero_code_in_a_process_pool: ZeroCode, ProcessPool;
    zero_code_on_another_machine: ZeroCode, Distributed;
    updates_in_async: Update, Async;
    updates_in_a_thread_pool: Update, ThreadPool;
    updates_in_a_process_pool: Update, ProcessPool;
    updates_on_another_machine: Update, Distributed;
}
