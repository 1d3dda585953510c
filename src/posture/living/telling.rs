//! How is it told that a part got weaker, and who wrote to it last?
//!
//! One sentence for a tired person. A risk whose acceptance has ended is told with its end: nobody has
//! written anything then.

use std::sync::Arc;

use super::readings::Weaker;
use super::setup::Configuration;
use super::standing::moment;
use crate::clock::Timestamp;
use crate::posture::ElementKind;
use crate::posture::configured::Sort;
use crate::posture::intended::Accepted;
use crate::posture::observed::{Write, Writes};
use crate::telemetry::{Entity, EntityKind};

/// Says what is weak, though somebody has answered for it: since when nobody does.
pub(super) fn ended(worst: &Weaker<'_>, more: usize, about: Option<&Accepted>, at: Timestamp) -> String {
    let (sort, name, says) = (worst.element.sort.name(), &worst.element.name, worst.says.trim_end_matches('.'));
    let who = match about {
        Some(one) if one.expires <= at => {
            format!("that {} answers for it has ended at {}", one.owner, moment(one.expires))
        }
        _ => "nobody answers for it any more".to_owned(),
    };
    format!("{sort} {name}: «{}» does not hold ({says}), and {who}{}.", worst.control.title, others(more))
}

fn others(more: usize) -> String {
    match more {
        0 => String::new(),
        1 => ", and one more control got weaker".to_owned(),
        n => format!(", and {n} more controls got weaker"),
    }
}

/// Says what got weaker, since when, by whom and from where.
pub(super) fn sentence(worst: &Weaker<'_>, more: usize, write: Option<&Write>, previous: Option<Timestamp>) -> String {
    let (sort, name) = (worst.element.sort.name(), &worst.element.name);
    let more = others(more);
    let says = worst.says.trim_end_matches('.');
    let since =
        previous.map_or_else(String::new, |previous| format!(" since it was looked at last, at {}", moment(previous)));
    let who = match write {
        Some(write) => format!(
            "The newest write to it before is {} of {} by {} from {}.",
            write.operation,
            moment(write.at),
            who(&write.by),
            write.from
        ),
        None => "The Activity log has told of no write to it.".to_owned(),
    };
    format!("{sort} {name} got weaker{since}: «{}» holds no longer ({says}){more}. {who}", worst.control.title)
}

/// Returns what pages call who wrote: `identity smooth-eel` for a fingerprint, else by the id.
fn who(by: &Arc<str>) -> String {
    if **by == *"unknown" {
        "somebody unknown".to_owned()
    } else {
        Entity::new(EntityKind::Identity, by.clone()).sayable()
    }
}

/// Returns the newest write to an element: to what has its place below its app, gateway, account or vault.
pub(super) fn write_to<'o>(writes: &Writes<'o>, element: &Configuration) -> Option<&'o Write> {
    let of = || element.of.as_deref().unwrap_or(&element.name);
    let below = |name: &str, types: &[&str]| {
        let mut parts = name.split('/');
        let mut path = parts.next().unwrap_or_default().to_owned();
        for (part, sort) in parts.zip(types) {
            path = format!("{path}/{sort}/{part}");
        }
        path
    };
    let (kind, path) = match element.sort {
        Sort::App => (ElementKind::App, below(&element.name, &["slots"])),
        Sort::Function => (ElementKind::App, below(&element.name, &["functions"])),
        Sort::Secret => (ElementKind::App, below(of(), &[])),
        Sort::Gateway => (ElementKind::ApiManagement, below(&element.name, &[])),
        Sort::Api | Sort::Operation => (ElementKind::ApiManagement, below(&element.name, &["apis", "operations"])),
        // Its own policy is written below what it belongs to.
        Sort::Policy => (ElementKind::ApiManagement, below(of(), &["apis", "operations"])),
        Sort::Product => (ElementKind::ApiManagement, below(&element.name, &["products"])),
        Sort::Backend => (ElementKind::ApiManagement, below(&element.name, &["backends"])),
        Sort::NamedValue => (ElementKind::ApiManagement, below(&element.name, &["namedvalues"])),
        Sort::Diagnostic => (ElementKind::ApiManagement, below(&element.name, &["diagnostics"])),
        Sort::Storage => (ElementKind::Storage, below(&element.name, &[])),
        Sort::Vault => (ElementKind::KeyVault, below(&element.name, &[])),
        Sort::Role | Sort::File => return None,
    };
    writes.newest(kind, &path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wrote_is_called_as_the_pages_call_them() {
        let named = who(&"email:k1:Z5AXQJ4T2MFKZ5AXQJ4T2MFK".into());
        assert!(named.starts_with("identity ") && named.contains('-') && !named.contains("k1"), "{named}");
        assert_eq!(
            who(&"3b1c54f0-2a55-4a0e-8f0e-8a7f6d5c4b3a".into()),
            "identity 3b1c54f0-2a55-4a0e-8f0e-8a7f6d5c4b3a"
        );
        assert_eq!(who(&"unknown".into()), "somebody unknown");
    }
}
