//! Recording compiled out: a traced command is the plain command.
#![cfg(all(not(feature = "record"), unix))]
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::{Context, Span};
use heirloom_ipc::prelude::*;
use std::process::{Command, Stdio};

#[test]
fn a_traced_command_is_the_plain_command() {
    assert_eq!(size_of::<Span>(), 0, "another package of this build turned recording on: test with -p heirloom-ipc");
    heirloom_core::in_root("root", |root| {
        let mut echo = Command::new("sh");
        echo.args(["-c", "echo $TRACEPARENT; exit 7"]).env("TRACEPARENT", "as it was");
        let output = echo.traced(root).with_args().output().unwrap();
        assert_eq!((output.stdout, output.status.code()), (b"as it was\n".to_vec(), Some(7)));
        assert_eq!(echo.stdout(Stdio::null()).traced(root).status().unwrap().code(), Some(7));

        let mut cat = Command::new("cat").stdin(Stdio::piped()).traced(root).spawn().unwrap();
        assert!(cat.try_wait().unwrap().is_none());
        assert!(cat.wait().unwrap().success());
        assert!(Command::new("/nowhere/missing").traced(root).spawn().is_err());
    });
    assert_eq!(Context::from_env(), Ok(Context::INERT));
}
