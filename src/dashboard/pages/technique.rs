//! Where does an ATT&CK technique lead?
//!
//! Ids come from detectors' files, which anybody may write: only what is a technique becomes a link.

pub(super) struct Technique {
    pub(super) id: String,
    pub(super) link: Option<String>,
}

impl Technique {
    /// Returns the technique `id`, with its page if there is one.
    pub(super) fn named(id: &str) -> Self {
        Self { id: id.to_owned(), link: link(id) }
    }
}

/// Returns the page of an ATT&CK technique, if `id` is one, such as `T1110.001`.
fn link(id: &str) -> Option<String> {
    let (technique, sub) = id.split_once('.').map_or((id, None), |(technique, sub)| (technique, Some(sub)));
    let digits = |text: &str, many| text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
    if !technique.strip_prefix('T').is_some_and(|number| digits(number, 4)) || !sub.is_none_or(|sub| digits(sub, 3)) {
        return None;
    }
    Some(format!("https://attack.mitre.org/techniques/{}/", id.replace('.', "/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_techniques_become_links() {
        assert_eq!(link("T1110.001").as_deref(), Some("https://attack.mitre.org/techniques/T1110/001/"));
        for odd in ["T1110/../x", "javascript:", "T111", "T1110.", "", "Té10"] {
            assert_eq!(link(odd), None, "{odd}");
        }
    }
}
