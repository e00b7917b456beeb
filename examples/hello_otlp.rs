//! Two spans, sent where the environment says:
//!
//! ```sh
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 cargo run --example hello_otlp --features otlp
//! OTEL_TRACES_EXPORTER=console cargo run --example hello_otlp --features otlp
//! ```

fn main() -> Result<(), heirloom::InitError> {
    let guard = heirloom::init("hello")?;
    heirloom::in_root("hello", |hello| {
        hello.in_span("world", |world| {
            world.set("answer", 42);
        });
    });
    println!("{}", guard.finish());
    Ok(())
}
