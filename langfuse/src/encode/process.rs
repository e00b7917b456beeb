//! What is the same for every span of a process.

use super::value::{text, KeyValue};
use crate::config::Config;
use crate::environment;
use heirloom_core::export::Resource;
use heirloom_core::llm::keys;
use heirloom_core::Value;

/// What is the same for every span of a process, and stands on each: Langfuse's SDK repeats it there.
#[derive(Debug, Default)]
pub(super) struct Process {
    pub(super) environment: Option<String>,
    pub(super) release: Option<String>,
    /// The number of the resource's process.
    pub(super) id: Option<i64>,
}

impl Process {
    /// What the client says, else what the resource does.
    pub(super) fn new(config: &Config, resource: &Resource) -> Self {
        let recorded = |key| resource.get(key).and_then(Value::as_str);
        let environment = config.environment.as_deref().or(recorded(keys::ENVIRONMENT));
        let release = config.release.as_deref().or(recorded(keys::RELEASE));
        Self {
            environment: environment.and_then(environment::valid),
            release: release.map(str::to_owned),
            id: resource.get("process.pid").and_then(Value::as_i64),
        }
    }

    /// Langfuse's names for it.
    pub(super) fn attributes(&self) -> impl Iterator<Item = KeyValue<'_>> {
        let all = [("langfuse.environment", &self.environment), ("langfuse.release", &self.release)];
        all.into_iter().filter_map(|(key, value)| Some(text(key, value.as_deref()?)))
    }
}
