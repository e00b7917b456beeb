//! Lanes have names: those of their threads, else by the place in the pool.
#![cfg(all(feature = "rayon", feature = "record"))]
#![allow(missing_docs, clippy::unwrap_used)]

use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_span, Span};
use heirloom_harness::{again, case, output_of, succeeded};
use heirloom_pool::prelude::*;
use heirloom_pool::{rayon as twins, threads};
use rayon::prelude::*;
use rayon::ThreadPoolBuilder;
use std::collections::BTreeSet;

fn lanes(t: &Testing, name: &str) -> BTreeSet<String> {
    t.spans().iter().filter(|span| span.name == name).map(|span| span.lane.thread_name.to_string()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_unnamed_threads_of_a_rayon_pool_are_called_by_their_index() {
    let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    testing::run(|t| {
        let root = heirloom_core::root("root");
        pool.traced(&root).broadcast("broadcast", |_, _| ());
        pool.install(|| (0..100).into_par_iter().with_max_len(1).traced(&root).for_each("item", |_, _| ()));
        assert_eq!(lanes(t, "broadcast"), set(&["rayon-0", "rayon-1", "rayon-2"]));
        assert!(lanes(t, "item").is_subset(&lanes(t, "broadcast")) && !lanes(t, "item").is_empty());
    });
}

#[test]
fn a_pool_whose_threads_have_names_keeps_them() {
    let pool = ThreadPoolBuilder::new().num_threads(2).thread_name(|index| format!("resize {index}")).build().unwrap();
    testing::run(|t| {
        let root = heirloom_core::root("root");
        pool.traced(&root).broadcast("job", |_, _| ());
        assert_eq!(lanes(t, "job"), set(&["resize 0", "resize 1"]));
    });
}

/// A job called "job" in a pool, below a span.
type Run = fn(&rayon::ThreadPool, &Span);

/// Each alone is enough. Each runs in a new process, since the names are set once per process.
#[test]
fn whichever_adapter_comes_first_names_the_lanes() {
    let adapters: [(&str, Run); 10] = [
        ("traced", |pool, root| pool.install(|| [1].par_iter().traced(root).for_each("job", |_, _| ()))),
        ("pool", |pool, root| pool.traced(root).install("job", |_| ())),
        ("install", |pool, root| twins::install(pool, root, "job", |_| ())),
        ("join", |pool, root| {
            let job = || in_span("job", |_| ());
            pool.install(|| _ = twins::join(root, job, job));
        }),
        ("join_context", |pool, root| {
            pool.install(|| _ = twins::join_context(root, |_| in_span("job", |_| ()), |_| ()));
        }),
        ("scope", |pool, root| pool.install(|| twins::scope(root, |s| s.spawn("job", |_, _| ())))),
        ("scope_fifo", |pool, root| pool.install(|| twins::scope_fifo(root, |s| s.spawn_fifo("job", |_, _| ())))),
        ("spawn", |pool, root| {
            pool.install(|| twins::spawn(root, "job", |_| ()));
            pool.install(|| twins::spawn_fifo(root, "job", |_| ()));
            pool.install(|| ());
        }),
        ("broadcast", |pool, root| pool.install(|| _ = twins::broadcast(root, "job", |_, _| ()))),
        ("background", |pool, root| {
            let job = root.background("job").child().on_pool(pool, |_| ());
            job.wait(std::time::Duration::from_secs(20)).unwrap();
        }),
    ];
    if let Some(first) = case() {
        let (_, run) = adapters.into_iter().find(|(name, _)| *name == first).unwrap();
        let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        return testing::run(|t| {
            heirloom_core::in_root("root", |root| run(&pool, root));
            assert_eq!(lanes(t, "job"), set(&["rayon-0"]));
        });
    }
    for (first, _) in adapters {
        succeeded(&output_of(&mut again("whichever_adapter_comes_first_names_the_lanes", first)));
    }
}

#[test]
fn a_thread_without_a_name_outside_of_a_pool_has_an_unnamed_lane() {
    testing::run(|t| {
        let root = heirloom_core::root("root");
        threads::spawn(&root, "job", |_| ()).join().unwrap();
        threads::Builder::new().name("indexer").spawn(&root, "named", |_| ()).unwrap().join().unwrap();
        assert_eq!((lanes(t, "job"), lanes(t, "named")), (set(&[""]), set(&["indexer"])));
    });
}
