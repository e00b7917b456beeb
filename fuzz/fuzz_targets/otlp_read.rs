//! Any bytes, read as OTLP in each form, and as files of it. What is read as a request is read again from a file.
#![no_main]

use heirloom_otlp::read::{self, Record, Records, Resource, Span, Visitor};
use heirloom_otlp::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let protobuf = read::protobuf(input).ok();
    let json = read::json(&text).ok();
    for format in [Format::Protobuf, Format::Json] {
        let record = Record::new(format, input.to_vec());
        let visited = record.visit(&mut Nothing).map_err(|error| error.to_string());
        assert_eq!(visited, record.request().map(drop).map_err(|error| error.to_string()));
        let mut records = Records::new(format, input);
        let _ = records.by_ref().count();
        assert!(records.cut_off() <= input.len() as u64);
    }
    if let (Some(request), Ok(len)) = (protobuf, u8::try_from(input.len())) {
        if len < 128 {
            let file = [&[len][..], input].concat();
            assert_eq!(first(Format::Protobuf, &file), format!("{request:?}"));
        }
    }
    if let Some(request) = json.filter(|_| !text.contains('\n') && !text.trim().is_empty()) {
        assert_eq!(first(Format::Json, text.as_bytes()), format!("{request:?}"));
    }
});

struct Nothing;

impl Visitor for Nothing {
    fn resource<T: AsRef<str>>(&mut self, _: &Resource<T>) {}
    fn span<T: AsRef<str>>(&mut self, _: &Span<T>) {}
}

/// The first record of a file.
fn first(format: Format, file: &[u8]) -> String {
    match Records::new(format, file).next() {
        Some(Ok(request)) => format!("{request:?}"),
        other => panic!("{other:?}"),
    }
}
