//! Invented runs: a program that makes thumbnails on a pool and answers requests meanwhile. It lists files, makes the thumbnails in
//! a fan-out with one straggler and one contended lock, and merges an index alone.

use heirloom_core::{SpanId, TraceId};
use heirloom_insight::model::*;
use std::sync::Arc;

/// What a run shall be like.
pub(crate) struct Plan {
    /// How many spans, about.
    pub(crate) spans: usize,
    /// Threads of the pool. 0: the main thread does everything.
    pub(crate) workers: u32,
    /// Threads that answer requests.
    pub(crate) servers: u32,
    /// Whether ids are random, as those of other tracers.
    pub(crate) random_ids: bool,
    /// Whether names are hostile.
    pub(crate) hostile: bool,
}

pub(crate) fn plan(case: &str) -> Option<Plan> {
    let plan = |spans, workers, servers| Plan { spans, workers, servers, random_ids: false, hostile: false };
    Some(match case {
        "small" => plan(100, 4, 2),
        "one-lane" => plan(400, 0, 0),
        "lanes" => plan(12_000, 192, 7),
        "hostile" => Plan { hostile: true, ..plan(300, 4, 1) },
        "pipeline" => plan(6_000, 8, 2),
        "million" => plan(1_000_000, 16, 4),
        "million-random" => Plan { random_ids: true, ..plan(1_000_000, 16, 4) },
        "empty" => plan(0, 0, 0),
        _ => return None,
    })
}

pub(crate) const HOSTILE: [&str; 9] = [
    "</script><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>",
    "شكرا جزيلا \u{202e}gnp.exe",
    "שלום עולם",
    "🦀🧵 fan-out 👩‍👩‍👧‍👦",
    "__proto__",
    "line\nbreak\ttab\u{0}nul\u{1b}[31m",
    "${alert(1)} {{7*7}} javascript:alert(1)",
    "",
    "&lt;b&gt; &amp; \"quoted\" 'single' `tick`",
];

/// Numbers that are the same in each run: xorshift64*.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// About `mean`, with a long tail.
    fn around(&mut self, mean: u64) -> u64 {
        let unit = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        (mean as f64 * (0.45 + 0.35 * -(1.0 - unit).ln())) as u64 + self.next() % 97
    }
}

struct Builder<'a> {
    run: Run,
    random: Random,
    plan: &'a Plan,
    next_id: Vec<u64>,
}

const START: u64 = 1_795_000_000_000_000_000;

impl Builder<'_> {
    fn name(&mut self, name: &str) -> NameIx {
        if let Some(at) = self.run.names.iter().position(|known| **known == *name) {
            return at as u32;
        }
        self.run.names.push(name.into());
        self.run.names.len() as u32 - 1
    }

    fn lane(&mut self, process: u32, name: String, pool: Option<PoolPlace>) -> LaneIx {
        let seed = self.random.next();
        self.next_id.push(seed);
        let thread_id = 4_000 + self.run.lanes.len() as u64;
        self.run.lanes.push(Lane { process, thread_id, thread_name: name.into(), pool });
        self.run.lanes.len() as u32 - 1
    }

    fn span(&mut self, name: NameIx, lane: LaneIx, parent: Option<SpanIx>, start: u64, end: u64) -> SpanIx {
        let next = &mut self.next_id[lane as usize];
        *next = next.wrapping_add(1);
        let id = if self.plan.random_ids { self.random.next() } else { *next };
        let mut span = Span::new(SpanId::from_u64(id), name, lane, start..end);
        span.trace = self.run.traces.len() as u32 - 1;
        span.set_parent(parent);
        self.run.spans.push(span);
        self.run.spans.len() as u32 - 1
    }
}

/// The run. Its tables are in the order in which it is invented, not by start.
pub(crate) fn run(plan: &Plan) -> Run {
    let trace = TraceId::from_u128(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    let mut b = Builder { run: Run::default(), random: Random(0x5eed), plan, next_id: Vec::new() };
    b.run.traces.push(trace);
    b.run.program = if plan.hostile { HOSTILE[0].into() } else { "thumbnails".into() };
    b.run.machine = Machine { cpus: Some(f64::from(plan.workers.clamp(1, 16))), cores: Some(plan.workers.clamp(1, 8)) };
    b.run.processes.push(Process { pid: 41_207, name: Arc::from(b.run.program.as_str()) });
    b.run.window = START..START;
    if plan.spans == 0 {
        return b.run;
    }
    let end = thumbnails(&mut b);
    if plan.servers > 0 {
        requests(&mut b, end);
    }
    b.run.window = START..end;
    b.run
}

/// The main program. Returns its end.
fn thumbnails(b: &mut Builder<'_>) -> u64 {
    let (plan, workers) = (b.plan, b.plan.workers);
    let main = b.lane(0, "main".into(), None);
    let lanes: Vec<LaneIx> = (0..workers)
        .map(|index| {
            let pool = PoolPlace { pool: 1, name: "rayon".into(), index, size: workers };
            let name = if plan.hostile && index == 0 { HOSTILE[0].into() } else { format!("rayon-{index}") };
            b.lane(0, name, Some(pool))
        })
        .collect();
    let pieces: [String; 4] = if plan.hostile {
        [HOSTILE[1].into(), HOSTILE[3].into(), HOSTILE[5].into(), format!("ten thousand {}", "x".repeat(10_000))]
    } else {
        ["decode", "resize", "encode", "store"].map(String::from)
    };
    let (thumbnail, merge) = if plan.hostile { (HOSTILE[0], HOSTILE[2]) } else { ("thumbnail", "merge index") };
    let [root, list, thumbnail, merge] = ["run", "list files", thumbnail, merge].map(|name| b.name(name));
    let pieces = pieces.map(|name| b.name(&name));
    let cache = if plan.hostile { HOSTILE[0] } else { "cache" };
    b.run.locks.push(Lock {
        name: cache.into(),
        kind: LockKind::Mutex,
        acquisitions: plan.spans as u64,
        short_waits: 40,
        short_wait_ns: 20_000,
        hand_offs: 12,
    });
    // With requests a part of the spans are theirs.
    let items = plan.spans * if plan.servers > 0 { 17 } else { 20 } / 100;
    let list_ns = (items as u64 * 18_000 / u64::from(workers.max(1))).max(2_000_000);
    let root_span = b.span(root, main, None, START, START);
    let listed = START + 200_000 + list_ns;
    b.span(list, main, Some(root_span), START + 200_000, listed);
    b.run.fans.push(Fan {
        within: None,
        id: 77,
        kind: FanKind::Iterator,
        parent: Some(root_span),
        lane: main,
        begin: listed + 20_000,
        join: None,
        blocks: workers > 0,
        children: Vec::new(),
    });
    let mut free: Vec<(u64, LaneIx)> = if lanes.is_empty() {
        vec![(listed + 20_000, main)]
    } else {
        lanes.iter().map(|lane| (listed + 60_000 + u64::from(*lane) * 9_000, *lane)).collect()
    };
    let mut held: Option<(SpanIx, u64)> = None;
    for item in 0..items {
        let at = (0..free.len()).min_by_key(|at| free[*at].0).unwrap_or(0);
        let (start, lane) = free[at];
        // The straggler comes last and takes as long as a quarter of all the others on one lane.
        let slow = if item + 1 == items { (items as u64 / (4 * u64::from(workers.max(1)))).clamp(6, 400) } else { 1 };
        let end = one(b, thumbnail, pieces, lane, root_span, start, slow, &mut held);
        free[at].0 = end + 4_000 + b.random.next() % 6_000;
    }
    let joined = free.iter().map(|(end, _)| *end).max().unwrap_or(listed) + 15_000;
    b.run.fans[0].join = Some(joined);
    if workers > 0 {
        b.run.waits.push(Wait {
            lane: main,
            span: Some(root_span),
            start: listed + 20_000,
            end: joined,
            cause: WaitCause::Install,
            lock: None,
            holder: None,
            releaser: None,
        });
    }
    let merged = joined + 30_000 + ((joined - listed) * 11 / 20).max(4_000_000);
    b.span(merge, main, Some(root_span), joined + 30_000, merged);
    b.run.spans[root_span as usize].end = merged + 100_000;
    merged + 100_000
}

/// One thumbnail with its pieces. Returns its end.
#[allow(clippy::too_many_arguments)]
fn one(
    b: &mut Builder<'_>,
    name: NameIx,
    pieces: [NameIx; 4],
    lane: LaneIx,
    root: SpanIx,
    start: u64,
    slow: u64,
    held: &mut Option<(SpanIx, u64)>,
) -> u64 {
    let span = b.span(name, lane, Some(root), start, start);
    b.run.spans[span as usize].set_fan(Some(0));
    b.run.fans[0].children.push(span);
    let mut at = start + 3_000;
    for (piece, mean) in pieces.into_iter().zip([380_000, 240_000, 310_000, 60_000]) {
        let mut end = at + b.random.around(mean) * slow;
        let child = b.span(piece, lane, Some(span), at, end);
        if piece == pieces[3] {
            // The lock is held by who came before.
            if let Some((holder, until)) = held.filter(|(_, until)| *until > at + 2_000 && *until < at + 3_000_000) {
                b.run.waits.push(Wait {
                    lane,
                    span: Some(child),
                    start: at + 1_000,
                    end: until,
                    cause: WaitCause::Mutex,
                    lock: Some(0),
                    holder: Some(holder),
                    releaser: Some(holder),
                });
                end = until + mean;
                b.run.spans[child as usize].end = end;
            }
            *held = Some((child, end));
        }
        at = end + 1_500;
    }
    b.run.spans[span as usize].end = at + 2_000;
    b.run.spans[span as usize].error = b.random.next() % 97 == 0;
    at + 2_000
}

/// A second process that answers requests while the first works.
fn requests(b: &mut Builder<'_>, end: u64) {
    b.run.processes.push(Process { pid: 41_290, name: "api server".into() });
    let servers: Vec<LaneIx> = (0..b.plan.servers)
        .map(|index| {
            let pool = PoolPlace { pool: 2, name: "tokio".into(), index, size: b.plan.servers };
            b.lane(1, format!("tokio-runtime-worker-{index}"), Some(pool))
        })
        .collect();
    let [get, query, render] = ["GET /thumb", "query", "render"].map(|name| b.name(name));
    let count = (b.plan.spans * 5 / 100).max(4) as u64;
    let mut free: Vec<u64> = servers.iter().map(|_| START).collect();
    for n in 0..count {
        let arrival = START + 300_000 + (end - START - 600_000) / count * n;
        let trace = TraceId::from_u128(u128::from(b.random.next()) << 64 | 1);
        b.run.traces.push(trace);
        let lane = servers[n as usize % servers.len()];
        let request = b.span(get, lane, None, arrival, arrival);
        let inner = b.span(query, lane, Some(request), arrival, arrival);
        let mut at = arrival;
        let mut last = arrival;
        for turn in 0..3 {
            let server = (n as usize + turn) % servers.len();
            at = at.max(free[server]) + b.random.around(120_000);
            let (from, to) = (at, at + b.random.around(90_000));
            free[server] = to + 1_000;
            let span = if turn == 1 { inner } else { request };
            b.run.polls.push(Poll { span, lane: servers[server], start: from, end: to });
            if turn == 1 {
                b.run.spans[inner as usize].start = from;
                b.run.spans[inner as usize].end = to + 50_000;
            }
            if turn == 2 {
                b.span(render, servers[server], Some(request), from + 2_000, to - 1_000);
            }
            (at, last) = (to, to);
        }
        for span in [request, inner] {
            b.run.spans[span as usize].polled = true;
            b.run.spans[span as usize].nested = false;
        }
        b.run.spans[request as usize].end = last;
        b.run.stages.push(Stage { span: request, kind: StageKind::Submitted, lane, at: arrival, by: None });
    }
}
