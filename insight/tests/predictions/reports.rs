//! The three sentences of planted runs, and whole reports.

use super::planted::{self, ms, MS};
use heirloom_insight::model::{FanKind, Load, LockKind, Run, StageKind};
use heirloom_insight::testing::Kit;
use heirloom_insight::{analyse, text, Options};

fn expect(run: &Run, sentences: [&str; 3]) {
    assert_eq!(analyse(run, &Options::default()).sentences, sentences);
}

#[test]
fn a_serial_phase_is_named_with_what_it_came_after() {
    let sentences = [
        "Of 4 cores for 500 ms, 2.2 worked on average; 45 % of the capacity was lost while `merge index` ran alone.",
        "It took 300 ms on `main`, after all 8 `thumbnail` had ended.",
        "Four times faster, it would bring the run to 275 ms (-45 %; between 200 ms and 350 ms); unchanged, it would take 20 % less on 8 cores.",
    ];
    expect(&planted::serial_phase(), sentences);
}

#[test]
fn one_of_a_thing_is_named_in_the_singular() {
    let mut kit = Kit::new();
    kit.cpus(1.0).cores(1);
    let main = kit.lane("main");
    kit.span(main, "work", None, ms(0..10));
    let mut run = kit.run();
    let last = |run: &Run| text::report(&analyse(run, &Options::default())).lines().last().unwrap().to_owned();
    assert_eq!(last(&run), "test: 1 span, 1 lane, 1 usable CPU, 1 physical core.");
    let note = |run: &Run| analyse(run, &Options::default()).notes[0].text.clone();
    run.dropped_children.push((0, 1));
    assert_eq!(note(&run), "At least 1 span is missing: time in it is counted as its parent's.");
    run.dropped_children[0].1 = 2;
    assert_eq!(note(&run), "At least 2 spans are missing: time in them is counted as their parents'.");
}

#[test]
fn page_faults_are_told_with_the_machine_if_any_were_sampled() {
    let analysed = |faults: Option<u64>| {
        let mut kit = Kit::new();
        kit.cpus(4.0);
        let main = kit.lane("main");
        kit.span(main, "work", None, ms(0..10));
        if let Some(page_faults) = faults {
            kit.load(ms(0..10), 10 * MS, 0).page_faults = page_faults;
        }
        analyse(&kit.run(), &Options::default())
    };
    let last = |faults| text::report(&analysed(faults)).lines().last().unwrap().to_owned();
    assert_eq!(last(None), "test: 1 span, 1 lane, 4 usable CPUs.");
    assert_eq!(last(Some(0)), last(None));
    assert_eq!(last(Some(1)), "test: 1 span, 1 lane, 4 usable CPUs, 1 page fault (minor and major).");
    assert_eq!(last(Some(1_204)), "test: 1 span, 1 lane, 4 usable CPUs, 1,204 page faults (minor and major).");
    let json = |faults| serde_json::to_value(analysed(faults)).unwrap()["totals"]["page_faults"].clone();
    assert_eq!([json(None), json(Some(0)), json(Some(1_204))], [serde_json::Value::Null, 0.into(), 1_204.into()]);
}

#[test]
fn a_straggler_is_named_and_split() {
    let sentences = [
        "Of 4 cores for 400 ms, 2.5 worked on average; 38 % of the capacity was lost while only the last `file` still ran.",
        "The longest of 13 pieces took 400 ms on `rayon-0`, 8 times the median (50 ms).",
        "Split in two, it would bring the run to 250 ms (-38 %; between 250 ms and 400 ms); more cores gain under 1 %.",
    ];
    expect(&planted::straggler(), sentences);
}

#[test]
fn a_long_hold_is_named_with_the_lock() {
    let sentences = [
        "Of 4 cores for 330 ms, 1.21 worked on average; 57 % of the capacity was lost waiting for the lock `cache`, which `update` held.",
        "7 waits took 680 ms in all; `update` held it for 40 ms at a time at most.",
        "Without the lock `cache`, the program would take 100 ms (-70 %; between 100 ms and 138 ms); more cores gain under 1 %.",
    ];
    expect(&planted::long_hold(), sentences);
}

#[test]
fn two_fan_outs_that_fill_the_lanes_have_nothing_to_gain() {
    let sentences = [
        "Of 2 cores for 200 ms, 2 worked on average: 100 % of the capacity was used.",
        "No cause took 1 % of the capacity.",
        "Nothing to gain: no change would save time; more cores gain under 1 %.",
    ];
    expect(&planted::two_fan_outs(), sentences);
}

#[test]
fn a_join_below_stolen_work_is_named_with_that_work() {
    let sentences = [
        "Of 2 cores for 350 ms, 1.17 worked on average; 27 % of the capacity was lost while joins that were ready waited below `unrelated`.",
        "All 190 ms are charged to `unrelated`.",
        "Without that, the run would take 250 ms at best (-29 %); unchanged, it would take 43 % less on 4 cores.",
    ];
    expect(&planted::buried_join(), sentences);
}

#[test]
fn a_slow_sender_is_named_with_its_queue() {
    let sentences = [
        "Of 2 cores for 420 ms, 1.14 worked on average; 40 % of the capacity was lost waiting for `produce` to send.",
        "Threads waited 340 ms for it on `pages`, in 4 waits; `produce` took 400 ms.",
        "Four times faster, it would bring the run to 120 ms (-71 %).",
    ];
    expect(&planted::empty_queue(), sentences);
}

#[test]
fn a_late_start_is_told_from_the_work() {
    let sentences = [
        "Of 4 cores for 600 ms, 3 worked on average; 25 % of the capacity was lost before threads or processes had started, or after they had ended.",
        "3 of 4 threads of `workers` ran their first span up to 200 ms after the first one did.",
        "Without that, the run would take 500 ms at best (-17 %); unchanged, it would take 40 % less on 8 cores.",
    ];
    expect(&planted::late_start(), sentences);
}

#[test]
fn an_imbalance_is_evened_out() {
    let sentences = [
        "Of 4 cores for 400 ms, 2.5 worked on average; 38 % of the capacity was lost while only the last `quarter` still ran.",
        "The longest of 4 pieces took 400 ms on `rayon-3`, 2 times the median (200 ms).",
        "Split into 4 pieces each, it would bring the run to 250 ms (-38 %; between 250 ms and 325 ms); more cores gain under 1 %.",
    ];
    expect(&planted::imbalance(), sentences);
}

#[test]
fn a_run_that_fills_its_cores_has_nothing_to_gain() {
    let sentences = [
        "Of 4 cores for 1.01 s, 3.97 worked on average: 99 % of the capacity was used.",
        "No cause took 1 % of the capacity.",
        "Nothing to gain on 4 cores: the best change would save under 1 %; unchanged, it would take 50 % less on 8 cores.",
    ];
    expect(&planted::nothing_to_gain(), sentences);
}

#[test]
fn long_polls_are_named_with_the_tail_of_requests() {
    let sentences = [
        "Requests waited 75 % of their time for a runtime thread: 2 threads, 8 polls over 10 ms.",
        "All 8 are `render pdf` (median 84 ms), called without `spawn_blocking`.",
        "Moved there, the simulated p99 falls from 340 ms to 88 ms.",
    ];
    expect(&planted::blocking_poll(), sentences);
}

/// The same work on one lane, where a hash takes a quarter of the time.
fn hashes(lanes: u32, each: u64) -> Run {
    let mut kit = Kit::new();
    kit.cpus(4.0);
    let pool = kit.pool("rayon", lanes);
    let rounds = u64::from(16 / lanes);
    let root = kit.span(pool[0], "run", None, ms(0..rounds * each));
    let fan = kit.fan(FanKind::Iterator, Some(root), pool[0], 0, Some(rounds * each * MS));
    for round in 0..rounds {
        for lane in &pool {
            kit.item(fan, *lane, "hash", ms(round * each..(round + 1) * each));
        }
    }
    kit.run()
}

#[test]
fn work_that_inflates_is_told_from_idle_lanes() {
    let (four, one) = (hashes(4, 100), hashes(1, 40));
    let analysis = analyse(&four, &Options { on_one_lane: Some(&one), ..Options::default() });
    assert_eq!(
        analysis.sentences,
        [
            "All 4 cores were busy 100 % of the time, yet the run is only 1.6 times faster than on one.",
            "`hash` takes 2.5 times as long with all lanes busy as with one: memory, shared cache lines or hyper-threads.",
            "No schedule helps.",
        ]
    );
    assert_eq!(analysis.totals.speed_up, Some(1.6));
}

#[test]
fn gains_below_the_spread_of_the_runs_are_noise() {
    let run = planted::serial_phase();
    let mut slower = run.clone();
    slower.window.end += 300 * MS;
    let others = [slower, run.clone()];
    let analysis = analyse(&run, &Options { others: &others, ..Options::default() });
    assert!(analysis.findings.iter().all(|finding| finding.noise), "{:#?}", analysis.findings);
    assert_eq!(analysis.sentences[2], "No finding exceeds the spread of the 3 runs (60 %): nothing is recommended.");
}

#[test]
fn untraced_work_and_a_busy_machine_are_told_first() {
    let mut kit = Kit::new();
    kit.cpus(4.0);
    let main = kit.lane("main");
    let pool = kit.pool("pool", 2);
    let root = kit.span(main, "run", None, ms(0..1000));
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(1000 * MS));
    kit.fan_mut(fan).blocks = true;
    for lane in &pool {
        kit.item(fan, *lane, "scan", ms(0..400));
        kit.sample(*lane, ms(0..400), 400 * MS, 0);
        kit.sample(*lane, ms(400..1000), 500 * MS, 0);
    }
    kit.load(ms(0..1000), 1800 * MS, 1600 * MS);
    let analysis = analyse(&kit.run(), &Options::default());
    let first =
        "Only 44 % of this program's CPU time was spent inside spans, and other processes used 40 % of the machine.";
    assert_eq!(analysis.sentences[0], first);
    let second = "up to 1 s may be untraced work on `pool-*`: trace it with `.traced(..)`.";
    assert!(analysis.sentences[1].ends_with(second), "{:#?}", analysis.sentences);
}

#[test]
fn a_culprit_is_named_where_a_busy_machine_is_told_first() {
    let mut run = planted::straggler();
    let (end, others_ns) = (run.window.end, 800 * MS);
    run.loads.push(Load { end, others_ns, ..Load::default() });
    let sentences = [
        "Other processes used 50 % of the machine.",
        "38 % of the capacity was lost while only the last `file` still ran: the longest of 13 pieces took 400 ms on `rayon-0`, 8 times the median (50 ms).",
        "`file`, split in two, would bring the run to 250 ms (-38 %; between 250 ms and 400 ms); more cores gain under 1 %.",
    ];
    expect(&run, sentences);
}

#[test]
fn a_thread_without_a_name_is_called_by_its_number() {
    let mut run = planted::serial_phase();
    run.lanes.iter_mut().for_each(|lane| lane.thread_name = "".into());
    let analysis = analyse(&run, &Options::default());
    assert_eq!(analysis.sentences[1], "It took 300 ms on `thread 1`, after all 8 `thumbnail` had ended.");
    assert_eq!(analysis.lanes[0].thread, "thread 1");
    assert!(!format!("{analysis:?}").contains("``"), "{analysis:#?}");
}

#[test]
fn without_threads_there_is_a_critical_path_and_no_lost_time() {
    let mut kit = Kit::new();
    let lane = kit.lane("");
    let root = kit.span(lane, "request", None, ms(0..100));
    kit.span(lane, "query", Some(root), ms(10..90));
    let mut run = kit.run();
    run.lanes[0].thread_id = 0;
    let sentences = [
        "The run took 100 ms; its spans don't say on which threads they ran, so no lost time can be shown.",
        "`query` makes up 80 % of the critical path.",
        "Record `thread.id` to learn what else would be gained.",
    ];
    expect(&run, sentences);
}

#[test]
fn whole_reports_are_as_they_were_looked_at() {
    let expected = [
        (planted::serial_phase(), include_str!("reports/serial_phase.txt")),
        (planted::long_hold(), include_str!("reports/long_hold.txt")),
        (planted::blocking_poll(), include_str!("reports/blocking_poll.txt")),
    ];
    for (run, expected) in expected {
        let report = text::report(&analyse(&run, &Options::default()));
        assert!(report.lines().all(|line| line.chars().count() <= 80), "{report}");
        assert_eq!(report, expected, "now it is:\n{report}");
    }
}

#[test]
fn the_error_of_a_folded_graph_is_noted_and_that_locks_may_exceed_it() {
    let mut kit = Kit::new();
    for lane in [kit.lane("one"), kit.lane("two")] {
        let root = kit.span(lane, "run", None, ms(0..1_000));
        (0..100).for_each(|n| _ = kit.span(lane, "step", Some(root), ms(n * 10 + 2..n * 10 + 9)));
    }
    let note = |run: &Run| {
        let notes = analyse(run, &Options { most_nodes: 40, ..Options::default() }).notes;
        notes.into_iter().find(|note| note.text.contains("simulated as one")).expect("a note").text
    };
    let lock = kit.lock(LockKind::Mutex, "cache");
    let without = note(&kit.clone().run());
    kit.hold(lock, 0, ms(0..1));
    let with = note(&kit.run());
    assert!(with.ends_with(", or by more if locks are taken in another order."), "{with}");
    assert!(!without.contains("locks"), "{without}");
}

#[test]
fn what_lanes_did_over_time_is_as_wide_as_the_terminal_and_all_else_has_80_columns() {
    let analysis = analyse(&planted::long_hold(), &Options::default());
    let (before, after) = ("\nLanes\n", "\nSpans by name\n");
    let parts = |text: &str| {
        let (head, rest) = text.split_once(before).expect("lanes");
        let (lanes, tail) = rest.split_once(after).expect("names");
        (head.to_owned(), lanes.to_owned(), tail.to_owned())
    };
    let (head, _, tail) = parts(&text::report(&analysis));
    for (asked, columns) in [(1, 80), (80, 80), (120, 120), (160, 160), (1_000, 160)] {
        let (same_head, lanes, same_tail) = parts(&text::report_of(&analysis, asked));
        assert_eq!((same_head, same_tail), (head.clone(), tail.clone()));
        // This thread was blocked from the start to the end.
        let main = lanes.lines().find(|line| line.trim_start().starts_with("main")).expect("main");
        let strip = main.chars().filter(|c| *c == '\\').count();
        assert_eq!((main.chars().count(), strip), (columns, columns - 48), "{lanes}");
        assert!(lanes.lines().all(|line| line.chars().count() <= columns), "{lanes}");
        let bars = lanes.lines().next().expect("utilisation").chars().count();
        assert_eq!(bars, columns - 14, "{lanes}");
    }
}

/// Pieces of a fan-out on two threads, and beside them spans `merge` at these times on the second thread, which belong to no trace.
fn with_strays(merges: &[(u64, u64)], change: impl Fn(&mut Kit, u32)) -> Vec<String> {
    let mut kit = Kit::new();
    let (main, pool) = (kit.lane("main"), kit.pool("rayon", 2));
    let root = kit.span(main, "run", None, ms(0..100));
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(80 * MS));
    kit.item(fan, pool[0], "page", ms(1..80));
    kit.item(fan, pool[1], "page", ms(1..40));
    for (trace, (start, end)) in (2..).zip(merges.iter().copied()) {
        let merge = kit.span(pool[1], "merge", None, ms(start..end));
        kit.trace(merge, trace);
        change(&mut kit, merge);
    }
    let notes = analyse(&kit.run(), &Options::default()).notes;
    notes.into_iter().map(|note| note.text).filter(|text| text.contains("no parent")).collect()
}

#[test]
fn spans_without_a_parent_amid_a_fan_out_are_noted() {
    let rest = "ran amid a fan-out of another trace. What belongs to the fan-out needs its context; otherwise the gain of a change \
                is hidden.";
    let note = |merges: &[_]| with_strays(merges, |_, _| ());
    assert_eq!(note(&[(40, 50)]), [format!("1 span, `merge`, has no parent, though it {rest}")]);
    assert_eq!(note(&[(40, 50), (60, 70)]), [format!("2 spans, all `merge`, have no parent, though they {rest}")]);
    assert!(note(&[(81, 90)]).is_empty(), "after the join");
    let submitted = with_strays(&[(40, 50)], |kit, merge| kit.stage(merge, StageKind::Submitted, 0, 40 * MS));
    assert!(submitted.is_empty(), "a job");
    let request = with_strays(&[(40, 50)], |kit, merge| {
        kit.span(2, "query", Some(merge), ms(41..42));
    });
    assert!(request.is_empty(), "a request that the thread stole");
}

/// The main threads of two worker processes work, and a thread of the first process only watches them.
#[test]
fn threads_of_one_name_are_told_apart_and_those_that_did_nothing_are_only_counted() {
    let mut kit = Kit::new();
    kit.lane("keeper");
    for (index, end) in [(0, 50), (1, 90)] {
        kit.process(index + 2, "worker");
        let lane = kit.worker(7, "hash", index, 2);
        kit.span(lane, "hash", None, ms(0..end));
    }
    let analysis = analyse(&kit.run(), &Options::default());
    let report = text::report(&analysis);
    let rows = |start: &str| report.lines().filter(|line| line.trim_start().starts_with(start)).count();
    assert_eq!((rows("main 2 "), rows("main 3 "), rows("main  "), rows("keeper")), (1, 1, 0, 0), "{report}");
    assert!(report.contains("\n  and 1 thread without spans, waits or CPU time\n"), "{report}");
    assert_eq!(analysis.sentences[1], "The 2 `hash` took 140 ms in all, the longest 90 ms on `main 3`.");
}

#[test]
fn the_same_run_gives_the_same_analysis_and_json_has_all_of_it() {
    for run in [planted::straggler(), planted::blocking_poll(), Run::default()] {
        let analysis = analyse(&run, &Options::default());
        assert_eq!(analysis, analyse(&run, &Options::default()));
        let json: serde_json::Value =
            serde_json::from_str(&text::json(&analysis).expect("JSON")).expect("readable JSON");
        assert_eq!(json["version"], 1);
        assert_eq!(json["sentences"].as_array().map(Vec::len), Some(3));
        assert_eq!(json["what_ifs"].as_array().map(Vec::len), Some(analysis.what_ifs.len()));
        assert_eq!(json["totals"]["wall_ns"], analysis.totals.wall_ns);
    }
}

/// Work on the graph and work in the account are two computations of one thing.
#[test]
fn the_graph_has_the_work_of_the_account() {
    for run in [
        planted::serial_phase(),
        planted::straggler(),
        planted::long_hold(),
        planted::buried_join(),
        planted::empty_queue(),
        planted::nested_joins(),
        planted::blocking_poll(),
    ] {
        let account = heirloom_insight::account::account(&run);
        assert_eq!(heirloom_insight::graph::Graph::new(&run).work(), account.totals.work_ns);
    }
}
