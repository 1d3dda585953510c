//! Something wrong in the configuration: what, where, and how to mend it.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::excerpt::Excerpt;

/// One thing wrong in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// Which bytes of it.
    pub at: Option<Range<usize>>,
    /// What is wrong and what was expected.
    pub says: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Problem {
    /// Returns a problem with no place yet.
    pub fn new(file: &str, says: impl Into<String>) -> Self {
        Self { file: file.to_owned(), at: None, says: says.into(), help: None }
    }

    /// Points at `at`.
    #[must_use]
    pub fn at(mut self, at: Option<Range<usize>>) -> Self {
        self.at = at;
        self
    }

    /// Says how to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns it in a line, with its place in `text`. What stands in double quotes is a value, which may be a
    /// secret, and left out.
    pub fn in_a_line(&self, text: &str) -> String {
        let excerpt = Excerpt::of(text);
        let line = self.at.as_ref().and_then(|at| Some(text.get(..at.start)?.matches('\n').count() + 1));
        let place = line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file));
        let said = |says: &str| excerpt.says(says).split('"').step_by(2).collect::<Vec<_>>().join("\"…\"");
        let help = self.help.as_deref().map(|help| format!("; {}", said(help))).unwrap_or_default();
        format!("{place}: {}{help}", said(&self.says))
    }
}

/// Returns the problems of a configuration as a terminal shows them: the line, a caret under the place, the
/// mend; what may be a secret is left out. `text` is the file's own; `color` writes ANSI colours.
pub fn render(problems: &[Problem], text: &str, color: bool) -> String {
    let excerpt = Excerpt::of(text);
    let shown: Vec<Problem> = problems
        .iter()
        .map(|problem| Problem {
            file: problem.file.clone(),
            at: problem.at.as_ref().map(|at| excerpt.at(at)),
            says: excerpt.says(&problem.says),
            help: problem.help.as_deref().map(|help| excerpt.says(help)),
        })
        .collect();
    render_whole(&shown, excerpt.text(), color)
}

/// Returns the problems of a file that holds no secrets, such as one of rules, in the same way.
pub fn render_whole(problems: &[Problem], text: &str, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for problem in problems {
        let mut group = Level::ERROR
            .primary_title(&problem.says)
            .elements(Vec::<Snippet<'_, annotate_snippets::Annotation<'_>>>::new());
        if let Some(at) = &problem.at {
            let end = at.end.min(text.len()).max(at.start.min(text.len()));
            let place = at.start.min(end)..end;
            group = group
                .element(Snippet::source(text).path(&problem.file).annotation(AnnotationKind::Primary.span(place)));
        } else {
            group = group.element(annotate_snippets::Origin::path(&problem.file));
        }
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help));
        }
        out.push_str(&renderer.render(&[group]));
        out.push_str("\n\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_in_a_line_has_its_place_and_no_value() {
        let problem = Problem::new("g.toml", "invalid type: string \"hunter2\", expected u32")
            .at(Some(4..5))
            .help("leave it out");
        assert_eq!(problem.in_a_line("a\nb\nc"), "g.toml:3: invalid type: string \"…\", expected u32; leave it out");
    }

    #[test]
    fn a_problem_shows_its_line_with_a_caret_and_the_mend() {
        let text = "lateness = '30s'\nlatenes = 1\n";
        let problem =
            Problem::new("gatewatch.toml", "unknown field `latenes`").at(Some(17..24)).help("did you mean `lateness`?");
        let shown = render(&[problem], text, false);
        assert!(shown.contains("gatewatch.toml:2:1"), "{shown}");
        assert!(shown.contains("^^^^^^^"), "{shown}");
        assert!(shown.contains("did you mean `lateness`?"), "{shown}");
    }
}
