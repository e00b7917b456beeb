//! A loopback server with OpenAI's protocol. It calls two tools, and then answers with their results.

use serde_json::{json, Value};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// The name of the model.
pub const MODEL: &str = "loopback-mini";
/// The question to the agent.
pub const QUESTION: &str = "Which text speaks most of pools, and how long is it?";

/// Starts the server, and returns its base URL. Its thread ends with the process.
///
/// # Errors
/// No port is available.
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

/// The response to a request: first a call of the search, then a call of the count, then the text.
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

/// The text of a message: a plain string, or the first of several parts.
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
