//! Warnings about quarantined shards. Their number is limited, so that a hostile child can't fill its parent's standard
//! error.

/// Maximum number of quarantine warnings: enough to see the problem.
const MAX_COMPLAINTS: u32 = 16;

/// Counts the warnings.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    said: u32,
}

impl Complaints {
    /// Warns, unless there were too many warnings already.
    pub(super) fn complain(&mut self, text: &str, say: impl Fn(&str)) {
        self.said = self.said.saturating_add(1);
        if self.said <= MAX_COMPLAINTS {
            say(text);
        }
        if self.said == MAX_COMPLAINTS {
            say("warnings about further quarantined shards are not shown; the ledger counts them as quarantined");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn what_is_said_of_damaged_shards_comes_to_an_end() {
        let said = RefCell::new(Vec::new());
        let mut complaints = Complaints::default();
        for n in 0..1000 {
            complaints.complain(&n.to_string(), |text| said.borrow_mut().push(text.to_owned()));
        }
        let said = said.into_inner();
        assert_eq!(said.len(), MAX_COMPLAINTS as usize + 1);
        assert!(said.last().is_some_and(|last| last.contains("not shown")), "{said:?}");
    }
}
