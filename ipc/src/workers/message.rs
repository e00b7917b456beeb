//! The contents of the frames.

use super::codec::{append_head, split_head};
use heirloom_core::{Context, SpanId};
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender};

/// The environment variable that makes a process a worker. Its value: the version, a colon, the handshake's socket.
pub(super) const VARIABLE: &str = "HEIRLOOM_WORKER";

/// A worker's first message: magic text, version, the [`Offer`] as bytes, and its channels. With the offer as bytes, a pool can
/// read another version's hello, and reject it.
///
/// The channels are: jobs to the worker, replies from it, and a second sender of replies. With the second sender, the pool tells
/// its reader thread that the worker is dead.
pub(super) type Hello = (String, u8, Vec<u8>, IpcBytesSender, IpcBytesReceiver, IpcBytesSender);

pub(super) const HELLO: &str = "heirloom worker";

/// The workers that a process serves: name, type of the job, type of the reply.
pub(super) type Offer = Vec<(String, String, String)>;

/// One job in a message to a worker.
#[derive(Debug, PartialEq)]
pub(super) struct JobMessage<'a> {
    pub(super) id: u64,
    pub(super) cx: Context,
    pub(super) tracestate: &'a str,
    pub(super) baggage: &'a str,
    /// The time after which the worker must not start it, on the clock that pool and worker share.
    pub(super) expires_ns: Option<u64>,
    /// The id of the fan-out that the job's span belongs to; zero if to none.
    pub(super) fan: u64,
    pub(super) job: &'a [u8],
}

impl<'a> JobMessage<'a> {
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let head = (self.id, self.cx, self.tracestate, self.baggage, self.expires_ns, self.fan, self.job.len() as u64);
        append_head(&head, to);
        to.extend_from_slice(self.job);
    }

    /// The first job in `bytes`, and the rest.
    pub(super) fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (head, rest) = split_head::<(u64, Context, &str, &str, Option<u64>, u64, u64)>(bytes)?;
        let (id, cx, tracestate, baggage, expires_ns, fan, length) = head;
        let (job, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        Some((Self { id, cx, tracestate, baggage, expires_ns, fan, job }, rest))
    }
}

/// The outcome of a job in the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The reply follows.
    Done = 0,
    /// The panic's message follows.
    Panicked = 1,
    /// The text of a serialisation error follows.
    Failed = 2,
    /// Nothing follows: its deadline had passed before its start, so it did not run.
    Expired = 3,
}

/// The head before a reply or a text.
#[derive(Debug, PartialEq)]
pub(super) struct ReplyHead {
    pub(super) id: u64,
    /// Time that the function ran, in nanoseconds.
    pub(super) busy_ns: u64,
    pub(super) verdict: Verdict,
    /// The job's span, which the worker recorded; invalid if it recorded none.
    pub(super) span: SpanId,
}

impl ReplyHead {
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        append_head(&(self.id, self.busy_ns, self.verdict as u8, self.span.to_u64()), to);
    }

    /// The head, and the reply or text.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ((id, busy_ns, verdict, span), rest) = split_head::<(u64, u64, u8, u64)>(bytes)?;
        let verdict = match verdict {
            0 => Verdict::Done,
            1 => Verdict::Panicked,
            2 => Verdict::Failed,
            3 => Verdict::Expired,
            _ => return None,
        };
        Some((Self { id, busy_ns, verdict, span: SpanId::from_u64(span) }, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<'a>(id: u64, tracestate: &'a str, job: &'a [u8]) -> JobMessage<'a> {
        JobMessage { id, cx: Context::INERT, tracestate, baggage: "", expires_ns: None, fan: 0, job }
    }

    #[test]
    fn jobs_in_one_frame_are_read_one_by_one() {
        let mut bytes = Vec::new();
        let messages = [
            JobMessage { expires_ns: Some(u64::MAX), fan: u64::MAX, ..message(7, "", b"first") },
            JobMessage { baggage: "user=u1", ..message(300, "a=b", b"") },
        ];
        messages.iter().for_each(|message| message.write(&mut bytes));
        let (first, rest) = JobMessage::read(&bytes).unwrap();
        let (second, rest) = JobMessage::read(rest).unwrap();
        assert_eq!([first, second], messages);
        assert!(rest.is_empty());
    }

    #[test]
    fn cut_or_senseless_bytes_are_no_message() {
        let mut bytes = Vec::new();
        message(7, "a=b", b"first").write(&mut bytes);
        assert!((0..bytes.len()).all(|length| JobMessage::read(&bytes[..length]).is_none()));
        assert!(ReplyHead::read(&[4, 0, 0, 0, 1, 2, 9, 0]).is_none());
        assert!(ReplyHead::read(&[]).is_none());
    }

    #[test]
    fn a_reply_follows_its_head() {
        let mut bytes = Vec::new();
        let head = ReplyHead { id: 1 << 40, busy_ns: 12_345, verdict: Verdict::Panicked, span: SpanId::from_u64(7) };
        head.write(&mut bytes);
        bytes.extend_from_slice(b"text");
        assert_eq!(ReplyHead::read(&bytes).unwrap(), (head, &b"text"[..]));
    }
}
