//! A server that takes OTLP on a loopback port, and answers as a script says.

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;
use std::collections::{BTreeSet, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Taken, with an empty body.
    Taken,
    /// Taken, after this time.
    Slow(Duration),
    /// This status, these header lines (each with its line end), this body. Spans are taken if it is a 2xx.
    Status(u16, &'static str, &'static [u8]),
    /// Exactly these bytes, then the connection is closed. Spans are not taken.
    Raw(&'static [u8]),
    /// The head of a 200, and then bytes until the client closes the connection.
    Endless,
    /// Nothing until the server is told otherwise.
    Hang,
    /// The connection is closed.
    Close,
}

/// A received request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The path, with the query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As sent.
    pub body_bytes: usize,
    /// After decompression.
    pub plain_bytes: usize,
    /// The spans of each process: its id, and their names.
    pub processes: Vec<(i64, Vec<String>)>,
    /// The ids of its spans.
    pub ids: Vec<Vec<u8>>,
    /// When it was there.
    pub at: Instant,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn spans(&self) -> usize {
        self.processes.iter().map(|(_, names)| names.len()).sum()
    }
}

/// The other end of a connection.
pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// Makes a stream of a connection: the connection itself, or TLS on top of it.
type Wrap = dyn Fn(TcpStream) -> Box<dyn Stream> + Send + Sync;

#[derive(Default)]
struct Kept {
    requests: Vec<Request>,
    taken: usize,
    /// The ids of the spans that were taken.
    ids: BTreeSet<Vec<u8>>,
    script: VecDeque<Reply>,
    standing: Option<Reply>,
    max_body_bytes: Option<usize>,
    /// Whether a body that is too large is refused before it is read.
    refuses_unread: bool,
    connections: Vec<TcpStream>,
    changes: u64,
}

#[derive(Default)]
struct State {
    kept: Mutex<Kept>,
    changed: Condvar,
}

impl State {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        let mut kept = self.kept();
        change(&mut kept);
        kept.changes += 1;
        self.changed.notify_all();
    }

    fn wait(&self, time: Duration, holds: impl Fn(&Kept) -> bool) -> bool {
        let result = self.changed.wait_timeout_while(self.kept(), time, |kept| !holds(kept));
        holds(&result.unwrap_or_else(PoisonError::into_inner).0)
    }
}

/// The running server. It closes its port when it is dropped.
pub struct Server {
    state: Arc<State>,
    wrap: Arc<Wrap>,
    port: u16,
    open: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Server {
    pub fn start() -> Self {
        Self::with(|stream| Box::new(stream))
    }

    pub fn with(wrap: impl Fn(TcpStream) -> Box<dyn Stream> + Send + Sync + 'static) -> Self {
        let mut server = Self { state: Arc::default(), wrap: Arc::new(wrap), port: 0, open: None };
        server.open();
        server
    }

    /// `127.0.0.1` and the port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The next requests are answered like this, in order.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.change(|kept| kept.script.extend(replies));
    }

    /// Every request is answered like this, after those of the script. Requests that hang are answered.
    pub fn always(&self, reply: Reply) {
        self.state.change(|kept| kept.standing = Some(reply));
    }

    /// Responds with 413 to bodies of more than so many bytes, as sent.
    pub fn refuse_over(&self, bytes: usize) {
        self.state.kept().max_body_bytes = Some(bytes);
    }

    /// The same before the body is read; then the connection is closed.
    pub fn refuse_unread_over(&self, bytes: usize) {
        self.refuse_over(bytes);
        self.state.kept().refuses_unread = true;
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.kept().requests.clone()
    }

    /// How many spans were taken, each time counted.
    pub fn taken(&self) -> usize {
        self.state.kept().taken
    }

    /// How many different spans were taken.
    pub fn distinct(&self) -> usize {
        self.state.kept().ids.len()
    }

    pub fn wait_for_requests(&self, requests: usize, time: Duration) -> bool {
        self.state.wait(time, |kept| kept.requests.len() >= requests)
    }

    /// Closes the port: connections are refused.
    pub fn close(&mut self) {
        let Some((closing, thread)) = self.open.take() else { return };
        closing.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        let _ = thread.join();
        self.state.change(|kept| {
            kept.connections.drain(..).for_each(|connection| drop(connection.shutdown(Shutdown::Both)));
        });
    }

    /// Opens the port again.
    pub fn open(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).expect("the port is free");
        self.port = listener.local_addr().expect("it has an address").port();
        let closing = Arc::new(AtomicBool::new(false));
        let (state, wrap, told) = (Arc::clone(&self.state), Arc::clone(&self.wrap), Arc::clone(&closing));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let _ = stream.set_nodelay(true);
                state.kept().connections.extend(stream.try_clone());
                let (state, wrap) = (Arc::clone(&state), Arc::clone(&wrap));
                std::thread::spawn(move || {
                    let copy = stream.try_clone();
                    let mut stream = wrap(stream);
                    while let Ok(true) = serve(stream.as_mut(), &state) {}
                    drop(stream);
                    copy.map(|stream| stream.shutdown(Shutdown::Both)).ok();
                });
            }
        });
        self.open = Some((closing, thread));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
    }
}

/// Answers one request. Returns whether the connection stays open.
fn serve(stream: &mut dyn Stream, state: &State) -> io::Result<bool> {
    let most = Some(state.kept()).filter(|kept| kept.refuses_unread).and_then(|kept| kept.max_body_bytes);
    let Some((request, bytes)) = read(stream, most)? else { return Ok(false) };
    let (spans, ids) = (request.spans(), request.ids.clone());
    let (reply, changes) = {
        let mut kept = state.kept();
        let reply = kept.script.pop_front().or_else(|| kept.standing.clone()).unwrap_or(Reply::Taken);
        let is_too_large = kept.max_body_bytes.is_some_and(|most| bytes > most);
        (if is_too_large { Reply::Status(413, "", b"") } else { reply }, kept.changes)
    };
    state.change(|kept| kept.requests.push(request));
    let taken = |stream: &mut dyn Stream, status, headers: &str, body: &[u8]| {
        if (200..300).contains(&status) {
            state.change(|kept| {
                kept.taken += spans;
                kept.ids.extend(ids.iter().cloned());
            });
        }
        let head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        stream.write_all(&[head.as_bytes(), body].concat())?;
        stream.flush()?;
        Ok(true)
    };
    match reply {
        Reply::Taken => taken(stream, 200, "", b""),
        Reply::Slow(time) => {
            std::thread::sleep(time);
            taken(stream, 200, "", b"")
        }
        Reply::Status(status, headers, body) => taken(stream, status, headers, body),
        Reply::Raw(bytes) => {
            stream.write_all(bytes)?;
            stream.flush()?;
            Ok(false)
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            loop {
                stream.write_all(b"4\r\n\0\0\0\0\r\n")?;
            }
        }
        Reply::Hang => {
            // The first change is this request.
            state.wait(Duration::from_secs(60), |kept| kept.changes > changes + 1);
            taken(stream, 200, "", b"")
        }
        Reply::Close => Ok(false),
    }
}

/// The next request, and the size of its body as sent; `None` at the end of the connection. A body of more than `most` bytes is
/// refused and not read.
fn read(stream: &mut dyn Stream, most: Option<usize>) -> io::Result<Option<(Request, usize)>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 64 << 10]);
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            // No HTTP.
            _ if bytes.is_empty() && !buffer[0].is_ascii_graphic() => return Ok(None),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let length: usize = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    if most.is_some_and(|most| length > most) {
        stream.write_all(b"HTTP/1.1 413 Status\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
        return Ok(None);
    }
    let mut body = bytes.split_off(head);
    while body.len() < length {
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            read => body.extend_from_slice(&buffer[..read]),
        }
    }
    let mut plain = Vec::new();
    match header("content-encoding") {
        Some("gzip") => drop(GzDecoder::new(&body[..]).read_to_end(&mut plain)?),
        _ => plain.clone_from(&body),
    }
    let decoded = if header("content-type") == Some("application/json") {
        serde_json::from_slice(&plain).expect("a request in JSON")
    } else {
        ExportTraceServiceRequest::decode(&plain[..]).expect("a request in protobuf")
    };
    let spans = decoded.resource_spans.iter().flat_map(|spans| &spans.scope_spans).flat_map(|scope| &scope.spans);
    let request = Request {
        path,
        body_bytes: body.len(),
        plain_bytes: plain.len(),
        ids: spans.map(|span| span.span_id.clone()).collect(),
        processes: processes(decoded),
        at: Instant::now(),
        headers,
    };
    Ok(Some((request, body.len())))
}

fn processes(request: ExportTraceServiceRequest) -> Vec<(i64, Vec<String>)> {
    let mut processes: Vec<(i64, Vec<String>)> = Vec::new();
    for of_resource in request.resource_spans {
        let pid = pid(&of_resource);
        let names = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans).map(|span| span.name);
        match processes.iter_mut().find(|(known, _)| *known == pid) {
            Some((_, known)) => known.extend(names),
            None => processes.push((pid, names.collect())),
        }
    }
    processes
}

fn pid(spans: &ResourceSpans) -> i64 {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let attributes = spans.resource.iter().flat_map(|resource| &resource.attributes);
    let value =
        attributes.filter(|attribute| attribute.key == "process.pid").find_map(|a| a.value.as_ref()?.value.as_ref());
    match value {
        Some(Value::IntValue(pid)) => *pid,
        _ => 0,
    }
}
