//! What `wit-bindgen` makes of `wit/`: the records, the imports, and the macro that exports a component.

#![allow(missing_docs, unsafe_code, unreachable_pub, clippy::all)]

wit_bindgen::generate!({
    path: "../wit",
    world: "fsm",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_fsm",
    default_bindings_module: "::gd_guest::bindings",
    runtime_path: "::gd_guest::wit_bindgen::rt",
    additional_derives: [PartialEq],
});
