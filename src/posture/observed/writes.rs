//! Which write to the control plane touched which element last?
//!
//! A resource's id is read by its types: the element that its provider names, then pairs of type and name
//! below that. What subscription or resource group it lies in tells nothing of the element, though it may
//! have the same name. As many as there are writes, times the steps of their paths.

use std::collections::HashMap;

use super::{Observed, Write};
use crate::clock::Timestamp;
use crate::posture::{ElementKind, of_resource};

/// Steps of a path below an element; Azure's are fewer.
const MAX_STEPS: usize = 8;

/// The newest write to each element and to what lies below it.
#[derive(Clone, Debug, Default)]
pub struct Writes<'o> {
    by_path: HashMap<(ElementKind, String), &'o Write>,
}

impl<'o> Writes<'o> {
    /// Looks all writes up that were at or before `at`.
    pub fn until(observed: &'o Observed, at: Timestamp) -> Self {
        let mut writes = Self::default();
        for write in observed.writes.values().filter(|write| write.at <= at) {
            for (kind, path) in paths(&write.resource) {
                let known = writes.by_path.entry((kind, path)).or_insert(write);
                if (write.at, &write.resource) > (known.at, &known.resource) {
                    *known = write;
                }
            }
        }
        writes
    }

    /// Returns the newest write to what has this path, or lies below it: `apim-shop/apis/orders`.
    pub fn newest(&self, kind: ElementKind, path: &str) -> Option<&'o Write> {
        self.by_path.get(&(kind, path.to_owned())).copied()
    }
}

/// Returns the paths of the elements that a lower-case resource id lies in, the outermost first:
/// `apim-shop`, `apim-shop/apis/orders`.
pub fn paths(resource: &str) -> Vec<(ElementKind, String)> {
    let Some(named) = of_resource(resource) else { return Vec::new() };
    let mut path = named.name.to_owned();
    let mut paths = vec![(named.kind, path.clone())];
    let rest = named.resource.and_then(|own| resource.strip_prefix(own)).unwrap_or_default();
    let mut segments = rest.split('/').filter(|segment| !segment.is_empty());
    while let (Some(sort), Some(name)) = (segments.next(), segments.next())
        && paths.len() < MAX_STEPS
    {
        // A revision of an API is that API.
        let name = name.split(";rev=").next().unwrap_or(name);
        path = format!("{path}/{sort}/{name}");
        paths.push((named.kind, path.clone()));
    }
    paths
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(1_795_442_400);

    #[test]
    fn a_write_touches_what_lies_above_it_by_type_and_only_before_its_time() {
        let mut observed = Observed::default();
        let resource: Arc<str> =
            "/subscriptions/orders/resourcegroups/carts/providers/microsoft.apimanagement/service/\
                                  apim/apis/orders;rev=2/policies/policy"
                .into();
        let write =
            Write { resource: resource.clone(), operation: "o".into(), by: "a".into(), from: "b".into(), at: AT };
        observed.writes.insert(resource, write);
        let writes = Writes::until(&observed, AT);
        let touched = |path| writes.newest(ElementKind::ApiManagement, path).is_some();
        assert!(touched("apim") && touched("apim/apis/orders"));
        for other in ["carts", "orders", "apim/apis/carts", "apim/products/orders", "apim/apis/policy"] {
            assert!(!touched(other), "{other}");
        }
        assert!(writes.newest(ElementKind::App, "apim").is_none());
        let before = Writes::until(&observed, AT.minus(std::time::Duration::from_secs(1)));
        assert!(before.newest(ElementKind::ApiManagement, "apim").is_none());
    }
}
