//! Which statements run for a request, after inheritance and fragments?
//!
//! A scope without a policy, or without a section, has that of the scope above; where the section
//! is written down, the scope above runs only where `<base/>` stands. What stands in one branch of
//! a `<choose>` runs sometimes; what stands in every branch, with an `<otherwise>`, runs always. Files
//! that say different things of a scope above, or of a fragment, are such branches too; and what stands
//! in a `<wait for="any">` may be cut off.
//! Fragments that include each other are followed once; what takes more than 100,000 steps is said
//! to be too large, so that nothing is said of it for certain.

use std::collections::HashSet;

use super::gateways::{Policies, PolicyScope};
use super::policy::{Policy, SECTIONS, Statement};

/// How deep fragments and scopes are followed.
const MAX_DEPTH: usize = 40;
/// Statements of one section.
const MAX_RUN: usize = 20_000;
/// Statements looked at on the way, those that come to nothing included.
const MAX_STEPS: usize = 100_000;
/// Gaps told of one section.
const MAX_GAPS: usize = 100;

/// Statements that run what stands in them each time.
const AROUND: [&str; 4] = ["retry", "limit-concurrency", "wait", "trace"];

/// A statement that runs.
#[derive(Clone, Debug)]
pub struct Run<'g> {
    /// The statement.
    pub statement: &'g Statement,
    /// The policy it stands in.
    pub policy: &'g Policy,
    /// It runs for every request.
    pub always: bool,
}

/// Something that keeps it from being said for certain what runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// A fragment that is in no file.
    Missing(String),
    /// Fragments that include each other.
    Circle(String),
    /// It takes too many steps to follow.
    TooLarge,
}

/// What runs in a section, and what can't be said of it.
#[derive(Clone, Debug, Default)]
pub struct Effective<'g> {
    /// The statements, in order.
    pub runs: Vec<Run<'g>>,
    /// What is not known.
    pub gaps: Vec<Gap>,
}

impl<'g> Effective<'g> {
    /// Returns the statements called `name`.
    pub fn named<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Run<'g>> {
        self.runs.iter().filter(move |run| run.statement.name == name)
    }
}

impl Policies {
    /// Returns what runs in `section` for the scopes `chain`, innermost first; `variant` is which of
    /// the innermost scope's policies is meant.
    pub fn effective<'g>(&'g self, section: &str, chain: &[PolicyScope], variant: usize) -> Effective<'g> {
        let mut out = Effective::default();
        let Some(at) = SECTIONS.iter().position(|known| *known == section) else { return out };
        let mut walk = Walk { policies: self, section: at, out: &mut out, open: Vec::new(), steps: 0 };
        walk.scope(chain, Some(variant), true, 0);
        out
    }

    /// Returns what runs in one policy alone.
    pub fn alone<'g>(&'g self, section: &str, policy: &'g Policy) -> Effective<'g> {
        let mut out = Effective::default();
        let Some(at) = SECTIONS.iter().position(|known| *known == section) else { return out };
        let mut walk = Walk { policies: self, section: at, out: &mut out, open: Vec::new(), steps: 0 };
        walk.list(&policy.sections[at], policy, &[], true, 0);
        out
    }
}

/// Returns what a statement is for: different statements check tokens, or limit calls.
fn class(name: &str) -> &str {
    match name {
        "validate-azure-ad-token" => "validate-jwt",
        "rate-limit-by-key" => "rate-limit",
        "quota-by-key" => "quota",
        other => other,
    }
}

struct Walk<'g, 'o> {
    policies: &'g Policies,
    section: usize,
    out: &'o mut Effective<'g>,
    /// The fragments that are being followed.
    open: Vec<String>,
    /// Statements and scopes that were looked at.
    steps: usize,
}

impl<'g> Walk<'g, '_> {
    fn gap(&mut self, gap: Gap) {
        if self.out.gaps.len() < MAX_GAPS && !self.out.gaps.contains(&gap) {
            self.out.gaps.push(gap);
        }
    }

    /// Takes a step; tells whether it may be taken, and says so once where it may not.
    fn step(&mut self, depth: usize) -> bool {
        self.steps += 1;
        let may = self.steps <= MAX_STEPS && self.out.runs.len() < MAX_RUN && depth <= MAX_DEPTH;
        if !may && !self.out.gaps.contains(&Gap::TooLarge) {
            self.out.gaps.push(Gap::TooLarge);
        }
        may
    }

    /// Follows a scope: one of its forms, or each where they differ.
    fn scope(&mut self, chain: &[PolicyScope], variant: Option<usize>, always: bool, depth: usize) {
        let Some((scope, above)) = chain.split_first() else { return };
        let all: &'g [Policy] = self.policies.of(scope);
        match variant.map_or(all, |nth| all.get(nth..=nth).unwrap_or_default()) {
            [] => self.scope(above, None, always, depth + 1),
            [one] => self.form(one, above, always, depth),
            several => {
                self.either(several, true, depth, |walk, form| walk.form(form, above, always, depth));
            }
        }
    }

    fn form(&mut self, policy: &'g Policy, above: &[PolicyScope], always: bool, depth: usize) {
        if policy.has[self.section] {
            self.list(&policy.sections[self.section], policy, above, always, depth);
        } else {
            self.scope(above, None, always, depth + 1);
        }
    }

    fn list(&mut self, list: &'g [Statement], policy: &'g Policy, above: &[PolicyScope], always: bool, depth: usize) {
        for statement in list {
            if !self.step(depth) {
                return;
            }
            match statement.name.as_str() {
                "base" => self.scope(above, None, always, depth + 1),
                "include-fragment" => self.fragment(statement, above, always, depth),
                "choose" => self.choose(statement, policy, above, always, depth),
                name => {
                    self.out.runs.push(Run { statement, policy, always });
                    if AROUND.contains(&name) {
                        // The first that is done ends what waits for any.
                        let any = statement.attribute("for").is_some_and(|which| !which.eq_ignore_ascii_case("all"));
                        self.list(&statement.children, policy, above, always && !(name == "wait" && any), depth + 1);
                    }
                }
            }
        }
    }

    fn fragment(&mut self, statement: &'g Statement, above: &[PolicyScope], always: bool, depth: usize) {
        let name = statement.attribute("fragment-id").unwrap_or_default().to_ascii_lowercase();
        if self.open.contains(&name) {
            self.gap(Gap::Circle(name));
            return;
        }
        let forms: &'g [Policy] = self.policies.of(&PolicyScope::Fragment(name.clone()));
        if forms.is_empty() {
            self.gap(Gap::Missing(name));
            return;
        }
        self.open.push(name);
        match forms {
            [one] => self.list(&one.sections[0], one, above, always, depth + 1),
            several => self.either(several, true, depth, |walk, form| {
                walk.list(&form.sections[0], form, above, always, depth + 1);
            }),
        }
        self.open.pop();
    }

    /// Follows the branches; what is in all of them runs always, if one of them is taken for certain.
    fn choose(&mut self, choose: &'g Statement, policy: &'g Policy, above: &[PolicyScope], always: bool, depth: usize) {
        let complete = choose.child("otherwise").is_some();
        self.either(&choose.children, complete, depth, |walk, branch| {
            walk.list(&branch.children, policy, above, always, depth + 1);
        });
    }

    /// Follows ways of which one is taken: what is in all of them runs always, if they are `complete`.
    fn either<T>(&mut self, ways: &'g [T], complete: bool, depth: usize, mut follow: impl FnMut(&mut Self, &'g T)) {
        let before = self.out.runs.len();
        // What runs for certain in every branch so far.
        let mut common: Option<HashSet<&'g str>> = None;
        for way in ways {
            if !self.step(depth) {
                common = None;
                break;
            }
            let from = self.out.runs.len();
            follow(self, way);
            let here: HashSet<&'g str> =
                self.out.runs[from..].iter().filter(|run| run.always).map(|run| class(&run.statement.name)).collect();
            common = Some(match common {
                Some(before) => before.intersection(&here).copied().collect(),
                None => here,
            });
        }
        let common = common.filter(|_| complete).unwrap_or_default();
        for run in &mut self.out.runs[before..] {
            run.always &= common.contains(class(&run.statement.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::Place;
    use super::super::gateways::Gateways;
    use super::*;

    fn gateway(policies: &[(PolicyScope, &str)]) -> Gateways {
        let mut all = Gateways::default();
        for (scope, inbound) in policies {
            let text = match scope {
                PolicyScope::Fragment(_) => format!("<fragment>{inbound}</fragment>"),
                _ => format!("<policies><inbound>{inbound}</inbound></policies>"),
            };
            all.add("g", scope.clone(), &text, Place::line(&Arc::from("p.xml"), 1), false).unwrap();
        }
        all
    }

    fn runs(all: &Gateways, chain: &[PolicyScope]) -> Vec<(String, bool)> {
        let effective = all.of("g").effective("inbound", chain, 0);
        effective.runs.iter().map(|run| (run.statement.name.clone(), run.always)).collect()
    }

    #[test]
    fn base_brings_what_stands_above_and_its_absence_leaves_it_out() {
        let api = PolicyScope::Api("a".into());
        let all = gateway(&[(PolicyScope::Global, "<cors/>"), (api.clone(), "<base/><quota/>")]);
        let chain = [api.clone(), PolicyScope::Global];
        assert_eq!(runs(&all, &chain), [("cors".into(), true), ("quota".into(), true)]);
        let all = gateway(&[(PolicyScope::Global, "<cors/>"), (api, "<quota/>")]);
        assert_eq!(runs(&all, &chain), [("quota".into(), true)]);
    }

    #[test]
    fn what_runs_in_some_branches_runs_sometimes() {
        let some = "<choose><when condition='@(x)'><a/><b/></when><otherwise><b/></otherwise></choose>";
        let all = gateway(&[(PolicyScope::Global, some)]);
        let wanted = [("a".to_owned(), false), ("b".to_owned(), true), ("b".to_owned(), true)];
        assert_eq!(runs(&all, &[PolicyScope::Global]), wanted);
    }

    #[test]
    fn what_files_say_differently_of_a_scope_above_or_a_fragment_runs_sometimes() {
        let (api, fragment) = (PolicyScope::Api("a".into()), PolicyScope::Fragment("f".into()));
        let include = "<base/><include-fragment fragment-id='f'/>";
        let all = gateway(&[
            (PolicyScope::Global, "<cors/><quota/>"),
            (PolicyScope::Global, "<quota/>"),
            (fragment.clone(), "<a/>"),
            (fragment, "<b/>"),
            (api.clone(), include),
        ]);
        let sure: Vec<(String, bool)> = runs(&all, &[api, PolicyScope::Global]);
        let named: Vec<(&str, bool)> = sure.iter().map(|(name, always)| (name.as_str(), *always)).collect();
        assert_eq!(named, [("cors", false), ("quota", true), ("quota", true), ("a", false), ("b", false)]);
    }

    #[test]
    fn beyond_what_is_kept_of_a_scope_the_rest_is_unknown() {
        let texts: Vec<String> = (0..9).map(|n| format!("<a{n}/>")).collect();
        let all: Vec<(PolicyScope, &str)> = texts.iter().map(|text| (PolicyScope::Global, text.as_str())).collect();
        let (kept, more) = (gateway(&all[..8]), gateway(&all));
        let api = [PolicyScope::Api("a".into()), PolicyScope::Global];
        assert_eq!(kept.of("g").effective("inbound", &api, 0).gaps, []);
        let told = "more than 8 policies of the gateway".to_owned();
        assert_eq!(more.of("g").effective("inbound", &api, 0).gaps, [Gap::Missing(told)]);
    }

    #[test]
    fn what_waits_for_any_may_be_cut_off() {
        let of = |which: &str| runs(&gateway(&[(PolicyScope::Global, which)]), &[PolicyScope::Global])[1].1;
        assert!(!of("<wait for='any'><a/></wait>"));
        assert!(of("<wait for='all'><a/></wait>"));
        assert!(of("<wait><a/></wait>"));
    }

    #[test]
    fn fragments_that_include_each_other_end() {
        let fragment = |name: &str| PolicyScope::Fragment(name.to_owned());
        let all = gateway(&[
            (PolicyScope::Global, "<include-fragment fragment-id='A'/><include-fragment fragment-id='none'/>"),
            (fragment("a"), "<x/><include-fragment fragment-id='b'/>"),
            (fragment("b"), "<include-fragment fragment-id='a'/><y/>"),
        ]);
        let effective = all.of("g").effective("inbound", &[PolicyScope::Global], 0);
        assert_eq!(effective.gaps, [Gap::Circle("a".into()), Gap::Missing("none".into())]);
        assert_eq!(effective.runs.len(), 2);
    }

    #[test]
    fn fragments_that_include_the_next_twice_end_and_leave_it_unknown() {
        let fragment = |n: usize| PolicyScope::Fragment(format!("f{n}"));
        let twice = |n: usize| format!("<include-fragment fragment-id='f{n}'/>").repeat(2);
        let texts: Vec<String> = (0..34).map(|n| if n == 33 { String::new() } else { twice(n + 1) }).collect();
        let mut policies: Vec<(PolicyScope, &str)> =
            texts.iter().enumerate().map(|(n, text)| (fragment(n), text.as_str())).collect();
        policies.push((PolicyScope::Global, "<include-fragment fragment-id='f0'/>"));
        let all = gateway(&policies);
        let effective = all.of("g").effective("inbound", &[PolicyScope::Global], 0);
        assert_eq!(effective.gaps, [Gap::TooLarge]);
        assert_eq!(effective.runs.len(), 0);
    }

    #[test]
    fn bases_of_bases_end() {
        let (api, product) = (PolicyScope::Api("a".into()), PolicyScope::Product("p".into()));
        let many = "<base/>".repeat(20_000);
        let all = gateway(&[(api.clone(), &many), (product.clone(), &many), (PolicyScope::Global, "")]);
        let effective = all.of("g").effective("inbound", &[api, product, PolicyScope::Global], 0);
        assert_eq!(effective.gaps, [Gap::TooLarge]);
    }

    #[test]
    fn ten_thousand_branches_are_compared_once() {
        let branches = "<when condition='@(x)'><a/></when>".repeat(9_000);
        let all = gateway(&[(PolicyScope::Global, &format!("<choose>{branches}<otherwise><a/></otherwise></choose>"))]);
        let runs = runs(&all, &[PolicyScope::Global]);
        assert_eq!((runs.len(), runs.iter().all(|(_, always)| *always)), (9_001, true));
    }
}
