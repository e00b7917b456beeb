//! A child that records into its parent's region, and a parent that starts such a child.
//!
//! ```text
//! heirloom-wire-variant          the child: records a span
//! heirloom-wire-variant CHILD    the parent: starts CHILD, prints the names of the spans that it recorded into the region,
//!                                and passes its standard error on
//! ```

use heirloom_core::{in_root, testing, Context};
use heirloom_ipc::prelude::*;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args_os().nth(1) {
        None => child(),
        Some(program) => parent(&program),
    }
}

fn child() -> Result<(), Box<dyn Error>> {
    heirloom_ipc::shm::attach_to_parent();
    let _guard = heirloom_core::init("child")?;
    Context::from_env()?.in_span("work", |work| {
        work.set("n", 1).set("texts", &["a", "b"][..]);
        work.trace_update().set("of the trace", "value");
    });
    Ok(())
}

fn parent(program: &OsStr) -> Result<(), Box<dyn Error>> {
    testing::run(|t| {
        let arguments: [OsString; 0] = [];
        let started = in_root("main", |root| Command::new(program).args(arguments).traced(root).attached().status());
        assert!(started?.success(), "the child failed");
        let others = t.spans().into_iter().filter(|span| span.lane.process_id != std::process::id());
        let names: Vec<String> = others.map(|span| format!("{} {:?}", span.name, span.attributes)).collect();
        println!("{}", names.join("\n"));
        Ok(())
    })
}
