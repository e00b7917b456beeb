//! The declarations and imports of a module, read from its source text.
//!
//! The text is split into tokens, so that comments, doc comments and strings are not taken for imports. Code for tests only
//! (`#[cfg(test)]`, `#[cfg(all(test, ..))]`) is skipped.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::iter::Peekable;

/// A path that the text names: of a `use`, or in the middle of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// As written: it starts with `crate`, `self`, `super`, a module or a crate. A glob's last segment is `*`.
    pub(crate) path: Vec<String>,
    /// The name that it has in the importing module; `None` for a path in code.
    pub(crate) name: Option<String>,
    /// Whether it is a `pub use`, of any visibility.
    pub(crate) is_reexport: bool,
}

/// A module inside a module.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) body: Body,
}

/// Where a module's text is.
#[derive(Debug)]
pub(crate) enum Body {
    /// In braces.
    Inline(Module),
    /// In a file, perhaps one that `#[path]` names.
    File(Option<String>),
}

/// One module's text.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) imports: Vec<Import>,
    /// The names of its functions, types, constants and macros.
    pub(crate) items: BTreeSet<String>,
    pub(crate) children: Vec<Child>,
}

impl Module {
    /// Reads the text of a file.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let tokens: TokenStream = text.parse().map_err(|error| format!("can't be read: {error}"))?;
        let mut module = Self::default();
        module.read(tokens, true);
        Ok(module)
    }

    /// Reads tokens of the module itself, or of a body inside it, whose items aren't visible outside the body.
    fn read(&mut self, tokens: TokenStream, is_module: bool) {
        let mut tokens = tokens.into_iter().peekable();
        let mut file = None;
        let mut is_public = false;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    tokens.next_if(|next| is_punct(next, '!'));
                    let Some(TokenTree::Group(attribute)) = tokens.next() else { continue };
                    if is_test(&attribute) {
                        skip_item(&mut tokens);
                    } else if let Some(path) = path_of(&attribute) {
                        file = Some(path);
                    }
                    continue;
                }
                TokenTree::Ident(ident) => match ident.to_string().as_str() {
                    "pub" => {
                        tokens.next_if(|next| delimiter(next) == Some(Delimiter::Parenthesis));
                        is_public = true;
                        continue;
                    }
                    "use" => self.read_use(&mut tokens, is_public),
                    "mod" => self.read_mod(&mut tokens, file.take()),
                    word @ ("fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static")
                        if is_module =>
                    {
                        tokens.next_if(|next| word == "static" && is_ident(next, "mut"));
                        if let Some(TokenTree::Ident(name)) = tokens.peek() {
                            self.items.insert(name.to_string());
                        }
                    }
                    "macro_rules" => {
                        tokens.next_if(|next| is_punct(next, '!'));
                        if let Some(TokenTree::Ident(name)) = tokens.peek() {
                            self.items.insert(name.to_string());
                        }
                    }
                    first => self.read_path(first.to_owned(), &mut tokens),
                },
                TokenTree::Group(group) => self.read(group.stream(), false),
                // A lifetime: `'static` declares nothing.
                TokenTree::Punct(punct) if punct.as_char() == '\'' => _ = tokens.next(),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            is_public = false;
        }
    }

    fn read_mod(&mut self, tokens: &mut Tokens, file: Option<String>) {
        let Some(TokenTree::Ident(name)) = tokens.next() else { return };
        let body = match tokens.next() {
            Some(TokenTree::Group(group)) => {
                let mut module = Module::default();
                module.read(group.stream(), true);
                Body::Inline(module)
            }
            _ => Body::File(file),
        };
        self.children.push(Child { name: name.to_string(), body });
    }

    /// A path in code. A path with another start goes through a `use`, which is an import itself.
    fn read_path(&mut self, first: String, tokens: &mut Tokens) {
        let mut path = vec![first];
        while tokens.peek().is_some_and(|next| is_punct(next, ':')) {
            tokens.next();
            if tokens.next_if(|next| is_punct(next, ':')).is_none() {
                break;
            }
            let Some(TokenTree::Ident(ident)) = tokens.peek() else { break };
            path.push(ident.to_string());
            tokens.next();
        }
        if path.len() > 1 {
            self.imports.push(Import { path, name: None, is_reexport: false });
        }
    }

    fn read_use(&mut self, tokens: &mut Tokens, is_reexport: bool) {
        let tree: TokenStream = tokens.by_ref().take_while(|token| !is_punct(token, ';')).collect();
        self.read_tree(&mut tree.into_iter().peekable(), &[], is_reexport);
    }

    /// One branch of a use tree after another; they are separated by commas.
    fn read_tree(&mut self, tokens: &mut Tokens, before: &[String], is_reexport: bool) {
        let mut path = before.to_vec();
        let mut name = None;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(ident) if ident == "as" => name = tokens.next().map(|name| name.to_string()),
                TokenTree::Ident(ident) => path.push(ident.to_string()),
                TokenTree::Punct(punct) if punct.as_char() == '*' => path.push("*".to_owned()),
                TokenTree::Punct(punct) if punct.as_char() == ',' => {
                    self.add(std::mem::replace(&mut path, before.to_vec()), name.take(), before, is_reexport);
                }
                TokenTree::Group(group) => {
                    self.read_tree(&mut group.stream().into_iter().peekable(), &path, is_reexport);
                    path = before.to_vec();
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
        self.add(path, name, before, is_reexport);
    }

    fn add(&mut self, mut path: Vec<String>, name: Option<String>, before: &[String], is_reexport: bool) {
        if path == before {
            return;
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = name.or_else(|| path.last().cloned());
        self.imports.push(Import { path, name, is_reexport });
    }
}

type Tokens = Peekable<proc_macro2::token_stream::IntoIter>;

fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

fn is_ident(token: &TokenTree, text: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == text)
}

fn delimiter(token: &TokenTree) -> Option<Delimiter> {
    match token {
        TokenTree::Group(group) => Some(group.delimiter()),
        _ => None,
    }
}

/// Whether an attribute limits its item to tests: `cfg(test)`, `cfg(all(test, ..))`.
fn is_test(attribute: &Group) -> bool {
    fn needs_test(tokens: TokenStream) -> bool {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match &token {
                _ if is_ident(&token, "test") => return true,
                _ if is_ident(&token, "all") => continue,
                TokenTree::Ident(_) => _ = tokens.next_if(|next| delimiter(next).is_some()),
                TokenTree::Group(group) if needs_test(group.stream()) => return true,
                _ => {}
            }
        }
        false
    }
    let mut tokens = attribute.stream().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(first), Some(TokenTree::Group(condition))) => is_ident(&first, "cfg") && needs_test(condition.stream()),
        _ => false,
    }
}

/// The file in `path = ".."`.
fn path_of(attribute: &Group) -> Option<String> {
    let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
    match &tokens[..] {
        [first, _, TokenTree::Literal(file)] if is_ident(first, "path") => {
            Some(file.to_string().trim_matches('"').to_owned())
        }
        _ => None,
    }
}

/// Skips the item of an attribute: up to its braces or its semicolon; a field or a match arm up to its comma.
fn skip_item(tokens: &mut Tokens) {
    while tokens.peek().is_some_and(|next| is_punct(next, '#')) {
        tokens.next();
        tokens.next();
    }
    const ENDS_IN_SEMICOLON: [&str; 5] = ["use", "const", "static", "type", "let"];
    const ITEMS: [&str; 8] = ["fn", "mod", "struct", "enum", "union", "trait", "impl", "macro_rules"];
    let (mut is_item, mut needs_semicolon) = (false, false);
    for token in tokens {
        if let TokenTree::Ident(ident) = &token {
            let word = ident.to_string();
            needs_semicolon |= !is_item && ENDS_IN_SEMICOLON.contains(&word.as_str());
            is_item |= ITEMS.contains(&word.as_str());
        }
        let is_body = delimiter(&token) == Some(Delimiter::Brace);
        let is_end = match (is_item, needs_semicolon) {
            (true, _) => is_body,
            (false, true) => false,
            (false, false) => is_body || is_punct(&token, ','),
        };
        if is_punct(&token, ';') || is_end {
            return;
        }
    }
}
