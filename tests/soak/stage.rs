//! Everything that a run plays on: a Postgres, a wire for each host, the hosts.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use gd_tests::guest;
use gd_tests::wire::Wire;

use crate::client::Addresses;
use crate::defect::Defect;
use crate::host::Host;
use crate::leftover::CLUSTER;
use crate::postgres::Postgres;
use crate::story::limits;

/// The stage. Dropping it ends all of it.
pub(crate) struct Stage {
    pub(crate) hosts: [Host; 2],
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) postgres: Postgres,
}

impl Stage {
    /// Builds it up in this folder, with the components deployed.
    pub(crate) async fn build(folder: &Path, defect: Option<Defect>) -> anyhow::Result<Self> {
        let postgres = Postgres::start(&folder.join(CLUSTER)).await?;
        let addresses = Arc::<Addresses>::default();
        let url = postgres.url();
        let host = async |number| {
            let wire = Wire::to(&url).await;
            defect.into_iter().for_each(|defect| defect.put_into(&wire));
            Host::new(number, wire, folder.to_owned(), addresses.clone())
        };
        let hosts = [host(0).await, host(1).await];
        let mut stage = Self { hosts, addresses: addresses.clone(), postgres };
        for host in &mut stage.hosts {
            host.start().await?;
        }
        stage.deploy().await?;
        stage.set_limits().await?;
        Ok(stage)
    }

    async fn deploy(&self) -> anyhow::Result<()> {
        for name in ["probe", "chore"] {
            let address = self.addresses.first().context("no host serves")?;
            let reply = gd_tests::Api::new(address).post("/v1/deployments", guest(name)).await;
            ensure!(reply.status < 300, "{name} is refused: {}", reply.text);
        }
        Ok(())
    }

    async fn set_limits(&self) -> anyhow::Result<()> {
        let api = gd_tests::Api::new(self.addresses.first().context("no host serves")?);
        for (name, limit) in limits::settings() {
            let reply = api.put(&format!("/v1/limits/{name}"), limit.to_string()).await;
            ensure!(reply.status < 300, "the limit {name} is refused: {}", reply.text);
        }
        Ok(())
    }

    /// What the wires say about what they were told to do.
    pub(crate) fn wire_problems(&self) -> Vec<String> {
        self.hosts.iter().flat_map(|host| host.wire.problems()).collect()
    }
}
