//! Trace files that are reports.
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::export::Exporter;
use heirloom_core::{builder, Settings};
use heirloom_insight::file::{FromEnv, Report};
use heirloom_insight::model::Run;
use heirloom_insight::read::Builder;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// A new folder, which is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("heirloom-html-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn settings(path: PathBuf) -> Settings {
    let mut settings = Settings::default();
    settings.service_name = "shop".into();
    settings.trace_file = Some(path);
    settings.strict = true;
    settings
}

fn read(path: PathBuf) -> Run {
    let mut builder = Builder::new();
    builder.file(path).unwrap();
    builder.finish()
}

/// The page's data element with this id.
fn data(page: &str, id: &str) -> Vec<u8> {
    use base64::Engine;
    use std::io::Read;
    let from = page.split_once(&format!("<script id=\"{id}\" type=\"application/octet-stream\">")).unwrap().1;
    let packed = base64::engine::general_purpose::STANDARD.decode(from.split_once('<').unwrap().0).unwrap();
    let mut data = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut data).unwrap();
    data
}

#[test]
fn a_trace_file_that_ends_in_html_is_a_report() {
    let folder = Folder::new("report");
    let guard = builder("shop").settings(settings(folder.file("run.html"))).extension(FromEnv::new()).start().unwrap();
    let tracer = guard.tracer().clone();
    tracer.in_root("orders", |root| {
        for _ in 0..10 {
            root.context().span("order").end();
        }
    });
    assert!(tracer.flush(std::time::Duration::from_secs(20)).is_ok());
    assert_eq!(folder.names(), ["run.html.part"], "spans are streamed while the program runs");
    assert_eq!(read(folder.file("run.html.part")).spans.len(), 11, "what a killed program leaves can be read");
    assert!(guard.finish().is_complete());
    assert_eq!(folder.names(), ["run.html"]);
    let page = fs::read_to_string(folder.file("run.html")).unwrap();
    let analysis: serde_json::Value = serde_json::from_slice(&data(&page, "analysis")).unwrap();
    assert_eq!(analysis["totals"]["spans"], 11);
    assert_eq!(analysis["program"], "shop");
    for sentence in analysis["sentences"].as_array().unwrap() {
        let text = sentence.as_str().unwrap().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        assert!(page.contains(&text), "{text}");
    }
    let spans = data(&page, "spans");
    assert!(spans.windows(6).any(|bytes| bytes == b"orders"));
}

/// So a program that only writes trace files compiles no client for HTTP.
#[test]
fn a_trace_file_of_otlp_needs_no_other_extension() {
    let folder = Folder::new("otlp");
    for name in ["run.otlp", "run.jsonl"] {
        let guard = builder("shop").settings(settings(folder.file(name))).extension(FromEnv::new()).start().unwrap();
        guard.tracer().clone().in_root("order", |_| ());
        assert!(guard.finish().is_complete());
        let run = read(folder.file(name));
        assert_eq!((run.spans.len(), &*run.names[0]), (1, "order"), "{name}");
    }
}

/// Without the crate, the ending is an error that names the feature, not a file in another format.
#[test]
fn without_the_extension_the_ending_names_the_feature() {
    let folder = Folder::new("feature");
    let error = builder("shop").settings(settings(folder.file("run.html"))).start().unwrap_err().to_string();
    assert!(error.contains("ends in .html needs the feature \"report\" of the crate `heirloom`"), "{error}");
}

#[test]
fn a_bound_that_is_no_number_is_reported() {
    let folder = Folder::new("bound");
    for wrong in ["0", "many", "-1"] {
        let extension = FromEnv::from_variables(move |_| Some(wrong.into()));
        let error = builder("shop").settings(settings(folder.file("run.html"))).extension(extension).start();
        let error = error.unwrap_err().to_string();
        assert!(error.contains("HEIRLOOM_TRACE_BYTES") && error.contains("a number of bytes"), "{error}");
    }
}

/// How many spans each trace of a run has.
fn by_trace(run: &Run) -> BTreeMap<u128, usize> {
    let mut traces = BTreeMap::new();
    for span in &run.spans {
        *traces.entry(run.trace_of(span).to_u128()).or_default() += 1;
    }
    traces
}

#[test]
fn beyond_its_bound_the_oldest_whole_traces_go_and_are_counted() {
    const BYTES: u64 = 100_000;
    const TRACES: usize = 1_500;
    let folder = Folder::new("oldest");
    let report = Report::create(folder.file("run.html"), BYTES).unwrap();
    let guard = builder("shop").exporter(report).start().unwrap();
    let tracer = guard.tracer().clone();
    let part = folder.file("run.html.part");
    let mut started = Vec::new();
    for n in 0..TRACES {
        tracer.in_root("request", |root| {
            started.push(root.context().trace_id().to_u128());
            (0..4).for_each(|_| root.context().span("step").end());
        });
        if n % 50 == 0 {
            assert!(tracer.flush(std::time::Duration::from_secs(20)).is_ok());
            let len = fs::metadata(&part).unwrap().len();
            assert!(len <= BYTES + 50 * 5 * 400, "{len} bytes");
        }
    }
    assert!(tracer.flush(std::time::Duration::from_secs(20)).is_ok());
    let run = read(part.clone());
    assert!(fs::metadata(&part).unwrap().len() <= BYTES);
    let traces = by_trace(&run);
    // What is left is the newest, without a gap.
    let whole = |trace: &u128| traces.get(trace) == Some(&5);
    let left = started.iter().rev().take_while(|trace| whole(trace)).count();
    assert_eq!(left, started.iter().filter(|trace| whole(trace)).count());
    // Spans that have the marks of others stay with those; the other traces are whole.
    let torn = traces.values().filter(|spans| **spans != 5).count();
    assert!(traces.len() > 50 && torn * 10 <= traces.len(), "{torn} of {} traces are torn", traces.len());
    assert!(guard.finish().is_complete());
    let page = fs::read_to_string(folder.file("run.html")).unwrap();
    let analysis: serde_json::Value = serde_json::from_slice(&data(&page, "analysis")).unwrap();
    let note = analysis["notes"].as_array().unwrap().iter().find(|note| note["kind"] == "dropped").unwrap();
    let text = note["text"].as_str().unwrap().replace(',', "");
    let dropped: usize = text.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(dropped + run.spans.len(), TRACES * 5, "{text}");
}

/// So the report of a service that ran for days is about what happened last.
#[test]
fn a_report_without_room_for_all_spans_has_the_newest_whole_traces_and_counts_the_rest() {
    const ROOM: usize = 1_000;
    const TRACES: usize = 1_500;
    let folder = Folder::new("newest");
    let report = Report::create(folder.file("run.html"), 1 << 30).unwrap().max_spans(ROOM);
    let guard = builder("shop").exporter(report).start().unwrap();
    let tracer = guard.tracer().clone();
    for n in 0..TRACES {
        tracer.in_root(format!("request {n}"), |root| (0..4).for_each(|_| root.context().span("step").end()));
        if n % 50 == 0 {
            assert!(tracer.flush(std::time::Duration::from_secs(20)).is_ok());
        }
    }
    assert!(tracer.flush(std::time::Duration::from_secs(20)).is_ok());
    assert_eq!(read(folder.file("run.html.part")).spans.len(), TRACES * 5, "what a killed program leaves is whole");
    assert!(guard.finish().is_complete());
    let page = fs::read_to_string(folder.file("run.html")).unwrap();
    let analysis: serde_json::Value = serde_json::from_slice(&data(&page, "analysis")).unwrap();
    let counts: BTreeMap<&str, u64> = analysis["names"].as_array().unwrap().iter().map(name_and_count).collect();
    let has = |n: &usize| counts.contains_key(&*format!("request {n}"));
    let newest = (0..TRACES).rev().take_while(has).count();
    // An eighth of the room is for spans that have marks of others; few of them are left of older traces.
    let (stray_roots, steps) = ((0..TRACES).filter(has).count() - newest, counts["step"] as usize);
    assert!(newest * 5 <= ROOM && newest * 5 > ROOM / 2, "{newest} traces");
    assert!(
        stray_roots * 10 <= newest && steps >= newest * 4 && steps <= newest * 5,
        "{stray_roots} roots, {steps} steps"
    );
    let kept = analysis["totals"]["spans"].as_u64().unwrap() as usize;
    let note = analysis["notes"].as_array().unwrap().iter().find(|note| note["kind"] == "dropped").unwrap();
    let text = note["text"].as_str().unwrap().replace(',', "");
    let left_out: usize = text.split(' ').next().unwrap().parse().unwrap();
    assert!(kept <= ROOM && left_out + kept == TRACES * 5, "{text}: {kept} kept");
}

fn name_and_count(name: &serde_json::Value) -> (&str, u64) {
    (name["name"].as_str().unwrap(), name["count"].as_u64().unwrap())
}

/// A trace that is larger than the bound can't be removed while it goes on: it would be torn.
#[test]
fn a_trace_larger_than_the_bound_is_kept_and_further_spans_are_counted() {
    let folder = Folder::new("large");
    let report = Report::create(folder.file("run.html"), 20_000).unwrap();
    let guard = builder("shop").exporter(report).start().unwrap();
    let tracer = guard.tracer().clone();
    let root = tracer.root("one");
    for _ in 0..20 {
        (0..50).for_each(|_| root.context().span("step").end());
        let _ = tracer.flush(std::time::Duration::from_secs(20));
    }
    root.end();
    let report = guard.finish();
    let lost: u64 = report.ledger().exporters.iter().map(|exporter| exporter.dropped.failed).sum();
    let page = fs::read_to_string(folder.file("run.html")).unwrap();
    let analysis: serde_json::Value = serde_json::from_slice(&data(&page, "analysis")).unwrap();
    let kept = analysis["totals"]["spans"].as_u64().unwrap();
    assert!(lost > 0 && kept > 50 && lost + kept == 1_001, "{lost} lost and {kept} kept");
}

#[test]
fn a_report_has_a_time_of_its_own_that_the_timeout_of_finish_does_not_cut_off() {
    let folder = Folder::new("patient");
    let report = Report::create(folder.file("run.html"), 1 << 20).unwrap();
    let time = Exporter::shutdown_timeout(&report);
    assert!(time.is_some_and(|time| time > 10 * heirloom_core::Settings::default().finish_timeout), "{time:?}");
}

/// `ci/report-speed.sh` runs it, in a release build.
#[test]
#[ignore = "measures: a million spans, in a release build"]
fn a_million_spans_are_a_report_within_5_seconds_and_512_mb() {
    let folder = Folder::new("million");
    let report = Report::create(folder.file("run.html"), heirloom_insight::file::DEFAULT_BYTES).unwrap();
    let guard = builder("shop").exporter(report).start().unwrap();
    let tracer = guard.tracer().clone();
    tracer.in_root("run", |root| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..50_000 {
                        let item = root.context().span("item");
                        (0..4).for_each(|_| item.context().span("step").end());
                        item.end();
                        if n % 1_000 == 0 {
                            let _ = tracer.flush(std::time::Duration::from_secs(60));
                        }
                    }
                });
            }
        });
    });
    tracer.flush(std::time::Duration::from_secs(60)).unwrap();
    let start = std::time::Instant::now();
    assert!(guard.finish().is_complete());
    let seconds = start.elapsed().as_secs_f64();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    let bytes = fs::metadata(folder.file("run.html")).unwrap().len();
    println!("1,000,001 spans: report of {bytes} bytes in {seconds:.2} s, at most {} MB", peak / 1000);
    assert!(seconds < 5.0 && peak < 512_000, "{seconds} s, {peak} kB");
}
