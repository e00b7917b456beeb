//! The [`Analysis`] as the page gets it.

use crate::analysis::Analysis;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// An analysis without its paths: those have a step for each span in the worst case, so they are columns.
pub(super) struct WithoutPaths<'a>(pub(super) &'a Analysis);

impl Serialize for WithoutPaths<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Without `..`, so that a new field doesn't compile until it is here too.
        let Analysis {
            version,
            program,
            start_ns,
            sentences,
            notes,
            totals,
            lost,
            lanes,
            utilisation,
            names,
            locks,
            tasks,
            critical_path: _,
            observed_path: _,
            curve,
            what_ifs,
            findings,
        } = self.0;
        let mut out = serializer.serialize_struct("Analysis", 15)?;
        out.serialize_field("version", version)?;
        out.serialize_field("program", program)?;
        out.serialize_field("start_ns", start_ns)?;
        out.serialize_field("sentences", sentences)?;
        out.serialize_field("notes", notes)?;
        out.serialize_field("totals", totals)?;
        out.serialize_field("lost", lost)?;
        out.serialize_field("lanes", lanes)?;
        out.serialize_field("utilisation", utilisation)?;
        out.serialize_field("names", names)?;
        out.serialize_field("locks", locks)?;
        out.serialize_field("tasks", tasks)?;
        out.serialize_field("curve", curve)?;
        out.serialize_field("what_ifs", what_ifs)?;
        out.serialize_field("findings", findings)?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_the_paths_is_there() {
        let analysis = Analysis { program: "p".into(), ..Analysis::default() };
        let mut whole = serde_json::to_value(&analysis).unwrap();
        let fields = whole.as_object_mut().unwrap();
        assert!(fields.remove("critical_path").is_some() && fields.remove("observed_path").is_some());
        assert_eq!(serde_json::to_value(WithoutPaths(&analysis)).unwrap(), whole);
    }
}
