use super::channel::WAITING;
use super::*;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Mutex;

const LONG: Duration = Duration::from_secs(60);

fn warn(cause: Cause, text: &str) -> Diagnostic {
    Diagnostic::new(Level::Warn, cause, text)
}

fn channel_to(callback: impl FnMut(&Diagnostic) + Send + 'static) -> Arc<Channel> {
    Arc::new(Channel::new(Sink::callback(Box::new(callback))))
}

/// A channel whose callback waits for a permission for each message, and passes on what it got.
fn gated() -> (Arc<Channel>, Sender<()>, Receiver<Diagnostic>) {
    let ((open, permits), (sender, said)) = (channel::<()>(), channel());
    let callback = move |diagnostic: &Diagnostic| {
        let _ = permits.recv();
        let _ = sender.send(diagnostic.clone());
    };
    (channel_to(callback), open, said)
}

#[test]
fn messages_arrive_in_order_on_a_thread_that_ends_when_there_are_none() {
    let (sender, said) = channel();
    let channel = channel_to(move |diagnostic| {
        let thread = std::thread::current();
        let _ = sender.send((diagnostic.message().to_owned(), thread.name().map(str::to_owned), thread.id()));
    });
    let mut threads = Vec::new();
    for round in 0..3 {
        for n in 0..10 {
            channel.push(warn(Cause::Late, &n.to_string()));
        }
        assert!(channel.wait(LONG), "round {round}");
        for n in 0..10 {
            let (message, name, id) = said.try_recv().expect("it was written before the wait ended");
            assert_eq!((message, name.as_deref()), (n.to_string(), Some("heirloom-diagnostics")));
            threads.push(id);
        }
        assert_ne!(threads[0], std::thread::current().id());
    }
    assert!(threads.iter().any(|id| *id != threads[0]), "the thread of an earlier round has ended");
}

#[test]
fn a_full_queue_leaves_messages_out_counts_them_and_says_how_many() {
    let (channel, open, said) = gated();
    channel.push(warn(Cause::Late, "first"));
    // The thread has taken it, and waits.
    while channel.waiting() > 0 {
        std::thread::yield_now();
    }
    for n in 0..WAITING + 1000 {
        channel.push(warn(Cause::Late, &n.to_string()));
    }
    assert_eq!(channel.waiting(), WAITING, "the memory is bounded");
    assert!(!channel.wait(Duration::ZERO));
    drop(open);
    assert!(channel.wait(LONG));
    let said: Vec<Diagnostic> = said.try_iter().collect();
    assert_eq!(said.len(), WAITING + 2);
    let last = &said[WAITING + 1];
    assert_eq!(last.cause(), Cause::LeftOut);
    assert!(last.message().starts_with("1000 messages were left out"), "{last}");
}

#[test]
fn a_wait_ends_at_its_deadline_and_the_ends_of_tracers_wait_a_tenth_of_a_second_in_all() {
    let (channel, open, _said) = gated();
    channel.push(warn(Cause::Late, "stuck"));
    let patience = Patience::new(AT_THE_END);
    let start = Instant::now();
    for _ in 0..1000 {
        patience.spend(|limit| channel.wait(limit));
    }
    let took = start.elapsed();
    assert!(took >= AT_THE_END && took < 20 * AT_THE_END, "{took:?}");
    drop(open);
    assert!(channel.wait(LONG));
    // It was patient for long enough once; after a wait that succeeds it is again.
    patience.spend(|limit| channel.wait(limit));
    let mut limits = Vec::new();
    patience.spend(|limit| {
        limits.push(limit);
        true
    });
    assert_eq!(limits, [AT_THE_END]);
}

#[test]
fn a_callback_that_panics_is_called_again_and_takes_nothing_with_it() {
    struct PanicsInDrop;
    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            panic!("the payload panics too");
        }
    }
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let channel = channel_to(move |diagnostic| {
        seen.lock().expect("no call panics with the lock").push(diagnostic.message().to_owned());
        match diagnostic.message() {
            "0" => panic!("an ordinary panic"),
            "1" => std::panic::panic_any(PanicsInDrop),
            _ => {}
        }
    });
    for n in 0..3 {
        channel.push(warn(Cause::Late, &n.to_string()));
    }
    assert!(channel.wait(LONG));
    assert_eq!(*calls.lock().expect("as above"), ["0", "1", "2"]);
}

#[test]
fn a_callback_may_report_and_may_wait_for_itself_without_waiting() {
    let (sender, said) = channel();
    let this: Arc<Mutex<Option<Arc<Channel>>>> = Arc::default();
    let inside = Arc::clone(&this);
    let outer = channel_to(move |diagnostic| {
        let channel = inside.lock().expect("a lock").clone().expect("it is set");
        if diagnostic.message() == "outer" {
            channel.push(warn(Cause::Late, "inner"));
            assert!(channel.wait(LONG));
        }
        let _ = sender.send(diagnostic.message().to_owned());
    });
    *this.lock().expect("a lock") = Some(Arc::clone(&outer));
    let start = Instant::now();
    outer.push(warn(Cause::Late, "outer"));
    assert!(outer.wait(LONG) && start.elapsed() < LONG);
    assert_eq!(said.try_iter().collect::<Vec<_>>(), ["outer", "inner"]);
    this.lock().expect("a lock").take();
}

#[test]
fn a_message_is_one_line_of_bounded_length() {
    let text = format!("a\nb\r\x1b[31mc{}", "ö".repeat(10_000));
    let diagnostic = warn(Cause::ExportFailed, &text).about("backend");
    assert!(diagnostic.message().starts_with("a b  [31mc"), "{diagnostic}");
    assert!(diagnostic.message().len() <= 4096 && !diagnostic.message().contains(char::is_control));
    assert_eq!(diagnostic.to_string(), diagnostic.message());
    assert_eq!((diagnostic.level(), diagnostic.component()), (Level::Warn, Some("backend")));
}

#[test]
fn what_a_thread_of_a_tracer_reports_goes_to_its_tracer() {
    let (sender, said) = channel();
    let callback = move |diagnostic: &Diagnostic| drop(sender.send(diagnostic.message().to_owned()));
    let destination = Destination::new(Some(Box::new(callback)), REPORT_EVERY);
    let thread = destination.clone();
    let reported = std::thread::spawn(move || {
        thread.use_on_this_thread();
        report(warn(Cause::Retrying, "of the exporter"));
    });
    reported.join().expect("it doesn't panic");
    destination.settle();
    assert_eq!(said.recv_timeout(LONG).as_deref(), Ok("of the exporter"));
}
