//! The index: one entry per file, and the number of occurrences of each token.

use heirloom::threads::{self, Builder};
use heirloom::Span;
use std::collections::hash_map::{DefaultHasher, HashMap};
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Longer runs of letters and digits are data, not words.
const MAX_TOKEN_BYTES: usize = 64;

pub(crate) type TokenCounts = HashMap<Box<str>, u64>;

/// One file.
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) tokens: u64,
    pub(crate) hash: Option<[u8; 32]>,
    pub(crate) outcome: Outcome,
}

pub(crate) enum Outcome {
    Text,
    Binary,
    Failed(String),
}

impl Entry {
    pub(crate) fn new(path: String) -> Self {
        Self { path, bytes: 0, tokens: 0, hash: None, outcome: Outcome::Text }
    }
}

/// The number of tokens in a text, and the number of occurrences of each.
pub(crate) fn count_tokens(text: &str) -> (u64, TokenCounts) {
    let (mut tokens, mut counts) = (0, HashMap::<&str, u64>::new());
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    for token in words.filter(|token| (1..=MAX_TOKEN_BYTES).contains(&token.len())) {
        tokens += 1;
        *counts.entry(token).or_default() += 1;
    }
    (tokens, counts.into_iter().map(|(token, n)| (token.into(), n)).collect())
}

/// The result of one leaf. Its tokens are spread over shards, one for each merging thread.
pub(crate) struct Partial {
    files: Vec<Entry>,
    shards: Vec<TokenCounts>,
}

impl Partial {
    pub(crate) fn new(shards: usize) -> Self {
        Self { files: Vec::new(), shards: vec![TokenCounts::new(); shards] }
    }

    /// With a file and its tokens more.
    pub(crate) fn with(mut self, file: (Entry, TokenCounts)) -> Self {
        self.add(file);
        self
    }

    /// Adds a file and its tokens.
    pub(crate) fn add(&mut self, (entry, counts): (Entry, TokenCounts)) {
        self.files.push(entry);
        let shards = self.shards.len() as u64;
        for (token, n) in counts {
            let mut hasher = DefaultHasher::new();
            token.hash(&mut hasher);
            *self.shards[(hasher.finish() % shards) as usize].entry(token).or_default() += n;
        }
    }
}

/// The merged result: files sorted by path, tokens sorted by number of occurrences.
#[derive(Default)]
pub(crate) struct Index {
    pub(crate) files: Vec<Entry>,
    pub(crate) tokens: Vec<(Box<str>, u64)>,
}

impl Index {
    /// Merges the results of the leaves: each shard on a separate thread, below this span.
    pub(crate) fn merge(partials: Vec<Partial>, shards: usize, merge: &Span) -> io::Result<Self> {
        let mut by_shard: Vec<Vec<TokenCounts>> = (0..shards).map(|_| Vec::new()).collect();
        let mut index = Index::default();
        for partial in partials {
            index.files.extend(partial.files);
            by_shard.iter_mut().zip(partial.shards).for_each(|(shard, counts)| shard.push(counts));
        }
        index.tokens = threads::scope(merge, |scope| {
            let start = |(i, parts)| {
                let thread = Builder::new().name(format!("merge-{i}"));
                thread.spawn_scoped(scope, "merge shard", |span| merge_shard(parts, span))
            };
            let started: io::Result<Vec<_>> = by_shard.into_iter().enumerate().map(start).collect();
            let join = |thread: threads::ScopedJoinHandle<'_, TokenCounts>| thread.join();
            let merged: Result<Vec<_>, _> = started?.into_iter().map(join).collect();
            let merged = merged.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            io::Result::Ok(merged.into_iter().flatten().collect())
        })?;
        merge.in_span("sort", |_| index.sort());
        Ok(index)
    }

    fn sort(&mut self) {
        self.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        self.tokens.sort_unstable_by(|(a, a_count), (b, b_count)| b_count.cmp(a_count).then_with(|| a.cmp(b)));
    }

    /// Writes the index as lines of JSON: the files, then the tokens. Returns the number of lines.
    pub(crate) fn write(&self, path: &Path, span: &Span) -> io::Result<usize> {
        let lines = self.files.len() + self.tokens.len();
        span.set("path", path.display().to_string()).set("lines", lines);
        let written = File::create(path).and_then(|file| self.write_lines(&mut BufWriter::new(file)));
        if let Err(error) = &written {
            span.error(&error.to_string());
        }
        written.map(|()| lines)
    }

    fn write_lines(&self, out: &mut impl Write) -> io::Result<()> {
        for file in &self.files {
            let hash = file.hash.map(hex);
            let error = match &file.outcome {
                Outcome::Failed(error) => Some(error),
                Outcome::Text | Outcome::Binary => None,
            };
            let tokens = matches!(file.outcome, Outcome::Text).then_some(file.tokens);
            let line = serde_json::json!({
                "file": file.path, "bytes": file.bytes, "sha256": hash, "tokens": tokens, "error": error,
            });
            writeln!(out, "{line}")?;
        }
        for (token, count) in &self.tokens {
            writeln!(out, "{}", serde_json::json!({"token": token, "count": count}))?;
        }
        out.flush()
    }
}

/// The bytes as text, two digits each.
fn hex(hash: [u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn merge_shard(parts: Vec<TokenCounts>, span: &Span) -> TokenCounts {
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    for (token, n) in parts.flatten() {
        *all.entry(token).or_default() += n;
    }
    span.set("tokens", all.len());
    all
}
