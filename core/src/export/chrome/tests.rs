//! Checks the promises about the file on its JSON. `ci/perfetto/check.sh` checks the same workload in Perfetto.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::export::fixture::{batch, lane, lane_of, span, Disk};
use crate::export::workload::workload;
use crate::export::SpanData;
use crate::{SpanKind, Status, Value};
use serde_json::{json, Value as Json};

/// The file made of these batches, shut down or not.
fn file(batches: &[&[SpanData]], shut_down: bool) -> String {
    let disk = Disk::with_room(usize::MAX);
    let mut chrome = Chrome::new(disk.clone());
    for spans in batches {
        chrome.export(&batch(spans).into()).unwrap();
    }
    match shut_down {
        true => chrome.shutdown().unwrap(),
        false => chrome.flush().unwrap(),
    }
    String::from_utf8(disk.bytes()).unwrap()
}

/// The events of a file that was shut down: strict JSON.
fn events(batches: &[&[SpanData]]) -> Vec<Json> {
    serde_json::from_str(&file(batches, true)).unwrap()
}

fn of_phase<'a>(events: &'a [Json], phase: &str) -> Vec<&'a Json> {
    events.iter().filter(|event| event["ph"] == phase).collect()
}

fn named<'a>(events: &'a [Json], name: &str) -> Vec<&'a Json> {
    events.iter().filter(|event| event["name"] == name).collect()
}

#[test]
fn a_slice_says_what_a_full_queue_left_out() {
    let disk = Disk::with_room(usize::MAX);
    let mut chrome = Chrome::new(disk.clone());
    let from = batch(&[span(2, 1, "work", &lane(1), 0, 1)]);
    let skeleton = std::sync::Arc::new(from.pick(&[crate::export::Pick { row: 0, skeleton: true }]));
    let part = crate::export::Part::of(skeleton, None, vec![(0, 12)]);
    chrome.export(&Delivery::new(vec![part], crate::export::Closing::new())).unwrap();
    chrome.shutdown().unwrap();
    let events: Vec<Json> = serde_json::from_slice(&disk.bytes()).unwrap();
    let args = &named(&events, "work")[0]["args"];
    assert_eq!((&args["dropped_children"], &args["skeleton"]), (&json!(12), &json!(true)));
}

#[test]
fn a_nested_span_is_a_slice_on_its_thread_with_everything_in_its_arguments() {
    let mut full = span(2, 1, "work", &lane_of(4242, 77, "pool-1"), 5_000, 7_003);
    full.kind = SpanKind::Client;
    full.status = Status::Error("no \"route\"\n".into());
    full.incomplete = true;
    full.dropped = 3;
    full.attributes = vec![("rows".into(), Value::from(7)), ("sql".into(), Value::from("select…"))];
    full.events = vec![("retry".into(), 6_001, vec![("n".into(), Value::from(1))])];
    full.links = vec![(crate::TraceId::from_u128(9), crate::SpanId::from_u64(8), Vec::new())];
    let events = events(&[&[full]]);
    let slices = of_phase(&events, "X");
    assert_eq!(slices.len(), 1);
    let origin_ns: u64 = named(&events, "heirloom_origin")[0]["args"]["unix_ns"].as_str().unwrap().parse().unwrap();
    assert_eq!(origin_ns, 0, "the first span began within a day of 1970");
    assert_eq!(
        *slices[0],
        json!({
            "ph": "X", "name": "work", "cat": "span", "pid": 4242, "tid": 77, "ts": 5.0, "dur": 2.003,
            "bind_id": "0x0000000000000002", "flow_in": true,
            "args": {
                "trace_id": "00000000000000000000000000000001",
                "span_id": "0000000000000002",
                "parent_span_id": "0000000000000001",
                "kind": "client",
                "status": "error",
                "status_message": "no \"route\"\n",
                "incomplete": true,
                "attributes": {"rows": 7, "sql": "select…"},
                "truncated_from_bytes": {"sql": 1000},
                "events": [{"name": "retry", "ts": 6.001, "attributes": {"n": 1}}],
                "links": [{"trace_id": "00000000000000000000000000000009", "span_id": "0000000000000008"}],
                "dropped": {"attributes": 3},
            },
        })
    );
}

#[test]
fn lanes_carry_real_ids_and_their_names_once() {
    let own = lane_of(std::process::id(), 5, "main");
    let worker = lane_of(999_999, 6, "worker");
    let events = events(&[
        &[span(1, 0, "a", &own, 0, 1), span(2, 0, "b", &own, 2, 3)],
        &[span(3, 0, "c", &worker, 0, 1), span(4, 0, "d", &own, 4, 5)],
    ]);
    let threads: Vec<_> = named(&events, "thread_name").iter().map(|e| (&e["pid"], &e["tid"], &e["args"])).collect();
    let own_id = json!(std::process::id());
    let names = [json!({"name": "main"}), json!({"name": "worker"})];
    assert_eq!(threads, [(&own_id, &json!(5), &names[0]), (&json!(999_999), &json!(6), &names[1])]);
    let processes: Vec<_> = named(&events, "process_name").iter().map(|e| (&e["pid"], &e["args"]["name"])).collect();
    assert_eq!(processes, [(&own_id, &json!("fixture")), (&json!(999_999), &json!("fixture"))]);
    let places: Vec<_> = named(&events, "process_sort_index").iter().map(|e| &e["args"]["sort_index"]).collect();
    assert_eq!(places, [&json!(0), &json!(1)]);
}

#[test]
fn a_span_that_does_not_nest_is_an_asynchronous_pair_with_its_lane_in_the_arguments() {
    let mut overlapping = span(0xabc, 0, "overlapping", &lane(7), 1_000, 2_000);
    overlapping.nested = false;
    let events = events(&[&[overlapping]]);
    assert!(of_phase(&events, "X").is_empty());
    let (begin, end) = (of_phase(&events, "b"), of_phase(&events, "e"));
    assert_eq!((begin.len(), end.len()), (1, 1));
    for key in ["name", "cat", "pid", "tid", "id2"] {
        assert_eq!(begin[0][key], end[0][key]);
    }
    assert_eq!(begin[0]["id2"], json!({"local": "0x1"}));
    assert_eq!((&begin[0]["ts"], &end[0]["ts"]), (&json!(1.0), &json!(2.0)));
    assert_eq!(begin[0]["args"]["thread_name"], "thread-7");
}

/// A request of a service: `parse` on a thread, then `query` and `cache` at the same time.
fn request(id: u64, start_ns: u64) -> Vec<SpanData> {
    let child = |n: u64, name, start, end| span(id + n, id, name, &lane(1 + n % 2), start_ns + start, start_ns + end);
    let parse = child(1, "parse", 1_000, 2_000);
    let mut parts = [child(2, "query", 3_000, 6_000), child(3, "cache", 4_000, 7_000)];
    let mut root = span(id, 0, "request", &lane(1), start_ns, start_ns + 9_000);
    parts.iter_mut().chain([&mut root]).for_each(|span| span.nested = false);
    let [query, cache] = parts;
    let mut all = vec![parse, query, cache, root];
    all.iter_mut().for_each(|span| span.trace_id = crate::TraceId::from_u128(u128::from(id)));
    all
}

#[test]
fn each_request_of_a_service_is_a_block_with_its_parts_below_it() {
    let events = events(&[&[request(100, 0), request(200, 500)].concat()]);
    let rows = |name: &str| -> Vec<String> {
        let begins = of_phase(&events, "b").into_iter().filter(|event| event["name"] == name);
        begins.map(|event| event["id2"]["local"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(rows("query"), ["0x1", "0x3"]);
    assert_eq!(rows("cache"), ["0x2", "0x4"], "they overlap");
    assert_eq!(rows("request"), ["0x1", "0x2", "0x3", "0x4"], "the request is drawn above each");
    let frames = named(&events, "request").into_iter().filter(|event| event["args"]["frame_of"].is_string());
    assert_eq!(frames.count(), 2);
}

#[test]
fn an_arrow_leads_from_a_request_to_its_part_on_a_thread() {
    let events = events(&[&request(100, 0)]);
    let (parse, marks) = (named(&events, "parse"), of_phase(&events, "n"));
    assert_eq!((parse.len(), marks.len()), (1, 1));
    assert_eq!((&marks[0]["bind_id"], &marks[0]["flow_out"]), (&parse[0]["bind_id"], &json!(true)));
    assert_eq!(parse[0]["flow_in"], true);
    assert_eq!((&marks[0]["ts"], &parse[0]["ts"]), (&json!(0.999), &json!(1.0)), "before it: viewers sort by time");
    assert_eq!((&marks[0]["id2"], &marks[0]["cat"]), (&json!({"local": "0x1"}), &json!("span")), "the request's row");
}

#[test]
fn an_arrow_binds_the_beginnings_of_two_slices() {
    let child = span(2, 1, "child", &lane(2), 3_000, 4_000);
    let parent = span(1, 0, "parent", &lane(1), 1_000, 9_000);
    let events = events(&[&[child], &[parent]]);
    let (from, to) = (of_phase(&events, "s"), of_phase(&events, "f"));
    assert_eq!((from.len(), to.len()), (1, 1));
    assert_eq!((&from[0]["tid"], &from[0]["ts"]), (&json!(1), &json!(1.0)));
    assert_eq!((&to[0]["tid"], &to[0]["ts"], &to[0]["bp"]), (&json!(2), &json!(3.0), &json!("e")));
    assert_eq!((&from[0]["id"], &from[0]["name"], &from[0]["cat"]), (&to[0]["id"], &to[0]["name"], &to[0]["cat"]));
    assert_eq!(named(&events, "heirloom_summary")[0]["args"]["arrows"], 1);
}

#[test]
fn the_file_counts_time_from_shortly_before_its_first_span() {
    let day_ns = 86_400_000_000_000;
    let late = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 + day_ns;
    let spans = [span(2, 1, "child", &lane(1), late + 1, late + 2), span(1, 0, "root", &lane(1), 1_000, late + 3)];
    let events = events(&[&spans[..1], &spans[1..]]);
    let slices = of_phase(&events, "X");
    let day_and_margin_us = (day_ns + MARGIN_NS) as f64 / 1e3;
    let ts = slices[0]["ts"].as_f64().unwrap();
    assert!((ts - day_and_margin_us).abs() < 60e6, "a day after the exporter was made: {ts}");
    assert_eq!(slices[1]["ts"], 0.0, "a span from before the file's time begins with it");
    assert_eq!(named(&events, "heirloom_summary")[0]["args"]["spans_begun_before_origin"], 1);
}

#[test]
fn each_event_has_a_line_and_only_the_bracket_is_missing_before_shutdown() {
    let spans = [span(2, 1, "a\nb", &lane(2), 3, 4), span(1, 0, "parent", &lane(1), 1, 9)];
    let open = file(&[&spans], false);
    let lines: Vec<_> = open.lines().collect();
    assert_eq!(lines[0], "[");
    for line in &lines[1..] {
        serde_json::from_str::<Json>(line.strip_suffix(',').unwrap()).unwrap();
    }
    assert!(file(&[&spans], true).starts_with(&open));
    serde_json::from_str::<Json>(&file(&[], true)).unwrap();
}

#[test]
fn a_batch_is_one_write() {
    struct CountWrites(std::sync::Arc<std::sync::atomic::AtomicUsize>);
    impl Write for CountWrites {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let writes = std::sync::Arc::default();
    let mut chrome = Chrome::new(CountWrites(std::sync::Arc::clone(&writes)));
    chrome.flush().unwrap();
    let spans: Vec<_> = (1..2000).map(|id| span(id, 0, "s", &lane(1), id * 10, id * 10 + 5)).collect();
    chrome.export(&batch(&spans).into()).unwrap();
    assert_eq!(writes.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
fn a_full_disk_costs_counted_spans_and_never_the_file() {
    let child = |id| span(id, 1, "child", &lane(2), 3_000 + id, 4_000);
    let whole = file(&[&[child(2), child(3), child(4)]], false).len();
    for room in 0..whole {
        let disk = Disk::with_room(room);
        let mut chrome = Chrome::new(disk.clone());
        let rejected = chrome.export(&batch(&[child(2), child(3), child(4)]).into()).unwrap_err().rejected(3);
        disk.make_room(1 << 20);
        chrome.export(&batch(&[child(5), span(1, 0, "parent", &lane(1), 1_000, 9_000)]).into()).unwrap();
        chrome.shutdown().unwrap();
        let events: Vec<Json> = serde_json::from_slice(&disk.bytes()).unwrap();
        let slices = of_phase(&events, "X").len() as u64;
        // A slice that was cut is rejected, and completed later.
        assert!(slices == 5 - rejected || slices == 6 - rejected, "room {room}: {slices} slices, {rejected} rejected");
        let summary = &named(&events, "heirloom_summary")[0]["args"];
        assert_eq!(summary["spans"].as_u64().unwrap() + summary["spans_rejected"].as_u64().unwrap(), 5);
        assert_eq!((of_phase(&events, "s").len(), of_phase(&events, "f").len()), (1, 1), "only to 5, that is there");
        assert!(!named(&events, "heirloom_origin").is_empty());
        assert!(named(&events, "thread_name").iter().any(|e| e["tid"] == 2));
    }
}

#[test]
fn after_shutdown_nothing_is_written() {
    let disk = Disk::with_room(usize::MAX);
    let mut chrome = Chrome::new(disk.clone());
    chrome.shutdown().unwrap();
    chrome.shutdown().unwrap();
    let before = disk.bytes();
    let error = chrome.export(&batch(&[span(1, 0, "late", &lane(1), 0, 1)]).into()).unwrap_err();
    assert_eq!(error.rejected(1), 1);
    assert_eq!(disk.bytes(), before);
}

#[test]
fn a_file_that_cannot_be_created_is_named_in_the_error() {
    let error = Chrome::create("no/such/folder/trace.json").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains("no/such/folder/trace.json"), "{error}");
}

/// The workload that `ci/perfetto/check.sh` opens in Perfetto. With `HEIRLOOM_CHROME_OUT` set to a folder, this writes
/// the file and the expected counts there.
#[test]
fn every_span_and_arrow_of_a_parallel_program_is_in_the_file() {
    for (name, tick_ns) in [("fine", 1), ("coarse", 41)] {
        let work = workload(7, tick_ns);
        let batches: Vec<_> = work.spans.chunks(61).collect();
        let text = file(&batches, true);
        let events: Vec<Json> = serde_json::from_str(&text).unwrap();
        let drawn = events.iter().filter(|event| event["args"]["span_id"].is_string());
        assert_eq!(drawn.count(), work.spans.len());
        assert_eq!((of_phase(&events, "s").len(), of_phase(&events, "f").len()), (work.arrows, work.arrows));
        let marks = events.iter().filter(|event| event["flow_out"] == true).count();
        assert!(work.marks.contains(&marks), "{marks} marks, not {:?}", work.marks);
        assert!(work.arrows > 100 && *work.marks.start() > 20 && !of_phase(&events, "b").is_empty());
        let arrows = work.arrows + marks;
        if let Some(folder) = std::env::var_os("HEIRLOOM_CHROME_OUT") {
            let folder = Path::new(&folder);
            std::fs::write(folder.join(format!("{name}.json")), text).unwrap();
            std::fs::write(folder.join(format!("{name}.truth.json")), truth(&work.spans, arrows)).unwrap();
        }
    }
}

fn truth(spans: &[SpanData], arrows: usize) -> String {
    let spans: Vec<_> = spans
        .iter()
        .map(|span| {
            json!({
                "span_id": span.span_id.to_string(),
                "parent_id": span.parent_span_id.map(|id| id.to_string()),
                "name": span.name,
                "pid": span.lane.process_id,
                "tid": span.lane.thread_id,
                "thread_name": &*span.lane.thread_name,
                "nested": span.nested,
            })
        })
        .collect();
    json!({"spans": spans, "arrows": arrows}).to_string()
}
