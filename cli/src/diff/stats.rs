//! Medians, and how sure the difference of two is.
//!
//! The interval is the percentile bootstrap of the ratio of two medians (Efron and Tibshirani, "An Introduction to the Bootstrap",
//! 1993, chapter 13): from each side as many runs are drawn as it has, with replacement, and the ratio of the medians of what was
//! drawn is noted, 10,000 times. 95 % of these ratios are between the ends of the interval. Runs are drawn, not spans: spans of one
//! run aren't independent of each other. The random numbers have a fixed seed, so the same files give the same interval.

pub(super) use heirloom_insight::html::Verdict;

/// How often runs are drawn.
const DRAWS: usize = 10_000;
/// What is left out at each end.
const TAIL: f64 = 0.025;
/// With fewer runs on a side, their spread isn't known: the interval of two runs would be the runs themselves.
pub(super) const FEWEST: usize = 3;

/// A figure of both sides.
#[derive(Clone, Debug)]
pub(super) struct Compared {
    /// The median of the runs of each side.
    pub(super) a: u64,
    pub(super) b: u64,
    /// `b / a - 1`, unless `a` is zero.
    pub(super) change: Option<f64>,
    /// The interval of the change, if there are enough runs.
    pub(super) interval: Option<(f64, f64)>,
}

impl Compared {
    /// Compares a figure of some runs with that of others. Neither is empty.
    pub(super) fn new(a: &[u64], b: &[u64]) -> Self {
        let (of_a, of_b) = (median(&mut a.to_vec()), median(&mut b.to_vec()));
        let change = ratio(of_a, of_b);
        let is_enough = a.len() >= FEWEST && b.len() >= FEWEST;
        let interval = if is_enough && change.is_some() { interval(a, b) } else { None };
        Self { a: of_a, b: of_b, change, interval }
    }

    pub(super) fn verdict(&self) -> Verdict {
        match self.interval {
            None => Verdict::Unknown,
            Some((low, _)) if low > 0.0 => Verdict::More,
            Some((_, high)) if high < 0.0 => Verdict::Less,
            Some(_) => Verdict::Noise,
        }
    }

    /// Whether it is more by so many percent. If it isn't known whether it is noise, it counts.
    pub(super) fn exceeds(&self, percent: f64) -> bool {
        let is_more = matches!(self.verdict(), Verdict::More | Verdict::Unknown);
        is_more && self.change.is_some_and(|change| change * 100.0 > percent)
    }
}

fn ratio(a: u64, b: u64) -> Option<f64> {
    (a > 0).then(|| b as f64 / a as f64 - 1.0)
}

/// The middle value, or the mean of the two in the middle.
pub(super) fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    match values {
        [] => 0,
        _ if values.len() % 2 == 1 => values[values.len() / 2],
        _ => {
            let (low, high) = (values[values.len() / 2 - 1], values[values.len() / 2]);
            low + (high - low) / 2
        }
    }
}

fn interval(a: &[u64], b: &[u64]) -> Option<(f64, f64)> {
    let mut random = Random(1);
    let (mut from_a, mut from_b) = (a.to_vec(), b.to_vec());
    let mut draw = |from: &[u64], to: &mut [u64]| {
        to.fill_with(|| from[random.below(from.len())]);
        median(to)
    };
    let mut ratios: Vec<f64> = (0..DRAWS).filter_map(|_| ratio(draw(a, &mut from_a), draw(b, &mut from_b))).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let last = ratios.len().checked_sub(1)?;
    let at = |part: f64| ratios[(part * last as f64).round() as usize];
    Some((at(TAIL), at(1.0 - TAIL)))
}

/// splitmix64 (<https://prng.di.unimi.it/splitmix64.c>).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ z >> 31) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_two() {
        assert_eq!(
            [median(&mut [3, 1, 2]), median(&mut [4, 1, 2, 3]), median(&mut [7]), median(&mut [])],
            [2, 2, 7, 0]
        );
        assert_eq!(median(&mut [u64::MAX, u64::MAX]), u64::MAX);
    }

    #[test]
    fn runs_that_overlap_are_noise_and_runs_apart_are_a_change() {
        let noise = Compared::new(&[100, 104, 98, 101, 103], &[102, 99, 105, 100, 101]);
        assert_eq!(noise.verdict(), Verdict::Noise, "{noise:?}");
        let slower = Compared::new(&[100, 104, 98, 101, 103], &[130, 127, 125, 131, 128]);
        assert_eq!((slower.verdict(), slower.a, slower.b), (Verdict::More, 101, 128));
        let (low, high) = slower.interval.unwrap();
        assert!(low > 0.19 && low < 0.267 && high > 0.267 && high < 0.34, "{low} {high}");
        let faster = Compared::new(&[130, 127, 125], &[100, 104, 98]);
        assert_eq!(faster.verdict(), Verdict::Less);
    }

    #[test]
    fn the_interval_is_the_one_that_all_draws_give() {
        // With three runs against a constant there are 27 draws: the median is the lowest run in 7 of them, the middle one in 13,
        // the highest in 7. So 2.5 % at each end are within the lowest and the highest.
        let (low, high) = Compared::new(&[100; 3], &[90, 100, 120]).interval.unwrap();
        assert!((low + 0.1).abs() < 1e-9 && (high - 0.2).abs() < 1e-9, "{low} {high}");
    }

    #[test]
    fn the_same_runs_give_the_same_interval() {
        let compare = || Compared::new(&[100, 104, 98, 101, 103], &[130, 127, 125, 131, 128]).interval;
        assert_eq!(compare(), compare());
    }

    #[test]
    fn too_few_runs_give_no_interval_and_the_threshold_counts_the_plain_change() {
        let one = Compared::new(&[100], &[111]);
        assert_eq!((one.verdict(), one.interval), (Verdict::Unknown, None));
        assert!(one.exceeds(10.0) && !one.exceeds(11.5));
        let noise = Compared::new(&[100, 150, 50], &[160, 90, 120]);
        assert!(noise.change > Some(0.1) && !noise.exceeds(10.0));
        assert_eq!(Compared::new(&[0], &[5]).change, None);
    }
}
