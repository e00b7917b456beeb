//! One trace over two processes that are connected by HTTP only: this program as a client and as a server, each
//! with a separate tracer. It has no test harness, because it starts itself.

use heirloom_bridge::HeaderMapExt;
use heirloom_core::export::{Memory, SpanData};
use heirloom_core::{builder, Baggage, Context, SpanKind};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{json, Value};
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Notify;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("serve") => serve(),
        _ => one_trace_over_two_processes(),
    }
}

// The server.

fn serve() {
    let memory = Memory::new();
    let guard = builder("server").exporter(memory.clone()).init().expect("a tracer");
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(accept());
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");
    println!("{}", Value::from_iter(memory.spans().iter().map(to_json)));
}

async fn accept() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    let quit = Arc::new(Notify::new());
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted.expect("a connection"),
            () = quit.notified() => return,
        };
        let quit = Arc::clone(&quit);
        let service = hyper::service::service_fn(move |request| answer(request, Arc::clone(&quit)));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>, quit: Arc<Notify>) -> Result<Response<String>, Infallible> {
    if request.uri().path() == "/quit" {
        quit.notify_one();
        return Ok(Response::new(String::new()));
    }
    let cx = request.headers().trace_or_root();
    let span = cx.build("serve").kind(SpanKind::Server).start();
    let (baggage, _) = request.headers().baggage();
    span.set("tenant", baggage.get("tenant").unwrap_or("nobody"));
    span.set("tracestate", cx.tracestate().as_str());
    tokio::task::yield_now().await;
    span.in_span("query", |_| ());
    Ok(Response::new(std::process::id().to_string()))
}

// The client.

fn one_trace_over_two_processes() {
    let (mut server, address) = start_server();
    let memory = Memory::new();
    let guard = builder("client").exporter(memory.clone()).init().expect("a tracer");
    let client = reqwest::blocking::Client::new();
    let get = |path: &str, headers| {
        let url = format!("http://{address}{path}");
        client.get(url).headers(headers).send().and_then(|response| response.text()).expect("an answer")
    };
    let mut trace = None;
    heirloom_core::in_root("client", |root| {
        trace = Some(root.context().trace_id().to_string());
        let request = root.build("request").kind(SpanKind::Client).start();
        assert_ne!(get("/fine", headers_for(request.context())), std::process::id().to_string());
    });
    get("/untraced", HeaderMap::new());
    get(
        "/bad",
        HeaderMap::from_iter([(http::HeaderName::from_static("traceparent"), HeaderValue::from_static("00-x"))]),
    );
    get("/remote", from_further_away());
    get("/quit", HeaderMap::new());
    assert!(guard.finish().is_complete());

    let theirs = spans_of(&mut server);
    let ours: Vec<Value> = memory.spans().iter().map(to_json).collect();
    let all: Vec<Value> = ours.into_iter().chain(theirs).collect();
    let of_trace: Vec<&Value> = all.iter().filter(|span| span["trace"].as_str() == trace.as_deref()).collect();
    assert_eq!(tree(&of_trace, &Value::Null, 0), "client\n  request\n    serve\n      query\n");
    let serve = named(&of_trace, "serve");
    assert_eq!((&serve["tenant"], &serve["remote"]), (&json!("blue"), &json!(true)));
    let pids: Vec<_> = of_trace.iter().map(|span| &span["pid"]).collect();
    assert!(pids.iter().any(|pid| *pid != pids[0]), "two processes: {pids:?}");

    let others: Vec<&Value> = all.iter().filter(|span| span["trace"].as_str() != trace.as_deref()).collect();
    let roots = others.iter().filter(|span| span["parent"].is_null()).count();
    assert_eq!(roots, 2, "without headers, and with bad ones, it is a new root: {others:?}");
    let further = others.iter().find(|span| span["parent"] == "b7ad6b7169203331").expect("the child of a stranger");
    assert_eq!(further["tracestate"], "vendor=1");
    println!("test one_trace_over_two_processes ... ok");
}

fn start_server() -> (Child, String) {
    let this = std::env::current_exe().expect("this program");
    let mut server = Command::new(this).arg("serve").stdout(Stdio::piped()).spawn().expect("a server");
    let mut line = String::new();
    let stdout = server.stdout.as_mut().expect("its output");
    BufReader::with_capacity(1, stdout).read_line(&mut line).expect("its address");
    (server, line.trim().to_owned())
}

fn headers_for(cx: Context) -> HeaderMap {
    let mut baggage = Baggage::default();
    baggage.insert("tenant", "blue").expect("valid baggage");
    let mut headers = HeaderMap::new();
    headers.insert_trace(cx);
    headers.insert_baggage(&baggage);
    headers
}

fn from_further_away() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    headers.insert("traceparent", HeaderValue::from_static(parent));
    headers.insert("tracestate", HeaderValue::from_static("vendor=1"));
    headers
}

fn spans_of(server: &mut Child) -> Vec<Value> {
    let mut text = String::new();
    server.stdout.take().expect("its output").read_to_string(&mut text).expect("its spans");
    assert!(server.wait().expect("its end").success(), "{text}");
    serde_json::from_str(&text).expect("spans as JSON")
}

// Spans of both.

fn to_json(span: &SpanData) -> Value {
    let attribute = |key| span.attribute(key).and_then(heirloom_core::Value::as_str);
    json!({
        "name": span.name,
        "trace": span.trace_id.to_string(),
        "id": span.span_id.to_string(),
        "parent": span.parent_span_id.map(|id| id.to_string()),
        "remote": span.parent_is_remote,
        "pid": span.lane.process_id,
        "tenant": attribute("tenant"),
        "tracestate": attribute("tracestate"),
    })
}

fn named<'a>(spans: &[&'a Value], name: &str) -> &'a Value {
    spans.iter().find(|span| span["name"] == name).expect("a span of this name")
}

fn tree(spans: &[&Value], parent: &Value, depth: usize) -> String {
    let children = spans.iter().filter(|span| span["parent"] == *parent);
    let line = |span: &&Value| {
        let name = span["name"].as_str().unwrap_or_default();
        format!("{:indent$}{name}\n{}", "", tree(spans, &span["id"], depth + 1), indent = depth * 2)
    };
    children.map(line).collect()
}
