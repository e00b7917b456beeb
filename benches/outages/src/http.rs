//! As much of HTTP/1.1 as the exporters use.

use flate2::read::GzDecoder;
use std::io::{Read, Write};
use std::net::TcpStream;

/// A request's body, decompressed.
pub(crate) struct Request {
    pub body: Vec<u8>,
}

/// Reads one request; `None` at the end of the connection.
pub(crate) fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 64 << 10];
    let (head, length, gzip) = loop {
        let n = stream.read(&mut chunk).ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&chunk[..n]);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        if let httparse::Status::Complete(head) = request.parse(&bytes).ok()? {
            let of = |name: &str| request.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value);
            let length = of("content-length").and_then(|v| std::str::from_utf8(v).ok()?.parse::<usize>().ok());
            break (head, length.unwrap_or(0), of("content-encoding") == Some(b"gzip"));
        }
    };
    let mut body = bytes.split_off(head);
    while body.len() < length {
        let n = stream.read(&mut chunk).ok().filter(|n| *n > 0)?;
        body.extend_from_slice(&chunk[..n]);
    }
    if gzip {
        let mut plain = Vec::new();
        GzDecoder::new(&body[..]).read_to_end(&mut plain).ok()?;
        body = plain;
    }
    Some(Request { body })
}

/// Answers with an empty body.
pub(crate) fn answer(stream: &mut TcpStream, status: u16, retry_after: Option<u64>) -> Option<()> {
    let later = retry_after.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
    let head =
        format!("HTTP/1.1 {status} -\r\ncontent-type: application/x-protobuf\r\n{later}content-length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()
}
