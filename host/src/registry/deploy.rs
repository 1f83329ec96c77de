//! Taking a component in: checked and described before anything is stored.

use gd_core::{TenantId, Version};
use sha2::{Digest, Sha256};

use super::{DescriptorDoc, Error, Registry};
use crate::telemetry;

/// A deployed version.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// The FSM's name, from the component's descriptor.
    pub fsm: String,
    /// The version's number.
    pub version: Version,
    /// sha-256 of the component, in hexadecimal.
    pub digest: String,
    /// False when the same bytes were a version already.
    pub created: bool,
    /// What the component imports.
    pub imports: Vec<String>,
    /// What works, but not as its author may think.
    pub warnings: Vec<String>,
}

impl Registry {
    /// Deploys a component: new instances of its FSM take it from now on, running ones end on theirs.
    ///
    /// # Errors
    /// Says which rule the component breaks; nothing was stored then.
    pub async fn deploy(&self, tenant: TenantId, bytes: Vec<u8>) -> Result<Deployed, Error> {
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let (program, inspection) = self.sandbox.load(bytes.clone()).await?;
        let fsm = program.descriptor.fsm.clone();
        let document = DescriptorDoc::from(&program.descriptor);
        let document = serde_json::to_value(&document).map_err(|error| Error::StoredDescriptor {
            fsm: fsm.clone(),
            version: 0,
            reason: error.to_string(),
        })?;
        let stored = self.store.deploy(tenant, &fsm, &digest, &bytes, &document).await?;
        self.programs.keep(stored.fsm, stored.version, program);
        let created = if stored.created { "true" } else { "false" };
        metrics::counter!(telemetry::metrics::DEPLOYED, "created" => created).increment(1);
        tracing::info!(%fsm, version = %stored.version, created = stored.created, "deploy.done");
        Ok(Deployed {
            fsm,
            version: stored.version,
            digest: hex(&digest),
            created: stored.created,
            imports: inspection.imports,
            warnings: inspection.warnings,
        })
    }
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
