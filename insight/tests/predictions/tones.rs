//! The four tones of the three sentences, each for a run that deserves it.

use super::planted::{ms, MS};
use heirloom_insight::analysis::{Analysis, Cause, Change};
use heirloom_insight::model::{FanKind, Run, StageKind};
use heirloom_insight::testing::Kit;
use heirloom_insight::{analyse, Options};

/// A pool, and items of one fan-out on it, for which `main` waits: lane, name and time. In milliseconds, on as many cores as lanes.
fn items(lanes: u32, end: u64, tail: u64, items: impl Iterator<Item = (u32, &'static str, u64, u64)>) -> Kit {
    let mut kit = Kit::new();
    kit.cpus(f64::from(lanes));
    let (main, pool) = (kit.lane("main"), kit.pool("pool", lanes));
    let root = kit.span(main, "run", None, ms(0..end + tail));
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(end * MS));
    kit.fan_mut(fan).blocks = true;
    for (lane, name, from, to) in items {
        kit.item(fan, pool[lane as usize], name, ms(from..to));
    }
    if tail > 0 {
        kit.span(main, "merge index", Some(root), ms(end..end + tail));
    }
    kit
}

fn alone(run: &Run) -> Analysis {
    analyse(run, &Options::default())
}

#[test]
fn the_phase_that_ran_alone_is_named_with_what_it_came_after_and_what_it_costs() {
    // 16 lanes with 256 items of 7 ms, then 2.4 s on one thread: of 16 * 4,192 ms, 28,672 and 2,400 are work, and 15 * 2,400 are
    // lost.
    let thumbnails = (0..16).flat_map(|lane| (0..256).map(move |n| (lane, "thumbnail", 7 * n, 7 * n + 7)));
    let analysis = alone(&items(16, 1792, 2400, thumbnails).run());
    let sentences = [
        "Of 16 cores for 4.19 s, 7.41 worked on average; 54 % of the capacity was lost while `merge index` ran alone.",
        "It took 2.4 s on `main`, after all 4,096 `thumbnail` had ended.",
        "Four times faster, it would bring the run to 2.39 s (-43 %; between 1.79 s and 2.4 s); unchanged, it would take 21 % less on 32 cores.",
    ];
    assert_eq!(analysis.sentences, sentences);
}

#[test]
fn lanes_that_slow_each_other_down_are_told_from_lanes_without_work() {
    // A hash takes 100 ms alone, 180 ms beside five others and 480 ms beside fifteen: 6 lanes do as much in a second as 16.
    let one = (0..3).map(|n| (0, "hash", 100 * n, 100 * n + 100));
    let six = (0..6).map(|lane| (lane, "hash", 300, 480));
    let all = (0..16).flat_map(|lane| (0..100).map(move |n| (lane, "hash", 480 * n + 480, 480 * n + 960)));
    let run = items(16, 48_480, 0, one.chain(six).chain(all)).run();
    let alone = items(1, 160_900, 0, (0..1609).map(|n| (0, "hash", 100 * n, 100 * n + 100))).run();
    let analysis = analyse(&run, &Options { on_one_lane: Some(&alone), ..Options::default() });
    let sentences = [
        "All 16 cores were busy 99 % of the time, yet the run is only 3.3 times faster than on one.",
        "`hash` takes 4.8 times as long with all lanes busy as with one: memory, shared cache lines or hyper-threads.",
        "No schedule helps; 6 lanes were as fast as 16.",
    ];
    assert_eq!(analysis.sentences, sentences);
}

#[test]
fn a_run_that_is_slower_than_on_one_lane_is_not_called_faster() {
    let two =
        items(2, 1000, 0, (0..2).flat_map(|lane| (0..10).map(move |n| (lane, "count", 100 * n, 100 * n + 100)))).run();
    let alone = items(1, 400, 0, (0..20).map(|n| (0, "count", 20 * n, 20 * n + 20))).run();
    let analysis = analyse(&two, &Options { on_one_lane: Some(&alone), ..Options::default() });
    assert_eq!(
        analysis.sentences[0],
        "All 2 cores were busy 100 % of the time, yet the run takes 2.5 times as long as on one."
    );
}

#[test]
fn requests_that_wait_for_blocked_threads_are_told_by_their_tail() {
    let analysis = alone(&super::planted::blocking_poll());
    let sentences = [
        "Requests waited 75 % of their time for a runtime thread: 2 threads, 8 polls over 10 ms.",
        "All 8 are `render pdf` (median 84 ms), called without `spawn_blocking`.",
        "Moved there, the simulated p99 falls from 340 ms to 88 ms.",
    ];
    assert_eq!(analysis.sentences, sentences);
}

/// Both threads are busy all the time, so that no capacity is lost, and the requests are parts of a larger task.
#[test]
fn a_gain_without_lost_capacity_has_its_evidence_in_the_second_sentence() {
    let mut kit = Kit::new();
    kit.cpus(8.0);
    let pool = kit.pool("tokio", 2);
    let serve = kit.polled("serve", None, &[(pool[0], ms(0..1)), (pool[0], ms(341..342))]);
    for request in 0..4 {
        for lane in &pool {
            let (render, write) = (request * 84 + 1, 337 + request);
            let polls = [(*lane, ms(render..render + 84)), (*lane, ms(write..write + 1))];
            let span = kit.polled("request", Some(serve), &polls);
            kit.polled("render pdf", Some(span), &polls[..1]);
        }
    }
    let sentences = alone(&kit.run()).sentences;
    assert_eq!(
        sentences[1],
        "No cause took 1 % of the capacity, but 8 polls of `render pdf` took over 10 ms (84 ms in the median).",
        "{sentences:?}"
    );
    assert!(sentences[2].starts_with("With `render pdf` on threads for blocking calls"), "{sentences:?}");
}

/// `step` has one span of 100 ms beside other work, and three of 40 ms that run alone.
#[test]
fn the_longest_of_a_name_is_the_longest_of_all_its_spans_and_not_of_the_blamed_ones() {
    let mut kit = Kit::new();
    kit.cpus(2.0);
    let [main, other] = ["main", "other"].map(|name| kit.lane(name));
    let root = kit.span(main, "run", None, ms(0..220));
    for time in [0..100, 100..140, 140..180, 180..220] {
        kit.span(main, "step", Some(root), ms(time));
    }
    kit.span(other, "beside", None, ms(0..100));
    kit.span(other, "last", None, ms(219..220));
    let analysis = alone(&kit.run());
    assert_eq!(analysis.sentences[1], "The 4 `step` took 220 ms in all, the longest 100 ms on `main`.");
    let finding = analysis.findings.iter().find(|finding| finding.cause == Cause::Serial).unwrap();
    let longest = finding.evidence.iter().find(|row| row.label == "the longest of these").unwrap();
    assert_eq!(longest.value, "40 ms on main");
}

#[test]
fn the_last_piece_is_called_the_longest_only_if_it_is() {
    let last = |longest: u64| {
        let pieces = [(0, "tile", 0, longest), (1, "tile", 0, 75), (1, "tile", 75, 155)];
        alone(&items(2, 155, 0, pieces.into_iter()).run()).sentences[1].clone()
    };
    assert_eq!(last(100), "One of 3 pieces took 80 ms on `pool-1`.");
    assert_eq!(last(79), "The longest of 3 pieces took 80 ms on `pool-1`.");
}

/// Two requests each wait for a job of 80 ms: on a worker process, or in a poll.
fn requests_with_jobs(on_worker: bool) -> Run {
    let mut kit = Kit::new();
    kit.cpus(8.0);
    let runtime = kit.pool("tokio", 1)[0];
    kit.process(2, "worker");
    let worker = kit.worker(7, "hash", 0, 1);
    for at in [0, 100] {
        let polls = [(runtime, ms(at..at + 1)), (runtime, ms(at + 90..at + 91))];
        let inside = [(runtime, ms(at..at + 90)), (runtime, ms(at + 90..at + 91))];
        let request = kit.polled("request", None, if on_worker { &polls } else { &inside });
        let job = kit.span(if on_worker { worker } else { runtime }, "hash", Some(request), ms(at + 2..at + 82));
        if on_worker {
            kit.stage(job, StageKind::Submitted, runtime, (at + 1) * MS);
            kit.stage(job, StageKind::Sent, runtime, (at + 1) * MS);
        }
    }
    kit.run()
}

#[test]
fn a_job_of_a_worker_process_blocks_no_executor() {
    let moved = |analysis: &Analysis| {
        analysis.what_ifs.iter().any(|row| matches!(&row.change, Change::SpawnBlocking { name } if name == "hash"))
            && analysis.findings.iter().any(|finding| finding.text.starts_with("2 polls of `hash` took over 10 ms"))
    };
    let [inside, on_worker] = [false, true].map(|on_worker| alone(&requests_with_jobs(on_worker)));
    assert!(moved(&inside), "{:#?}", inside.findings);
    let blames = on_worker.findings.iter().any(|finding| finding.cause == Cause::BlockedExecutor);
    let change = on_worker.what_ifs.iter().any(|row| matches!(row.change, Change::SpawnBlocking { .. }));
    assert!(!blames && !change, "{:#?}", on_worker.findings);
}

#[test]
fn what_weakens_the_findings_comes_first_and_a_gain_below_the_spread_is_not_recommended() {
    // One lane is idle for 600 ms, and used a CPU for 550 of them.
    let mut kit = items(2, 1000, 0, [(0, "scan", 0, 1000), (1, "scan", 0, 400)].into_iter());
    kit.sample(1, ms(0..1000), 1000 * MS, 0);
    kit.sample(2, ms(0..400), 400 * MS, 0);
    kit.sample(2, ms(400..1000), 550 * MS, 0);
    kit.load(ms(0..1000), 1950 * MS, 820 * MS);
    let run = kit.run();
    let mut slower = run.clone();
    slower.window.end += 90 * MS;
    let others = [run.clone(), run.clone(), run.clone(), slower];
    let analysis = analyse(&run, &Options { others: &others, ..Options::default() });
    let sentences = [
        "Only 72 % of this program's CPU time was spent inside spans, and other processes used 41 % of the machine.",
        "Of the idle time in `scan`, up to 550 ms may be untraced work on `pool-*`: trace it with `.traced(..)`.",
        "No finding exceeds the spread of the 5 runs (9 %): nothing is recommended.",
    ];
    assert_eq!(analysis.sentences, sentences);
    assert!(analysis.findings.iter().all(|finding| finding.noise), "{:#?}", analysis.findings);
}

#[test]
fn spans_that_are_missing_or_open_come_first_from_one_percent_on() {
    let first = |dropped: u64, open: usize| {
        let mut kit =
            items(4, 400, 300, (0..4).flat_map(|lane| (0..40).map(move |n| (lane, "thumbnail", 10 * n, 10 * n + 10))));
        let mut run = {
            // The first span is the root; the others are items.
            (1..=open).for_each(|span| kit.span_mut(span as u32).open = true);
            kit.run()
        };
        run.dropped_children.extend((dropped > 0).then_some((0, dropped)));
        alone(&run).sentences[0].clone()
    };
    // 162 spans were recorded: a root, 160 thumbnails, a merge.
    assert_eq!(first(18, 0), "10 % of the spans are missing or have no end.");
    assert_eq!(first(0, 18), "11 % of the spans are missing or have no end.");
    assert_eq!(first(18, 18), "20 % of the spans are missing or have no end.");
    assert!(first(0, 0).starts_with("Of 4 cores "));
    assert!(first(1, 0).starts_with("Of 4 cores "), "under 1 % weakens nothing");
    assert_eq!(first(1, 1), "1.2 % of the spans are missing or have no end.");
}

#[test]
fn on_a_busy_machine_the_second_sentence_still_names_the_culprit() {
    let mut kit = items(4, 400, 300, (0..4).map(|lane| (lane, "thumbnail", 0, 400)));
    kit.load(ms(0..700), 1900 * MS, 1400 * MS);
    let sentences = alone(&kit.run()).sentences;
    assert_eq!(sentences[0], "Other processes used 50 % of the machine.");
    assert_eq!(sentences[1], "32 % of the capacity was lost while `merge index` ran alone: it took 300 ms on `main`, after all 4 `thumbnail` had ended.");
    assert!(
        sentences[2].starts_with("`merge index`, four times faster, would bring the run to 475 ms"),
        "{sentences:#?}"
    );
}

#[test]
fn a_program_that_hardly_computes_is_not_called_untraced() {
    // 1 ms of CPU time in spans and 3 ms outside of them, in a second.
    let mut kit = items(1, 900, 100, [(0, "sleep", 0, 900)].into_iter());
    kit.sample(0, ms(0..1000), MS, 0);
    kit.sample(1, ms(0..900), MS / 2, 0);
    kit.sample(1, ms(900..1000), 3 * MS, 0);
    let analysis = alone(&kit.run());
    assert!(analysis.sentences[0].starts_with("Of 2 lanes "), "{:#?}", analysis.sentences);
}

#[test]
fn lanes_that_are_busy_off_the_cpu_are_a_finding_with_more_lanes() {
    // 100 files of 16 ms on each lane, of which 1 ms is on a CPU. On eight lanes, two cores begin the first eight of them within 3
    // ms.
    let files = (0..2).flat_map(|lane| (0..100).map(move |n| (lane, "read file", 16 * n, 16 * n + 16)));
    let mut kit = items(2, 1600, 0, files);
    (1..3).for_each(|lane| kit.sample(lane, ms(0..1600), 100 * MS, 0));
    let analysis = alone(&kit.run());
    let finding = &analysis.findings[0];
    assert_eq!((finding.cause, finding.noise, finding.gain_ns), (Cause::OffCpu, false, 1197 * MS));
    assert_eq!(finding.what_if.map(|ix| &analysis.what_ifs[ix as usize].change), Some(&Change::Lanes { lanes: 8 }));
    assert_eq!(
        analysis.sentences[1],
        "`read file` is off the CPU for 94 % of its time; each lane uses 6.2 % of a core."
    );
}

#[test]
fn lanes_that_wait_for_a_core_or_that_no_sample_covers_are_not_called_off_the_cpu() {
    let files = || (0..2).flat_map(|lane| (0..100).map(move |n| (lane, "read file", 16 * n, 16 * n + 16)));
    // Three quarters of the time in the run queue; and one sample of a tenth of the time.
    for (end, cpu, queue) in [(1600, 400, 1200), (160, 10, 0)] {
        let mut kit = items(2, 1600, 0, files());
        (1..3).for_each(|lane| kit.sample(lane, ms(0..end), cpu * MS, queue * MS));
        let findings = alone(&kit.run()).findings;
        assert!(findings.iter().all(|finding| finding.cause != Cause::OffCpu), "{findings:#?}");
    }
}
