//! The child's side: finds the region that its parent made for it.

use super::memory::Memory;
use super::sys::{self, Map};
use super::variable::{Place, VARIABLE};
use crate::env;
use heirloom_core::region::{on_init, AttachError, Attachment};
use std::io;
use std::os::fd::AsFd;

/// Makes a global tracer that starts in this process afterwards record into the region that its parent made for it, if there is
/// one. Further calls do nothing. The functions of the crate `heirloom` that start a tracer call it.
///
/// The environment variable is ignored in a program that runs with more rights than its user (setuid), and if it is stale. A
/// grandchild that inherits the variable is not the heir, even if it inherits the memory too.
pub fn attach_to_parent() {
    on_init(find);
}

/// `None` if there is no region for this process; an error if the region can't be used.
fn find() -> Option<Result<Attachment, String>> {
    let text = env::handed_over(VARIABLE)?.into_string().ok()?;
    let Ok(place) = text.parse::<Place>() else {
        return Some(Err(format!("{VARIABLE} has the value {text:?}, which this version of Heirloom can't read; build both programs with the same version")));
    };
    if !is_meant(&place) {
        return None;
    }
    match attach(&place) {
        // The region is for another process, which started this one and has no tracer.
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
    let no_memory = |error: io::Error| format!("can't map the region that the parent process made: {error}");
    for fd in [place.memory, place.event] {
        sys::keep_on_exec(fd, false).map_err(no_memory)?;
    }
    // The inherited ones stay open: if the variable was forged, they belong to other code.
    let [file, event] = [sys::duplicate(place.memory), sys::duplicate(place.event)];
    let (file, event) = (file.map_err(no_memory)?, event.map_err(no_memory)?);
    let bytes = usize::try_from(place.bytes).map_err(|_| {
        "the region that the parent process made is larger than this process's address space".to_owned()
    })?;
    let map = Map::new(file.as_fd(), bytes).map_err(no_memory)?;
    let memory = Memory::new(file, event, map);
    Ok(Attachment::attach(Box::new(memory), place.nonce))
}
