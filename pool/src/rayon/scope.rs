//! The twin of `rayon::scope`.

use crate::carry::{in_job_span, JobName, Parent};
use heirloom_core::{Context, Name, Span};

/// Lets jobs borrow from their surroundings, with `cx` as their parent: the twin of [`rayon::scope`](::rayon::scope).
///
/// `cx` is current inside `f`, which runs in the pool.
///
/// # Panics
///
/// As the plain one: if `f` or a job does, once all of them are over.
///
/// ```
/// let words = ["a", "parallel", "program"];
/// let mut lengths = [0; 3];
/// heirloom_core::in_root("measure", |root| {
///     heirloom_pool::rayon::scope(root, |s| {
///         for (word, length) in words.iter().zip(&mut lengths) {
///             s.spawn("word", move |_scope, _span| *length = word.len());
///         }
///     });
/// });
/// assert_eq!(lengths, [1, 8, 7]);
/// ```
pub fn scope<'scope, F, R>(cx: impl Into<Context>, f: F) -> R
where
    F: FnOnce(&Scope<'_, 'scope>) -> R + Send,
    R: Send,
{
    let cx = cx.into();
    ::rayon::scope(move |inner| {
        let _current = cx.enter();
        f(&Scope { inner, parent: Parent::Context(cx) })
    })
}

/// Starts jobs that are over before [`scope()`] returns.
#[derive(Debug)]
pub struct Scope<'a, 'scope> {
    inner: &'a ::rayon::Scope<'scope>,
    parent: Parent<'a>,
}

impl<'scope> Scope<'_, 'scope> {
    /// Runs `f` some time in the pool, in a span of its own below the scope's context. `f` is given a scope whose jobs
    /// go below that span.
    ///
    /// Cost: one span. The plain call allocates the job.
    pub fn spawn<'n, F>(&self, name: impl Into<Name<'n>>, f: F)
    where
        F: FnOnce(&Scope<'_, 'scope>, &Span) + Send + 'scope,
    {
        let (cx, name) = (self.parent.context(), JobName::new(name));
        self.inner.spawn(move |inner| {
            in_job_span(cx, &name, |span| f(&Scope { inner, parent: Parent::Span(span) }, span));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_job_is_over_when_the_scope_returns() {
        let ran = AtomicUsize::new(0);
        let returned = scope(Context::INERT, |s| {
            for _ in 0..10 {
                s.spawn("outer", |s, _| {
                    ran.fetch_add(1, Ordering::SeqCst);
                    s.spawn("inner", |_, _| {
                        ran.fetch_add(1, Ordering::SeqCst);
                    });
                });
            }
            7
        });
        assert_eq!((returned, ran.load(Ordering::SeqCst)), (7, 20));
    }

    #[test]
    fn the_panic_of_a_job_passes_through_unchanged() {
        let caught = std::panic::catch_unwind(|| {
            scope(Context::INERT, |s| s.spawn("fails", |_, _| std::panic::panic_any(42_u8)));
        });
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&42_u8));
    }
}
