//! Is a text filled in by a tool before it is deployed?
//!
//! Pipelines replace `#{name}#`, `${name}`, `$(name)` and `__name__` in files; people leave
//! `<your value>` for the next one. What stands there is not known from the file.

/// Tells whether `text` is filled in later, in part at least.
pub fn is_filled_in(text: &str) -> bool {
    let trimmed = text.trim();
    let between = |open: &str, close: &str| {
        trimmed.find(open).is_some_and(|at| trimmed.get(at + open.len()..).is_some_and(|rest| rest.contains(close)))
    };
    between("#{", "}")
        || between("${", "}")
        || between("$(", ")")
        || trimmed.len() > 4 && trimmed.starts_with("__") && trimmed.ends_with("__")
        || trimmed.starts_with('<') && trimmed.ends_with('>') && !trimmed.contains(['/', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pipelines_replace_is_told_from_what_is_meant() {
        for later in ["#{Tls}#", "https://${host}/api", "$(Password)", "__API_KEY__", "<your key>"] {
            assert!(is_filled_in(later), "{later}");
        }
        for now in ["1.2", "a__b", "$5", "#1", "<policies><inbound/></policies>", "{id}"] {
            assert!(!is_filled_in(now), "{now}");
        }
    }
}
