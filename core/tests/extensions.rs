//! What an extension adds to a tracer, and when it is asked.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used)]

use heirloom_core::export::{Exporter, Memory};
use heirloom_core::{builder, ConfigWarning, Extension, Settings};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Notes what it is asked for.
#[derive(Clone, Default)]
struct Noted {
    asked: Arc<Mutex<Vec<String>>>,
    memory: Memory,
    file: Memory,
}

impl Noted {
    fn note(&self, what: &str) {
        self.asked.lock().unwrap().push(what.to_owned());
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Extension for Noted {
    fn check(&mut self, settings: &Settings) -> Vec<ConfigWarning> {
        self.note(&format!("check {}", settings.service_name));
        let mut wrong = Settings::default();
        wrong.queue_bytes = 1;
        if settings.service_name == "wrong" {
            wrong.correct()
        } else {
            Vec::new()
        }
    }

    fn exporters(&mut self, _: &Settings) -> Vec<Box<dyn Exporter>> {
        self.note("exporters");
        vec![Box::new(self.memory.clone())]
    }

    fn trace_file(&mut self, path: &Path) -> Option<io::Result<Box<dyn Exporter>>> {
        self.note("trace_file");
        path.extension()
            .filter(|ending| *ending == "mine")
            .map(|_| Ok(Box::new(self.file.clone()) as Box<dyn Exporter>))
    }
}

fn settings(service: &str) -> Settings {
    let mut settings = Settings::default();
    settings.service_name = service.into();
    settings
}

#[test]
fn an_extension_adds_exporters_and_formats_of_the_trace_file() {
    let noted = Noted::default();
    let guard = builder("")
        .settings(settings("one"))
        .trace_file("no folder/run.mine")
        .extension(noted.clone())
        .start()
        .unwrap();
    guard.tracer().root("work").end();
    assert!(guard.finish().is_complete());
    assert_eq!((noted.memory.len(), noted.file.len()), (1, 1));
    assert_eq!(noted.taken(), ["check one", "exporters", "trace_file"]);
}

#[test]
fn what_an_extension_cannot_use_is_an_error_in_strict_mode() {
    let noted = Noted::default();
    let mut strict = settings("wrong");
    strict.strict = true;
    let error = builder("").settings(strict).extension(noted.clone()).start().unwrap_err().to_string();
    assert!(error.contains("strict mode: queue_bytes"), "{error}");
    assert_eq!(noted.taken(), ["check wrong"]);
}

#[test]
fn a_start_that_shares_the_running_tracer_or_is_disabled_adds_nothing() {
    let noted = Noted::default();
    let first = builder("").settings(settings("shared")).extension(noted.clone()).init().unwrap();
    assert_eq!(noted.taken(), ["check shared", "exporters"]);
    let second = builder("").settings(settings("shared")).extension(noted.clone()).init().unwrap();
    assert_eq!(noted.taken(), ["check shared"]);
    drop((second, first));
    let mut disabled = settings("disabled");
    disabled.disabled = true;
    drop(builder("").settings(disabled).extension(noted.clone()).start().unwrap());
    assert_eq!(noted.taken(), ["check disabled"]);
}
