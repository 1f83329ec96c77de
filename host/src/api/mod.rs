//! The HTTP API: a file per resource, JSON in and out, every refusal a problem document with a stable code.

mod auth;
mod deployments;
mod extract;
mod fsms;
mod health;
mod instances;
mod limits;
mod metrics;
mod nodes;
mod payload;
mod problem;
mod signals;
mod time;

use axum::routing::{get, post, put};
use axum::{Extension, Router, middleware};
use tower_http::trace::TraceLayer;

use crate::host::Host;

use extract::BodyMax;

pub use auth::ApiToken;
pub(crate) use limits::Given as GivenLimit;

/// Largest body of a request that is not a deployment: a payload at its limit, in base64, with room.
const BODY_BYTES_MAX: usize = 2 << 20;
/// Largest body of a deployment; the component's own limit is lower and answers with its own code.
const DEPLOYMENT_BYTES_MAX: usize = 64 << 20;

/// Largest body of a batch of starts: its 10,000 entries with 6 KiB each.
const BATCH_BYTES_MAX: usize = 64 << 20;

/// Every route. Without a token, whoever reaches the address may do everything.
pub fn router(host: Host, token: Option<ApiToken>) -> Router {
    let deployments = Router::new()
        .route("/v1/deployments", post(deployments::deploy))
        .layer(Extension(BodyMax(DEPLOYMENT_BYTES_MAX)));
    let batches = Router::new()
        .route("/v1/instances/batch", post(instances::start_many))
        .layer(Extension(BodyMax(BATCH_BYTES_MAX)));
    let v1 = Router::new()
        .route("/v1/fsms", get(fsms::list))
        .route("/v1/fsms/{fsm}", get(fsms::get))
        .route("/v1/fsms/{fsm}/history", post(fsms::set_history))
        .route("/v1/instances", post(instances::start).get(instances::list))
        .route("/v1/instances/{id}", get(instances::get))
        .route("/v1/instances/{id}/history", get(instances::history))
        .route("/v1/instances/{id}/history/{claim}/input", get(instances::input))
        .route("/v1/instances/{id}/logs", get(instances::logs))
        .route("/v1/instances/{id}/children", get(instances::children))
        .route("/v1/instances/{id}/why", get(instances::why))
        .route("/v1/instances/{id}/wait", get(instances::wait))
        .route("/v1/instances/{id}/cancel", post(instances::cancel))
        .route("/v1/instances/{id}/pause", post(instances::pause))
        .route("/v1/instances/{id}/resume", post(instances::resume))
        .route("/v1/instances/{id}/signals", post(signals::to_instance))
        .route("/v1/signals", post(signals::to_key))
        .route("/v1/limits", get(limits::list))
        .route("/v1/limits/{name}", put(limits::set).delete(limits::remove))
        .route("/v1/nodes", get(nodes::list))
        .layer(Extension(BodyMax(BODY_BYTES_MAX)))
        .merge(deployments)
        .merge(batches)
        .route("/metrics", get(metrics::metrics))
        .layer(middleware::from_fn_with_state(token, auth::check));
    Router::new()
        .merge(v1)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .layer(TraceLayer::new_for_http())
        .with_state(host)
}
