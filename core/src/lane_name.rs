//! Names for the lanes of threads that have none.

use std::io::Write;
use std::sync::OnceLock;

/// A thread's place in its pool: the kind of the pool, and the thread's number in it.
type Namer = fn() -> Option<(&'static str, usize)>;

static NAMER: OnceLock<Namer> = OnceLock::new();

/// Sets how lanes of threads without a name are named. For an adapter of a pool whose threads have no names.
///
/// `namer` is called on a thread without a name, before its first record for a tracer. `Some(("rayon", 3))` names its
/// lane "rayon-3"; 64 bytes are kept. Lanes that have a name already keep it. Only the first call in a process has an effect.
///
/// `namer` may run in a signal handler and in the middle of a record: it must not allocate, lock, record or panic.
pub fn name_lanes(namer: fn() -> Option<(&'static str, usize)>) {
    let _ = NAMER.set(namer);
}

/// Room for a name, in bytes: the longest name of a thread that is recorded.
pub(crate) type Buffer = [u8; 64];

/// The name for this thread's lane if the thread has none; empty if `namer` returns none. No allocation.
pub(crate) fn of_unnamed(buffer: &mut Buffer) -> &str {
    NAMER.get().and_then(|namer| namer()).map_or("", |(pool, number)| written(buffer, pool, number))
}

/// Writes the name, cut to the buffer at a character boundary.
fn written<'b>(buffer: &'b mut Buffer, pool: &str, number: usize) -> &'b str {
    let mut rest = &mut buffer[..];
    let _ = write!(rest, "{pool}-{number}");
    let left = rest.len();
    let bytes = &buffer[..buffer.len() - left];
    bytes.utf8_chunks().next().map_or("", |whole| whole.valid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_was_made_has_the_pool_and_the_number() {
        let mut buffer = [0; 64];
        assert_eq!(written(&mut buffer, "rayon", 0), "rayon-0");
        assert_eq!(written(&mut buffer, "rayon", usize::MAX), format!("rayon-{}", usize::MAX));
        assert_eq!(written(&mut buffer, &format!("a{}", "ö".repeat(40)), 1), format!("a{}", "ö".repeat(31)));
    }
}
