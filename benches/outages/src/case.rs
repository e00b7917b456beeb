//! The cases of the table: a load, a backend's timetable, and what must hold.

use crate::backend::{Backend, Mode, Timetable};
use crate::program::{Load, Said};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Through which exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Langfuse,
    Otlp,
}

impl Way {
    pub(crate) const ALL: [Way; 2] = [Way::Langfuse, Way::Otlp];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Way::Langfuse => "langfuse",
            Way::Otlp => "otlp",
        }
    }
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Every span arrives.
    All,
    /// As `All`, and nothing is asked while the backend wants peace: from its answer on, for this many seconds.
    Peace(u64),
    /// The ledger's `exported` is the number of spans that the backend took.
    Agrees,
    /// No orphan whose parent isn't counted as torn.
    Whole,
    /// Every span of the process with the name `own` arrives.
    Own(u64),
    /// As `Whole`, in so many MiB more memory than before the load.
    Memory(u64),
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub name: &'static str,
    pub timetable: Timetable,
    pub load: Load,
    pub goal: Goal,
    /// Variables of the program: of both ways, and one for the spans of a request.
    pub variables: Vec<(&'static str, &'static str)>,
    pub request_spans: Option<&'static str>,
}

/// The result of a case.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub said: Said,
    /// Different spans that the backend took.
    pub taken: u64,
    pub again: u64,
    pub orphans: (u64, u64),
    pub missing_children: u64,
    pub requests: usize,
    /// Requests that came during the peace.
    pub too_early: usize,
    pub own: u64,
}

impl Case {
    fn new(name: &'static str, timetable: Timetable, load: Load, goal: Goal) -> Self {
        Self { name, timetable, load, goal, variables: Vec::new(), request_spans: None }
    }

    /// Runs it.
    pub(crate) fn run(&self, way: Way) -> Result<Outcome, Box<dyn std::error::Error>> {
        let backend = Backend::start(self.timetable.clone())?;
        let mut program = Command::new(std::env::current_exe()?);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if ["HEIRLOOM_", "OTEL_", "LANGFUSE_"].iter().any(|start| name.starts_with(start)) {
                program.env_remove(name);
            }
        }
        program.args(["--program", &serde_json::to_string(&self.load)?, way.name()]);
        program.envs(self.changed(way)).stdout(Stdio::piped()).stderr(Stdio::piped());
        match way {
            Way::Langfuse => {
                program.env("LANGFUSE_BASE_URL", backend.url());
                program.env("LANGFUSE_PUBLIC_KEY", "pk-lf-1").env("LANGFUSE_SECRET_KEY", "sk-lf-1");
            }
            Way::Otlp => {
                program.env("OTEL_EXPORTER_OTLP_ENDPOINT", backend.url());
            }
        }
        let output = program.spawn()?.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().rev().find(|line| line.starts_with('{')).ok_or_else(|| {
            format!("{} through {}: {}", self.name, way.name(), String::from_utf8_lossy(&output.stderr))
        })?;
        if std::env::var_os("OUTAGES_VERBOSE").is_some() {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
        }
        let seen = backend.seen();
        Ok(Outcome {
            said: serde_json::from_str(line)?,
            taken: seen.spans(),
            again: seen.again,
            orphans: seen.orphans(),
            missing_children: seen.missing_children(),
            requests: backend.asked().len(),
            too_early: self.too_early(&backend.asked()),
            own: seen.named("own"),
        })
    }

    /// The variables that change a default.
    fn changed(&self, way: Way) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        let of_a_request = match way {
            Way::Langfuse => "LANGFUSE_FLUSH_AT",
            Way::Otlp => "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        };
        self.variables.iter().copied().chain(self.request_spans.map(|spans| (of_a_request, spans)))
    }

    /// What isn't a default, for the table.
    pub(crate) fn settings(&self, way: Way) -> String {
        let changed: Vec<String> = self.changed(way).map(|(name, value)| format!("`{name}={value}`")).collect();
        if changed.is_empty() {
            return "defaults".to_owned();
        }
        changed.join(", ")
    }

    fn too_early(&self, asked: &[Duration]) -> usize {
        let Goal::Peace(seconds) = self.goal else { return 0 };
        let from =
            self.timetable.iter().find(|(_, mode)| matches!(mode, Mode::Later(_))).map_or(Duration::ZERO, |x| x.0);
        let Some(told) = asked.iter().find(|at| **at >= from) else { return 0 };
        asked.iter().filter(|at| **at > *told && **at < *told + Duration::from_secs(seconds)).count()
    }
}

impl Goal {
    /// What isn't as it must be.
    pub(crate) fn misses(self, outcome: &Outcome) -> Option<String> {
        let said = &outcome.said;
        let lost = (said.assembled + said.transparent).saturating_sub(outcome.taken);
        let (orphans, parents) = outcome.orphans;
        let whole = || match parents <= said.torn {
            true => None,
            false => Some(format!("{orphans} orphans, {} torn", said.torn)),
        };
        let all = || (lost > 0).then(|| format!("{lost} lost"));
        let balance = (!said.balanced).then(|| "the ledger doesn't balance".to_owned());
        let agrees = || {
            let differ = said.exported != outcome.taken;
            differ.then(|| format!("the ledger says {}, the backend {}", said.exported, outcome.taken))
        };
        let missed = match self {
            Goal::All => all(),
            Goal::Peace(_) => all()
                .or_else(|| (outcome.too_early > 0).then(|| format!("asked {} times too early", outcome.too_early))),
            Goal::Agrees => agrees(),
            Goal::Whole => whole(),
            Goal::Own(own) => (outcome.own < own).then(|| format!("{} of its own {own} spans arrived", outcome.own)),
            Goal::Memory(mib) => whole().or_else(|| {
                let more = said.peak_kib.saturating_sub(said.before_kib) >> 10;
                (more > mib).then(|| format!("{more} MiB more memory, at most {mib} allowed"))
            }),
        };
        missed.or(balance)
    }
}

/// All cases. `share` of the full time of each: 1 for the table, less for a check that everything works.
pub(crate) fn all(share: f64) -> Vec<Case> {
    let seconds = |full: u64| ((full as f64 * share).ceil() as u64).max(1);
    let at = |full: u64| Duration::from_secs(seconds(full));
    let from_start = |mode| vec![(Duration::ZERO, mode)];
    let takes = |millis| Mode::Takes(Duration::from_millis(millis));
    let paced = |full| Load::Paced { per_second: 2000, seconds: seconds(full) };
    let turns = |full| Load::Turns { per_second: 50, seconds: seconds(full) };
    // The last wait for a backend that doesn't answer takes up to 30 s.
    let after = seconds(45).max(5);
    let outage = |name, full: u64, mode| {
        let timetable = vec![(Duration::ZERO, takes(5)), (at(10), mode), (at(10) + at(full), takes(5))];
        Case::new(
            name,
            timetable,
            Load::Paced { per_second: 890, seconds: seconds(10) + seconds(full) + after },
            Goal::All,
        )
    };
    let mut cases = vec![
        Case::new("2,000/s, answers in 300 ms", from_start(takes(300)), paced(150), Goal::All),
        Case::new("2,000/s, answers in 2 s", from_start(takes(2000)), paced(150), Goal::All),
        Case::new("50 turns/s of 120 KB, 300 ms", from_start(takes(300)), turns(150), Goal::All),
        Case::new("50 turns/s of 120 KB, 2 s", from_start(takes(2000)), turns(150), Goal::All),
        outage("890/s, 30 s of 503", 30, Mode::Status(503)),
        outage("890/s, 30 s refused", 30, Mode::Refuses),
        outage("890/s, 30 s hanging", 30, Mode::Hangs),
        outage("890/s, 90 s of 503", 90, Mode::Status(503)),
        outage("890/s, 90 s refused", 90, Mode::Refuses),
        outage("890/s, 90 s hanging", 90, Mode::Hangs),
    ];
    let pause = seconds(60);
    let timetable = vec![(Duration::ZERO, takes(5)), (Duration::from_secs(3), Mode::Later(pause))];
    let load = Load::Paced { per_second: 890, seconds: pause + 10 };
    cases.push(Case::new("one 429, Retry-After: 60", timetable, load, Goal::Peace(pause)));
    let timetable = vec![(Duration::ZERO, Mode::Refuses), (Duration::from_secs(24), takes(5))];
    let load = Load::Burst { spans: 8501, seconds: 25 };
    cases.push(Case::new("back 1 s before finish", timetable, load, Goal::All));
    cases.push(Case {
        variables: vec![("HEIRLOOM_FINISH_TIMEOUT_MS", "60000")],
        request_spans: Some("512"),
        ..Case::new(
            "4 s per request of 512 spans",
            from_start(takes(4000)),
            Load::Burst { spans: 4096, seconds: 1 },
            Goal::Agrees,
        )
    });
    // What was queued must arrive, so that only the queue decides what doesn't.
    let mut full = [
        Case::new("dynamic names flat out", from_start(takes(2000)), Load::Names { seconds: seconds(10) }, Goal::Whole),
        Case::new(
            "100 threads end 10,000 spans",
            from_start(takes(2000)),
            Load::Threads { threads: 100, spans: 10_000 },
            Goal::Whole,
        ),
        Case::new("a child floods", from_start(takes(300)), Load::Child { threads: 300, own: 6992 }, Goal::Own(6991)),
        Case {
            // 8,192 spans a second.
            request_spans: Some("4096"),
            ..Case::new(
                "ten times what it takes",
                from_start(takes(500)),
                Load::Paced { per_second: 82_000, seconds: seconds(40) },
                // The queue's bound of 64 MiB and 10 %; 14 MiB for the rings, the request and what a full queue remembers.
                Goal::Memory(84),
            )
        },
    ];
    full.iter_mut().for_each(|case| case.variables = vec![("HEIRLOOM_FINISH_TIMEOUT_MS", "120000")]);
    cases.extend(full);
    cases
}
