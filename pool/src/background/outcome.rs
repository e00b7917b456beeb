//! [`Outcome`]: the return types of a background job.

use heirloom_core::{Span, Status};
use std::any::type_name;

/// The return types of a background job: `()` or a `Result<T, E>`.
///
/// An `Err` ends the job's span as an error, with the name of its type as `error.type` (not its text). The handle has the result in
/// either case.
///
/// Other types don't compile. So a closure can't return a future, which nothing would poll. Give futures to `on_tokio` or
/// [`on_executor`](super::BackgroundBuilder::on_executor). To return a value without an error, use
/// `Ok::<_, std::convert::Infallible>(value)` or a channel.
#[diagnostic::on_unimplemented(
    message = "a background job can't return `{Self}`",
    label = "this job returns neither `()` nor a `Result`",
    note = "end the closure with `;`, or return a `Result<T, E>`",
    note = "if it returns a future, nothing would poll it: use `.on_tokio(async move {{ .. }})`, or \
            `.on_executor(|job| executor.spawn(job), async move {{ .. }})`"
)]
pub trait Outcome: sealed::Sealed {
    #[doc(hidden)]
    fn write(&self, span: &Span);
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for () {}

impl Outcome for () {
    #[inline]
    fn write(&self, _span: &Span) {}
}

impl<T, E> sealed::Sealed for Result<T, E> {}

impl<T, E> Outcome for Result<T, E> {
    #[inline]
    fn write(&self, span: &Span) {
        if self.is_err() {
            span.set("error.type", type_name::<E>()).set_status(Status::Error(String::new()));
        }
    }
}
