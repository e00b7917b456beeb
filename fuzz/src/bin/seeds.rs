//! Writes the initial inputs: the records of a well-behaved child that uses the public API, as scripts of `record`; and
//! changes of each kind, as scripts of `mutated_ring`; and requests of OTLP for `otlp_read`.
//!
//! ```text
//! seeds FOLDER        writes FOLDER/record, FOLDER/mutated_ring and FOLDER/otlp_read
//! ```

use heirloom_core::builder;
use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::region::Region;
use heirloom_core::testing::region::{child, Collector, RawRecord, SharedMemory};
use heirloom_core::Settings;
use heirloom_otlp::{Encoder, Format, Plain};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Acquire;

/// The offsets of the first shard, and of the ring after its head: see `docs/shm-format.md`.
const SHARD: usize = 1_126_400 / 8;
const RING: usize = SHARD + 256 / 8;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let folder = std::env::args_os().nth(1).ok_or("which folder?")?;
    let folder = Path::new(&folder);
    let records = recorded()?;
    let scripts: Vec<Vec<u8>> = records.iter().map(|record| of_record(record)).collect();
    for (n, script) in scripts.iter().enumerate() {
        write(&folder.join("record"), &format!("record-{n}"), &[&[3], script.as_slice(), &[5]].concat())?;
    }
    write(&folder.join("record"), "all", &scripts.concat())?;
    write(&folder.join("record"), "passes", &scripts.join(&[6, 5, 7][..]))?;
    for place in 0..16_u8 {
        for how in 0..32_u8 {
            let change = [1, 7, place, how, how, 3, how, 1, 2, 3, 4, 5, 6, 7];
            write(&folder.join("mutated_ring"), &format!("{place}-{how}"), &change)?;
        }
    }
    let requests = folder.join("otlp_read");
    std::fs::create_dir_all(&requests)?;
    let guard = builder("seeds").settings(Settings::default()).exporter(Requests(requests)).start()?;
    let root = guard.tracer().root("root");
    root.set("number", 7).set("ratio", 0.5).set("flag", true).set("list", &["a", "b"][..]);
    root.event_with("event", &[("key", 1.into())]).link(root.context()).error("an error");
    drop(root);
    match guard.finish().is_complete() {
        true => Ok(()),
        false => Err("the requests of OTLP are missing".into()),
    }
}

/// Writes each delivery into this folder: as a request, and as a record of a file.
struct Requests(PathBuf);

impl Exporter for Requests {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let failed = |error: std::io::Error| ExportError::new(error.to_string());
        for format in [Format::Protobuf, Format::Json] {
            let mut encoder = Encoder::new(format, Plain);
            let mut request = Vec::new();
            encoder.begin(&mut request).map_err(failed)?;
            for part in delivery.parts() {
                let spans = &mut part.spans().peekable();
                encoder.fill(part.resource(), spans, usize::MAX, &mut request).map_err(failed)?;
            }
            encoder.end(&mut request).map_err(failed)?;
            write(&self.0, &format!("{format:?}"), &request).map_err(failed)?;
            let record = match format {
                Format::Protobuf => [&[request.len() as u8 | 0x80, (request.len() >> 7) as u8], &request[..]].concat(),
                Format::Json => [&request[..], b"\n"].concat(),
            };
            write(&self.0, &format!("file-{format:?}"), &record).map_err(failed)?;
        }
        Ok(())
    }
}

fn write(folder: &Path, name: &str, script: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(name), script)
}

/// The records of a child that uses each kind of record.
fn recorded() -> Result<Vec<RawRecord>, Failure> {
    let parent = Collector::start(64 << 10, Settings::default())?;
    let memory = SharedMemory::new(Region::bytes(parent.tracer()))?;
    let _region = Region::host(parent.tracer(), Box::new(memory.clone()), 7)?;
    let guard = child(&memory, 7)?;
    let root = guard.tracer().root("root");
    root.in_span("work", |work| {
        work.set("number", 7);
        work.set("text", "some text");
        work.set("flag", true);
        work.set("long", "x".repeat(200).as_str());
    });
    root.set("ratio", 0.5);
    root.event("event");
    root.error("an error");
    root.event_with("event", &[("key", 1.into())]).link(root.context());
    drop(root);
    let words: Vec<u64> = memory.words().iter().map(|word| word.load(Acquire)).collect();
    Ok(RawRecord::all(&words[RING..RING + words[SHARD] as usize / 8]))
}

/// A record as a step of the script: the same header, a span that is the script's own, the other words as they are. Names
/// are those that the script's child has.
fn of_record(record: &RawRecord) -> Vec<u8> {
    let aux = if record.names_by_number() { 1 } else { record.aux() as u16 };
    let mut script = vec![1, record.kind()];
    script.extend(record.flags().to_le_bytes());
    script.extend(aux.to_le_bytes());
    script.push(record.len().min(40) as u8 - 1);
    script.extend(if record.is_begin() { Some(220) } else { record.get(1).map(|_| 0) });
    for word in record.iter().take(40).skip(2) {
        match u8::try_from(*word) {
            Ok(small) if small < 255 => script.push(small),
            _ => {
                script.push(255);
                script.extend(word.to_le_bytes());
            }
        }
    }
    script
}
