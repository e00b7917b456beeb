//! Another machine: a separate process that serves jobs over HTTP and exports its own spans.

use crate::kind::Job;
use crate::setup;
use heirloom::bridge::HeaderMapExt;
use heirloom::{Guard, Span};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The variable that makes a process the other machine; its value is the receiver's URL.
const VARIABLE: &str = "SEVEN_WAYS_MACHINE";

/// The text before the address in the other machine's output.
const LISTENING: &str = "listening ";

/// The other machine, as its clients see it.
#[derive(Debug)]
pub struct Machine {
    process: Child,
    stdout: BufReader<std::process::ChildStdout>,
    address: SocketAddr,
}

impl Machine {
    /// Starts the other machine with this command. It sends its spans to the receiver at `langfuse`.
    ///
    /// # Errors
    /// The process can't be started, or ends before it prints its address.
    pub fn start(mut command: Command, langfuse: &str) -> Result<Self, Box<dyn Error>> {
        command.env(VARIABLE, langfuse).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let mut stdout = BufReader::new(process.stdout.take().ok_or("no stdout")?);
        let mut line = String::new();
        // A test harness may have written the start of the line.
        let address = loop {
            if let Some((_, address)) = line.split_once(LISTENING) {
                break address.trim().parse()?;
            }
            line.clear();
            if stdout.read_line(&mut line)? == 0 {
                return Err(format!("the other machine ended: {}", process.wait()?).into());
            }
        };
        Ok(Self { process, stdout, address })
    }

    /// Runs the jobs on it, with one request for each.
    pub(crate) async fn run(&self, root: &Span, jobs: Vec<Job>) -> Result<u64, Box<dyn Error>> {
        let mut made = 0;
        for job in jobs {
            let mut request = Request::builder()
                .method(Method::POST)
                .uri("/job")
                .header("host", self.address.to_string())
                .body(Full::from(serde_json::to_vec(&job)?))?;
            request.headers_mut().insert_trace(root);
            made += self.send(request).await?.parse::<u64>()?;
        }
        Ok(made)
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<String, Box<dyn Error>> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        drop(sender);
        connection.await??;
        match status {
            StatusCode::OK => Ok(String::from_utf8(body.to_vec())?),
            _ => Err(format!("the other machine answered {status}").into()),
        }
    }

    /// Ends it, and returns the last line of its output.
    pub(crate) fn finish(mut self, runtime: &tokio::runtime::Runtime) -> Result<String, Box<dyn Error>> {
        let stdin = self.process.stdin.take();
        let request = Request::builder().method(Method::DELETE).uri("/").header("host", "machine");
        runtime.block_on(self.send(request.body(Full::default())?))?;
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest)?;
        let status = self.process.wait()?;
        drop(stdin);
        if !status.success() {
            return Err(format!("the other machine failed with {status}; its output: {rest}").into());
        }
        Ok(rest.lines().last().unwrap_or_default().to_owned())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Without `finish` it still runs. After `finish` it has exited, and both calls fail harmlessly.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In the process of the other machine: serves until it is told to end, and exits. In any other process: returns at once.
///
/// # Panics
/// The tracer, the runtime or the port can't be started. The message goes to stderr.
pub fn serve() {
    let Ok(langfuse) = std::env::var(VARIABLE) else { return };
    let guard = setup::start("another-machine", &langfuse).expect("a tracer");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    end_with_parent();
    runtime.block_on(listen()).expect("a port");
    println!("{}", report(guard));
    std::process::exit(0);
}

/// Exits when stdin is closed: the parent process holds the other end, so the parent is gone then.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(2);
    });
}

fn report(guard: Guard) -> String {
    let report = guard.finish();
    if !report.is_complete() {
        eprintln!("{report}");
        std::process::exit(1);
    }
    report.ledger().to_string()
}

async fn listen() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{LISTENING}{}", listener.local_addr()?);
    let end = Arc::new(Notify::new());
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = end.notified() => return Ok(()),
        };
        let end = Arc::clone(&end);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &end));
            let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                eprintln!("a connection failed: {error}");
            }
        });
    }
}

async fn answer(request: Request<Incoming>, end: &Notify) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.method() == Method::DELETE {
        end.notify_one();
        return Ok(response);
    }
    let cx = request.headers().trace_or_root();
    let body = request.into_body().collect().await.map(|body| body.to_bytes());
    match body.ok().and_then(|body| serde_json::from_slice::<Job>(&body).ok()) {
        Some(job) => *response.body_mut() = Full::from(cx.in_span("job", |span| job.run(span)).to_string()),
        None => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    Ok(response)
}
