//! The example against a third-party backend: `rotel`, an OTLP collector that logs the spans it receives.
//!
//! The environment variable `HEIRLOOM_ROTEL` names its program; `ci/backends.sh` installs it and sets the variable. Without
//! the variable the test prints that it is skipped.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A span as both sides know it: trace, id, parent, name.
type Row = (String, String, Option<String>, String);

#[test]
fn a_collector_that_nobody_here_wrote_gets_the_tree_that_the_example_prints() {
    let Some(program) = std::env::var_os("HEIRLOOM_ROTEL") else {
        println!(
            "skipped: HEIRLOOM_ROTEL is not set to rotel's program; `ci/backends.sh` installs it and runs this test"
        );
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("backend");
    fs::create_dir_all(&folder).unwrap();
    let rotel = Rotel::start(program.as_ref(), &folder.join("rotel.log"));
    let file = folder.join("spans.jsonl");
    let printed = run_agent(&rotel.endpoint, &file);
    let sent = sent(&file);
    for name in ["turn", "invoke_agent", "chat", "execute_tool", "search texts", "read", "count", "title"] {
        assert!(sent.iter().any(|row| row.3 == name) && printed.contains(name), "no span {name} in:\n{printed}");
    }
    assert_eq!(sent.iter().map(|row| &row.0).collect::<BTreeSet<_>>().len(), 1, "not one trace:\n{printed}");
    let got = rotel.wait_for(sent.len());
    assert_eq!(got, sent, "the collector's log is {}", folder.join("rotel.log").display());
}

#[test]
fn the_endpoint_alone_sends_the_spans_of_a_hello_world_to_a_collector_that_nobody_here_wrote() {
    let Some(rotel) = std::env::var_os("HEIRLOOM_ROTEL") else {
        return println!("skipped: HEIRLOOM_ROTEL is not set");
    };
    for protocol in ["http/protobuf", "http/json"] {
        let name = format!("hello-{}", protocol.replace('/', "-"));
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.log"));
        let rotel = Rotel::start(rotel.as_ref(), &log);
        let mut hello = Command::new(program("hello_otlp"));
        hello
            .env_clear()
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &rotel.endpoint)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
        let output = hello.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let got = rotel.wait_for(2);
        let root = got.iter().find(|row| row.3 == "hello").unwrap();
        let child = got.iter().find(|row| row.3 == "world").unwrap();
        assert_eq!((got.len(), &root.2, &child.0, child.2.as_ref()), (2, &None, &root.0, Some(&root.1)), "{protocol}");
    }
}

fn run_agent(endpoint: &str, spans: &Path) -> String {
    let mut agent = Command::new(program("agent"));
    for variable in ["LANGFUSE_PUBLIC_KEY", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"] {
        agent.env_remove(variable);
    }
    let output = agent.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).arg("--spans").arg(spans).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the example failed: {stdout}{stderr}");
    stdout
}

/// The program of an example: `cargo test` of all packages builds it along with this file.
fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let program = this.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(program.exists(), "{} is missing: build it with `cargo build-all --example {name}`", program.display());
    program
}

/// The spans that the example wrote with `--spans`.
fn sent(file: &Path) -> BTreeSet<Row> {
    let row = |line: &str| {
        let span: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| span[key].as_str().map(str::to_owned);
        (text("trace_id").unwrap(), text("span_id").unwrap(), text("parent_id"), text("name").unwrap())
    };
    fs::read_to_string(file).unwrap().lines().map(row).collect()
}

/// The collector, killed at the end.
struct Rotel {
    process: Child,
    endpoint: String,
    log: PathBuf,
}

impl Rotel {
    fn start(program: &Path, log: &Path) -> Self {
        let [http, grpc] = free_ports();
        let to = File::create(log).unwrap();
        let mut rotel = Command::new(program);
        rotel.arg("start").arg("--otlp-http-endpoint").arg(&http).arg("--otlp-grpc-endpoint").arg(&grpc);
        rotel.args(["--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed"]);
        rotel.stdout(to.try_clone().unwrap()).stderr(to).stdin(Stdio::null());
        let process = rotel.spawn().unwrap_or_else(|error| panic!("{} doesn't start: {error}", program.display()));
        let rotel = Self { process, endpoint: format!("http://{http}"), log: log.to_owned() };
        rotel.until("it listens", || TcpStream::connect(&http).ok().map(|_| ()));
        rotel
    }

    /// The spans that it received, once there are at least `spans` of them.
    fn wait_for(&self, spans: usize) -> BTreeSet<Row> {
        self.until("all spans came", || Some(received(&self.text())).filter(|got| got.len() >= spans))
    }

    fn until<T>(&self, what: &str, mut tried: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(value) = tried() {
                return value;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "rotel: not yet that {what}; its log:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20)); // between two looks at the condition
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_ports() -> [String; 2] {
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().to_string())
}

/// The spans in the collector's log. Links and events have ids and names, too: the lines below them are skipped.
fn received(log: &str) -> BTreeSet<Row> {
    let mut rows = BTreeSet::new();
    let mut span: Option<[String; 4]> = None;
    let mut inside = false;
    for line in without_colours(log).lines().map(str::trim).chain(["Span #end"]) {
        match line.split_once(" #") {
            Some(("Span" | "ResourceSpans" | "ScopeSpans", _)) => {
                if let Some([trace, id, parent, name]) = span.take() {
                    rows.insert((trace, id, Some(parent).filter(|parent| !parent.is_empty()), name));
                }
                inside = line.starts_with("Span #");
                span = inside.then(Default::default);
            }
            Some(("SpanLink" | "SpanEvent", _)) => inside = false,
            _ => field(line, span.as_mut().filter(|_| inside)),
        }
    }
    rows
}

fn field(line: &str, span: Option<&mut [String; 4]>) {
    let (Some((key, value)), Some(span)) = (line.split_once(':'), span) else { return };
    let at = ["Trace ID", "ID", "Parent ID", "Name"].iter().position(|name| *name == key.trim_end());
    if let Some(field) = at.map(|at| &mut span[at]).filter(|field| field.is_empty()) {
        *field = value.trim().to_owned();
    }
}

/// The text without terminal colour sequences.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[test]
fn spans_are_found_in_the_log_and_their_links_are_not_taken_for_them() {
    let log =
        "ScopeSpans #0\n\u{1b}[2mSpan #0\u{1b}[0m\n    Trace ID  : t\n    Parent ID : \n    ID : a\n    Name : x: y\n\
        SpanLink #0\n -> Trace ID: u\n  ID : z\n";
    assert_eq!(received(log), BTreeSet::from([("t".into(), "a".into(), None, "x: y".into())]));
}
