//! Reads, hashes and tokenises the files on the pool.

use crate::args::Grain;
use crate::index::{count_tokens, Entry, Outcome, Partial, TokenCounts};
use crate::plant::{self, Plant, Shared};
use crate::progress::Progress;
use crate::walk::printable;
use heirloom::prelude::*;
use heirloom::{Context, Span};
use hmac_sha256::Hash;
use rayon::prelude::*;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Largest file in bytes that is scanned. Each thread holds one file in memory, so larger files are skipped.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// The settings of one scan.
pub(crate) struct Scan<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) grain: Grain,
    pub(crate) plant: Option<Plant>,
    /// The file that takes long, if one is to.
    pub(crate) slow: Option<&'a Path>,
    /// The number of threads that will merge the result.
    pub(crate) shards: usize,
    pub(crate) progress: &'a Progress,
}

impl Scan<'_> {
    /// Scans the files in parallel, below this span. Each leaf of rayon's work returns one sum. What `fold` does with a file is in
    /// the span of that file or leaf too: it is part of the work.
    pub(crate) fn files(&self, paths: &[PathBuf], scan: &Span) -> Vec<Partial> {
        let (new, files) = (|| Partial::new(self.shards), paths.par_iter().traced(scan));
        if self.plant == Some(Plant::Lock) {
            let shared = Shared::new(self.shards);
            files.for_each("file", |_, path| shared.add(|| self.traced(path)));
            return vec![shared.into_inner()];
        }
        match self.grain {
            Grain::Item => files.items("file").map(|path| self.traced(path)).fold(new, Partial::with).collect(),
            Grain::Leaf => files.leaves("files").map(|path| self.file(path, false)).fold(new, Partial::with).collect(),
            Grain::Summary => {
                files.summary().map("files", |path| self.file(path, false)).fold(new, Partial::with).collect()
            }
        }
    }

    /// Scans one file and sets the outcome on its span, which is the current one.
    fn traced(&self, path: &Path) -> (Entry, TokenCounts) {
        let (entry, counts) = self.file(path, true);
        let span = Context::current().update();
        span.set("path", &entry.path).set("bytes", entry.bytes).set("tokens", entry.tokens);
        match &entry.outcome {
            Outcome::Text => {}
            Outcome::Binary => _ = span.set("binary", true),
            Outcome::Failed(error) => _ = span.error(error),
        }
        (entry, counts)
    }

    /// Scans one file. If `traced`, each step has a span below the current one.
    fn file(&self, path: &Path, traced: bool) -> (Entry, TokenCounts) {
        let mut entry = Entry::new(printable(path, self.dir));
        let mut counts = TokenCounts::new();
        match step(traced, "read", || read(path)) {
            Err(error) => entry.outcome = Outcome::Failed(error.to_string()),
            Ok(bytes) => {
                entry.bytes = bytes.len() as u64;
                entry.hash = Some(step(traced, "hash", || Hash::hash(&bytes)));
                match std::str::from_utf8(&bytes) {
                    Ok(text) if !text.contains('\0') => {
                        (entry.tokens, counts) = step(traced, "tokenise", || count_tokens(text));
                    }
                    _ => entry.outcome = Outcome::Binary,
                }
                if self.slow == Some(path) {
                    plant::waste_time(&bytes);
                }
            }
        }
        self.progress.done(entry.bytes);
        (entry, counts)
    }
}

fn step<R>(traced: bool, name: &'static str, work: impl FnOnce() -> R) -> R {
    match traced {
        true => heirloom::in_span(name, |_| work()),
        false => work(),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut bytes = Vec::new();
    if len <= MAX_FILE_BYTES {
        bytes.reserve(len as usize);
        // The file may grow meanwhile, and some files (in `/proc`) report a length of 0 although they have content.
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    }
    if len.max(bytes.len() as u64) > MAX_FILE_BYTES {
        return Err(io::Error::other(format!("larger than {} MiB: skipped", MAX_FILE_BYTES >> 20)));
    }
    Ok(bytes)
}
