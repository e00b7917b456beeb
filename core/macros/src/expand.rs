//! Writes the expansion: one method per form of the function.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{quote, quote_spanned, ToTokens};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Ident, Path, Result, Type};

use crate::args::{Args, Output, Parent};
use crate::check::{self, Features};
use crate::function::{AsyncBlock, Form, Function};
use crate::{ours_at, types};

/// The observed function. On an error: the unchanged item, so that calls of it still resolve, and the error.
pub(crate) fn observe(args: TokenStream, item: TokenStream, krate: &Path) -> TokenStream {
    expand(args, item.clone(), krate).unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote!(#item #error)
    })
}

fn expand(args: TokenStream, item: TokenStream, krate: &Path) -> Result<TokenStream> {
    let function: Function = syn::parse2(item)?;
    let args: Args = syn::parse2(args)?;
    check::function(&function, &args)?;
    Features::HERE.check(&args)?;
    let mut krate = args.krate.as_ref().unwrap_or(krate).clone();
    krate.segments.push(Ident::new("__private", Span::call_site()).into());
    let names = Names { krate, span: local("span"), scope: local("scope"), output: local("output") };
    let Function { attributes, visibility, signature, inner_attributes, .. } = &function;
    let body = Expansion { function: &function, args: &args, names }.body();
    let mut body = Group::new(Delimiter::Brace, quote!(#(#inner_attributes)* #body));
    body.set_span(function.braces); // the compiler then treats the whole function as the user's code
    Ok(quote!(#(#attributes)* #visibility #signature #body))
}

/// A local variable that the user's code can't see.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

struct Names {
    /// The module with the functions that expansions call.
    krate: Path,
    span: Ident,
    scope: Ident,
    output: Ident,
}

struct Expansion<'a> {
    function: &'a Function,
    args: &'a Args,
    names: Names,
}

impl Expansion<'_> {
    fn body(&self) -> TokenStream {
        match self.function.form(self.args.stream.is_some()) {
            Form::Plain => self.scope_with_outcome().unwrap_or_else(|| self.scope()),
            Form::Async => self.async_fn(),
            Form::AsyncBlock { block, output } => self.async_block(&block, &output),
            Form::Future { output, boxed } => self.future(&output, boxed),
            Form::Stream { boxed } => self.stream(boxed),
        }
    }

    /// A span and a scope, until the function returns.
    fn scope(&self) -> TokenStream {
        let Names { span, scope, .. } = &self.names;
        let (begin, body) = (self.begin(), &self.function.body);
        quote! {
            #begin
            let #scope = #span.enter();
            #body
        }
    }

    /// As `scope`, for a body whose return value is inspected: the body becomes a closure that is called at once.
    fn scope_with_outcome(&self) -> Option<TokenStream> {
        let Names { span, scope, output, .. } = &self.names;
        let outcome = self.outcome(self.function.returns()?, &quote!(&#span), &quote!(&#output))?;
        let (begin, call) = (self.begin(), self.call());
        Some(quote! {
            #begin
            let #scope = #span.enter();
            let #output = #call;
            #outcome
            #output
        })
    }

    /// The body becomes a future with the span. The span starts at the first poll.
    fn async_fn(&self) -> TokenStream {
        let begin = self.begin();
        let unit = syn::parse_quote!(());
        let returns = self.function.returns().unwrap_or(&unit);
        let body = &self.function.body;
        let observed = self.in_span(&self.async_move(returns, body), returns);
        quote! {
            #begin
            #observed.await
        }
    }

    /// The same for an `async` block that the function returns.
    fn async_block(&self, block: &AsyncBlock, returns: &Type) -> TokenStream {
        let begin = self.begin();
        let (keyword, capture, body) = (&block.inner.async_token, &block.inner.capture, &block.inner.block);
        let observed = self.in_span(&self.async_move(returns, body), returns);
        block.replaced_by(quote! {
            #keyword #capture {
                #begin
                #observed.await
            }
        })
    }

    /// A future that the body gets from another call: the span starts with the function's call.
    fn future(&self, returns: &Type, boxed: bool) -> TokenStream {
        self.made_in_span(boxed, |future| self.in_span(&future, returns))
    }

    fn stream(&self, boxed: bool) -> TokenStream {
        let Names { krate, span, .. } = &self.names;
        let timed = self.args.timed.is_some();
        self.made_in_span(boxed, |stream| quote!(#krate::stream(#stream, #span, #timed)))
    }

    /// The body makes a future or a stream that takes the span. The span is current while the body runs.
    fn made_in_span(&self, boxed: bool, observed: impl FnOnce(TokenStream) -> TokenStream) -> TokenStream {
        let Names { span, scope, output, .. } = &self.names;
        let (begin, call) = (self.begin(), self.call());
        let observed = observed(output.to_token_stream());
        let returned = if boxed { quote!(::std::boxed::Box::pin(#observed)) } else { observed };
        quote! {
            #begin
            let #scope = #span.enter();
            let #output = #call;
            ::core::mem::drop(#scope);
            #returned
        }
    }

    /// The body as a closure that is called at once, through a function that takes `FnOnce`: so it may move its captures
    /// out.
    fn call(&self) -> TokenStream {
        let (krate, body) = (&self.names.krate, &self.function.body);
        let annotation = self.function.returns().map_or(Some(quote!(())), types::annotation);
        let annotation = annotation.map(|ty| quote!(::<#ty, _>));
        quote!(#krate::call #annotation(move || #body))
    }

    /// The body as a future. Its first statement does nothing at run time; it declares the return type, which an `async`
    /// block can't declare.
    fn async_move(&self, returns: &Type, body: &impl ToTokens) -> TokenStream {
        let output = &self.names.output;
        let says = types::annotation(returns).filter(|_| !types::is_unit(returns)).map(|ty| {
            quote! {
                if let ::core::option::Option::Some(#output) = ::core::option::Option::None::<#ty> {
                    return #output;
                }
            }
        });
        match says {
            None => quote!(async move #body),
            Some(says) => quote!(async move { #says #body }),
        }
    }

    /// Gives the span to the future, and inspects the output if needed.
    fn in_span(&self, future: &TokenStream, returns: &Type) -> TokenStream {
        let Names { krate, span, output, .. } = &self.names;
        let timed = self.args.timed.is_some();
        match self.outcome(returns, &quote!(#span), &quote!(#output)) {
            None => quote!(#krate::future(#future, #span, #timed)),
            Some(outcome) => quote!(#krate::future_then(#future, #span, #timed, |#span, #output| { #outcome })),
        }
    }

    /// Starts the span and sets its attributes.
    fn begin(&self) -> TokenStream {
        let Names { krate, span, .. } = &self.names;
        let (parent, name) = (self.parent(), self.name());
        let begin = match &self.args.kind {
            None => quote!(#krate::begin(#parent, #name)),
            Some(kind) => {
                let kind = Ident::new(kind.variant, Span::mixed_site());
                quote!(#krate::begin_as(#parent, #name, #krate::SpanKind::#kind))
            }
        };
        let settings = self.settings();
        let settings = (!settings.is_empty()).then(|| quote!(if #span.is_recording() { #settings }));
        quote! {
            let #span = #begin;
            #settings
        }
    }

    fn parent(&self) -> TokenStream {
        let krate = &self.names.krate;
        match &self.args.parent {
            None => quote!(#krate::current()),
            Some(Parent::Root) => quote!(#krate::Context::INERT),
            Some(Parent::Of(parent)) => {
                quote_spanned!(ours_at(parent.span())=> ::core::convert::Into::<#krate::Context>::into(#parent))
            }
        }
    }

    fn name(&self) -> TokenStream {
        match &self.args.name {
            Some(name) => name.to_token_stream(),
            None => self.function.signature.ident.unraw().to_string().to_token_stream(),
        }
    }

    /// The settings of a recording span. They are not evaluated for any other span.
    fn settings(&self) -> TokenStream {
        let Names { krate, span, .. } = &self.names;
        let observation = self.args.observation.as_ref().map(|word| {
            let variant = Ident::new(word.variant, Span::mixed_site());
            quote!(#krate::observation(&#span, #krate::ObservationType::#variant);)
        });
        let level = self.args.level.as_ref().map(|word| {
            let variant = Ident::new(word.variant, Span::mixed_site());
            quote!(#krate::level(&#span, #krate::Level::#variant);)
        });
        let fields = self.args.fields.iter().map(|field| {
            let (key, value) = (&field.key, &field.value);
            quote_spanned!(ours_at(value.span())=> #krate::field(&#span, #key, &(#value));)
        });
        let input = self.args.input.is_some().then(|| self.input());
        quote!(#observation #level #(#fields)* #input)
    }

    fn input(&self) -> TokenStream {
        let Names { krate, span, .. } = &self.names;
        let arguments = check::captured(self.function, self.args).into_iter().map(|(name, by_debug)| {
            let key = name.unraw().to_string();
            let value = captured(krate, &quote!(&#name), by_debug, name.span());
            quote!((#key, #value))
        });
        quote!(#krate::input(&#span, &[#(#arguments),*]);)
    }

    /// The code that inspects the return value, given references to the span and to the value. `None` if no code is needed.
    fn outcome(&self, returns: &Type, span: &TokenStream, output: &TokenStream) -> Option<TokenStream> {
        let krate = &self.names.krate;
        let is_result = self.args.err.is_some() || types::is_result(returns);
        let failed = is_result.then(|| match self.args.err {
            None => quote!(#krate::failed(#span, #output);),
            Some(at) => {
                let output = located(output, at);
                quote_spanned!(ours_at(at)=> #krate::failed_with(#span, #output);)
            }
        });
        let captured = self.args.output.as_ref().map(|how| self.output(how, is_result, span, output));
        (is_result || captured.is_some()).then(|| quote!(#captured #failed))
    }

    /// Captures the output; of a `Result`, the value of its `Ok`.
    fn output(&self, how: &Output, is_result: bool, span: &TokenStream, output: &TokenStream) -> TokenStream {
        let krate = &self.names.krate;
        let value = local("value");
        let pattern = if is_result { quote!(::core::result::Result::Ok(#value)) } else { quote!(#value) };
        let captured = captured(krate, &located(&value.to_token_stream(), how.span), how.by_debug, how.span);
        quote! {
            if (#span).is_recording() {
                #[allow(irrefutable_let_patterns)]
                if let #pattern = #output {
                    #krate::output(#span, #captured);
                }
            }
        }
    }
}

/// The same tokens with spans of this macro, located where errors should point.
fn located(tokens: &TokenStream, at: Span) -> TokenStream {
    let tokens = tokens.clone().into_iter().map(|mut token| {
        token.set_span(ours_at(at));
        token
    });
    tokens.collect()
}

/// A reference to the captured value, as the type that `capture` takes.
fn captured(krate: &Path, value: &TokenStream, by_debug: bool, at: Span) -> TokenStream {
    match by_debug {
        false => quote_spanned!(ours_at(at)=> #value as &dyn #krate::Captured),
        true => quote_spanned!(ours_at(at)=> &#krate::debug(#value) as &dyn #krate::Captured),
    }
}
