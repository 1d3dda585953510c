//! What is configured, all files taken together?
//!
//! A [`Model`] holds every element by its sort and name, so that a function app that Bicep,
//! Terraform and an export speak of is one element. At most 200,000 elements and 1,000 problems are
//! kept; what comes after is counted.

use std::collections::{BTreeMap, BTreeSet};

use super::apim::Gateways;
use super::{Element, Place, Sort, Value};
use crate::posture::Problem;

/// Elements kept.
const MAX_ELEMENTS: usize = 200_000;
/// Problems kept.
const MAX_PROBLEMS: usize = 1_000;

/// What is configured.
#[derive(Debug, Default)]
pub struct Model {
    elements: BTreeMap<(Sort, String), Element>,
    /// The policies of the gateways.
    pub gateways: Gateways,
    /// What could not be read, and why.
    pub problems: Vec<Problem>,
    /// Files that were read.
    pub files: usize,
    /// Elements and problems beyond the ceilings.
    pub dropped: usize,
    /// The code of which app stands in which folder, and how that is known.
    pub linked: Vec<Link>,
    /// Apps by the services of `azure.yaml` that their tags name.
    pub services: Vec<(String, String)>,
    /// The level that Python apps give functions without one: app, level, written down or not, where.
    pub python: Vec<(String, Value, bool, Place)>,
    /// Sites that are no function apps, lower case.
    pub other_sites: BTreeSet<String>,
    /// Deployments that were not followed: file, line, and the file of their template, lower case.
    unfollowed: Vec<(String, u32, Option<String>)>,
    spare: Option<Box<Element>>,
}

/// The code in a folder is that of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The folder with `host.json`.
    pub folder: String,
    /// The app.
    pub app: String,
    /// How that is known.
    pub because: &'static str,
}

impl Model {
    /// Returns the element of this sort and name, made where it was not seen before.
    pub fn element(&mut self, sort: Sort, name: &str, of: Option<&str>, at: &Place) -> &mut Element {
        let key = (sort, name.to_ascii_lowercase());
        if self.elements.len() >= MAX_ELEMENTS && !self.elements.contains_key(&key) {
            self.dropped += 1;
            return self.spare.insert(Box::new(Element::new(sort, name, of, at.clone())));
        }
        let element = self.elements.entry(key).or_insert_with(|| Element::new(sort, name, of, at.clone()));
        if element.of.is_none() {
            element.of = of.map(str::to_owned);
        }
        element
    }

    /// Returns an element by its sort and name, in any case.
    pub fn get(&self, sort: Sort, name: &str) -> Option<&Element> {
        self.elements.get(&(sort, name.to_ascii_lowercase()))
    }

    /// Returns all elements, in order of their sorts and names.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.elements.values()
    }

    /// Returns all elements, to change them.
    pub fn elements_mut(&mut self) -> impl Iterator<Item = &mut Element> {
        self.elements.values_mut()
    }

    /// Returns the elements of `sort`, in order of their names.
    pub fn of_sort(&self, sort: Sort) -> impl Iterator<Item = &Element> {
        let after = Sort::ALL.get(sort as usize + 1).copied();
        let from = (sort, String::new());
        match after {
            Some(after) => self.elements.range(from..(after, String::new())),
            None => self.elements.range(from..),
        }
        .map(|(_, element)| element)
    }

    /// Returns the elements of `sort` that belong to `of`: their names begin with its name.
    pub fn children<'m>(&'m self, sort: Sort, of: &'m str) -> impl Iterator<Item = &'m Element> {
        let prefix = format!("{}/", of.to_ascii_lowercase());
        self.elements
            .range((sort, prefix.clone())..)
            .take_while(move |((known, name), _)| *known == sort && name.starts_with(&prefix))
            .map(|(_, element)| element)
            .filter(move |one| one.of.as_deref().is_some_and(|parent| parent.eq_ignore_ascii_case(of)))
    }

    /// Adds a problem with a file.
    pub fn problem(&mut self, file: &str, line: u32, says: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            let line = usize::try_from(line).unwrap_or(0);
            self.problems.push(Problem { file: file.to_owned(), line, says: says.into() });
        } else {
            self.dropped += 1;
        }
    }

    /// Takes note of a deployment that was not followed.
    pub fn unfollowed(&mut self, file: &str, line: u32, template: Option<String>) {
        if self.unfollowed.len() < MAX_PROBLEMS {
            self.unfollowed.push((file.to_owned(), line, template));
        } else {
            self.dropped += 1;
        }
    }

    /// Makes a problem of each deployment that was not followed and whose template is none of the files called
    /// `names`: those were read by themselves.
    pub fn settle_unfollowed(&mut self, names: &[String]) {
        let of = |name: &String| name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
        let read: BTreeSet<String> = names.iter().map(of).collect();
        for (file, line, template) in std::mem::take(&mut self.unfollowed) {
            if template.is_none_or(|template| !read.contains(&template)) {
                let says = "A deployment was not followed: its template is linked (`templateLink`) and no file of that \
                            name was read, or lies too deep. Check that template too, or compile it into this one.";
                self.problem(&file, line, says);
            }
        }
    }

    /// Forgets what was read of sites that turned out to be no function apps.
    pub fn forget_other_sites(&mut self) {
        let others = std::mem::take(&mut self.other_sites);
        let is_other = |name: &str| others.contains(&name.to_ascii_lowercase());
        self.elements.retain(|(sort, _), one| match sort {
            Sort::App => one.whole || !is_other(&one.name),
            Sort::Secret | Sort::Function => !one.of.as_deref().is_some_and(is_other),
            _ => true,
        });
    }

    /// Makes the code element `folder` part of the app `app`: its settings, functions and secrets.
    pub fn link(&mut self, folder: &str, app: &str, because: &'static str) {
        let key = (Sort::App, folder.to_ascii_lowercase());
        let Some(code) = self.elements.remove(&key) else { return };
        let at = code.at.clone();
        self.element(Sort::App, app, None, &at).take(code);
        let moved: Vec<(Sort, String)> = self
            .elements
            .iter()
            .filter(|(_, one)| one.of.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(folder)))
            .map(|(key, _)| key.clone())
            .collect();
        for key in moved {
            let Some(mut one) = self.elements.remove(&key) else { continue };
            let rest = one.name.get(folder.len()..).unwrap_or_default().to_owned();
            let name = format!("{app}{rest}");
            one.of = Some(app.to_owned());
            one.name.clone_from(&name);
            let at = one.at.clone();
            self.element(one.sort, &name, Some(app), &at).take(one);
        }
        self.linked.push(Link { folder: folder.to_owned(), app: app.to_owned(), because });
    }
}
