//! The child's side: finds the region that its parent made for it.

use super::memory::Memory;
use super::sys;
use super::variable::{Place, VARIABLE};
use heirloom_core::region::{on_init, AttachError, Attachment};
use std::io;

/// From now on a global tracer that starts in this process records into the region that its parent made for it, if there is
/// one. Calling it again does nothing. The functions of the crate `heirloom` that start a tracer call it.
///
/// What the environment says is ignored in a program that runs with more rights than its user (setuid), and if it is stale:
/// a grandchild that inherits the variable is not the heir, whether it inherits the memory too or not.
pub fn attach_to_parent() {
    on_init(find);
}

/// `None` if there is no region for this process; an error if there is one that it can't use.
fn find() -> Option<Result<Attachment, String>> {
    let text = std::env::var(VARIABLE).ok()?;
    let Ok(place) = text.parse::<Place>() else {
        return Some(Err(format!("{VARIABLE} is not something that this version of Heirloom wrote: {text:?}")));
    };
    if !is_meant(&place) {
        return None;
    }
    match attach(&place) {
        // Whoever was meant did not start a tracer, but this process, which it started, does.
        Ok(Err(AttachError::Nonce | AttachError::Heir)) => None,
        Ok(attached) => Some(attached.map_err(|error| error.to_string())),
        Err(error) => Some(Err(error)),
    }
}

/// Whether the descriptor is the memory that the variable was written for.
fn is_meant(place: &Place) -> bool {
    let sealed = sys::seals(place.memory).is_ok_and(|seals| seals & sys::SEALS == sys::SEALS);
    sealed && sys::length_and_inode(place.memory).is_ok_and(|found| found == (place.bytes, place.inode))
}

fn attach(place: &Place) -> Result<Result<Attachment, AttachError>, String> {
    let no_memory = |error: io::Error| format!("the region of this process's parent can't be mapped: {error}");
    for fd in [place.memory, place.event] {
        sys::keep_on_exec(fd, false).map_err(no_memory)?;
    }
    // The inherited ones stay open: they are not this code's to close, if the variable was forged.
    let [file, event] = [sys::duplicate(place.memory), sys::duplicate(place.event)];
    let (file, event) = (file.map_err(no_memory)?, event.map_err(no_memory)?);
    let bytes =
        usize::try_from(place.bytes).map_err(|_| "the region is larger than this process's memory".to_owned())?;
    let memory = Memory::new(file, event, bytes).map_err(no_memory)?;
    Ok(Attachment::attach(Box::new(memory), place.nonce))
}
