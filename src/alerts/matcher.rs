//! Which alerts does a silence, a maintenance window or an inhibition mean?
//!
//! What is named must be so, what is not named is any. The entity is the alert's own: to mute an
//! address is to mute alerts about it, not every alert whose evidence it stands in. Detector and family
//! are those of all that have seen the alert: what one sees that is not meant is told, whoever else
//! sees it too. As a source of inhibition an alert counts if any of them is meant.

use serde::{Deserialize, Serialize};

use super::{Alert, EntityKind, Family, Level, Query, query};

/// Letters of what is named: an alert's own names are cut at 256 bytes.
const MOST_LETTERS: usize = 300;

/// Names alerts by what they are of and about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// The detector's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
    /// The family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// What the alert is about: `ip/203.0.113.7`, or the value alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// The app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// At least this bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Level>,
    /// At most this bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Level>,
}

impl Matcher {
    /// Tells whether it says whom it means, beside how bad.
    pub fn names_something(&self) -> bool {
        let named = [&self.detector, &self.entity, &self.app];
        self.family.is_some() || named.into_iter().flatten().any(|name| !name.trim().is_empty())
    }

    /// Tells what is wrong with what it names, if anything is.
    ///
    /// # Errors
    ///
    /// Says how to mend it.
    pub fn check(&self) -> Result<(), String> {
        let named = [("detector", &self.detector), ("entity", &self.entity), ("app", &self.app)];
        for (what, text) in named {
            let letters = text.as_deref().map_or(0, |text| text.chars().count());
            if letters > MOST_LETTERS {
                return Err(format!(
                    "`{what}` has {letters} letters and no alert's has more than {MOST_LETTERS}: write it as `gatewatch \
                     alerts list` shows it."
                ));
            }
        }
        if let Some((says, mend)) = self.entity.as_deref().and_then(no_kind) {
            return Err(format!("{says}: {mend}."));
        }
        if let (Some(least), Some(most)) = (self.at_least, self.at_most)
            && least > most
        {
            let (least, most) = (least.name(), most.name());
            return Err(format!("No alert is at least {least} and at most {most}: leave one of the two out."));
        }
        Ok(())
    }

    /// Tells whether it means `alert`, however bad that is.
    pub fn concerns(&self, alert: &Alert) -> bool {
        self.is_about(alert) && seen_by(alert).all(|seen| self.names(seen))
    }

    /// Tells whether it means what any of the detectors has seen, as bad as the alert is.
    pub fn admits_any(&self, alert: &Alert) -> bool {
        self.is_about(alert) && seen_by(alert).any(|seen| self.names(seen)) && self.is_as_bad(alert)
    }

    fn names(&self, (detector, family): (&str, Family)) -> bool {
        self.detector.as_deref().is_none_or(|named| named == detector)
            && self.family.is_none_or(|named| named == family)
    }

    fn is_about(&self, alert: &Alert) -> bool {
        let about = |wanted: &str| {
            let (kind, value) = query::entity(wanted);
            alert.entity.value.eq_ignore_ascii_case(&value) && kind.is_none_or(|kind| kind == alert.entity.kind)
        };
        let is_app = |app: &str| alert.app.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(app));
        self.app.as_deref().is_none_or(is_app) && self.entity.as_deref().is_none_or(about)
    }

    /// Tells whether it means `alert` as bad as that is.
    pub fn admits(&self, alert: &Alert) -> bool {
        self.concerns(alert) && self.is_as_bad(alert)
    }

    fn is_as_bad(&self, alert: &Alert) -> bool {
        self.at_least.is_none_or(|level| alert.level >= level) && self.at_most.is_none_or(|level| alert.level <= level)
    }

    /// Returns the question that all alerts answer which it concerns, however bad and in whatever
    /// state: those with a meant detector in front.
    pub fn query(&self) -> Query {
        Query {
            states: Vec::new(),
            family: self.family,
            // As it is kept; this compares to the letter, but for the entity.
            app: self.app.as_deref().map(str::to_lowercase),
            detector: self.detector.clone(),
            entity: self.entity.as_deref().map(query::entity),
            ..Query::default()
        }
    }
}

/// Says what is wrong with `entity`, a value or pattern with its kind or without, if an address stands behind a kind that
/// there is not, and how to mend it. Anything else before a `/` may be an app, of which a function is.
pub fn no_kind(entity: &str) -> Option<(String, String)> {
    let (kind, value) = entity.split_once('/')?;
    let lower = kind.to_ascii_lowercase();
    if kind.is_empty() || kind.contains([':', '*', '?', '[']) || EntityKind::named(&lower).is_some() {
        return None;
    }
    let address = value.contains(['.', ':']) && value.bytes().all(|b| b.is_ascii_hexdigit() || b".:*?/".contains(&b));
    address.then(|| {
        let says = format!("Nothing that alerts are about is of the kind `{kind}`");
        (says, format!("write ip/{value}, or the value alone"))
    })
}

/// Returns the detectors that have seen an alert, with their families.
fn seen_by(alert: &Alert) -> impl Iterator<Item = (&str, Family)> {
    let also = alert.also().iter().map(|member| (&*member.detector, member.family));
    std::iter::once((&*alert.detector, alert.family)).chain(also)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_is_meant_in_whatever_case_it_is_typed() {
        let mut alert = crate::alerts::comparison::tests::alert("x", (0, 0, 0), Level::Low, 1);
        alert.entity = super::super::Entity::new(super::super::EntityKind::Key, "partner-a");
        let named = |entity: &str| Matcher { entity: Some(entity.into()), ..Matcher::default() };
        assert!(named("key/Partner-A").concerns(&alert) && named("PARTNER-A").concerns(&alert));
        assert!(!named("key/Partner-B").concerns(&alert) && !named("ip/partner-a").concerns(&alert));
    }

    #[test]
    fn a_text_that_no_alert_can_have_is_refused() {
        let of = |letters: usize| Matcher { entity: Some("é".repeat(letters)), ..Matcher::default() };
        assert_eq!(of(300).check(), Ok(()));
        let says = of(301).check().unwrap_err();
        assert!(says.starts_with("`entity` has 301 letters"), "{says}");
    }

    #[test]
    fn a_kind_that_there_is_not_is_refused_and_a_value_with_a_slash_is_not() {
        let of = |entity: &str| Matcher { entity: Some(entity.into()), ..Matcher::default() }.check();
        for sound in [
            "ip/203.0.113.7",
            "203.0.113.7",
            "fn-orders/checkout",
            "https://shop.example",
            "origin/https://shop.example",
            "app1/checkout",
            "api/checkout",
            "IP/203.0.113.7",
            "2001:db8::/32",
        ] {
            assert_eq!(of(sound), Ok(()), "{sound}");
        }
        for (wrong, mend) in
            [("ipp/203.0.113.7", "write ip/203.0.113.7"), ("address/203.0.113.7", "write ip/203.0.113.7")]
        {
            let says = of(wrong).unwrap_err();
            assert!(says.starts_with("Nothing that alerts are about") && says.contains(mend), "{wrong}: {says}");
        }
    }

    #[test]
    fn levels_between_which_nothing_lies_are_refused() {
        let of = |least, most| Matcher { at_least: Some(least), at_most: Some(most), ..Matcher::default() }.check();
        assert_eq!(of(Level::Low, Level::Low), Ok(()));
        let says = of(Level::High, Level::Low).unwrap_err();
        assert!(says.starts_with("No alert is at least high and at most low: "), "{says}");
    }
}
