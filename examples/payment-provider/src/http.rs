//! The provider's HTTP side.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use crate::{Answer, ChargeRequest, Provider, Summary};

/// `POST /charges` (with `Idempotency-Key`), `GET /charges`, `GET /healthz`.
pub fn router(provider: Arc<Provider>) -> Router {
    let charges = post(charge).get(summary);
    Router::new().route("/charges", charges).route("/healthz", get(async || "ok")).with_state(provider)
}

async fn summary(State(provider): State<Arc<Provider>>) -> Json<Summary> {
    Json(provider.summary())
}

async fn charge(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    Json(request): Json<ChargeRequest>,
) -> Response {
    let _waiting = provider.wait_for_answer();
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
    if key.is_empty() {
        return problem(StatusCode::BAD_REQUEST, "missing-key", "send an Idempotency-Key header");
    }
    // A task of its own: money that is on its way moves, whether or not the caller lives to hear of it.
    let worked = tokio::spawn(work(Arc::clone(&provider), key, request)).await;
    worked.unwrap_or_else(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error.to_string()))
}

/// The charge is made in the middle of the latency: a caller can die before it and after it.
async fn work(provider: Arc<Provider>, key: String, request: ChargeRequest) -> Response {
    let half = provider.latency(&request.invoice) / 2;
    tokio::time::sleep(half).await;
    let answer = provider.charge(&key, &request);
    if matches!(answer, Ok(Answer::Die)) {
        std::process::abort();
    }
    tokio::time::sleep(half).await;
    match answer {
        Ok(Answer::Charged { charge_id, replayed }) => Json(json!({
            "charge_id": charge_id,
            "invoice": request.invoice,
            "amount_cents": request.amount_cents,
            "currency": request.currency,
            "replayed": replayed,
        }))
        .into_response(),
        Ok(Answer::Declined) => problem(StatusCode::PAYMENT_REQUIRED, "declined", "the card was declined"),
        Ok(Answer::Conflict) => {
            problem(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "this key was used for another charge")
        }
        Ok(Answer::Unavailable | Answer::Die) => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, "unavailable", "try again later")
        }
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error.to_string()),
    }
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    (status, Json(json!({ "status": status.as_u16(), "code": code, "detail": detail }))).into_response()
}
