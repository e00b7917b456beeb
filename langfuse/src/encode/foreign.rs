//! Inputs and outputs as other libraries record them.

use heirloom_core::export::AttributeRef;

/// Attributes that can serve as the input, the best first: those of OpenTelemetry's [conventions], their deprecated names,
/// OpenInference, OpenLLMetry, MLflow and the AI SDK, then the plain name `input`, and instructions last. Names with a
/// number (`gen_ai.prompt.0.content`) are parts of an input: those stay unchanged.
///
/// [conventions]: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
pub(super) const INPUTS: [&str; 10] = [
    "gen_ai.input.messages",
    "gen_ai.tool.call.arguments",
    "gen_ai.prompt",
    "llm.input_messages",
    "traceloop.entity.input",
    "mlflow.spanInputs",
    "ai.prompt.messages",
    "ai.prompt",
    "input",
    "gen_ai.system_instructions",
];
/// Attributes that can serve as the output, the best first.
pub(super) const OUTPUTS: [&str; 10] = [
    "gen_ai.output.messages",
    "gen_ai.tool.call.result",
    "gen_ai.completion",
    "llm.output_messages",
    "traceloop.entity.output",
    "mlflow.spanOutputs",
    "ai.response.text",
    "ai.response.object",
    "ai.response.toolCalls",
    "output",
];

/// The best input and output seen so far of a span.
#[derive(Default)]
pub(super) struct Foreign<'a> {
    pub(super) input: Best<'a>,
    pub(super) output: Best<'a>,
}

/// One attribute and its rank.
#[derive(Default)]
pub(super) struct Best<'a>(Option<(usize, AttributeRef<'a>)>);

impl<'a> Foreign<'a> {
    /// Keeps the better of two attributes; returns the other.
    pub(super) fn take(&mut self, a: AttributeRef<'a>) -> Option<AttributeRef<'a>> {
        if let Some(rank) = rank(&INPUTS, a.key) {
            return self.input.take(rank, a);
        }
        match rank(&OUTPUTS, a.key) {
            Some(rank) => self.output.take(rank, a),
            None => Some(a),
        }
    }
}

impl<'a> Best<'a> {
    pub(super) fn into_inner(self) -> Option<AttributeRef<'a>> {
        self.0.map(|(_, a)| a)
    }

    fn take(&mut self, rank: usize, a: AttributeRef<'a>) -> Option<AttributeRef<'a>> {
        match &self.0 {
            Some((known, _)) if *known <= rank => Some(a),
            _ => self.0.replace((rank, a)).map(|(_, worse)| worse),
        }
    }
}

fn rank(names: &[&str], key: &str) -> Option<usize> {
    names.iter().position(|name| *name == key)
}
