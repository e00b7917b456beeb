//! A server on this machine that speaks OpenAI's protocol: it asks for two tools, and then answers with what they said.

use serde_json::{json, Value};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// The model that it claims to be.
pub const MODEL: &str = "loopback-mini";
/// What the questioner wants to know.
pub const QUESTION: &str = "Which text speaks most of pools, and how long is it?";

/// Starts the server, and returns its base URL. Its thread ends with the process.
///
/// # Errors
/// There is no port.
pub fn start() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    std::thread::Builder::new().name("model".to_owned()).spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Err(error) = serve(&stream) {
                eprintln!("the model failed: {error}");
            }
        }
    })?;
    Ok(url)
}

fn serve(stream: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(("content-length", value)) = line.to_ascii_lowercase().split_once(": ") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let answer = answer(&serde_json::from_slice(&body)?).to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let mut stream = stream;
    write!(stream, "{head}content-length: {}\r\n\r\n{answer}", answer.len())
}

/// First the search, then the count, then the words.
fn answer(request: &Value) -> Value {
    let results: Vec<&str> = request["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|message| message["role"] == "tool")
        .filter_map(text_of)
        .collect();
    match results[..] {
        [] => call("call_1", "search", &json!({ "word": "pool" }), (41, 12)),
        [found] => call("call_2", "count_words", &json!({ "text": found.trim_matches('"') }), (66, 14)),
        [found, words, ..] => {
            let text = format!("It is {}, with {words} words.", found.trim_matches('"'));
            completion(&json!({ "role": "assistant", "content": text }), "stop", (92, 17))
        }
    }
}

/// The text of a message: as it is, or in parts.
fn text_of(message: &Value) -> Option<&str> {
    message["content"].as_str().or_else(|| message["content"][0]["text"].as_str())
}

fn call(id: &str, name: &str, arguments: &Value, usage: (u64, u64)) -> Value {
    let function = json!({ "name": name, "arguments": arguments.to_string() });
    let calls = json!([{ "id": id, "type": "function", "function": function }]);
    completion(&json!({ "role": "assistant", "content": null, "tool_calls": calls }), "tool_calls", usage)
}

fn completion(message: &Value, finish_reason: &str, (input, output): (u64, u64)) -> Value {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [{ "index": 0, "message": message, "finish_reason": finish_reason }],
        "usage": { "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output },
    })
}
