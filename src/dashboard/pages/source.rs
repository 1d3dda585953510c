//! A detector's file as it is shown: line by line, with those that are lit.
//!
//! A line that matched carries a sign and a word, not a colour alone. As many lines as the file has, 256 KB at most.

use super::super::bench::LitLines;

/// A line of a file.
pub(super) struct SourceLine {
    pub(super) text: String,
    /// `matched` or `counted`, of a line that is lit.
    pub(super) lit: Option<&'static str>,
}

/// A detector's file.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) lines: Vec<SourceLine>,
    /// What the marks mean; nothing where no line is lit.
    pub(super) says: Option<String>,
}

impl Source {
    /// Returns the file at `path` with the lines of `lit` marked.
    pub(super) fn of(path: &str, text: &str, lit: Option<&LitLines>) -> Self {
        let lines = text.lines().zip(1..).map(|(text, number)| {
            let mark = lit.and_then(|lit| {
                let (first, last) = lit.counting;
                let blank = text.trim().is_empty() || text.trim_start().starts_with('#');
                let matched = lit.matched.contains(&number).then_some("matched");
                matched.or((first..=last).contains(&number).then_some("counted")).filter(|_| !blank)
            });
            SourceLine { text: text.to_owned(), lit: mark }
        });
        let says = lit.map(|lit| {
            let of = match lit.events {
                0 => "no event that was kept can be read again, so of alternatives none is marked".to_owned(),
                1 => "as the event that was kept shows".to_owned(),
                many => format!("as the {many} events that were kept show"),
            };
            format!("Marked is what matched, {of}, and how it was counted.")
        });
        Self { path: path.to_owned(), lines: lines.collect(), says }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_matched_and_lines_that_count_are_told_apart() {
        let lit = LitLines { matched: [2].into(), counting: (3, 5), events: 4 };
        let source =
            Source::of("a/b.yaml", "when:\n  outcome: failure\nthreshold:\n  # why\n  at_least: 3\nend: 1", Some(&lit));
        let marks: Vec<_> = source.lines.iter().map(|line| line.lit).collect();
        assert_eq!(marks, [None, Some("matched"), Some("counted"), None, Some("counted"), None]);
        assert!(source.says.unwrap().contains("the 4 events that were kept show"));
        assert!(Source::of("a/b.yaml", "x", None).says.is_none());
    }
}
