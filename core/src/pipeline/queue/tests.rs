use super::super::barrier::Barrier;
use super::super::lost::Lost;
use super::*;
use crate::export::fixture::batch;
use crate::export::ExportError;
use std::sync::mpsc::{channel, Receiver, Sender};

/// Waits for a permission for each call, and counts the calls.
struct Gated {
    permits: Receiver<()>,
    calls: Sender<&'static str>,
}

impl Exporter for Gated {
    fn export(&mut self, _: &Delivery) -> Result<(), ExportError> {
        let _ = self.permits.recv();
        let _ = self.calls.send("export");
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        let _ = self.calls.send("flush");
        Ok(())
    }

    fn shutdown(&mut self) -> Result<(), ExportError> {
        let _ = self.calls.send("shutdown");
        Ok(())
    }
}

fn settings() -> QueueSettings {
    QueueSettings {
        max_bytes: 1 << 20,
        attempt_timeout: LONG,
        diagnostics: Destination::default(),
        complete: None,
        own: Weak::new(),
    }
}

const LONG: Duration = Duration::from_secs(60);

fn gated() -> (Arc<Queue>, Sender<()>, Receiver<&'static str>) {
    let ((open, permits), (calls, called)) = (channel(), channel());
    let queue = Queue::start(Box::new(Gated { permits, calls }), settings()).expect("a thread");
    (queue, open, called)
}

#[test]
fn flushes_in_vain_leave_one_barrier_behind_and_cause_one_flush() {
    let (queue, open, called) = gated();
    queue.push(&Arc::new(batch(&[])));
    for _ in 0..480_000 {
        let barrier = Barrier::new(1);
        queue.flush(&barrier);
        assert_eq!(barrier.wait(Duration::ZERO), Err(1));
    }
    assert!(queue.lock().flushes.len() <= 1, "{}", queue.lock().flushes.len());
    let barrier = Barrier::new(1);
    queue.shutdown(&barrier);
    open.send(()).expect("it waits");
    assert_eq!(barrier.wait(LONG), Ok(Vec::new()));
    // The second flush belongs to the end.
    assert_eq!(called.iter().collect::<Vec<_>>(), ["export", "flush", "flush", "shutdown"]);
}

#[test]
fn a_flush_comes_behind_what_was_queued_before_it_and_serves_all_that_wait() {
    let (queue, open, called) = gated();
    queue.push(&Arc::new(batch(&[])));
    let barriers = [(); 3].map(|()| Barrier::new(1));
    barriers.iter().for_each(|barrier| queue.flush(barrier));
    queue.push(&Arc::new(batch(&[])));
    open.send(()).expect("it waits");
    assert!(barriers.iter().all(|barrier| barrier.wait(LONG) == Ok(Vec::new())));
    open.send(()).expect("it waits");
    let end = Barrier::new(1);
    queue.shutdown(&end);
    assert_eq!(end.wait(LONG), Ok(Vec::new()));
    assert_eq!(called.iter().collect::<Vec<_>>(), ["export", "flush", "export", "flush", "shutdown"]);
    let late = Barrier::new(1);
    queue.flush(&late);
    assert_eq!(late.wait(Duration::ZERO), Ok(Vec::new()), "a thread that has ended is waited for by nobody");
}

#[test]
fn an_exporter_whose_name_no_thread_can_have_works() {
    struct Nul;
    impl Exporter for Nul {
        fn export(&mut self, _: &Delivery) -> Result<(), ExportError> {
            Ok(())
        }
        fn name(&self) -> &str {
            "a\0b"
        }
    }
    let queue = Queue::start(Box::new(Nul), settings()).expect("a thread");
    let end = Barrier::new(1);
    queue.shutdown(&end);
    assert_eq!(end.wait(LONG), Ok(Vec::new()));
}

#[test]
fn each_way_of_losing_is_reported_at_once_and_then_at_most_once_a_minute() {
    let every = crate::diagnostics::REPORT_EVERY;
    let start = Instant::now();
    let mut lost = Lost::default();
    let mut at = |seconds, how, spans: u64| {
        lost.add(how, spans, "the backend said 503".to_owned());
        let said = lost.due(how, "bad", start + Duration::from_secs(seconds), every)?;
        Some((said.cause(), said.message().to_owned()))
    };
    let text = |cause, message: &str| Some((cause, message.to_owned()));
    assert_eq!(at(0, How::Failed, 5), text(Cause::ExportFailed, "exporter \"bad\" lost 5 spans: the backend said 503"));
    assert_eq!([at(1, How::Failed, 1), at(59, How::Failed, 1)], [None, None]);
    let message = "exporter \"bad\" lost 7 spans: the backend said 503";
    assert_eq!(at(2, How::Panicked, 7), text(Cause::ExporterPanicked, message), "another cause has its own minute");
    let message = "exporter \"bad\" lost 3 spans (8 so far): the backend said 503";
    assert_eq!(at(60, How::Failed, 1), text(Cause::ExportFailed, message));
}

#[test]
fn a_flush_or_an_end_that_fails_after_its_caller_has_gone_is_reported() {
    struct Fails(Receiver<()>);
    impl Exporter for Fails {
        fn export(&mut self, _: &Delivery) -> Result<(), ExportError> {
            let _ = self.0.recv();
            Ok(())
        }
        fn flush(&mut self) -> Result<(), ExportError> {
            Err(ExportError::new("the disk is full"))
        }
    }
    let (sender, said) = channel();
    let callback = move |diagnostic: &Diagnostic| drop(sender.send(diagnostic.message().to_owned()));
    let every = Duration::ZERO;
    let settings = QueueSettings { diagnostics: Destination::new(Some(Box::new(callback)), every), ..settings() };
    let (open, permits) = channel();
    let queue = Queue::start(Box::new(Fails(permits)), settings).expect("a thread");
    queue.push(&Arc::new(batch(&[])));
    queue.flush(&Barrier::new(1));
    open.send(()).expect("it waits");
    let flush = "exporter \"exporter\": flush: the disk is full";
    assert_eq!(said.recv_timeout(LONG).as_deref(), Ok(flush));
    let barrier = Barrier::new(1);
    queue.flush(&barrier);
    assert_eq!(barrier.wait(LONG), Ok(vec![flush.to_owned()]), "who waits is told");
    queue.push(&Arc::new(batch(&[])));
    queue.shutdown(&Barrier::new(1));
    drop(open);
    assert_eq!(said.recv_timeout(LONG).as_deref(), Ok("exporter \"exporter\": shutdown: the disk is full"));
}

#[test]
fn an_exporter_that_panics_when_it_is_asked_for_a_size_gets_deliveries_all_the_same() {
    struct Unsure(u32, Sender<u64>);
    impl Exporter for Unsure {
        fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
            self.0 += 1;
            let _ = self.1.send(delivery.len() as u64);
            Ok(())
        }
        fn request_bytes(&self) -> usize {
            assert!(self.0 != 1, "no");
            1 << 20
        }
    }
    let (sender, delivered) = channel();
    let queue = Queue::start(Box::new(Unsure(0, sender)), settings()).expect("a thread");
    queue.push(&Arc::new(batch(&[])));
    assert_eq!(delivered.recv_timeout(LONG), Ok(0));
    queue.push(&Arc::new(batch(&[])));
    assert_eq!(delivered.recv_timeout(LONG), Ok(0), "after the panic");
    let end = Barrier::new(1);
    queue.shutdown(&end);
    assert_eq!(end.wait(LONG), Ok(Vec::new()));
}
