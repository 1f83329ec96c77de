//! The expansion of `#[gd_guest::fsm]`.

mod block;
mod functions;

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Ident, ItemImpl, Result, Type};

use block::Parts;

use crate::export::{export, keep};
use crate::graph::{self, Names};
use crate::options::FsmOptions;

pub(crate) fn expand(options: FsmOptions, mut block: ItemImpl) -> Result<TokenStream> {
    let machine = machine_name(&block)?;
    let parts = block::take_apart(&mut block, &options)?;
    let implementation = implement(&options, &machine, &parts);
    let export = export(quote!(::gd_guest::component::MachineComponent<#machine>));
    let keep = keep(quote!(<#machine as ::gd_guest::Machine>::graph));
    Ok(quote! {
        #block
        #implementation

        impl ::gd_guest::component::Workflow for #machine {
            type Component = ::gd_guest::component::MachineComponent<Self>;
        }

        #keep
        #export
    })
}

/// The type of the block, which is the state.
fn machine_name(block: &ItemImpl) -> Result<Ident> {
    let name = match block.self_ty.as_ref() {
        Type::Path(path) => path.path.get_ident(),
        _ => None,
    };
    match name {
        Some(name) if block.trait_.is_none() && block.generics.params.is_empty() => Ok(name.clone()),
        _ => Err(Error::new_spanned(
            &block.self_ty,
            "a machine is an `impl` block of a plain type, without trait or generics",
        )),
    }
}

fn implement(options: &FsmOptions, machine: &Ident, parts: &Parts) -> TokenStream {
    let FsmOptions { name, queue, state_version } = options;
    let queue = match queue {
        Some(queue) => quote!(::core::option::Option::Some(#queue)),
        None => quote!(::core::option::Option::None),
    };
    let Parts { initial, steps, .. } = parts;
    let has_handle = parts.handle.is_some();
    let from = parts.migrations.iter().map(|migration| migration.from);
    let nodes = nodes(machine, parts);
    let on_fault = on_fault(parts);
    let upgrade = upgrade(parts);
    quote! {
        impl ::gd_guest::Machine for #machine {
            const NAME: &'static str = #name;
            const QUEUE: ::core::option::Option<&'static str> = #queue;
            const STATE_VERSION: u32 = #state_version;
            const MIGRATES_FROM: &'static [u32] = &[#(#from),*];
            const HAS_HANDLE: bool = #has_handle;
            const INITIAL: ::gd_guest::StepRef<Self> = Self::#initial;
            const STEPS: &'static [::gd_guest::StepRef<Self>] = &[#(Self::#steps),*];

            fn graph() -> ::std::vec::Vec<::gd_guest::StepNode> {
                ::std::vec![#(#nodes),*]
            }

            #on_fault
            #upgrade
        }
    }
}

fn nodes(machine: &Ident, parts: &Parts) -> Vec<TokenStream> {
    let steps: BTreeSet<String> = parts.steps.iter().map(Ident::to_string).collect();
    let helpers: BTreeSet<String> =
        parts.bodies.iter().map(|(name, _)| name.clone()).filter(|name| !steps.contains(name)).collect();
    let names = Names { owners: vec!["Self".to_owned(), machine.to_string()], steps: &steps, helpers: &helpers };
    let bodies: BTreeMap<_, _> =
        parts.bodies.iter().map(|(name, body)| (name.clone(), graph::scan(body, &names))).collect();
    let node = |step: &Ident| {
        let step = step.to_string();
        let edges = graph::reachable(&step, &bodies);
        let (next, awaits) = (edges.next, edges.awaits);
        quote!(::gd_guest::StepNode::new(#step)#(.next(#next))*#(.awaits(#awaits))*)
    };
    parts.steps.iter().map(node).collect()
}

fn on_fault(parts: &Parts) -> Option<TokenStream> {
    let handle = parts.handle.as_ref()?;
    Some(quote! {
        fn on_fault(self, fault: &::gd_guest::Fault, ctx: &::gd_guest::Ctx) -> ::gd_guest::Step<Self> {
            Self::#handle(self, fault, ctx)
        }
    })
}

fn upgrade(parts: &Parts) -> Option<TokenStream> {
    if parts.migrations.is_empty() {
        return None;
    }
    let arms = parts.migrations.iter().map(|migration| {
        let (from, function) = (migration.from, &migration.function);
        quote! {
            #from => Self::#function(::gd_guest::component::decode_old(state, at)?, at)
                .map(::core::convert::Into::into),
        }
    });
    Some(quote! {
        fn upgrade(state: &[u8], at: &::gd_guest::Parked) -> ::gd_guest::Result<::gd_guest::Migrated<Self>> {
            match at.from_state_version {
                #(#arms)*
                _ => ::core::result::Result::Err(::gd_guest::component::no_migration(at)),
            }
        }
    })
}
