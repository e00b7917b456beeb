//! Headers in a variable: `name=value,name=value`, values percent-encoded ([specification]).
//!
//! [specification]: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables

/// The names and values; `None` if a part isn't a pair. Spaces around names and values don't count, and neither do empty parts.
pub(super) fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(pair).collect()
}

fn pair(part: &str) -> Option<(String, String)> {
    let (name, value) = part.split_once('=')?;
    let name = name.trim_end();
    (!name.is_empty()).then_some((name.to_owned(), decoded(value.trim_start())?))
}

/// The text without percent-encoding. A `%` without two digits behind it stands for itself.
fn decoded(text: &str) -> Option<String> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, after @ ..]) => digit(high).zip(digit(low)).map(|(high, low)| (high << 4 | low, after)),
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn parsed(text: &str) -> Option<Vec<(String, String)>> {
        parse(text)
    }

    #[test]
    fn headers_are_pairs_whose_values_are_percent_encoded() {
        let pairs = |pairs: &[(&str, &str)]| {
            Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
        };
        assert_eq!(parsed("api-key=secret"), pairs(&[("api-key", "secret")]));
        assert_eq!(parsed(" a = 1 ,b=2,, "), pairs(&[("a", "1"), ("b", "2")]));
        let basic = "Authorization=Basic%20cGs6c2s%3D,x=a%2Cb;c";
        assert_eq!(parsed(basic), pairs(&[("Authorization", "Basic cGs6c2s="), ("x", "a,b;c")]));
        assert_eq!(parsed("Authorization=Basic cGs6c2s="), pairs(&[("Authorization", "Basic cGs6c2s=")]));
        assert_eq!(parsed("a=50%,b=%zz,c=,d=%2"), pairs(&[("a", "50%"), ("b", "%zz"), ("c", ""), ("d", "%2")]));
        assert_eq!(parsed("a=%c3%A9"), pairs(&[("a", "é")]));
        assert_eq!(parsed(""), pairs(&[]));
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        for text in ["secret", "a=1,secret", "=secret", "a=%ff"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
