//! The worker's side: [`serve`].

mod parent;
mod tracer;

use super::clock;
use super::codec::{split_head, to_bytes};
use super::frame::{Frame, Frames, Kind, OVERHEAD, VERSION};
use super::message::{Hello, JobMessage, Offer, ReplyHead, Verdict, HELLO, VARIABLE};
use super::propagation;
use super::role;
use super::worker::Serve;
use crate::baggage;
use heirloom_core::mark::{self, FanOut, WaitCause};
use heirloom_core::SpanId;
use ipc_channel::ipc::{bytes_channel, IpcBytesSender, IpcSender};
use std::ffi::OsString;
use std::io::{self, Write};
use std::time::Instant;

/// The exit code of a worker that found no pool. Few programs use it.
const NO_POOL: i32 = 96;

/// In a worker process: runs jobs until the pool ends the worker, and exits the process. In other processes it returns at once.
///
/// Call it first in `main`. Workers are this program started again, so each worker runs the code before this call too. With
/// tokio, write a plain `fn main` that calls this and then builds the runtime: below `#[tokio::main]` jobs would run inside the
/// runtime, where `block_on` panics.
///
/// In a worker it
///
/// - removes the variable that made it a worker from the environment, so that its children don't inherit it;
/// - takes over stdin, which is a pipe from its parent. When the parent is dead, the pipe ends and the process exits at once;
/// - starts the global tracer, unless one runs already, and finishes it before it exits. The tracer records into the pool's
///   process. If that process has no tracer, it uses the environment's settings, and a trace file's name gets the process id;
/// - runs one job after the other on this thread, each in a span. A job that panics doesn't end it.
///
/// ```
/// use heirloom_ipc::workers::{self, Worker};
/// use std::time::Duration;
///
/// static DOUBLE: Worker<u32, u32> = Worker::new("double", |_span, n| 2 * n);
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     workers::serve(&[&DOUBLE]);
///     let pool = DOUBLE.pool().workers(1).start()?;
///     let reply = heirloom_core::in_root("run", |root| pool.submit(root, 21))?.wait(Duration::from_secs(10))?;
///     assert_eq!(reply, 42);
///     Ok(())
/// }
/// ```
pub fn serve(workers: &[&dyn Serve]) {
    let Some(invitation) = role::serving() else { return };
    let code = match Session::join(workers, invitation).and_then(Session::run) {
        Ok(()) => 0,
        Err(error) => {
            // Not `eprintln`, which panics if stderr is closed.
            drop(writeln!(io::stderr(), "heirloom: this process was started as a worker, but {error}"));
            NO_POOL
        }
    };
    std::process::exit(code)
}

/// A worker that has sent its hello.
struct Session<'w> {
    workers: &'w [&'w dyn Serve],
    jobs: Frames,
    replies: IpcBytesSender,
}

/// The pool's answer to the hello.
struct Welcome<'w> {
    worker: &'w dyn Serve,
    message_bytes: usize,
    /// The pool's number, this worker's index in it, and the number of its workers.
    place: (u64, u32, u32),
}

impl<'w> Session<'w> {
    fn join(workers: &'w [&'w dyn Serve], invitation: OsString) -> Result<Self, String> {
        let socket = parse(&invitation)?;
        let gone = |error: &dyn std::fmt::Display| format!("its pool at {socket} doesn't exist any more: {error}");
        let to: IpcSender<Hello> = IpcSender::connect(socket.to_owned()).map_err(|error| gone(&error))?;
        parent::watch().map_err(|error| format!("it can't watch its parent: {error}"))?;
        let (jobs_to, jobs) = bytes_channel().map_err(|error| error.to_string())?;
        let (replies, replies_from) = bytes_channel().map_err(|error| error.to_string())?;
        let offer = to_bytes(&offer(workers)).map_err(|error| error.to_string())?;
        let hello = (HELLO.to_owned(), VERSION, offer, jobs_to, replies_from, replies.clone());
        to.send(hello).map_err(|error| gone(&error))?;
        Ok(Self { workers, jobs: Frames::new(jobs, OVERHEAD), replies })
    }

    fn run(mut self) -> Result<(), String> {
        let welcome = self.welcome()?;
        let (name, ..) = welcome.worker.describe();
        parent::name_this_process(name);
        let tracing = tracer::start_tracer(name);
        let (pool, index, size) = welcome.place;
        mark::pool(name, pool, index, size);
        self.jobs.set_limit(usize::MAX);
        let result = self.work(&welcome);
        tracer::finish(tracing);
        result
    }

    fn welcome(&mut self) -> Result<Welcome<'w>, String> {
        let frame = self.jobs.next().map_err(|error| error.to_string())?;
        let Some((Kind::Welcome, bytes)) = frame else {
            return Err(String::from("its pool has ended or has rejected it"));
        };
        let ((name, message_bytes, place), _) =
            split_head::<(&str, u64, (u64, u32, u32))>(bytes).ok_or("its pool's welcome is invalid")?;
        let worker = self.workers.iter().find(|worker| worker.describe().0 == name);
        let worker = *worker.ok_or_else(|| format!("it doesn't serve {name:?}, which its pool expects"))?;
        Ok(Welcome { worker, message_bytes: usize::try_from(message_bytes).unwrap_or(usize::MAX), place })
    }

    fn work(&mut self, welcome: &Welcome<'_>) -> Result<(), String> {
        loop {
            let jobs = &mut self.jobs;
            let frame = mark::wait(WaitCause::Empty, move || jobs.next());
            match frame.map_err(|error| error.to_string())? {
                Some((Kind::Jobs, jobs)) => run_all(welcome, jobs, &self.replies)?,
                Some((Kind::Bye, _)) => return Ok(()),
                Some((kind, _)) => return Err(format!("received a frame that only pools receive: {kind:?}")),
                None => return Err(String::from("its pool has ended")),
            }
        }
    }
}

/// Sends each reply before the next job starts. The pool relies on that.
fn run_all(welcome: &Welcome<'_>, mut jobs: &[u8], replies: &IpcBytesSender) -> Result<(), String> {
    while !jobs.is_empty() {
        let (message, rest) = JobMessage::read(jobs).ok_or("received an invalid frame of jobs")?;
        jobs = rest;
        run(welcome, &message).send(replies).map_err(|error| format!("can't send a reply to its pool: {error}"))?;
    }
    Ok(())
}

fn run(welcome: &Welcome<'_>, message: &JobMessage<'_>) -> Frame {
    let mut body = Vec::new();
    let began = Instant::now();
    let (mut verdict, span) = match message.expires_ns {
        Some(expires_ns) if expires_ns <= clock::now_ns() => (Verdict::Expired, SpanId::INVALID),
        _ => {
            let cx = propagation::adopt(message.cx, message.tracestate, message.baggage);
            let _baggage = baggage::Scope::of(message.baggage);
            welcome.worker.run(FanOut::with_id(cx, message.fan), message.job, &mut body)
        }
    };
    let busy_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    if body.len() > welcome.message_bytes {
        verdict = Verdict::Failed;
        let (bytes, limit) = (body.len(), welcome.message_bytes);
        body = format!("the reply has {bytes} bytes, more than the limit of {limit}; raise `message_bytes`").into();
    }
    let mut frame = Frame::new(Kind::Reply);
    ReplyHead { id: message.id, busy_ns, verdict, span }.write(frame.payload());
    frame.payload().extend_from_slice(&body);
    frame
}

fn parse(invitation: &OsString) -> Result<&str, String> {
    let text = invitation.to_str().ok_or(format!("{VARIABLE} has the value {invitation:?}, which is not UTF-8"))?;
    let (version, socket) =
        text.split_once(':').ok_or(format!("{VARIABLE} has the value {text:?}, expected VERSION:SOCKET"))?;
    if version != VERSION.to_string() {
        return Err(format!("its pool uses version {version} of the protocol, this program uses version {VERSION}"));
    }
    Ok(socket)
}

fn offer(workers: &[&dyn Serve]) -> Offer {
    let owned = |(name, job, reply): (&str, &str, &str)| (name.to_owned(), job.to_owned(), reply.to_owned());
    workers.iter().map(|worker| owned(worker.describe())).collect()
}
