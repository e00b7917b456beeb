//! Reads the attribute's arguments: the tokens in the brackets of `#[observe(..)]`.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitStr, Path, Result, Token};

/// The arguments. Each has the token that an error points at if the argument doesn't fit the function.
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

/// A word of a fixed set, as the variant of its enum.
pub(crate) struct Word {
    pub(crate) variant: &'static str,
    pub(crate) span: Span,
}

/// `key = value`, or the name of an argument, which is both key and value.
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

/// All arguments, for error messages.
const KNOWN: &str = "`name = \"..\"`, an observation type (`generation`, `tool`, ..), `level = \"..\"`, \
                     `kind = \"..\"`, `fields(..)`, `input`, `output`, `err`, `parent = ..`, `root`, `stream`, \
                     `timed`, `crate = ..`";

/// The observation types, as words and as variants.
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
            return Err(Error::new(literal.span(), "unexpected literal: write the name as `name = \"..\"`"));
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
                None => Err(Error::new(word.span(), format!("unknown argument `{other}`: expected {KNOWN}"))),
            },
        }
    }

    fn observation(&mut self, word: &Ident, variant: &'static str) -> Result<()> {
        match self.observation {
            Some(_) => Err(Error::new(word.span(), "second observation type: a span has one; remove the other")),
            None => once(&mut self.observation, word, Word { variant, span: word.span() }),
        }
    }

    fn parent(&mut self, word: &Ident, parent: Parent) -> Result<()> {
        match (&self.parent, &parent) {
            (Some(Parent::Root), Parent::Of(_)) | (Some(Parent::Of(_)), Parent::Root) => {
                Err(Error::new(word.span(), "`root` and `parent` can't be combined: remove one of them"))
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
                return Err(Error::new(field.key.span(), format!("duplicate key {:?}", field.key.value())));
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
                return Err(Error::new(key.span(), format!("missing value: write `{:?} = ..`", key.value())));
            }
            return Ok(Self { key, value: after_equals(input)? });
        }
        if !input.peek(Ident::peek_any) {
            return Err(input
                .error("invalid field: expected `key = value`, `\"dotted.key\" = value` or the name of an argument"));
        }
        let name = input.call(Ident::parse_any)?;
        let key = LitStr::new(&name.unraw().to_string(), name.span());
        let value = if input.peek(Token![=]) { after_equals(input)? } else { syn::parse_quote!(#name) };
        Ok(Self { key, value })
    }
}

/// Stores an argument; an error if it is given a second time.
fn once<T>(kept: &mut Option<T>, word: &Ident, value: T) -> Result<()> {
    match kept.replace(value) {
        Some(_) => Err(twice(word)),
        None => Ok(()),
    }
}

fn twice(word: &Ident) -> Error {
    Error::new(word.span(), format!("duplicate argument `{word}`"))
}

/// The value after the `=` that an argument needs.
fn value<T: Parse>(word: &Ident, input: ParseStream<'_>) -> Result<T> {
    if !input.peek(Token![=]) {
        return Err(Error::new(word.span(), format!("missing value: write `{word} = ..`")));
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
            Err(Error::new(text.span(), "empty name: a span needs a name of at least one character"))
        }
        Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => Ok(name),
        Expr::Lit(ExprLit { lit, .. }) => Err(Error::new(lit.span(), "the name is not a text: write `name = \"..\"`")),
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
                format!("unknown {word} {:?}: expected one of {}", text.value(), names.join(", ")),
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
                "arguments can't be captured by `{name}`: write `input(a)` for serde or `input(debug(a))` for `Debug`"
            );
            return Err(Error::new(name.span(), message));
        }
        let content;
        syn::parenthesized!(content in input);
        let name = content.call(Ident::parse_any)?;
        match content.is_empty() {
            true => Ok(Self { name, by_debug: true }),
            false => Err(content.error("unexpected tokens: `debug(..)` takes the name of one argument")),
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
        let message = "invalid capture of the output: write `output` for serde or `output(debug)` for `Debug`";
        return Err(Error::new(by.span(), message));
    }
    Ok(Output { span: word.span(), by_debug: true })
}
