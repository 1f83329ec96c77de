//! The glue that makes a crate a component.

use proc_macro2::TokenStream;
use quote::quote;

/// Exports `component`; for wasm alone, so that native tests link.
pub(crate) fn export(component: TokenStream) -> TokenStream {
    quote! {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = #component;
            ::gd_guest::component::export_fsm!(Component);
        };
    }
}

/// Uses `function`, so that what only the export reaches is not reported as dead code natively.
pub(crate) fn keep(function: TokenStream) -> TokenStream {
    quote! {
        const _: () = {
            let _ = #function;
        };
    }
}
