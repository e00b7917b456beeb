//! Programs that record with the adapters: what each is slow for is named first. They sleep, so that eight threads take no cores.
#![allow(clippy::unwrap_used)]

use heirloom_core::Span;
use heirloom_insight::account::{account, Account};
use heirloom_insight::analysis::{Cause, Lost};
use heirloom_insight::model::Run;
use heirloom_insight::read::Collector;
use heirloom_pool::prelude::*;
use heirloom_pool::sync::Mutex;
use rayon::prelude::*;
use std::thread::sleep;
use std::time::Duration;

/// The threads of the pool.
const THREADS: usize = 8;

fn ms(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds));
}

/// Records a program on a new pool.
fn record(program: impl FnOnce(&rayon::ThreadPool, &Span)) -> (Run, Account) {
    let collector = Collector::new();
    let guard = heirloom_core::builder("recorded").exporter(collector.clone()).start().unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build().unwrap();
    guard.tracer().in_root("run", |root| program(&pool, root));
    assert!(guard.finish().is_complete());
    let mut run = collector.take().finish();
    // The threads sleep: as many may as there are.
    run.machine.cpus = None;
    let account = account(&run);
    (run, account)
}

/// The cause of most of the lost time, who is to blame, and which part of the loss that is.
fn first(account: &Account) -> (Cause, &str, Option<&str>, f64) {
    let lost: &Lost = &account.lost[0];
    let blame = &lost.blamed[0];
    (lost.cause, &blame.name, blame.lock.as_deref(), blame.ns as f64 / account.totals.lost_ns as f64)
}

#[test]
fn a_merge_after_a_fan_out_is_serial() {
    let (run, account) = record(|pool, root| {
        let pages: Vec<u64> = vec![30; 8 * 4];
        pool.install(|| pages.par_iter().traced(root).map("page", |_, length: &u64| ms(*length)).collect::<Vec<_>>());
        root.context().in_span("merge", |_| ms(900));
    });
    assert_eq!(run.fans.len(), 1);
    assert_eq!(run.fans[0].children.len(), 32);
    let (cause, name, _, part) = first(&account);
    assert_eq!((cause, name), (Cause::Serial, "merge"), "{:#?}", account.lost);
    assert!(part > 0.7, "{part} {:#?}", account.lost);
}

#[test]
fn the_last_page_is_a_straggler() {
    let (_, account) = record(|pool, root| {
        let pages: Vec<u64> = (0..32).map(|page| if page == 5 { 1_200 } else { 10 }).collect();
        pool.install(|| pages.par_iter().traced(root).map("page", |_, length: &u64| ms(*length)).collect::<Vec<_>>());
    });
    let (cause, name, _, part) = first(&account);
    assert_eq!((cause, name), (Cause::Straggler, "page"), "{:#?}", account.lost);
    assert!(part > 0.7, "{part} {:#?}", account.lost);
}

#[test]
fn a_lock_that_is_held_for_long_is_named_with_its_holder() {
    let (run, account) = record(|pool, root| {
        let cache = Mutex::named("cache", ());
        let pages: Vec<u64> = vec![20; 16];
        let page = |_: &Span, length: &u64| {
            let _cache = cache.lock();
            ms(*length);
        };
        pool.install(|| pages.par_iter().traced(root).map("page", page).collect::<Vec<_>>());
    });
    assert_eq!(&*run.locks[0].name, "cache");
    let (cause, name, lock, part) = first(&account);
    assert_eq!((cause, name, lock), (Cause::Lock, "page", Some("cache")), "{:#?}", account.lost);
    assert!(part > 0.7, "{part} {:#?}", account.lost);
}
