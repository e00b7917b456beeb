//! The names that applications use are at the crate's root: one dependency is enough.
//!
//! Most of the test is that this file compiles.
#![allow(unused_imports)]

use heirloom::prelude::*;

/// The names that libraries and applications use.
mod core {
    use heirloom::{in_root, in_span, root, span};
    use heirloom::{Baggage, BaggageDropped, BaggageMember, TraceState, Traceparent};
    use heirloom::{
        Context, Entered, IntoValue, Name, Span, SpanBuilder, SpanId, SpanKind, Status, TraceId, TracerId, Value,
    };
    use heirloom::{
        InsertBaggageError, InsertTraceStateError, ParseIdError, ParseTraceStateError, ParseTraceparentError, SetError,
    };
}

#[cfg(feature = "record")]
mod record {
    use heirloom::export::{
        AttributeRef, Batch, Chrome, EventRef, ExportError, Exporter, Lane, LinkRef, Memory, Resource, SpanData,
        SpanRef, Verified, Verify,
    };
    use heirloom::testing::{run, run_with, run_with_clock, ManualClock, Testing};
    use heirloom::tree::{lanes, names, names_sorted, render, TreeOptions};
    use heirloom::{builder, init, on_finish, Builder, FlushError, Guard, InitError, Report, Tracer};
    use heirloom::{never_record_here, Overload, Waits};
    use heirloom::{ConfigWarning, Difference, Limits, ParseSamplerError, Sampler, SamplerState, Settings};
    use heirloom::{Dropped, ExporterLedger, Ledger, OpenSpan, Transparent};
}

#[cfg(feature = "langfuse")]
use heirloom::langfuse::{AuthError, Config, ConfigError, Langfuse, Project};
#[cfg(feature = "openai")]
use heirloom::openai::{Client, Traced, TracedCalls};
#[cfg(feature = "otel")]
use heirloom::otel;
#[cfg(feature = "otlp")]
use heirloom::otlp::{
    Compression, ConfigError as OtlpConfigError, Console, Format, FromEnv, Otlp, OtlpBuilder, OtlpFile,
};

#[cfg(feature = "macros")]
mod macros {
    use heirloom::observe;

    /// By the name at the root, and by the prelude's.
    #[observe]
    fn named() {}

    mod preluded {
        use heirloom::prelude::*;

        #[observe]
        pub(super) async fn by_the_prelude() {}
    }

    #[test]
    fn the_attribute_needs_no_other_crate() {
        named();
        drop(preluded::by_the_prelude());
    }
}

mod pool {
    use heirloom::background::{wait_all, BackgroundBuilder, BackgroundJob, Finished, Outcome, WaitError};
    use heirloom::pool;
    use heirloom::threads;
    use heirloom::{carry, carry_in_span, Background};
}

#[cfg(feature = "crossbeam")]
use heirloom::crossbeam::scope as _;
#[cfg(feature = "rayon")]
mod rayon {
    use heirloom::rayon::{broadcast, in_place_scope, in_place_scope_fifo, install, join, join_context};
    use heirloom::rayon::{scope, scope_fifo, spawn, spawn_broadcast, spawn_fifo, Scope, ScopeFifo};
    use heirloom::rayon::{Items, LeafMap, Leaves, PerLeaf, Traced, TracedPool};
    use heirloom::{TracedParallel, TracedThreadPool};
}

#[cfg(feature = "async")]
mod futures {
    use heirloom::background::JobFuture;
    use heirloom::future::{FutureExt, InContext, InSpan};
    use heirloom::stream::StreamExt;
}
#[cfg(feature = "tokio")]
mod tokio {
    use heirloom::tokio::{spawn, spawn_blocking, spawn_local, Traced};
    use heirloom::TracedTasks;
}

/// The names of both crates are the same types, so a library's spans and an application's fit together.
#[test]
fn a_name_at_the_root_is_the_crates_own() {
    fn is_core(span: heirloom_core::Span) -> heirloom::Span {
        span
    }
    fn is_pool(cx: heirloom::Context) -> heirloom_pool::Context {
        cx
    }
    drop(is_core(heirloom::Context::INERT.span("span")));
    assert_eq!(is_pool(heirloom::Context::INERT), heirloom_core::Context::INERT);
}

#[cfg(all(feature = "record", feature = "rayon"))]
#[test]
fn one_import_is_enough_for_a_traced_program() {
    use ::rayon::prelude::*;
    heirloom::testing::run(|t| {
        heirloom::in_root("root", |root| {
            let sum: i32 = [1, 2].par_iter().traced(root).map("item", |_, n| n * 2).sum();
            root.set("sum", sum).background("job").child().on_thread(|_| ());
        });
        assert_eq!(heirloom::background::wait_all(std::time::Duration::from_secs(10)), 0);
        assert_eq!(heirloom::tree::names_sorted(&t.spans()), "root\n  item\n  item\n  job\n");
    });
}
