//! Style sheet, script and icon, embedded in the binary.
//!
//! Their addresses hold a hash of their content, so browsers keep them for good and never use an
//! old one. There are as many as files in `dashboards/web/assets`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "dashboards/web/assets"]
struct Files;

/// File name to address, as `app.css` to `/assets/app.1f2e3d4c5b6a7980.css`.
static ADDRESSES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let addressed = |name: String| {
        let hash = HEXLOWER.encode(&Files::get(&name)?.metadata.sha256_hash()[..8]);
        let (stem, kind) = name.rsplit_once('.')?;
        Some((name.clone(), format!("/assets/{stem}.{hash}.{kind}")))
    };
    Files::iter().filter_map(|name| addressed(name.into_owned())).collect()
});

/// Returns the address of the asset called `name`; that of the root page if there is none.
pub(super) fn address(name: &str) -> &'static str {
    ADDRESSES.get(name).map_or("/", String::as_str)
}

/// Serves one asset under its hashed address.
pub(super) async fn serve(Path(file): Path<String>) -> Response {
    let asked = format!("/assets/{file}");
    let found = ADDRESSES.iter().find(|(_, address)| **address == asked).and_then(|(name, _)| Files::get(name));
    let Some(found) = found else { return StatusCode::NOT_FOUND.into_response() };
    let kind = match file.rsplit_once('.').map(|(_, kind)| kind) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, found.data.into_owned()).into_response()
}
