//! The two threads that send jobs to a worker and receive its replies.

use super::clock;
use super::crew::Crew;
use super::event::{Event, News};
use super::frame::{Frame, FrameError, Frames, Kind, OVERHEAD};
use super::job::{Failure, Job};
use super::message::{JobMessage, ReplyHead, Verdict};
use super::state::{Jobs, Next};
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender};
use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;
use std::time::Duration;

/// The state that both threads share.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) jobs: Arc<Jobs>,
    pub(super) seat: usize,
    pub(super) generation: u64,
    pub(super) attempt: u64,
    pub(super) mail: Sender<Event>,
}

/// Starts both. The returned receiver disconnects when the reader has ended.
pub(super) fn start(
    link: Link,
    to: IpcBytesSender,
    from: IpcBytesReceiver,
    message_bytes: usize,
    crew: &Crew,
) -> io::Result<Receiver<()>> {
    let (end, ended) = mpsc::channel::<()>();
    let reader = link.clone();
    let mut frames = Frames::new(from, message_bytes + OVERHEAD);
    crew.spawn("heirloom-read", move || {
        let _end = end;
        reader.run(|| reader.read(&mut frames));
    })?;
    crew.spawn("heirloom-send", move || {
        link.run(|| link.send(&to).map_err(|error| format!("can't send jobs to it: {error}")));
    })?;
    Ok(ended)
}

impl Link {
    /// Runs a thread. If it ends early, for example because a waker panics, the worker is ended too. Otherwise its jobs would never
    /// be over.
    fn run(&self, thread: impl FnOnce() -> Result<(), String>) {
        let result = catch_unwind(AssertUnwindSafe(thread));
        if let Err(what) = result.unwrap_or_else(|_| Err(String::from("its thread in the pool panicked"))) {
            // An error: the keeper has ended and has killed the worker.
            drop(self.mail.send(Event::From(self.attempt, News::Broken(what))));
        }
    }

    fn send(&self, to: &IpcBytesSender) -> io::Result<()> {
        loop {
            match self.jobs.next(self.seat, self.generation) {
                Next::Send(batch) => {
                    batch.iter().for_each(|job| job.sent());
                    jobs_frame(&batch).send(to)?;
                }
                Next::Bye => return Frame::new(Kind::Bye).send(to),
                Next::Stop => return Ok(()),
            }
        }
    }

    fn read(&self, frames: &mut Frames) -> Result<(), String> {
        loop {
            match frames.next().map_err(|error: FrameError| error.to_string())? {
                Some((Kind::Reply, reply)) => self.take(reply)?,
                Some((Kind::Wake, _)) | None => return Ok(()),
                Some((kind, _)) => return Err(format!("received a frame that only workers receive: {kind:?}")),
            }
        }
    }

    fn take(&self, reply: &[u8]) -> Result<(), String> {
        let (head, body) = ReplyHead::read(reply).ok_or("received a reply that can't be read")?;
        let Some(job) = self.jobs.replied(self.seat, self.generation, head.id, head.busy_ns) else {
            return match self.jobs.is_closed() {
                true => Ok(()),
                false => Err(String::from("received a reply to a job that it doesn't have")),
            };
        };
        let text = || String::from_utf8_lossy(body).into_owned();
        let result = match head.verdict {
            Verdict::Done => Ok(body.to_vec()),
            Verdict::Panicked => Err(Failure::Panicked(text())),
            Verdict::Failed => Err(Failure::Message(text())),
            Verdict::Expired => Err(Failure::Deadline(job.deadline.map_or(Duration::ZERO, |deadline| deadline.after))),
        };
        job.replied(result, head.span);
        Ok(())
    }
}

fn jobs_frame(batch: &[Arc<Job>]) -> Frame {
    let mut frame = Frame::new(Kind::Jobs);
    for job in batch {
        let message = JobMessage {
            id: job.id,
            cx: job.cx,
            tracestate: &job.tracestate,
            baggage: &job.baggage,
            expires_ns: job.deadline.map(|deadline| clock::at_ns(deadline.at)),
            fan: job.fan,
            job: &job.bytes,
        };
        message.write(frame.payload());
    }
    frame
}
