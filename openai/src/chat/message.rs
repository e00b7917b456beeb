//! [`Messages`]: the answer of a stream, assembled from its chunks.

use crate::kept::Room;
use async_openai::types::chat::{ChatChoiceStream, ChatCompletionMessageToolCallChunk};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The messages of all choices, as far as they were received. They serialise like those of an answer in one piece.
#[derive(Debug)]
pub(super) struct Messages {
    choices: Vec<(u32, Message)>,
    room: Room,
}

#[derive(Debug, Default, Serialize)]
struct Message {
    #[serde(skip_serializing_if = "String::is_empty")]
    content: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    refusal: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
    role: Assistant,
}

#[derive(Debug)]
struct ToolCall {
    index: u32,
    id: String,
    name: String,
    arguments: String,
}

/// Serialises as the role of every answer.
#[derive(Debug, Default)]
struct Assistant;

impl Messages {
    pub(super) fn new() -> Self {
        Self { choices: Vec::new(), room: Room::new() }
    }

    pub(super) fn append(&mut self, choice: &ChatChoiceStream) {
        let room = &mut self.room;
        let message =
            find_or_add(&mut self.choices, |(index, _)| *index == choice.index, || (choice.index, Message::default()));
        let message = &mut message.1;
        let texts = [(&mut message.content, &choice.delta.content), (&mut message.refusal, &choice.delta.refusal)];
        for (text, more) in texts {
            room.append(text, more.as_deref().unwrap_or_default());
        }
        for chunk in choice.delta.tool_calls.iter().flatten() {
            message.append_tool_call(chunk, room);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.choices.is_empty()
    }
}

impl Message {
    fn append_tool_call(&mut self, chunk: &ChatCompletionMessageToolCallChunk, room: &mut Room) {
        let call = find_or_add(
            &mut self.tool_calls,
            |call| call.index == chunk.index,
            || ToolCall { index: chunk.index, id: String::new(), name: String::new(), arguments: String::new() },
        );
        room.append(&mut call.id, chunk.id.as_deref().unwrap_or_default());
        if let Some(function) = &chunk.function {
            room.append(&mut call.name, function.name.as_deref().unwrap_or_default());
            room.append(&mut call.arguments, function.arguments.as_deref().unwrap_or_default());
        }
    }
}

/// The entry, which is added if it is missing. A server may number entries in any way, so the number is not a position.
fn find_or_add<T>(list: &mut Vec<T>, is_it: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let at = list.iter().position(is_it).unwrap_or_else(|| {
        list.push(new());
        list.len() - 1
    });
    &mut list[at]
}

/// The message; a list of them if there are several choices.
impl Serialize for Messages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.choices[..] {
            [(_, only)] => only.serialize(serializer),
            choices => serializer.collect_seq(choices.iter().map(|(_, message)| message)),
        }
    }
}

impl Serialize for ToolCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let function = [("name", &self.name), ("arguments", &self.arguments)];
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", "function")?;
        map.serialize_entry("function", &Function(function))?;
        map.end()
    }
}

struct Function<'a>([(&'static str, &'a String); 2]);

impl Serialize for Function<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0)
    }
}

impl Serialize for Assistant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("assistant")
    }
}
