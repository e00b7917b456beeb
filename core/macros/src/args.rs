//! Reads the attribute: what stands in the brackets of `#[observe(..)]`.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitStr, Path, Result, Token};

/// What the user asked for. Each has the token to point at if it doesn't go with the function.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) name: Option<Expr>,
    pub(crate) observation: Option<Word>,
    pub(crate) level: Option<Word>,
    pub(crate) kind: Option<Word>,
    pub(crate) fields: Vec<Field>,
    pub(crate) input: Option<Input>,
    pub(crate) output: Option<Output>,
    pub(crate) err: Option<Span>,
    pub(crate) parent: Option<Parent>,
    pub(crate) stream: Option<Span>,
    pub(crate) timed: Option<Span>,
    pub(crate) krate: Option<Path>,
}

/// One of a fixed set, as the variant of the type that it stands for.
pub(crate) struct Word {
    pub(crate) variant: &'static str,
    pub(crate) span: Span,
}

/// `key = value`, or an argument's name for both.
pub(crate) struct Field {
    pub(crate) key: LitStr,
    pub(crate) value: Expr,
}

pub(crate) struct Input {
    pub(crate) span: Span,
    /// `None`: all arguments but `self`.
    pub(crate) arguments: Option<Vec<Argument>>,
}

pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) by_debug: bool,
}

pub(crate) struct Output {
    pub(crate) span: Span,
    pub(crate) by_debug: bool,
}

pub(crate) enum Parent {
    Root,
    Of(Expr),
}

/// All arguments, for messages.
const KNOWN: &str = "`name = \"..\"`, a type of observation (`generation`, `tool`, ..), `level = \"..\"`, \
                     `kind = \"..\"`, `fields(..)`, `input`, `output`, `err`, `parent = ..`, `root`, `stream`, \
                     `timed`, `crate = ..`";

/// The types of observations, as they are written and as variants.
const OBSERVATIONS: [(&str, &str); 10] = [
    ("span", "Span"),
    ("generation", "Generation"),
    ("event", "Event"),
    ("embedding", "Embedding"),
    ("agent", "Agent"),
    ("tool", "Tool"),
    ("chain", "Chain"),
    ("retriever", "Retriever"),
    ("evaluator", "Evaluator"),
    ("guardrail", "Guardrail"),
];
const LEVELS: [(&str, &str); 4] =
    [("debug", "Debug"), ("default", "Default"), ("warning", "Warning"), ("error", "Error")];
const KINDS: [(&str, &str); 5] = [
    ("internal", "Internal"),
    ("server", "Server"),
    ("client", "Client"),
    ("producer", "Producer"),
    ("consumer", "Consumer"),
];

impl Parse for Args {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut args = Args::default();
        while !input.is_empty() {
            args.argument(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(args)
    }
}

impl Args {
    fn argument(&mut self, input: ParseStream<'_>) -> Result<()> {
        if input.peek(Lit) {
            let literal: Lit = input.parse()?;
            return Err(Error::new(literal.span(), "a name is given as `name = \"..\"`"));
        }
        let word = input.call(Ident::parse_any)?;
        match word.to_string().as_str() {
            "name" => once(&mut self.name, &word, name(&word, input)?),
            "level" => once(&mut self.level, &word, one_of(&LEVELS, &word, input)?),
            "kind" => once(&mut self.kind, &word, one_of(&KINDS, &word, input)?),
            "fields" => self.fields(&word, input),
            "input" => once(&mut self.input, &word, captured_input(&word, input)?),
            "output" => once(&mut self.output, &word, captured_output(&word, input)?),
            "err" => once(&mut self.err, &word, word.span()),
            "root" => self.parent(&word, Parent::Root),
            "parent" => {
                let parent = Parent::Of(value(&word, input)?);
                self.parent(&word, parent)
            }
            "stream" => once(&mut self.stream, &word, word.span()),
            "timed" => once(&mut self.timed, &word, word.span()),
            "crate" => once(&mut self.krate, &word, value(&word, input)?),
            other => match OBSERVATIONS.iter().find(|(known, _)| *known == other) {
                Some((_, variant)) => self.observation(&word, variant),
                None => Err(Error::new(word.span(), format!("`observe` has no argument `{other}`; it has {KNOWN}"))),
            },
        }
    }

    fn observation(&mut self, word: &Ident, variant: &'static str) -> Result<()> {
        match self.observation {
            Some(_) => Err(Error::new(word.span(), "a span has one type of observation; this is the second")),
            None => once(&mut self.observation, word, Word { variant, span: word.span() }),
        }
    }

    fn parent(&mut self, word: &Ident, parent: Parent) -> Result<()> {
        match (&self.parent, &parent) {
            (Some(Parent::Root), Parent::Of(_)) | (Some(Parent::Of(_)), Parent::Root) => {
                Err(Error::new(word.span(), "a span has a parent or is a `root`, not both"))
            }
            _ => once(&mut self.parent, word, parent),
        }
    }

    fn fields(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<()> {
        if !self.fields.is_empty() {
            return Err(twice(word));
        }
        let content;
        syn::parenthesized!(content in input);
        for field in Punctuated::<Field, Token![,]>::parse_terminated(&content)? {
            if self.fields.iter().any(|known| known.key.value() == field.key.value()) {
                return Err(Error::new(field.key.span(), format!("the key {:?} is there twice", field.key.value())));
            }
            self.fields.push(field);
        }
        Ok(())
    }
}

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            let key: LitStr = input.parse()?;
            if !input.peek(Token![=]) {
                return Err(Error::new(key.span(), format!("this key needs a value: `{:?} = ..`", key.value())));
            }
            return Ok(Self { key, value: after_equals(input)? });
        }
        if !input.peek(Ident::peek_any) {
            return Err(input.error("a field is `key = value`, `\"dotted.key\" = value`, or the name of an argument"));
        }
        let name = input.call(Ident::parse_any)?;
        let key = LitStr::new(&name.unraw().to_string(), name.span());
        let value = if input.peek(Token![=]) { after_equals(input)? } else { syn::parse_quote!(#name) };
        Ok(Self { key, value })
    }
}

/// Keeps what an argument says; an error if it is there already.
fn once<T>(kept: &mut Option<T>, word: &Ident, value: T) -> Result<()> {
    match kept.replace(value) {
        Some(_) => Err(twice(word)),
        None => Ok(()),
    }
}

fn twice(word: &Ident) -> Error {
    Error::new(word.span(), format!("`{word}` is there twice"))
}

/// What stands behind the `=` that an argument needs.
fn value<T: Parse>(word: &Ident, input: ParseStream<'_>) -> Result<T> {
    if !input.peek(Token![=]) {
        return Err(Error::new(word.span(), format!("`{word}` needs a value: `{word} = ..`")));
    }
    after_equals(input)
}

fn after_equals<T: Parse>(input: ParseStream<'_>) -> Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn name(word: &Ident, input: ParseStream<'_>) -> Result<Expr> {
    let name: Expr = value(word, input)?;
    match &name {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value().is_empty() => {
            Err(Error::new(text.span(), "the name is empty"))
        }
        Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => Ok(name),
        Expr::Lit(ExprLit { lit, .. }) => Err(Error::new(lit.span(), "a name is a text: `name = \"..\"`")),
        _ => Ok(name),
    }
}

fn one_of(known: &[(&str, &'static str)], word: &Ident, input: ParseStream<'_>) -> Result<Word> {
    let text: LitStr = value(word, input)?;
    let found = known.iter().find(|(name, _)| text.value().eq_ignore_ascii_case(name));
    match found {
        Some((_, variant)) => Ok(Word { variant, span: text.span() }),
        None => {
            let names: Vec<String> = known.iter().map(|(name, _)| format!("{name:?}")).collect();
            Err(Error::new(
                text.span(),
                format!("there is no {word} {:?}; there are {}", text.value(), names.join(", ")),
            ))
        }
    }
}

/// `input`, `input(a, debug(b))`.
fn captured_input(word: &Ident, input: ParseStream<'_>) -> Result<Input> {
    if !input.peek(syn::token::Paren) {
        return Ok(Input { span: word.span(), arguments: None });
    }
    let content;
    syn::parenthesized!(content in input);
    let mut arguments: Vec<Argument> = Vec::new();
    for argument in Punctuated::<Argument, Token![,]>::parse_terminated(&content)? {
        if arguments.iter().any(|known| known.name == argument.name) {
            return Err(twice(&argument.name));
        }
        arguments.push(argument);
    }
    Ok(Input { span: word.span(), arguments: Some(arguments) })
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.call(Ident::parse_any)?;
        if !input.peek(syn::token::Paren) {
            return Ok(Self { name, by_debug: false });
        }
        if name != "debug" {
            let message = format!(
                "arguments are captured by serde, `input(a)`, or by `Debug`, `input(debug(a))`, not by `{name}`"
            );
            return Err(Error::new(name.span(), message));
        }
        let content;
        syn::parenthesized!(content in input);
        let name = content.call(Ident::parse_any)?;
        match content.is_empty() {
            true => Ok(Self { name, by_debug: true }),
            false => Err(content.error("`debug(..)` takes the name of one argument")),
        }
    }
}

/// `output`, `output(debug)`.
fn captured_output(word: &Ident, input: ParseStream<'_>) -> Result<Output> {
    if !input.peek(syn::token::Paren) {
        return Ok(Output { span: word.span(), by_debug: false });
    }
    let content;
    syn::parenthesized!(content in input);
    let by: Ident = content.parse()?;
    if by != "debug" || !content.is_empty() {
        return Err(Error::new(by.span(), "the output is captured by serde, `output`, or by `Debug`, `output(debug)`"));
    }
    Ok(Output { span: word.span(), by_debug: true })
}
