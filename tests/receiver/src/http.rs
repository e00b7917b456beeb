//! The part of HTTP/1.1 that clients of this server use: requests and responses with a length.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// Upper bound for the bytes of a body; requests here are smaller.
const MAX_HEAD_BYTES: usize = 64 << 10;
const MAX_BODY_BYTES: usize = 256 << 20;

/// A received request.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lowercase.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Raw {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    pub(crate) fn write(&self, stream: &mut TcpStream) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Status\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(&[head.as_bytes(), &self.body].concat())
    }
}

/// The next request of a connection; `None` at its end.
pub(crate) fn read(stream: &mut TcpStream) -> io::Result<Option<Raw>> {
    let mut bytes = Vec::new();
    let head_bytes = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if !more(stream, &mut bytes)? {
            return if bytes.is_empty() { Ok(None) } else { Err(bad("the head ends early")) };
        }
        if bytes.len() > MAX_HEAD_BYTES {
            return Err(bad("the head is too long"));
        }
    };
    let mut raw = parse(&bytes[..head_bytes])?;
    let length = raw
        .header("content-length")
        .map_or(Ok(0), |text| text.parse().map_err(|_| bad("an invalid content-length")))?;
    if length > MAX_BODY_BYTES || raw.header("transfer-encoding").is_some() {
        return Err(bad("a body that is too large or chunked"));
    }
    raw.body = bytes.split_off(head_bytes);
    while raw.body.len() < length {
        if !more(stream, &mut raw.body)? {
            return Err(bad("the body ends early"));
        }
    }
    Ok(Some(raw))
}

fn parse(head: &[u8]) -> io::Result<Raw> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).map_err(|_| bad("no HTTP"))?;
    let headers = request.headers.iter().map(|header| {
        let value = String::from_utf8_lossy(header.value).into_owned();
        (header.name.to_ascii_lowercase(), value)
    });
    Ok(Raw {
        headers: headers.collect(),
        method: request.method.unwrap_or_default().to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
        body: Vec::new(),
    })
}

/// Reads the available bytes; returns false at the end of the stream.
fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 64 << 10];
    let read = stream.read(&mut buffer)?;
    bytes.extend_from_slice(&buffer[..read]);
    Ok(read > 0)
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
