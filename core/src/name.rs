//! Names of spans and events, and keys of attributes.

use std::borrow::Cow;

/// The name of a span or an event, or the key of an attribute.
///
/// A `&'static str` is looked up in a per-thread cache, and the record contains its number: about ten instructions, no
/// allocation. The record contains a copy of any other text, at most [`Name::MAX_BYTES`] of it (cut at a character
/// boundary), also without an allocation.
///
/// ```
/// use heirloom_core::Name;
/// let file = String::from("a.png");
/// let fixed: Name<'_> = "resize".into();
/// let dynamic = Name::dynamic(&file);
/// assert_eq!((fixed.as_str(), dynamic.as_str()), ("resize", "a.png"));
/// ```
#[derive(Clone, Debug)]
pub struct Name<'a>(pub(crate) Text<'a>);

#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    Static(&'static str),
    Dynamic(Cow<'a, str>),
}

impl<'a> Name<'a> {
    /// The longest dynamic name, in bytes: an upper bound on its part of a record. Longer ones are cut.
    pub const MAX_BYTES: usize = 256;

    /// A name that is not a `&'static str`.
    #[inline]
    pub fn dynamic(text: &'a str) -> Self {
        Self(Text::Dynamic(Cow::Borrowed(text)))
    }

    /// The text of the name.
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Static(text) => text,
            Text::Dynamic(text) => text,
        }
    }
}

impl From<&'static str> for Name<'_> {
    #[inline]
    fn from(text: &'static str) -> Self {
        Self(Text::Static(text))
    }
}

impl From<String> for Name<'_> {
    #[inline]
    fn from(text: String) -> Self {
        Self(Text::Dynamic(Cow::Owned(text)))
    }
}

impl<'a> From<&'a String> for Name<'a> {
    #[inline]
    fn from(text: &'a String) -> Self {
        Self::dynamic(text)
    }
}

impl<'a> From<Cow<'a, str>> for Name<'a> {
    #[inline]
    fn from(text: Cow<'a, str>) -> Self {
        Self(Text::Dynamic(text))
    }
}

/// Borrows a static text. Copies any other, unless the name owns it. For adapters that keep a name.
impl From<Name<'_>> for Cow<'static, str> {
    #[inline]
    fn from(name: Name<'_>) -> Self {
        match name.0 {
            Text::Static(text) => Cow::Borrowed(text),
            Text::Dynamic(text) => Cow::Owned(text.into_owned()),
        }
    }
}
