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
use super::{api, assets, door, live, noted, pages, probes};
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
pub fn router_with(parts: Parts, ways: impl Into<Arc<Ways>>) -> Result<Router, String> {
    let mut csrf = CsrfLayer::new();
    if let Some(url) = parts.external_url.as_deref() {
        let origin = url.trim_end_matches('/');
        csrf = csrf.add_trusted_origin(origin).map_err(|error| {
            format!("external_url `{url}`: {error}; write scheme and host, such as https://gatewatch.example.com")
        })?;
    }
    let app = Arc::new(App::new(parts, ways.into()));
    let router = Router::new()
        .route("/", get(pages::now::page))
        .route("/a/{id}", get(pages::alert::page))
        .route("/a/{id}/acknowledge", post(pages::activity::acknowledge))
        .route("/a/{id}/close", post(pages::activity::close))
        .route("/a/{id}/note", post(pages::activity::note))
        .route("/a/{id}/assign", post(pages::activity::assign))
        .route("/a/{id}/reopen", post(pages::activity::reopen))
        .route("/a/{id}/pane", get(pages::pane::alone))
        .route("/views", post(pages::views::save))
        .route("/views/{id}/remove", post(pages::views::remove))
        .route("/entity", get(pages::entity::page))
        .route("/silences", get(pages::silences::page).post(pages::silences::add))
        .route("/silences/{id}/end", post(pages::silences::over))
        .route("/detectors", get(pages::detectors::page))
        .route("/detectors/{id}", get(pages::detector::page))
        .route("/detectors/{id}/try", get(pages::detector::back).post(pages::detector::attempt))
        .route("/attack", get(pages::attack::page))
        .route("/settings", get(pages::settings::page))
        .route("/keys", get(pages::keys::page))
        .route("/model", get(pages::model::diagram::page))
        .route("/model/coverage", get(pages::model::coverage::page))
        .route("/model/controls", get(pages::model::controls::page))
        .route("/model/changes", get(pages::model::changes::page))
        .route("/model/report", get(pages::model::report::page))
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
        .route("/api", get(pages::api::page))
        .merge(api::routes().split_for_parts().0)
        .route("/healthz", get(probes::healthz))
        .route("/readyz", get(probes::readyz))
        .route("/metrics", get(probes::metrics))
        .route("/assets/{file}", get(assets::serve))
        .fallback(pages::no_such_page)
        .method_not_allowed_fallback(api::problem::wrong_method)
        .layer(CompressionLayer::new())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(csrf)
        .layer(from_fn_with_state(app.clone(), door::explain_foreign))
        .layer(from_fn_with_state(app.clone(), noted::remember))
        .layer(from_fn_with_state(app.clone(), door::check_host))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(app.clone(), door::see_off));
    Ok(router.with_state(app))
}
