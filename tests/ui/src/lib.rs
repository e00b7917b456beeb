//! Empty: the programs are in `ok` and `err`, and `tests/compile_fail.rs` compiles them.
