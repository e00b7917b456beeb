//! Calls of an exporter: what fails in them, panics included.

use super::super::lost::How;
use crate::export::ExportError;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Why a call of an exporter failed.
pub(super) enum Failure {
    Error(ExportError),
    Panic(String),
}

impl Failure {
    pub(super) fn message(&self) -> String {
        match self {
            Failure::Error(error) => error.to_string(),
            Failure::Panic(text) => format!("it panicked: {text}"),
        }
    }

    pub(super) fn how(&self) -> How {
        match self {
            Failure::Error(_) => How::Failed,
            Failure::Panic(_) => How::Panicked,
        }
    }

    pub(super) fn lost(&self, spans: u64) -> u64 {
        match self {
            Failure::Error(error) => error.rejected(spans),
            Failure::Panic(_) => spans,
        }
    }
}

/// Calls an exporter and converts a panic to an error.
pub(super) fn guarded(call: impl FnOnce() -> Result<(), ExportError>) -> Result<(), Failure> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(Failure::Error),
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            Err(Failure::Panic(text.unwrap_or_else(|| "no message".to_owned())))
        }
    }
}
