//! Taking a block apart: each step function is renamed and a constant put in its place.

use quote::format_ident;
use syn::{Attribute, Block, Error, Ident, ImplItem, ImplItemFn, ItemImpl, Result, parse_quote};

use super::functions::{Role, role};
use crate::options::FsmOptions;

/// What was found in the block.
pub(super) struct Parts {
    pub(super) initial: Ident,
    /// In the order they are written.
    pub(super) steps: Vec<Ident>,
    pub(super) handle: Option<Ident>,
    pub(super) migrations: Vec<Migration>,
    /// The bodies of steps and helpers, by name.
    pub(super) bodies: Vec<(String, Block)>,
}

/// A function that reads an older state.
pub(super) struct Migration {
    pub(super) from: u32,
    pub(super) function: Ident,
}

pub(super) fn take_apart(block: &mut ItemImpl, options: &FsmOptions) -> Result<Parts> {
    let (mut initial, mut steps, mut handle) = (None, Vec::new(), None);
    let (mut migrations, mut bodies) = (Vec::new(), Vec::new());
    let mut constants = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(function) = item else { continue };
        let name = function.sig.ident.clone();
        bodies.push((name.to_string(), function.block.clone()));
        match role(function)? {
            Role::Step { initial: is_initial } => {
                if is_initial {
                    once(&mut initial, &name, "a machine has one initial step")?;
                }
                constants.push(constant_for(function));
                steps.push(name);
            }
            Role::Handle => once(&mut handle, &name, "a machine has one handler")?,
            Role::Migrate { from } => migrations.push(checked(from, name, &migrations, options.state_version)?),
            Role::Helper => {}
        }
    }
    block.items.extend(constants);
    let initial = initial.ok_or_else(|| {
        Error::new_spanned(
            &block.self_ty,
            "mark the step where an instance begins: `#[initial] fn name(self, ctx: &Ctx) -> Step<Self>`",
        )
    })?;
    Ok(Parts { initial, steps, handle, migrations, bodies })
}

fn once(slot: &mut Option<Ident>, name: &Ident, rule: &str) -> Result<()> {
    match slot.replace(name.clone()) {
        None => Ok(()),
        Some(first) => Err(Error::new(name.span(), format!("{rule}, and that is `{first}`"))),
    }
}

fn checked(from: u32, function: Ident, before: &[Migration], state_version: u32) -> Result<Migration> {
    if from >= state_version {
        let rule =
            format!("the state version is {state_version}, so a migration is from an older one; raise `state_version`");
        return Err(Error::new(function.span(), rule));
    }
    if let Some(twin) = before.iter().find(|migration| migration.from == from) {
        return Err(Error::new(function.span(), format!("`{}` is from state version {from} already", twin.function)));
    }
    Ok(Migration { from, function })
}

/// Renames the function and makes the constant that has its name from now on, with its docs and its visibility.
fn constant_for(function: &mut ImplItemFn) -> ImplItem {
    let name = function.sig.ident.clone();
    let text = name.to_string();
    let renamed = format_ident!("__step_{}", text.trim_start_matches("r#"), span = name.span());
    function.sig.ident = renamed.clone();
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let (docs, rest): (Vec<Attribute>, Vec<Attribute>) =
        std::mem::take(&mut function.attrs).into_iter().partition(|attribute| attribute.path().is_ident("doc"));
    function.attrs = rest;
    parse_quote! {
        #(#docs)*
        #[allow(non_upper_case_globals)]
        #visibility const #name: ::gd_guest::StepRef<Self> = ::gd_guest::StepRef::new(#text, Self::#renamed);
    }
}
