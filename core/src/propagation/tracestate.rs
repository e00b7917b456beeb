//! [`TraceState`]: the `tracestate` header ([W3C Trace Context level 2]).
//!
//! [W3C Trace Context level 2]: https://www.w3.org/TR/trace-context-2/#tracestate-header

use super::OPTIONAL_WHITESPACE;
use core::fmt;
use core::str::FromStr;

/// The most members of a list, by the specification.
const MAX_MEMBERS: usize = 32;
/// The longest key and the longest value, in bytes, by the specification.
const MAX_PART_BYTES: usize = 256;
/// The longest list that is kept, in bytes: the length that every system must pass on. A longer one may be cut elsewhere.
const MAX_BYTES: usize = 512;
/// Members longer than this, in bytes, are dropped first if the list is too long, by the specification.
const LARGE_MEMBER_BYTES: usize = 128;

/// Values of the tracing systems that a trace passes: an ordered list of keys and values, the latest first.
///
/// At most 32 members and 512 bytes ([limits]). A longer list loses whole members: first those longer than 128 bytes,
/// then any, each time from the right. One `String` holds the list, so printing copies nothing.
///
/// [limits]: https://www.w3.org/TR/trace-context-2/#tracestate-limits
///
/// ```
/// use heirloom_core::TraceState;
/// let mut state: TraceState = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE".parse()?;
/// state.insert("congo", "ucfJifl5GOE")?;
/// assert_eq!(state.to_string(), "congo=ucfJifl5GOE,rojo=00f067aa0ba902b7");
/// assert_eq!(state.get("rojo"), Some("00f067aa0ba902b7"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct TraceState {
    /// Valid members, joined by commas, without duplicate keys.
    text: String,
}

impl TraceState {
    /// An empty list. No allocation.
    pub const fn new() -> Self {
        Self { text: String::new() }
    }

    /// Parses a header, and counts the members that it did not keep. Join several headers with commas first.
    ///
    /// Empty members are allowed and ignored. The first value of a duplicate key (the latest written) is kept. The
    /// others, and what exceeds 512 bytes, are counted. Time grows with the length of the text. Nothing beyond the 32nd
    /// member is read.
    ///
    /// # Errors
    ///
    /// A member has no `=`, an invalid key or an invalid value, or there are more than 32. Ignore the whole header then;
    /// the `traceparent` beside it stays valid.
    ///
    /// ```
    /// use heirloom_core::TraceState;
    /// let (state, dropped) = TraceState::parse("a=1, b=2,, a=3")?;
    /// assert_eq!((state.as_str(), dropped), ("a=1,b=2", 1));
    /// assert!(TraceState::parse("a=1,B=2").is_err());
    /// # Ok::<(), heirloom_core::ParseTraceStateError>(())
    /// ```
    pub fn parse(text: &str) -> Result<(Self, usize), ParseTraceStateError> {
        let mut members: Vec<&str> = Vec::new();
        let mut duplicates = 0;
        let given = text.split(',').map(|m| m.trim_matches(OPTIONAL_WHITESPACE)).filter(|m| !m.is_empty());
        for (index, member) in given.enumerate() {
            if index == MAX_MEMBERS {
                return Err(ParseTraceStateError { member: index, problem: Problem::TooManyMembers });
            }
            let key = check_member(member).map_err(|problem| ParseTraceStateError { member: index, problem })?;
            if members.iter().any(|m| key_of(m) == key) {
                duplicates += 1;
            } else {
                members.push(member);
            }
        }
        let shortened = shorten(&mut members, 0);
        Ok((Self { text: members.join(",") }, duplicates + shortened))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// Sets a key, moves it to the front, and returns how many other members were dropped to make room.
    ///
    /// # Errors
    ///
    /// The key is not 1 to 256 of `a-z 0-9 _ - * / @`, starting with a letter or digit; the value is not 1 to 256
    /// printable ASCII characters without `,` and `=`, the last of them not a space; or both together are longer than 512
    /// bytes. The tracestate is then unchanged.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<usize, InsertTraceStateError> {
        check_key(key).and_then(|()| check_value(value)).map_err(InsertTraceStateError)?;
        let first = format!("{key}={value}");
        if first.len() > MAX_BYTES {
            return Err(InsertTraceStateError(Problem::TooLong(first.len())));
        }
        let mut members = vec![first.as_str()];
        members.extend(self.members().filter(|m| key_of(m) != key));
        let before = members.len();
        members.truncate(MAX_MEMBERS);
        shorten(&mut members, 1);
        let dropped = before - members.len();
        self.text = members.join(",");
        Ok(dropped)
    }

    /// Removes a key, and returns whether it existed. Remove only keys of your own tracing system.
    pub fn remove(&mut self, key: &str) -> bool {
        let rest: Vec<&str> = self.members().filter(|m| key_of(m) != key).collect();
        let found = rest.len() < self.len();
        self.text = rest.join(",");
        found
    }

    /// Keys and values, the latest first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + '_ {
        self.members().filter_map(|member| member.split_once('='))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members().count()
    }

    /// Whether there is no member. Then no `tracestate` header should be sent.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The header's value.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn members(&self) -> impl Iterator<Item = &str> + '_ {
        self.text.split(',').filter(|member| !member.is_empty())
    }
}

impl FromStr for TraceState {
    type Err = ParseTraceStateError;

    /// As [`TraceState::parse`], without the count.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).map(|(state, _)| state)
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Drops members until the list fits, except for the first `kept`. Returns how many were dropped.
fn shorten(members: &mut Vec<&str>, kept: usize) -> usize {
    let before = members.len();
    while members.len() > kept && joined_bytes(members) > MAX_BYTES {
        let large = members.iter().rposition(|m| m.len() > LARGE_MEMBER_BYTES).filter(|at| *at >= kept);
        match large {
            Some(at) => drop(members.remove(at)),
            None => drop(members.pop()),
        }
    }
    before - members.len()
}

fn joined_bytes(members: &[&str]) -> usize {
    members.iter().map(|m| m.len()).sum::<usize>() + members.len().saturating_sub(1)
}

fn key_of(member: &str) -> &str {
    member.split_once('=').map_or(member, |(key, _)| key)
}

/// Checks a member, and returns its key.
fn check_member(member: &str) -> Result<&str, Problem> {
    let (key, value) = member.split_once('=').ok_or(Problem::NoEquals)?;
    check_key(key)?;
    check_value(value)?;
    Ok(key)
}

fn check_key(key: &str) -> Result<(), Problem> {
    let first = key.bytes().next().is_some_and(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9'));
    let rest = key.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@'));
    if first && rest && key.len() <= MAX_PART_BYTES {
        Ok(())
    } else {
        Err(Problem::Key)
    }
}

fn check_value(value: &str) -> Result<(), Problem> {
    let last = value.bytes().last().is_some_and(|b| b != b' ');
    let all = value.bytes().all(|b| matches!(b, b' '..=b'~') && b != b',' && b != b'=');
    if last && all && value.len() <= MAX_PART_BYTES {
        Ok(())
    } else {
        Err(Problem::Value)
    }
}

/// Why a text is not a `tracestate`: the member, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseTraceStateError {
    member: usize,
    problem: Problem,
}

/// Why a member was not inserted into a [`TraceState`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsertTraceStateError(Problem);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    TooManyMembers,
    TooLong(usize),
    NoEquals,
    Key,
    Value,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::TooManyMembers => write!(f, "there are more than {MAX_MEMBERS} members"),
            Problem::TooLong(n) => write!(f, "key and value together have {n} bytes, at most {MAX_BYTES} are kept"),
            Problem::NoEquals => f.write_str("there is no `=` between key and value"),
            Problem::Key => f.write_str(
                "a key is 1 to 256 of the characters a-z, 0-9, _, -, *, / and @, the first a letter or a digit",
            ),
            Problem::Value => f.write_str(
                "a value is 1 to 256 printable ASCII characters, none of them `,` or `=`, the last not a space",
            ),
        }
    }
}

impl fmt::Display for ParseTraceStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tracestate is invalid at its member {}: {}", self.member + 1, self.problem)
    }
}

impl fmt::Display for InsertTraceStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this does not fit in a tracestate: {}", self.0)
    }
}

impl std::error::Error for ParseTraceStateError {}
impl std::error::Error for InsertTraceStateError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::test_bytes::Random;
    use super::*;

    fn parsed(text: &str) -> String {
        text.parse::<TraceState>().unwrap().to_string()
    }

    fn problem(text: &str) -> (usize, Problem) {
        let error = text.parse::<TraceState>().unwrap_err();
        (error.member, error.problem)
    }

    fn numbered(members: usize) -> String {
        (0..members).map(|n| format!("k{n}={n}")).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn the_order_is_kept() {
        assert_eq!(parsed("foo=1,bar=2,rojo=1,congo=2"), "foo=1,bar=2,rojo=1,congo=2");
        let state: TraceState = "b=1,a=2".parse().unwrap();
        assert_eq!(state.iter().collect::<Vec<_>>(), [("b", "1"), ("a", "2")]);
        assert_eq!((state.len(), state.is_empty()), (2, false));
    }

    #[test]
    fn empty_members_and_whitespace_around_members_are_ignored() {
        assert_eq!(parsed(""), "");
        assert_eq!(parsed(" \t,, ,"), "");
        assert_eq!(parsed("foo=1 \t , \t bar=2, \t baz=3\t"), "foo=1,bar=2,baz=3");
        assert_eq!(parsed(&format!("{}{}", ",".repeat(100), numbered(32))), numbered(32));
        assert!(TraceState::new().is_empty());
    }

    #[test]
    fn leading_spaces_belong_to_the_value_and_trailing_ones_do_not() {
        let state: TraceState = "foo=  a b  ,bar=1".parse().unwrap();
        assert_eq!(state.get("foo"), Some("  a b"));
    }

    #[test]
    fn all_allowed_characters_are_kept() {
        let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/@a-z0-9_-*/";
        let value: String = (' '..='~').filter(|c| *c != ',' && *c != '=').collect();
        let text = format!("{key}={value},0=1,t@@=2");
        assert_eq!(parsed(&text), text);
    }

    #[test]
    fn one_invalid_member_makes_the_whole_header_invalid() {
        for bad in ["foo =1", "FOO=1", "foo.bar=1", "@foo=1", "_foo=1", "=1", "é=1"] {
            assert_eq!(problem(&format!("a=1,{bad},bar=2")), (1, Problem::Key), "{bad}");
        }
        for bad in ["foo=bar=baz", "foo=", "foo= ", "foo=b\tr", "foo=é", "foo=\u{7f}", "foo=\nx"] {
            assert_eq!(problem(&format!("a=1,{bad},bar=2")), (1, Problem::Value), "{bad}");
        }
        assert_eq!(problem("foo"), (0, Problem::NoEquals));
    }

    #[test]
    fn keys_and_values_have_256_characters_at_most() {
        let long = "z".repeat(256);
        assert_eq!(parsed(&format!("foo=1,{long}=1")), format!("foo=1,{long}=1"));
        assert_eq!(parsed(&format!("foo=1,bar={long}")), format!("foo=1,bar={long}"));
        assert_eq!(problem(&format!("foo=1,{long}z=1")), (1, Problem::Key));
        assert_eq!(problem(&format!("foo=1,bar={long}z")), (1, Problem::Value));
    }

    #[test]
    fn thirty_two_members_are_kept_and_thirty_three_are_invalid() {
        assert_eq!(numbered(32).parse::<TraceState>().unwrap().len(), 32);
        assert_eq!(problem(&numbered(33)), (32, Problem::TooManyMembers));
    }

    #[test]
    fn of_a_key_that_comes_twice_the_first_is_kept_and_the_other_counted() {
        let (state, dropped) = TraceState::parse("foo=1,bar=2,foo=3,foo=1").unwrap();
        assert_eq!((state.as_str(), dropped), ("foo=1,bar=2", 2));
    }

    #[test]
    fn exactly_512_bytes_are_kept() {
        let text = format!("a={},b={},c={}", "x".repeat(198), "x".repeat(198), "x".repeat(108));
        assert_eq!(text.len(), 512);
        assert_eq!(TraceState::parse(&text).unwrap(), (TraceState { text: text.clone() }, 0));
        let (state, dropped) = TraceState::parse(&format!("{text}x")).unwrap();
        assert_eq!((state.iter().map(|(k, _)| k).collect::<String>().as_str(), dropped), ("ac", 1));
    }

    #[test]
    fn beyond_512_bytes_large_members_go_first_then_the_rightmost() {
        let small = |key: &str| format!("{key}={}", "x".repeat(110));
        let large = |key: &str| format!("{key}={}", "x".repeat(130));
        let text = [small("a"), large("b"), small("c"), large("d"), small("e"), small("f"), small("g")].join(",");
        let (state, dropped) = TraceState::parse(&text).unwrap();
        assert_eq!((state.iter().map(|(k, _)| k).collect::<String>().as_str(), dropped), ("acef", 3));
        assert!(state.as_str().len() <= MAX_BYTES);
    }

    #[test]
    fn a_member_of_128_bytes_is_not_large_and_one_of_129_is() {
        let member = |key: &str, bytes: usize| format!("{key}={}", "x".repeat(bytes - 2));
        let kept = |bytes| {
            let text =
                [member("a", 127), member("b", bytes), member("c", 127), member("d", 127), member("e", 9)].join(",");
            let (state, dropped) = TraceState::parse(&text).unwrap();
            assert_eq!(dropped, 1);
            state.iter().map(|(key, _)| key).collect::<String>()
        };
        assert_eq!((kept(128).as_str(), kept(129).as_str()), ("abcd", "acde"));
    }

    #[test]
    fn an_inserted_key_moves_to_the_front_and_is_there_once() {
        let mut state: TraceState = "a=1,b=2,c=3".parse().unwrap();
        assert_eq!(state.insert("c", "4"), Ok(0));
        assert_eq!(state.to_string(), "c=4,a=1,b=2");
        assert_eq!(state.insert("d", "5"), Ok(0));
        assert_eq!(state.to_string(), "d=5,c=4,a=1,b=2");
        assert_eq!(format!("{state:?}"), r#"{"d": "5", "c": "4", "a": "1", "b": "2"}"#);
    }

    #[test]
    fn an_insertion_beyond_the_limits_drops_others_from_the_right() {
        let mut state: TraceState = numbered(32).parse().unwrap();
        assert_eq!(state.insert("new", "1"), Ok(1));
        assert_eq!((state.len(), state.get("k31"), state.get("k30")), (32, None, Some("30")));

        let long = "v".repeat(200);
        let mut state: TraceState = format!("a={long},b={long}").parse().unwrap();
        assert_eq!(state.insert("new", &long), Ok(1));
        assert_eq!(state.iter().map(|(k, _)| k).collect::<Vec<_>>(), ["new", "a"]);
        assert_eq!(state.insert("key", &"v".repeat(256)), Ok(1));
        assert_eq!(state.iter().map(|(k, _)| k).collect::<Vec<_>>(), ["key", "new"]);
    }

    #[test]
    fn what_was_inserted_is_never_what_is_dropped() {
        let mut state: TraceState =
            (0..5).map(|n| format!("k{n}={}", "x".repeat(97))).collect::<Vec<_>>().join(",").parse().unwrap();
        let dropped = state.insert(&"k".repeat(255), &"v".repeat(256));
        assert_eq!(dropped, Ok(5));
        assert_eq!(state.as_str().len(), 512);
        let refused = state.insert(&"k".repeat(256), &"v".repeat(256));
        assert_eq!(refused, Err(InsertTraceStateError(Problem::TooLong(513))));
    }

    #[test]
    fn an_invalid_insertion_changes_nothing() {
        let mut state: TraceState = "a=1".parse().unwrap();
        for (key, value) in [("", "1"), ("B", "1"), ("b", ""), ("b", "x "), ("b", "x,y=1"), ("b", "é"), ("b,c", "1")] {
            assert!(state.insert(key, value).is_err(), "{key}={value}");
        }
        assert_eq!(state.as_str(), "a=1");
    }

    #[test]
    fn a_removed_key_is_gone() {
        let mut state: TraceState = "a=1,b=2".parse().unwrap();
        assert!(!state.remove("c") && state.remove("a") && !state.remove("a"));
        assert_eq!(state.as_str(), "b=2");
        assert!(state.remove("b") && state.is_empty() && state.get("b").is_none());
    }

    #[test]
    fn random_lists_round_trip_and_nonsense_never_panics() {
        let mut random = Random(7);
        for _ in 0..20_000 {
            let text = random.text("abz09_-*/@=,,= \t~!Aé\0", 80);
            let Ok((state, _)) = TraceState::parse(&text) else { continue };
            assert_eq!(TraceState::parse(state.as_str()), Ok((state.clone(), 0)), "{text:?}");
            let mut rebuilt = TraceState::new();
            for (key, value) in state.iter().collect::<Vec<_>>().into_iter().rev() {
                rebuilt.insert(key, value).unwrap();
            }
            assert_eq!(rebuilt, state, "{text:?}");
        }
    }

    #[test]
    fn no_sequence_of_insertions_breaks_a_limit() {
        let mut random = Random(99);
        let mut state = TraceState::new();
        for _ in 0..2_000 {
            let key = format!("k{}", random.below(60));
            let value = "v".repeat(1 + random.below(256));
            let (before, had) = (state.len(), state.get(&key).is_some());
            let dropped = state.insert(&key, &value).unwrap();
            assert_eq!(state.len(), before + usize::from(!had) - dropped);
            assert!(state.len() <= MAX_MEMBERS && state.as_str().len() <= MAX_BYTES);
            assert_eq!(state.iter().next(), Some((key.as_str(), value.as_str())));
            assert_eq!(TraceState::parse(state.as_str()), Ok((state.clone(), 0)));
        }
    }

    #[test]
    fn an_error_names_the_member_and_the_rule() {
        let said = "a=1,B=2".parse::<TraceState>().unwrap_err().to_string();
        assert!(said.starts_with("the tracestate is invalid at its member 2: a key is 1 to 256"), "{said}");
        let said = TraceState::new().insert("a", "").unwrap_err().to_string();
        assert!(said.starts_with("this does not fit in a tracestate: a value is 1 to 256"), "{said}");
    }
}
