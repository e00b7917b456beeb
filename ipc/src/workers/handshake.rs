//! Connects pool and worker: a one-shot server for each process, whose name is in the worker's environment.
//!
//! `accept` has no deadline, so it runs on a helper thread. To end that thread early, the pool connects to the server itself.

use super::codec::{append_head, from_bytes};
use super::crew::Crew;
use super::doorway::Doorway;
use super::event::{Event, News, NoHello};
use super::frame::{Frame, Kind, VERSION};
use super::message::{Hello, Offer, HELLO};
use super::plan::Plan;
use ipc_channel::ipc::{bytes_channel, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender};
use std::fmt;
use std::io;
use std::os::unix::net::UnixStream;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(super) struct Channels {
    pub(super) jobs: IpcBytesSender,
    pub(super) replies: IpcBytesReceiver,
    pub(super) wake: IpcBytesSender,
}

/// A server and its socket.
pub(super) fn server() -> io::Result<(IpcOneShotServer<Hello>, Doorway)> {
    check_descriptors()?;
    let directory = std::env::temp_dir();
    check_directory(&directory)?;
    let server = catch_unwind(IpcOneShotServer::new).map_err(|_| explain(&directory, &"ipc-channel panicked"))?;
    // `ipc-channel` doesn't check the number that `socket` returned.
    let (server, file) = server.map_err(|error| match error.raw_os_error() {
        Some(libc::EBADF) => io::Error::from_raw_os_error(libc::EMFILE),
        _ => error,
    })?;
    Ok((server, Doorway::to(file)))
}

/// The server's socket has the path `/.tmpXXXXXX/socket` in the directory for temporary files. `ipc-channel` panics if it can't
/// make that file. It cuts a path that is too long, so the file would be left behind.
fn check_directory(directory: &Path) -> io::Result<()> {
    const LONGEST: usize = 107 - "/.tmpXXXXXX/socket".len();
    std::fs::metadata(directory).map_err(|error| explain(directory, &error))?;
    match directory.as_os_str().len() > LONGEST {
        true => Err(explain(directory, &"its path is too long")),
        false => Ok(()),
    }
}

fn explain(directory: &Path, error: &dyn fmt::Display) -> io::Error {
    io::Error::other(format!(
        "can't make a socket in {}: {error}; set TMPDIR to another directory",
        directory.display()
    ))
}

/// Checks that enough descriptors are free for a handshake, with a reserve.
fn check_descriptors() -> io::Result<()> {
    let spare = [UnixStream::pair()?, UnixStream::pair()?, UnixStream::pair()?, UnixStream::pair()?];
    drop(spare);
    Ok(())
}

/// Sends a first message to a channel that is dropped. `ipc-channel` needs two more descriptors for its first message. Without them
/// it panics, then and at each later message. So this runs alone, after a check of the free descriptors.
pub(super) fn prepare() -> io::Result<()> {
    static PREPARED: Mutex<bool> = Mutex::new(false);
    let mut prepared = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*prepared {
        check_descriptors()?;
        let (sender, _receiver) = bytes_channel()?;
        let sent = catch_unwind(AssertUnwindSafe(|| sender.send(&[0])));
        sent.map_err(|_| io::Error::other("ipc-channel panicked at its first message"))??;
        *prepared = true;
    }
    Ok(())
}

/// A thread that waits in `accept`.
pub(super) struct Accepting {
    socket: Doorway,
    done: Arc<AtomicBool>,
}

/// Starts a thread that accepts, and posts the worker's hello.
pub(super) fn accept(
    server: IpcOneShotServer<Hello>,
    socket: Doorway,
    attempt: u64,
    mail: &Sender<Event>,
    crew: &Crew,
) -> io::Result<Accepting> {
    let done = Arc::new(AtomicBool::new(false));
    let (mail, is_done) = (mail.clone(), Arc::clone(&done));
    crew.spawn("heirloom-accept", move || {
        let accepted = catch_unwind(AssertUnwindSafe(|| server.accept()));
        is_done.store(true, Ordering::Release);
        let hello = match accepted {
            Ok(Ok((_receiver, hello))) => Ok(Box::new(hello)),
            Ok(Err(error)) => Err(no_hello(*error)),
            // A hello contains descriptors. If this process has none left for them, `ipc-channel` panics too.
            Err(_) => {
                Err(NoHello::Unreadable(String::from("its hello is invalid, or no descriptor was left to receive it")))
            }
        };
        drop(mail.send(Event::From(attempt, News::Hello(hello))));
    })?;
    Ok(Accepting { socket, done })
}

/// The reason why the first message couldn't be received. A message that is too short is an I/O error here.
fn no_hello(error: bincode::ErrorKind) -> NoHello {
    use io::ErrorKind::{ConnectionReset, UnexpectedEof};
    match error {
        bincode::ErrorKind::Io(error) if error.kind() == ConnectionReset => NoHello::BrokeOff,
        bincode::ErrorKind::Io(error) if error.kind() != UnexpectedEof => NoHello::Io(error),
        error => NoHello::Unreadable(format!("its hello is invalid: {error}")),
    }
}

impl Accepting {
    /// Ends the thread if it still accepts. The worker is dead, so no other process connects.
    pub(super) fn unblock(&self) {
        for _ in 0..100 {
            if self.done.load(Ordering::Acquire) || !Path::new(self.socket.name()).exists() {
                return;
            }
            if IpcSender::<Hello>::connect(self.socket.name().to_owned()).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Checks that this worker matches the plan. The error has the difference.
pub(super) fn check(hello: Hello, plan: &Plan) -> Result<Channels, String> {
    let (magic, version, offer, jobs, replies, wake) = hello;
    if magic != HELLO {
        return Err(format!("its hello starts with {magic:?}, expected {HELLO:?}"));
    }
    if version != VERSION {
        return Err(format!("it uses version {version} of the protocol, this pool uses version {VERSION}"));
    }
    let offer: Offer = from_bytes(&offer).map_err(|error| format!("its hello is invalid: {error}"))?;
    check_offer(&offer, plan)?;
    Ok(Channels { jobs, replies, wake })
}

fn check_offer(offer: &Offer, plan: &Plan) -> Result<(), String> {
    let Some((_, job, reply)) = offer.iter().find(|(name, ..)| name == plan.worker) else {
        let names: Vec<&str> = offer.iter().map(|(name, ..)| name.as_str()).collect();
        return Err(format!("it serves {names:?}, expected {:?}", plan.worker));
    };
    for (what, theirs, ours) in [("job", job, plan.job_type), ("reply", reply, plan.reply_type)] {
        if theirs != ours {
            return Err(format!(
                "the {what} type of {:?} is {theirs} in the worker and {ours} in the pool",
                plan.worker
            ));
        }
    }
    Ok(())
}

/// The answer to a hello.
pub(super) fn welcome(plan: &Plan, seat: usize) -> Frame {
    let mut frame = Frame::new(Kind::Welcome);
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let place = (plan.pool, number(seat), number(plan.workers));
    append_head(&(plan.worker, plan.message_bytes as u64, place), frame.payload());
    frame
}
