//! What the functions of a block are.

use syn::{Error, FnArg, GenericArgument, ImplItemFn, PathArguments, ReceiverKind, Result, ReturnType, Type};

use crate::options::MigrateOptions;

/// What a function is to the machine.
pub(super) enum Role {
    /// A step, maybe the initial one.
    Step { initial: bool },
    /// The handler of faults.
    Handle,
    /// A migration from this state version.
    Migrate { from: u32 },
    /// None of the machine's business.
    Helper,
}

/// Says what a function is, and takes our attributes off it.
pub(super) fn role(function: &mut ImplItemFn) -> Result<Role> {
    let (mut initial, mut handle, mut from) = (false, false, None);
    let mut kept = Vec::new();
    for attribute in std::mem::take(&mut function.attrs) {
        if attribute.path().is_ident("initial") {
            attribute.meta.require_path_only()?;
            initial = true;
        } else if attribute.path().is_ident("handle") {
            attribute.meta.require_path_only()?;
            handle = true;
        } else if attribute.path().is_ident("migrate") {
            from = Some(attribute.parse_args::<MigrateOptions>()?.from);
        } else {
            kept.push(attribute);
        }
    }
    function.attrs = kept;
    match (initial, handle, from) {
        (true, false, None) => {
            require(function, is_step(function), "a step is `fn name(self, ctx: &Ctx) -> Step<Self>`")
                .map(|()| Role::Step { initial: true })
        }
        (false, true, None) => require(
            function,
            takes_self(function, 3),
            "a handler is `fn handle(self, fault: &Fault, ctx: &Ctx) -> Step<Self>`",
        )
        .map(|()| Role::Handle),
        (false, false, Some(from)) => require(
            function,
            function.sig.receiver().is_none() && function.sig.inputs.len() == 2,
            "a migration is `fn name(old: OldState, at: &Parked) -> Result<Self>`",
        )
        .map(|()| Role::Migrate { from }),
        (false, false, None) if is_step(function) => Ok(Role::Step { initial: false }),
        (false, false, None) => Ok(Role::Helper),
        _ => Err(Error::new_spanned(&function.sig, "a function is one of initial step, handler and migration")),
    }
}

fn require(function: &ImplItemFn, fits: bool, rule: &str) -> Result<()> {
    if fits { Ok(()) } else { Err(Error::new_spanned(&function.sig, rule)) }
}

/// `fn name(self, ctx: &Ctx) -> Step<Self>`, whatever the last one's path.
fn is_step(function: &ImplItemFn) -> bool {
    let context = function.sig.inputs.iter().nth(1);
    takes_self(function, 2) && context.is_some_and(is_context) && returns_step(function)
}

fn takes_self(function: &ImplItemFn, arguments: usize) -> bool {
    let by_value = function.sig.receiver().is_some_and(|receiver| matches!(receiver.kind, ReceiverKind::Value));
    let plain = function.sig.asyncness.is_none() && function.sig.generics.params.is_empty();
    by_value && plain && function.sig.inputs.len() == arguments
}

fn is_context(argument: &FnArg) -> bool {
    match argument {
        FnArg::Typed(argument) => match argument.ty.as_ref() {
            Type::Reference(reference) => last_segment_is(&reference.elem, "Ctx"),
            _ => false,
        },
        FnArg::Receiver(_) => false,
    }
}

fn returns_step(function: &ImplItemFn) -> bool {
    let ReturnType::Type(_, result) = &function.sig.output else { return false };
    let Type::Path(path) = result.as_ref() else { return false };
    let Some(last) = path.path.segments.last() else { return false };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return false };
    last.ident == "Step" && matches!(arguments.args.first(), Some(GenericArgument::Type(_)))
}

fn last_segment_is(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}
