//! The agent's tools: one searches on a thread pool, the other counts in a worker process.

use heirloom::prelude::*;
use heirloom::workers::{Pool, Worker};
use heirloom::{Context, Span};
use rayon::prelude::*;
use rig::agent::tool::{Tool, ToolContext, ToolExecutionError};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Counts the words of a file in a worker process.
pub static COUNT: Worker<PathBuf, Result<usize, String>> = Worker::new("count", count);

fn count(span: &Span, file: PathBuf) -> Result<usize, String> {
    let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let words = span.in_span("split", |split| {
        let words = text.split_whitespace().count();
        split.set("words", words);
        words
    });
    Ok(words)
}

/// A tool that searches the texts of a folder.
#[derive(Clone, Debug)]
pub struct Search(pub Arc<Vec<PathBuf>>);

impl Search {
    /// Searches all Markdown files of a folder.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn new(folder: &Path) -> std::io::Result<Self> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|end| end == "md"));
        files.sort();
        Ok(Self(Arc::new(files)))
    }
}

/// The arguments of the search.
#[derive(Debug, Deserialize)]
pub struct Word {
    word: String,
}

impl Tool for Search {
    const NAME: &'static str = "search";
    type Args = Word;
    type Output = String;
    type Error = ToolExecutionError;

    fn description(&self) -> String {
        "Finds the text that has a word most often".to_owned()
    }

    fn parameters(&self) -> serde_json::Value {
        let word = serde_json::json!({ "type": "string" });
        serde_json::json!({ "type": "object", "properties": { "word": word }, "required": ["word"] })
    }

    async fn call(&self, _: &mut ToolContext, Word { word }: Word) -> Result<String, ToolExecutionError> {
        let files = Arc::clone(&self.0);
        // From the task to a blocking thread, and from there to rayon's pool. The context goes along.
        let search = heirloom::tokio::spawn_blocking(Context::current(), "search texts", move |span| {
            let score = |read: &Span, file: &PathBuf| {
                let text = std::fs::read_to_string(file).unwrap_or_default().to_lowercase();
                let found = text.matches(&word).count();
                read.set("file", file.display().to_string()).set("found", found);
                (found, file.display().to_string())
            };
            files.par_iter().traced(span).map("read", score).max()
        });
        match search.await {
            Ok(Some((_, file))) => Ok(file),
            _ => Err(ToolExecutionError::other("there is nothing to search")),
        }
    }
}

/// A tool that counts words, with its pool of worker processes.
#[derive(Debug)]
pub struct CountWords(pub Arc<Pool<PathBuf, Result<usize, String>>>);

/// The arguments of the count.
#[derive(Debug, Deserialize)]
pub struct Text {
    text: PathBuf,
}

impl Tool for CountWords {
    const NAME: &'static str = "count_words";
    type Args = Text;
    type Output = usize;
    type Error = ToolExecutionError;

    fn description(&self) -> String {
        "Counts the words of a text".to_owned()
    }

    fn parameters(&self) -> serde_json::Value {
        let text = serde_json::json!({ "type": "string" });
        serde_json::json!({ "type": "object", "properties": { "text": text }, "required": ["text"] })
    }

    async fn call(&self, _: &mut ToolContext, Text { text }: Text) -> Result<usize, ToolExecutionError> {
        let pool = Arc::clone(&self.0);
        let cx = Context::current();
        let counted = tokio::task::spawn_blocking(move || {
            let job = pool.submit(cx, text).map_err(|error| error.to_string())?;
            job.wait(Duration::from_secs(30)).map_err(|error| error.to_string())?
        });
        counted.await.map_err(|error| error.to_string()).and_then(|counted| counted).map_err(ToolExecutionError::other)
    }
}
