//! The edges of a machine, found in the text of its steps: for drawing, so a miss costs a line in a picture and no more.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Block, Expr, Token};

/// What was found in the body of one function.
#[derive(Default)]
pub(crate) struct Edges {
    /// Steps that are named, in the order they appear.
    pub(crate) next: Vec<String>,
    /// Expressions that name signals.
    pub(crate) awaits: Vec<TokenStream>,
    /// Functions of the same block that it hands over to.
    calls: BTreeSet<String>,
}

/// The names that bodies are searched for.
pub(crate) struct Names<'a> {
    /// `Self` and the machine's own name.
    pub(crate) owners: Vec<String>,
    pub(crate) steps: &'a BTreeSet<String>,
    pub(crate) helpers: &'a BTreeSet<String>,
}

/// The edges in one body.
pub(crate) fn scan(body: &Block, names: &Names<'_>) -> Edges {
    let mut edges = Edges::default();
    scan_tokens(body.to_token_stream(), names, &mut edges);
    // A constant of the body itself cannot be named from outside.
    let text = body.to_token_stream().to_string();
    edges.awaits.retain(|expression| !text.contains(&format!("const {expression} ")));
    edges
}

/// The edges of `start` with those of all functions that it hands over to.
pub(crate) fn reachable<'a>(start: &'a str, bodies: &'a BTreeMap<String, Edges>) -> Edges {
    let (mut found, mut seen, mut open) = (Edges::default(), BTreeSet::new(), vec![start]);
    while let Some(name) = open.pop() {
        let Some(edges) = bodies.get(name).filter(|_| seen.insert(name)) else { continue };
        for step in &edges.next {
            if !found.next.contains(step) {
                found.next.push(step.clone());
            }
        }
        found.awaits.extend(edges.awaits.iter().cloned());
        open.extend(edges.calls.iter().map(String::as_str));
    }
    found
}

fn scan_tokens(tokens: TokenStream, names: &Names<'_>, edges: &mut Edges) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => scan_tokens(group.stream(), names, edges),
            TokenTree::Ident(ident) => scan_ident(ident, &tokens, at, names, edges),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

fn scan_ident(ident: &Ident, tokens: &[TokenTree], at: usize, names: &Names<'_>, edges: &mut Edges) {
    let name = ident.to_string();
    if name == "await_signal" {
        edges.awaits.extend(signal_names(tokens.get(at + 1)));
    } else if names.steps.contains(&name) && is_owned(tokens, at, names) {
        // `Self::charge.call(...)` runs the step's function in this one: its edges are ours.
        if is_punct(tokens.get(at + 1), '.') {
            edges.calls.insert(name);
        } else {
            edges.next.push(name);
        }
    } else if names.helpers.contains(&name) && (is_owned(tokens, at, names) || is_punct(before(tokens, at, 1), '.')) {
        edges.calls.insert(name);
    }
}

/// Whether `Self ::` (or the machine's name) stands before the token.
fn is_owned(tokens: &[TokenTree], at: usize, names: &Names<'_>) -> bool {
    let colons = is_punct(before(tokens, at, 1), ':') && is_punct(before(tokens, at, 2), ':');
    colons
        && matches!(before(tokens, at, 3), Some(TokenTree::Ident(owner)) if names.owners.contains(&owner.to_string()))
}

fn before(tokens: &[TokenTree], at: usize, distance: usize) -> Option<&TokenTree> {
    tokens.get(at.checked_sub(distance)?)
}

fn is_punct(token: Option<&TokenTree>, expected: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == expected)
}

/// The first argument of `await_signal`, as far as it means the same outside of the body: literals and constants.
fn signal_names(arguments: Option<&TokenTree>) -> Vec<TokenStream> {
    let Some(TokenTree::Group(group)) = arguments else { return Vec::new() };
    if group.delimiter() != Delimiter::Parenthesis {
        return Vec::new();
    }
    let parse = Punctuated::<Expr, Token![,]>::parse_terminated;
    match parse.parse2(group.stream()).ok().and_then(|arguments| arguments.into_iter().next()) {
        Some(Expr::Array(array)) => array.elems.iter().filter_map(constant).collect(),
        Some(name) => constant(&name).into_iter().collect(),
        None => Vec::new(),
    }
}

fn constant(expression: &Expr) -> Option<TokenStream> {
    match expression {
        Expr::Lit(literal) => Some(quote!(#literal)),
        Expr::Path(path) => {
            let name = path.path.segments.last()?.ident.to_string();
            (name == name.to_uppercase()).then(|| quote!(#path))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, next: &[&str], awaits: &[&str]) {
        let steps = BTreeSet::from(["charge".to_owned(), "ship".to_owned()]);
        let helpers = BTreeSet::from(["give_up".to_owned()]);
        let names = Names { owners: vec!["Self".to_owned(), "Billing".to_owned()], steps: &steps, helpers: &helpers };
        let scan = |body: &str| scan(&syn::parse_str(body).unwrap(), &names);
        let bodies = BTreeMap::from([
            ("draft".to_owned(), scan(body)),
            ("ship".to_owned(), scan("{ await_signal(\"shipped\", Self::ship, self) }")),
            ("give_up".to_owned(), scan("{ next(Self::ship, self) }")),
        ]);
        let found = reachable("draft", &bodies);
        assert_eq!(found.next, next, "{body}");
        assert_eq!(found.awaits.iter().map(ToString::to_string).collect::<Vec<_>>(), awaits, "{body}");
    }

    #[test]
    fn named_steps_and_awaited_signals_are_edges() {
        check("{ next(Self::charge, self) }", &["charge"], &[]);
        check("{ if a { next(Billing::ship, self) } else { next(Self::charge, self) } }", &["ship", "charge"], &[]);
        check("{ await_signal(\"paid\", Self::ship, self).timeout(t) }", &["ship"], &["\"paid\""]);
        check("{ await_signal([\"paid\", PAID, name], Self::ship, self) }", &["ship"], &["\"paid\"", "PAID"]);
        check("{ const PAID: &str = \"paid\"; await_signal(PAID, Self::ship, self) }", &["ship"], &[]);
    }

    #[test]
    fn what_a_helper_or_a_called_step_does_is_an_edge_too() {
        check("{ self.give_up() }", &["ship"], &[]);
        check("{ Self::ship.call(self, ctx) }", &["ship"], &["\"shipped\""]);
    }

    #[test]
    fn what_only_looks_like_a_step_is_no_edge() {
        check("{ let charge = Other::charge; other.ship(); \"Self::charge\"; done(charge) }", &[], &[]);
    }
}
