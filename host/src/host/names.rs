//! Names that callers give: checked at the edge.

use gd_core::valid_name;

use super::Error;

/// # Errors
/// [`Error::InvalidName`], with what was named.
pub(super) fn check(what: &'static str, name: &str) -> Result<(), Error> {
    valid_name(name).map(drop).map_err(|reason| Error::InvalidName { what, reason })
}
