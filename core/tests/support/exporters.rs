//! Exporters that misbehave.

use heirloom_core::export::{Delivery, ExportError, Exporter};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A door at which an exporter waits until the test opens it. Opened when it is dropped, so that no thread is left behind.
#[derive(Clone, Default)]
pub struct Door(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    open: bool,
    waiting: usize,
}

impl Door {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn open(&self) {
        self.0 .0.lock().unwrap().open = true;
        self.0 .1.notify_all();
    }

    /// Waits until it is open.
    pub fn pass(&self) {
        let mut state = self.0 .0.lock().unwrap();
        state.waiting += 1;
        self.0 .1.notify_all();
        while !state.open {
            state = self.0 .1.wait(state).unwrap();
        }
        state.waiting -= 1;
    }

    /// Waits until somebody stands at the door.
    pub fn await_visitor(&self) {
        let state = self.0 .0.lock().unwrap();
        let (state, result) = self.0 .1.wait_timeout_while(state, super::LONG, |s| s.waiting == 0).unwrap();
        assert!(!result.timed_out() && state.waiting > 0, "nobody came to the door");
    }
}

/// What a [`Bad`] exporter does with each batch.
#[derive(Clone)]
pub enum Way {
    /// Takes it.
    Fine,
    /// Waits at the door.
    Hangs(Door),
    /// Needs this long for each batch.
    Slow(Duration),
    Panics,
    Fails,
    /// Rejects one span of each batch.
    Partly,
}

/// An exporter that counts what it took, and misbehaves.
#[derive(Clone)]
pub struct Bad {
    name: &'static str,
    way: Way,
    taken: Arc<Mutex<u64>>,
}

impl Bad {
    pub fn new(name: &'static str, way: Way) -> Self {
        Self { name, way, taken: Arc::default() }
    }

    /// How many spans it took.
    pub fn taken(&self) -> u64 {
        *self.taken.lock().unwrap()
    }
}

impl Exporter for Bad {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        match &self.way {
            Way::Fine => {}
            Way::Hangs(door) => door.pass(),
            Way::Slow(time) => std::thread::sleep(*time),
            Way::Panics => panic!("this exporter always panics"),
            Way::Fails => return Err(ExportError::new("the backend said 503")),
            Way::Partly => {
                *self.taken.lock().unwrap() += delivery.len() as u64 - 1;
                return Err(ExportError::partial(1, "the backend refused one span"));
            }
        }
        *self.taken.lock().unwrap() += delivery.len() as u64;
        Ok(())
    }

    fn name(&self) -> &str {
        self.name
    }
}
