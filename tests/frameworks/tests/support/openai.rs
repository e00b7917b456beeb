//! A loopback server with OpenAI's protocol: first it calls two tools, then it answers.

use serde_json::{json, Value};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// Tokens of the prompt and of the answer, of each call in turn.
pub(crate) const USAGE: [(i64, i64); 2] = [(20, 5), (40, 7)];

/// Starts the server and returns its base URL. Its thread ends with the process.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(serve(stream))));
    format!("http://{address}/v1")
}

fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(&stream);
    let (mut line, mut length) = (String::new(), 0);
    let mut path = String::new();
    while reader.read_line(&mut line)? > 2 {
        if path.is_empty() {
            path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        }
        if let Some(("content-length", value)) = line.to_ascii_lowercase().split_once(": ") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let known = path == "/v1/chat/completions";
    let (status, answer) = if known { ("200 OK", answer(&body)) } else { ("404 Not Found", json!({ "path": path })) };
    let text = answer.to_string();
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n");
    write!(&stream, "{head}content-length: {}\r\n\r\n{text}", text.len())
}

fn answer(body: &[u8]) -> Value {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let messages = request["messages"].as_array().cloned().unwrap_or_default();
    if messages.iter().any(|message| message["role"] == "tool") {
        return completion(json!({ "role": "assistant", "content": "5 and 9" }), "stop", USAGE[1]);
    }
    let call = |id, a, b| {
        let arguments = json!({ "a": a, "b": b }).to_string();
        json!({ "id": id, "type": "function", "function": { "name": "add", "arguments": arguments } })
    };
    let calls = [call("call_1", 2, 3), call("call_2", 4, 5)];
    completion(json!({ "role": "assistant", "content": null, "tool_calls": calls }), "tool_calls", USAGE[0])
}

fn completion(message: Value, finish_reason: &str, (input, output): (i64, i64)) -> Value {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "test-model-2026",
        "choices": [{ "index": 0, "message": message, "finish_reason": finish_reason }],
        "usage": { "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output },
    })
}
