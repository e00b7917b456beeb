//! An exporter of one's own: it sends lines of text to a backend that is down at first.
//!
//! ```text
//! cargo run --example own_exporter
//! ```
//!
//! It shows what a delivery has, how an exporter says how much its next request can take, and how it waits for its backend so that
//! `finish` can end the wait.

use heirloom::export::{Delivery, ExportError, Exporter};
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A backend in this process. It refuses its first requests.
#[derive(Clone, Default)]
struct Backend(Arc<Mutex<(u32, Vec<String>)>>);

impl Backend {
    fn post(&self, body: &str) -> Result<(), String> {
        let mut state = self.0.lock().map_err(|error| error.to_string())?;
        let (requests, bodies) = &mut *state;
        *requests += 1;
        if *requests <= 3 {
            return Err("503 Service Unavailable".to_owned());
        }
        bodies.push(body.to_owned());
        Ok(())
    }
}

struct Lines(Backend);

impl Exporter for Lines {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let body = lines(delivery);
        let mut pause = Duration::from_millis(10);
        loop {
            // Once the tracer ends, this is the last try.
            let is_last = delivery.closing().deadline().is_some();
            match self.0.post(&body) {
                Ok(()) => return Ok(()),
                Err(why) if is_last => return Err(ExportError::new(why)),
                // Returns at once when the tracer ends.
                Err(_) => _ = delivery.closing().wait(pause),
            }
            pause = (pause * 2).min(Duration::from_secs(30));
        }
    }

    /// Deliveries of about 64 KiB. One can be larger, because it has one batch at least: a real exporter splits it.
    fn request_bytes(&self) -> usize {
        64 << 10
    }

    /// A call that takes longer than a minute, because the backend is down, is reported.
    fn export_timeout(&self) -> Option<Duration> {
        Some(Duration::from_secs(60))
    }

    fn name(&self) -> &str {
        "lines"
    }
}

/// A line for each span. Each part of the delivery has the spans of one process.
fn lines(delivery: &Delivery) -> String {
    let mut text = String::new();
    for part in delivery.parts() {
        let service = part.resource().get("service.name").map(ToString::to_string).unwrap_or_default();
        for span in part.spans() {
            let _ = write!(text, "{service}: {} took {} us", span.name(), span.duration_ns() / 1000);
            if span.dropped_children() > 0 {
                let _ = write!(text, "; the queue refused {} spans below it", span.dropped_children());
            }
            text.push('\n');
        }
    }
    text
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let backend = Backend::default();
    let guard = heirloom::builder("shop").exporter(Lines(backend.clone())).verify(true).init()?;
    for order in 0..3 {
        heirloom::in_span("order", |span| {
            span.set("number", order);
            heirloom::in_span("pack", |_| ());
        });
    }
    // The backend is back after three requests. `finish` alone would leave time for one.
    guard.tracer().flush(Duration::from_secs(10))?;
    let report = guard.finish();
    let state = backend.0.lock().map_err(|error| error.to_string())?;
    println!("{} requests, {} of them taken:", state.0, state.1.len());
    state.1.iter().for_each(|body| print!("{body}"));
    println!("{report}");
    Ok(())
}
