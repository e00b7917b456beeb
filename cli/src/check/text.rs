//! The result of a check, for people and as JSON.

use super::find::{Found, Problem, Verdict, Why};
use super::rows::{Row, Rows};
use crate::kind::Kind;
use crate::terminal::{name, Paint};
use heirloom_core::SpanId;
use heirloom_insight::text::units::{count, counted, duration};
use serde_json::{json, Value};
use std::io::{self, Write};

/// Writes the summary, the problems, and the verdict.
pub(crate) fn plain(
    out: &mut impl Write,
    rows: &Rows,
    found: &Found,
    verdict: &Verdict,
    paint: Paint,
) -> io::Result<()> {
    let of = |number: usize, one, many| counted(number as u64, one, many);
    writeln!(
        out,
        "{} in {} with {}; {} of {}; {} long\n",
        of(rows.all.len(), "span", "spans"),
        of(found.traces as usize, "trace", "traces"),
        of(found.roots as usize, "root", "roots"),
        of(rows.threads(), "thread", "threads"),
        of(rows.processes(), "process", "processes"),
        duration(found.wall_ns)
    )?;
    for kind in Kind::ALL {
        let number = found.kind(kind).count;
        let is_bad = verdict.failed.iter().any(|(failed, ..)| *failed == kind);
        let text = format!("{:>9}", count(number));
        let text = if is_bad { paint.red(&text) } else { text };
        let line = format!("{:<10} {text}  {}", kind.name(), paint.dim(if number > 0 { kind.about() } else { "" }));
        writeln!(out, "{}", line.trim_end())?;
    }
    for kind in Kind::ALL {
        problems(out, rows, found, kind, paint)?;
    }
    writeln!(out, "\n{}", last(verdict, paint))
}

fn problems(out: &mut impl Write, rows: &Rows, found: &Found, kind: Kind, paint: Paint) -> io::Result<()> {
    let problems = found.kind(kind);
    if problems.listed.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", paint.bold(kind.name()))?;
    for problem in &problems.listed {
        let row = &rows.all[problem.row as usize];
        let parent = problem.why.parent().map(|number| &rows.all[number as usize]);
        writeln!(out, "  {}", name(rows.names.name(row.name)))?;
        writeln!(out, "    {}", why(row, problem))?;
        writeln!(out, "    trace {}  span {}", row.trace_id(), SpanId::from_u64(row.id))?;
        if let Some(parent) = parent {
            writeln!(out, "    parent {} {}", SpanId::from_u64(parent.id), name(rows.names.name(parent.name)))?;
        }
    }
    let rest = match kind {
        Kind::Dropped => 0,
        _ => problems.count - problems.listed.len() as u64,
    };
    if rest > 0 {
        writeln!(out, "  and {} more: --list {}", count(rest), problems.count)?;
    }
    Ok(())
}

fn why(row: &Row, problem: &Problem) -> String {
    match problem.why {
        Why::NoParent => format!("its parent {} is missing", SpanId::from_u64(row.parent)),
        Why::Same => "another span has its trace and its id".to_owned(),
        Why::Backwards(ns) => format!("ends {} before it starts", duration(ns)),
        Why::Early(ns, _) => format!("starts {} before its parent", duration(ns)),
        Why::Late(ns, _) => format!("ends {} after its parent, on the same thread", duration(ns)),
        Why::Open => "was open when the program ended".to_owned(),
        Why::Aborted => "was open when its process ended".to_owned(),
        Why::Dropped(number) => format!("lost {} below it", counted(number.into(), "span", "spans")),
    }
}

fn last(verdict: &Verdict, paint: Paint) -> String {
    if verdict.is_ok() {
        return paint.green("ok");
    }
    let each = verdict.failed.iter().map(|(kind, number, most)| match most {
        0 => kind.counted(*number),
        most => format!("{} (allowed: {})", kind.counted(*number), count(*most)),
    });
    paint.red(&format!("failed: {}", each.collect::<Vec<_>>().join(", ")))
}

/// Writes everything as one object.
pub(crate) fn json(
    out: &mut impl Write,
    rows: &Rows,
    found: &Found,
    verdict: &Verdict,
    damage: &[String],
) -> io::Result<()> {
    let kinds = Kind::ALL.into_iter().map(|kind| {
        let problems = found.kind(kind);
        let listed = problems.listed.iter().map(|problem| {
            let row = &rows.all[problem.row as usize];
            json!({
                "trace": row.trace_id().to_string(),
                "span": SpanId::from_u64(row.id).to_string(),
                "name": rows.names.name(row.name),
                "why": why(row, problem),
                "parent": (row.parent != 0).then(|| SpanId::from_u64(row.parent).to_string()),
            })
        });
        (kind.name().to_owned(), json!({ "count": problems.count, "listed": listed.collect::<Vec<_>>() }))
    });
    let all = json!({
        "ok": verdict.is_ok(),
        "spans": rows.all.len(),
        "traces": found.traces,
        "roots": found.roots,
        "processes": rows.processes(),
        "threads": rows.threads(),
        "wall_ns": found.wall_ns,
        "problems": kinds.collect::<serde_json::Map<String, Value>>(),
        "damage": damage,
    });
    writeln!(out, "{all:#}")
}
