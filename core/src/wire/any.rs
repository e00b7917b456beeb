//! The check of a record of any kind.

use super::check::{Check, Origin};
use super::{
    Attr, Begin, Chunk, End, Event, Header, Kind, Link, Mark, More, Rename, Skip, Status, Strand, ThreadStart,
    TraceValue, Tracestate, Violation,
};

/// Checks a record, and converts it to one of this process. `rest` is the number of bytes of a long value that are still
/// to come in chunks, before the record and after it.
pub(crate) fn check(record: &mut Vec<u64>, rest: &mut u64, origin: &mut impl Origin) -> Result<(), Violation> {
    let header = Header::of(record).ok_or(Violation::Length)?;
    let kind = header.kind().ok_or(Violation::Kind)?;
    if (kind == Kind::Chunk) != (*rest > 0) {
        return Err(Violation::Length);
    }
    let mut check = Check { record, at: 1, origin };
    match kind {
        Kind::Begin => Begin::check(&mut check, header)?,
        Kind::End => End::check(&mut check)?,
        Kind::Attr => *rest = Attr::check(&mut check, header)?,
        Kind::Chunk => *rest = Chunk::check(&mut check, header, *rest)?,
        Kind::Event => Event::check(&mut check, header)?,
        Kind::Link => Link::check(&mut check, header)?,
        Kind::More => *rest = More::check(&mut check, header)?,
        Kind::Status => Status::check(&mut check, header)?,
        Kind::Rename => Rename::check(&mut check, header)?,
        Kind::Tracestate => Tracestate::check(&mut check, header)?,
        Kind::ThreadStart => ThreadStart::check(&mut check, header)?,
        Kind::TraceValue => TraceValue::check(&mut check, header)?,
        Kind::Mark => Mark::check(&mut check, header)?,
        Kind::Strand => Strand::check(&mut check)?,
        Kind::Skip => Skip::check(&check)?,
    }
    check.end()
}
