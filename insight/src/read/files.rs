//! Files of OTLP: which form a file has, what can't be read, and which files belong to one run.

use super::marks::submitter;
use super::{Builder, Piece};
use crate::model::Run;
use heirloom_core::{SpanId, TraceId};
use heirloom_otlp::read::{self, ReadError, Record, Records};
use heirloom_otlp::Format;
use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

/// How many bytes of a file are looked at to find out its form.
const HEAD_BYTES: u64 = 4096;

/// Reads files, and detects the form of each. Files with spans of one trace are one run, and so are the file of a background job
/// and the file of the span that submitted it. Every other file is a separate run. The runs are in the order of the files.
///
/// # Errors
/// A file can't be opened or read. The error names it.
pub fn files<P: AsRef<Path>>(paths: &[P]) -> io::Result<Vec<Run>> {
    let read = |path: &P| {
        let mut builder = Builder::new();
        builder.file(path).map(|()| builder)
    };
    let files: Vec<Builder> = paths.iter().map(read).collect::<io::Result<_>>()?;
    let groups = Groups::of(&files);
    let mut runs: BTreeMap<usize, Builder> = BTreeMap::new();
    for (file, builder) in files.into_iter().enumerate() {
        match runs.entry(groups.first(file)) {
            Entry::Vacant(place) => _ = place.insert(builder),
            Entry::Occupied(mut run) => run.get_mut().absorb(builder),
        }
    }
    Ok(runs.into_values().map(Builder::finish).collect())
}

/// Which files are one run: for each file an earlier one, or itself.
struct Groups(Vec<usize>);

impl Groups {
    fn of(files: &[Builder]) -> Self {
        let mut groups = Self((0..files.len()).collect());
        let mut of_trace: HashMap<TraceId, usize> = HashMap::new();
        for (file, builder) in files.iter().enumerate() {
            for trace in builder.raw.traces.ids().iter().filter(|trace| trace.is_valid()) {
                let other = *of_trace.entry(*trace).or_insert(file);
                groups.join(file, other);
            }
        }
        groups.join_jobs(files);
        groups
    }

    fn join_jobs(&mut self, files: &[Builder]) {
        let mut jobs: HashMap<SpanId, Vec<usize>> = HashMap::new();
        for (file, builder) in files.iter().enumerate() {
            builder.raw.marks.iter().filter_map(submitter).for_each(|by| jobs.entry(by).or_default().push(file));
        }
        if jobs.is_empty() {
            return;
        }
        for (file, builder) in files.iter().enumerate() {
            let jobs = builder.raw.spans.iter().filter_map(|span| jobs.get(&span.id)).flatten();
            jobs.for_each(|other| self.join(file, *other));
        }
    }

    /// The first file of the same run.
    fn first(&self, mut file: usize) -> usize {
        while self.0[file] != file {
            file = self.0[file];
        }
        file
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        self.0[a.max(b)] = a.min(b);
    }
}

/// Reads a file into a builder.
pub(super) fn file(builder: &mut Builder, path: &Path) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("can't read the trace file {path:?}: {error}"));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let known = builder.raw.file.take();
    builder.raw.file = known.into_iter().chain([name.to_string()]).min();
    let mut file = File::open(path).map_err(named)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(named)?;
    file.rewind().map_err(named)?;
    let format = format(&head);
    if whole(builder, &mut file, format, &head).map_err(named)? {
        return Ok(());
    }
    file.rewind().map_err(named)?;
    builder.records(&name, format, file).map_err(named)
}

/// The form of what begins like this: JSON is text, and begins with a brace.
fn format(head: &[u8]) -> Format {
    let valid = std::str::from_utf8(head).map_or_else(|error| error.valid_up_to(), str::len);
    // The last character may be cut off.
    let is_text =
        head.len() - valid < 4 && !head[..valid].iter().any(|byte| *byte < b' ' && !byte.is_ascii_whitespace());
    match is_text && head.trim_ascii_start().first() == Some(&b'{') {
        true => Format::Json,
        false => Format::Protobuf,
    }
}

/// Reads a file that is one request, as a body that was saved: JSON on several lines, or protobuf without a length. Returns whether
/// it is.
fn whole(builder: &mut Builder, file: &mut File, format: Format, head: &[u8]) -> io::Result<bool> {
    let is_one = match format {
        // The first line isn't a request.
        Format::Json => {
            head.split(|byte| *byte == b'\n').next().is_some_and(|line| line.len() < head.len() && ends_open(line))
        }
        // A request begins with the tag of a `ResourceSpans`, and a length is followed by it.
        Format::Protobuf => head.first() == Some(&0x0a) && head.get(1) != Some(&0x0a),
    };
    if !is_one {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(builder.record(&Record::new(format, bytes)).is_ok())
}

/// Whether a line of JSON ends before its braces are closed.
fn ends_open(line: &[u8]) -> bool {
    line.trim_ascii_end().last() != Some(&b'}')
}

impl Builder {
    /// Reads requests up to the end, or up to an error of the reader. A request that isn't OTLP is left out, and a note of the run
    /// says where it is. `name` names the input in notes.
    ///
    /// # Errors
    /// The reader failed. What was read before it stays.
    pub fn records(&mut self, name: &str, format: Format, reader: impl Read) -> io::Result<()> {
        let mut records = Records::new(format, reader);
        let (mut wrong, mut first) = (0_u64, None);
        let decode = |record: Result<Record, ReadError>| {
            let record = record?;
            Piece::of(&record).map(|piece| (record, piece))
        };
        read::in_order(
            || records.next_record().transpose(),
            decode,
            |decoded| {
                match decoded {
                    Ok((record, piece)) => self.piece(&record, piece),
                    Err(ReadError::Io(error)) => return Err(error),
                    Err(error) => {
                        wrong += 1;
                        first.get_or_insert(error);
                    }
                }
                Ok(())
            },
        )?;
        if let Some(error) = first {
            let more = if wrong > 1 { format!(", and {} more", wrong - 1) } else { String::new() };
            self.raw
                .faults
                .files
                .push(format!("{name}: a request can't be read ({error}){more}; its spans are missing."));
        }
        if records.cut_off() > 0 {
            let bytes = match records.cut_off() {
                1 => "byte is".to_owned(),
                many => format!("{many} bytes are"),
            };
            self.raw.faults.files.push(format!("{name}: the file is cut off; the last {bytes} no whole request."));
        }
        Ok(())
    }
}
