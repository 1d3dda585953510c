//! Which folder of code is which app, and which files of policies are used where?
//!
//! Only what the files say counts: the tag that `azd` looks for, the same name, a name in which the
//! folder's stands as a word and in which no other's does. A folder that is linked to no app keeps
//! its own element, and what its app is set to is unknown.

use std::collections::BTreeSet;

use super::apim::{PolicyScope, policy_name};
use super::files::last;
use super::{Model, Sort};

/// Links the folders that hold `code`, lower case, to apps; `services` are those of `azure.yaml`: name and folder.
pub fn link(model: &mut Model, services: &[(String, String)], code: &BTreeSet<String>) {
    let of = |whole: bool| move |one: &&super::Element| one.whole == whole;
    // An app of which only a part was read, such as a slot, is no folder.
    let is_code = |one: &&super::Element| code.contains(&one.name.to_ascii_lowercase());
    let folders: Vec<String> =
        model.of_sort(Sort::App).filter(of(false)).filter(is_code).map(|one| one.name.clone()).collect();
    let apps: Vec<String> = model.of_sort(Sort::App).filter(of(true)).map(|one| one.name.clone()).collect();
    let tags = std::mem::take(&mut model.services);
    for folder in &folders {
        let service = services.iter().find(|(_, at)| at == folder).map(|(name, _)| name);
        let tagged = |name: &String| tags.iter().find(|(tag, _)| tag == name).map(|(_, app)| app.clone());
        let found = if let Some(app) = service.and_then(tagged) {
            Some((app, "azure.yaml and the tag azd-service-name"))
        } else if let Some(app) = apps.iter().find(|app| app.eq_ignore_ascii_case(last(folder))) {
            Some((app.clone(), "its name"))
        } else if let Some(app) = only(&apps, |app| says(app, last(folder)))
            && only(&folders, |other| says(&app, last(other))).as_ref() == Some(folder)
        {
            Some((app, "its name is in the app's, and no other is"))
        } else if let ([app], [_]) = (apps.as_slice(), folders.as_slice()) {
            Some((app.clone(), "there is one of each"))
        } else {
            None
        };
        if let Some((app, because)) = found {
            model.link(folder, &app, because);
        }
    }
}

/// Returns the only one that `fits`.
fn only(all: &[String], fits: impl Fn(&str) -> bool) -> Option<String> {
    let mut found = all.iter().filter(|one| fits(one));
    found.next().filter(|_| found.next().is_none()).cloned()
}

/// Tells whether `word` stands in `name` between what joins words.
fn says(name: &str, word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let word = ["func-", "func_", "fn-"].iter().find_map(|prefix| word.strip_prefix(prefix)).unwrap_or(&word);
    let name = name.to_ascii_lowercase();
    let part = |c: char| c.is_alphanumeric();
    word.len() > 2
        && name
            .match_indices(word)
            .any(|(at, _)| !name[..at].ends_with(part) && !name[at + word.len()..].starts_with(part))
}

/// Makes fragments that belong to no gateway those of every gateway, and drops policies that a
/// gateway already has.
pub fn fragments(model: &mut Model) {
    let loose = model.gateways.take("").unwrap_or_default();
    let only_one = model.of_sort(Sort::Gateway).map(|one| one.name.clone()).collect::<Vec<_>>();
    let known: Vec<_> =
        model.gateways.all().flat_map(|(_, all)| all.all()).map(|(_, policy)| policy.sections.clone()).collect();
    for (scope, policy) in loose.into_all() {
        match scope {
            PolicyScope::Fragment(_) => {
                for gateway in only_one.iter().map(String::as_str).chain([""]) {
                    model.gateways.entry(gateway).put(scope.clone(), policy.clone());
                }
            }
            scope if !known.contains(&policy.sections) => {
                model.gateways.entry("").put(scope, policy);
            }
            _ => {}
        }
    }
    let named: Vec<_> = model
        .gateways
        .all()
        .flat_map(|(gateway, all)| all.all().map(move |(scope, policy)| (gateway, scope, policy)))
        .map(|(gateway, scope, policy)| (policy_name(gateway, scope), gateway.to_owned(), policy.at.clone()))
        .collect();
    for (name, gateway, at) in named {
        model.element(Sort::Policy, &name, Some(gateway.as_str()).filter(|name| !name.is_empty()), &at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_name_stands_alone() {
        assert!(says("func-orders-prod", "orders"));
        assert!(says("func-orders-{uniqueString(x)}", "Orders"));
        assert!(!says("func-reorders", "orders"));
        assert!(!says("func-a", "a"));
    }
}
