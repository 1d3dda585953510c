//! `/settings`: what was the daemon told to do, where does each value come from, and what waits for a restart?
//!
//! For admins. Every setting is shown as it was loaded; secrets are not among the values, and never were. What the
//! file says by now is read when the page is.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::app::App;
use super::super::door::{Admin, Viewer};
use super::super::settings::SettingsSeen;
use super::prose::{Prose, prose};
use super::{Frame, problem, render};

struct Setting {
    name: String,
    value: String,
    from: String,
    default: bool,
    says: Prose,
}

struct Section {
    name: String,
    settings: Vec<Setting>,
    /// Whether nobody has set anything of it.
    untouched: bool,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    file: Option<String>,
    sections: Vec<Section>,
    set: usize,
    notes: Vec<String>,
    pending: Vec<String>,
    problems: Vec<String>,
}

/// `GET /settings`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    _: Admin,
    Viewer(who): Viewer,
    headers: HeaderMap,
) -> Response {
    let settings = app.parts.settings.clone();
    let Ok(seen) = tokio::task::spawn_blocking(move || settings.seen()).await else {
        let says = "Reading the configuration broke off. The log says why.".to_owned();
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "Settings can't be shown", says, Some(who), &headers);
    };
    let frame = Frame::new("Settings", "settings", Some(who), &headers);
    render(StatusCode::OK, &SettingsPage::of(frame, seen))
}

impl SettingsPage {
    fn of(frame: Frame, seen: SettingsSeen) -> Self {
        let SettingsSeen { file, all, notes, pending, problems } = seen;
        let set = all.iter().filter(|one| !one.default).count();
        let mut sections: Vec<Section> = Vec::new();
        for one in all {
            let (section, default) = (one.section, one.default);
            let setting =
                Setting { name: one.name, value: one.value, from: one.from, default, says: prose(one.says.trim()) };
            if let Some(last) = sections.last_mut().filter(|last| last.name == section) {
                last.untouched &= default;
                last.settings.push(setting);
            } else {
                sections.push(Section { name: section, settings: vec![setting], untouched: default });
            }
        }
        // What somebody has set is what people look for.
        sections.sort_by_key(|section| section.untouched);
        Self { frame, file, sections, set, notes, pending, problems }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::settings::SettingSeen;
    use super::*;
    use crate::access::Identity;

    fn one(section: &str, name: &str, value: &str, from: &str) -> SettingSeen {
        SettingSeen {
            section: section.into(),
            name: name.into(),
            value: value.into(),
            from: from.into(),
            default: from == "default",
            says: "What it is.".into(),
        }
    }

    #[test]
    fn what_was_set_stands_before_defaults_and_says_from_where() {
        let seen = SettingsSeen {
            file: Some("gatewatch.toml".into()),
            all: vec![
                one("alerts", "cooldown", "1h", "default"),
                one("detection", "lateness", "10s", "gatewatch.toml:12"),
                one("detection", "idle", "5m", "default"),
            ],
            notes: vec!["Messages carry no link.".into()],
            pending: vec!["detection.lateness: 10s → 20s".into()],
            problems: Vec::new(),
        };
        let frame = Frame::new("x", "settings", Some(Identity::local()), &HeaderMap::new());
        let page = SettingsPage::of(frame, seen);
        let names: Vec<&str> = page.sections.iter().map(|section| section.name.as_str()).collect();
        assert_eq!((names, page.set), (vec!["detection", "alerts"], 1));
        let html = page.render().unwrap();
        for part in ["gatewatch.toml:12", "10s → 20s", "Messages carry no link", "What it is.", "after a restart"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }
}
