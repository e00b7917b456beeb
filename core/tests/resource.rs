//! What the resource of a tracer says about its process and the machine.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::{builder, Settings};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Keeps the resource of the last batch, as texts.
#[derive(Clone, Default)]
struct Last(Arc<Mutex<HashMap<String, String>>>);

impl Exporter for Last {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        for part in delivery.parts() {
            let attributes = part.resource().attributes.iter();
            *self.0.lock().unwrap() = attributes.map(|(key, value)| (key.to_string(), value.to_string())).collect();
        }
        Ok(())
    }
}

fn resource_of(settings: Settings) -> HashMap<String, String> {
    let last = Last::default();
    let guard = builder("shop").settings(settings).exporter(last.clone()).start().unwrap();
    guard.tracer().root("span").end();
    assert!(guard.finish().is_complete());
    let resource = last.0.lock().unwrap();
    resource.clone()
}

/// The CPUs that this process may run on, as the kernel lists them: `0-3,8`.
#[cfg(target_os = "linux")]
fn allowed_cpus() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let many = |range: &str| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        to.parse::<u32>().unwrap() - from.parse::<u32>().unwrap() + 1
    };
    list.trim().split(',').map(many).sum()
}

/// An analysis compares the lanes that were busy with these.
#[cfg(target_os = "linux")]
#[test]
fn a_resource_has_the_usable_cpus_and_the_physical_cores_that_they_are() {
    let resource = resource_of(Settings::default());
    let cpus: f64 = resource["heirloom.cpus"].parse().unwrap();
    let cores: u32 = resource["heirloom.cores"].parse().unwrap();
    let allowed = allowed_cpus();
    assert!(cpus > 0.0 && cpus <= f64::from(allowed), "{cpus} of {allowed}");
    assert!((1..=allowed).contains(&cores), "{cores} of {allowed}");
    // The standard library reads the affinity and the quota too; it rounds the quota down.
    let whole = std::thread::available_parallelism().unwrap().get();
    assert_eq!((cpus.floor() as usize).max(1), whole, "{cpus}");
}

#[test]
fn what_the_settings_say_of_the_resource_replaces_what_is_known() {
    let mut settings = Settings::default();
    settings.resource = vec![("heirloom.cpus".to_owned(), "64".to_owned()), ("host.name".to_owned(), "far".to_owned())];
    let resource = resource_of(settings);
    assert_eq!((&*resource["heirloom.cpus"], &*resource["host.name"]), ("64", "far"));
    assert_eq!(resource["process.pid"], std::process::id().to_string());
}
