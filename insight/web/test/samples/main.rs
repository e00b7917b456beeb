//! Writes reports of invented runs, for the tests in a browser: `samples DIRECTORY CASE..`. Beside each page it writes what must be
//! found in it, as JSON.

mod analyse;
mod compare;
mod generate;

use heirloom_insight::model::Run;
use serde_json::json;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: samples DIRECTORY CASE..")?;
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory)?;
    for case in arguments {
        if let Some(sides) = compare::sides(&case) {
            compare::write(sides, &directory.join(format!("{case}.html")))?;
            continue;
        }
        let plan = generate::plan(&case).ok_or_else(|| format!("there is no case `{case}`"))?;
        let run = generate::run(&plan);
        let analysis = analyse::analyse(&run, &plan);
        let path = directory.join(format!("{case}.html"));
        let start = Instant::now();
        let mut out = BufWriter::new(File::create(&path)?);
        heirloom_insight::html::write(&run, &analysis, &mut out)?;
        out.flush()?;
        let seconds = start.elapsed().as_secs_f64();
        let bytes = std::fs::metadata(&path)?.len();
        println!("{case}: {} spans, {bytes} bytes, written in {seconds:.2} s", run.spans.len());
        let truth = json!({
            "spans": run.spans.len(),
            "sample": truth(&run),
            "sentences": analysis.sentences,
            "utilisation": serde_json::to_value(&analysis)?["utilisation"],
        });
        serde_json::to_writer(File::create(directory.join(format!("{case}.json")))?, &truth)?;
    }
    Ok(())
}

/// Some spans: their ids, names, times, and parents.
fn truth(run: &Run) -> Vec<serde_json::Value> {
    let step = (run.spans.len() / 100).max(1);
    run.spans
        .iter()
        .step_by(step)
        .map(|span| {
            json!({
                "id": span.id.to_string(),
                "name": &*run.names[span.name as usize],
                "start_ns": span.start - run.window.start,
                "length_ns": span.end - span.start,
                "lane": &*run.lanes[span.lane as usize].thread_name,
                "parent": span.parent().map(|parent| run.spans[parent as usize].id.to_string()),
                "children": run.spans.iter().filter(|other| other.parent().is_some_and(|p| run.spans[p as usize].id == span.id)).take(if run.spans.len() > 10_000 { 0 } else { usize::MAX }).count(),
            })
        })
        .collect()
}
