//! Every route, and what all of them pass through.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;

use super::app::{App, Parts};
use super::{api, assets, coverage, door, live, noted, pages, probes, tapping};
use crate::access::{CALLBACK, Ways};

/// Bytes of a request's body.
const MAX_BODY: usize = 64 * 1024;

/// Returns the dashboard: pages, live stream, API and probes.
///
/// # Errors
///
/// Says what is wrong with `external_url`.
pub fn router(parts: Parts) -> Result<Router, String> {
    router_with(parts, Ways::default())
}

/// As [`router`], with other ways in beside our own tokens.
///
/// # Errors
///
/// Says what is wrong with `external_url`.
pub fn router_with(parts: Parts, ways: Ways) -> Result<Router, String> {
    let mut csrf = CsrfLayer::new();
    if let Some(url) = parts.external_url.as_deref() {
        let origin = url.trim_end_matches('/');
        csrf = csrf.add_trusted_origin(origin).map_err(|error| {
            format!("external_url `{url}`: {error}; write scheme and host, such as https://gatewatch.example.com")
        })?;
    }
    let app = Arc::new(App::new(parts, ways));
    let router = Router::new()
        .route("/", get(pages::now::page))
        .route("/a/{id}", get(pages::alert::page))
        .route("/a/{id}/acknowledge", post(pages::alert::acknowledge))
        .route("/a/{id}/close", post(pages::alert::close))
        .route("/entity", get(pages::entity::page))
        .route("/silences", get(pages::silences::page).post(pages::silences::add))
        .route("/silences/{id}/end", post(pages::silences::over))
        .route("/detectors", get(pages::detectors::page))
        .route("/keys", get(pages::keys::page))
        .route("/deliveries", get(pages::deliveries::page))
        .route("/audit", get(pages::audit::page))
        .route("/pipeline", get(pages::pipeline::page))
        .route("/login", get(pages::login::page).post(pages::login::log_in))
        .route("/login/provider", get(pages::sign_in::begin))
        .route(CALLBACK, get(pages::sign_in::finish))
        .route("/logout", post(pages::login::log_out))
        .route("/events", get(live::events))
        .route("/dead-letters", get(pages::dead_letters::page))
        .route("/dead-letters/retry", post(pages::dead_letters::retry))
        .route("/api/v1/tap", get(tapping::tap))
        .route("/api/v1/alerts", get(api::alerts))
        .route("/api/v1/alerts/{id}", get(api::alert))
        .route("/api/v1/alerts/{id}/activity", get(api::people::activity))
        .route("/api/v1/alerts/{id}/exception", get(api::exception::exception))
        .route("/api/v1/alerts/{id}/acknowledge", post(api::people::acknowledge))
        .route("/api/v1/alerts/{id}/assign", post(api::people::assign))
        .route("/api/v1/alerts/{id}/unassign", post(api::people::unassign))
        .route("/api/v1/alerts/{id}/close", post(api::people::close))
        .route("/api/v1/alerts/{id}/reopen", post(api::people::reopen))
        .route("/api/v1/alerts/{id}/note", post(api::people::note))
        .route("/api/v1/alerts/bulk", post(api::bulk::bulk))
        .route("/api/v1/alerts/bulk/{id}/undo", post(api::bulk::undo))
        .route("/api/v1/silences", get(api::silences::list).post(api::silences::add))
        .route("/api/v1/silences/preview", post(api::silences::preview))
        .route("/api/v1/silences/{id}/expire", post(api::silences::expire))
        .route("/api/v1/incidents", get(api::incidents::list))
        .route("/api/v1/coverage", get(coverage::api))
        .route("/api/v1/audit", get(api::audit::list))
        .route("/healthz", get(probes::healthz))
        .route("/readyz", get(probes::readyz))
        .route("/metrics", get(probes::metrics))
        .route("/assets/{file}", get(assets::serve))
        .fallback(pages::no_such_page)
        .layer(CompressionLayer::new())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(csrf)
        .layer(from_fn_with_state(app.clone(), noted::remember))
        .layer(from_fn_with_state(app.clone(), door::check_host))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(app.clone(), door::see_off));
    Ok(router.with_state(app))
}
