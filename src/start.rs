//! Starts the tracer of a program that may be a worker process or an attached child, and that the environment may give exporters.

use crate::{Builder, Guard, InitError};

/// As [`heirloom_core::builder`]. In a process that its parent attached, the builder's `init` records into the parent's tracer.
///
/// With the feature `otlp`, the tracer has the exporters that the environment asks for, besides those that the program adds
/// (`otlp::FromEnv` has the rules). With the feature `analysis` it shows the trace when it finishes if `HEIRLOOM_TREE` asks for it
/// (`insight::live::Tree`). With `report` it writes a trace file that ends in `.html` as a report, and one of OTLP without a client
/// for HTTP (`insight::file::FromEnv`). All of that also if [`Builder::settings`] replaces the environment's settings. A tracer
/// that must not send what the environment asks for is made by [`heirloom_core::builder`].
pub fn builder(service_name: &str) -> Builder {
    attach_to_parent();
    let builder = heirloom_core::builder(service_name);
    #[cfg(feature = "otlp")]
    let builder = builder.extension(heirloom_otlp::FromEnv::new());
    #[cfg(feature = "analysis")]
    let builder = builder.extension(heirloom_insight::live::Tree::from_env());
    #[cfg(feature = "report")]
    let builder = builder.extension(heirloom_insight::file::FromEnv::new());
    builder
}

/// As [`heirloom_core::init`]: starts the global tracer with the embedded defaults and the environment's overrides.
///
/// With the feature `otlp`, this alone sends spans: to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names, or to the exporters
/// that `OTEL_TRACES_EXPORTER` names. With neither, nothing is sent and no connection is tried.
///
/// An attached process (a worker of a pool, or a child that was started `.attached()`) calls it the same way. The tracer finds the
/// parent and records into the parent's collector.
///
/// ```
/// let guard = heirloom::init("thumbnailer")?;
/// heirloom::in_root("work", |_| ());
/// println!("{}", guard.finish());
/// # Ok::<(), heirloom::InitError>(())
/// ```
///
/// # Errors
/// As [`heirloom_core::init`].
pub fn init(service_name: &str) -> Result<Guard, InitError> {
    builder(service_name).init()
}

fn attach_to_parent() {
    #[cfg(all(feature = "ipc", target_os = "linux"))]
    heirloom_ipc::shm::attach_to_parent();
}
