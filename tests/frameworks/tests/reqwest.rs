//! Requests of `reqwest`, traced by `reqwest-tracing`.

mod support;

use heirloom_bridge::HeaderMapExt;
use heirloom_core::future::FutureExt as _;
use heirloom_core::{root, Context, SpanKind, Status, Value};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Extension};
use reqwest_tracing::{OtelName, TracingMiddleware};
use support::{block_on, openai, run};
use tracing_subscriber::filter::{LevelFilter, Targets};

fn client() -> ClientWithMiddleware {
    let name = Extension(OtelName("GET /missing".into()));
    ClientBuilder::new(reqwest::Client::new()).with_init(name).with(TracingMiddleware::default()).build()
}

async fn get(url: String) -> reqwest_middleware::Result<u16> {
    let mut headers = http::HeaderMap::new();
    headers.insert_trace(Context::current());
    Ok(client().get(url).headers(headers).send().await?.status().as_u16())
}

fn only_reqwest() -> Targets {
    Targets::new().with_target("reqwest_tracing", LevelFilter::INFO)
}

#[test]
fn a_request_is_a_client_span_under_ours_with_its_name_and_status() {
    run(only_reqwest(), |t| {
        let ours = root("ours");
        let status = block_on(get(format!("{}/missing", openai::start())).in_context(&ours));
        assert_eq!(status.expect("an answer"), 404);
        drop(ours);
        t.assert_tree("ours\n  GET /missing");
        let request = t.span("GET /missing");
        assert_eq!((request.kind, request.status), (SpanKind::Client, Status::Error(String::new())));
        assert_eq!(
            request.attributes.iter().find(|(key, _)| key == "http.response.status_code").map(|(_, v)| v),
            Some(&Value::I64(404))
        );
    });
}

#[test]
fn a_request_that_fails_is_an_error() {
    run(only_reqwest(), |t| {
        let unused = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = unused.expect("a port");
        assert!(block_on(get(format!("http://{address}/"))).is_err());
        let request = t.span("GET /missing");
        assert_eq!(request.status, Status::Error(String::new()));
        assert!(request.attribute("error.message").is_some(), "{request:?}");
    });
}
