//! What is written in the brackets of the attributes.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitInt, LitStr, Result, Token};

/// Of `#[gd_guest::fsm(...)]`.
pub(crate) struct FsmOptions {
    pub(crate) name: LitStr,
    pub(crate) queue: Option<LitStr>,
    pub(crate) state_version: u32,
}

/// Of `#[gd_guest::job(...)]`.
#[derive(Default)]
pub(crate) struct JobOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) queue: Option<LitStr>,
    pub(crate) max_attempts: Option<LitInt>,
    pub(crate) base_ms: Option<LitInt>,
    pub(crate) cap_ms: Option<LitInt>,
}

/// Of `#[migrate(...)]`.
pub(crate) struct MigrateOptions {
    pub(crate) from: u32,
}

impl Parse for FsmOptions {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut queue, mut state_version) = (None, None, None);
        each_option(input, |key, input| match key.to_string().as_str() {
            "name" => set(&mut name, key, checked_name(input)?),
            "queue" => set(&mut queue, key, checked_name(input)?),
            "state_version" => set(&mut state_version, key, positive(input)?),
            _ => Err(Error::new(key.span(), "unknown option; there are `name`, `queue` and `state_version`")),
        })?;
        let missing = || Error::new(Span::call_site(), "give the machine a name: `#[gd_guest::fsm(name = \"...\")]`");
        Ok(Self { name: name.ok_or_else(missing)?, queue, state_version: state_version.unwrap_or(1) })
    }
}

impl Parse for JobOptions {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        each_option(input, |key, input| match key.to_string().as_str() {
            "name" => set(&mut options.name, key, checked_name(input)?),
            "queue" => set(&mut options.queue, key, checked_name(input)?),
            "max_attempts" => set(&mut options.max_attempts, key, positive_literal::<u32>(input)?),
            "base_ms" => set(&mut options.base_ms, key, positive_literal::<u64>(input)?),
            "cap_ms" => set(&mut options.cap_ms, key, positive_literal::<u64>(input)?),
            _ => Err(Error::new(
                key.span(),
                "unknown option; there are `name`, `queue`, `max_attempts`, `base_ms` and `cap_ms`",
            )),
        })?;
        Ok(options)
    }
}

impl Parse for MigrateOptions {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut from = None;
        each_option(input, |key, input| match key.to_string().as_str() {
            "from" => set(&mut from, key, positive(input)?),
            _ => Err(Error::new(key.span(), "unknown option; there is `from`")),
        })?;
        from.map(|from| Self { from })
            .ok_or_else(|| input.error("say which state version it reads: `#[migrate(from = 1)]`"))
    }
}

/// `key = value, key = value`, each value read by `read`.
fn each_option(input: ParseStream<'_>, mut read: impl FnMut(&Ident, ParseStream<'_>) -> Result<()>) -> Result<()> {
    while !input.is_empty() {
        let key: Ident = input.parse()?;
        input.parse::<Token![=]>()?;
        read(&key, input)?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(())
}

fn set<T>(slot: &mut Option<T>, key: &Ident, value: T) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(key.span(), format!("`{key}` is given twice"))),
    }
}

/// The host's rule for names: 1 to 255 bytes without control characters.
fn checked_name(input: ParseStream<'_>) -> Result<LitStr> {
    let name: LitStr = input.parse()?;
    let value = name.value();
    if value.is_empty() || value.len() > 255 || value.contains(char::is_control) {
        return Err(Error::new(name.span(), "a name has 1 to 255 bytes and no control characters"));
    }
    Ok(name)
}

fn positive(input: ParseStream<'_>) -> Result<u32> {
    positive_literal::<u32>(input)?.base10_parse()
}

fn positive_literal<N>(input: ParseStream<'_>) -> Result<LitInt>
where
    N: std::str::FromStr + PartialEq + From<u8>,
    N::Err: std::fmt::Display,
{
    let literal: LitInt = input.parse()?;
    if literal.base10_parse::<N>()? == N::from(0) {
        return Err(Error::new(literal.span(), "it counts from 1"));
    }
    Ok(literal)
}
