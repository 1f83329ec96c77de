//! Starting many instances with one request.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;

use super::start::{NewInstance, StartedInstance};
use crate::api::extract::{Raw, json};
use crate::api::problem::Problem;
use crate::host::{Error, Host, Start};

/// Entries of one request at most.
const ENTRIES_MAX: usize = 10_000;

#[derive(Serialize)]
pub(in crate::api) struct Batch {
    /// How many were started.
    started: usize,
    /// One for each entry, in their order.
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    /// The place of the entry, from 0.
    index: usize,
    #[serde(flatten)]
    result: Outcome,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Started(StartedInstance),
    Refused { error: Refusal },
}

#[derive(Serialize)]
struct Refusal {
    code: &'static str,
    detail: String,
    /// The instance that holds the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<String>,
}

/// Starts what the body lists: a JSON array, or with the content type `application/x-ndjson` a JSON document per line.
pub(in crate::api) async fn start_many(
    State(host): State<Host>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Json<Batch>, Problem> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let entries = if is_lines(content_type) { lines(&body)? } else { array(&body)? };
    let (mut items, mut starts, mut places) = (Vec::with_capacity(entries.len()), Vec::new(), Vec::new());
    for (index, entry) in entries.into_iter().enumerate() {
        match entry {
            Ok(start) => {
                starts.push(start);
                places.push(index);
            }
            Err(refusal) => items.push(Item { index, result: Outcome::Refused { error: refusal } }),
        }
    }
    let told = host.start_many(host.default_tenant(), starts).await?;
    let started = told.iter().filter(|told| told.is_ok()).count();
    items.extend(places.into_iter().zip(told).map(|(index, told)| Item { index, result: told.into() }));
    items.sort_by_key(|item| item.index);
    Ok(Json(Batch { started, items }))
}

fn is_lines(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    ["application/x-ndjson", "application/ndjson", "application/jsonl"]
        .iter()
        .any(|lines| kind.eq_ignore_ascii_case(lines))
}

fn array(body: &[u8]) -> Result<Vec<Result<Start, Refusal>>, Problem> {
    let entries: Vec<&RawValue> = json(body)?;
    bounded(entries.len())?;
    Ok(entries.into_iter().map(|entry| read(entry.get().as_bytes())).collect())
}

fn lines(body: &[u8]) -> Result<Vec<Result<Start, Refusal>>, Problem> {
    let lines = || body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    bounded(lines().count())?;
    Ok(lines().map(read).collect())
}

fn bounded(entries: usize) -> Result<(), Problem> {
    if entries <= ENTRIES_MAX {
        return Ok(());
    }
    let detail = format!("the batch has {entries} entries, the limit is {ENTRIES_MAX}; send it in parts");
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", detail))
}

fn read(entry: &[u8]) -> Result<Start, Refusal> {
    let new: NewInstance = serde_json::from_slice(entry).map_err(|error| Refusal {
        code: "invalid-json",
        detail: format!("the entry is not the JSON that is expected: {error}"),
        holder: None,
    })?;
    new.into_start().map_err(Refusal::from)
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let holder = match &error {
            Error::Duplicate { holder, .. } => Some(holder.to_string()),
            _ => None,
        };
        Self { code: error.code(), detail: error.to_string(), holder }
    }
}

impl From<Result<crate::host::StartedInstance, Error>> for Outcome {
    fn from(told: Result<crate::host::StartedInstance, Error>) -> Self {
        match told {
            Ok(started) => Self::Started(started.into()),
            Err(error) => Self::Refused { error: error.into() },
        }
    }
}
