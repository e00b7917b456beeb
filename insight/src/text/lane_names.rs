//! Names of lanes that differ from each other.

use super::layout::left;
use crate::analysis::Lane;
use std::collections::HashMap;

/// The names of all lanes: those of their threads. Where several threads have one name, as the main threads of several processes
/// and the workers of tokio do, each has its number behind it: `main 4711`. A name is cut so that it has `columns` with its number.
pub(super) fn names(lanes: &[Lane], columns: usize) -> Vec<String> {
    let mut same: HashMap<&str, u32> = HashMap::new();
    lanes.iter().for_each(|lane| *same.entry(&lane.thread).or_default() += 1);
    lanes.iter().map(|lane| numbered(lane, same[&*lane.thread] > 1, columns)).collect()
}

/// The same for one lane. Empty if there is no such lane.
pub(crate) fn name(lanes: &[Lane], lane: u32) -> String {
    let Some(lane) = lanes.get(lane as usize) else { return String::new() };
    numbered(lane, lanes.iter().filter(|other| other.thread == lane.thread).count() > 1, usize::MAX)
}

fn numbered(lane: &Lane, is_ambiguous: bool, columns: usize) -> String {
    let number = if is_ambiguous { format!(" {}", lane.thread_id) } else { String::new() };
    let room = columns.saturating_sub(number.len()).min(lane.thread.chars().count());
    format!("{}{number}", left(&lane.thread, room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_one_name_have_their_numbers_and_others_dont() {
        let lane = |thread: &str, thread_id| Lane { thread: thread.to_owned(), thread_id, ..Lane::default() };
        let lanes = [lane("main", 7), lane("rayon-0", 8), lane("main", 9)];
        assert_eq!(names(&lanes, 20), ["main 7", "rayon-0", "main 9"]);
        assert_eq!([name(&lanes, 1), name(&lanes, 2), name(&lanes, 3)], ["rayon-0", "main 9", ""]);
    }

    #[test]
    fn a_name_that_is_cut_keeps_its_number() {
        let lane = |thread_id| Lane { thread: "tokio-rt-worker".to_owned(), thread_id, ..Lane::default() };
        assert_eq!(names(&[lane(4711), lane(4712)], 15), ["tokio-rt-… 4711", "tokio-rt-… 4712"]);
    }
}
