//! The state of a stream of the Responses API's events.

use super::{set_end, set_identity};
use crate::call::Call;
use crate::failure::Failure;
use crate::kept::Room;
use crate::stream::{Chunk, Seen};
use async_openai::types::responses::{OutputItem, Response, ResponseStreamEvent};
use heirloom_core::llm::Observation as _;
use heirloom_core::Span;

impl Chunk for ResponseStreamEvent {
    type Seen = SeenResponse;
}

#[derive(Debug)]
pub(crate) struct SeenResponse {
    complete: bool,
    /// `None` if the output isn't captured.
    output: Option<Output>,
}

#[derive(Debug)]
enum Output {
    /// The text received so far.
    Text(String, Room),
    /// The complete output, which the server sends at the end.
    Items(Vec<OutputItem>),
}

impl Seen<ResponseStreamEvent> for SeenResponse {
    fn new(capture: bool) -> Self {
        Self { complete: false, output: capture.then(|| Output::Text(String::new(), Room::new())) }
    }

    fn see(&mut self, event: &ResponseStreamEvent, call: &mut Call, _is_first: bool) -> bool {
        use ResponseStreamEvent as Event;
        match event {
            Event::ResponseCreated(event) => set_identity(&event.response, call.span()),
            Event::ResponseOutputTextDelta(event) => {
                if let Some(Output::Text(text, room)) = &mut self.output {
                    room.append(text, &event.delta);
                }
            }
            Event::ResponseCompleted(event) => self.end(&event.response, call),
            Event::ResponseIncomplete(event) => self.end(&event.response, call),
            Event::ResponseFailed(event) => self.end(&event.response, call),
            Event::ResponseError(event) => call.fail(&Failure::reported(event.code.as_deref())),
            _ => {}
        }
        has_token(event)
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn set_result(&mut self, span: &Span) {
        match self.output.take() {
            Some(Output::Items(items)) => span.output(&items),
            Some(Output::Text(text, _)) if !text.is_empty() => span.output(&text),
            _ => return,
        };
    }
}

impl SeenResponse {
    fn end(&mut self, response: &Response, call: &mut Call) {
        self.complete = true;
        set_identity(response, call.span());
        set_end(response, call);
        if let Some(output) = &mut self.output {
            *output = Output::Items(response.output.clone());
        }
    }
}

/// Whether an event has a part of the answer, or of the thoughts before it.
fn has_token(event: &ResponseStreamEvent) -> bool {
    use ResponseStreamEvent as Event;
    matches!(
        event,
        Event::ResponseOutputTextDelta(_)
            | Event::ResponseRefusalDelta(_)
            | Event::ResponseFunctionCallArgumentsDelta(_)
            | Event::ResponseReasoningSummaryTextDelta(_)
            | Event::ResponseReasoningTextDelta(_)
            | Event::ResponseMCPCallArgumentsDelta(_)
            | Event::ResponseCodeInterpreterCallCodeDelta(_)
            | Event::ResponseCustomToolCallInputDelta(_)
            | Event::ResponseAudioDelta(_)
            | Event::ResponseAudioTranscriptDelta(_)
            | Event::ResponseImageGenerationCallPartialImage(_)
    )
}
