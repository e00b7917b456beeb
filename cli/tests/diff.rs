//! `heirloom diff`: a change is told from noise, and decides the exit status.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::{Path, PathBuf};
use support::{heirloom, span, spans, Ran};

const MS: u64 = 1_000_000;

/// A run in which `root` takes so many milliseconds, and `decode` four times a part of it.
fn run(path: &Path, wall: u64, decode: u64) {
    let mut all = vec![span(1, 0, "root", 0, wall * MS)];
    all.extend((0..4).map(|n| span(n + 2, 1, "decode", n * decode * MS, (n + 1) * decode * MS)));
    spans(path, all);
}

/// A folder of runs with these wall times and lengths of `decode`.
fn side(folder: &Path, name: &str, runs: &[(u64, u64)]) -> PathBuf {
    let side = folder.join(name);
    std::fs::create_dir(&side).unwrap();
    for (n, (wall, decode)) in runs.iter().enumerate() {
        run(&side.join(format!("{n}.otlp")), *wall, *decode);
    }
    side
}

fn diff(args: &[&str], a: &Path, b: &Path) -> Ran {
    heirloom([&["diff"], args, &[a.to_str().unwrap(), b.to_str().unwrap()]].concat())
}

const BEFORE: &[(u64, u64)] = &[(1000, 100), (1020, 102), (990, 99), (1010, 100), (1005, 101)];
const SLOWER: &[(u64, u64)] = &[(1200, 150), (1230, 155), (1190, 149), (1210, 152), (1205, 151)];
const SAME: &[(u64, u64)] = &[(1012, 101), (985, 98), (1025, 102), (1001, 100), (1009, 101)];

/// The line of a label, word by word.
fn line<'a>(ran: &'a Ran, label: &str) -> Vec<&'a str> {
    let line = ran.out.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("{label}: {}", ran.out));
    line[label.len()..].split_whitespace().collect()
}

#[test]
fn a_slower_side_is_over_the_threshold_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = [side(folder.path(), "a", BEFORE), side(folder.path(), "b", SLOWER)];
    let ran = diff(&["--threshold", "10"], &a, &b);
    let wall = line(&ran, "wall time");
    assert_eq!(wall[..6], ["1.01", "s", "1.21", "s", "+19.9", "%"]);
    assert!(wall[6].starts_with('+') && wall[7] == "to" && !wall.contains(&"noise:"), "{wall:?}");
    assert_eq!(line(&ran, "decode")[..6], ["100", "ms", "151", "ms", "+51.0", "%"]);
    assert!(ran.out.ends_with("\nfailed: over 10 %: wall time\n") && ran.status == 1, "{ran:?}");
    assert_eq!(diff(&["--threshold", "25"], &a, &b).status, 0);
    let each = diff(&["--threshold", "25", "--each"], &a, &b);
    assert!(each.out.ends_with("\nfailed: over 25 %: decode\n") && each.status == 1, "{each:?}");
    // Faster is never over it.
    assert_eq!(diff(&["--threshold", "1", "--each"], &b, &a).status, 0);
}

#[test]
fn noise_is_called_noise_and_passes_any_threshold() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = [side(folder.path(), "a", BEFORE), side(folder.path(), "b", SAME)];
    let ran = diff(&["--threshold", "0", "--each"], &a, &b);
    assert!(line(&ran, "wall time").contains(&"noise:") && line(&ran, "decode").contains(&"noise:"), "{}", ran.out);
    assert!(ran.out.ends_with("\nok: not over 0 %\n") && ran.status == 0, "{ran:?}");
}

#[test]
fn one_run_a_side_has_no_interval_and_the_threshold_counts_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a.otlp", "b.jsonl"].map(|name| folder.path().join(name));
    run(&a, 1000, 100);
    run(&folder.path().join("b.otlp"), 1150, 100);
    let to = heirloom([Path::new("convert"), &folder.path().join("b.otlp"), &b]);
    assert_eq!(to.status, 0);
    let ran = diff(&["--threshold", "10"], &a, &b);
    assert_eq!(line(&ran, "wall time"), ["1", "s", "1.15", "s", "+15.0", "%"]);
    assert!(
        ran.out.contains("\nAt least 3 runs a side are needed to tell a change from noise.\n") && ran.status == 1,
        "{ran:?}"
    );
}

#[test]
fn sides_are_folders_or_lists_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = [side(folder.path(), "a", BEFORE), side(folder.path(), "b", SLOWER)];
    std::fs::write(a.join("notes.txt"), "no trace").unwrap();
    let of =
        |side: &Path| (0..5).map(|n| side.join(format!("{n}.otlp")).to_str().unwrap().to_owned()).collect::<Vec<_>>();
    let lists = [&["diff".to_owned(), "--a".to_owned()], &of(&a)[..], &["--b".to_owned()], &of(&b)].concat();
    assert_eq!(heirloom(lists).out, diff(&[], &a, &b).out);
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let ran = diff(&[], &a, &empty);
    assert!(
        ran.status == 2 && ran.err.ends_with("expected a folder with files that end in .otlp, .jsonl or .gz\n"),
        "{ran:?}"
    );
}

#[test]
fn what_one_side_has_only_and_other_numbers_of_spans_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a.otlp", "b.otlp"].map(|name| folder.path().join(name));
    let root = || span(1, 0, "root", 0, 100);
    spans(&a, vec![root(), span(2, 1, "old", 1, 2), span(3, 1, "both", 3, 4)]);
    spans(&b, vec![root(), span(2, 1, "new", 1, 2), span(3, 1, "both", 3, 4), span(4, 1, "both", 5, 6)]);
    let out = diff(&[], &a, &b).out;
    assert!(out.contains("\nonly in A\nold\n") && out.contains("\nonly in B\nnew\n"), "{out}");
    assert!(out.contains(&format!("\nnumber of spans\n{:<25}{:>10}{:>10}\n", "both", 1, 2)), "{out}");
}

#[test]
fn the_same_as_json_and_lines_fit_80_columns() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = [side(folder.path(), "a", BEFORE), side(folder.path(), "b", SLOWER)];
    let json: serde_json::Value = serde_json::from_str(&diff(&["--json", "--threshold", "10"], &a, &b).out).unwrap();
    assert_eq!((&json["wall"]["verdict"], &json["failed"][0]), (&"more".into(), &"wall time".into()));
    assert_eq!((json["names"][0]["a_ns"].as_u64(), json["runs"][1].as_u64()), (Some(100 * MS), Some(5)));
    for ran in [diff(&[], &a, &b), diff(&[], &b, &a), diff(&["--threshold=5", "--each"], &a, &b)] {
        assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
    }
}

/// A page's element, without its compression.
fn element(page: &str, id: &str) -> serde_json::Value {
    use base64::Engine;
    let text = page.split(&format!("<script id=\"{id}\" type=\"application/octet-stream\">")).nth(1).unwrap();
    let packed = base64::engine::general_purpose::STANDARD.decode(text.split('<').next().unwrap()).unwrap();
    serde_json::from_reader(flate2::read::GzDecoder::new(&packed[..])).unwrap()
}

#[test]
fn a_page_has_the_sentences_the_median_runs_and_the_names() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = [side(folder.path(), "a", BEFORE), side(folder.path(), "b", SLOWER)];
    let path = folder.path().join("diff.html");
    let html = format!("--html={}", path.display());
    let ran = diff(&["--threshold=10", &html], &a, &b);
    assert!(ran.status == 1 && ran.out.contains("\nfailed: over 10 %: wall time\n"), "{ran:?}");
    assert!(ran.out.ends_with(&format!("\n{}\n", path.display())), "{ran:?}");
    let page = std::fs::read_to_string(&path).unwrap();
    let comparison = element(&page, "comparison");
    let sentence = comparison["sentences"][0].as_str().unwrap();
    assert!(
        sentence.starts_with("B takes 19.9 % longer than A: 1.21 s instead of 1.01 s (95 % interval: +17.8"),
        "{sentence}"
    );
    assert!(
        ran.out.starts_with("B takes 19.9 % longer than A: 1.21 s instead of 1.01 s (95 % interval: +17.8"),
        "{ran:?}"
    );
    assert!(sentence.ends_with("; 5 runs a side)."), "{sentence}");
    // The runs of 1,005 and 1,205 ms.
    let file = |side: usize| comparison["sides"][side]["file"].as_str().unwrap().to_owned();
    assert!(file(0).ends_with("a/4.otlp") && file(1).ends_with("b/4.otlp"), "{comparison}");
    assert_eq!(
        [element(&page, "analysis-a"), element(&page, "analysis-b")].map(|of| of["totals"]["wall_ns"].as_u64()),
        [Some(1005 * MS), Some(1205 * MS)]
    );
    let decode = &comparison["names"][0];
    assert_eq!((&decode["median"]["label"], &decode["median"]["verdict"]), (&"decode".into(), &"more".into()));
    assert_eq!(
        (&decode["own"]["a_ns"], &decode["own"]["b_ns"], &decode["counts"][1]),
        (&(400 * MS).into(), &(604 * MS).into(), &4.into())
    );

    // With JSON there is nothing else on standard output.
    let json = diff(&["--json", &html], &a, &b).out;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["sentences"][0], sentence);
    // To standard output, instead of the table.
    let out = diff(&["--html=-"], &a, &b).out;
    assert!(out.starts_with("<!doctype html>") && out.ends_with("</html>\n"));
}

#[test]
fn a_page_never_replaces_a_file_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a.otlp", "b.otlp"].map(|name| folder.path().join(name));
    run(&a, 1000, 100);
    run(&b, 1150, 100);
    let before = std::fs::read(&b).unwrap();
    let ran = diff(&[&format!("--html={}", b.display())], &a, &b);
    assert!(
        ran.status == 2 && ran.err.ends_with("is a file that is read: expected another name with --html\n"),
        "{ran:?}"
    );
    assert_eq!(std::fs::read(&b).unwrap(), before);
}

#[test]
fn noise_is_called_noise_in_the_first_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = [side(folder.path(), "a", BEFORE), side(folder.path(), "b", SAME)];
    let out = diff(&[], &a, &b).out;
    assert!(
        out.starts_with("B takes 1.01 s and A 1.01 s: +0.4 %, which is noise (95 % interval: ")
            && out.contains("The time in the spans of each name changed by no more than noise.\n"),
        "{out}"
    );
}

/// One span of many is longer: neither the median of its name nor the wall time show it.
#[test]
fn the_name_whose_time_changed_most_is_named_though_its_median_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let side = |name: &str, longest: u64| {
        let side = folder.path().join(name);
        std::fs::create_dir(&side).unwrap();
        for run in 0..3 {
            let mut all = vec![span(1, 0, "root", 0, (1000 + run) * MS)];
            all.extend((0..5).map(|n| {
                let length = if n == 4 { longest + run } else { 10 };
                let mut one = span(n + 2, 0, "file", n * 20 * MS, (n * 20 + length) * MS);
                one.attributes[0].value = heirloom_otlp::read::AnyValue::Int(2);
                one
            }));
            spans(&side.join(format!("{run}.otlp")), all);
        }
        side
    };
    let out = diff(&[], &side("a", 10), &side("b", 400)).out;
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Beyond noise, the time in `file` changed most: 441 ms a run instead of 51 ms ("), "{out}");
    assert!(words.contains("; the median of its 5 spans is 10 ms instead of 10 ms."), "{out}");
}
