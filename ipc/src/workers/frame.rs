//! Frames: the units that are sent over the byte channels, in both directions.
//!
//! ```text
//! 0        4         5      6      8         12
//! | magic  | version | kind | zero | length  | payload (length bytes) |
//! ```
//!
//! A frame is cut into messages of about [`CHUNK`] bytes, so that each is one packet of the socket. `ipc-channel` sends a larger
//! message over a separate socket, and the sender holds its other end too. If the receiver died then, the sender would wait without
//! end.
//!
//! The first message of a frame starts with the magic, each further one with [`GOES_ON`]. The pool sends a wake frame after the
//! last message of a dead worker. So the wake frame is never taken for the rest of an unfinished reply.

use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, IpcError};
use std::fmt;
use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Bytes per message: far below the buffer of a socket (208 KiB by default on Linux), so that several fit into it.
const CHUNK: usize = 32 * 1024;
/// The first byte of a message that continues a frame. The magic starts with another byte.
const GOES_ON: u8 = b'+';
const MAGIC: [u8; 4] = *b"HLwk";
/// The version of the protocol between pool and worker.
pub(super) const VERSION: u8 = 4;
const HEADER: usize = 12;
/// Maximum number of bytes of a frame in addition to the job or reply in it.
pub(super) const OVERHEAD: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// To the worker, once: the worker that it must serve.
    Welcome = 1,
    /// To the worker: one job or several.
    Jobs = 2,
    /// To the worker: no more jobs will come, exit.
    Bye = 3,
    /// To the pool: the reply to one job.
    Reply = 4,
    /// From the pool to itself: the worker is dead, nothing comes after this.
    Wake = 5,
}

/// A frame that is being written.
pub(super) struct Frame(Vec<u8>);

impl Frame {
    pub(super) fn new(kind: Kind) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[VERSION, kind as u8, 0, 0]);
        bytes.extend_from_slice(&[0; 4]);
        Self(bytes)
    }

    /// The payload. Only append to it.
    pub(super) fn payload(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    pub(super) fn payload_len(&self) -> usize {
        self.0.len() - HEADER
    }

    /// Sends it. Blocks while the socket's buffer is full.
    pub(super) fn send(mut self, to: &IpcBytesSender) -> io::Result<()> {
        let length = u32::try_from(self.payload_len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.0[HEADER - 4..HEADER].copy_from_slice(&length.to_le_bytes());
        let (first, rest) = self.0.split_at(self.0.len().min(CHUNK));
        send_chunk(to, first)?;
        rest.chunks(CHUNK).try_for_each(|chunk| send_chunk(to, &[&[GOES_ON], chunk].concat()))
    }
}

fn send_chunk(to: &IpcBytesSender, chunk: &[u8]) -> io::Result<()> {
    loop {
        match catch_unwind(AssertUnwindSafe(|| to.send(chunk))) {
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(result) => return result,
            Err(_) => return Err(io::Error::other("ipc-channel panicked")),
        }
    }
}

/// The reason why received bytes are not a frame.
#[derive(Debug)]
pub(super) enum FrameError {
    Io(String),
    /// `ipc-channel` panicked, as it does on messages that it can't read.
    Panicked,
    NoFrame,
    Version(u8),
    Kind(u8),
    TooLarge(usize),
    /// Its length differs from its header.
    Length,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Io(error) => write!(f, "can't receive: {error}"),
            FrameError::Panicked => f.write_str("received a message that ipc-channel can't read"),
            FrameError::NoFrame => f.write_str("received bytes that are not a frame of the protocol"),
            FrameError::Version(version) => write!(f, "received a frame of version {version}, expected {VERSION}"),
            FrameError::Kind(kind) => write!(f, "received a frame of an unexpected kind: {kind}"),
            FrameError::TooLarge(bytes) => write!(f, "received a frame of {bytes} bytes, over the limit"),
            FrameError::Length => f.write_str("received a frame whose length differs from its header"),
        }
    }
}

/// Reads frames.
pub(super) struct Frames {
    from: IpcBytesReceiver,
    buffer: Vec<u8>,
    limit: usize,
}

impl Frames {
    /// Rejects frames whose payload is larger than `limit` bytes.
    pub(super) fn new(from: IpcBytesReceiver, limit: usize) -> Self {
        Self { from, buffer: Vec::new(), limit }
    }

    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Waits for the next frame. `None`: all senders are closed, perhaps after a part of a frame.
    pub(super) fn next(&mut self) -> Result<Option<(Kind, &[u8])>, FrameError> {
        let Some(first) = self.chunk()? else { return Ok(None) };
        let (kind, length) = parse_header(&first)?;
        if length > self.limit {
            return Err(FrameError::TooLarge(length));
        }
        self.buffer = first;
        while self.buffer.len() < HEADER + length {
            let Some(chunk) = self.chunk()? else { return Ok(None) };
            match chunk.split_first() {
                Some((&GOES_ON, more)) => self.buffer.extend_from_slice(more),
                _ if matches!(parse_header(&chunk), Ok((Kind::Wake, 0))) => return Ok(None),
                _ => return Err(FrameError::Length),
            }
        }
        if self.buffer.len() != HEADER + length {
            return Err(FrameError::Length);
        }
        Ok(Some((kind, &self.buffer[HEADER..])))
    }

    fn chunk(&self) -> Result<Option<Vec<u8>>, FrameError> {
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.from.recv())) {
                Ok(Ok(chunk)) => return Ok(Some(chunk)),
                Ok(Err(IpcError::Disconnected)) => return Ok(None),
                Ok(Err(IpcError::Io(error))) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(Err(IpcError::Io(error))) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Ok(Err(error)) => return Err(FrameError::Io(error.to_string())),
                Err(_) => return Err(FrameError::Panicked),
            }
        }
    }
}

fn parse_header(bytes: &[u8]) -> Result<(Kind, usize), FrameError> {
    let Some(header) = bytes.get(..HEADER).filter(|header| header.starts_with(&MAGIC)) else {
        return Err(FrameError::NoFrame);
    };
    if header[4] != VERSION {
        return Err(FrameError::Version(header[4]));
    }
    let kind = match header[5] {
        1 => Kind::Welcome,
        2 => Kind::Jobs,
        3 => Kind::Bye,
        4 => Kind::Reply,
        5 => Kind::Wake,
        other => return Err(FrameError::Kind(other)),
    };
    Ok((kind, u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc_channel::ipc::bytes_channel;

    fn frames(limit: usize) -> (IpcBytesSender, Frames) {
        let (sender, receiver) = bytes_channel().unwrap();
        (sender, Frames::new(receiver, limit))
    }

    #[test]
    fn a_frame_of_many_packets_arrives_whole() {
        let (sender, mut frames) = frames(1 << 20);
        let payload: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
        let sent = payload.clone();
        let thread = std::thread::spawn(move || {
            let mut frame = Frame::new(Kind::Jobs);
            frame.payload().extend_from_slice(&sent);
            frame.send(&sender).unwrap();
            Frame::new(Kind::Bye).send(&sender).unwrap();
        });
        let (kind, received) = frames.next().unwrap().unwrap();
        assert!(kind == Kind::Jobs && received == payload);
        assert_eq!(frames.next().unwrap().unwrap(), (Kind::Bye, &[][..]));
        thread.join().unwrap();
        assert!(frames.next().unwrap().is_none());
    }

    #[test]
    fn a_frame_just_below_or_over_a_packet_arrives_whole() {
        let edges = [CHUNK - HEADER, CHUNK, 2 * CHUNK - HEADER - 1, 2 * CHUNK - HEADER, 2 * CHUNK];
        for bytes in edges.into_iter().flat_map(|edge| edge - 2..=edge + 2) {
            let (sender, mut frames) = frames(bytes);
            let mut frame = Frame::new(Kind::Reply);
            frame.payload().extend((0..bytes).map(|n| n as u8));
            frame.send(&sender).unwrap();
            Frame::new(Kind::Bye).send(&sender).unwrap();
            let (kind, received) = frames.next().unwrap().unwrap();
            assert_eq!((kind, received.len()), (Kind::Reply, bytes));
            assert!(received.iter().enumerate().all(|(n, byte)| *byte == n as u8), "{bytes}");
            assert_eq!(frames.next().unwrap().unwrap(), (Kind::Bye, &[][..]));
        }
    }

    #[test]
    fn a_frame_one_byte_over_the_limit_is_refused() {
        let (sender, mut frames) = frames(99);
        let mut frame = Frame::new(Kind::Reply);
        frame.payload().extend([0; 100]);
        frame.send(&sender).unwrap();
        assert!(matches!(frames.next(), Err(FrameError::TooLarge(100))));
    }

    #[test]
    fn bytes_that_are_no_frame_are_refused() {
        for (bytes, expected) in [
            (&b"HLwk"[..], "not a frame"),
            (b"not a frame at all", "not a frame"),
            (b"HLwk\x09\x01\0\0\0\0\0\0", "version 9"),
            (b"HLwk\x04\x77\0\0\0\0\0\0", "unexpected kind: 119"),
            (b"HLwk\x04\x02\0\0\xff\0\0\0", "over the limit"),
            (b"HLwk\x04\x02\0\0\0\0\0\0surplus", "length differs"),
        ] {
            let (sender, mut frames) = frames(100);
            sender.send(bytes).unwrap();
            let error = frames.next().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_sender_that_dies_within_a_frame_is_the_end() {
        let (sender, mut frames) = frames(100);
        sender.send(b"HLwk\x04\x02\0\0\x10\0\0\0half").unwrap();
        drop(sender);
        assert!(frames.next().unwrap().is_none());
    }

    #[test]
    fn a_wake_frame_is_never_taken_for_the_rest_of_a_frame() {
        for missing in 1..30 {
            let (sender, mut frames) = frames(100);
            let header = [&MAGIC[..], &[VERSION, Kind::Reply as u8, 0, 0, 4 + missing, 0, 0, 0], b"half"].concat();
            sender.send(&header).unwrap();
            Frame::new(Kind::Wake).send(&sender).unwrap();
            assert!(frames.next().unwrap().is_none());
        }
    }

    #[test]
    fn a_frame_within_a_frame_is_refused() {
        let (sender, mut frames) = frames(100);
        sender.send(b"HLwk\x04\x02\0\0\x10\0\0\0half").unwrap();
        Frame::new(Kind::Reply).send(&sender).unwrap();
        assert!(matches!(frames.next(), Err(FrameError::Length)));
    }

    #[test]
    fn a_frame_to_nobody_is_an_error_and_does_not_wait() {
        let (sender, frames) = frames(100);
        drop(frames);
        let mut frame = Frame::new(Kind::Jobs);
        frame.payload().resize(1 << 20, 0);
        assert!(frame.send(&sender).is_err());
    }
}
