//! Why an instance does not run.

use axum::Json;
use axum::extract::{Path, State};
use gd_core::Reason;
use serde::Serialize;

use crate::api::extract::instance_id;
use crate::api::problem::Problem;
use crate::host::Host;

#[derive(Serialize)]
pub(in crate::api) struct Why {
    id: String,
    status: &'static str,
    held: bool,
    #[serde(flatten)]
    first: Words,
    reasons: Vec<Words>,
}

#[derive(Clone, Serialize)]
struct Words {
    word: &'static str,
    sentence: String,
    hint: Option<String>,
}

impl From<Reason> for Words {
    fn from(Reason { word, sentence, hint }: Reason) -> Self {
        Self { word, sentence, hint }
    }
}

pub(in crate::api) async fn why(State(host): State<Host>, Path(id): Path<String>) -> Result<Json<Why>, Problem> {
    let id = instance_id(&id)?;
    let why = host.why(host.default_tenant(), id).await?;
    let reasons: Vec<Words> = why.reasons.into_iter().map(Words::from).collect();
    let none = || Words { word: "unknown", sentence: String::new(), hint: None };
    let first = reasons.first().cloned().unwrap_or_else(none);
    Ok(Json(Why { id: id.to_string(), status: why.status.word(), held: why.held, first, reasons }))
}
