//! What does the API offer, in a form that programs read?
//!
//! OpenAPI 3.1, made of the routes themselves: what is no part of it has no address. What all addresses
//! have in common is added here: who may come in, and that what can't be done is a problem. It is made
//! once, when it is first asked for.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, ResponseBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::super::door::Viewer;
use super::alert_form::AlertForm;
use super::forms::ChangeForm;
use super::problem::{Flaw, KIND, Problem};
use super::routes;

const ABOUT: &str = "What people do with alerts on the pages, for programs. Show a token: `Authorization: Bearer gw_…`; \
    `gatewatch token create NAME --role viewer` makes one. The role `viewer` may look, `operator` may act as well, `admin` may read the audit. All \
    times are RFC 3339, UTC. What can't be done is answered as `application/problem+json` (RFC 9457).";

/// Answers that every address may give.
const ALWAYS: [(&str, &str); 6] = [
    ("401", "No token was shown, or it is not known."),
    ("403", "The token's role may not do this, or a browser sent it from a page of another site."),
    ("421", "Gatewatch does not go by the name in `Host`."),
    ("429", "Too many wrong tokens came from this address."),
    ("500", "A bug; the daemon goes on."),
    ("503", "The daemon can't answer now, or can't tell who asks: an identity provider's keys are not to be had."),
];
/// Answers that an address may give which takes a body.
const BODIES: [(&str, &str); 3] = [
    ("400", "The body is not what is asked for: all that is wrong is in `errors`."),
    ("413", "The body is larger than 64 KiB."),
    ("415", "The body does not say that it is JSON."),
];

static DOCUMENT: LazyLock<(Value, Bytes)> = LazyLock::new(|| {
    let document = serde_json::to_value(made(routes().into_openapi())).unwrap_or_default();
    let text = serde_json::to_vec_pretty(&document).unwrap_or_default();
    (document, text.into())
});

/// Returns the document.
pub(in crate::dashboard) fn document() -> &'static Value {
    &DOCUMENT.0
}

/// Returns the document as text.
pub fn openapi() -> &'static [u8] {
    &DOCUMENT.1
}

/// Returns the document's schemas by their names.
pub(super) fn schemas() -> &'static Value {
    &DOCUMENT.0["components"]["schemas"]
}

/// Returns the name of the schema that a reference leads to.
pub(in crate::dashboard) fn name_of(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or_default()
}

fn made(mut document: OpenApi) -> OpenApi {
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new().title("Gatewatch").version(env!("CARGO_PKG_VERSION"));
    document.info = info.description(Some(ABOUT)).license(Some(license)).build();
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token that `gatewatch token create` made."));
    let mut schemas = vec![
        (AlertForm::name().into_owned(), AlertForm::schema()),
        (ChangeForm::name().into_owned(), ChangeForm::schema()),
        (Problem::name().into_owned(), Problem::schema()),
        (Flaw::name().into_owned(), Flaw::schema()),
    ];
    AlertForm::schemas(&mut schemas);
    ChangeForm::schemas(&mut schemas);
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("token", SecurityScheme::Http(token.build()))
        .build();
    match &mut document.components {
        Some(known) => {
            known.schemas.extend(components.schemas);
            known.security_schemes.extend(components.security_schemes);
        }
        none => *none = Some(components),
    }
    document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], _>("token", [])]);
    for (path, item) in &mut document.paths.paths {
        let methods = [("get", &mut item.get), ("post", &mut item.post)];
        for (method, operation) in methods {
            if let Some(operation) = operation {
                operation.operation_id = Some(id_of(method, path));
                complete(operation);
            }
        }
    }
    document
}

/// Returns what an address is called, such as `post_alerts_id_close`; links name addresses so.
fn id_of(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api/v1/").unwrap_or(path);
    format!("{method}_{}", path.replace(['/', '.'], "_").replace(['{', '}'], ""))
}

/// Adds what every address may answer, and says that refusals are problems.
fn complete(operation: &mut Operation) {
    let bodies: &[(&str, &str)] = if operation.request_body.is_some() { &BODIES } else { &[] };
    let answers = &mut operation.responses.responses;
    for (status, about) in ALWAYS.iter().chain(bodies) {
        answers
            .entry((*status).to_owned())
            .or_insert_with(|| RefOr::T(ResponseBuilder::new().description(*about).build()));
    }
    for (_, answer) in answers.iter_mut().filter(|(status, _)| status.as_str() >= "400") {
        if let RefOr::T(answer) = answer {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
            answer.content.insert(KIND.to_owned(), RefOr::T(content));
        }
    }
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "about",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json"))
)]
pub(super) async fn openapi_json(_: Viewer) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.1.clone()).into_response()
}
