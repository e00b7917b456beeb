//! `heirloom convert`: a trace file in another form, or without what is private. One request is in memory at a time.

mod arrows;
mod chrome;
mod strip;
mod target;
mod waits;
mod why;

use crate::args::{Convert, Form, General};
use crate::failure::Failure;
use crate::files::is_same;
use crate::input::Input;
use strip::Strip;
use target::Target;

/// Runs the subcommand.
pub(crate) fn run(args: &Convert, general: &General) -> Result<(), Failure> {
    let form = form(args)?;
    if is_same(&args.from, &args.to) {
        return Err(Failure::at(&args.to, "is the file that is read: expected another name"));
    }
    let mut strip = args.strip.then(|| Strip::new(args.strip_names, args.key.as_deref()));
    // Opened once there is something to write: a file that can't be read doesn't empty another one.
    let mut target = None;
    let read = Input::new(std::slice::from_ref(&args.from), general).read(|_, mut request| {
        if let Some(strip) = &mut strip {
            strip.request(&mut request);
        }
        if target.is_none() {
            target = Some(Target::open(&args.to, form)?);
        }
        target.as_mut().map_or(Ok(()), |target| target.request(&request))
    });
    // What was read is written whole, also if the rest can't be read.
    let ended = target.map_or(Ok(()), Target::end);
    read.and(ended)
}

fn form(args: &Convert) -> Result<Form, Failure> {
    let ending = args.to.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    match (args.form, ending.as_deref()) {
        (Some(form), _) => Ok(form),
        (None, Some("otlp")) => Ok(Form::Otlp),
        (None, Some("jsonl")) => Ok(Form::Jsonl),
        (None, Some("json")) => Ok(Form::Json),
        _ => Err(Failure::at(
            &args.to,
            "expected a name that ends in .otlp, .jsonl or .json, or --to otlp, jsonl or json",
        )),
    }
}
