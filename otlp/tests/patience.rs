//! When requests are sent: pauses, back-off, slow and absent servers, the end of the tracer.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code, missing_docs, unreachable_pub, clippy::expect_used)]
#[path = "support/sending.rs"]
mod sending;
#[allow(dead_code, missing_docs, unreachable_pub, clippy::expect_used)]
#[path = "support/server.rs"]
mod server;

use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_otlp::Otlp;
use sending::{account, assert_delivered, builder, otlp, record, settings, tracer, LONG};
use server::{Reply, Server};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

const SECOND: Duration = Duration::from_secs(1);
/// Upper bound for a call that must not wait for a server, on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// The times between the requests that a server got.
fn waits(server: &Server) -> Vec<Duration> {
    let at: Vec<_> = server.requests().iter().map(|request| request.at).collect();
    at.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn a_server_that_says_in_how_many_seconds_is_not_asked_before() {
    let server = Server::start();
    server.script([Reply::Status(429, "retry-after: 1\r\n", b"")]);
    let guard = tracer(otlp(&server));
    record(&guard, 3);
    guard.tracer().flush(LONG).unwrap();
    assert!(waits(&server)[0] >= Duration::from_millis(990), "{:?}", waits(&server));
    assert_delivered(&server, guard, 3);
}

#[test]
fn a_server_that_says_until_when_is_not_asked_before() {
    let server = Server::start();
    let (start, now) = (Instant::now(), SystemTime::now());
    let date = httpdate::fmt_http_date(now + 2 * SECOND);
    let header: &str = Box::leak(format!("retry-after: {date}\r\n").into_boxed_str());
    server.script([Reply::Status(503, header, b"")]);
    let guard = tracer(otlp(&server));
    record(&guard, 3);
    guard.tracer().flush(LONG).unwrap();
    let asked = now + (server.requests()[1].at - start);
    let early = httpdate::parse_http_date(&date).unwrap().duration_since(asked).unwrap_or_default();
    assert!(early < Duration::from_millis(10), "asked {early:?} before its time");
    assert_delivered(&server, guard, 3);
}

#[test]
fn a_pause_holds_for_the_next_spans_too_and_only_the_last_try_is_before_its_end() {
    let server = Server::start();
    server.script([Reply::Status(429, "retry-after: 600\r\n", b"")]);
    let guard = tracer(otlp(&server).retry_for(Duration::from_millis(200)));
    for spans in [3, 4] {
        record(&guard, spans);
        assert!(guard.tracer().flush(LONG).is_err());
    }
    assert_eq!(server.requests().len(), 1, "it isn't asked before its time");
    record(&guard, 5);
    let (start, report) = (Instant::now(), guard.finish());
    assert!(start.elapsed() < SOON);
    let account = account(&report);
    assert_eq!((account.exported, account.dropped.failed, server.taken()), (5, 7, 5), "{report}");
}

#[test]
fn a_server_that_asks_for_more_time_than_there_is_at_the_end_gets_one_last_try() {
    let server = Server::start();
    server.always(Reply::Status(429, "retry-after: 600\r\n", b""));
    let guard = tracer(otlp(&server).max_request_spans(5));
    record(&guard, 50);
    assert!(guard.tracer().flush(Duration::from_millis(100)).is_err());
    assert!(server.wait_for_requests(1, LONG));
    let start = Instant::now();
    let report = guard.finish();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert_eq!((account(&report).dropped.failed, server.requests().len()), (50, 2), "{report}");
}

#[test]
fn a_server_that_is_back_before_the_end_has_lost_nothing() {
    for reply in [Reply::Status(503, "", b""), Reply::Close, Reply::Hang] {
        let server = Server::start();
        server.always(reply.clone());
        let otlp = otlp(&server).first_wait(Duration::from_secs(3600)).timeout(Duration::from_millis(200));
        let guard = tracer(otlp);
        record(&guard, 500);
        assert!(guard.tracer().flush(Duration::from_millis(100)).is_err());
        assert!(server.wait_for_requests(1, LONG));
        // Now the exporter waits for up to 30 s, or soon does.
        server.always(Reply::Taken);
        let start = Instant::now();
        let report = guard.finish();
        assert!(report.is_complete() && account(&report).exported == 500, "{reply:?}: {report}");
        assert!(server.taken() >= 500 && start.elapsed() < SOON, "{reply:?}: {:?}", start.elapsed());
    }
}

#[test]
fn a_port_that_opens_before_the_end_has_lost_nothing() {
    let mut server = Server::start();
    server.close();
    let guard = tracer(otlp(&server).first_wait(Duration::from_secs(3600)));
    record(&guard, 500);
    assert!(guard.tracer().flush(Duration::from_millis(300)).is_err());
    server.open();
    assert_delivered(&server, guard, 500);
}

#[test]
fn a_program_ends_soon_where_nothing_listens_and_the_loss_is_told() {
    let mut server = Server::start();
    server.close();
    let guard = tracer(otlp(&server).first_wait(SECOND));
    record(&guard, 50);
    let start = Instant::now();
    let report = guard.finish();
    assert!(start.elapsed() < LONG / 4, "{:?}", start.elapsed());
    assert_eq!((account(&report).exported, account(&report).dropped.failed), (0, 50));
    let problems = report.problems();
    assert!(problems.iter().any(|p| p.contains("otlp") && p.contains("no connection to 127.0.0.1:")), "{problems:?}");
}

#[test]
fn a_server_that_hangs_stalls_neither_the_program_nor_its_end_and_what_stayed_behind_is_told() {
    let server = Server::start();
    server.always(Reply::Hang);
    let guard = tracer(otlp(&server));
    let start = Instant::now();
    record(&guard, 10_000);
    assert!(start.elapsed() < SOON, "recording took {:?}", start.elapsed());
    let start = Instant::now();
    let report = guard.finish_within(SECOND);
    assert!(start.elapsed() < SOON, "the end took {:?}", start.elapsed());
    let account = account(&report);
    assert_eq!((account.exported, account.dropped.failed + account.queued), (0, 10_000), "{report}");
    assert!(report.problems().iter().any(|problem| problem.contains("otlp")), "{report}");
}

#[test]
fn a_retry_that_hangs_leaves_half_of_the_time_for_a_last_try() {
    let server = Server::start();
    server.script([Reply::Status(503, "", b""), Reply::Hang]);
    let guard = tracer(otlp(&server));
    record(&guard, 50);
    assert!(guard.tracer().flush(Duration::from_millis(100)).is_err());
    assert!(server.wait_for_requests(2, LONG));
    // The connection of the retry is dead, the server is not.
    let report = guard.finish_within(4 * SECOND);
    assert!(report.is_complete() && account(&report).exported == 50, "{report}");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn time_for_retries_has_an_end_and_what_is_lost_is_counted() {
    let server = Server::start();
    server.always(Reply::Status(503, "", b""));
    let guard = tracer(otlp(&server).retry_for(Duration::from_millis(100)));
    record(&guard, 7);
    let said = guard.tracer().flush(LONG).unwrap_err().to_string();
    assert!(said.contains("lost 7 spans") && said.contains("503 Service Unavailable"), "{said}");
    assert!(server.requests().len() > 1);
    assert_eq!(account(&guard.finish()).dropped.failed, 7);
}

#[test]
fn requests_that_take_longer_than_an_export_of_the_tracer_may_are_no_loss() {
    let server = Server::start();
    server.always(Reply::Slow(Duration::from_millis(400)));
    let mut settings = settings();
    settings.export_timeout = Duration::from_millis(50);
    let guard = builder(otlp(&server).max_request_spans(512)).settings(settings).start().unwrap();
    record(&guard, 1500);
    assert!(guard.tracer().flush(Duration::from_millis(10)).is_err());
    assert_delivered(&server, guard, 1500);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn what_waits_while_a_server_is_slow_goes_into_one_request() {
    let server = Server::start();
    server.script([Reply::Slow(SECOND)]);
    let mut settings = settings();
    settings.export_delay = Duration::ZERO;
    let guard = builder(otlp(&server)).settings(settings).start().unwrap();
    record(&guard, 10);
    assert!(server.wait_for_requests(1, LONG));
    for _ in 0..20 {
        record(&guard, 10);
        let _ = guard.tracer().flush(Duration::from_millis(5));
    }
    assert_delivered(&server, guard, 210);
    // A flush ends a delivery, so there may be one for each of the flushes.
    assert!(server.requests().len() <= 21, "{} requests", server.requests().len());
}

/// Notes how much the exporter asks its queue for.
struct Asked(Otlp, Arc<Mutex<Vec<usize>>>);

impl Exporter for Asked {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.0.export(delivery)
    }

    fn request_bytes(&self) -> usize {
        self.1.lock().unwrap().push(self.0.request_bytes());
        self.0.request_bytes()
    }
}

#[test]
fn a_delivery_is_as_large_as_the_earlier_ones_say_that_a_request_is_filled() {
    let server = Server::start();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let exporter = Asked(otlp(&server).max_request_bytes(4 << 20).build().unwrap(), Arc::clone(&asked));
    let guard = heirloom_core::builder("shop").settings(settings()).exporter(exporter).start().unwrap();
    for _ in 0..2 {
        guard.tracer().in_root("root", |root| {
            for _ in 0..40 {
                root.in_span("turn", |span| {
                    span.set("text", "x".repeat(33_000));
                });
            }
        });
        guard.tracer().flush(LONG).unwrap();
    }
    assert_delivered(&server, guard, 82);
    let asked = asked.lock().unwrap();
    let (first, last) = (asked[0], asked[asked.len() - 1]);
    assert!(first < 4 << 20 && last != first, "{asked:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn one_request_has_the_spans_of_several_processes() {
    use heirloom_core::region::{Death, Region};
    use heirloom_core::testing::region::{RawChild, SharedMemory};
    use server::Request;
    const PIDS: [u32; 2] = [4_000_000, 4_000_001];
    let server = Server::start();
    server.script([Reply::Hang]);
    let guard = tracer(otlp(&server));
    record(&guard, 1);
    let _ = guard.tracer().flush(Duration::from_millis(1));
    assert!(server.wait_for_requests(1, LONG));
    // While the first request hangs, the children end.
    guard.tracer().in_root("main", |root| {
        for pid in PIDS {
            let memory = SharedMemory::new(Region::bytes(guard.tracer())).unwrap();
            let region = Region::host(guard.tracer(), Box::new(memory.clone()), u64::from(pid)).unwrap();
            let child = RawChild::attach(&memory, u64::from(pid)).unwrap();
            region.started(pid);
            assert!(child.name("work"));
            let mut shard = child.shard(1, "worker").unwrap();
            for _ in 0..3 {
                let span = shard.begin(1, root.context()).unwrap();
                shard.end(span);
            }
            region.died(Death::Exited(0));
            region.wait_closed(LONG).unwrap();
        }
    });
    server.always(Reply::Taken);
    assert_delivered(&server, guard, 8);
    let requests = server.requests();
    let has =
        |request: &Request, pid| request.processes.iter().any(|(known, names)| *known == pid && *names == ["work"; 3]);
    let together = |request: &&Request| PIDS.iter().all(|pid| has(request, i64::from(*pid)));
    assert!(requests.iter().any(|request| together(&request)), "{requests:?}");
}

#[test]
fn a_server_that_wants_to_be_asked_at_once_is_asked_with_the_back_off() {
    let server = Server::start();
    server.always(Reply::Status(503, "retry-after: 0\r\n", b""));
    let guard = tracer(otlp(&server).first_wait(SECOND));
    record(&guard, 3);
    let _ = guard.tracer().flush(SECOND);
    drop(guard.finish_within(SECOND));
    assert!((1..50).contains(&server.requests().len()), "{} requests", server.requests().len());
}

#[test]
fn a_name_that_no_thread_can_have_loses_nothing() {
    let server = Server::start();
    let guard = tracer(otlp(&server).name("a\0b"));
    record(&guard, 3);
    assert_delivered(&server, guard, 3);
}
