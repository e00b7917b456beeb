//! Checks whether the server accepts the keys.

use crate::config::Config;
use crate::error::AuthError;
use serde_json::Value;

/// A project that the keys belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Project {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Config {
    /// Asks the server whether it accepts the keys, and returns the projects that they belong to. It sends one request (`GET
    /// /api/public/projects`), doesn't retry, and takes at most [`timeout`](Self::timeout). Use it at the start of a program
    /// or in a health check, not for each request: it blocks the calling thread. It runs on a temporary thread, so it works
    /// inside any runtime.
    ///
    /// ```
    /// use heirloom_langfuse::{AuthError, Config};
    /// let nobody_listens = Config::new("pk-lf-1", "sk-lf-2").base_url("http://127.0.0.1:9");
    /// assert!(matches!(nobody_listens.auth_check(), Err(AuthError::Unreachable { .. })));
    /// ```
    ///
    /// # Errors
    /// The configuration is invalid, the server rejects the keys, the keys belong to no project, the server can't be
    /// reached, or its response isn't Langfuse's.
    pub fn auth_check(&self) -> Result<Vec<Project>, AuthError> {
        self.check()?;
        // A thread inside a runtime must not wait for another one.
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("heirloom-auth".to_owned()).spawn_scoped(scope, || ask(self));
            let answer = thread.map(|thread| thread.join());
            match answer {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(unreachable("the check panicked")),
                Err(error) => Err(unreachable(&format!("can't start a thread for the request: {error}"))),
            }
        })
    }
}

fn unreachable(why: &str) -> AuthError {
    AuthError::Unreachable { why: why.to_owned() }
}

fn ask(config: &Config) -> Result<Vec<Project>, AuthError> {
    // As on the exporter's threads, the spans that a layer of `tracing` would make of the request are not the program's.
    heirloom_core::never_record_here();
    let response = config.otlp().get(&config.projects_url()).map_err(|why| AuthError::Unreachable { why })?;
    let status = response.status;
    match status {
        200 => {}
        401 | 403 => return Err(AuthError::Rejected { status }),
        _ => return Err(AuthError::Unexpected { status }),
    }
    match projects(&response.body) {
        None => Err(AuthError::Unexpected { status }),
        Some(none) if none.is_empty() => Err(AuthError::NoProject),
        Some(projects) => Ok(projects),
    }
}

fn projects(body: &[u8]) -> Option<Vec<Project>> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let text = |project: &Value, key| Some(project.get(key)?.as_str()?.to_owned());
    let project = |project| Some(Project { id: text(project, "id")?, name: text(project, "name")? });
    answer.get("data")?.as_array()?.iter().map(project).collect()
}
