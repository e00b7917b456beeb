//! The socket to which a new worker connects: a file, which is removed when the server is dropped.

/// The name of a socket.
pub(super) struct Doorway {
    name: String,
}

impl Doorway {
    pub(super) fn to(file: String) -> Self {
        Self { name: file }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}
