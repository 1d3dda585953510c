//! Can what a control names as its contradiction really turn it?
//!
//! For every detector in `contradicted_by` an alert is made as in life: its own cases through the engine
//! and the book; one of them must name an element of the sort that the control is about, and turn it there.
//! A new entry without such a case fails.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alerts::{Alert, AlertBook};
use crate::clock::{Timestamp, Watermarks};
use crate::detection::cases::{self, Rehearsal};
use crate::detection::{Catalogue, Detector, Detectors, Engine, Finding};
use crate::posture::configured::Sort;
use crate::posture::controls::{Control, Controls, State, shipped};
use crate::posture::living::{Configuration, Found, Setup, Sources, Stands, build};
use crate::redaction::{KeyRing, Redactor, Settings};
use crate::telemetry::{Category, EntityKind};

use super::CoreSettings;
use super::alerted::alerted;

/// What a detector finds in a case, through the engine.
fn found(detector: &Arc<Detector>, rehearsal: Rehearsal) -> Vec<Finding> {
    let detectors = Arc::new(Detectors { all: vec![detector.clone()] });
    let mut engine = Engine::new(detectors, CoreSettings::replay().engine);
    let minute = std::time::Duration::from_mins(1);
    let (mut marks, mut findings) = (Watermarks::new(minute, minute), Vec::new());
    for signal in rehearsal.signals {
        for category in Category::ALL {
            marks.observe(0, category.lane(), signal.time);
        }
        engine.apply(signal);
        findings.extend(engine.tick(&marks));
    }
    marks.advance(rehearsal.until);
    findings.extend(engine.tick(&marks));
    findings
}

/// The alerts of each detector that controls name.
fn alerts(catalogue: &Catalogue, controls: &Controls) -> BTreeMap<String, Vec<Alert>> {
    let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
    let all: RefCell<BTreeMap<String, Vec<Alert>>> = RefCell::default();
    let named = |id: &str| controls.all.iter().any(|control| control.contradicted_by.iter().any(|by| *by == *id));
    cases::run_with(catalogue, &redactor, |detector, rehearsal| {
        if !named(&detector.id) {
            return Vec::new();
        }
        let findings = found(detector, rehearsal);
        let mut book = AlertBook::new(CoreSettings::replay().book);
        book.apply(&catalogue.detectors, findings.clone());
        all.borrow_mut().entry(detector.id.to_string()).or_default().extend(book.alerts().cloned());
        findings
    });
    all.into_inner()
}

/// The name of an element of this sort that an alert speaks of, as it is called in the configuration.
fn element(sort: Sort, name: &str, alert: &Alert) -> Option<String> {
    let is = |kind: EntityKind| alert.entities.iter().any(|one| one.kind == kind && *one.value == *name);
    let recorded = |text: &str| {
        let records = alert.evidence.iter().filter_map(|one| one.record.as_deref());
        records.map(str::to_ascii_lowercase).any(|record| record.contains(text))
    };
    let in_record = |step: &str, name: &str| recorded(&format!("/{step}/{name}"));
    let called = |app: &str| recorded(&format!("//{app}.azurewebsites.net"));
    let gateway = |name: &str| is(EntityKind::Gateway) || in_record("service", name);
    let steps: Vec<&str> = name.split('/').collect();
    let fits = match (sort, steps.as_slice()) {
        (Sort::App, [app]) => {
            is(EntityKind::App) || alert.app.as_deref() == Some(name) || in_record("sites", app) || called(app)
        }
        (Sort::Gateway, [_]) => gateway(name),
        (Sort::Function, [_, function]) => is(EntityKind::Function) || in_record("functions", function),
        (Sort::Api, [of, _]) => gateway(of),
        (Sort::Operation, [of, ..]) => gateway(of) && steps.len() == 3,
        (Sort::App | Sort::Gateway | Sort::Function | Sort::Api | Sort::Operation, _) => false,
        (sort, _) => return name.strip_prefix(&format!("{}:", sort.name())).map(str::to_owned),
    };
    fits.then(|| name.to_owned())
}

/// Tells whether an alert turns a control on something that it names.
fn turns(control: &Control, controls: &Arc<Controls>, alert: &Alert) -> bool {
    let told = alerted(alert);
    let place = controls.all.iter().position(|one| one.id == control.id).unwrap() as u16;
    let made = |sort: Sort, name: String, of: Option<Arc<str>>| {
        let found = Found { control: place, state: State::Configured, says: "set".into(), place: None };
        let found = if sort == control.applies_to { vec![found] } else { Vec::new() };
        Configuration {
            sort,
            name: name.into(),
            of,
            asks: None,
            token: None,
            identity: false,
            http: true,
            found,
            layers: Vec::new(),
        }
    };
    let of = |name: &Arc<str>| -> Vec<Configuration> {
        if control.of_site {
            let site = element(Sort::App, name, alert);
            let below = |site: String| {
                let inner = made(control.applies_to, format!("{site}/any"), Some(site.as_str().into()));
                vec![made(Sort::App, site, None), inner]
            };
            return site.map(below).unwrap_or_default();
        }
        element(control.applies_to, name, alert).map(|name| made(control.applies_to, name, None)).into_iter().collect()
    };
    let behind = told.behind.iter().filter(|_| control.behind);
    let elements = told.names.iter().chain(behind).flat_map(of).collect();
    let configured = Arc::new(Setup { controls: controls.clone(), elements, ..Setup::default() });
    let at = Some(Timestamp::from_seconds(1_795_442_400));
    let living = build(&Sources { configured, alerts: vec![told.clone()], at, ..Sources::default() });
    let mut standings = living.parts.iter().flat_map(|part| &part.standings);
    standings.any(|one| {
        let by = one.evidence.as_ref().and_then(|evidence| evidence.alert.as_deref());
        one.control == place && one.stands == Stands::Contradicted && by == Some(&*told.id)
    })
}

#[test]
fn every_detector_that_a_control_names_turns_it_by_an_alert_of_its_own_cases() {
    let (catalogue, controls) = (Catalogue::shipped().unwrap(), Arc::new(shipped().unwrap()));
    let alerts = alerts(&catalogue, &controls);
    let mut without = Vec::new();
    for control in &controls.all {
        for detector in &control.contradicted_by {
            let of = alerts.get(detector).map(Vec::as_slice).unwrap_or_default();
            if !of.iter().any(|alert| turns(control, &controls, alert)) {
                let named: Vec<String> = of.iter().map(|alert| format!("{:?}", alerted(alert).names)).collect();
                without.push(format!("{} by {detector}: {}", control.id, named.join("; ")));
            }
        }
    }
    assert_eq!(without, Vec::<String>::new());
}
