//! Is a text filled in by a tool before it is deployed?
//!
//! Pipelines replace `#{name}#`, `${name}`, `$(name)` and `__name__` in files; people leave
//! `<your value>` for the next one. What stands there is not known from the file. Keys that everybody
//! knows, such as those of the emulators, and words that stand for a key are no secrets.

use std::borrow::Cow;

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

/// How the keys begin that Microsoft publishes for its emulators: of Azurite, and of Cosmos DB's.
const PUBLISHED: [&str; 2] =
    ["Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsu", "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE"];

/// Returns a text of the same length in which the published keys are no keys.
pub fn without_published(text: &str) -> Cow<'_, str> {
    if !PUBLISHED.iter().any(|key| text.contains(key)) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = PUBLISHED.iter().filter_map(|key| rest.find(key)).min() {
        let key = &rest[at..];
        let end = key.find(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))).unwrap_or(key.len());
        out.push_str(&rest[..at]);
        out.push_str(&"x".repeat(end));
        rest = &key[end..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Words that stand where a secret belongs, lower case and without what joins words.
const PLACEHOLDERS: [&str; 22] = [
    "changeme",
    "changeit",
    "replaceme",
    "placeholder",
    "todo",
    "tobereplaced",
    "yourapikeyhere",
    "yourkeyhere",
    "yoursecrethere",
    "yourpasswordhere",
    "yourtokenhere",
    "insertkeyhere",
    "redacted",
    "dummy",
    "example",
    "disabled",
    "enabled",
    "none",
    "required",
    "optional",
    "default",
    "unknown",
];

/// Tells whether a text holds no secret though its name says so: a published key of an emulator, or a
/// word that stands for a secret.
pub fn is_no_secret(text: &str) -> bool {
    if PUBLISHED.iter().any(|key| text.contains(key)) {
        return true;
    }
    let flat: String = text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
    let repeated = flat.chars().next().is_none_or(|first| flat.chars().all(|c| c == first));
    // `YOUR_API_KEY_HERE`, `your-client-secret`: words alone, which begin by whose it is.
    let yours =
        ["your", "insertyour", "enteryour", "addyour", "replacewith"].iter().any(|begin| flat.starts_with(begin))
            && !flat.contains(|c: char| c.is_ascii_digit());
    repeated || yours || PLACEHOLDERS.contains(&flat.as_str())
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
