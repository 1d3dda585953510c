//! Whose list is an address on? Threat intelligence, Tor exits, a cloud's ranges, one's own networks.
//!
//! Lists are files that somebody else brings up to date: nothing is downloaded here. Each is read
//! whole or refused with its line, so that half a list never passes for one. At most 64 lists, each
//! of at most 64 MB, and four million networks together.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::formats;
use super::prefixes::{MAX_LISTS, Prefixes};
use super::problem::ContextProblem;

/// The list that the gateways' own addresses make.
pub const KNOWN_EGRESS: &str = "known-egress";
/// Bytes of a file at most.
const MAX_BYTES: u64 = 64 << 20;
/// Networks of all lists together, at most.
const MAX_NETWORKS: usize = 4_000_000;

/// A list of networks: `[context.lists.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSettings {
    /// The file.
    pub file: PathBuf,
    /// What it looks like.
    #[serde(default)]
    pub form: Form,
    /// Of a CSV: the column of the addresses, by its name in the first row or its number from 1.
    #[serde(default)]
    pub column: Option<Column>,
    /// Of Azure's service tags: which of them, such as `AzureFrontDoor.Backend`.
    #[serde(default)]
    pub service_tags: Vec<String>,
    /// Words that detectors can ask for in `source.tags`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How old the file may get before that is said; left out, any age will do.
    #[serde(default, with = "crate::context::settings::length", skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
}

/// What a list's file looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A network or address on each line; `#` and `;` begin a comment.
    #[default]
    Plain,
    /// Rows of values with commas between, the networks or addresses in one column.
    Csv,
    /// The JSON file of Azure's service tags.
    AzureServiceTags,
    /// Tor's exits: an address a line, or `ExitAddress` lines among others.
    Tor,
}

/// A column of a CSV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// From 1.
    Number(usize),
    /// As the first row names it.
    Name(String),
}

/// All lists, ready for look-ups.
#[derive(Debug, Default)]
pub struct Lists {
    prefixes: Prefixes,
    /// For each of the prefixes' sets: the names of its lists, and their tags.
    words: Vec<Words>,
    /// What is known of each list.
    about: Vec<About>,
}

/// What is said of an address in one set of lists.
#[derive(Debug, Default)]
struct Words {
    names: Box<str>,
    tags: Box<str>,
}

/// What is known of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: String,
    /// Its file; `None` for a list that the configuration itself makes.
    pub file: Option<PathBuf>,
    /// Networks in it.
    pub networks: usize,
    /// When the file was written last, where the system says so.
    pub written: Option<Timestamp>,
    /// How old it may get.
    pub max_age: Option<Duration>,
}

impl About {
    /// Says that it is too old at `now`, and how to mend it; `None` if it is not.
    pub fn stale(&self, now: Timestamp) -> Option<String> {
        let (written, max_age) = (self.written?, self.max_age?);
        let age = now.since(written);
        (age > max_age).then(|| {
            let file = self.file.as_deref().unwrap_or(Path::new("")).display();
            format!(
                "{} is stale: {file} was written {} days ago, and may be {} old. Bring it up to date, or raise max_age",
                self.name,
                age.as_secs() / 86_400,
                crate::clock::duration::format(max_age)
            )
        })
    }
}

impl Lists {
    /// Reads the files of `settings`; `egress` are the gateways' own addresses.
    ///
    /// # Errors
    ///
    /// Every problem of every file.
    pub fn load(settings: &BTreeMap<String, ListSettings>, egress: &[IpNet]) -> Result<Self, Vec<ContextProblem>> {
        let mut problems = Vec::new();
        let mut read: Vec<(About, Vec<IpNet>, Vec<String>)> = Vec::new();
        for (name, list) in settings {
            match load(list) {
                Ok((networks, written)) => {
                    let (file, max_age) = (Some(list.file.clone()), list.max_age);
                    let about = About { name: name.clone(), file, networks: networks.len(), written, max_age };
                    read.push((about, networks, list.tags.clone()));
                }
                Err(found) => problems.extend(found),
            }
        }
        if !egress.is_empty() {
            let name = KNOWN_EGRESS.to_owned();
            let about = About { name, file: None, networks: egress.len(), written: None, max_age: None };
            read.push((about, egress.to_vec(), Vec::new()));
        }
        let all: usize = read.iter().map(|(_, networks, _)| networks.len()).sum();
        if all > MAX_NETWORKS {
            problems.push(ContextProblem::whole(
                Path::new("[context.lists]"),
                format!("the lists have {all} networks together, and {MAX_NETWORKS} is the most: leave one out"),
            ));
        }
        if read.len() > MAX_LISTS {
            problems.push(ContextProblem::whole(
                Path::new("[context.lists]"),
                format!("there are {} lists, and {MAX_LISTS} is the most: put some into one file", read.len()),
            ));
        }
        if problems.is_empty() { Ok(Self::of(read)) } else { Err(problems) }
    }

    fn of(read: Vec<(About, Vec<IpNet>, Vec<String>)>) -> Self {
        let numbered = read.iter().enumerate();
        let prefixes =
            Prefixes::new(numbered.flat_map(|(n, (_, networks, _))| networks.iter().map(move |net| (*net, n))));
        let words = prefixes.sets().iter().map(|set| {
            let held = || read.iter().enumerate().filter(move |(n, _)| set >> n & 1 == 1).map(|(_, list)| list);
            let names: Vec<&str> = held().map(|(about, ..)| about.name.as_str()).collect();
            let mut tags: Vec<&str> = held().flat_map(|(_, _, tags)| tags.iter().map(String::as_str)).collect();
            tags.sort_unstable();
            tags.dedup();
            Words { names: names.join(" ").into(), tags: tags.join(" ").into() }
        });
        Self { words: words.collect(), prefixes, about: read.into_iter().map(|(about, ..)| about).collect() }
    }

    /// Returns the names of the lists that hold `ip`, and their tags, a space between two.
    pub fn of_address(&self, ip: IpAddr) -> (Option<&str>, Option<&str>) {
        let said = |text| Some(text).filter(|text: &&str| !text.is_empty());
        match self.words.get(self.prefixes.find(ip)) {
            Some(words) => (said(&words.names), said(&words.tags)),
            None => (None, None),
        }
    }

    /// Returns what is known of each list.
    pub fn about(&self) -> &[About] {
        &self.about
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.about.is_empty()
    }
}

fn load(list: &ListSettings) -> Result<(Vec<IpNet>, Option<Timestamp>), Vec<ContextProblem>> {
    let file = list.file.as_path();
    let whole = |says: String| vec![ContextProblem::whole(file, says)];
    let (bytes, written) = read(file, MAX_BYTES).map_err(whole)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| whole("this is not text in UTF-8: name the file that holds the addresses".into()))?;
    let text = text.trim_start_matches('\u{feff}');
    let networks = match list.form {
        Form::Plain => formats::plain(text),
        Form::Csv => formats::csv(text, list.column.as_ref().unwrap_or(&Column::Number(1))),
        Form::AzureServiceTags => formats::service_tags(text, &list.service_tags),
        Form::Tor => formats::tor(text),
    };
    let at = |(line, says)| ContextProblem { file: file.to_owned(), line, says, text: "".into() };
    let networks = networks.map_err(|found| found.into_iter().map(at).collect::<Vec<_>>())?;
    if networks.is_empty() {
        return Err(whole(
            "it holds no address at all, as a broken download would: mend it, or take the list out".into(),
        ));
    }
    Ok((networks, written))
}

/// Reads a file of at most `most` bytes; returns when it was written last, too.
pub(super) fn read(file: &Path, most: u64) -> Result<(Vec<u8>, Option<Timestamp>), String> {
    let unread = |error: std::io::Error| format!("it can't be read ({error}): check the path and its permissions");
    let about = std::fs::metadata(file).map_err(unread)?;
    if about.len() > most {
        return Err(format!("it has {} MB, and {} is the most", about.len() >> 20, most >> 20));
    }
    let written = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let written = written.and_then(|since| i64::try_from(since.as_nanos()).ok()).map(Timestamp::from_nanos);
    Ok((std::fs::read(file).map_err(unread)?, written))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(files: &[(&str, &str, &[&str])]) -> Lists {
        let folder = tempfile::tempdir().unwrap();
        let settings = files.iter().map(|(name, text, tags)| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            let form = Form::Plain;
            ((*name).to_owned(), ListSettings { file, form, column: None, service_tags: vec![], tags, max_age: None })
        });
        Lists::load(&settings.collect(), &["203.0.113.9/32".parse().unwrap()]).unwrap()
    }

    #[test]
    fn an_address_is_said_to_be_on_all_its_lists_with_all_their_tags() {
        let lists = lists(&[
            ("tor", "203.0.113.0/28\n", &["anonymiser"]),
            ("bad", "203.0.113.7\n198.51.100.0/24\n", &["intel", "anonymiser"]),
        ]);
        let of = |ip: &str| lists.of_address(ip.parse().unwrap());
        assert_eq!(of("203.0.113.7"), (Some("bad tor"), Some("anonymiser intel")));
        assert_eq!(of("203.0.113.9"), (Some("tor known-egress"), Some("anonymiser")));
        assert_eq!(of("203.0.113.99"), (None, None));
    }

    #[test]
    fn a_list_that_is_too_old_says_so_and_how_to_mend_it() {
        let written = Some(Timestamp::from_seconds(86_400));
        let max_age = Some(Duration::from_hours(48));
        let about = About { name: "tor".into(), file: Some("exits".into()), networks: 1, written, max_age };
        assert_eq!(about.stale(Timestamp::from_seconds(3 * 86_400)), None);
        let says = about.stale(Timestamp::from_seconds(5 * 86_400)).unwrap();
        assert!(says.contains("exits was written 4 days ago, and may be 2d old"), "{says}");
    }

    #[test]
    fn an_empty_list_is_refused_as_a_broken_download() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list");
        std::fs::write(&file, "# nothing\n").unwrap();
        let list =
            ListSettings { file, form: Form::Tor, column: None, service_tags: vec![], tags: vec![], max_age: None };
        let problems = Lists::load(&BTreeMap::from([("x".to_owned(), list)]), &[]).unwrap_err();
        assert!(problems[0].says.contains("no address at all"), "{problems:?}");
    }
}
