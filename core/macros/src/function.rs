//! Reads the item under the attribute, and finds the function's form.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::token::Brace;
use syn::{Attribute, Block, Error, Expr, ExprAsync, FnArg, Ident, Pat, Result};
use syn::{ReturnType, Signature, Stmt, Token, Type, Visibility};

use crate::{ours_at, types};

/// A function with a body. The body's tokens are parsed only where its last expression may be an `async` block.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    /// `#![..]` at the beginning of the body.
    pub(crate) inner_attributes: Vec<Attribute>,
    pub(crate) body: Group,
    /// Where the braces of the body are.
    pub(crate) braces: Span,
}

/// How the body runs.
pub(crate) enum Form {
    /// On the calling thread, from the call to the return.
    Plain,
    /// An `async fn`.
    Async,
    /// A function that ends in an `async` block.
    AsyncBlock { block: Box<AsyncBlock>, output: Type },
    /// A function that returns a future from another call.
    Future { output: Type, boxed: bool },
    /// A function that returns a stream.
    Stream { boxed: bool },
}

/// `async { .. }`, `Box::pin(async { .. })`, `async { .. }.boxed()`.
pub(crate) struct AsyncBlock {
    /// The statements before it.
    before: Vec<Stmt>,
    pub(crate) inner: ExprAsync,
    /// The last expression of the function, which contains the block.
    whole: Expr,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        refuse_other_items(input)?;
        let signature: Signature = input.parse()?;
        if input.peek(Token![;]) {
            let message =
                "`observe` needs a body: put it on the methods of the implementation, or on a provided method";
            return Err(Error::new(signature.ident.span(), message));
        }
        let body = match input.parse()? {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => group,
            other => return Err(Error::new(other.span(), "expected the body of the function")),
        };
        let braces = body.span();
        let (inner_attributes, body) = split_inner_attributes(body)?;
        Ok(Self { attributes, visibility, signature, inner_attributes, body, braces })
    }
}

/// An error that names the item, if it is not a function.
fn refuse_other_items(input: ParseStream<'_>) -> Result<()> {
    let Ok(word) = input.fork().call(Ident::parse_any) else { return Ok(()) };
    let hint = match word.to_string().as_str() {
        "struct" | "enum" | "union" | "trait" | "mod" | "type" | "static" | "use" | "macro_rules" => "",
        "impl" => ": put it on its methods",
        "const" if input.fork().parse::<Signature>().is_err() => "",
        _ => return Ok(()),
    };
    Err(Error::new(word.span(), format!("`observe` can't be used on `{word}`, only on functions and methods{hint}")))
}

/// Splits the function's inner attributes from the body.
fn split_inner_attributes(body: Group) -> Result<(Vec<Attribute>, Group)> {
    let read = |input: ParseStream<'_>| Ok((input.call(Attribute::parse_inner)?, input.parse::<TokenStream>()?));
    let (attributes, rest) = read.parse2(body.stream())?;
    let mut bare = Group::new(Delimiter::Brace, rest);
    bare.set_span(ours_at(body.span())); // otherwise the compiler warns of superfluous braces inside the expansion's
    Ok((attributes, bare))
}

impl Function {
    /// The type that it returns; `None` for `()`.
    pub(crate) fn returns(&self) -> Option<&Type> {
        match &self.signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(ty),
        }
    }

    /// The arguments that have a name, except `self`.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Ident> {
        self.signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(argument) => match &*argument.pat {
                Pat::Ident(pattern) => Some(&pattern.ident),
                _ => None,
            },
            FnArg::Receiver(_) => None,
        })
    }

    /// The function's form. `stream`: whether the argument `stream` is given.
    pub(crate) fn form(&self, stream: bool) -> Form {
        if self.signature.asyncness.is_some() {
            return Form::Async;
        }
        let Some(returns) = self.returns() else { return Form::Plain };
        if stream {
            return Form::Stream { boxed: types::is_boxed(returns) };
        }
        let output = types::future_output(returns);
        if let Some(block) = async_block_at_the_end(&self.body) {
            let output = output.unwrap_or_else(|| syn::parse_quote!(_));
            return Form::AsyncBlock { block: Box::new(block), output };
        }
        match output {
            Some(output) => Form::Future { output, boxed: types::is_boxed(returns) },
            None => Form::Plain,
        }
    }
}

fn async_block_at_the_end(body: &Group) -> Option<AsyncBlock> {
    if !mentions_async(body.stream()) {
        return None;
    }
    let mut before = Block::parse_within.parse2(body.stream()).ok()?;
    let Some(Stmt::Expr(whole, None)) = before.pop() else { return None };
    let mut inner = async_block_in(&whole)?.clone();
    inner.block.brace_token = Brace(ours_at(inner.block.brace_token.span.join()));
    Some(AsyncBlock { before, inner, whole })
}

/// Whether the body contains the word `async`: parsing it is only needed then.
fn mentions_async(body: TokenStream) -> bool {
    body.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "async",
        TokenTree::Group(group) => mentions_async(group.stream()),
        _ => false,
    })
}

/// `async { .. }`, `Box::pin(async { .. })`, `async { .. }.boxed()`.
fn async_block_in(whole: &Expr) -> Option<&ExprAsync> {
    match whole {
        Expr::Async(block) => Some(block),
        Expr::Call(call) if call.args.len() == 1 && is_box_pin(&call.func) => async_block_in(&call.args[0]),
        Expr::MethodCall(call) if call.args.is_empty() && is_boxed(&call.method) => async_block_in(&call.receiver),
        _ => None,
    }
}

fn is_box_pin(function: &Expr) -> bool {
    let Expr::Path(function) = function else { return false };
    let mut names = function.path.segments.iter().rev().map(|segment| &segment.ident);
    names.next().is_some_and(|name| name == "pin") && names.next().is_some_and(|name| name == "Box")
}

fn is_boxed(method: &Ident) -> bool {
    method == "boxed" || method == "boxed_local"
}

impl AsyncBlock {
    /// The body with another block in place of this one.
    pub(crate) fn replaced_by(&self, block: TokenStream) -> TokenStream {
        let before = &self.before;
        let last = match &self.whole {
            Expr::Call(call) => {
                let function = &call.func;
                quote!(#function(#block))
            }
            Expr::MethodCall(call) => {
                let method = &call.method;
                quote!(#block.#method())
            }
            _ => block,
        };
        quote!(#(#before)* #last)
    }
}
