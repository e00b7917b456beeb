//! The names that begin with `HEIRLOOM_`, and those that are mistakes.

/// The variables of this project's crates whose names begin with `HEIRLOOM_`.
///
/// Names that begin with `HEIRLOOM_TEST_` are left to tests.
pub const NAMES: &[&str] = &[
    "HEIRLOOM_CAPTURE",
    "HEIRLOOM_CAPTURE_MAX_BYTES",
    "HEIRLOOM_DRAIN_INTERVAL_MS",
    "HEIRLOOM_FINISH_TIMEOUT_MS",
    "HEIRLOOM_FLUSH_ON_PANIC",
    "HEIRLOOM_MAX_OPEN_SPANS",
    "HEIRLOOM_OVERLOAD",
    "HEIRLOOM_QUEUE_BYTES",
    "HEIRLOOM_REGION",
    "HEIRLOOM_RING_BYTES",
    "HEIRLOOM_SAMPLE",
    "HEIRLOOM_SHARD_BYTES",
    "HEIRLOOM_STRICT",
    "HEIRLOOM_TRACE_BYTES",
    "HEIRLOOM_TRACE_FILE",
    "HEIRLOOM_TREE",
    "HEIRLOOM_VERIFY",
    "HEIRLOOM_WORKER",
];

const PREFIX: &str = "HEIRLOOM_";

/// Those of this project's tests, scripts and benches, whose processes start tracers.
const OF_TESTS: &[&str] = &[
    "HEIRLOOM_CHROME_OUT",
    "HEIRLOOM_CONFIGURATIONS",
    "HEIRLOOM_CYCLES",
    "HEIRLOOM_EXITS_FILE",
    "HEIRLOOM_FLAT_OUT",
    "HEIRLOOM_KILLS",
    "HEIRLOOM_PREEMPTIONS",
    "HEIRLOOM_QUEUES",
    "HEIRLOOM_ROTEL",
    "HEIRLOOM_SEED",
    "HEIRLOOM_SPANS",
    "HEIRLOOM_THREADS",
    "HEIRLOOM_TREES",
    "HEIRLOOM_WIRE_VARIANTS",
];

/// Names that differ by more letters than this aren't taken for each other.
const MAX_DIFFERENCE: usize = 4;
/// Upper bound on the unknown names, and on the letters of one, so that messages stay readable.
const MAX_UNKNOWN: usize = 16;
const MAX_CHARS: usize = 80;

/// The name of a variable that no crate of this project reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// The name, without control characters, at most 80 characters of it.
    pub name: String,
    /// A similar name that is read.
    pub similar: Option<&'static str>,
}

/// Those of the names that begin with `HEIRLOOM_` and that nothing reads. At most 16, sorted.
pub(super) fn unknown(names: impl Iterator<Item = String>) -> Vec<UnknownName> {
    let mut unknown: Vec<_> = names.filter(|name| is_unknown(name)).collect();
    unknown.sort();
    unknown.iter().take(MAX_UNKNOWN).map(|name| UnknownName { name: printable(name), similar: similar(name) }).collect()
}

fn is_unknown(name: &str) -> bool {
    name.starts_with(PREFIX)
        && !name.starts_with("HEIRLOOM_TEST_")
        && !NAMES.contains(&name)
        && !OF_TESTS.contains(&name)
}

fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).take(MAX_CHARS).collect()
}

fn similar(name: &str) -> Option<&'static str> {
    let own = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_uppercase();
    let wanted: Vec<char> = own(name).chars().take(MAX_CHARS).collect();
    let difference = |known: &&&str| difference(&wanted, &own(known).chars().collect::<Vec<_>>());
    let nearest = NAMES.iter().min_by_key(difference)?;
    let most = MAX_DIFFERENCE.min(wanted.len() / 2);
    (difference(&nearest) <= most).then_some(*nearest)
}

/// How many letters must be added, removed or replaced ([Levenshtein's distance]).
///
/// [Levenshtein's distance]: https://en.wikipedia.org/wiki/Levenshtein_distance
fn difference(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_mistake_is_unknown_and_the_right_one_is_similar() {
        for (wrong, right) in [
            ("HEIRLOOM_TRACEFILE", Some("HEIRLOOM_TRACE_FILE")),
            ("HEIRLOOM_TRACE_FILES", Some("HEIRLOOM_TRACE_FILE")),
            ("HEIRLOOM_trace_file", Some("HEIRLOOM_TRACE_FILE")),
            ("HEIRLOOM_QUEUE_BYTE", Some("HEIRLOOM_QUEUE_BYTES")),
            ("HEIRLOOM_FINISH_TIMEOUT", Some("HEIRLOOM_FINISH_TIMEOUT_MS")),
            ("HEIRLOOM_VERFIY", Some("HEIRLOOM_VERIFY")),
            ("HEIRLOOM_COLOURS_OF_LANES", None),
            ("HEIRLOOM_X", None),
            ("HEIRLOOM_", None),
        ] {
            assert!(is_unknown(wrong), "{wrong}");
            assert_eq!(similar(wrong), right, "{wrong}");
        }
        assert!(!NAMES.iter().chain(OF_TESTS).chain(&["HEIRLOOM_TEST_ANY", "OTHER"]).any(|name| is_unknown(name)));
        assert_eq!(printable("A\n\u{1b}[31m").len(), 7);
    }
}
