//! [`Chunk`]: spans by scope, below one resource.

use super::attributes::Threads;
use super::counted::Counted;
use super::mapping::Mapping;
use super::{json, protobuf};
use crate::Format;
use heirloom_core::export::{Resource, SpanRef};
use std::io::{self, Write};

/// What a chunk takes besides its resource and its groups, in bytes, at most: tags and lengths, or JSON's names.
const FRAME_BYTES: usize = 24;
/// What a group takes besides its scope and its spans, in bytes, at most.
const GROUP_BYTES: usize = 16;
/// How many groups keep their memory from chunk to chunk.
const KEPT_GROUPS: usize = 8;
/// A buffer with more memory than this, in bytes, is not kept.
const KEPT_BYTES: usize = 1 << 20;

/// Encoded spans of one resource: a `ResourceSpans`.
#[derive(Debug)]
pub(super) struct Chunk {
    format: Format,
    resource: Vec<u8>,
    /// The first has the scope of spans without one.
    groups: Vec<Group>,
    /// How many groups are in use; the others keep memory.
    used: usize,
    /// The group of the last span: most spans in a row have the same scope.
    last: usize,
    keeps_scopes: bool,
    /// A scope that is looked for.
    scope: Vec<u8>,
    threads: Threads,
    /// Whether the last span had less than 128 bytes in protobuf.
    was_short: bool,
    spans: usize,
    /// At most so many bytes will be written.
    size: usize,
}

/// Encoded spans of one scope: a `ScopeSpans`.
#[derive(Debug, Default)]
struct Group {
    scope: Vec<u8>,
    spans: Vec<u8>,
}

impl Chunk {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            resource: Vec::new(),
            groups: Vec::new(),
            used: 0,
            last: 0,
            keeps_scopes: true,
            scope: Vec::new(),
            threads: Threads::new(),
            was_short: false,
            spans: 0,
            size: 0,
        }
    }

    /// Begins with the spans of a resource.
    pub(super) fn begin(&mut self, resource: &Resource, mapping: &mut impl Mapping) {
        self.threads.begin(resource);
        self.resource.clear();
        match self.format {
            Format::Protobuf => protobuf::resource(&mut self.resource, resource, mapping, &mut self.threads),
            Format::Json => json::resource(&mut self.resource, resource, mapping, &mut self.threads),
        }
        // What a mapping may have added of a lane was an attribute of the resource.
        self.threads.begin(resource);
        self.keeps_scopes = mapping.keeps_scopes();
        if self.groups.is_empty() {
            self.groups.push(Group::default());
        }
        let scope = &mut self.groups[0].scope;
        scope.clear();
        match self.format {
            Format::Protobuf => protobuf::scope(scope, &mapping.scope()),
            Format::Json => json::scope(scope, &mapping.scope()),
        }
        self.empty();
    }

    /// Adds a span, unless more than `left` bytes would be written then. Returns whether it did.
    #[inline(always)]
    pub(super) fn push(&mut self, span: SpanRef<'_>, mapping: &mut impl Mapping, left: usize) -> bool {
        let index = self.group(span);
        let Some(group) = self.groups.get_mut(index) else { return false };
        let before = group.spans.len();
        match self.format {
            Format::Protobuf => {
                protobuf::span(&mut self.was_short, &mut group.spans, span, mapping, &mut self.threads);
            }
            Format::Json => json::span(&mut group.spans, span, mapping, &mut self.threads),
        }
        let head = if before == 0 { GROUP_BYTES + group.scope.len() } else { 0 };
        let size = self.size + head + (group.spans.len() - before);
        if size > left {
            group.spans.truncate(before);
            return false;
        }
        (self.size, self.spans) = (size, self.spans + 1);
        true
    }

    /// The index of the group of a span. A new one, if it is the first of its scope.
    #[inline(always)]
    fn group(&mut self, span: SpanRef<'_>) -> usize {
        if !self.keeps_scopes {
            return 0;
        }
        let Some(scope) = span.scope() else { return 0 };
        self.scope.clear();
        match self.format {
            Format::Protobuf => protobuf::recorded_scope(&mut self.scope, scope),
            Format::Json => json::recorded_scope(&mut self.scope, scope),
        }
        self.find()
    }

    fn find(&mut self) -> usize {
        let used = &self.groups[..self.used];
        if used.get(self.last).is_some_and(|group| group.scope == self.scope) {
            return self.last;
        }
        self.last = used.iter().position(|group| group.scope == self.scope).unwrap_or(self.used);
        if self.last == self.used {
            if self.used == self.groups.len() {
                self.groups.push(Group::default());
            }
            self.groups[self.used].scope.clone_from(&self.scope);
            self.used += 1;
        }
        self.last
    }

    /// At most so many bytes will be written.
    #[inline(always)]
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spans == 0
    }

    /// Writes it, and empties it. Returns how many bytes that were.
    pub(super) fn write(&mut self, comma: bool, out: &mut dyn Write) -> io::Result<usize> {
        let mut counted = Counted::new(out);
        let groups = self.groups[..self.used].iter().filter(|group| !group.spans.is_empty());
        let groups = groups.map(|group| (&group.scope[..], &group.spans[..]));
        let written = match self.format {
            Format::Protobuf => protobuf::chunk(&mut counted, &self.resource, groups),
            Format::Json => json::chunk(&mut counted, comma, &self.resource, groups),
        };
        let bytes = counted.bytes();
        self.empty();
        written.map(|()| bytes)
    }

    fn empty(&mut self) {
        self.groups.truncate(KEPT_GROUPS);
        for group in &mut self.groups {
            group.spans.clear();
            group.spans.shrink_to(KEPT_BYTES);
        }
        (self.used, self.last, self.spans) = (1, 0, 0);
        self.size = FRAME_BYTES + self.resource.len();
    }
}
