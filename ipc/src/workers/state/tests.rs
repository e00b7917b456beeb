//! The rules of the queue, without any process.

use super::*;
use crate::workers::job::{Completion, Deadline, Outcome, Terms};
use crate::workers::room::Room;
use crate::workers::slot::{Found, Slot};
use heirloom_core::{Baggage, Context};
use heirloom_harness::watch;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake};

const LIMITS: Limits = Limits { queue: 100, in_flight: 64, retries: 0 };

type Answer = Arc<Slot<Outcome>>;

fn job_with(id: u64, after: Option<Duration>) -> (Arc<Job>, Answer) {
    let slot = Arc::new(Slot::default());
    let deadline = after.map(|after| Deadline { at: Instant::now() + after, after });
    let terms = Terms { cx: Context::INERT, baggage: Baggage::new(), deadline, fan: 0 };
    (Arc::new(Job::new(id, 0, &terms, Vec::new(), Completion::Handle(Arc::clone(&slot)))), slot)
}

fn job(id: u64) -> (Arc<Job>, Answer) {
    job_with(id, None)
}

fn submit_with(jobs: &Jobs, id: u64, after: Option<Duration>) -> Answer {
    let (job, slot) = job_with(id, after);
    assert!(jobs.try_submit(&job).is_ok());
    slot
}

fn submit(jobs: &Jobs, id: u64) -> Answer {
    submit_with(jobs, id, None)
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

fn failure(slot: &Slot<Outcome>) -> Failure {
    match slot.wait(Duration::ZERO) {
        Found::Value(Outcome { result: Err((failure, _)), .. }) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_dead_workers_jobs_only_the_one_that_had_begun_fails() {
    let jobs = Jobs::new(1, LIMITS);
    let generation = jobs.up(0);
    warm_up(&jobs, 0, generation);
    let slots = [1, 2, 3, 4].map(|id| submit(&jobs, id));
    assert_eq!(taken(&jobs, 0, generation), [1, 2, 3, 4]);
    assert!(jobs.replied(0, generation, 1, 100).is_some());
    jobs.down(0);
    jobs.died(0, &death());
    assert!(matches!(failure(&slots[1]), Failure::WorkerDied(_)));
    assert!(!slots[2].is_settled());
    // The others are in their order again, before those that were submitted later.
    submit(&jobs, 5);
    let generation = jobs.up(0);
    for id in [3, 4, 5] {
        assert_eq!(taken(&jobs, 0, generation), [id]);
        assert!(jobs.replied(0, generation, id, u64::MAX).is_some());
    }
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

/// A job of many bytes is sent alone; a frame that it would make too large is sent before it.
#[test]
fn a_job_just_over_the_frame_waits_for_the_next_one() {
    let large = |id, bytes| {
        let terms = Terms { cx: Context::INERT, baggage: Baggage::new(), deadline: None, fan: 0 };
        let completion = Completion::Handle(Arc::new(Slot::default()));
        Arc::new(Job::new(id, 0, &terms, vec![0; bytes], completion))
    };
    for (second, expected) in [(BATCH_BYTES - 1, vec![1, 2]), (BATCH_BYTES, vec![1]), (2 * BATCH_BYTES, vec![1])] {
        let jobs = Jobs::new(1, LIMITS);
        let generation = jobs.up(0);
        warm_up(&jobs, 0, generation);
        for job in [large(1, 1), large(2, second), large(3, 0)] {
            assert!(jobs.try_submit(&job).is_ok());
        }
        assert_eq!(taken(&jobs, 0, generation), expected, "{second}");
        assert_eq!(taken(&jobs, 0, generation)[0], expected[expected.len() - 1] + 1, "{second}");
    }
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
    let _watch = watch(Duration::from_secs(30));
    let jobs = Arc::new(Jobs::new(1, Limits { queue: 1, ..LIMITS }));
    submit(&jobs, 1);
    let soon = Instant::now() + Duration::from_millis(20);
    assert!(matches!(jobs.try_submit(&job(2).0), Err(Refused::Full)));
    assert!(matches!(Room::new(Arc::clone(&jobs), job(2).0, soon).wait(), Err(Refused::Full)));
    assert!(Instant::now() >= soon);
    // A deadline of the job's own may be sooner.
    let (late, _) = job_with(2, Some(Duration::ZERO));
    let far = Instant::now() + Duration::from_secs(60);
    assert!(matches!(Room::new(Arc::clone(&jobs), late, far).wait(), Err(Refused::Full)));
    let state = jobs.lock();
    assert_eq!((state.waiting.len(), state.alarms.len()), (0, 0));
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
    assert!(matches!(jobs.try_submit(&job(2).0), Err(Refused::ShutDown)));
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

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A submitter that waits, and what counts how often it is woken.
fn waiting(jobs: &Arc<Jobs>, id: u64) -> (std::pin::Pin<Box<Room>>, Arc<Count>) {
    let count = Arc::new(Count::default());
    let far = Instant::now() + Duration::from_secs(60);
    let mut room = Box::pin(Room::new(Arc::clone(jobs), job(id).0, far));
    assert!(poll(&mut room, &count).is_pending());
    (room, count)
}

fn poll(room: &mut std::pin::Pin<Box<Room>>, count: &Arc<Count>) -> Poll<Result<(), Refused>> {
    let waker = Waker::from(Arc::clone(count));
    room.as_mut().poll(&mut std::task::Context::from_waker(&waker))
}

#[test]
fn those_that_wait_for_room_are_woken_in_their_order_one_for_each_place() {
    let jobs = Arc::new(Jobs::new(1, Limits { queue: 1, in_flight: 1, ..LIMITS }));
    let generation = jobs.up(0);
    submit(&jobs, 1);
    let (mut first, first_woken) = waiting(&jobs, 2);
    let (mut second, second_woken) = waiting(&jobs, 3);
    assert_eq!(taken(&jobs, 0, generation), [1]);
    assert_eq!([&first_woken, &second_woken].map(|count| count.0.load(Ordering::SeqCst)), [1, 0]);
    assert!(matches!(poll(&mut first, &first_woken), Poll::Ready(Ok(()))));
    assert!(poll(&mut second, &second_woken).is_pending());
    assert!(jobs.replied(0, generation, 1, 0).is_some());
    assert_eq!(taken(&jobs, 0, generation), [2]);
    assert!(matches!(poll(&mut second, &second_woken), Poll::Ready(Ok(()))));
    let state = jobs.lock();
    assert_eq!((state.queue.len(), state.waiting.len(), state.alarms.len()), (1, 0, 0));
}

#[test]
fn a_submitter_that_is_dropped_when_its_turn_has_come_hands_it_on() {
    let jobs = Arc::new(Jobs::new(1, Limits { queue: 1, in_flight: 1, ..LIMITS }));
    let generation = jobs.up(0);
    submit(&jobs, 1);
    let (first, first_woken) = waiting(&jobs, 2);
    let (gone, gone_woken) = waiting(&jobs, 3);
    let (mut third, third_woken) = waiting(&jobs, 4);
    drop(gone);
    assert_eq!(taken(&jobs, 0, generation), [1]);
    drop(first);
    let woken = [&first_woken, &gone_woken, &third_woken].map(|count| count.0.load(Ordering::SeqCst));
    assert_eq!(woken, [1, 0, 1]);
    assert!(matches!(poll(&mut third, &third_woken), Poll::Ready(Ok(()))));
    let state = jobs.lock();
    assert_eq!((state.queue.len(), state.waiting.len(), state.alarms.len()), (1, 0, 0));
}

/// Lets the pool's clock run on this thread until everything there is to do is done.
fn tick(jobs: &Jobs) -> Vec<Overdue> {
    let overdue = std::cell::RefCell::new(Vec::new());
    let first = || jobs.lock().alarms.first();
    while let Some(at) = first() {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        jobs.ring_next(&|late| overdue.borrow_mut().push(late));
    }
    overdue.into_inner()
}

#[test]
fn a_job_that_expires_in_the_queue_leaves_its_place_to_the_next() {
    let jobs = Arc::new(Jobs::new(1, Limits { queue: 1, ..LIMITS }));
    let expires = submit_with(&jobs, 1, Some(Duration::from_millis(1)));
    let far = Instant::now() + Duration::from_secs(60);
    let mut waits = pin!(Room::new(Arc::clone(&jobs), job(2).0, far));
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut cx = std::task::Context::from_waker(&waker);
    assert!(waits.as_mut().poll(&mut cx).is_pending());
    std::thread::sleep(Duration::from_millis(2));
    jobs.ring_next(&|late| panic!("{late:?}"));
    assert!(matches!(failure(&expires), Failure::Deadline(after) if after == Duration::from_millis(1)));
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    assert!(matches!(waits.as_mut().poll(&mut cx), Poll::Ready(Ok(()))));
}

#[test]
fn a_worker_that_does_not_answer_to_an_expired_job_is_overdue_and_its_other_jobs_go_on() {
    let jobs = Jobs::new(1, Limits { retries: 1, ..LIMITS });
    let generation = jobs.up(0);
    warm_up(&jobs, 0, generation);
    let after = Some(Duration::from_millis(1));
    let slots = [submit_with(&jobs, 1, after), submit_with(&jobs, 2, after), submit(&jobs, 3)];
    assert_eq!(taken(&jobs, 0, generation), [1, 2, 3]);
    assert_eq!(tick(&jobs), [Overdue { seat: 0, job: 1 }]);
    assert!(slots[..2].iter().all(|slot| matches!(failure(slot), Failure::Deadline(_))));
    jobs.died(0, &death());
    assert!(!slots[2].is_settled());
    let generation = jobs.up(0);
    assert_eq!(taken(&jobs, 0, generation), [3], "what expired is not tried again");
}

#[test]
fn an_expired_job_is_watched_when_the_worker_begins_it_after_all() {
    let jobs = Jobs::new(1, LIMITS);
    let generation = jobs.up(0);
    warm_up(&jobs, 0, generation);
    let slots = [submit(&jobs, 1), submit_with(&jobs, 2, Some(Duration::from_millis(1)))];
    assert_eq!(taken(&jobs, 0, generation), [1, 2]);
    assert_eq!(tick(&jobs), []);
    assert!(slots[1].is_settled() && !slots[0].is_settled());
    assert!(jobs.replied(0, generation, 1, 0).is_some());
    assert_eq!(tick(&jobs), [Overdue { seat: 0, job: 2 }]);
    // Or it answers: then there is nothing to kill.
    assert!(jobs.replied(0, generation, 2, 0).is_some() && !jobs.is_at(0, 2));
}

#[test]
fn a_job_that_is_done_leaves_no_alarm_behind() {
    let jobs = Jobs::new(1, LIMITS);
    let generation = jobs.up(0);
    let hour = Some(Duration::from_secs(3600));
    submit_with(&jobs, 1, hour);
    assert_eq!(taken(&jobs, 0, generation), [1]);
    assert!(jobs.replied(0, generation, 1, 0).is_some());
    assert_eq!(jobs.lock().alarms.len(), 0);
    submit_with(&jobs, 2, hour);
    assert_eq!(taken(&jobs, 0, generation), [2]);
    jobs.died(0, &death());
    assert_eq!(jobs.lock().alarms.len(), 0);
}
