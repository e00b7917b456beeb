//! Checks whether the attribute's arguments fit the function. An error points at the wrong token.

use proc_macro2::Span;
use syn::{Error, Ident, Result, Type};

use crate::args::Args;
use crate::function::{Form, Function};
use crate::types;

/// The checks that need no type information.
pub(crate) fn function(function: &Function, args: &Args) -> Result<()> {
    signature(function)?;
    stream(function, args)?;
    timed(function, args)?;
    outcome(function, args)?;
    input(function, args)
}

fn signature(function: &Function) -> Result<()> {
    let signature = &function.signature;
    if let Some(word) = &signature.constness {
        return refuse(word.span, "a `const fn` can't be observed: it may run while the program is compiled");
    }
    if let Some(abi) = &signature.abi {
        let message = "an `extern` function can't be observed: its ABI decides what a panic does; \
                       observe a function that it calls";
        return refuse(abi.extern_token.span, message);
    }
    Ok(())
}

fn stream(function: &Function, args: &Args) -> Result<()> {
    let Some(at) = args.stream else { return Ok(()) };
    if let Some(word) = &function.signature.asyncness {
        return refuse(
            word.span,
            "`stream` can't be used on an `async fn`: it is for a function that returns a stream",
        );
    }
    if !function.returns().is_some_and(types::is_stream) {
        let message = "`stream` needs a function that returns `impl Stream`, `Pin<Box<dyn Stream>>` or a `BoxStream`";
        return refuse(at, message);
    }
    match (args.err, &args.output) {
        (Some(at), _) => refuse(at, "`err` can't be combined with `stream`: the items of a stream are not inspected"),
        (_, Some(output)) => {
            refuse(output.span, "`output` can't be combined with `stream`: the items of a stream are not inspected")
        }
        _ => Ok(()),
    }
}

/// `timed` needs a form that is polled.
fn timed(function: &Function, args: &Args) -> Result<()> {
    match (args.timed, function.form(args.stream.is_some())) {
        (Some(at), Form::Plain) => {
            refuse(at, "`timed` needs an `async fn`, or a function that returns a future or a stream")
        }
        _ => Ok(()),
    }
}

/// `err` and `output` need a return value.
fn outcome(function: &Function, args: &Args) -> Result<()> {
    let returns: Option<Type> = match function.form(args.stream.is_some()) {
        Form::Plain | Form::Async => function.returns().cloned(),
        Form::AsyncBlock { output, .. } | Form::Future { output, .. } => Some(output),
        Form::Stream { .. } => return Ok(()),
    };
    let nothing = returns.is_none_or(|ty| types::is_unit(&ty));
    match (nothing, args.err, &args.output) {
        (true, Some(at), _) => refuse(at, "`err` needs a function that returns a `Result`"),
        (true, _, Some(output)) => refuse(output.span, "`output` needs a function that returns a value"),
        _ => Ok(()),
    }
}

/// The arguments in `input(..)` must be arguments of the function.
fn input(function: &Function, args: &Args) -> Result<()> {
    let Some(Some(asked)) = args.input.as_ref().map(|input| &input.arguments) else { return Ok(()) };
    let known: Vec<&Ident> = function.arguments().collect();
    for argument in asked {
        if !known.contains(&&argument.name) {
            return refuse(argument.name.span(), &unknown_argument(&argument.name, &known));
        }
    }
    Ok(())
}

fn unknown_argument(name: &Ident, known: &[&Ident]) -> String {
    if name == "self" {
        return "`self` can't be captured: set the values that you need with `fields(..)`".to_owned();
    }
    if known.is_empty() {
        return format!("the function has no argument `{name}`: none of its arguments has a name");
    }
    let known: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
    format!("the function has no argument `{name}`: expected one of {}", known.join(", "))
}

/// The captured arguments, each with whether it is captured by `Debug`.
pub(crate) fn captured<'a>(function: &'a Function, args: &'a Args) -> Vec<(&'a Ident, bool)> {
    match args.input.as_ref().map(|input| &input.arguments) {
        None => Vec::new(),
        Some(None) => function.arguments().map(|name| (name, false)).collect(),
        Some(Some(asked)) => asked.iter().map(|argument| (&argument.name, argument.by_debug)).collect(),
    }
}

/// The features of the crate that the expansion uses.
#[derive(Clone, Copy, Default)]
pub(crate) struct Features {
    pub(crate) llm: bool,
    pub(crate) capture: bool,
    pub(crate) stream: bool,
}

impl Features {
    pub(crate) const HERE: Self =
        Self { llm: cfg!(feature = "llm"), capture: cfg!(feature = "capture"), stream: cfg!(feature = "stream") };

    /// Whether they suffice for the arguments.
    pub(crate) fn check(self, args: &Args) -> Result<()> {
        let words = args.observation.iter().chain(&args.level).map(|word| word.span).next();
        let captures = args.input.as_ref().map(|input| input.span).or(args.output.as_ref().map(|output| output.span));
        needs(self.llm, "observation types and levels need the feature `llm`", words)?;
        needs(self.capture, "captured inputs and outputs need the feature `capture`", captures)?;
        needs(self.stream, "observed streams need the feature `stream` (`async` of the crate `heirloom`)", args.stream)
    }
}

fn needs(has: bool, message: &str, asked: Option<Span>) -> Result<()> {
    match asked {
        Some(at) if !has => refuse(at, message),
        _ => Ok(()),
    }
}

fn refuse(at: Span, message: &str) -> Result<()> {
    Err(Error::new(at, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(args: &str) -> Option<String> {
        let args = syn::parse_str(args).expect("an attribute");
        Features::default().check(&args).err().map(|error| error.to_string())
    }

    #[test]
    fn a_feature_that_is_missing_is_named() {
        for (args, feature) in [
            ("name = \"answer\", generation", "`llm`"),
            ("level = \"debug\"", "`llm`"),
            ("input", "`capture`"),
            ("output(debug)", "`capture`"),
            ("stream", "`stream`"),
        ] {
            assert!(message(args).is_some_and(|message| message.contains(feature)), "{args}");
        }
        assert_eq!(message("name = \"plain\", err, fields(a = 1), root, kind = \"server\""), None);
    }
}
