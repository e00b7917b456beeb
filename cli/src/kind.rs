//! [`Kind`]: what can be wrong with a trace. [`Allowed`]: how much of it is accepted.

use heirloom_insight::text::units::counted;
use std::str::FromStr;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Orphans,
    Duplicates,
    Negative,
    Outside,
    Open,
    Aborted,
    Dropped,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] =
        [Self::Orphans, Self::Duplicates, Self::Negative, Self::Outside, Self::Open, Self::Aborted, Self::Dropped];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Orphans => "orphans",
            Self::Duplicates => "duplicates",
            Self::Negative => "negative",
            Self::Outside => "outside",
            Self::Open => "open",
            Self::Aborted => "aborted",
            Self::Dropped => "dropped",
        }
    }

    /// So many of them: `1 orphan`, `2 orphans`, `1 open`.
    pub(crate) fn counted(self, number: u64) -> String {
        let one = match self {
            Self::Orphans => "orphan",
            Self::Duplicates => "duplicate",
            adjective => adjective.name(),
        };
        counted(number, one, self.name())
    }

    /// What spans of this kind do.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Orphans => "their parent is in none of the files, and isn't remote",
            Self::Duplicates => "have the trace and the id of another span",
            Self::Negative => "end before they start",
            Self::Outside => "start before their parent, or end after it on its thread",
            Self::Open => "were open when the program ended",
            Self::Aborted => "were open when their process ended",
            Self::Dropped => "were refused by a full queue; their parents count them",
        }
    }
}

/// How many problems of a kind are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) kind: Kind,
    pub(crate) most: u64,
}

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, most) = match text.split_once('=') {
            None => (text, u64::MAX),
            Some((name, number)) => (name, number.parse().map_err(|_| format!("expected a number behind `{name}=`"))?),
        };
        match Kind::ALL.into_iter().find(|kind| kind.name() == name) {
            Some(kind) => Ok(Self { kind, most }),
            None => Err(format!("expected one of {}", Kind::ALL.map(Kind::name).join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_allowed_with_a_number_or_without() {
        assert_eq!("orphans=3".parse(), Ok(Allowed { kind: Kind::Orphans, most: 3 }));
        assert_eq!("aborted".parse(), Ok(Allowed { kind: Kind::Aborted, most: u64::MAX }));
        for wrong in ["", "orphan", "orphans=", "orphans=-1", "orphans=x"] {
            assert!(wrong.parse::<Allowed>().is_err(), "{wrong}");
        }
    }
}
