//! Worker processes that record into the collector of the process that started them: this same binary again. It gets
//! requests as lines on its standard input, and answers with numbers.

use super::child::{self, Numbers};
use heirloom::ipc::command::Child;
use heirloom::ipc::prelude::*;
use heirloom::{Context, Guard, Span};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

/// Whether a child can record into its parent's collector on this system. If not, there is nothing to measure.
pub const CAN_JOIN: bool = cfg!(target_os = "linux");

/// The other end of a stream of requests: it runs each line's request and answers with numbers.
pub struct Asked {
    to: Box<dyn Write + Send>,
    from: Box<dyn BufRead + Send>,
}

impl Asked {
    /// Over two streams.
    pub fn new(to: impl Write + Send + 'static, from: impl Read + Send + 'static) -> Self {
        Self { to: Box::new(to), from: Box::new(BufReader::new(from)) }
    }

    /// Sends a request.
    pub fn tell(&mut self, line: &str) -> Result<(), String> {
        let told = self.to.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.to.flush());
        told.map_err(|error| format!("{line}: {error}"))
    }

    /// Waits for the numbers of the answer.
    pub fn answer(&mut self) -> Result<Numbers, String> {
        let mut line = String::new();
        self.from.read_line(&mut line).map_err(|error| format!("no answer: {error}"))?;
        serde_json::from_str(&line).map_err(|error| format!("unexpected answer {line:?}: {error}"))
    }

    /// Sends a request, and waits for the numbers of the answer.
    pub fn ask(&mut self, line: &str) -> Result<Numbers, String> {
        self.tell(line)?;
        self.answer()
    }
}

/// Answers requests until the stream ends.
pub fn answer_all(
    from: impl Read,
    mut to: impl Write,
    mut answer: impl FnMut(&str) -> Result<Numbers, String>,
) -> Result<(), String> {
    for line in BufReader::new(from).lines() {
        let numbers = answer(&line.map_err(|error| error.to_string())?)?;
        let text = serde_json::to_string(&numbers).map_err(|error| error.to_string())?;
        to.write_all(format!("{text}\n").as_bytes()).and_then(|()| to.flush()).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A worker process.
pub struct Worker {
    child: Child,
    asked: Asked,
}

impl Worker {
    /// Starts a worker that serves this child's measurement, below a span.
    pub fn start(parent: &Span, name: &str, arguments: &[u64]) -> Result<Self, String> {
        let mut command = child::command(name, arguments)?;
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.traced(parent).attached().spawn().map_err(|error| format!("{name}: {error}"))?;
        let streams = child.stdin.take().zip(child.stdout.take());
        let (to, from) = streams.ok_or_else(|| format!("{name}: no pipes"))?;
        Ok(Self { child, asked: Asked::new(to, from) })
    }

    /// The stream of requests.
    pub fn asked(&mut self) -> &mut Asked {
        &mut self.asked
    }

    /// Ends the requests, and waits for the last numbers and the exit.
    pub fn finish(self) -> Result<Numbers, String> {
        let Self { mut child, asked: Asked { to, from } } = self;
        drop(to);
        let last = Asked { to: Box::new(std::io::sink()), from }.answer();
        let status = child.wait().map_err(|error| error.to_string())?;
        match status.success() {
            true => last,
            false => Err(format!("a worker process ended with {status}")),
        }
    }
}

/// In the worker: attaches to its parent and starts a span below the parent's. Spans below that one have a parent in this
/// same process, as in a thread.
pub fn join() -> Result<(Guard, Span), String> {
    #[cfg(target_os = "linux")]
    heirloom::ipc::shm::attach_to_parent();
    let guard = heirloom::init("worker").map_err(|error| error.to_string())?;
    let attached = guard.tracer().ledger().exporters.iter().any(|exporter| exporter.name == "parent");
    let cx = Context::from_env().map_err(|error| error.to_string())?;
    match attached {
        true => Ok((guard, cx.span("work"))),
        false => Err("the worker could not attach to its parent's collector".to_owned()),
    }
}
