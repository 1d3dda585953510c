//! `/login/provider` and back: signing in with an identity provider.
//!
//! What the browser must bring back is in a cookie of its own that lives ten minutes. `SameSite=Lax`, for `Strict` would not come back with somebody whom the provider sends.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::super::app::{App, cookie_named};
use super::super::asking::Asking;
use super::super::door::refused;
use super::super::noted::{note, note_refusal};
use super::login::{inside, let_in, set_cookie, show};
use crate::access::{Back, Identity, Oidc, Refusal, Returned};

const COOKIE: &str = "gatewatch-sign-in";
const SECURE_COOKIE: &str = "__Host-gatewatch-sign-in";
/// Seconds that somebody may be away.
const AWAY: u32 = 600;

/// `GET /login/provider`: to the provider's page.
pub(in crate::dashboard) async fn begin(
    State(app): State<Arc<App>>,
    Query(pairs): Query<Vec<(String, String)>>,
    asking: Asking,
) -> Response {
    let next = pairs.iter().find(|(name, _)| name == "next").map_or("/", |(_, next)| inside(next));
    let Some(oidc) = &app.ways.oidc else { return Redirect::to("/login").into_response() };
    match oidc.begin(next).await {
        Ok(begun) => {
            let set = format!("{}; Max-Age={AWAY}", set_cookie(&app, cookie_name(&app), &begun.cookie));
            with(Redirect::to(&begun.to).into_response(), &set)
        }
        Err(refusal) => again(&app, &asking, "/", &refusal),
    }
}

/// `GET /login/callback`: back from it.
pub(in crate::dashboard) async fn finish(
    State(app): State<Arc<App>>,
    Query(pairs): Query<Vec<(String, String)>>,
    asking: Asking,
) -> Response {
    let Some(oidc) = &app.ways.oidc else { return Redirect::to("/login").into_response() };
    let finished = come_back(&app, oidc, &pairs, &asking).await;
    // A way leads back once.
    let clear = format!("{}; Max-Age=0", set_cookie(&app, cookie_name(&app), ""));
    with(finished.unwrap_or_else(|refusal| again(&app, &asking, "/", &refusal)), &clear)
}

async fn come_back(app: &App, oidc: &Oidc, pairs: &[(String, String)], asking: &Asking) -> Result<Response, Refusal> {
    let of = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let returned = Returned { code: of("code"), state: of("state"), iss: of("iss"), error: of("error") };
    let back = oidc.back(cookie_named(&asking.headers, cookie_name(app)), &returned)?;
    let identity = tried(app, oidc, &back, asking).await?;
    note(app, &identity.name, "logged in", "provider").await;
    let session = app.sessions.begin_for(identity, app.parts.clock.elapsed());
    let session = session.ok_or_else(|| Refusal::Unavailable("this machine gives no random numbers".into()))?;
    Ok(let_in(app, asking, &session, inside(&back.next)))
}

/// Tries a code at the provider, which nobody makes us flood: each is counted before it is tried, and
/// taken back if it was not wrong. Whom an address does not tell apart nobody can lock out by it.
async fn tried(app: &App, oidc: &Oidc, back: &Back, asking: &Asking) -> Result<Identity, Refusal> {
    let Some(address) = app.apart(asking) else { return oidc.finish(back).await };
    if let Some(wait) = app.sign_ins.wrong(Some(address), app.parts.clock.elapsed()) {
        return Err(Refusal::TooOften(wait));
    }
    let finished = oidc.finish(back).await;
    if !matches!(finished, Err(Refusal::Wrong(_))) {
        app.sign_ins.was_right(Some(address));
    }
    finished
}

fn cookie_name(app: &App) -> &'static str {
    if app.https { SECURE_COOKIE } else { COOKIE }
}

fn with(mut response: Response, set: &str) -> Response {
    if let Ok(set) = HeaderValue::try_from(set) {
        response.headers_mut().append(header::SET_COOKIE, set);
    }
    response
}

/// Says why nobody came in, also in the audit.
fn again(app: &App, asking: &Asking, next: &str, refusal: &Refusal) -> Response {
    note_refusal(app, refusal);
    explained(app, asking, next, refusal)
}

/// Shows the login page with why somebody did not come in.
pub(in crate::dashboard) fn explained(app: &App, asking: &Asking, next: &str, refusal: &Refusal) -> Response {
    let (status, says) = match refusal {
        Refusal::Wrong(why) => (StatusCode::UNAUTHORIZED, format!("Signing in did not work: {why}.")),
        Refusal::NoRole { name, says } => {
            (StatusCode::FORBIDDEN, format!("You are signed in as {name}, who has no role here: {says}."))
        }
        Refusal::Unavailable(why) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("Signing in does not work at this moment: {why}."))
        }
        Refusal::TooOften(wait) => {
            let seconds = wait.as_secs() + 1;
            let says = format!(
                "Too much that came from this address was wrong. A right token is taken at once; a wrong one, or a \
                 sign-in, is looked at again in {seconds} s."
            );
            let mut page = show(app, next, Some(says), StatusCode::TOO_MANY_REQUESTS, &asking.headers);
            page.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            return page;
        }
        Refusal::Nobody => return refused(refusal),
    };
    show(app, next, Some(says), status, &asking.headers)
}
