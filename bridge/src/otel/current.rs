//! Keeps Heirloom's current in step with OpenTelemetry's, by the hook that its API has for observers of its contexts.
//!
//! Whenever OpenTelemetry attaches a context that has a span, that span becomes Heirloom's current; when it is
//! detached, what was before is current again. Contexts that are detached out of order don't tell the observer. So each
//! context carries a view, by which it is known again: what lies between the one that was left and the one that is
//! current now is gone.

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

/// Starts it, for the whole process. OpenTelemetry has room for one observer: if there is another one, it stays.
pub(super) fn keep_in_step() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| GlobalContextObserver::set(Arc::new(Observer)));
}

/// Whether this context's span is what OpenTelemetry has as current, so that Heirloom's current is at least as far
/// inside.
pub(super) fn is_current(theirs: &opentelemetry::Context) -> bool {
    let span = theirs.span().span_context().span_id();
    let is_attached = with(|attached| !attached.is_empty()).unwrap_or(false);
    is_attached && opentelemetry::Context::map_current(|current| current.span().span_context().span_id() == span)
}
