//! [`Comparison`]: two programs, or one before and after a change, on one page.

use super::{analysis_json, columns, embed, page};
use crate::analysis::Analysis;
use crate::model::Run;
use std::io::{self, Write};

/// What is known of two sides, A and B, beside the runs that are drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// The result in words. Names are between backticks.
    pub sentences: Vec<String>,
    /// What each side is.
    pub sides: [Compared; 2],
    /// Wall time, work, and lost time by cause.
    pub figures: Vec<Figure>,
    /// Names of spans, those first whose time changed most.
    pub names: Vec<Name>,
}

/// A side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// How many runs were compared.
    pub runs: u32,
    /// The file of the run that is drawn.
    pub file: String,
}

/// A length of time of both sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// What it is of.
    pub label: String,
    /// Of A: the median of its runs.
    pub a_ns: u64,
    /// Of B: the median of its runs.
    pub b_ns: u64,
    /// `b / a - 1`, unless `a` is zero.
    pub change: Option<f64>,
    /// The 95 % confidence interval of the change.
    pub interval: Option<(f64, f64)>,
    /// Whether the change is more than noise.
    pub verdict: Verdict,
}

/// Whether a difference is more than noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It takes longer.
    More,
    /// It takes less time.
    Less,
    /// Zero is in the interval.
    Noise,
    /// There are too few runs to know.
    #[default]
    Unknown,
}

/// The spans of a name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Name {
    /// How many there are in a run of A and of B: 0 if there are none.
    pub counts: [u64; 2],
    /// Their time in a run: that in which they were the innermost spans of their lanes and didn't wait. Its label is the name.
    pub own: Figure,
    /// The median of their durations.
    pub median: Figure,
}

/// Writes a comparison as one HTML file: the sentences, both timelines on one scale, and the table of names.
///
/// `sides` has the run that is drawn of each side. What [`write`](super::write()) says about a page holds for this one too.
///
/// # Errors
/// `out` returned an error.
///
/// ```
/// use heirloom_insight::analysis::Analysis;
/// use heirloom_insight::{html, model::Run};
///
/// let (run, analysis) = (Run::default(), Analysis::default());
/// let mut page = Vec::new();
/// html::compare([(&run, &analysis), (&run, &analysis)], &html::Comparison::default(), &mut page)?;
/// assert!(page.starts_with(b"<!doctype html>"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn compare(sides: [(&Run, &Analysis); 2], comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    page::head("Heirloom comparison", out)?;
    page::without_script("Heirloom comparison", comparison.sentences.iter(), out)?;
    embed::element("comparison", out, |to| serde_json::to_writer(to, comparison).map_err(io::Error::from))?;
    let ids = [("analysis-a", "spans-a"), ("analysis-b", "spans-b")];
    for ((run, analysis), (analysis_id, spans_id)) in sides.into_iter().zip(ids) {
        embed::element(analysis_id, out, |to| {
            serde_json::to_writer(to, &analysis_json::WithoutPaths(analysis)).map_err(io::Error::from)
        })?;
        embed::element(spans_id, out, |to| columns::write(run, analysis, to))?;
    }
    page::foot(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse;
    use crate::testing::Kit;
    use crate::Options;

    #[test]
    fn a_page_has_both_runs_and_its_sentences_without_scripts_too() {
        let run = |length| {
            let mut kit = Kit::new();
            let lane = kit.lane("main");
            kit.span(lane, "</script><b>", None, 0..length);
            kit.run()
        };
        let (a, b) = (run(100), run(200));
        let of = |run: &Run| analyse(run, &Options::default());
        let sentences = vec!["B takes twice as long as `</script><b>`.".to_owned()];
        let comparison = Comparison { sentences, ..Comparison::default() };
        let mut page = Vec::new();
        compare([(&a, &of(&a)), (&b, &of(&b))], &comparison, &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        for id in ["comparison", "analysis-a", "spans-a", "analysis-b", "spans-b"] {
            assert_eq!(
                page.matches(&format!("<script id=\"{id}\" type=\"application/octet-stream\">")).count(),
                1,
                "{id}"
            );
        }
        assert!(page.contains("<p>B takes twice as long as `&lt;/script&gt;&lt;b&gt;`.</p>"));
        assert!(!page.contains("<b>"));
        let json = serde_json::to_value(&comparison).unwrap();
        assert_eq!(json["sides"][1]["runs"], 0);
        assert_eq!(serde_json::to_value(Verdict::Noise).unwrap(), "noise");
    }
}
