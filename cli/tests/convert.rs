//! `heirloom convert`: each form means the same, what is private goes, and no file is lost.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_otlp::read::{AnyValue, Records, Request, Span};
use heirloom_otlp::Format;
use std::path::Path;
use support::{command, heirloom, record, request, span, spans, succeeds};

fn read(path: &Path) -> Vec<Request> {
    let format = Format::of_file(path).unwrap();
    Records::new(format, std::fs::File::open(path).unwrap()).collect::<Result<_, _>>().unwrap()
}

/// A file that Heirloom wrote, with a secret in a name, an attribute, an event, and the text of an error.
fn recorded(path: &Path) {
    record(path, |cx| {
        for n in 0..300 {
            let span = cx.span("decode");
            span.set("customer", "s3cr3t").set("n", n);
            span.event_with("retry", &[("why", "s3cr3t".into())]);
            span.set_status(heirloom_core::Status::Error("s3cr3t".into()));
        }
    });
}

#[test]
fn both_forms_of_otlp_are_converted_into_each_other_without_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two, three] = ["1.otlp", "2.jsonl", "3.otlp"].map(|name| folder.path().join(name));
    recorded(&one);
    for pair in [&one, &two, &three].windows(2) {
        assert_eq!(succeeds([Path::new("convert"), pair[0], pair[1]]), "");
    }
    assert_eq!(read(&one), read(&two));
    assert!(std::fs::read(&one).unwrap() == std::fs::read(&three).unwrap() || read(&one) == read(&three));
    assert!(read(&one).iter().flat_map(|request| &request.resource_spans).count() > 0);
}

#[test]
fn standard_output_has_the_form_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.otlp");
    recorded(&path);
    let lines = succeeds([Path::new("convert"), &path, Path::new("-"), Path::new("--to=jsonl")]);
    assert!(lines.starts_with("{\"resourceSpans\":[") && lines.matches("\"name\":\"decode\"").count() == 300);
    let ran = heirloom([Path::new("convert"), &path, Path::new("-")]);
    let why = "heirloom: -: expected a name that ends in .otlp, .jsonl or .json, or --to otlp, jsonl or json\n";
    assert_eq!((ran.status, &*ran.err), (2, why));
}

#[test]
fn chrome_events_have_each_span_with_its_times_and_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["run.otlp", "run.json"].map(|name| folder.path().join(name));
    let mut polled = span(3, 1, "</script>\u{1}", 2_000, 5_000);
    polled.attributes.push(support::attribute("heirloom.polls", AnyValue::Int(2)));
    spans(
        &from,
        vec![span(2, 1, "child", 1_000_000_001_234, 1_000_000_003_000), polled, span(1, 0, "root", 1_000, 9_000)],
    );
    succeeds([Path::new("convert"), &from, &to]);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&to).unwrap()).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let named =
        |name: &str| events.iter().filter(|event| event["name"] == name && event["cat"] != "arrow").collect::<Vec<_>>();
    let [child] = named("child")[..] else { panic!("{events:?}") };
    assert_eq!(
        (&child["ph"], &child["pid"], &child["tid"], child["dur"].as_f64()),
        (&"X".into(), &100.into(), &1.into(), Some(1.766))
    );
    assert_eq!(child["args"]["parent_span_id"], "0000000000000001");
    let [begin, end] = named("</script>\u{1}")[..] else { panic!("{events:?}") };
    assert_eq!((&begin["ph"], &end["ph"], &begin["id"]), (&"b".into(), &"e".into(), &end["id"]));
    assert_eq!(named("process_name")[0]["args"]["name"], "shop");
}

/// A thread, and nanoseconds after the first slice.
type Place = (u64, f64);

/// The arrows between threads of a file: their names, and where and when they begin and end.
fn arrows(path: &Path) -> Vec<(String, Place, Place)> {
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let origin = events.iter().filter(|event| event["ph"] == "X").map(|event| event["ts"].as_f64().unwrap());
    let origin = origin.fold(f64::INFINITY, f64::min);
    let all = |phase: &str| events.iter().filter(|event| event["ph"] == phase).collect::<Vec<_>>();
    let (begins, ends) = (all("s"), all("f"));
    assert_eq!(begins.len(), ends.len());
    let place = |event: &serde_json::Value| {
        let name = event["name"].as_str().unwrap();
        let category = name.split(' ').next().filter(|first| ["join", "lock"].contains(first)).unwrap_or("arrow");
        assert_eq!((&event["bp"], &event["cat"]), (&"e".into(), &category.into()));
        // Perfetto binds an end to the slice of the thread that began last.
        let on_thread = |slice: &&serde_json::Value| slice["ph"] == "X" && slice["tid"] == event["tid"];
        let began = |slice: &&serde_json::Value| slice["ts"].as_f64() <= event["ts"].as_f64();
        let last = events.iter().filter(on_thread).filter(began).map(|slice| slice["ts"].as_f64().unwrap());
        assert_eq!(last.reduce(f64::max), event["ts"].as_f64(), "{event}");
        (event["tid"].as_u64().unwrap(), ((event["ts"].as_f64().unwrap() - origin) * 1000.0).round())
    };
    let mut arrows: Vec<_> = begins
        .into_iter()
        .map(|begin| {
            let end = ends.iter().find(|end| end["id"] == begin["id"] && end["name"] == begin["name"]).unwrap();
            (begin["name"].as_str().unwrap().to_owned(), place(begin), place(end))
        })
        .collect();
    arrows.sort_by(|a, b| a.0.cmp(&b.0));
    arrows
}

fn sorted(mut arrows: Vec<(String, Place, Place)>) -> Vec<(String, Place, Place)> {
    arrows.sort_by(|a, b| (&a.0, a.1 .0, a.2 .0).cmp(&(&b.0, b.1 .0, b.2 .0)));
    arrows
}

/// The arrows of a file in which each span has a request of its own, in this order and backwards: an end waits for the other.
fn drawn(all: &[Span]) -> [Vec<(String, Place, Place)>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["run.otlp", "run.json"].map(|name| folder.path().join(name));
    let mut backwards = all.to_vec();
    backwards.reverse();
    [all.to_vec(), backwards].map(|spans| {
        let requests: Vec<Request> = spans.into_iter().map(|span| request(vec![span])).collect();
        std::fs::write(&from, support::file(Format::Protobuf, &requests)).unwrap();
        succeeds([Path::new("convert"), &from, &to]);
        sorted(arrows(&to))
    })
}

/// The span, on this thread.
fn on(thread: i64, span: Span) -> Span {
    with("thread.id", AnyValue::Int(thread), Span { attributes: Vec::new(), ..span })
}

/// The span, with one more attribute.
fn with(key: &str, value: AnyValue, mut span: Span) -> Span {
    span.attributes.push(support::attribute(key, value));
    span
}

#[test]
fn arrows_lead_to_children_on_other_threads_along_links_and_from_senders_to_receivers() {
    use heirloom_otlp::read::Link;
    let mut linked = on(3, span(5, 0, "linked", 5_000, 6_000));
    linked.links = vec![Link { span_id: heirloom_core::SpanId::from_u64(2), ..Link::default() }];
    // A wait of the span 7 for a message of the span 4, from 1,500 to 1,900: kind 4; thread, span, length, a and d are there.
    let marks = [4 | (0b0100_1111 << 8), 4, 7, 500, 400, 7, 4].map(AnyValue::Int).to_vec();
    let all = [
        on(1, span(2, 1, "nested", 2_000, 3_000)),
        on(2, span(3, 1, "other thread", 2_500, 4_000)),
        with("heirloom.fan_out", AnyValue::Int(9), on(3, span(4, 1, "piece", 1_200, 4_000))),
        linked,
        on(1, span(6, 1, "after its parent", 9_500, 9_600)),
        on(4, span(7, 0, "receiver", 1_000, 8_000)),
        with("heirloom.marks", AnyValue::Array(marks), on(1, span(1, 0, "root", 1_000, 9_000))),
    ];
    let wanted = [
        ("child", (1, 0.0), (2, 1_500.0)),
        ("child", (1, 0.0), (1, 8_500.0)),
        ("fan-out", (1, 0.0), (3, 200.0)),
        ("link", (1, 1_000.0), (3, 4_000.0)),
        ("message", (3, 200.0), (4, 900.0)),
    ]
    .map(|(name, from, to)| (name.to_owned(), from, to));
    for found in drawn(&all) {
        assert_eq!(found, sorted(wanted.to_vec()));
    }
}

#[test]
fn arrows_lead_from_what_ended_a_wait_to_what_waited() {
    let piece = |thread, span| with("heirloom.fan_out", AnyValue::Int(9), on(thread, span));
    let ints = |ints: &[i64]| AnyValue::Array(ints.iter().map(|int| AnyValue::Int(*int)).collect());
    // The name of the lock 77: kind 7; thread, a, b and the text are there.
    let name = ints(&[7 | (0b1001_1001 << 8), 6, 0, 1, 77, 0]);
    let texts = AnyValue::Array(vec![AnyValue::String("index".to_owned())]);
    // Kind 2, the join of the fan-out 9, whose parent is the span 1, at 4,100. Kind 4, waits: of the span 3 for the lock 77, which
    // the span 2 released at 2,000; of the span 3 for a lock without a name, which the span 2 released at 2,500; of the span 5 for
    // the job 4, until 7,000.
    let marks = ints(&[
        2 | (0b0000_1011 << 8),
        1,
        1,
        3_100,
        9,
        4 | (0b0101_1111 << 8),
        3,
        3,
        -2_600,
        500,
        8,
        77,
        2,
        4 | (0b0101_1111 << 8),
        3,
        3,
        600,
        400,
        10,
        78,
        2,
        4 | (0b0100_1111 << 8),
        5,
        5,
        3_900,
        1_000,
        5,
        4,
    ]);
    let all = [
        piece(2, span(2, 1, "first piece", 1_200, 3_000)),
        piece(3, span(3, 1, "last piece", 1_300, 4_000)),
        piece(1, span(6, 1, "piece of the waiting thread", 1_400, 2_000)),
        on(4, span(4, 0, "job", 5_000, 6_900)),
        on(5, span(5, 0, "waits for a job", 5_500, 8_000)),
        with("heirloom.marks", marks, on(1, span(1, 0, "root", 1_000, 9_000))),
        with("heirloom.marks.texts", texts, with("heirloom.marks", name, on(6, span(7, 0, "later", 9_000, 9_100)))),
    ];
    let wanted = [
        ("join", (3, 2_999.0), (1, 3_100.0)),
        ("join", (4, 5_899.0), (5, 6_000.0)),
        ("lock 4e", (2, 1_499.0), (3, 1_500.0)),
        ("lock index", (2, 999.0), (3, 1_000.0)),
    ]
    .map(|(name, from, to)| (name.to_owned(), from, to));
    for found in drawn(&all) {
        assert_eq!(found.into_iter().filter(|arrow| arrow.0 != "fan-out").collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn a_recorded_fan_out_has_an_arrow_from_its_last_piece_and_a_lock_from_its_holder() {
    use std::{thread::sleep, time::Duration};
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["run.otlp", "run.json"].map(|name| folder.path().join(name));
    record(&from, |cx| {
        let counts = heirloom::sync::Mutex::named("counts", 0);
        let (hold, held) = std::sync::mpsc::channel();
        heirloom::threads::scope(cx, |s| {
            let counts = &counts;
            s.spawn("holder", move |_| {
                let _counts = counts.lock();
                hold.send(()).unwrap();
                sleep(Duration::from_millis(250));
            });
            s.spawn("waiter", move |_| {
                held.recv().unwrap();
                *counts.lock() += 1;
                sleep(Duration::from_millis(20));
            });
        });
        sleep(Duration::from_millis(5));
    });
    succeeds([Path::new("convert"), &from, &to]);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&to).unwrap()).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let origin = events.iter().filter(|event| event["ph"] == "X").map(|event| event["ts"].as_f64().unwrap());
    let origin = origin.fold(f64::INFINITY, f64::min);
    let slice = |name: &str| {
        let slice = events.iter().find(|event| event["ph"] == "X" && event["name"] == name).unwrap();
        let [start, length] = ["ts", "dur"].map(|key| slice[key].as_f64().unwrap() * 1000.0);
        (slice["tid"].as_u64().unwrap(), start - origin * 1000.0, start - origin * 1000.0 + length)
    };
    let ((work, _, end), (holder, ..), (waiter, _, over)) = (slice("work"), slice("holder"), slice("waiter"));
    let found = arrows(&to);
    let names: Vec<&str> = found.iter().map(|arrow| &*arrow.0).collect();
    assert_eq!(names, ["fan-out", "fan-out", "join", "lock counts"], "{found:?}");
    let (join, lock) = (&found[2], &found[3]);
    assert_eq!((join.1 .0, join.2 .0, lock.1 .0, lock.2 .0), (waiter, work, holder, waiter));
    assert!((over - join.1 .1).abs() < 10.0 && over <= join.2 .1 + 2.0 && join.2 .1 < end - 4_000_000.0, "{found:?}");
    assert!(lock.2 .1 < over - 19_000_000.0 && lock.1 .1 <= lock.2 .1, "{found:?}");
}

#[test]
fn an_arrow_from_a_job_to_the_task_that_awaited_it_leads_from_mark_to_mark() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["run.otlp", "run.json"].map(|name| folder.path().join(name));
    let mut task = span(3, 0, "task", 2_000, 8_000);
    task.attributes.push(support::attribute("heirloom.polls", AnyValue::Int(2)));
    // A wait of the span 3 for the job 1, from 2,100 to 6,500: kind 4, cause 12.
    let marks = [4 | (0b0100_1111 << 8), 1, 3, 100, 4_400, 12, 1].map(AnyValue::Int).to_vec();
    task.attributes.push(support::attribute("heirloom.marks", AnyValue::Array(marks)));
    spans(&from, vec![task, span(1, 0, "job", 1_000, 6_000)]);
    succeeds([Path::new("convert"), &from, &to]);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&to).unwrap()).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let of = |key: &str| events.iter().filter(|event| event[key] == true).collect::<Vec<_>>();
    let ([out], [into]) = (&of("flow_out")[..], &of("flow_in")[..]) else { panic!("{events:?}") };
    assert_eq!((&out["name"], &into["name"], &out["bind_id"]), (&"join".into(), &"join".into(), &into["bind_id"]));
    assert_eq!((&out["ph"], &into["ph"], &into["id"]), (&"X".into(), &"n".into(), &"0000000000000003".into()));
    let at = |event: &serde_json::Value| (event["ts"].as_f64().unwrap() * 1000.0).round();
    assert_eq!(at(into) - at(out), 501.0);
}

#[test]
fn an_arrow_to_an_asynchronous_span_begins_at_a_mark_on_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["run.otlp", "run.json"].map(|name| folder.path().join(name));
    let mut polled = span(3, 1, "request", 2_000, 5_000);
    polled.attributes.push(support::attribute("heirloom.polls", AnyValue::Int(2)));
    spans(&from, vec![polled, span(1, 0, "root", 1_000, 9_000)]);
    succeeds([Path::new("convert"), &from, &to]);
    assert_eq!(arrows(&to), []);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&to).unwrap()).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let of = |key: &str| events.iter().filter(|event| event[key] == true).collect::<Vec<_>>();
    let ([out], [into]) = (&of("flow_out")[..], &of("flow_in")[..]) else { panic!("{events:?}") };
    assert_eq!(
        (&out["ph"], &out["tid"], &into["ph"], &into["name"]),
        (&"X".into(), &1.into(), &"b".into(), &"request".into())
    );
    assert_eq!((&out["bind_id"], &into["bind_id"]), (&"0x0000000000000003".into(), &"0x0000000000000003".into()));
}

#[test]
fn a_stripped_file_has_nothing_private() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to, more] = ["run.otlp", "share.jsonl", "more.jsonl"].map(|name| folder.path().join(name));
    recorded(&from);
    assert!(String::from_utf8_lossy(&std::fs::read(&from).unwrap()).contains("s3cr3t"));
    succeeds([Path::new("convert"), Path::new("--strip"), &from, &to]);
    let text = std::fs::read_to_string(&to).unwrap();
    assert!(!text.contains("s3cr3t") && !text.contains("customer"));
    assert_eq!(text.matches("\"name\":\"decode\"").count(), 300);
    assert!(text.contains("\"thread.id\"") && text.contains("\"shop\"") && text.contains("\"process.pid\""));
    succeeds([Path::new("convert"), Path::new("--strip"), Path::new("--strip-names"), &from, &more]);
    let text = std::fs::read_to_string(&more).unwrap();
    assert!(!["decode", "retry", "shop", "work"].iter().any(|name| text.contains(name)), "{text}");
    assert!(succeeds([Path::new("check"), &more]).starts_with("301 spans in 1 trace"));
}

#[test]
fn the_file_that_is_read_is_never_written_and_an_unreadable_one_empties_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["run.otlp", "out.otlp"].map(|name| folder.path().join(name));
    recorded(&from);
    let before = std::fs::read(&from).unwrap();
    let same = folder.path().join(".").join("run.otlp");
    let ran = heirloom([Path::new("convert"), &from, &same]);
    assert!(ran.status == 2 && ran.err.ends_with("is the file that is read: expected another name\n"), "{ran:?}");
    assert_eq!(std::fs::read(&from).unwrap(), before);

    std::fs::write(&to, "keep").unwrap();
    let text = folder.path().join("text.otlp");
    std::fs::write(&text, "no trace").unwrap();
    assert_eq!(heirloom([Path::new("convert"), &text, &to]).status, 2);
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "keep");
}

#[cfg(unix)]
#[test]
fn what_is_written_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["run.otlp", "run.jsonl"].map(|name| folder.path().join(name));
    recorded(&from);
    succeeds([Path::new("convert"), &from, &to]);
    assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_cut_file_is_converted_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["run.otlp", "run.jsonl"].map(|name| folder.path().join(name));
    let all: Vec<Request> = (1..=5).map(|id| request(vec![span(id, 0, "a", 1, 2)])).collect();
    let bytes = support::file(Format::Protobuf, &all);
    std::fs::write(&from, &bytes[..bytes.len() - 1]).unwrap();
    let ran = heirloom([Path::new("convert"), &from, &to]);
    assert!(ran.status == 0 && ran.err.contains("cut off"), "{ran:?}");
    assert_eq!(read(&to), all[..4]);
}

#[test]
fn a_closed_output_ends_it_quietly() {
    use std::io::Write;
    use std::process::Stdio;
    let bytes = support::file(Format::Json, &vec![request((1..=5000).map(|id| span(id, 9, "a", 1, 2)).collect()); 3]);
    for args in [&["convert", "-", "-", "--to=jsonl"][..], &["check", "-", "--list=100000"]] {
        let mut child =
            command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Closed before it has read anything, so before it writes.
        drop(child.stdout.take());
        child.stdin.take().unwrap().write_all(&bytes).unwrap_or_default();
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), &*String::from_utf8_lossy(&ended.stderr)), (Some(0), ""), "{args:?}");
    }
}
