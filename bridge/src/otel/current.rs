//! Keeps Heirloom's current context in step with OpenTelemetry's, by the API's hook for observers of its contexts.
//!
//! When OpenTelemetry attaches a context with a span, that span becomes Heirloom's current one. When the context is
//! detached, the previous one becomes current again. OpenTelemetry doesn't notify the observer of contexts that are detached
//! out of order. So each context has a view that identifies it, and an exit also removes all entries above the context that
//! is current now.

use super::open;
use heirloom_core::{Context, Entered};
use opentelemetry::context::{ContextObserver, GlobalContextObserver, ObserverContextView};
use opentelemetry::trace::TraceContextExt;
use std::any::Any;
use std::cell::RefCell;
use std::sync::{Arc, Once};

thread_local! {
    static ATTACHED: RefCell<Vec<Attached>> = const { RefCell::new(Vec::new()) };
}

type AnyView = Option<Arc<dyn ObserverContextView>>;

/// A context that is attached on this thread.
struct Attached {
    view: AnyView,
    _scope: Option<Entered<'static>>,
}

/// Heirloom's context for the span in one of OpenTelemetry's.
struct View(Context);

impl ObserverContextView for View {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

struct Observer;

impl ContextObserver for Observer {
    fn on_context_enter(&self, _: &opentelemetry::Context, to: &opentelemetry::Context) {
        let view = to.observer_view().clone();
        let ours = view.as_ref().and_then(|view| view.as_any().downcast_ref::<View>());
        let scope = ours.map(|view| view.0.enter());
        with(|attached| attached.push(Attached { view, _scope: scope }));
    }

    fn on_context_exit(&self, _: &opentelemetry::Context, to: &opentelemetry::Context) {
        with(|attached| {
            attached.pop();
            while attached.last().is_some_and(|last| !is_same(&last.view, to.observer_view())) {
                attached.pop();
            }
        });
    }

    fn make_view(&self, theirs: &opentelemetry::Context) -> AnyView {
        let span = theirs.span();
        let valid = span.span_context().is_valid();
        let ours = || Arc::new(View(open::of_span_in(theirs, span.span_context())));
        valid.then(|| ours() as Arc<dyn ObserverContextView>)
    }
}

/// Runs `body` with the list; `None` while the thread exits.
fn with<R>(body: impl FnOnce(&mut Vec<Attached>) -> R) -> Option<R> {
    ATTACHED.try_with(|attached| attached.try_borrow_mut().ok().map(|mut all| body(&mut all))).ok().flatten()
}

fn is_same(one: &AnyView, other: &AnyView) -> bool {
    let address = |view: &AnyView| view.as_ref().map(|view| Arc::as_ptr(view).cast::<()>());
    address(one) == address(other)
}

/// Installs the observer for the whole process. OpenTelemetry has room for one: if there is another one already, that one
/// stays.
pub(super) fn keep_in_step() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| GlobalContextObserver::set(Arc::new(Observer)));
}

/// Whether this context's span is OpenTelemetry's current one. Heirloom's current span is then the same or a descendant.
pub(super) fn is_current(theirs: &opentelemetry::Context) -> bool {
    let span = theirs.span().span_context().span_id();
    let is_attached = with(|attached| !attached.is_empty()).unwrap_or(false);
    is_attached && opentelemetry::Context::map_current(|current| current.span().span_context().span_id() == span)
}
