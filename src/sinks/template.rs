//! What does the owner want a message to say instead?
//!
//! A text with placeholders such as `{level}`, checked when the configuration is read: there are no
//! others, no conditions and no loops, so a template that was taken can't fail at three in the
//! morning. The text around placeholders is the owner's and may use the channel's markup; what is
//! put in for them is escaped. At most 2,000 characters.

use super::notice::{Notice, in_words};

/// Characters of a template at most.
const LONGEST: usize = 2_000;

/// The placeholders, and what each stands for.
pub const PLACEHOLDERS: [(&str, &str); 18] = [
    (
        "news",
        "what is new: `New`, `Worse`, `Back again`, `Still open`, `Acknowledged by dana`, `Assigned by dana (to eve)`, \
         `Closed (quiet)`",
    ),
    ("title", "the detector's title"),
    ("why", "the sentence that says what happened"),
    ("level", "`informational` to `critical`"),
    ("entity", "whom it is about, as people say it: `key amber-falcon`"),
    ("entity_kind", "what kind that is: `ip`, `key`, `app`, …"),
    ("entity_value", "its whole value"),
    ("app", "the app concerned, or nothing"),
    ("owner", "who answers for it, or nothing"),
    ("state", "`open`, `acknowledged`, `closed`"),
    ("since", "the time of the first event, UTC"),
    ("last", "the time of the last event, UTC"),
    ("count", "how many events"),
    ("family", "the detector's family"),
    ("detector", "the detector's id"),
    ("first_step", "the first step of its triage"),
    ("link", "the alert's page, or nothing without `external_url`"),
    ("id", "the alert's id"),
];

/// A text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(&'static str),
}

/// What is wrong with a template, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateProblem {
    /// What is wrong.
    pub says: String,
    /// How to mend it.
    pub help: String,
}

impl Template {
    /// Reads a template; `{{` and `}}` stand for braces.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TemplateProblem> {
        let wrong = |says: String, help: String| Err(TemplateProblem { says, help });
        if text.chars().count() > LONGEST {
            return wrong(format!("a template of more than {LONGEST} characters"), "shorten it".into());
        }
        let (mut parts, mut plain) = (Vec::new(), String::new());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let from = &rest[at..];
            if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
                plain.push_str(&from[..1]);
                rest = after;
                continue;
            }
            let Some((name, after)) = from.strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
                let lone = &from[..1];
                return wrong(format!("a lone `{lone}` in a template"), format!("write `{lone}{lone}` for a brace"));
            };
            let Some((known, _)) = PLACEHOLDERS.iter().find(|(known, _)| *known == name) else {
                return wrong(format!("`{{{name}}}` is no placeholder"), nearest(name));
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Value(known));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// Puts in what `notice` says, each value as `escape` writes it.
    pub fn fill(&self, notice: &Notice, escape: impl Fn(&str) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(name) => escape(&value(notice, name)),
        };
        self.0.iter().map(part).collect()
    }
}

fn nearest(name: &str) -> String {
    let all = || PLACEHOLDERS.iter().map(|(known, _)| *known);
    let near = all().map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
    match near {
        Some((distance, known)) if distance <= 1 + known.len() / 3 => format!("did you mean `{{{known}}}`?"),
        _ => format!("there are {}", all().map(|known| format!("{{{known}}}")).collect::<Vec<_>>().join(", ")),
    }
}

fn value(notice: &Notice, name: &str) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match name {
        "news" => notice.news_in_words(),
        "title" => notice.title.clone(),
        "why" => notice.why.clone(),
        "level" => notice.level.name().to_owned(),
        "entity" => notice.entity.clone(),
        "entity_kind" => notice.entity_kind.clone(),
        "entity_value" => notice.entity_value.clone(),
        "app" => text(&notice.app),
        "owner" => text(&notice.owner),
        "state" => notice.state.name().to_owned(),
        "since" => in_words(notice.since),
        "last" => in_words(notice.last),
        "count" => notice.count.to_string(),
        "family" => notice.family.name().to_owned(),
        "detector" => notice.detector.clone(),
        "first_step" => notice.first_step.clone(),
        "link" => text(&notice.link),
        "id" => notice.alert.to_string(),
        // `parse` lets no other name through; a test fills all of them.
        _ => String::new(),
    }
}

/// The two texts of a message that may be the owner's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// The headline.
    pub title: Template,
    /// What stands below it.
    pub text: Template,
}

impl Texts {
    /// The headline where none is configured.
    pub const TITLE: &'static str = "[{level}] {news}: {title}, {entity}";
    /// The text where none is configured.
    pub const TEXT: &'static str = "{why}";

    /// Returns the texts, each as configured or as it is without.
    ///
    /// # Errors
    ///
    /// Names the setting, what is wrong in it, and how to mend it.
    pub fn new(title: Option<&str>, text: Option<&str>) -> Result<Self, String> {
        let parsed = |name: &str, text: &str| {
            Template::parse(text).map_err(|wrong| format!("{name}: {}: {}", wrong.says, wrong.help))
        };
        Ok(Self {
            title: parsed("title", title.unwrap_or(Self::TITLE))?,
            text: parsed("text", text.unwrap_or(Self::TEXT))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Notice, sample};
    use super::*;
    use crate::alerts::Transition;

    fn notice() -> Notice {
        Notice::of(&Transition::Opened(sample()), Some("https://watch.example.com"))
    }

    fn plainly(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn every_placeholder_stands_for_something() {
        let owned = Notice { owner: Some("shop team".into()), ..notice() };
        for (name, describe) in PLACEHOLDERS {
            let filled = Template::parse(&format!("{{{name}}}")).unwrap().fill(&owned, plainly);
            assert!(!filled.is_empty() && !describe.is_empty(), "{name}");
        }
    }

    #[test]
    fn values_are_escaped_and_the_owners_text_is_not() {
        let template = Template::parse("*{level}* {{x}} {entity}!").unwrap();
        assert_eq!(template.fill(&notice(), str::to_uppercase), "*HIGH* {x} KEY K-1!");
    }

    #[test]
    fn a_template_that_is_wrong_is_told_with_a_mend() {
        let wrong = |text: &str| Template::parse(text).unwrap_err();
        assert_eq!(wrong("{titel}").help, "did you mean `{title}`?");
        assert!(wrong("{host.name}").help.contains("{first_step}"));
        assert!(wrong("a { b").says.contains("lone `{`") && wrong("a } b").help.contains("`}}`"));
        assert!(wrong(&"x".repeat(2_001)).says.contains("2000"));
        assert!(Texts::new(Some("{titel}"), None).unwrap_err().starts_with("title: `{titel}`"));
    }
}
