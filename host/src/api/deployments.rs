//! `/v1/deployments`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::extract::Raw;
use super::problem::Problem;
use crate::host::Host;

#[derive(Serialize)]
pub(super) struct Deployment {
    fsm: String,
    version: i32,
    digest: String,
    created: bool,
    imports: Vec<String>,
    warnings: Vec<String>,
}

pub(super) async fn deploy(
    State(host): State<Host>,
    Raw(component): Raw,
) -> Result<(StatusCode, Json<Deployment>), Problem> {
    let deployed = host.deploy(host.default_tenant(), component.to_vec()).await?;
    let status = if deployed.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((
        status,
        Json(Deployment {
            fsm: deployed.fsm,
            version: deployed.version.0,
            digest: format!("sha256:{}", deployed.digest),
            created: deployed.created,
            imports: deployed.imports,
            warnings: deployed.warnings,
        }),
    ))
}
