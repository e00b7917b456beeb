//! `HEIRLOOM_TRACE_FILE=run.html`: a whole program writes a report, with the feature `report`.
#![cfg(all(feature = "record", feature = "report"))]
#![allow(clippy::unwrap_used)]

use heirloom_harness::{again, case, output_of, succeeded};
use std::fs;

#[test]
fn one_variable_makes_a_report_of_a_program() {
    let test = "one_variable_makes_a_report_of_a_program";
    if case().is_some() {
        let guard = heirloom::init("shop").unwrap();
        heirloom::in_root("orders", |root| (0..30).for_each(|_| root.context().span("order").end()));
        assert!(guard.finish().is_complete());
        return;
    }
    let folder = std::env::temp_dir().join(format!("heirloom-report-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("run.html");
    let output =
        output_of(again(test, "child").env("HEIRLOOM_TRACE_FILE", &path).env("HEIRLOOM_TRACE_BYTES", "1000000"));
    succeeded(&output);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let page = fs::read_to_string(&path).unwrap();
    let files = fs::read_dir(&folder).unwrap().count();
    fs::remove_dir_all(&folder).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert_eq!(files, 1, "the part file is gone");
}
