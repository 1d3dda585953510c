//! Every route, and what all of them pass through.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;

use super::app::{App, Parts};
use super::{api, assets, door, live, pages, probes};

/// Bytes of a request's body.
const MAX_BODY: usize = 64 * 1024;
/// How long open connections may take to end at shutdown.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns the dashboard: pages, live stream, API and probes.
///
/// # Errors
///
/// Says what is wrong with `external_url`.
pub fn router(parts: Parts) -> Result<Router, String> {
    let mut csrf = CsrfLayer::new();
    if let Some(url) = parts.external_url.as_deref() {
        let origin = url.trim_end_matches('/');
        csrf = csrf.add_trusted_origin(origin).map_err(|error| {
            format!("external_url `{url}`: {error}; write scheme and host, such as https://gatewatch.example.com")
        })?;
    }
    let app = Arc::new(App::new(parts));
    let router = Router::new()
        .route("/", get(pages::now::page))
        .route("/a/{id}", get(pages::alert::page))
        .route("/a/{id}/acknowledge", post(pages::alert::acknowledge))
        .route("/a/{id}/close", post(pages::alert::close))
        .route("/pipeline", get(pages::pipeline::page))
        .route("/login", get(pages::login::page).post(pages::login::log_in))
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
        .layer(from_fn_with_state(app.clone(), door::check_host))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(app.clone(), door::see_off));
    Ok(router.with_state(app))
}

/// Serves `router` until `shutdown`; then ends within two seconds, whoever is still connected.
///
/// # Errors
///
/// What the operating system says of the listener.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (drain, draining) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        let _ = stopped.await;
    });
    let ending = async move {
        shutdown.await;
        let _ = stop.send(());
        tokio::time::sleep(PATIENCE).await;
        let _ = drain.send(());
    };
    let ending = tokio::spawn(ending);
    tokio::select! {
        ended = async { server.await } => { ending.abort(); ended }
        _ = draining => Ok(()),
    }
}
