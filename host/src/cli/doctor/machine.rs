//! Whether guests can run on this machine.

use super::check::Check;
use crate::sandbox::{SelfTest, self_test};

/// Compiles a component in a child and runs it.
pub(super) async fn wasmtime() -> Check {
    match self_test().await {
        Ok(found) => judged(found),
        Err(error) => {
            Check::fail("wasmtime", error.to_string(), "no guest can run here; allow more memory or address space")
        }
    }
}

fn judged(found: SelfTest) -> Check {
    let page_map = if found.page_map { "with the page-map scan" } else { "without the page-map scan of Linux 6.7" };
    if !found.pooled {
        let advice = "allow more address space (ulimit -v), each step costs about 35 us more without";
        return Check::warn("wasmtime", "a component compiles and runs, but there is no pool for guests", advice);
    }
    Check::ok("wasmtime", format!("a component compiles in a child and runs from a pool, {page_map}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_pool_is_told_of_and_one_without_the_scan_will_do() {
        let check = |pooled, page_map, expected: &str| {
            let said = format!("{:?}", judged(SelfTest { pooled, page_map }));
            assert!(said.contains(expected), "{said}");
        };
        check(true, true, "Ok");
        check(true, false, "without the page-map scan");
        check(false, true, "Warn");
    }
}
