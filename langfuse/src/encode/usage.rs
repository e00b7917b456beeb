//! The tokens of a call of a model, as Langfuse counts them.
//!
//! OpenTelemetry's counts include each other: `input_tokens` has the cached tokens, `output_tokens` those of reasoning
//! ([conventions]). Langfuse adds all counts of an observation, and gives each its price. So each count is sent without those
//! that have an entry of their own.
//!
//! | recorded | sent |
//! |---|---|
//! | a detail with `cache` in its name, or whose name starts with `input_` or ends with `input_tokens` | as it is; subtracted from `input` |
//! | `reasoning`, `thinking`; a name that starts with `output_` or ends with `output_tokens` | as it is; subtracted from `output` |
//! | counts by medium (`text`, `image`, `audio`, `video`) and by prediction | as metadata: they count tokens of the other entries once more |
//! | any other detail | as it is: tokens that are neither in the input nor in the output |
//! | a total | if it is the sum of what is sent; otherwise as metadata |
//!
//! If the details are more than the count that should include them, it doesn't include them, and is sent as it is.
//!
//! [conventions]: https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/

use super::value::{text, KeyValue};
use heirloom_core::llm::keys;
use serde_json::{Map, Value as Json};

/// Counts of tokens by another property than their price.
const VIEWS: [&str; 6] = ["text", "image", "audio", "video", "accepted_prediction", "rejected_prediction"];

/// The recorded counts.
#[derive(Default)]
pub(super) struct Usage {
    pub(super) input: Option<i64>,
    pub(super) output: Option<i64>,
    pub(super) total: Option<i64>,
    /// The names without [`keys::USAGE`].
    pub(super) details: Vec<(String, i64)>,
}

/// Where the tokens of a detail are counted too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    OfInput,
    OfOutput,
    /// In other entries, in a way that can't be subtracted.
    View,
    Beside,
}

impl Part {
    fn of(name: &str) -> Self {
        let (stem, side) = side(name);
        match stem {
            stem if stem.contains("cache") => Part::OfInput,
            stem if stem.starts_with("reasoning") || stem.starts_with("thinking") => Part::OfOutput,
            stem if VIEWS.contains(&stem) => Part::View,
            _ => side,
        }
    }
}

/// Splits a detail's name: what is counted, and whether it says that this is part of the input or of the output.
fn side(name: &str) -> (&str, Part) {
    let name = name.strip_suffix("tokens").unwrap_or(name).trim_end_matches(['_', '.']);
    let sides = [("input", Part::OfInput), ("output", Part::OfOutput)];
    for (word, side) in sides {
        let stem = name.strip_suffix(word).or_else(|| name.strip_prefix(word));
        let parted = |stem: &&str| stem.ends_with(['_', '.']) || stem.starts_with(['_', '.']);
        if let Some(stem) = stem.filter(parted) {
            return (stem.trim_matches(['_', '.']), side);
        }
    }
    (name, Part::Beside)
}

impl Usage {
    /// The counts to send, and attributes for those that Langfuse would count twice.
    pub(super) fn exclusive(self) -> (Map<String, Json>, Vec<KeyValue<'static>>) {
        let (views, details): (Vec<_>, Vec<_>) =
            self.details.into_iter().partition(|(name, _)| Part::of(name) == Part::View);
        let input = self.input.map(|count| without(count, &details, Part::OfInput));
        let output = self.output.map(|count| without(count, &details, Part::OfOutput));
        let own = [("input", input), ("output", output)];
        let mut sent: Vec<(String, i64)> =
            own.into_iter().filter_map(|(name, count)| Some((name.to_owned(), count?))).collect();
        sent.extend(details);
        let sum = sent.iter().fold(0_i64, |sum, (_, count)| sum.saturating_add(*count));
        let both = input.is_some() && output.is_some();
        let (total, wrong_total) = match self.total {
            Some(total) if total == sum => (Some(total), None),
            Some(total) => (None, Some((keys::TOTAL_TOKENS.trim_start_matches(keys::USAGE).to_owned(), total))),
            None => (both.then_some(sum), None),
        };
        sent.extend(total.map(|total| ("total".to_owned(), total)));
        let left = views.into_iter().chain(wrong_total);
        let metadata = |(name, count): (String, i64)| {
            text(format!("langfuse.observation.metadata.{}{name}", keys::USAGE), count.to_string())
        };
        (sent.into_iter().map(|(name, count)| (name, Json::from(count))).collect(), left.map(metadata).collect())
    }
}

/// A count without its parts, if it includes them.
fn without(count: i64, details: &[(String, i64)], part: Part) -> i64 {
    let of_it = details.iter().filter(|(name, _)| Part::of(name) == part);
    let parts = of_it.fold(0_i64, |sum, (_, count)| sum.saturating_add((*count).max(0)));
    if parts <= count {
        count - parts
    } else {
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_details_name_says_where_it_is_counted_too() {
        let parts = [
            (Part::OfInput, "cache_read cache_creation cache_write cached cached_tokens cache_read.input_tokens"),
            (
                Part::OfInput,
                "cache_creation.input_tokens cache_read_input_tokens input_cached_tokens tool.input_tokens",
            ),
            (Part::OfOutput, "reasoning reasoning_tokens reasoning.output_tokens output_reasoning_tokens thinking"),
            (Part::View, "audio text.input_tokens image.input_tokens audio.output_tokens input_audio_tokens"),
            (Part::View, "accepted_prediction rejected_prediction accepted_prediction_tokens"),
            (Part::Beside, "tool_use searches inputs throughput_tokens"),
        ];
        for (part, names) in parts {
            names.split(' ').for_each(|name| assert_eq!(Part::of(name), part, "{name}"));
        }
    }
}
