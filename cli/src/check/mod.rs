//! `heirloom check`: whether the trace in some files is whole.

mod find;
mod names;
mod rows;
mod text;

use crate::args::{Check, General};
use crate::failure::Failure;
use crate::input::Input;
use crate::terminal::{out, Paint};
use find::Found;
use rows::Rows;

/// Runs the subcommand.
pub(crate) fn run(args: &Check, general: &General) -> Result<(), Failure> {
    let mut rows = Rows::default();
    let mut input = Input::new(&args.files.files, general);
    input.read(|_, request| rows.request(&request).map_err(Failure::Unusable))?;
    let found = Found::of(&mut rows, args.list);
    let verdict = found.against(&args.allow);
    let mut out = out();
    match args.json {
        true => text::json(&mut out, &rows, &found, &verdict, &input.damage)?,
        false => text::plain(&mut out, &rows, &found, &verdict, Paint::new(general.color))?,
    }
    std::io::Write::flush(&mut out)?;
    match verdict.is_ok() {
        true => Ok(()),
        false => Err(Failure::Checked),
    }
}
