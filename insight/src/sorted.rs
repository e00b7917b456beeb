//! Sorts tables of names, locks and the like. `slice::sort_by` compiles the whole algorithm for each closure, which was a third of
//! the code of this crate. Here it is compiled once; a comparison costs an indirect call. Tables of spans and marks use the
//! standard library's.

use std::cmp::Ordering;

/// As [`slice::sort_by`].
pub(crate) fn by<T>(rows: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    indices(&mut order, &|a, b| compare(&rows[*a], &rows[*b]));
    for first in 0..rows.len() {
        let mut at = first;
        loop {
            let from = std::mem::replace(&mut order[at], at);
            if from == first {
                break;
            }
            rows.swap(at, from);
            at = from;
        }
    }
}

/// As [`slice::sort_by_key`].
pub(crate) fn by_key<T, K: Ord>(rows: &mut [T], key: impl Fn(&T) -> K) {
    by(rows, |a, b| key(a).cmp(&key(b)));
}

fn indices(order: &mut [usize], compare: &dyn Fn(&usize, &usize) -> Ordering) {
    order.sort_by(compare);
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_sorts_as_the_standard_library_does_equal_rows_in_their_order() {
        let mut random = 1_u32;
        for length in 0..60 {
            let mut next = || {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                random >> 29
            };
            let mut rows: Vec<(u32, usize)> = (0..length).map(|ix| (next(), ix)).collect();
            let mut wanted = rows.clone();
            wanted.sort_by_key(|row| row.0);
            super::by_key(&mut rows, |row| row.0);
            assert_eq!(rows, wanted);
        }
    }
}
