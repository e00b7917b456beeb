//! Third-party crates, and code without any reference to Heirloom.

mod support;

use heirloom_core::future::FutureExt as _;
use heirloom_core::{in_root, root, span, Context, Status, Value};
use std::convert::Infallible;
use std::future::Future;
use support::run;
use tower::{service_fn, ServiceBuilder, ServiceExt};
use tower_http::trace::TraceLayer;
use tracing::{info_span, Instrument};

type Request = http::Request<String>;
type Response = http::Response<String>;

/// Runs a future to its end on this thread, so that the test's subscriber sees all of it.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

async fn answer(request: Request) -> Result<Response, Infallible> {
    span("handler").set("path", request.uri().path());
    tokio::task::yield_now().await;
    drop(span("after the pause"));
    let status = if request.uri().path() == "/broken" { 500 } else { 200 };
    Ok(http::Response::builder().status(status).body(String::new()).expect("a response"))
}

fn get(path: &str) -> Response {
    let service = ServiceBuilder::new().layer(TraceLayer::new_for_http()).service(service_fn(answer));
    let request = http::Request::builder().uri(path).body(String::new()).expect("a request");
    block_on(service.oneshot(request)).expect("infallible").map(|_| String::new())
}

#[test]
fn a_request_traced_by_tower_http_is_a_span_under_ours() {
    run(|t| {
        in_root("ours", |_| assert_eq!(get("/fine").status(), 200));
        t.assert_tree("ours\n  request\n    handler\n    after the pause");
        let request = t.span("request");
        assert_eq!(request.attribute("uri"), Some(&"/fine".into()));
        assert_eq!(request.attribute("target"), Some(&"tower_http::trace::make_span".into()));
        assert_eq!(request.status, Status::Unset);
        let names: Vec<_> = request.events.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["started processing request", "finished processing request"]);
    });
}

#[test]
fn a_failure_that_tower_http_reports_is_the_status() {
    run(|t| {
        assert_eq!(get("/broken").status(), 500);
        let request = t.span("request");
        assert!(matches!(request.status, Status::Error(_)), "{:?}", request.status);
    });
}

#[test]
fn an_instrumented_future_is_current_only_while_it_is_polled() {
    run(|t| {
        block_on(async {
            let one = async {
                drop(span("in one"));
                tokio::task::yield_now().await;
                drop(span("in one again"));
            };
            let two = async {
                drop(span("in two"));
                tokio::task::yield_now().await;
                drop(span("in two again"));
            };
            tokio::join!(one.instrument(info_span!("one")), two.instrument(info_span!("two")));
        });
        t.assert_tree("one\n  in one\n  in one again\ntwo\n  in two\n  in two again");
    });
}

#[test]
fn a_future_that_keeps_a_scope_over_a_pause_does_not_poison_the_thread() {
    run(|t| {
        let ours = root("ours");
        block_on(async {
            let keeps = async {
                let _scope = info_span!("kept over a pause").entered();
                tokio::task::yield_now().await;
            };
            let other = async { drop(span("other task")) };
            tokio::join!(keeps.in_context(&ours), other);
        });
        drop(ours);
        assert_eq!(Context::try_current(), None);
        t.assert_tree_sorted("other task\nours\n  kept over a pause");
    });
}

#[tracing::instrument(skip_all, fields(rows = 3))]
async fn query() {
    tokio::task::yield_now().await;
    tracing::info!(bytes = 12, "done");
}

#[test]
fn an_async_function_with_the_attribute_of_tracing_is_a_span_under_ours() {
    run(|t| {
        let ours = root("ours");
        block_on(query().in_context(&ours));
        drop(ours);
        t.assert_tree("ours\n  query");
        let query = t.span("query");
        assert_eq!(query.attribute("rows"), Some(&Value::I64(3)));
        let (name, _, attributes) = &query.events[0];
        assert_eq!(name, "done");
        assert!(attributes.contains(&("bytes".to_owned(), Value::I64(12))), "{attributes:?}");
    });
}
