//! The keeper of one worker: a thread that starts the process, supervises it until it is dead, and starts the next.
//!
//! 1. A one-shot server is made, the process started, and a helper thread accepts. The keeper waits for the first of:
//!    the worker's hello, the process's end, the deadline, the pool's end.
//! 2. A sender and a reader thread transfer jobs and replies. The keeper waits for the process's end.
//! 3. When it has ended, a wake frame after the last reply tells the reader to stop. Then the first
//!    unanswered job fails or is tried again, and the others return to the queue.
//! 4. Unless the pool is over or the worker died too often, the keeper restarts it after a pause.

use super::crew::{deadline, Crew};
use super::error::{Death, StartError};
use super::event::{Event, News, NoHello};
use super::frame::{Frame, Kind};
use super::handshake::{self, Accepting, Channels};
use super::message::Hello;
use super::plan::Plan;
use super::process::Process;
use super::restarts::Restarts;
use super::state::Jobs;
use super::stderr::Printer;
use super::trace;
use super::traffic;
use heirloom_core::mark::{self, WaitCause};
use ipc_channel::ipc::IpcBytesSender;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Maximum wait for the end of a killed process. It normally takes milliseconds; this bounds a process that is stuck in the kernel.
const GONE: Duration = Duration::from_secs(10);
/// Maximum time in which the reader reads the last replies of a dead worker.
const LAST_REPLIES: Duration = Duration::from_secs(5);
/// Maximum wait for the result of a handshake's helper thread after the process has ended.
const UNBLOCKED: Duration = Duration::from_secs(5);
/// Maximum wait for the end of a process that disconnected, before the process is killed.
const BROKE_OFF: Duration = Duration::from_millis(500);

pub(super) struct Keeper {
    pub(super) seat: usize,
    pub(super) jobs: Arc<Jobs>,
    pub(super) plan: Arc<Plan>,
    pub(super) crew: Crew,
    pub(super) printer: Printer,
    pub(super) events: Receiver<Event>,
    pub(super) mail: Sender<Event>,
    /// The number of the process that was started last.
    pub(super) attempt: u64,
}

/// A worker that takes jobs.
struct Running {
    process: Process,
    traffic: Traffic,
}

struct Traffic {
    /// Kept until the worker is dead, so that the end of its sender thread never looks like the end of the pool.
    _jobs: IpcBytesSender,
    /// Ends the reader.
    wake: IpcBytesSender,
    reader_ended: Receiver<()>,
}

/// How a worker ended.
struct End {
    death: Death,
    /// Whether the pool killed it because of a job's deadline, which doesn't count as a restart.
    overdue: bool,
}

/// The reason why a process is not usable as a worker.
enum Setback {
    Ended,
    TimedOut,
    Mismatch(String),
    Io(io::Error),
    ShutDown,
}

impl Keeper {
    /// Runs until the pool is over or no further start is allowed. Sends the result of the first start to `started`.
    pub(super) fn keep(mut self, started: Sender<Result<(), StartError>>) {
        let mut end = match self.start() {
            Ok(running) => {
                drop(started.send(Ok(())));
                self.attend(running)
            }
            Err(error) => return drop(started.send(Err(error))),
        };
        drop(started);
        let mut restarts = Restarts::new(self.plan.restarts, self.plan.restart_window);
        while !self.jobs.is_over() {
            let pause = if end.overdue { Some(Duration::ZERO) } else { restarts.next(Instant::now()) };
            let Some(pause) = pause else { return self.jobs.failed(self.seat, &end.death) };
            if !self.pause(pause) {
                return;
            }
            end = match self.start() {
                Ok(running) => self.attend(running),
                Err(error) => End { death: into_death(error), overdue: false },
            };
        }
    }

    /// Waits before a restart. Returns whether to restart.
    fn pause(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Event::From(..) | Event::Overdue(_)) => {}
                Ok(Event::Close | Event::Kill) | Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => return true,
            }
        }
    }

    fn start(&mut self) -> Result<Running, StartError> {
        self.attempt += 1;
        // A slow start is visible in the trace: the keeper waits from before the launch until the worker is there.
        let _starter = self.plan.cx.enter();
        mark::wait(WaitCause::Workers, || self.launch_and_greet())
    }

    fn launch_and_greet(&self) -> Result<Running, StartError> {
        let deadline = deadline(self.plan.start_timeout);
        let (server, socket) = handshake::server().map_err(StartError::Io)?;
        let mut process = self.launch(socket.name())?;
        let accepting = match handshake::accept(server, socket, self.attempt, &self.mail, &self.crew) {
            Ok(accepting) => accepting,
            Err(error) => return Err(self.discard(process, Setback::Io(error))),
        };
        let hello = self.await_hello(&mut process, &accepting, deadline);
        let channels = hello.and_then(|hello| handshake::check(*hello, &self.plan).map_err(Setback::Mismatch));
        let connected = channels.and_then(|channels| self.connect(channels));
        match connected {
            Ok(traffic) => Ok(Running { process, traffic }),
            Err(setback) => {
                let error = self.discard(process, setback);
                accepting.unblock();
                Err(error)
            }
        }
    }

    fn launch(&self, socket: &str) -> Result<Process, StartError> {
        let mut command = self.plan.command(socket);
        Process::start(&mut command, self.plan.cx, self.attempt, &self.mail, &self.crew, &self.printer)
            .map_err(|error| StartError::Spawn { executable: self.plan.executable.clone(), error })
    }

    /// Waits for the result of the start. After the process has ended, it still waits for the helper thread, whose error is more
    /// precise.
    fn await_hello(
        &self,
        process: &mut Process,
        accepting: &Accepting,
        mut deadline: Instant,
    ) -> Result<Box<Hello>, Setback> {
        let mut broke_off = false;
        loop {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Event::From(attempt, _)) if attempt != self.attempt => {}
                Ok(Event::From(_, News::Hello(Ok(hello)))) if !process.has_ended() => return Ok(hello),
                Ok(Event::From(_, News::Hello(Err(NoHello::Io(error))))) => return Err(Setback::Io(error)),
                Ok(Event::From(_, News::Hello(Err(NoHello::Unreadable(what))))) => return Err(Setback::Mismatch(what)),
                Ok(Event::From(_, News::Hello(Ok(_) | Err(NoHello::BrokeOff)))) => {
                    broke_off = true;
                    deadline = deadline.min(Instant::now() + BROKE_OFF);
                }
                Ok(Event::From(_, News::Ended)) => {
                    process.ended();
                    accepting.unblock();
                    // The helper thread's result comes soon, except on a busy machine.
                    deadline = deadline.min(Instant::now() + UNBLOCKED);
                }
                Ok(Event::From(_, News::Broken(_)) | Event::Overdue(_)) => {}
                Ok(Event::Close | Event::Kill) | Err(RecvTimeoutError::Disconnected) => return Err(Setback::ShutDown),
                Err(RecvTimeoutError::Timeout) if process.has_ended() => return Err(Setback::Ended),
                Err(RecvTimeoutError::Timeout) if broke_off => {
                    return Err(Setback::Mismatch(String::from("it disconnected during the handshake")));
                }
                Err(RecvTimeoutError::Timeout) => return Err(Setback::TimedOut),
            }
            if broke_off && process.has_ended() {
                return Err(Setback::Ended);
            }
        }
    }

    /// Starts the traffic with a worker that matches the plan.
    fn connect(&self, channels: Channels) -> Result<Traffic, Setback> {
        let Channels { jobs, replies, wake } = channels;
        handshake::welcome(&self.plan, self.seat).send(&jobs).map_err(Setback::Io)?;
        let generation = self.jobs.up(self.seat);
        let link = traffic::Link {
            jobs: Arc::clone(&self.jobs),
            seat: self.seat,
            generation,
            attempt: self.attempt,
            mail: self.mail.clone(),
        };
        let started = traffic::start(link, jobs.clone(), replies, self.plan.message_bytes, &self.crew);
        let reader_ended = started.map_err(|error| {
            self.jobs.down(self.seat);
            Setback::Io(error)
        })?;
        Ok(Traffic { _jobs: jobs, wake, reader_ended })
    }

    /// Ends and reaps a process that is not usable as a worker.
    fn discard(&self, mut process: Process, setback: Setback) -> StartError {
        match &setback {
            Setback::Ended => {}
            Setback::TimedOut => process.kill("killed because it was not ready in time"),
            Setback::Mismatch(_) => process.kill("killed because the pool can't use it"),
            Setback::Io(_) => process.kill("killed because the pool could not connect to it"),
            Setback::ShutDown => process.kill("killed because the pool was shut down"),
        }
        self.await_end(&mut process, GONE);
        let death = process.reap();
        match setback {
            Setback::Ended => StartError::Exited(death),
            Setback::TimedOut => StartError::TimedOut { after: self.plan.start_timeout, death },
            Setback::Mismatch(difference) => StartError::Mismatch { difference, death },
            Setback::Io(error) => StartError::Io(error),
            Setback::ShutDown => StartError::ShutDown,
        }
    }

    fn await_end(&self, process: &mut Process, timeout: Duration) {
        let deadline = deadline(timeout);
        while !process.has_ended() {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Event::From(attempt, News::Ended)) if attempt == self.attempt => process.ended(),
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }

    /// Waits until the worker is dead. Then fails, retries or requeues its jobs.
    fn attend(&self, running: Running) -> End {
        let Running { mut process, traffic } = running;
        let overdue = self.await_death(&mut process);
        self.jobs.down(self.seat);
        // An error: the reader has ended already.
        drop(Frame::new(Kind::Wake).send(&traffic.wake));
        let _: Result<(), RecvTimeoutError> = traffic.reader_ended.recv_timeout(LAST_REPLIES);
        let death = process.reap();
        let begun = self.jobs.begun(self.seat);
        if begun.is_some() || !self.jobs.is_over() {
            let cx = begun.filter(|cx| cx.trace_id().is_valid()).unwrap_or(self.plan.cx);
            trace::died(cx, &self.plan, &death);
        }
        self.jobs.died(self.seat, &death);
        End { death, overdue }
    }

    /// Returns whether it was killed because of a job's deadline.
    fn await_death(&self, process: &mut Process) -> bool {
        let mut overdue = false;
        while !process.has_ended() {
            match self.events.recv() {
                Ok(Event::From(attempt, News::Ended)) if attempt == self.attempt => process.ended(),
                Ok(Event::From(attempt, News::Broken(what))) if attempt == self.attempt => {
                    // The usual cause is that the worker has just ended, so that nothing can be sent to it.
                    self.await_end(process, BROKE_OFF);
                    process.kill(&format!("killed by the pool: {what}"));
                }
                Ok(Event::Overdue(job)) if self.jobs.is_at(self.seat, job) => {
                    overdue = true;
                    process.kill("killed by the pool: it didn't answer a job whose deadline had passed");
                }
                // The worker has answered this job since.
                Ok(Event::Overdue(_)) => {}
                // The sender thread sends the goodbye.
                Ok(Event::From(..) | Event::Close) => {}
                Ok(Event::Kill) | Err(_) => {
                    self.jobs.note_killed(process.pid());
                    process.kill("killed because the pool was shut down");
                    self.await_end(process, GONE);
                    return overdue;
                }
            }
        }
        overdue
    }
}

fn into_death(error: StartError) -> Death {
    let reason = error.to_string();
    match error {
        StartError::Exited(death) | StartError::TimedOut { death, .. } => death,
        StartError::Mismatch { death, difference } => Death { reason: Some(difference), ..death },
        _ => Death { pid: 0, exit: None, stderr_tail: String::new(), reason: Some(reason) },
    }
}
