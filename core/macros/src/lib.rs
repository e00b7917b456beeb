//! The attribute `#[observe]` of Heirloom. Use it as `heirloom::observe`, or as `heirloom_core::observe` in a library.

mod args;
mod check;
mod expand;
mod function;
mod types;

use proc_macro::TokenStream;
use proc_macro2::Span;

/// A span for each call of a function.
#[proc_macro_attribute]
pub fn observe(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::observe(args.into(), item.into(), &syn::parse_quote!(::heirloom)).into()
}

/// As `observe`, for the crate `heirloom-core`.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn observe_core(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::observe(args.into(), item.into(), &syn::parse_quote!(::heirloom_core)).into()
}

/// Errors point at the user's code, and lints know that it isn't the user's.
fn ours_at(code: Span) -> Span {
    Span::mixed_site().located_at(code)
}
