//! Spans that were not delivered, by reason.

use heirloom_core::export::ExportError;

/// Spans of a delivery that were not delivered, by reason.
#[derive(Debug, Default)]
pub(super) struct Losses(Vec<(u64, String)>);

impl Losses {
    pub(super) fn add(&mut self, spans: u64, why: &str) {
        if spans == 0 {
            return;
        }
        match self.0.iter_mut().find(|(_, known)| known == why) {
            Some((count, _)) => *count += spans,
            None => self.0.push((spans, why.to_owned())),
        }
    }

    /// An error if any of a delivery's `len` spans were lost.
    pub(super) fn into_result(self, len: usize) -> Result<(), ExportError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let lost: u64 = self.0.iter().map(|(count, _)| count).sum();
        let reasons: Vec<String> = self.0.iter().map(|(count, why)| format!("{count}: {why}")).collect();
        let (noun, verb) = (if len == 1 { "span" } else { "spans" }, if lost == 1 { "was" } else { "were" });
        let message = format!("{lost} of {len} {noun} {verb} not delivered ({})", reasons.join("; "));
        Err(ExportError::partial(lost, message))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Losses;

    #[test]
    fn losses_add_up_by_reason() {
        let mut losses = Losses::default();
        losses.add(0, "nothing");
        losses.add(2, "refused");
        losses.add(1, "too large");
        losses.add(3, "refused");
        let error = losses.into_result(9).unwrap_err();
        assert_eq!(error.rejected(9), 6);
        assert_eq!(error.to_string(), "6 of 9 spans were not delivered (5: refused; 1: too large)");
        assert!(Losses::default().into_result(9).is_ok());
    }

    #[test]
    fn a_single_loss_is_named_in_the_singular() {
        let text = |len| {
            let mut losses = Losses::default();
            losses.add(1, "refused");
            losses.into_result(len).unwrap_err().to_string()
        };
        assert_eq!(text(1), "1 of 1 span was not delivered (1: refused)");
        assert_eq!(text(2), "1 of 2 spans was not delivered (1: refused)");
    }
}
