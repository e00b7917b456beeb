//! The graph of runs whose chains are known.

use super::planted::{self, ms, MS};
use heirloom_insight::graph::{CriticalPath, Graph};
use heirloom_insight::model::{FanKind, Run, StageKind, WaitCause};
use heirloom_insight::testing::Kit;

/// The spans of the longest chain by name, and why each came after the one before it.
fn names(run: &Run, graph: &Graph, path: &CriticalPath) -> Vec<(String, &'static str)> {
    let mut names: Vec<(String, &'static str)> = Vec::new();
    for (node, because) in &path.nodes {
        let span = graph.nodes[*node as usize].span();
        let name =
            span.map_or("(delay)".to_owned(), |span| run.names[run.spans[span as usize].name as usize].to_string());
        if names.last().is_none_or(|(last, _)| *last != name) {
            names.push((name, because.word()));
        }
    }
    names
}

fn expect(run: &Run, work: u64, critical: u64, chain: &[(&str, &str)]) {
    let graph = Graph::new(run);
    let path = graph.critical_path();
    let chain: Vec<_> = chain.iter().map(|(name, because)| ((*name).to_owned(), *because)).collect();
    assert_eq!(names(run, &graph, &path).iter().map(|(n, b)| (n.clone(), *b)).collect::<Vec<_>>(), chain);
    assert_eq!((graph.work(), path.length, graph.left_out), (work, critical, 0));
}

#[test]
fn a_serial_phase_follows_the_longest_item() {
    let chain = [("thumbnail", "start"), ("merge index", "join")];
    expect(&planted::serial_phase(), 1100 * MS, 400 * MS, &chain);
}

#[test]
fn a_straggler_is_the_longest_chain() {
    expect(&planted::straggler(), 1000 * MS, 400 * MS, &[("file", "start")]);
}

#[test]
fn a_lock_orders_nothing() {
    expect(&planted::long_hold(), 400 * MS, 50 * MS, &[("update", "start")]);
}

#[test]
fn the_second_fan_out_follows_the_join_of_the_first() {
    expect(&planted::two_fan_outs(), 400 * MS, 200 * MS, &[("read", "start"), ("write", "join")]);
}

#[test]
fn stolen_work_buries_a_join_but_doesnt_lengthen_the_chain() {
    // `right` 60 ms, then `a tail` 100 ms; `unrelated` alone is longer.
    let run = planted::buried_join();
    expect(&run, 410 * MS, 200 * MS, &[("unrelated", "start")]);
}

#[test]
fn a_receiver_follows_what_its_sender_did_before() {
    expect(&planted::empty_queue(), 480 * MS, 420 * MS, &[("produce", "start"), ("consume", "queue")]);
}

#[test]
fn halves_of_nested_joins_are_independent_however_they_were_run() {
    // 5 ms before and behind, and one leaf.
    let chain = [("run", "start"), ("leaf", "child"), ("run", "join")];
    expect(&planted::nested_joins(), 410 * MS, 110 * MS + 1, &chain);
}

#[test]
fn children_on_other_lanes_join_only_if_they_end_inside_their_parent() {
    for (end, critical) in [(80, 100), (110, 110)] {
        let mut kit = Kit::new();
        let (main, other) = (kit.lane("main"), kit.lane("other"));
        let root = kit.span(main, "run", None, ms(0..100));
        // 10 ms before the child starts, 70 ms in the child, 20 ms behind its end, during which `run` was blocked until 80.
        kit.wait(WaitCause::Thread, main, Some(root), ms(10..80));
        kit.span(other, "thread", Some(root), ms(10..end));
        let run = kit.run();
        assert_eq!(Graph::new(&run).critical_path().length, critical * MS, "{end}");
    }
}

#[test]
fn a_nested_child_lies_between_two_parts_of_its_parent() {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let root = kit.span(main, "run", None, ms(0..100));
    let child = kit.span(main, "child", Some(root), ms(20..70));
    kit.span(main, "grandchild", Some(child), ms(30..60));
    let chain = [("run", "start"), ("child", "child"), ("grandchild", "child"), ("child", "child"), ("run", "child")];
    expect(&kit.run(), 100 * MS, 100 * MS, &chain);
}

#[test]
fn a_wait_that_nothing_explains_is_kept_as_time_that_passes() {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let root = kit.span(main, "run", None, ms(0..100));
    kit.wait(WaitCause::Empty, main, Some(root), ms(20..70));
    // It is time of its span: a faster span waits less for what isn't in the run.
    expect(&kit.run(), 50 * MS, 100 * MS, &[("run", "start")]);
}

#[test]
fn polls_of_one_task_never_run_at_once_and_waits_between_them_pass() {
    let mut kit = Kit::new();
    let pool = kit.pool("tokio", 2);
    kit.polled("task", None, &[(pool[0], ms(0..10)), (pool[1], ms(50..60)), (pool[0], ms(60..75))]);
    // Lane 1 was idle all the time before, so the task wasn't ready before 50.
    let chain = [("task", "start"), ("(delay)", "child"), ("task", "child")];
    expect(&kit.run(), 35 * MS, 75 * MS, &chain);
}

#[test]
fn a_task_whose_threads_were_all_busy_was_ready_when_the_last_of_them_was_idle() {
    let run = planted::blocking_poll();
    let graph = Graph::new(&run);
    // Each request: 84 + 1 ms of polls; no wait for I/O can be told from the wait for a thread.
    assert_eq!((graph.work(), graph.critical_path().length), (8 * 85 * MS, 85 * MS));
}

#[test]
fn spans_whose_thread_is_unknown_have_a_chain_and_no_work() {
    let mut kit = Kit::new();
    let lane = kit.lane("unknown");
    let root = kit.span(lane, "request", None, ms(0..100));
    for (name, time) in [("auth", 10..40), ("query", 50..90), ("log", 50..60)] {
        let child = kit.span(lane, name, Some(root), ms(time));
        kit.span_mut(child).nested = false;
    }
    kit.span_mut(root).nested = false;
    let chain =
        [("request", "start"), ("auth", "child"), ("request", "child"), ("query", "child"), ("request", "child")];
    expect(&kit.run(), 0, 100 * MS, &chain);
}

#[test]
fn a_leaf_of_an_iterator_can_be_split_down_to_one_item() {
    let mut kit = Kit::new();
    let pool = kit.pool("rayon", 2);
    let root = kit.span(pool[0], "run", None, ms(0..100));
    let fan = kit.fan(FanKind::Iterator, Some(root), pool[0], 0, Some(100 * MS));
    for lane in &pool {
        let leaf = kit.item(fan, *lane, "rows", ms(0..100));
        kit.items(leaf, 50);
    }
    let path = Graph::new(&kit.run()).critical_path();
    assert_eq!((path.length, path.finest), (100 * MS, 2 * MS));
}

#[test]
fn a_span_waits_while_a_pool_runs_the_fan_out_that_it_handed_over() {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let pool = kit.pool("rayon", 2);
    let root = kit.span(main, "run", None, ms(0..100));
    let fan = kit.fan(FanKind::Iterator, Some(root), pool[0], 10 * MS, Some(80 * MS));
    kit.item(fan, pool[0], "page", ms(10..50));
    kit.item(fan, pool[1], "page", ms(10..80));
    let chain = [("run", "start"), ("page", "child"), ("run", "join")];
    expect(&kit.run(), 140 * MS, 100 * MS, &chain);
}

#[test]
fn time_off_the_cpu_and_in_the_run_queue_are_told_apart_by_samples() {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    kit.span(main, "run", None, ms(0..100));
    kit.sample(main, ms(0..50), 50 * MS, 0);
    kit.sample(main, ms(50..100), 20 * MS, 10 * MS);
    let graph = Graph::new(&kit.run());
    let (ix, _) = (0..).zip(&graph.nodes).find(|(_, node)| node.lane().is_some()).expect("the part of `run`");
    assert_eq!(graph.cpu(ix), (70 * MS, 20 * MS));
}

#[test]
fn time_without_a_sample_needs_no_core() {
    let mut kit = Kit::new();
    let lanes = [kit.lane("half sampled"), kit.lane("never sampled")];
    for lane in lanes {
        kit.span(lane, "run", None, ms(0..100));
    }
    kit.sample(lanes[0], ms(0..50), 50 * MS, 0);
    let graph = Graph::new(&kit.run());
    let parts = (0..).zip(&graph.nodes).filter(|(_, node)| node.lane().is_some());
    let times: Vec<_> = parts.map(|(ix, _)| graph.cpu(ix)).collect();
    assert_eq!(times, [(50 * MS, 50 * MS), (0, 100 * MS)]);
}

#[test]
fn a_thread_that_was_idle_for_a_small_part_of_its_next_work_was_waking_up() {
    // `run` waits for two children on one thread of a pool. One that was idle up to a fiftieth of the second child was busy, so
    // that was ready at once.
    for (gap, critical) in [(0, 100), (1, 100), (2, 100), (3, 200)] {
        let mut kit = Kit::new();
        let (main, pool) = (kit.lane("main"), kit.pool("tokio", 1));
        let end = 200 + gap;
        let root = kit.span(main, "run", None, ms(0..end));
        kit.wait(WaitCause::Job, main, Some(root), ms(0..end));
        kit.span(pool[0], "job", Some(root), ms(0..100));
        kit.span(pool[0], "job", Some(root), ms(100 + gap..end));
        assert_eq!(Graph::new(&kit.run()).critical_path().length, critical * MS, "{gap}");
    }
}

#[test]
fn a_job_follows_what_its_parent_had_done_when_it_was_submitted() {
    let mut kit = Kit::new();
    let (main, pool) = (kit.lane("main"), kit.pool("rayon", 1));
    let root = kit.span(main, "run", None, ms(0..100));
    let job = kit.span(pool[0], "job", Some(root), ms(60..190));
    // The thread that runs a job records when it was submitted.
    kit.stage(job, StageKind::Submitted, pool[0], 20 * MS);
    expect(&kit.run(), 230 * MS, 150 * MS, &[("run", "start"), ("job", "child")]);
}

#[test]
fn what_a_thread_does_itself_while_the_other_half_of_its_join_is_stolen_is_one_half() {
    // `a` and `b` are one half, 30 ms each; the other one, 50 ms, runs elsewhere. Without a stolen half, they may be either.
    for (stolen, critical) in [(true, 60), (false, 30)] {
        let mut kit = Kit::new();
        let pool = kit.pool("rayon", 2);
        let root = kit.span(pool[0], "run", None, ms(0..60));
        let fan = kit.fan(FanKind::Join, Some(root), pool[0], 0, Some(60 * MS));
        kit.item(fan, pool[0], "a", ms(0..30));
        kit.item(fan, pool[0], "b", ms(30..60));
        if stolen {
            kit.strand(fan, pool[1], ms(0..50));
        }
        assert_eq!(Graph::new(&kit.run()).critical_path().length, critical * MS, "{stolen}");
    }
}

#[test]
fn the_rows_of_one_span_that_encloses_itself_are_no_circle() {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let span = kit.span(main, "run", None, ms(0..100));
    kit.span_mut(span).set_parent(Some(span));
    assert_eq!(Graph::new(&kit.run()).work(), 100 * MS);
}
