//! Which parts does an alert name, and by what name?
//!
//! Apps, functions, gateways, APIs and operations are called by their names; anything else has its sort
//! before it, for a product and an API of one gateway may have one name. A record names parts by its
//! resource, and by the API and the operation that a gateway writes. The app behind is named apart: what its
//! gateway did is mostly no fault of it. At most as many as a path has steps.

use std::sync::Arc;

use crate::posture::ElementKind;
use crate::posture::configured::Sort;
use crate::posture::observed::paths;

/// Returns what a part is called where parts of all sorts are named.
pub fn called(sort: Sort, name: &Arc<str>) -> Arc<str> {
    match sort {
        Sort::App | Sort::Function | Sort::Gateway | Sort::Api | Sort::Operation => name.clone(),
        _ => format!("{}:{name}", sort.name()).into(),
    }
}

/// Returns the names of the parts that a record speaks of.
pub fn named_parts(record: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let resource = text_of(record, "esourceId").or_else(|| text_of(record, "esourceid"));
    let all = paths(&resource.unwrap_or_default().to_ascii_lowercase());
    names.extend(all.iter().filter_map(|(kind, path)| name_of(*kind, path)));
    if let Some((ElementKind::ApiManagement, gateway)) = all.first() {
        let lower = |key| text_of(record, key).map(str::to_ascii_lowercase);
        let api = lower("\"apiId").map(|api| api.split(";rev=").next().unwrap_or_default().to_owned());
        let operation = lower("\"operationId");
        names.extend(api.as_ref().map(|api| format!("{gateway}/{api}")));
        if let (Some(api), Some(operation)) = (&api, &operation) {
            names.push(format!("{gateway}/{api}/{operation}"));
        }
    }
    names
}

/// Returns the app that a gateway's record says it called.
pub fn named_behind(record: &str) -> Option<String> {
    let url = text_of(record, "\"backendUrl")?.to_ascii_lowercase();
    app_behind(&url).map(str::to_owned)
}

/// Returns the name of the part at a path of types and names, if such parts are known.
fn name_of(kind: ElementKind, path: &str) -> Option<String> {
    let steps: Vec<&str> = path.split('/').collect();
    Some(match (kind, steps.as_slice()) {
        (ElementKind::App | ElementKind::ApiManagement, [site]) => (*site).to_owned(),
        (ElementKind::App, [site, "functions", name]) | (ElementKind::ApiManagement, [site, "apis", name]) => {
            format!("{site}/{name}")
        }
        (ElementKind::ApiManagement, [site, "apis", api, "operations", name]) => format!("{site}/{api}/{name}"),
        (ElementKind::ApiManagement, [site, "products", name]) => format!("product:{site}/{name}"),
        (ElementKind::ApiManagement, [site, "backends", name]) => format!("backend:{site}/{name}"),
        (ElementKind::ApiManagement, [site, "namedvalues", name]) => format!("named-value:{site}/{name}"),
        (ElementKind::Storage, [name]) => format!("storage:{name}"),
        (ElementKind::KeyVault, [name]) => format!("vault:{name}"),
        _ => return None,
    })
}

/// Returns the app that an address of a gateway's backend is of.
fn app_behind(url: &str) -> Option<&str> {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest).split(['/', '?', ':']).next()?;
    host.strip_suffix(".azurewebsites.net").filter(|app| !app.is_empty() && !app.contains('.'))
}

/// Returns the text of the first member whose name ends with `key`.
fn text_of<'r>(record: &'r str, key: &str) -> Option<&'r str> {
    let (_, rest) = record.split_once(&format!("{key}\""))?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    rest.split('"').next().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_the_parts_that_its_resource_lies_in() {
        let of = |path: &str| {
            named_parts(&format!(r#"{{"resourceId": "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.{path}"}}"#))
        };
        assert_eq!(of("WEB/SITES/SHOP/FUNCTIONS/PAY"), ["shop", "shop/pay"]);
        let operation = of("APIMANAGEMENT/SERVICE/APIM/APIS/ORDERS/OPERATIONS/GET/POLICIES/POLICY");
        assert_eq!(operation, ["apim", "apim/orders", "apim/orders/get"]);
        assert_eq!(of("APIMANAGEMENT/SERVICE/APIM/PRODUCTS/GOLD"), ["apim", "product:apim/gold"]);
        assert_eq!(of("STORAGE/STORAGEACCOUNTS/ST/BLOBSERVICES/DEFAULT"), ["storage:st"]);
        assert_eq!(of("KEYVAULT/VAULTS/KV"), ["vault:kv"]);
        let gateway = r#"{"resourceId":"/providers/microsoft.apimanagement/service/apim","properties":{"apiId":"orders;rev=3","operationId":"get"}}"#;
        assert_eq!(named_parts(gateway), ["apim", "apim/orders", "apim/orders/get"]);
        let called = r#"{"resourceId":"/providers/microsoft.apimanagement/service/apim","properties":{"backendUrl":"https://Shop.azurewebsites.net:443/api/pay"}}"#;
        assert_eq!((named_parts(called), named_behind(called)), (vec!["apim".to_owned()], Some("shop".to_owned())));
    }
}
