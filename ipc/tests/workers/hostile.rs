//! Workers that introduce themselves well and then send what no worker would.

use crate::support::{echo, run, Task, LONG, TASK};
use bincode::Options;
use heirloom_ipc::workers::{JobError, StartError};
use ipc_channel::ipc::{bytes_channel, IpcBytesReceiver, IpcBytesSender, IpcSender};
use std::any::type_name;
use std::time::{Duration, Instant};

type Hello = (String, u8, Vec<u8>, IpcBytesSender, IpcBytesReceiver, IpcBytesSender);

/// The version of the protocol.
const VERSION: u8 = 4;

/// A header, and what follows.
fn frame(version: u8, kind: u8, length: u32, payload: &[u8]) -> Vec<u8> {
    [b"HLwk", &[version, kind, 0, 0][..], &length.to_le_bytes(), payload].concat()
}

/// What such a worker sends for its first job, and what its death says then.
fn insults() -> Vec<(Vec<u8>, &'static str)> {
    vec![
        (b"nonsense of some length".to_vec(), "received bytes that are not a frame of the protocol"),
        (vec![0], "received bytes that are not a frame of the protocol"),
        (frame(9, 4, 0, &[]), "received a frame of version 9, expected 4"),
        (frame(VERSION, 200, 0, &[]), "received a frame of an unexpected kind: 200"),
        (frame(VERSION, 2, 0, &[]), "received a frame that only workers receive: Jobs"),
        (frame(VERSION, 4, u32::MAX, &[]), "received a frame of 4294967295 bytes, over the limit"),
        (frame(VERSION, 4, 1, &[0, 0, 0]), "received a frame whose length differs from its header"),
        (frame(VERSION, 4, 0, &[]), "received a reply that can't be read"),
        (frame(VERSION, 4, 8, &[4, 0, 0, 0, 77, 0, 0, 0]), "received a reply to a job that it doesn't have"),
        (frame(VERSION, 4, 8, &[4, 0, 0, 0, 0, 0, 9, 0]), "received a reply that can't be read"),
    ]
}

#[test]
fn whatever_a_worker_sends_costs_the_worker_only() {
    for (n, (_, expected)) in insults().into_iter().enumerate() {
        let pool = TASK.pool().workers(1).restarts(0, LONG).test_entry("hostile::hostile_worker");
        let pool = pool.env("HOSTILE", n.to_string()).start().unwrap();
        match run(&pool, echo("x")) {
            Err(JobError::WorkerDied { death, job: Some(Task::Echo(_)) }) => {
                assert_eq!(death.reason.as_deref(), Some(format!("killed by the pool: {expected}").as_str()));
            }
            other => panic!("{n}: {other:?}"),
        }
    }
}

#[test]
fn half_a_reply_of_a_worker_that_then_dies_is_no_reply() {
    let pool = TASK.pool().workers(1).restarts(0, LONG).test_entry("hostile::hostile_worker");
    let pool = pool.env("HOSTILE", "half").start().unwrap();
    let started = Instant::now();
    assert!(matches!(run(&pool, echo("x")), Err(JobError::WorkerDied { .. })));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn another_version_is_refused_at_the_start() {
    for (what, expected) in [
        ("version", "it uses version 77 of the protocol, this pool uses version 4"),
        ("magic", "its hello starts with \"stranger\", expected \"heirloom worker\""),
        ("offer", "its hello is invalid"),
    ] {
        let started = Instant::now();
        let pool = TASK.pool().workers(1).test_entry("hostile::hostile_worker").env("HOSTILE", what);
        match pool.start() {
            Err(StartError::Mismatch { difference, .. }) => assert!(difference.contains(expected), "{difference}"),
            other => panic!("{what}: {other:?}"),
        }
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

/// What the pools above start. As a test it does nothing.
#[test]
fn hostile_worker() {
    let (Ok(invitation), Ok(what)) = (std::env::var("HEIRLOOM_WORKER"), std::env::var("HOSTILE")) else { return };
    let (jobs_to, jobs) = bytes_channel().unwrap();
    let (replies, replies_from) = bytes_channel().unwrap();
    let mut hello: Hello = (String::from("heirloom worker"), VERSION, offer(), jobs_to, replies_from, replies.clone());
    match what.as_str() {
        "version" => hello.1 = 77,
        "magic" => hello.0 = String::from("stranger"),
        "offer" => hello.2 = vec![255],
        _ => {}
    }
    let (_, socket) = invitation.split_once(':').unwrap();
    IpcSender::connect(socket.to_owned()).unwrap().send(hello).unwrap();
    // The welcome, and the first job.
    let received = (jobs.recv().is_ok(), jobs.recv().is_ok());
    if let (true, true) = received {
        match what.parse::<usize>() {
            Ok(n) => replies.send(&insults()[n].0).unwrap(),
            Err(_) => replies.send(&frame(VERSION, 4, 100, b"half")).unwrap(),
        }
        if what != "half" {
            std::thread::sleep(LONG);
        }
    }
    std::process::exit(1);
}

fn offer() -> Vec<u8> {
    let offer = vec![("task", type_name::<Task>(), type_name::<String>())];
    bincode::options().serialize(&offer).unwrap()
}
