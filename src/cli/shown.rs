//! What pages are told once, at the start: detectors beyond what alerts carry, and the configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::{Config, Shown, load, read, shown};
use crate::dashboard::{Board, DetectorFileSeen, DetectorSeen, SettingSeen, Settings, SettingsSeen};
use crate::detection::{Catalogue, TACTIC_NAMES, fires, tactic_of_technique};

/// Where a configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The file and what it said.
    file: Option<(PathBuf, String)>,
    /// Whether the data folder was named on the command line.
    data: bool,
}

impl Origin {
    /// Returns that of a configuration that was loaded from `file` a moment ago.
    pub fn of(file: Option<&Path>, data: bool) -> Self {
        let text = |file: &Path| Some((file.to_path_buf(), std::fs::read_to_string(file).ok()?));
        Self { file: file.and_then(text), data }
    }
}

/// Returns a board that knows what pages say of detectors beyond what alerts carry.
pub fn board(catalogue: &Catalogue) -> Board {
    let board = Board::default();
    board.set_needs(catalogue.needs());
    // Those that find drift come after all that match, and match nothing.
    for (place, detector) in catalogue.detectors.all.iter().chain(crate::detection::drifting::all()).enumerate() {
        let techniques = &detector.attack.techniques;
        let tactic = |technique: &String| tactic_of_technique(technique).map(|at| (at, TACTIC_NAMES[at]));
        let seen = DetectorSeen {
            title: detector.title.to_string(),
            family: detector.family,
            level: detector.level,
            threat: detector.threat.to_string(),
            techniques: techniques.clone(),
            attack: detector.attack.version.clone(),
            why: detector.why.to_string(),
            false_alarms: detector.false_alarms.to_string(),
            triage: detector.triage.to_string(),
            fires: fires(detector),
            tactics: techniques.iter().map(tactic).collect(),
            file: catalogue.files.get(&detector.id).map(|file| DetectorFileSeen {
                path: file.path.as_str().into(),
                text: file.text.as_str().into(),
                cases: file.cases.as_deref().map(Into::into),
            }),
            place,
        };
        board.detectors.insert(detector.id.to_string(), seen);
    }
    board
}

/// Returns what tells of `config`, and of what its file says by the time somebody asks.
pub fn configured(config: &Config, data: &Path, origin: Origin) -> Settings {
    let notes = super::config::notes(config);
    let text = origin.file.as_ref().map(|(_, text)| text.clone());
    let places = text.as_deref().and_then(|text| read::<Config>("", text).ok());
    let loaded = shown(config, text.as_deref().zip(places.as_ref().map(|(_, places)| places)));
    let name = origin.file.as_ref().map(|(file, _)| file.display().to_string());
    let short =
        origin.file.as_ref().and_then(|(file, _)| file.file_name()).map(|name| name.to_string_lossy().into_owned());
    let mut all: Vec<SettingSeen> = loaded.iter().map(|one| seen(one, short.as_deref())).collect();
    if origin.data {
        all.retain(|one| !(one.section.is_empty() && one.name == "data"));
        all.insert(
            0,
            SettingSeen {
                section: String::new(),
                name: "data".to_owned(),
                value: format!("{:?}", data.display().to_string()),
                from: "--data".to_owned(),
                default: false,
                says: "The data folder: store, key and tokens. On a local disk.".to_owned(),
            },
        );
    }
    let once = SettingsSeen { file: name, all, notes, ..SettingsSeen::default() };
    Settings::new(move || {
        let (pending, problems) =
            origin.file.as_ref().map(|(file, text)| since(file, text, &loaded)).unwrap_or_default();
        SettingsSeen { pending, problems, ..once.clone() }
    })
}

fn seen(one: &Shown, file: Option<&str>) -> SettingSeen {
    let from = one.line.map_or_else(|| "default".to_owned(), |line| format!("{}:{line}", file.unwrap_or_default()));
    SettingSeen {
        section: one.section.clone(),
        name: one.name.clone(),
        value: one.value.clone(),
        from,
        default: one.line.is_none(),
        says: one.says.clone(),
    }
}

/// Returns what `file` says by now that was not loaded, and what is wrong with it.
fn since(file: &Path, text: &str, loaded: &[Shown]) -> (Vec<String>, Vec<String>) {
    let name = file.display().to_string();
    let now = match std::fs::read_to_string(file) {
        Ok(now) => now,
        Err(error) => return (Vec::new(), vec![format!("{name}: it can't be read: {error}")]),
    };
    if now == text {
        return Default::default();
    }
    match load(&name, &now) {
        Err(problems) => (Vec::new(), problems.iter().map(|problem| problem.in_a_line(&now)).collect()),
        Ok(config) => (different(loaded, &shown(&config, None)), Vec::new()),
    }
}

/// Says what differs between two configurations, a line each.
fn different(loaded: &[Shown], now: &[Shown]) -> Vec<String> {
    fn by_name(all: &[Shown]) -> BTreeMap<String, &str> {
        let name = |one: &Shown| match one.section.as_str() {
            "" => one.name.clone(),
            section => format!("{section}.{}", one.name),
        };
        all.iter().map(|one| (name(one), one.value.as_str())).collect()
    }
    let (before, after) = (by_name(loaded), by_name(now));
    let mut lines: Vec<String> = Vec::new();
    for (name, value) in &after {
        match before.get(name) {
            None => lines.push(format!("{name}: {value} (new)")),
            Some(old) if old != value => lines.push(format!("{name}: {old} → {value}")),
            Some(_) => {}
        }
    }
    lines.extend(before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("{name}: gone")));
    if lines.is_empty() {
        lines.push("Comments, or a secret: no value that is shown differs.".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_says_by_now_is_told_apart_from_what_was_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("gatewatch.toml");
        let write = |text: &str| std::fs::write(&file, text).unwrap();
        write("[detection]\nlateness = '10s'\n");
        let loaded = shown(&load("x", "[detection]\nlateness = '10s'\n").unwrap(), None);
        let told = || since(&file, "[detection]\nlateness = '10s'\n", &loaded);
        assert_eq!(told(), (vec![], vec![]));
        write("[detection]\nlateness = '20s'\n");
        assert_eq!(told().0, ["detection.lateness: \"10s\" → \"20s\""]);
        write("[detection]\nlatenes = '20s'\n");
        let (pending, problems) = told();
        assert!(
            pending.is_empty() && problems[0].contains(":2: ") && problems[0].contains("did you mean `lateness`?"),
            "{problems:?}"
        );
    }
}
