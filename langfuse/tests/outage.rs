//! A server that is down, hangs or is slow doesn't delay the program, and no span is lost that the queue can hold.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_receiver::{Fault, Receiver};
use std::time::{Duration, Instant};
use support::{account, assert_delivered, builder, config, record, tracer, LONG};

/// Upper bound for a call that must not wait for a server, on a busy machine.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_server_that_is_down_and_comes_back_has_lost_nothing() {
    let mut receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    record(&guard, 10);
    guard.tracer().flush(LONG).unwrap();
    receiver.close();
    for _ in 0..20 {
        record(&guard, 50);
    }
    // The exporter has failed on the closed port, and retries.
    assert!(guard.tracer().flush(Duration::from_millis(100)).is_err());
    receiver.open();
    assert_delivered(&receiver, guard, 1010);
}

#[test]
fn a_program_may_start_before_its_server() {
    let mut receiver = Receiver::start();
    receiver.close();
    let guard = tracer(&config(&receiver));
    record(&guard, 10);
    assert!(guard.tracer().flush(Duration::from_millis(100)).is_err());
    receiver.open();
    assert_delivered(&receiver, guard, 10);
}

#[test]
fn what_the_queue_cannot_hold_is_counted_and_no_more() {
    let receiver = Receiver::start();
    receiver.fail_always(Fault::Hang);
    let guard = builder(&config(&receiver)).queue_bytes(256 << 10).start().unwrap();
    assert!((0..LONG.as_millis()).any(|_| {
        record(&guard, 100);
        let _ = guard.tracer().flush(Duration::from_millis(1));
        guard.tracer().ledger().exporters[0].dropped.queue_full() > 0
    }));
    receiver.heal();
    let account = account(&guard.finish());
    assert!(account.exported > 0 && account.dropped.queue_full() > 0, "{account:?}");
    assert_eq!(account.dropped.total(), account.dropped.queue_full(), "{account:?}");
    assert_eq!(receiver.with_spans(<[_]>::len) as u64, account.exported);
}

#[test]
fn a_server_that_hangs_stalls_neither_the_program_nor_its_end() {
    let receiver = Receiver::start();
    receiver.fail_always(Fault::Hang);
    let guard = tracer(&config(&receiver));
    let start = Instant::now();
    record(&guard, 10_000);
    assert!(start.elapsed() < SOON, "recording took {:?}", start.elapsed());
    let start = Instant::now();
    let report = guard.finish_within(Duration::from_millis(200));
    assert!(start.elapsed() < SOON, "the end took {:?}", start.elapsed());
    let account = account(&report);
    assert_eq!((account.exported, account.dropped.failed + account.queued), (0, 10_000), "{report}");
    let is_told = |problem: &String| {
        problem.contains("not delivered by the deadline")
            || problem.contains("no response before the tracer had to end")
    };
    assert!(report.problems().iter().any(is_told), "{report}");
}

#[test]
fn a_flush_keeps_its_deadline_while_a_server_is_slow() {
    let receiver = Receiver::start();
    receiver.fail_always(Fault::Sleep(Duration::from_secs(2)));
    let guard = tracer(&config(&receiver));
    record(&guard, 10);
    let start = Instant::now();
    assert!(guard.tracer().flush(Duration::from_millis(50)).is_err());
    assert!(start.elapsed() < Duration::from_millis(1900), "{:?}", start.elapsed());
    receiver.heal();
    assert_delivered(&receiver, guard, 10);
}

#[test]
fn an_exporter_may_be_made_and_dropped_inside_a_runtime() {
    let receiver = Receiver::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        assert_eq!(config(&receiver).auth_check().unwrap().len(), 1);
        let guard = tracer(&config(&receiver));
        record(&guard, 10);
        guard.tracer().flush_async().await.unwrap();
        assert!(guard.finish_async().await.is_complete());
    });
    receiver.assert_contract();
}

#[test]
fn a_longer_outage_than_an_export_of_the_tracer_may_take_is_no_loss() {
    let receiver = Receiver::start();
    receiver.fail_always(Fault::Status(503));
    let mut settings = heirloom_core::Settings::default();
    settings.export_timeout = Duration::from_millis(50);
    settings.finish_timeout = LONG;
    let guard = builder(&config(&receiver)).settings(settings).start().unwrap();
    record(&guard, 10);
    assert!(guard.tracer().flush(Duration::from_millis(200)).is_err());
    assert!(receiver.wait_for_requests(8, LONG));
    receiver.heal();
    assert_delivered(&receiver, guard, 10);
}
