//! Facts about a type from its tokens alone: a macro has no type information.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{GenericArgument, Ident, PathArguments, PathSegment, Type, TypeParamBound};

/// Whether the type is called `Result`, with any path and any parameters.
pub(crate) fn is_result(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "Result")
}

/// Whether it is a `Pin<Box<..>>` or one of the aliases for it.
pub(crate) fn is_boxed(ty: &Type) -> bool {
    !matches!(bare(ty), Type::ImplTrait(_))
}

/// The output of a future of this type; `()` if the type doesn't state it; `None` if the type is no future.
pub(crate) fn future_output(ty: &Type) -> Option<Type> {
    if let Some(segment) = alias(ty, "Future") {
        return types_in(segment).last().cloned();
    }
    let bound = bounds(ty)?.find(|segment| segment.ident == "Future")?;
    let PathArguments::AngleBracketed(arguments) = &bound.arguments else { return Some(syn::parse_quote!(())) };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(output.ty.clone()),
        _ => None,
    })
}

/// Whether it is an `impl Stream`, a pinned box with one, or one of the aliases for that.
pub(crate) fn is_stream(ty: &Type) -> bool {
    alias(ty, "Stream").is_some() || bounds(ty).is_some_and(|mut bounds| bounds.any(|bound| bound.ident == "Stream"))
}

/// `BoxFuture<'a, T>` and `LocalBoxFuture<'a, T>` of the crate `futures`, and the same for streams.
fn alias<'a>(ty: &'a Type, of: &str) -> Option<&'a PathSegment> {
    let segment = last_segment(ty)?;
    let name = segment.ident.to_string();
    let name = name.strip_prefix("Local").unwrap_or(&name);
    (name.strip_prefix("Box") == Some(of)).then_some(segment)
}

/// The traits of an `impl`, or of the `dyn` in a pinned box.
fn bounds(ty: &Type) -> Option<impl Iterator<Item = &PathSegment>> {
    let bounds: &Punctuated<TypeParamBound, _> = match bare(ty) {
        Type::ImplTrait(ty) => &ty.bounds,
        Type::Path(_) => match bare(only_type_in(only_type_in(ty, "Pin")?, "Box")?) {
            Type::TraitObject(ty) => &ty.bounds,
            _ => return None,
        },
        _ => return None,
    };
    Some(bounds.iter().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    }))
}

fn only_type_in<'a>(ty: &'a Type, of: &str) -> Option<&'a Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == of)?;
    types_in(segment).next()
}

fn types_in(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter()),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(ty) => ty.path.segments.last(),
        _ => None,
    }
}

/// The type without parentheses, and without the invisible groups that macros add.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(ty) => bare(&ty.elem),
        Type::Paren(ty) => bare(&ty.elem),
        ty => ty,
    }
}

/// The type as it can be written in a body: each `impl Trait` becomes `_`. `None` if no useful annotation remains.
pub(crate) fn annotation(ty: &Type) -> Option<TokenStream> {
    let mut ty = ty.clone();
    infer_impl_traits(&mut ty);
    let said = !matches!(bare(&ty), Type::Infer(_) | Type::Never(_));
    let tokens = ty.into_token_stream();
    (said && !has_impl(tokens.clone())).then_some(tokens)
}

fn infer_impl_traits(ty: &mut Type) {
    match ty {
        Type::ImplTrait(_) => *ty = syn::parse_quote!(_),
        Type::Group(ty) => infer_impl_traits(&mut ty.elem),
        Type::Paren(ty) => infer_impl_traits(&mut ty.elem),
        Type::Reference(ty) => infer_impl_traits(&mut ty.elem),
        Type::Array(ty) => infer_impl_traits(&mut ty.elem),
        Type::Tuple(ty) => ty.elems.iter_mut().for_each(infer_impl_traits),
        Type::Path(ty) => ty.path.segments.iter_mut().for_each(infer_in_segment),
        _ => {}
    }
}

fn infer_in_segment(segment: &mut PathSegment) {
    let PathArguments::AngleBracketed(arguments) = &mut segment.arguments else { return };
    for argument in &mut arguments.args {
        if let GenericArgument::Type(ty) = argument {
            infer_impl_traits(ty);
        }
    }
}

/// Whether an `impl Trait` remains in a place where it can't be replaced.
fn has_impl(tokens: TokenStream) -> bool {
    let is_impl = |word: &Ident| word == "impl";
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => is_impl(&word),
        TokenTree::Group(group) => has_impl(group.stream()),
        _ => false,
    })
}

pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(bare(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
}
