//! What do the texts of a detector look like on a page?
//!
//! What stands between backticks is code; steps are a list, which numbers them itself. As long as the text.

/// A text in parts: whether it stood between backticks, and its words.
pub(super) type Prose = Vec<(bool, String)>;

/// Splits the triage text into its steps, without the numbers that the list gives them anyway.
pub(super) fn steps(triage: &str) -> Vec<String> {
    triage
        .lines()
        .map(|line| {
            let line = line.trim();
            let number = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
            match line.get(number..).and_then(|rest| rest.strip_prefix(". ")) {
                Some(step) if number > 0 => step.to_owned(),
                _ => line.to_owned(),
            }
        })
        .filter(|line| !line.is_empty())
        .collect()
}

/// Splits a detector's text at its backticks; without a closing one, all that is left is words.
pub(super) fn prose(text: &str) -> Prose {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, (code, after))) =
        rest.split_once('`').and_then(|(before, after)| Some((before, after.split_once('`')?)))
    {
        parts.push((false, before.to_owned()));
        parts.push((true, code.to_owned()));
        rest = after;
    }
    parts.push((false, rest.to_owned()));
    parts.retain(|(_, words)| !words.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triage_is_a_list_of_steps() {
        assert_eq!(steps("1. Look.\n2. Act.\n\nThen rest. 3. x"), ["Look.", "Act.", "Then rest. 3. x"]);
        assert_eq!(steps("é\n12\n. x"), ["é", "12", ". x"]);
    }

    #[test]
    fn what_stands_between_backticks_is_code() {
        let parts =
            |text: &str| prose(text).into_iter().map(|(code, words)| format!("{code}:{words}")).collect::<Vec<_>>();
        assert_eq!(parts("Run `x y`, then `z`"), ["false:Run ", "true:x y", "false:, then ", "true:z"]);
        assert_eq!(parts("it's ` open"), ["false:it's ` open"]);
    }
}
