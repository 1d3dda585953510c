//! `gatewatch threats advise`: by what should callers of this endpoint prove who they are?
//!
//! The decision, what of it is there by the files, what is missing, and the configuration to copy. Without
//! `--caller` it asks the question and says what each answer leads to.

use std::fmt::Write as _;

use crate::posture::advice::Caller;
use crate::posture::configured::{Element, Model, Sort};
use crate::posture::controls::{Context, Report, State, Verdict, layers_of};
use crate::posture::intended::{Index, Intended, Meant};

use super::super::talk::Failure;
use super::super::threat_args::WhoCalls;
use super::text::line;

/// What advice is written from.
pub struct Asked<'a> {
    /// The endpoint, as it was named.
    pub endpoint: &'a str,
    /// Who calls, if that is known.
    pub caller: Option<WhoCalls>,
    /// What is configured; of no files nothing is.
    pub model: &'a Model,
    /// The controls on it.
    pub report: &'a Report<'a>,
    /// What is meant.
    pub intended: Option<&'a Intended>,
}

/// Returns the advice.
pub fn written(asked: &Asked<'_>) -> Result<String, Failure> {
    let element = found(asked)?;
    let name = element.map_or(asked.endpoint, |one| one.name.as_str());
    let index = asked.intended.map(Index::new);
    let gateway = element
        .map_or_else(|| index.as_ref().is_some_and(|index| is_gateway(index, name)), |one| one.sort != Sort::Function);
    let meant =
        index.as_ref().and_then(|index| if gateway { index.of_operation(name) } else { index.of_function(name) });
    let mut out = String::new();
    let Some(caller) = asked.caller.map(caller) else {
        question(name, &mut out);
        state(asked, element, meant, &mut out);
        return Ok(out);
    };
    // Writing to a string can't fail.
    _ = writeln!(out, "{}, called by {}\n\n  {}", line(name), caller.told(), caller.fits());
    for because in caller.because() {
        _ = writeln!(out, "  - {because}");
    }
    out.push('\n');
    state(asked, element, meant, &mut out);
    missing(asked, caller, element, &mut out);
    let app = (!gateway).then(|| name.split_once('/').map_or(name, |(app, _)| app));
    for snippet in caller.snippets(app, meant) {
        _ = writeln!(out, "\n{}\n", line(&snippet.title));
        snippet.text.lines().for_each(|text| _ = writeln!(out, "    {}", line(text)));
    }
    Ok(out)
}

/// Tells whether an endpoint of which no file was read is one of a gateway.
fn is_gateway(index: &Index<'_>, name: &str) -> bool {
    let site = name.split_once('/').map_or(name, |(site, _)| site);
    index.site(true, site).is_some() && index.site(false, site).is_none()
}

const fn caller(who: WhoCalls) -> Caller {
    match who {
        WhoCalls::Person => Caller::Person,
        WhoCalls::Service => Caller::Service,
        WhoCalls::External => Caller::External,
        WhoCalls::Unknown => Caller::Unknown,
    }
}

/// Returns the element that is asked about; without files there is none.
fn found<'a>(asked: &Asked<'a>) -> Result<Option<&'a Element>, Failure> {
    const SORTS: [Sort; 3] = [Sort::Function, Sort::Operation, Sort::Api];
    if let Some(one) = SORTS.iter().find_map(|sort| asked.model.get(*sort, asked.endpoint)) {
        return Ok(Some(one));
    }
    let known = || SORTS.iter().flat_map(|sort| asked.model.of_sort(*sort)).map(|one| one.name.as_str());
    if known().next().is_none() {
        return Ok(None);
    }
    let wanted = asked.endpoint.to_ascii_lowercase();
    let near = known().min_by_key(|name| strsim::damerau_levenshtein(&name.to_ascii_lowercase(), &wanted));
    Err(Failure::Usage(format!(
        "no file has an endpoint `{}`: name it as app/function or gateway/api. Did you mean `{}`?",
        line(asked.endpoint),
        line(near.unwrap_or_default())
    )))
}

fn question(name: &str, out: &mut String) {
    _ = writeln!(out, "{}: who calls it?\n", line(name));
    for caller in Caller::ALL {
        _ = writeln!(out, "  {:<22} --caller {:<9} {}", caller.told(), caller.name(), caller.fits());
    }
    out.push('\n');
}

/// Says what is there, and what is meant.
fn state(asked: &Asked<'_>, element: Option<&Element>, meant: Option<&Meant>, out: &mut String) {
    let Some(element) = element else {
        out.push_str(
            "No file was read of it: name the paths of its code, templates and policies to see what is there.\n",
        );
        return;
    };
    if let Some(meant) = meant.filter(|meant| !meant.authentication.is_empty()) {
        let ways: Vec<&str> = meant.authentication.iter().map(|way| way.name()).collect();
        _ = writeln!(out, "Meant: {}\n", ways.join(" or "));
    }
    if element.sort != Sort::Function {
        return;
    }
    let context = Context::new(asked.model);
    out.push_str("There, by the files:\n");
    for layer in layers_of(&context, element).layers {
        let word = match layer.state {
            State::Configured => "yes",
            State::NotConfigured => "NO",
            State::Unknown => "?",
        };
        _ = writeln!(out, "  {:<20} {word:<4} {}", layer.layer.name(), line(&layer.says));
    }
}

/// Says what is missing for this sort of caller.
fn missing(asked: &Asked<'_>, caller: Caller, element: Option<&Element>, out: &mut String) {
    let Some(element) = element else { return };
    let around = around(asked, element);
    let weak: Vec<&Verdict<'_>> = caller
        .controls()
        .iter()
        .flat_map(|id| {
            let of = |one: &&Verdict<'_>| {
                one.control.id == *id && one.outcome.state != State::Configured && around.contains(one)
            };
            asked.report.verdicts.iter().filter(of)
        })
        .collect();
    if weak.is_empty() {
        out.push_str("\nNothing that the files tell is missing.\n");
        return;
    }
    out.push_str("\nMissing, the most urgent first:\n");
    for (nth, one) in weak.iter().enumerate() {
        let (mark, mend) = match one.outcome.state {
            State::Unknown => ("unknown", format!("would tell: {}", one.control.would_tell)),
            _ => (one.control.level.name(), one.control.mend.clone()),
        };
        _ = writeln!(
            out,
            "  {}. {mark}: {} ({})\n     {}: {}\n     {mend}",
            nth + 1,
            one.control.title,
            one.control.id,
            line(&one.element),
            line(&one.outcome.says)
        );
    }
}

/// What belongs to an endpoint: itself, its app, the APIs in front of it, and their policies.
struct Around {
    names: Vec<String>,
    apis: Vec<String>,
}

fn around(asked: &Asked<'_>, element: &Element) -> Around {
    let lower = |name: &str| name.to_ascii_lowercase();
    let mut names = vec![lower(&element.name)];
    names.extend(element.of.as_deref().map(lower));
    let context = Context::new(asked.model);
    let fronts = element.of.as_deref().filter(|_| element.sort == Sort::Function).map(|app| context.fronts(app));
    let mut apis: Vec<String> = fronts.unwrap_or_default().iter().map(|front| lower(&front.api)).collect();
    if element.sort != Sort::Function {
        // `gateway/api`, of an operation too.
        let slash = element.name.match_indices('/').nth(1).map_or(element.name.len(), |(at, _)| at);
        apis.push(lower(&element.name[..slash]));
    }
    names.extend(apis.iter().cloned());
    Around { names, apis }
}

impl Around {
    fn contains(&self, one: &Verdict<'_>) -> bool {
        let name = one.element.to_ascii_lowercase();
        // A policy is called `gateway: api orders`.
        let of_api = |api: &String| {
            api.split_once('/').is_some_and(|(gateway, api)| {
                let rest = name.strip_prefix(gateway).and_then(|rest| rest.strip_prefix(": "));
                rest.is_some_and(|rest| {
                    rest == "the gateway"
                        || rest == format!("api {api}")
                        || rest.starts_with(&format!("operation {api}/"))
                })
            })
        };
        self.names.contains(&name) || one.sort == Sort::Policy && self.apis.iter().any(of_api)
    }
}
