//! [`Baggage`]: the `baggage` header ([W3C Baggage]).
//!
//! [W3C Baggage]: https://www.w3.org/TR/baggage/

use super::{percent, OPTIONAL_WHITESPACE};
use core::{fmt, slice};

/// The most members that are kept: the number that the specification requires every system to pass on.
const MAX_MEMBERS: usize = 64;
/// The longest text that is kept, in bytes: the length that the specification requires every system to pass on.
const MAX_BYTES: usize = 8192;

/// Keys and values of the application that travel with a trace, in the order in which they were set.
///
/// At most 64 members and 8192 bytes of text ([limits]), without duplicate keys. A value is any text; it is
/// percent-encoded in the header. Every system downstream can read baggage, so put no secrets in it.
///
/// [limits]: https://www.w3.org/TR/baggage/#limits
///
/// ```
/// use heirloom_core::Baggage;
/// let (mut baggage, dropped) = Baggage::parse("userId=Am%C3%A9lie, serverNode=DF%2028;ttl=60");
/// assert_eq!((baggage.get("userId"), dropped.total()), (Some("Amélie"), 0));
/// baggage.insert("isProduction", "false")?;
/// assert_eq!(baggage.to_string(), "userId=Am%C3%A9lie,serverNode=DF%2028;ttl=60,isProduction=false");
/// # Ok::<(), heirloom_core::InsertBaggageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Baggage {
    members: Vec<BaggageMember>,
}

/// One key of a [`Baggage`], with its value and its properties.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaggageMember {
    key: String,
    value: String,
    properties: Vec<(String, Option<String>)>,
    /// The length of the text form, in bytes.
    text_bytes: usize,
}

/// How many members of a header were not kept, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BaggageDropped {
    /// Members that break the grammar.
    pub invalid: usize,
    /// Members beyond 64, or beyond 8192 bytes.
    pub over_limit: usize,
    /// Members that a later one with the same key replaced.
    pub replaced: usize,
}

impl BaggageDropped {
    /// The sum of the three.
    pub const fn total(&self) -> usize {
        self.invalid + self.over_limit + self.replaced
    }
}

impl Baggage {
    /// No members. No allocation.
    pub const fn new() -> Self {
        Self { members: Vec::new() }
    }

    /// Parses a header. Keeps every valid member and counts the others. Join several headers with commas first.
    ///
    /// A member that breaks the grammar doesn't affect the others. The last value of a duplicate key wins. Members are
    /// taken from the left as long as they fit, each whole or not at all. Empty members are ignored. Decoded bytes that
    /// are not UTF-8 become U+FFFD, and a `%` without two digits is kept as it is. Time grows with the length of the
    /// text; memory is limited.
    pub fn parse(text: &str) -> (Self, BaggageDropped) {
        let mut baggage = Self::new();
        let mut dropped = BaggageDropped::default();
        for member in text.split(',').map(trim).filter(|member| !member.is_empty()) {
            let Some(member) = BaggageMember::parse(member) else {
                dropped.invalid += 1;
                continue;
            };
            let replaces = baggage.get(&member.key).is_some();
            match baggage.put(member) {
                Ok(()) => dropped.replaced += usize::from(replaces),
                Err(_) => dropped.over_limit += 1,
            }
        }
        (baggage, dropped)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|m| m.key == key).map(|m| m.value.as_str())
    }

    /// Sets a key, without properties. An existing key keeps its position.
    ///
    /// # Errors
    ///
    /// The key is not a [token], or there is no room for it. The baggage is then unchanged.
    ///
    /// [token]: https://www.rfc-editor.org/rfc/rfc7230#section-3.2.6
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), InsertBaggageError> {
        self.insert_with(key, value, &[])
    }

    /// As [`insert`](Self::insert), with properties, whose meaning is up to the readers of this member.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert); or the key of a property is not a token.
    ///
    /// ```
    /// use heirloom_core::Baggage;
    /// let mut baggage = Baggage::new();
    /// baggage.insert_with("user", "u1", &[("ttl", Some("60")), ("private", None)])?;
    /// assert_eq!(baggage.to_string(), "user=u1;ttl=60;private");
    /// # Ok::<(), heirloom_core::InsertBaggageError>(())
    /// ```
    pub fn insert_with(
        &mut self,
        key: &str,
        value: &str,
        properties: &[(&str, Option<&str>)],
    ) -> Result<(), InsertBaggageError> {
        for key in [key].into_iter().chain(properties.iter().map(|(key, _)| *key)) {
            if !is_token(key) {
                return Err(InsertBaggageError(Problem::Key(key.into())));
            }
        }
        let owned = properties.iter().map(|(key, value)| (String::from(*key), value.map(String::from)));
        self.put(BaggageMember::new(key.into(), value.into(), owned.collect()))
    }

    /// Removes a key, and returns its member.
    pub fn remove(&mut self, key: &str) -> Option<BaggageMember> {
        let at = self.members.iter().position(|m| m.key == key)?;
        Some(self.members.remove(at))
    }

    /// The members, in order.
    pub fn iter(&self) -> slice::Iter<'_, BaggageMember> {
        self.members.iter()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member. Then no `baggage` header is needed.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Adds a valid member, or replaces the one with its key.
    fn put(&mut self, member: BaggageMember) -> Result<(), InsertBaggageError> {
        if self.get(&member.key).is_none() && self.len() == MAX_MEMBERS {
            return Err(InsertBaggageError(Problem::TooManyMembers));
        }
        let others = self.iter().filter(|other| other.key != member.key);
        let text_bytes = member.text_bytes + others.map(|other| other.text_bytes + ",".len()).sum::<usize>();
        if text_bytes > MAX_BYTES {
            return Err(InsertBaggageError(Problem::TooLong(text_bytes)));
        }
        match self.members.iter_mut().find(|old| old.key == member.key) {
            Some(old) => *old = member,
            None => self.members.push(member),
        }
        Ok(())
    }
}

impl BaggageMember {
    fn new(key: String, value: String, properties: Vec<(String, Option<String>)>) -> Self {
        let value_bytes = |value: &String| "=".len() + percent::encoded_bytes(value);
        let property_bytes: usize =
            properties.iter().map(|(key, value)| ";".len() + key.len() + value.as_ref().map_or(0, value_bytes)).sum();
        let text_bytes = key.len() + value_bytes(&value) + property_bytes;
        Self { key, value, properties, text_bytes }
    }

    /// Parses `key=value;property=value;property`; `None` if the text is malformed.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(trim);
        let (key, value) = parts.next()?.split_once('=')?;
        let properties: Option<_> = parts.filter(|part| !part.is_empty()).map(parse_property).collect();
        Some(Self::new(parse_key(key)?, parse_value(value)?, properties?))
    }

    /// The key: a token of ASCII characters.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value, decoded.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The properties in order, with decoded values. A key may occur more than once, and may have no value.
    pub fn properties(&self) -> impl Iterator<Item = (&str, Option<&str>)> + '_ {
        self.properties.iter().map(|(key, value)| (key.as_str(), value.as_deref()))
    }
}

impl<'a> IntoIterator for &'a Baggage {
    type Item = &'a BaggageMember;
    type IntoIter = slice::Iter<'a, BaggageMember>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Baggage {
    /// The header's value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, member) in self.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            member.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for BaggageMember {
    /// The member as text in the header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.key)?;
        percent::encode(f, &self.value)?;
        for (key, value) in self.properties() {
            write!(f, ";{key}")?;
            if let Some(value) = value {
                f.write_str("=")?;
                percent::encode(f, value)?;
            }
        }
        Ok(())
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches(OPTIONAL_WHITESPACE)
}

fn parse_property(text: &str) -> Option<(String, Option<String>)> {
    match text.split_once('=') {
        Some((key, value)) => Some((parse_key(key)?, Some(parse_value(value)?))),
        None => Some((parse_key(text)?, None)),
    }
}

fn parse_key(text: &str) -> Option<String> {
    let key = trim(text);
    is_token(key).then(|| key.into())
}

fn parse_value(text: &str) -> Option<String> {
    let value = trim(text);
    let decoded = || String::from_utf8_lossy(&percent::decode(value).bytes).into_owned();
    value.bytes().all(percent::is_baggage_octet).then(decoded)
}

/// A token of [RFC 7230](https://www.rfc-editor.org/rfc/rfc7230#section-3.2.6).
fn is_token(text: &str) -> bool {
    let is_token_byte = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Why a member was not inserted into a [`Baggage`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsertBaggageError(Problem);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Key(String),
    TooManyMembers,
    TooLong(usize),
}

impl fmt::Display for InsertBaggageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Problem::Key(key) => {
                write!(f, "a baggage key is one or more ASCII letters, digits and !#$%&'*+-.^_`|~, but not {key:?}")
            }
            Problem::TooManyMembers => write!(f, "the baggage already has {MAX_MEMBERS} members; remove one first"),
            Problem::TooLong(n) => {
                write!(f, "the baggage would have {n} bytes of text, at most {MAX_BYTES} are passed on")
            }
        }
    }
}

impl std::error::Error for InsertBaggageError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::test_bytes::Random;
    use super::*;

    fn parsed(text: &str) -> String {
        let (baggage, dropped) = Baggage::parse(text);
        assert_eq!(dropped.total(), 0, "{text}");
        baggage.to_string()
    }

    #[test]
    fn members_and_properties_are_read_in_order() {
        let (baggage, _) = Baggage::parse("key1=value1;property1;property2, key2 = value2, key3=value3; k=v");
        let read: Vec<_> = baggage.iter().map(|m| (m.key(), m.value(), m.properties().collect::<Vec<_>>())).collect();
        assert_eq!(
            read,
            [
                ("key1", "value1", vec![("property1", None), ("property2", None)]),
                ("key2", "value2", vec![]),
                ("key3", "value3", vec![("k", Some("v"))]),
            ]
        );
        assert_eq!(baggage.to_string(), "key1=value1;property1;property2,key2=value2,key3=value3;k=v");
    }

    #[test]
    fn whitespace_around_every_part_is_ignored() {
        let spaced =
            "SomeKey \t = \t SomeValue \t ; \t SomeProp \t , \t Key2 \t = \t Value2 \t ; \t Prop \t = \t PropVal";
        assert_eq!(parsed(spaced), "SomeKey=SomeValue;SomeProp,Key2=Value2;Prop=PropVal");
    }

    #[test]
    fn a_value_may_be_empty_and_contain_equals_signs() {
        let (baggage, dropped) = Baggage::parse("a=b=c==,empty=,p=1;q=r=s");
        assert_eq!(dropped.total(), 0);
        assert_eq!((baggage.get("a"), baggage.get("empty")), (Some("b=c=="), Some("")));
        assert_eq!(baggage.iter().last().unwrap().properties().next(), Some(("q", Some("r=s"))));
    }

    #[test]
    fn a_property_may_come_more_than_once() {
        assert_eq!(parsed("k=v;p;p=1;p=2"), "k=v;p;p=1;p=2");
    }

    #[test]
    fn values_are_decoded_and_encoded_again() {
        let (baggage, _) = Baggage::parse("k=%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E;p=%C3%A9");
        assert_eq!(baggage.get("k"), Some("\t \"';=asdf!@#$%^"));
        assert_eq!(baggage.to_string(), "k=%09%20%22'%3B%3Dasdf!@#$%25^;p=%C3%A9");
    }

    #[test]
    fn bytes_that_are_not_utf8_become_replacement_characters() {
        assert_eq!(Baggage::parse("k=a%FFb%C3").0.get("k"), Some("a\u{fffd}b\u{fffd}"));
        assert_eq!(Baggage::parse("k=100%").0.get("k"), Some("100%"));
    }

    #[test]
    fn an_invalid_member_is_dropped_alone_and_counted() {
        for bad in ["noequals", "=1", "a b=1", "k=a b", "k=\"q\"", "k=a\\b", "é=1", "k=é", "k(=1", "k=1;p q", "k=1;=2"]
        {
            let (baggage, dropped) = Baggage::parse(&format!("first=1,{bad},last=2"));
            assert_eq!(baggage.to_string(), "first=1,last=2", "{bad}");
            assert_eq!(dropped, BaggageDropped { invalid: 1, ..Default::default() }, "{bad}");
        }
    }

    #[test]
    fn empty_members_and_properties_are_ignored() {
        assert_eq!(parsed(""), "");
        assert_eq!(parsed(" ,\t, a=1;;p; ,,"), "a=1;p");
    }

    #[test]
    fn the_last_value_of_a_key_counts() {
        let (baggage, dropped) = Baggage::parse("a=1,b=2,a=3;p");
        assert_eq!(baggage.to_string(), "a=3;p,b=2");
        assert_eq!(dropped, BaggageDropped { replaced: 1, ..Default::default() });
    }

    #[test]
    fn sixty_four_members_are_kept_and_the_others_counted() {
        let text = (0..70).map(|n| format!("k{n}={n}")).collect::<Vec<_>>().join(",");
        let (mut baggage, dropped) = Baggage::parse(&text);
        assert_eq!((baggage.len(), dropped.over_limit, dropped.total()), (64, 6, 6));
        assert_eq!((baggage.get("k63"), baggage.get("k64")), (Some("63"), None));
        assert_eq!(baggage.insert("new", ""), Err(InsertBaggageError(Problem::TooManyMembers)));
        assert_eq!(baggage.insert("k7", "changed"), Ok(()));
        assert!(baggage.remove("k8").is_some());
        assert_eq!(baggage.insert("new", ""), Ok(()));
    }

    #[test]
    fn exactly_8192_bytes_are_kept_in_whole_members() {
        let fits = format!("a={},b={}", "x".repeat(4000), "x".repeat(4187));
        assert_eq!(fits.len(), 8192);
        assert_eq!(parsed(&fits), fits);
        let (baggage, dropped) = Baggage::parse(&format!("{fits}x,c=1"));
        assert_eq!((baggage.iter().map(BaggageMember::key).collect::<String>(), dropped.over_limit), ("ac".into(), 1));
    }

    #[test]
    fn what_counts_is_the_encoded_length() {
        let mut baggage = Baggage::new();
        assert_eq!(baggage.insert("k", &" ".repeat(2731)), Err(InsertBaggageError(Problem::TooLong(8195))));
        assert!(baggage.is_empty());
        assert_eq!(baggage.insert("k", &" ".repeat(2730)), Ok(()));
        assert_eq!(baggage.to_string().len(), 8192);
        assert_eq!(baggage.insert("k", "short"), Ok(()));
        assert_eq!(baggage.insert("l", &"x".repeat(8182)), Ok(()));
        assert_eq!(baggage.to_string().len(), 8192);
    }

    #[test]
    fn an_invalid_key_is_refused_by_name() {
        let mut baggage = Baggage::new();
        let error = baggage.insert("a b", "1").unwrap_err();
        assert!(error.to_string().ends_with("but not \"a b\""), "{error}");
        assert!(baggage.insert("", "1").is_err());
        assert!(baggage.insert_with("a", "1", &[("p", None), ("p=q", None)]).is_err());
        assert!(baggage.is_empty());
    }

    #[test]
    fn a_removed_member_is_returned() {
        let (mut baggage, _) = Baggage::parse("a=1;p,b=2");
        let removed = baggage.remove("a").unwrap();
        assert_eq!((removed.key(), removed.value(), removed.to_string().as_str()), ("a", "1", "a=1;p"));
        assert_eq!((baggage.remove("a"), baggage.len()), (None, 1));
    }

    #[test]
    fn any_value_round_trips() {
        let mut random = Random(3);
        for _ in 0..3_000 {
            let mut baggage = Baggage::new();
            for _ in 0..random.below(5) {
                let alphabet = "ab%;,=\"\\ \t\n\0é\u{fffd}\u{1F600}~!";
                let (key, property) = (format!("k{}", random.below(9)), random.text(alphabet, 4));
                let properties = [("p", Some(property.as_str())), ("q", None)];
                let kept = random.below(3);
                baggage.insert_with(&key, &random.text(alphabet, 12), &properties[..kept]).unwrap();
            }
            let text = baggage.to_string();
            assert_eq!(
                baggage.iter().map(|m| m.text_bytes).sum::<usize>() + baggage.len().saturating_sub(1),
                text.len()
            );
            assert_eq!(Baggage::parse(&text), (baggage, BaggageDropped::default()), "{text}");
        }
    }

    #[test]
    fn nonsense_never_panics_and_never_breaks_a_limit() {
        let mut random = Random(11);
        for round in 0..5_000 {
            let max = if round % 50 == 0 { 20_000 } else { 100 };
            let text = random.text("abc=,;%4fF \té\u{1F600}\0\"", max);
            let (baggage, _) = Baggage::parse(&text);
            let printed = baggage.to_string();
            assert!(baggage.len() <= MAX_MEMBERS && printed.len() <= MAX_BYTES);
            assert_eq!(Baggage::parse(&printed), (baggage, BaggageDropped::default()), "{text:?}");
        }
    }
}
