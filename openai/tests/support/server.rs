// A loopback server that speaks as much of OpenAI's protocol as the tests, the examples and the doc examples need. The model
// that is asked for says how it behaves. Included into modules, so it has no inner attributes.
//
// | model | behaviour |
// |---|---|
// | `m-401` | 401, with the API key in the message |
// | `m-429`, `m-500` | that status at each attempt, to be tried again at once |
// | `m-429-once` | 429 at the first attempt |
// | `m-slow` | no answer |
// | `m-cut` | the connection of a stream breaks in the middle |
// | `m-error` | a stream reports an error in the middle, and ends |
// | `m-short` | a stream ends cleanly before the answer does |
// | `m-open` | a stream stays open after its first token |
// | `m-failed` | a response that failed |
// | `m-tools`, `m-two` | tool calls; two choices |
// | `m-bad` | an answer that isn't JSON |
// | any other | an answer |

use serde_json::{json, Value};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Serves until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    seen: Mutex<Vec<Seen>>,
}

/// One request that came.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: String,
    pub body: Value,
}

impl Seen {
    fn model(&self) -> &str {
        self.body["model"].as_str().unwrap_or_default()
    }

    fn has(&self, key: &str) -> bool {
        self.body[key].as_bool() == Some(true)
    }

    fn key(&self) -> &str {
        let line = self.headers.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization:"));
        line.and_then(|line| line.rsplit(' ').next()).unwrap_or_default()
    }
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback interface");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let server = Self { address, shared: Arc::clone(&shared) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || _ = serve(&stream, &shared));
            }
        });
        server
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The requests that came, oldest first.
    #[allow(dead_code, reason = "not every user asks")]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// Answers the requests of one connection.
fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let earlier = {
            let mut seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let earlier = seen.iter().filter(|other| other.model() == request.model()).count();
            seen.push(request.clone());
            earlier
        };
        if !answer(&request, earlier, &mut &*stream)? {
            return Ok(());
        }
    }
    Ok(())
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Seen>> {
    let mut request = Seen::default();
    let mut line = String::new();
    let mut length = 0;
    while reader.read_line(&mut line)? > 2 {
        if request.path.is_empty() {
            let mut words = line.split(' ').map(str::to_owned);
            (request.method, request.path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        request.headers.push_str(&line);
        line.clear();
    }
    if request.path.is_empty() {
        return Ok(None);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Some(request))
}

/// Writes the answer; says whether the connection stays open.
fn answer(request: &Seen, earlier: usize, out: &mut &TcpStream) -> std::io::Result<bool> {
    let again = "retry-after: 0\r\n";
    match request.model() {
        "m-401" => {
            let message = format!("Incorrect API key provided: {}.", request.key());
            let error = json!({ "message": message, "type": "invalid_request_error", "code": "invalid_api_key" });
            whole(out, "401 Unauthorized", "", &json!({ "error": error }).to_string())
        }
        "m-500" => whole(out, "500 Internal Server Error", again, &format!("no luck with {}", request.key())),
        model if model == "m-429" || (model == "m-429-once" && earlier == 0) => {
            let message = format!("Rate limit reached for {}.", request.key());
            let error = json!({ "message": message, "type": "requests", "code": "rate_limit_exceeded" });
            whole(out, "429 Too Many Requests", again, &json!({ "error": error }).to_string())
        }
        "m-bad" => whole(out, "200 OK", "", "this is no JSON"),
        "m-slow" => wait_for_the_end(out),
        _ if request.has("stream") => stream(request, out),
        _ => whole(out, "200 OK", "", &in_one_piece(request).to_string()),
    }
}

fn whole(out: &mut &TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<bool> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n");
    out.write_all(format!("{head}{body}").as_bytes())?;
    Ok(true)
}

/// Reads until the client goes away.
fn wait_for_the_end(out: &mut &TcpStream) -> std::io::Result<bool> {
    while out.read(&mut [0; 64])? > 0 {}
    Ok(false)
}

fn stream(request: &Seen, out: &mut &TcpStream) -> std::io::Result<bool> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    out.write_all(head.as_bytes())?;
    let events = events(request);
    let sent = match request.model() {
        "m-cut" | "m-short" | "m-open" | "m-error" => events.len() / 2,
        _ => events.len(),
    };
    for event in &events[..sent] {
        let text = format!("data: {event}\n\n");
        out.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())?;
        out.flush()?;
    }
    match request.model() {
        "m-cut" => {
            out.write_all(b"ff\r\ndata: {")?;
            Ok(false)
        }
        "m-error" => {
            let message = format!("Overloaded; key {}", request.key());
            let error = json!({ "error": { "message": message, "type": "server_error", "code": null } });
            let text = format!("data: {error}\n\n");
            out.write_all(format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len()).as_bytes()).map(|()| true)
        }
        "m-open" => wait_for_the_end(out),
        "m-short" => out.write_all(b"0\r\n\r\n").map(|()| true),
        _ => out.write_all(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n").map(|()| true),
    }
}

fn in_one_piece(request: &Seen) -> Value {
    match request.path.as_str() {
        _ if request.method == "GET" => {
            json!({ "object": "list", "data": [], "first_id": "", "last_id": "", "has_more": false })
        }
        "/v1/chat/completions" => chat(request),
        "/v1/completions" => completion(json!("42"), json!("stop"), usage()),
        "/v1/embeddings" => embeddings(request),
        "/v1/responses" if request.model() == "m-failed" => response("failed", &json!([])),
        _ => response("completed", &json!([message("42")])),
    }
}

fn usage() -> Value {
    json!({
        "prompt_tokens": 12, "completion_tokens": 40, "total_tokens": 52,
        "prompt_tokens_details": { "cached_tokens": 5 },
        "completion_tokens_details": { "reasoning_tokens": 30 },
    })
}

fn chat(request: &Seen) -> Value {
    let mut answer = json!({ "role": "assistant", "content": "42" });
    let mut reason = "stop";
    if request.model() == "m-tools" {
        let function = json!({ "name": "multiply", "arguments": "{\"a\":6,\"b\":7}" });
        answer = json!({ "role": "assistant", "tool_calls": [{ "id": "call_1", "type": "function", "function": function }] });
        reason = "tool_calls";
    }
    let first = json!({ "index": 0, "message": answer, "finish_reason": reason });
    let mut choices = vec![first];
    if request.model() == "m-two" {
        let second = json!({ "role": "assistant", "content": "6 x 7" });
        choices.push(json!({ "index": 1, "message": second, "finish_reason": "length" }));
    }
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m-small-2026",
        "service_tier": "default", "choices": choices, "usage": usage(),
    })
}

fn completion(text: Value, reason: Value, usage: Value) -> Value {
    let choices = json!([{ "index": 0, "text": text, "finish_reason": reason }]);
    json!({
        "id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m-small-2026",
        "choices": choices, "usage": usage,
    })
}

fn embeddings(request: &Seen) -> Value {
    let vector = if request.body["encoding_format"] == "base64" { json!("AACAPwAAAEA=") } else { json!([1.0, 2.0]) };
    json!({
        "object": "list", "model": "e-small-2026", "usage": { "prompt_tokens": 7, "total_tokens": 7 },
        "data": [{ "object": "embedding", "index": 0, "embedding": vector }],
    })
}

fn message(text: &str) -> Value {
    let content = json!([{ "type": "output_text", "text": text, "annotations": [] }]);
    json!({ "type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": content })
}

fn response(status: &str, output: &Value) -> Value {
    let error = if status == "failed" { json!({ "code": "server_error", "message": "no luck" }) } else { Value::Null };
    let details = if status == "incomplete" { json!({ "reason": "max_output_tokens" }) } else { Value::Null };
    let usage = json!({
        "input_tokens": 12, "output_tokens": 40, "total_tokens": 52,
        "input_tokens_details": { "cached_tokens": 5 }, "output_tokens_details": { "reasoning_tokens": 30 },
    });
    json!({
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m-small-2026", "status": status,
        "output": output, "error": error, "incomplete_details": details,
        "usage": if status == "in_progress" { Value::Null } else { usage },
    })
}

fn events(request: &Seen) -> Vec<Value> {
    match request.path.as_str() {
        "/v1/responses" => response_events(request),
        "/v1/completions" => {
            vec![
                completion(json!("4"), Value::Null, Value::Null),
                completion(json!("2"), Value::Null, Value::Null),
                completion(json!(""), json!("stop"), usage()),
            ]
        }
        _ => chat_events(request),
    }
}

fn chunk(choices: &Value, usage: Value) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-small-2026",
        "choices": choices, "usage": usage,
    })
}

fn delta(index: u32, delta: Value, reason: Value) -> Value {
    chunk(&json!([{ "index": index, "delta": delta, "finish_reason": reason }]), Value::Null)
}

fn chat_events(request: &Seen) -> Vec<Value> {
    let mut events = vec![delta(0, json!({ "role": "assistant", "content": "" }), Value::Null)];
    if request.model() == "m-tools" {
        let call = |call: Value| delta(0, json!({ "tool_calls": [call] }), Value::Null);
        events.push(call(json!({
            "index": 0, "id": "call_1", "type": "function", "function": { "name": "multiply", "arguments": "" },
        })));
        events.push(call(json!({ "index": 0, "function": { "arguments": "{\"a\":6," } })));
        events.push(call(json!({ "index": 0, "function": { "arguments": "\"b\":7}" } })));
        events.push(delta(0, json!({}), json!("tool_calls")));
    } else {
        events.push(delta(0, json!({ "content": "4" }), Value::Null));
        if request.model() == "m-two" {
            events.push(delta(1, json!({ "content": "6 x 7" }), Value::Null));
            events.push(delta(1, json!({}), json!("length")));
        }
        events.push(delta(0, json!({ "content": "2" }), Value::Null));
        events.push(delta(0, json!({}), json!("stop")));
    }
    if request.body["stream_options"]["include_usage"] == true {
        events.push(chunk(&json!([]), usage()));
    }
    events
}

fn response_events(request: &Seen) -> Vec<Value> {
    let numbered = |number: u64, of_type: &str, rest: Value| {
        let mut event = rest;
        event["type"] = json!(of_type);
        event["sequence_number"] = json!(number);
        event
    };
    let text = |number, text: &str| {
        let part = json!({ "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text });
        numbered(number, "response.output_text.delta", part)
    };
    let (end, output) = match request.model() {
        "m-failed" => ("failed", json!([])),
        "m-limited" => ("incomplete", json!([message("4")])),
        _ => ("completed", json!([message("42")])),
    };
    vec![
        numbered(0, "response.created", json!({ "response": response("in_progress", &json!([])) })),
        text(1, "4"),
        text(2, "2"),
        numbered(3, &format!("response.{end}"), json!({ "response": response(end, &output) })),
    ]
}
