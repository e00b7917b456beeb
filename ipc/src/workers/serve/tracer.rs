//! The worker's tracer. This file decides which collector a worker process records into.

#[cfg(feature = "record")]
pub(super) use enabled::{finish, start_tracer};

#[cfg(not(feature = "record"))]
pub(super) use disabled::{finish, start_tracer};

#[cfg(feature = "record")]
mod enabled {
    use crate::attach;
    use heirloom_core::diagnostics::{report, Cause, Diagnostic, Level};
    use heirloom_core::{builder, Guard, InitError, Settings, Tracer};
    use std::path::{Path, PathBuf};

    /// Starts the global tracer. It records into the collector of the pool's process. If that has none, it uses the environment's
    /// settings. `None` if a tracer runs already, or if it can't be started. The latter is reported.
    pub(crate) fn start_tracer(service_name: &str) -> Option<Guard> {
        if Tracer::global().is_some() {
            return None;
        }
        attach::find_parent();
        let mut builder = builder(service_name);
        if let Some(path) = trace_file(service_name) {
            builder = builder.trace_file(path);
        }
        let not_started = |error: InitError| {
            let message = format!("this worker records no spans, because its tracer can't start: {error}");
            report(Diagnostic::new(Level::Error, Cause::NotStarted, message).about("worker"));
        };
        builder.init().map_err(not_started).ok()
    }

    /// Flushes the worker's tracer. A tracer that the program itself started is flushed at `exit`.
    pub(crate) fn finish(guard: Option<Guard>) {
        drop(guard.map(Guard::finish));
    }

    /// The file that the environment names, with the process id in its name, since the parent and the other workers write files
    /// too.
    fn trace_file(service_name: &str) -> Option<PathBuf> {
        let (settings, _) = Settings::from_env(service_name);
        settings.trace_file.map(|path| with_pid(&path, std::process::id()))
    }

    fn with_pid(path: &Path, pid: u32) -> PathBuf {
        let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
        path.with_extension(extension.map_or(pid.to_string(), |extension| format!("{pid}.{extension}")))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn each_worker_writes_a_trace_file_of_its_own() {
            assert_eq!(with_pid(Path::new("out dir/trace.json"), 7), Path::new("out dir/trace.7.json"));
            assert_eq!(with_pid(Path::new("trace"), 7), Path::new("trace.7"));
        }
    }
}

#[cfg(not(feature = "record"))]
mod disabled {
    pub(crate) fn start_tracer(_service_name: &str) -> Option<()> {
        None
    }

    pub(crate) fn finish(_guard: Option<()>) {}
}
