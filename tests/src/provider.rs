//! The demo's payment provider, for what calls it.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::paths::{program, repository, scratch};
use crate::{Api, DEADLINE};

/// A payment provider of its own, quick and well-behaved but for what the invoices' file says. Killed with this value.
#[derive(Debug)]
pub struct PaymentProvider {
    _child: Child,
    address: String,
}

impl PaymentProvider {
    /// Starts one whose log is in a new folder of this name.
    pub async fn start(name: &str) -> Self {
        let mut child = Command::new(program("payment-provider"))
            .args(["--listen", "127.0.0.1:0", "--latency-ms", "20..60", "--log"])
            .arg(scratch(&format!("{name}-provider")).join("calls.ndjson"))
            .arg("--invoices")
            .arg(repository().join("examples/billing/invoices.ndjson"))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("payment-provider can be run");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let first = timeout(DEADLINE, lines.next_line()).await.expect("it is ready in time").expect("it can be read");
        let url = first.expect("it says where it listens");
        let address = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url:?}")).to_owned();
        Self { _child: child, address }
    }

    /// How many charges it was asked for.
    pub async fn calls(&self) -> u64 {
        let charges = Api::new(format!("http://{}", self.address)).get("/charges").await;
        charges.json()["calls"].as_u64().unwrap_or_else(|| panic!("{charges:?}"))
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }
}
