//! The expansion of `#[gd_guest::job]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, FnArg, Ident, ItemFn, Result};

use crate::export::{export, keep};
use crate::options::JobOptions;

pub(crate) fn expand(options: JobOptions, function: ItemFn) -> Result<TokenStream> {
    check(&function)?;
    let run = &function.sig.ident;
    let name = match &options.name {
        Some(name) => quote!(#name),
        None => {
            let name = run.to_string();
            quote!(#name)
        }
    };
    let queue = match &options.queue {
        Some(queue) => quote!(::core::option::Option::Some(#queue)),
        None => quote!(::core::option::Option::None),
    };
    let retry = retry(&options);
    let spec = spec_name(run);
    let visibility = &function.vis;
    let keep = keep(quote!(<#spec as ::gd_guest::JobSpec>::perform));
    let export = export(quote!(::gd_guest::component::JobComponent<#spec>));
    Ok(quote! {
        #function

        #[doc = "Stands for the job of this name where a type is needed."]
        #[derive(Debug)]
        #visibility struct #spec;

        impl ::gd_guest::JobSpec for #spec {
            const NAME: &'static str = #name;
            const QUEUE: ::core::option::Option<&'static str> = #queue;
            const RETRY: ::gd_guest::RetryPolicy = #retry;

            fn perform(args: &[u8], ctx: &::gd_guest::Ctx) -> ::gd_guest::Job<::std::vec::Vec<u8>> {
                ::gd_guest::component::perform(#run, args, ctx)
            }
        }

        impl ::gd_guest::component::Workflow for #spec {
            type Component = ::gd_guest::component::JobComponent<Self>;
        }

        #keep
        #export
    })
}

/// `cleanup_disk` becomes `CleanupDiskJob`.
fn spec_name(function: &Ident) -> Ident {
    let name = function.to_string();
    let words = name.trim_start_matches("r#").split('_').map(|word| {
        let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        first.to_uppercase() + rest
    });
    Ident::new(&format!("{}Job", words.collect::<String>()), function.span())
}

fn check(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    let plain = signature.asyncness.is_none() && signature.generics.params.is_empty();
    let arguments = signature.inputs.iter().filter(|input| matches!(input, FnArg::Typed(_))).count();
    if plain && arguments == 2 && signature.inputs.len() == 2 {
        return Ok(());
    }
    Err(Error::new_spanned(
        signature,
        "a job is `fn name(args: Args, ctx: &Ctx) -> Job<Report>`, without generics or async",
    ))
}

fn retry(options: &JobOptions) -> TokenStream {
    let set = [
        options.max_attempts.as_ref().map(|value| quote!(max_attempts: #value,)),
        options.base_ms.as_ref().map(|value| quote!(base_ms: #value,)),
        options.cap_ms.as_ref().map(|value| quote!(cap_ms: #value,)),
    ];
    let all = set.iter().all(Option::is_some);
    let set = set.into_iter().flatten();
    // With every field set there is nothing left for the default to give.
    let rest = (!all).then(|| quote!(..::gd_guest::RetryPolicy::DEFAULT));
    quote!(::gd_guest::RetryPolicy { #(#set)* #rest })
}
