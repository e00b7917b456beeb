//! A program with more rights than its user isn't led by that user's environment.
#![cfg(all(feature = "record", target_os = "linux"))]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::{builder, environment, in_root, Baggage, Context, Settings};
use std::os::unix::fs::PermissionsExt;
use support::process;

const VARIABLES: [(&str, &str); 7] = [
    ("HEIRLOOM_STRICT", "1"),
    ("HEIRLOOM_SHARD_BYTES", "3 KiB"),
    ("HEIRLOOM_QUEUE_BYTES", "1 MiB"),
    ("OTEL_SERVICE_NAME", "named"),
    ("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("BAGGAGE", "user=u1"),
    ("HEIRLOOM_TEST_A_FILE_OF_A_LATER_VERSION", "x"),
];

#[test]
fn a_setuid_program_writes_no_file_that_its_user_names() {
    let test = "a_setuid_program_writes_no_file_that_its_user_names";
    if process::case().is_some() {
        assert!(environment::is_elevated());
        for _ in 0..3 {
            let (settings, warnings) = Settings::from_env("app");
            assert_eq!((settings.trace_file, settings.strict, warnings.len()), (None, false, 1));
            // What names no file counts.
            assert_eq!((&*settings.service_name, settings.queue_bytes), ("named", 1 << 20));
            assert_eq!((Context::from_env(), Baggage::from_env().0.is_empty()), (Ok(Context::INERT), true));
        }
        // A variable that isn't listed is ignored, so that none can be forgotten.
        let unknown = "HEIRLOOM_TEST_A_FILE_OF_A_LATER_VERSION";
        assert_eq!((environment::variable(unknown, &[]), environment::is_ignored(unknown)), (None, true));
        assert_eq!(environment::variable(unknown, &[unknown]), Some("x".into()));
        let guard = builder("app").init().unwrap();
        in_root("work", |_| ());
        assert!(guard.finish().ledger().exporters.is_empty());
        return;
    }
    let folder = std::env::temp_dir().join(format!("heirloom-{}-privileges", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let file = folder.join("trace.json");
    let variables = [&VARIABLES[..], &[("HEIRLOOM_TRACE_FILE", file.to_str().unwrap())]].concat();
    let output = heirloom_harness::elevated(&process::command(test, "setuid", &variables));
    let is_written = file.exists();
    std::fs::remove_dir_all(&folder).unwrap();
    let Some(output) = output else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{said}");
    assert!(!is_written, "{said}");
    for name in ["HEIRLOOM_TRACE_FILE", "HEIRLOOM_STRICT", "TRACEPARENT", "BAGGAGE"] {
        assert_eq!(
            said.matches(&format!("{name} is ignored, because this program has more rights")).count(),
            1,
            "{said}"
        );
    }
}

#[test]
fn in_any_other_program_every_variable_counts() {
    let test = "in_any_other_program_every_variable_counts";
    if process::case().is_some() {
        assert!(!environment::is_elevated() && !environment::is_ignored("BAGGAGE"));
        assert!(Settings::from_env("app").0.strict && Context::from_env().unwrap().is_valid());
        assert_eq!(environment::variable("BAGGAGE", &[]), Some("user=u1".into()));
        return;
    }
    process::run_well(test, "plain", &VARIABLES);
}
