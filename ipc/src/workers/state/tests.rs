//! The rules of the queue, without any process.

use super::*;
use crate::workers::job::{Completion, Slot};
use heirloom_core::Context;
use std::time::Duration;

const LIMITS: Limits = Limits { queue: 100, in_flight: 64, retries: 0 };

fn job(id: u64) -> (Arc<Job>, Arc<Slot>) {
    let slot = Arc::new(Slot::default());
    (Arc::new(Job::new(id, Context::INERT, Vec::new(), Completion::Handle(Arc::clone(&slot)))), slot)
}

fn submit(jobs: &Jobs, id: u64) -> Arc<Slot> {
    let (job, slot) = job(id);
    assert!(jobs.submit(&job, None).is_ok());
    slot
}

fn taken(jobs: &Jobs, seat: usize, generation: u64) -> Vec<u64> {
    match jobs.next(seat, generation) {
        Next::Send(batch) => batch.iter().map(|job| job.id).collect(),
        Next::Bye | Next::Stop => Vec::new(),
    }
}

fn death() -> Death {
    Death { pid: 7, exit: None, stderr_tail: String::new(), reason: None }
}

/// Replies to quick jobs, so that the worker's window opens.
fn warm_up(jobs: &Jobs, seat: usize, generation: u64) {
    for id in 1000..1020 {
        submit(jobs, id);
        assert_eq!(taken(jobs, seat, generation), [id]);
        assert!(jobs.replied(seat, generation, id, 100).is_some());
    }
}

fn failure(slot: &Slot) -> Failure {
    slot.wait(Duration::ZERO).unwrap().unwrap_err().0
}

#[test]
fn of_a_dead_workers_jobs_only_the_one_that_had_begun_fails() {
    let jobs = Jobs::new(1, LIMITS);
    let generation = jobs.up(0);
    warm_up(&jobs, 0, generation);
    let slots = [1, 2, 3].map(|id| submit(&jobs, id));
    assert_eq!(taken(&jobs, 0, generation), [1, 2, 3]);
    assert!(jobs.replied(0, generation, 1, 100).is_some());
    jobs.down(0);
    jobs.died(0, &death());
    assert!(matches!(failure(&slots[1]), Failure::WorkerDied(_)));
    assert!(!slots[2].is_settled());
    let generation = jobs.up(0);
    assert_eq!(taken(&jobs, 0, generation), [3]);
}

#[test]
fn a_job_with_retries_left_comes_first_again() {
    let jobs = Jobs::new(1, Limits { retries: 1, ..LIMITS });
    let generation = jobs.up(0);
    let slots = [1, 2].map(|id| submit(&jobs, id));
    assert_eq!(taken(&jobs, 0, generation), [1]);
    jobs.died(0, &death());
    let generation = jobs.up(0);
    assert_eq!(taken(&jobs, 0, generation), [1]);
    jobs.died(0, &death());
    assert!(matches!(failure(&slots[0]), Failure::WorkerDied(_)));
    assert!(!slots[1].is_settled());
}

#[test]
fn replies_out_of_order_or_of_a_dead_generation_are_not_taken() {
    let jobs = Jobs::new(1, LIMITS);
    let generation = jobs.up(0);
    submit(&jobs, 1);
    assert!(jobs.replied(0, generation, 1, 0).is_none(), "it was not sent yet");
    assert_eq!(taken(&jobs, 0, generation), [1]);
    assert!(jobs.replied(0, generation, 2, 0).is_none());
    assert!(jobs.replied(0, generation + 1, 1, 0).is_none());
    assert!(jobs.replied(0, generation, 1, 0).is_some());
}

#[test]
fn workers_share_the_queue() {
    let jobs = Jobs::new(2, LIMITS);
    let generations = [jobs.up(0), jobs.up(1)];
    warm_up(&jobs, 0, generations[0]);
    (0..10).for_each(|id| drop(submit(&jobs, id)));
    assert_eq!(taken(&jobs, 0, generations[0]).len(), 5);
    assert_eq!(taken(&jobs, 1, generations[1]).len(), 1, "its window is still closed");
}

#[test]
fn a_full_queue_refuses_at_once_or_at_the_deadline() {
    let jobs = Jobs::new(1, Limits { queue: 1, ..LIMITS });
    submit(&jobs, 1);
    let soon = Instant::now() + Duration::from_millis(20);
    assert!(matches!(jobs.submit(&job(2).0, None), Err(Refused::Full)));
    assert!(matches!(jobs.submit(&job(2).0, Some(soon)), Err(Refused::Full)));
    assert!(Instant::now() >= soon);
}

#[test]
fn without_any_worker_left_all_jobs_fail() {
    let jobs = Jobs::new(2, LIMITS);
    let queued = submit(&jobs, 1);
    jobs.failed(0, &death());
    assert!(!queued.is_settled());
    jobs.failed(1, &death());
    assert!(matches!(failure(&queued), Failure::NoWorkers(_)));
    assert!(matches!(failure(&submit(&jobs, 2)), Failure::NoWorkers(_)));
}

#[test]
fn a_closing_pool_does_what_it_has_and_takes_nothing_new() {
    let jobs = Jobs::new(1, LIMITS);
    let generation = jobs.up(0);
    submit(&jobs, 1);
    jobs.drain(Instant::now());
    assert!(matches!(jobs.submit(&job(2).0, None), Err(Refused::ShutDown)));
    assert_eq!(taken(&jobs, 0, generation), [1]);
    assert!(!jobs.is_over());
    assert!(jobs.replied(0, generation, 1, 0).is_some());
    assert!(matches!(jobs.next(0, generation), Next::Bye));
    assert_eq!(jobs.close(), 0);
}

#[test]
fn closing_fails_what_is_queued_and_what_is_in_flight() {
    let jobs = Jobs::new(1, LIMITS);
    let generation = jobs.up(0);
    let slots = [1, 2].map(|id| submit(&jobs, id));
    assert_eq!(taken(&jobs, 0, generation), [1]);
    assert_eq!(jobs.close(), 2);
    assert!(slots.iter().all(|slot| matches!(failure(slot), Failure::ShutDown)));
    assert!(matches!(jobs.next(0, generation), Next::Stop));
}
