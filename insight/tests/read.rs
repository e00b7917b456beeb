//! Reading: files of any OpenTelemetry program, in both forms, whole or damaged; what is guessed, and what is said about it.
#![allow(clippy::unwrap_used)]

mod support;

use heirloom_core::export::Exporter;
use heirloom_core::mark::{self, FanOut};
use heirloom_core::SpanId;
use heirloom_insight::account::account;
use heirloom_insight::graph::Graph;
use heirloom_insight::model::{FanKind, NoteKind, Run, StageKind, WaitCause};
use heirloom_insight::read::{files, Builder, Collector};
use heirloom_insight::{analyse, Options};
use heirloom_otlp::{Format, OtlpFile};
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use support::{request, Program, SpanText, T};

/// A file that is removed at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = std::env::temp_dir().join(format!("heirloom-insight-{}-{name}", std::process::id()));
        fs::write(&path, contents).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

fn run(requests: &[String]) -> Run {
    let mut builder = Builder::new();
    requests.iter().for_each(|text| builder.request(&heirloom_otlp::read::json(text).unwrap()));
    builder.finish()
}

fn notes(run: &Run) -> Vec<(NoteKind, &str)> {
    run.notes.iter().map(|note| (note.kind, &*note.text)).collect()
}

/// Name, start and end after [`T`], thread.
fn spans(run: &Run) -> Vec<(&str, u64, u64, u64)> {
    let row = |span: &heirloom_insight::model::Span| {
        (&*run.names[span.name as usize], span.start - T, span.end - T, run.lanes[span.lane as usize].thread_id)
    };
    run.spans.iter().map(row).collect()
}

/// A program without Heirloom: a root that starts two threads.
fn foreign() -> Vec<SpanText> {
    vec![
        SpanText::new(1, 0, "main", 0, 100).thread(1),
        SpanText::new(2, 1, "read", 0, 10).thread(1),
        SpanText::new(3, 1, "work", 20, 80).thread(2),
        SpanText::new(4, 1, "work", 20, 50).thread(3),
        SpanText::new(5, 3, "inner", 30, 40).thread(2),
    ]
}

#[test]
fn fan_outs_of_a_program_without_marks_are_guessed_and_that_is_said() {
    let run = run(&[request(&Program::new("shop", 7), &foreign())]);
    assert_eq!(run.program, "shop");
    assert_eq!(run.fans.len(), 1);
    let fan = &run.fans[0];
    assert_eq!((fan.kind, fan.begin - T, fan.join.unwrap() - T, fan.blocks), (FanKind::Guessed, 20, 80, true));
    assert_eq!(fan.children.len(), 2);
    let guessed = "1 fan-out is guessed: children of one span that overlap in time, on other threads.";
    assert_eq!(notes(&run), [(NoteKind::Guessed, guessed)]);
    let account = account(&run);
    // `main` is blocked while its threads work.
    assert_eq!((account.totals.work_ns, account.totals.capacity_ns), (130, 200));
}

/// The thread's own child spans all of the guessed fan-out: it runs inside of it, and isn't hidden by it.
#[test]
fn a_thread_that_runs_the_longest_child_of_a_guessed_fan_out_works() {
    let spans = [
        SpanText::new(1, 0, "main", 0, 100).thread(1),
        SpanText::new(2, 1, "own", 20, 80).thread(1),
        SpanText::new(3, 1, "work", 30, 70).thread(2),
    ];
    let run = run(&[request(&Program::new("shop", 7), &spans)]);
    let fan = &run.fans[0];
    assert_eq!((fan.begin - T, fan.join.unwrap() - T, fan.blocks), (20, 80, false));
    let account = account(&run);
    assert_eq!(account.lanes.iter().map(|lane| lane.working_ns).collect::<Vec<_>>(), [100, 40]);
}

#[test]
fn without_threads_there_is_a_path_and_no_lost_time() {
    let spans = [SpanText::new(1, 0, "main", 0, 100), SpanText::new(2, 1, "read", 10, 90)];
    let run = run(&[request(&Program::new("shop", 7), &spans)]);
    let text = "2 spans have no `thread.id`, so lost time can't be shown for their processes.";
    assert_eq!(notes(&run), [(NoteKind::Missing, text)]);
    let account = account(&run);
    assert_eq!((account.totals.capacity_ns, account.totals.work_ns, account.lost.len()), (0, 0, 0));
    let path: Vec<_> = account.observed_path.iter().map(|step| (&*step.name, step.from, step.to)).collect();
    assert_eq!(path, [("main", 0, 10), ("read", 10, 90), ("main", 90, 100)]);
}

#[test]
fn the_same_input_in_any_order_gives_the_same_run() {
    let mut spans = foreign();
    spans[2] = SpanText::new(3, 1, "work", 20, 80).thread(2).attribute("heirloom.dropped_children", "3");
    let (one, two) = (Program::new("shop", 7), Program::new("worker", 8));
    let other = [SpanText::new(6, 1, "job", 30, 60).thread(1), SpanText::new(7, 6, "job", 35, 50).thread(4)];
    let expected = run(&[request(&one, &spans), request(&two, &other)]);
    assert_eq!(expected.spans.len(), 7);
    let mut order = vec![0, 1, 2, 3, 4];
    for turn in 0..120 {
        // All orders of five, by Heap's method as a counter.
        let (a, b) = (turn % 5, turn / 5 % 5);
        order.swap(a, b);
        let shuffled: Vec<SpanText> = order.iter().map(|at| spans[*at].clone()).collect();
        let split = turn % 4 + 1;
        let mut parts =
            vec![request(&one, &shuffled[..split]), request(&two, &other), request(&one, &shuffled[split..])];
        parts.rotate_left(turn % 3);
        assert_eq!(run(&parts), expected, "{order:?}");
    }
}

#[test]
fn each_fault_of_the_input_is_counted() {
    let spans = [
        SpanText::new(1, 0, "main", 0, 100).thread(1),
        SpanText::new(2, 1, "backward", 50, 40).thread(1),
        SpanText::new(3, 1, "double", 60, 70).thread(1),
        SpanText::new(3, 1, "double", 60, 75).thread(1),
        SpanText::new(4, 99, "orphan", 80, 90).thread(1),
        SpanText::new(5, 6, "circle", 91, 99).thread(1),
        SpanText::new(6, 5, "circle", 92, 98).thread(1),
        SpanText::new(7, 7, "itself", 93, 94).thread(1),
        SpanText::at(8, 1, "never set", 5, 9).thread(1),
        SpanText::new(9, 1, "open", 95, 96).thread(1).attribute("heirloom.incomplete", "true"),
        SpanText::new(10, 1, "lossy", 96, 97).thread(1).attribute("heirloom.dropped_children", "12"),
    ];
    let run = run(&[request(&Program::new("shop", 7), &spans)]);
    assert_eq!(
        notes(&run),
        [
            (NoteKind::Dropped, "12 spans are missing: they were dropped."),
            (NoteKind::Open, "1 span was still open when its trace ended. Its end is unknown."),
            (NoteKind::Missing, "1 span has a parent that is not in the input. It counts as a root."),
            (NoteKind::Damaged, "1 span ends before it starts. It counts as a span without length."),
            (NoteKind::Damaged, "1 span has a time before 1971 or after 2099. It is left out, or has no length."),
            (NoteKind::Damaged, "1 span is left out, because another one has the same ids."),
            (NoteKind::Damaged, "2 spans were their own ancestors. They count as roots."),
        ]
    );
    let double = spans_named(&run, "double");
    assert_eq!(double, [(60, 75)], "the longer one of the doubles stays");
    let circle = run.spans.iter().find(|span| span.id == SpanId::from_u64(5)).unwrap();
    assert_eq!(circle.parent(), None, "the one that starts first is the root");
    account(&run);
}

#[test]
fn spans_of_a_dead_process_are_named_with_what_it_died_of() {
    let aborted = |id, name, message: &str| {
        SpanText::new(id, 1, name, 10, 60).thread(2).attribute("heirloom.aborted", "true").failed(message)
    };
    let killed = "aborted: process 9 was killed by signal 9 (SIGKILL) while the span was open";
    let spans = [
        SpanText::new(1, 0, "main", 0, 100).thread(1),
        aborted(2, "shape", killed),
        aborted(3, "measure", killed),
        aborted(4, "shape", "aborted: process 11 exited with code 3 while the span was open: its deadline had passed"),
        aborted(5, "copy", "a text of its own"),
        // One of two with the same ids is left out, and not counted.
        aborted(5, "copy", "a text of its own"),
        SpanText::new(6, 1, "open", 95, 96).thread(1).attribute("heirloom.incomplete", "true"),
    ];
    let run = run(&[request(&Program::new("shop", 7), &spans)]);
    let open: Vec<_> = notes(&run).into_iter().filter(|note| note.0 == NoteKind::Open).map(|note| note.1).collect();
    assert_eq!(
        open,
        [
            "1 span was aborted (`copy`): the process ended first.",
            "1 span was aborted (`shape`): process 11 exited with code 3: its deadline had passed.",
            "1 span was still open when its trace ended. Its end is unknown.",
            "2 spans were aborted (`measure`, `shape`): process 9 was killed by signal 9 (SIGKILL).",
        ]
    );
    assert!(run.spans.iter().filter(|span| span.open).count() == 5);
}

fn spans_named(run: &Run, name: &str) -> Vec<(u64, u64)> {
    spans(run).iter().filter(|span| span.0 == name).map(|span| (span.1, span.2)).collect()
}

#[test]
fn a_span_that_crosses_another_one_on_its_thread_is_not_nested() {
    let spans = [
        SpanText::new(1, 0, "first", 0, 60).thread(1),
        SpanText::new(2, 0, "second", 40, 90).thread(1),
        SpanText::new(3, 0, "third", 70, 95).thread(1),
    ];
    let run = run(&[request(&Program::new("shop", 7), &spans)]);
    assert_eq!(run.spans.iter().map(|span| span.nested).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(notes(&run)[0].1, "1 span crosses another one on its thread. It counts for no thread.");
}

#[test]
fn spans_of_tracing_that_were_mostly_left_are_asynchronous() {
    let spans = [
        SpanText::new(1, 0, "sync", 0, 1000).thread(1).attribute("busy_ns", "990").attribute("idle_ns", "10"),
        SpanText::new(2, 0, "async", 0, 1000).thread(1).attribute("busy_ns", "200").attribute("idle_ns", "800"),
    ];
    let run = run(&[request(&Program::new("shop", 7), &spans)]);
    assert_eq!(run.spans.iter().map(|span| span.polled).collect::<Vec<_>>(), [false, true]);
    assert_eq!(notes(&run)[0].1, "1 asynchronous span has no record of when it ran. It counts for no thread.");
}

// The fields of a packed mark that are present.
const THREAD: i64 = 1;
const SPAN: i64 = 2;
const LENGTH: i64 = 4;
const A: i64 = 8;
const B: i64 = 16;
const C: i64 = 32;
const D: i64 = 64;
const TEXT: i64 = 128;
const NAME: i64 = 256;

/// The head of a packed mark.
fn head(kind: i64, present: i64) -> i64 {
    kind | present << 8
}

#[test]
fn marks_of_a_file_become_the_tables_of_the_run() {
    let marks = [
        vec![head(1, THREAD | SPAN | A | B), 1, 1, 10, 500, 1 + 256], // Fan, at 10
        vec![head(7, A | B | TEXT), 0, 1, 21, 0],                     // LockName, at 10
        vec![head(2, SPAN | A), 1, 70, 500],                          // Join, at 80
        vec![head(10, THREAD | NAME | A | B | C | TEXT), 2, 1, -70, 0, 9, 2, 2], // Pool, at 10
        vec![head(10, THREAD | A | B | C | TEXT), 3, 0, 1, 9, 2, 2],
        vec![head(4, THREAD | SPAN | LENGTH | A | B | C | D), 2, 2, 20, 15, 8, 21, 3, 3], // Wait, at 30
        vec![head(5, THREAD | SPAN | LENGTH | A | B), 3, 3, -5, 20, 1, 21],               // Hold, at 25
        vec![head(6, LENGTH | A | B | C | D), 0, 300, 4, 21, 1000, 5],                    // LockTotals
        vec![head(8, SPAN | A | B), 3, -10, 1, 9],                                        // Stage: submitted, at 15
        vec![head(9, THREAD | SPAN | LENGTH), 2, 4, 25, 9],                               // Poll, at 40
        vec![head(11, THREAD | LENGTH | A | B), 2, 60, 50, 30, 7],                        // Cpu, at 100
        vec![head(12, LENGTH | A | B | C | D), 0, 100, 200, 300, 4, 5],                   // Load
        vec![head(3, THREAD | SPAN | LENGTH | A), 3, 1, -50, 10, 500],                    // Strand, at 50
        vec![head(9, SPAN | LENGTH), 77, 0, 9], // a poll of a span that is missing
        vec![head(1, SPAN | A | B | C), 1, 0, 501, 2, 500], // Fan, a piece of the first
        vec![head(13, A), 0, 7],                // Forgotten
        vec![head(14, LENGTH | A), 0, 100, 60], // Collector
        vec![head(99, A), 0, 1],                // a kind of a later version
    ];
    let spans = [
        SpanText::new(1, 0, "main", 0, 100)
            .thread(1)
            .numbers("heirloom.marks", &marks.concat())
            .texts("heirloom.marks.texts", &["cache", "rayon-0", "rayon"]),
        SpanText::new(2, 1, "page", 10, 80)
            .thread(2)
            .attribute("heirloom.fan_out", "500")
            .attribute("heirloom.items", "8"),
        SpanText::new(3, 1, "page", 20, 60).thread(3).attribute("heirloom.fan_out", "500"),
        SpanText::new(4, 1, "async", 40, 49).thread(2),
    ];
    let run = run(&[request(&Program::new("shop", 7).resource("heirloom.cores", "2"), &spans)]);
    assert_eq!(run.machine.cores, Some(2));
    let fan = &run.fans[0];
    assert_eq!((fan.kind, fan.begin - T, fan.join, fan.blocks), (FanKind::Iterator, 10, Some(T + 80), true));
    assert_eq!((fan.parent, &*fan.children, fan.within), (Some(0), &[1, 2][..], None));
    assert_eq!((run.fans[1].id, run.fans[1].within), (501, Some(0)));
    assert_eq!(run.items_of(1), Some(8));
    let pool = |lane: usize| run.lanes[lane].pool.as_ref().map(|pool| (&*pool.name, pool.index, pool.size));
    assert_eq!((pool(0), pool(1), pool(2)), (None, Some(("rayon", 0, 2)), Some(("rayon", 1, 2))));
    assert_eq!(&*run.lanes[1].thread_name, "rayon-0");
    let wait = &run.waits[0];
    assert_eq!((wait.cause, wait.start - T, wait.end - T, wait.lock), (WaitCause::Mutex, 30, 45, Some(0)));
    assert_eq!((wait.span, wait.holder, wait.releaser), (Some(1), Some(2), Some(2)));
    let lock = &run.locks[0];
    assert_eq!(
        (&*lock.name, lock.acquisitions, lock.short_waits, lock.short_wait_ns, lock.hand_offs),
        ("cache", 1000, 4, 300, 5)
    );
    assert_eq!((run.holds[0].start - T, run.holds[0].end - T, run.holds[0].contended), (25, 45, true));
    assert_eq!((run.stages[0].kind, run.stages[0].at - T, run.stages[0].span), (StageKind::Submitted, 15, 2));
    assert_eq!((run.polls[0].start - T, run.polls[0].end - T, run.spans[3].polled), (40, 49, true));
    let sample = |at: usize| {
        let sample = &run.samples[at];
        (sample.start - T, sample.end - T, sample.cpu_ns, sample.queue_ns)
    };
    assert_eq!(sample(0), (10, 50, 24, 5), "from its first span on the lane was as in its first sample");
    assert_eq!(sample(1), (50, 100, 30, 7));
    let load = run.loads.iter().find(|load| load.cpu_ns > 0).unwrap();
    assert_eq!(run.loads.iter().map(|load| load.collecting_ns).sum::<u64>(), 60);
    assert_eq!((load.cpu_ns, load.others_ns, load.page_faults, load.recording_ns), (200, 300, 4, 5));
    assert_eq!((run.strands[0].start - T, run.strands[0].end - T, run.strands[0].lane), (50, 60, 2));
    let forgotten =
        "7 records besides spans (waits, joins and the like) are missing: no span ended in time to carry them.";
    let expected = [
        (NoteKind::Dropped, forgotten),
        (NoteKind::Missing, "1 recorded mark refers to a span or a fan-out that is missing."),
    ];
    assert_eq!(notes(&run), expected);
}

#[test]
fn marks_of_missing_spans_and_marks_with_invalid_values_are_noted_apart() {
    let missing = [
        vec![head(9, THREAD | SPAN | LENGTH), 1, 77, 0, 9], // a poll of a span that is missing
        vec![head(8, SPAN | A), 78, 0, 1],                  // a stage of another one
        vec![head(2, A), 0, 999],                           // the join of a fan-out that is missing
        vec![head(3, SPAN | LENGTH | A), 1, 0, 9, 999],     // a piece of it
    ];
    let invalid = [
        vec![head(4, THREAD | SPAN | LENGTH | A), 1, 1, 0, 9, 99], // a wait of an unknown cause
        vec![head(1, SPAN | A | B), 1, 0, 500, 99],                // a fan-out of an unknown kind
        vec![head(7, A), 0, 99],                                   // a lock of an unknown kind
        vec![head(8, SPAN | A), 1, 0, 99],                         // an unknown stage
        vec![head(10, A | B | C), 0, 1 << 40, 9, 2],               // a thread of a pool with an index that is too large
    ];
    let read = |marks: &[Vec<i64>]| {
        let span = SpanText::new(1, 0, "main", 0, 100).thread(1).numbers("heirloom.marks", &marks.concat());
        run(&[request(&Program::new("shop", 7), &[span])])
    };
    let refers = "4 recorded marks refer to spans or fan-outs that are missing.";
    assert_eq!(notes(&read(&missing)), [(NoteKind::Missing, refers)]);
    let left_out = "5 recorded marks are left out: their values are invalid, or of a later version.";
    assert_eq!(notes(&read(&invalid)), [(NoteKind::Damaged, left_out)]);
}

#[test]
fn a_background_job_and_its_submitter_may_be_in_different_files_of_a_run() {
    let job = |by| {
        // Stage: a thread, a span, `a` and `c`.
        let marks = [head(8, 1 | 2 | 8 | 32), 1, 2, -20, 1, by];
        let span = SpanText::new(2, 0, "job", 60, 100).trace(2).thread(1).numbers("heirloom.marks", &marks);
        request(&Program::new("worker", 8), &[span])
    };
    let submitter = request(&Program::new("shop", 7), &[SpanText::new(1, 0, "submit", 0, 50).thread(1)]);
    let read = |texts: [&String; 2]| {
        let texts = [File::new("job-1", texts[0]), File::new("job-2", texts[1])];
        let mut runs = files(&[&texts[0].0, &texts[1].0]).unwrap();
        (runs.len(), runs.remove(0))
    };
    let (runs, run) = read([&job(1), &submitter]);
    assert_eq!(runs, 1);
    let stage = run.stages[0];
    assert_eq!((stage.span, stage.by, stage.at - T, &*run.notes), (1, Some(0), 40, &[][..]));
    assert_eq!(run.spans[1].parent(), None, "it stays the root of its trace");
    assert_eq!(Graph::new(&run).critical_path().length, 80);
    assert_eq!(read([&submitter, &job(1)]), (1, run));
    // One whose submitter is in no file came from outside. So did one that says that it submitted itself.
    for by in [99, 2] {
        let (runs, run) = read([&job(by), &submitter]);
        assert_eq!((runs, run.stages[0].by, &*run.notes), (2, None, &[][..]));
    }
}

#[test]
fn marks_that_make_no_sense_are_counted() {
    let wrong: &[&[i64]] =
        &[&[head(1, 255)], &[i64::MIN, i64::MAX, -1], &[head(7, 128), 0, 9], &[head(11, 4), i64::MAX, -1]];
    for numbers in wrong {
        let spans = [SpanText::new(1, 0, "main", 0, 100).thread(1).numbers("heirloom.marks", numbers)];
        let run = run(&[request(&Program::new("shop", 7), &spans)]);
        account(&run);
        assert_eq!(run.spans.len(), 1);
    }
}

#[test]
fn files_have_the_form_that_their_contents_have() {
    let text = request(&Program::new("shop", 7), &foreign());
    let lines = File::new("lines", format!("{text}\n{text}\n"));
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&text).unwrap()).unwrap();
    let pretty = File::new("pretty.json", pretty);
    for file in [&lines, &pretty] {
        let runs = files(&[&file.0]).unwrap();
        assert_eq!((runs.len(), runs[0].spans.len()), (1, 5), "{:?}", file.0);
    }
    let missing = std::env::temp_dir().join("heirloom-insight-missing");
    let error = files(&[&missing]).unwrap_err();
    assert!(error.to_string().starts_with(&format!("can't read the trace file {missing:?}: ")), "{error}");
}

#[test]
fn a_file_is_read_up_to_where_it_is_cut_off() {
    let text = request(&Program::new("shop", 7), &foreign());
    let file = File::new("cut.jsonl", format!("{text}\n{{\"resource\":7}}\n{{\"resourceSpans\":3}}\n{}", &text[..60]));
    let run = files(&[&file.0]).unwrap().remove(0);
    assert_eq!(run.spans.len(), 5);
    let name = file.0.file_name().unwrap().to_str().unwrap();
    let damaged: Vec<_> =
        run.notes.iter().filter(|note| note.kind == NoteKind::Damaged).map(|note| &*note.text).collect();
    let expected = [
        format!("{name}: a request can't be read (line 3, column 18: expected a list); its spans are missing."),
        format!("{name}: the file is cut off; the last 60 bytes are no whole request."),
    ];
    assert_eq!(damaged, expected);
    let file = File::new("cut-by-one.jsonl", format!("{text}\n{{"));
    let run = files(&[&file.0]).unwrap().remove(0);
    assert!(run.notes.iter().any(|note| note.text.ends_with("the last byte is no whole request.")), "{:?}", run.notes);
}

#[test]
fn files_with_a_trace_in_common_are_one_run_and_others_are_not() {
    let trace = |trace: u64, id: u64| SpanText::new(id, 0, "main", 0, 100).thread(1).trace(trace);
    let file = |name: &str, pid: u64, traces: &[u64]| {
        let spans: Vec<SpanText> = traces.iter().map(|of| trace(*of, *of * 100 + pid)).collect();
        File::new(name, request(&Program::new("shop", pid), &spans))
    };
    let all = [file("a", 1, &[1]), file("b", 2, &[2]), file("c", 3, &[3]), file("d", 4, &[1, 3])];
    let paths: Vec<&PathBuf> = all.iter().map(|file| &file.0).collect();
    let runs = files(&paths).unwrap();
    assert_eq!(runs.iter().map(|run| run.processes.len()).collect::<Vec<_>>(), [3, 1]);
}

/// A program that records: a root with a fan-out on this thread and another one, which waits for a lock and for a message.
fn record(exporter: impl Exporter, second: impl Exporter) {
    static CACHE: mark::Lock = mark::Lock::named(mark::LockKind::Mutex, "cache");
    let guard = heirloom_core::builder("recorded").exporter(exporter).exporter(second).start().unwrap();
    guard.tracer().in_root("run", |root| {
        let (sender, receiver) = mpsc::channel();
        let fan = FanOut::begin(root.context(), mark::FanKind::Scope, true);
        let thread = std::thread::Builder::new().name("helper".to_owned()).spawn(move || {
            mark::pool("helpers", 5, 0, 1);
            fan.in_span("help", |span| {
                let from = mark::stamp();
                mark::wait(mark::WaitCause::Empty, || {
                    receiver.recv().unwrap();
                    // Waits of less than a microsecond are no waits.
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_micros(10) {}
                });
                mark::waited(mark::WaitCause::Mutex, from, Some(&CACHE), Some(span.context().span_id()), None);
                mark::held(&CACHE, from, true);
            });
        });
        fan.in_span("read", |span| span.context().in_span("parse", |_| ()));
        sender.send(()).unwrap();
        thread.unwrap().join().unwrap();
        fan.join();
    });
    assert!(guard.finish().is_complete());
}

#[test]
fn a_file_of_either_form_gives_the_run_that_memory_gives() {
    for (format, name) in [(Format::Json, "real.jsonl"), (Format::Protobuf, "real.otlp")] {
        let file = File::new(name, "");
        fs::remove_file(&file.0).unwrap();
        let collector = Collector::new();
        record(OtlpFile::create(format, &file.0).unwrap(), collector.clone());
        let from_memory = collector.take().finish();
        let from_file = files(&[&file.0]).unwrap().remove(0);
        assert_eq!(from_memory.spans.len(), 4);
        assert_eq!(from_file, from_memory, "{name}");
        let help = from_memory.spans.iter().find(|span| &*from_memory.names[span.name as usize] == "help").unwrap();
        assert_eq!(&*from_memory.lanes[help.lane as usize].thread_name, "helper");
        let fan = &from_memory.fans[0];
        assert_eq!((fan.kind, fan.blocks, fan.children.len(), fan.parent), (FanKind::Scope, true, 2, Some(0)));
        assert!(fan.begin < fan.join.unwrap());
        let causes: Vec<WaitCause> = from_memory.waits.iter().map(|wait| wait.cause).collect();
        assert!(causes.contains(&WaitCause::Mutex) && causes.contains(&WaitCause::Empty), "{causes:?}");
        assert_eq!((&*from_memory.locks[0].name, from_memory.holds.len()), ("cache", 1));
        let pool = from_memory.lanes[help.lane as usize].pool.as_ref().unwrap();
        assert_eq!((&*pool.name, pool.pool, pool.size), ("helpers", 5, 1));
        assert_eq!(from_memory.notes, []);
        // Any part of the file can be read.
        let bytes = fs::read(&file.0).unwrap();
        for length in (0..bytes.len()).step_by(7) {
            let part = File::new(&format!("part-{name}"), &bytes[..length]);
            files(&[&part.0]).unwrap().iter().for_each(|run| drop(account(run)));
        }
    }
}

#[test]
fn a_file_says_that_a_span_ended_on_another_thread_than_it_began() {
    for (format, name) in [(Format::Json, "moved.jsonl"), (Format::Protobuf, "moved.otlp")] {
        let file = File::new(name, "");
        fs::remove_file(&file.0).unwrap();
        let collector = Collector::new();
        let file_of = OtlpFile::create(format, &file.0).unwrap();
        let guard = heirloom_core::builder("moved").exporter(file_of).exporter(collector.clone()).start().unwrap();
        guard.tracer().in_root("run", |root| {
            let moved = root.span("moved");
            root.in_span("inside", |_| ());
            std::thread::spawn(move || moved.end()).join().unwrap();
        });
        assert!(guard.finish().is_complete());
        let from_memory = collector.take().finish();
        let from_file = files(&[&file.0]).unwrap().remove(0);
        let nested = |run: &Run| -> Vec<(String, bool)> {
            run.spans.iter().map(|span| (run.names[span.name as usize].to_string(), span.nested)).collect()
        };
        let expected =
            [("run", true), ("moved", false), ("inside", true)].map(|(name, nested)| (name.to_owned(), nested));
        assert_eq!(nested(&from_file), expected, "{name}");
        assert_eq!(from_file, from_memory, "{name}");
        let [file, memory] = [&from_file, &from_memory].map(|run| analyse(run, &Options::default()));
        assert_eq!(file, memory, "{name}");
    }
}

#[test]
fn a_bounded_collector_counts_what_it_has_no_room_for() {
    let collector = Collector::bounded(3);
    record(collector.clone(), Collector::new());
    let run = collector.take().finish();
    assert_eq!(run.spans.len(), 3);
    assert!(notes(&run).contains(&(NoteKind::Dropped, "1 span is missing: it was dropped.")));
}

#[test]
fn an_empty_input_gives_an_empty_run() {
    let run = Builder::new().finish();
    assert_eq!(run, Run::default());
    assert_eq!(account(&run).totals, heirloom_insight::analysis::Totals::default());
}
