//! [`Visitor`]: sees the spans of a request one after the other.

use super::{Request, Resource, Span};

/// Sees the spans of a request one after the other. Where the request is protobuf, their texts are those of its bytes: nothing is
/// copied.
///
/// ```
/// use heirloom_otlp::read::{Record, Resource, Span, Visitor};
/// use heirloom_otlp::Format;
///
/// #[derive(Default)]
/// struct Longest(u64);
/// impl Visitor for Longest {
///     fn resource<T: AsRef<str>>(&mut self, _: &Resource<T>) {}
///     fn span<T: AsRef<str>>(&mut self, span: &Span<T>) {
///         self.0 = self.0.max(span.end_time_unix_nano - span.start_time_unix_nano);
///     }
/// }
///
/// let json = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"17","endTimeUnixNano":"20"}]}]}]}"#;
/// let mut longest = Longest::default();
/// Record::new(Format::Json, json.into()).visit(&mut longest)?;
/// assert_eq!(longest.0, 3);
/// # Ok::<(), heirloom_otlp::read::ReadError>(())
/// ```
pub trait Visitor {
    /// The spans that come next are of this resource.
    fn resource<T: AsRef<str>>(&mut self, resource: &Resource<T>);

    /// A span.
    fn span<T: AsRef<str>>(&mut self, span: &Span<T>);
}

impl Request {
    /// Shows all spans to a visitor.
    pub fn visit(&self, visitor: &mut impl Visitor) {
        for of_resource in &self.resource_spans {
            visitor.resource(&of_resource.resource);
            of_resource.scope_spans.iter().flat_map(|scope| &scope.spans).for_each(|span| visitor.span(span));
        }
    }
}
