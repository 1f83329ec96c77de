//! The types that wasmtime generates from `wit/`. Nobody but this module's siblings sees them.

#![allow(missing_docs, unreachable_pub, clippy::all)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "fsm",
    imports: { "gd:fsm/more": async },
    exports: { default: async },
});
