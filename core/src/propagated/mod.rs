//! The tracestates and the baggage that traces brought from other processes. A context has only the index of its place
//! here.
//!
//! One table for the whole process, because propagation doesn't depend on recording: a program without a tracer passes on
//! what it received. A place has the trace's id and its texts. It is used again, first in, first out, so a flood of
//! traces takes no more memory than [`PLACES`] of them. A context whose place was reused finds another trace there, and
//! reads nothing. Each such read is counted and the first one is reported.
//!
//! Cost of [`keep`]: one hash of the texts, one uncontended lock, one allocation for each text. It doesn't grow with the
//! number of traces. [`read`] takes the same lock. The table's memory is at most 40 MiB, and 24 MiB more for baggage. It
//! is allocated as places are used.

mod stripe;
#[cfg(all(test, not(loom)))]
mod tests;

use crate::diagnostics::{self, Cause, Diagnostic, Level};
use crate::life::{self, PerProcess};
use crate::TraceId;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use stripe::Stripe;

/// The number of places: that of indices in a context, which has 16 bits for one. Zero is none.
pub(crate) const PLACES: usize = u16::MAX as usize;
/// The number of parts with separate locks. Few, so that random traces fill all parts about evenly: of 60,000 traces no
/// part gets more than it holds. It divides the number of places.
const STRIPES: usize = 15;
/// The number of places of a stripe.
const STRIPE_PLACES: usize = PLACES / STRIPES;

/// The longest tracestate, in bytes. It bounds the table's memory. `TraceState` keeps no more.
pub(crate) const MAX_TRACESTATE_BYTES: usize = 512;
/// The most bytes of baggage in the table. Beyond it the oldest baggage is dropped, so that long baggage takes no
/// tracestate's place.
const MAX_BAGGAGE_BYTES: usize = 24 << 20;

/// The most memory without baggage: places, hints, tracestates.
const MAX_BYTES: usize = STRIPES * Stripe::max_bytes(STRIPE_PLACES, MAX_TRACESTATE_BYTES);

/// What a trace brought. Neither text is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Texts {
    pub(crate) tracestate: Option<Arc<str>>,
    pub(crate) baggage: Option<Arc<str>>,
}

/// The texts were in a place that another trace has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

/// The places, in stripes. A hash of the trace id and the texts chooses the stripe, with a random seed, so that a sender
/// can't choose whose places are reused.
struct Table {
    seed: OnceLock<RandomState>,
    stripes: [Mutex<Stripe>; STRIPES],
}

/// The table of the first process of the program.
static TABLE: Table = Table::new();
/// That of a process that was forked from it. No lock of another process's table is waited for.
static FORKED: PerProcess<Table> = PerProcess::new();
/// Reads that found another trace, in the whole process.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Keeps texts for contexts of a trace, and returns their index. Zero if both texts are empty. A tracestate longer than
/// [`MAX_TRACESTATE_BYTES`] is not kept.
pub(crate) fn keep(trace: TraceId, tracestate: &str, baggage: &str) -> u16 {
    table().keep(trace, tracestate, baggage)
}

fn table() -> &'static Table {
    if life::process() == 0 {
        &TABLE
    } else {
        FORKED.get()
    }
}

/// The texts of a trace at an index. What is missing because its place was reused is counted.
pub(crate) fn read(trace: TraceId, index: u16) -> Texts {
    let (mut texts, mut loss) = table().read(trace, index);
    if loss.is_some() && life::process() != 0 {
        (texts, loss) = TABLE.read_if_free(trace, index); // from before the fork
    }
    if loss.is_some() {
        count_loss();
    }
    texts
}

/// As [`read`], only the tracestate.
pub(crate) fn tracestate(trace: TraceId, index: u16) -> Option<Arc<str>> {
    read(trace, index).tracestate
}

/// How many reads found that the texts were lost, in the whole process.
pub(crate) fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

#[cold]
fn count_loss() {
    if LOST.fetch_add(1, Ordering::Relaxed) == 0 {
        let message = format!(
            "the tracestate or baggage of a trace is lost: more than {PLACES} traces brought one since, or more than \
             {MAX_BAGGAGE_BYTES} bytes of baggage; further losses are counted in the ledger as `lost_tracestates`"
        );
        diagnostics::report(Diagnostic::new(Level::Warn, Cause::LostTracestate, message));
    }
}

impl Table {
    const fn new() -> Self {
        const { assert!(STRIPES * STRIPE_PLACES == PLACES && MAX_BYTES <= 40 << 20) };
        Self {
            seed: OnceLock::new(),
            stripes: [const { Mutex::new(Stripe::new(STRIPE_PLACES, MAX_BAGGAGE_BYTES / STRIPES)) }; STRIPES],
        }
    }

    fn keep(&self, trace: TraceId, tracestate: &str, baggage: &str) -> u16 {
        let tracestate = if tracestate.len() > MAX_TRACESTATE_BYTES { "" } else { tracestate };
        if tracestate.is_empty() && baggage.is_empty() {
            return 0;
        }
        let hash = self.hash(trace, tracestate, baggage);
        let stripe = (hash >> 32) as usize % STRIPES;
        let place = self.lock(stripe).keep(hash, trace, tracestate, baggage);
        (1 + stripe * STRIPE_PLACES + place) as u16
    }

    fn read(&self, trace: TraceId, index: u16) -> (Texts, Option<Lost>) {
        let Some(place) = (index as usize).checked_sub(1) else { return (Texts::default(), None) };
        self.lock(place / STRIPE_PLACES).read(place % STRIPE_PLACES, trace)
    }

    /// As [`read`](Self::read). A table whose lock is held has lost the texts.
    fn read_if_free(&self, trace: TraceId, index: u16) -> (Texts, Option<Lost>) {
        let Some(place) = (index as usize).checked_sub(1) else { return (Texts::default(), None) };
        match self.stripes[place / STRIPE_PLACES].try_lock() {
            Ok(places) => places.read(place % STRIPE_PLACES, trace),
            Err(_) => (Texts::default(), Some(Lost)),
        }
    }

    fn hash(&self, trace: TraceId, tracestate: &str, baggage: &str) -> u64 {
        let mut hasher = self.seed.get_or_init(RandomState::new).build_hasher();
        hasher.write_u64(trace.hi);
        hasher.write_u64(trace.lo);
        hasher.write(tracestate.as_bytes());
        hasher.write(baggage.as_bytes());
        hasher.finish()
    }

    fn lock(&self, stripe: usize) -> MutexGuard<'_, Stripe> {
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}
