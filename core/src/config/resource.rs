//! The value of `OTEL_RESOURCE_ATTRIBUTES` ([resource information via an environment variable]).
//!
//! [resource information via an environment variable]:
//! https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable

use crate::propagation::percent;

/// What is accepted, in words.
pub(super) const ACCEPTED: &str =
    "key1=value1,key2=value2, where `,`, `=` and `%` in keys and values are written %2C, \
                                   %3D and %25";

/// Keys and values, percent-decoded and trimmed; the last value of a key wins. `None` if any part is malformed: the
/// specification then demands that all of it is ignored.
pub(super) fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let mut attributes: Vec<(String, String)> = Vec::new();
    for member in text.split(',').map(str::trim).filter(|member| !member.is_empty()) {
        let (key, value) = member.split_once('=')?;
        let (key, value) = (decode(key)?, decode(value)?);
        if key.is_empty() {
            return None;
        }
        match attributes.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => attributes.push((key, value)),
        }
    }
    Some(attributes)
}

fn decode(text: &str) -> Option<String> {
    let decoded = percent::decode(text.trim());
    let unescaped_equals = text.contains('=');
    if decoded.malformed || unescaped_equals {
        return None;
    }
    String::from_utf8(decoded.bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        let attributes = parse(text)?;
        Some(attributes.iter().map(|(k, v)| format!("{k}:{v}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn keys_and_values_are_decoded_and_trimmed() {
        assert_eq!(parsed("a=1, b%2C = x%3Dy%20z ,c=").as_deref(), Some("a:1 b,:x=y z c:"));
        assert_eq!(parsed("name=Am%C3%A9lie,raw=Amélie,").as_deref(), Some("name:Amélie raw:Amélie"));
    }

    #[test]
    fn the_last_value_of_a_key_counts() {
        assert_eq!(parsed("a=1,b=2,a=3").as_deref(), Some("a:3 b:2"));
    }

    #[test]
    fn one_error_discards_everything() {
        for bad in ["b", "=2", "b=x=y", "b=%", "b=%zz", "b=%ff", "b%=1", "%20%=1"] {
            assert_eq!(parsed(&format!("a=1,{bad},c=3")), None, "{bad}");
        }
    }
}
