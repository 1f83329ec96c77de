//! The attribute macros of gd-guest; use them as `gd_guest::fsm` and `gd_guest::job`.

mod export;
mod fsm;
mod graph;
mod job;
mod options;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Makes an `impl` block a state machine over its type, and the crate a component that runs it.
///
/// `#[gd_guest::fsm(name = "billing", queue = "billing", state_version = 2)]`; queue (`default`) and state version (1) may
/// be left out.
///
/// A step is a function `fn name(self, ctx: &Ctx) -> Step<Self>`; its name is what the host stores. Everything else in the
/// block stays as it is. One step has `#[initial]`. `#[handle] fn handle(self, fault: &Fault, ctx: &Ctx) -> Step<Self>`
/// decides about faults, and `#[migrate(from = 1)] fn from_v1(old: BillingV1, at: &Parked) -> Result<Self>` carries an
/// instance over from an older state version (its result may also be `Result<Migrated<Self>>`).
///
/// Each step function becomes a constant of the same name and of type `StepRef<Self>`: `next(Self::charge, self)` names
/// it, `Self::charge.call(self, ctx)` calls it.
#[proc_macro_attribute]
pub fn fsm(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(attribute as options::FsmOptions);
    let block = parse_macro_input!(item as syn::ItemImpl);
    fsm::expand(options, block).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a function `fn name(args: Args, ctx: &Ctx) -> Job<Report>` a job, and the crate a component that runs it.
///
/// `#[gd_guest::job(name = "cleanup", queue = "slow", max_attempts = 5, base_ms = 1000, cap_ms = 300000)]`; all of it may
/// be left out: the name is then the function's, and a try that fails is followed by up to 19 others after 1 s, 2 s, 4 s
/// and so on up to 5 min.
///
/// The function stays as it is; the type `NameJob` stands for the job where a type is needed.
#[proc_macro_attribute]
pub fn job(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(attribute as options::JobOptions);
    let function = parse_macro_input!(item as syn::ItemFn);
    job::expand(options, function).unwrap_or_else(syn::Error::into_compile_error).into()
}
