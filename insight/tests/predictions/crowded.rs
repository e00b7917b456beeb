//! More lanes than cores.

use super::planted::{ms, MS};
use heirloom_insight::analysis::{Analysis, Cause, Change};
use heirloom_insight::model::FanKind;
use heirloom_insight::testing::Kit;
use heirloom_insight::{analyse, Options};

const ITEMS: u64 = 8;

/// Lanes of a pool with eight pieces of 80 ms each, in which they were on one of two cores for `cpu` ms, and ready without one for
/// `queue` ms.
fn crowd(lanes: u32, cpu: u64, queue: u64) -> Analysis {
    let mut kit = Kit::new();
    kit.cpus(2.0);
    let (main, pool) = (kit.lane("main"), kit.pool("rayon", lanes));
    let root = kit.span(main, "run", None, ms(0..80 * ITEMS));
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(80 * ITEMS * MS));
    kit.fan_mut(fan).blocks = true;
    for lane in &pool {
        (0..ITEMS).for_each(|n| _ = kit.item(fan, *lane, "digest", ms(80 * n..80 * n + 80)));
        kit.sample(*lane, ms(0..80 * ITEMS), cpu * ITEMS * MS, queue * ITEMS * MS);
    }
    analyse(&kit.run(), &Options::default())
}

#[test]
fn lanes_that_share_fewer_cores_are_told_that_the_cores_are_the_limit() {
    let analysis = crowd(16, 10, 70);
    let sentences = [
        "Of 2 cores for 640 ms, 2 worked on average: 100 % of the capacity was used.",
        "16 lanes of `rayon` share 2 cores: on average, 14 were ready and had none.",
        "The cores are the limit: 2 lanes would be as fast as 16; on 4 cores, it would take 50 % less.",
    ];
    assert_eq!(analysis.sentences, sentences);
    let finding = analysis.findings.iter().find(|finding| !finding.noise).expect("a finding");
    assert_eq!((finding.cause, finding.gain_ns), (Cause::Machine, 0));
    assert_eq!(finding.what_if.map(|ix| &analysis.what_ifs[ix as usize].change), Some(&Change::Lanes { lanes: 2 }));
}

#[test]
fn it_is_said_whether_or_not_a_part_of_the_cores_was_lost_to_others() {
    // Others had a tenth of the cores, or a third.
    for cpu in [9, 7] {
        let analysis = crowd(16, cpu, 80 - cpu);
        assert!(analysis.sentences[1].starts_with("16 lanes of `rayon` share 2 cores: "), "{:#?}", analysis.sentences);
        assert!(analysis.sentences[2].starts_with("The cores are the limit: 2 lanes "), "{:#?}", analysis.sentences);
        assert_eq!(analysis.findings[0].cause, Cause::Machine);
    }
}

#[test]
fn lanes_that_need_no_core_or_have_one_each_do_not_share() {
    // Sixteen lanes that sleep, and two that other processes keep from their cores.
    for analysis in [crowd(16, 5, 1), crowd(2, 40, 40)] {
        let shares = |sentence: &String| sentence.contains(" share ");
        assert!(!analysis.sentences.iter().any(shares), "{:#?}", analysis.sentences);
        assert!(analysis.findings.iter().all(|finding| finding.cause != Cause::Machine), "{:#?}", analysis.findings);
    }
}
