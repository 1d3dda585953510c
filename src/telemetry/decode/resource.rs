//! Which app, function or gateway does a resource id name?
//!
//! A message's records mostly speak of one resource, so the last one read is remembered, and of a
//! batch's messages up to 64: an id whose slot is taken is read anew each time.

use std::ops::Range;
use std::sync::OnceLock;

use memchr::memchr_iter;

use crate::telemetry::{Event, Text};

use super::doc::{Piece, lower};

/// The resource that was read last.
#[derive(Default)]
pub(super) struct Resources<'s> {
    written: &'s str,
    lower: &'s str,
    number: Option<u8>,
    places: Places,
}

/// Resource ids that a batch has shown.
#[derive(Debug)]
pub(in crate::telemetry) struct KnownResources(Vec<OnceLock<Known>>);

#[derive(Debug)]
struct Known {
    written: Box<str>,
    lower: Box<str>,
    places: Places,
}

/// How many ids a batch remembers, and how long they may be.
const KNOWN: usize = 64;
const LONGEST: usize = 512;

impl Default for KnownResources {
    fn default() -> Self {
        Self((0..KNOWN).map(|_| OnceLock::new()).collect())
    }
}

impl KnownResources {
    /// Returns the number of `id` and what is known of it, `None` if its slot is taken by another.
    fn get(&self, id: &str) -> Option<(u8, &Known)> {
        if id.len() > LONGEST {
            return None;
        }
        let end = id.as_bytes().last_chunk::<8>().map_or(0, |end| u64::from_le_bytes(*end));
        let mixed = (end ^ id.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
        let known = self.0.get(mixed as usize)?.get_or_init(|| {
            let lower = id.to_ascii_lowercase().into_boxed_str();
            Known { written: id.into(), places: places(&lower), lower }
        });
        (*known.written == *id).then_some((mixed as u8, known))
    }
}

/// Where names stand in a resource id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Places {
    app: Option<Range<usize>>,
    function: Option<Range<usize>>,
    gateway: Option<Range<usize>>,
}

impl<'s> Resources<'s> {
    /// Fills the resource and what its id names.
    pub(super) fn fill(&mut self, event: &mut Event<'s>, id: Piece<'s>, known: &'s KnownResources) {
        if id.value != self.written {
            self.written = id.value;
            (self.lower, self.number, self.places) = if let Some((number, known)) = known.get(id.value) {
                (&*known.lower, Some(number), known.places.clone())
            } else {
                let lower = lower(id.whole(), event.arena).value;
                (lower, None, places(lower))
            };
        }
        let low = self.lower;
        let part = |at: &Range<usize>| low.get(at.clone()).map(|value| Text { value, ..id.part(at.clone()) });
        event.resource = Some(Text { value: low, ..id.whole() });
        event.resource_number = self.number;
        event.app = self.places.app.as_ref().and_then(part);
        event.gateway = self.places.gateway.as_ref().and_then(part);
        if let Some(function) = self.places.function.as_ref().and_then(part) {
            event.function = Some(of_app(event, function));
        }
    }
}

/// Returns the function `name` of the event's app as `app/function`, lower case.
pub(super) fn of_app<'s>(event: &Event<'s>, name: Text<'s>) -> Text<'s> {
    let Some(app) = event.app else { return lower(name, event.arena) };
    let mut value = bumpalo::collections::String::with_capacity_in(app.value.len() + 1 + name.value.len(), event.arena);
    value.push_str(app.value);
    value.push('/');
    value.push_str(name.value);
    value.make_ascii_lowercase();
    Text { value: value.into_bump_str(), ..name }
}

fn places(id: &str) -> Places {
    let mut places = Places::default();
    let (mut provider, mut before, mut from) = ("", "", 0);
    for end in memchr_iter(b'/', id.as_bytes()).chain([id.len()]) {
        let here = from..end;
        let segment = id.get(here.clone()).unwrap_or_default();
        from = end + 1;
        let place = match before {
            "providers" => {
                provider = segment;
                None
            }
            "sites" if segment != "providers" => Some(&mut places.app),
            "functions" if places.app.is_some() => Some(&mut places.function),
            "service" if provider == "microsoft.apimanagement" => Some(&mut places.gateway),
            "frontdoors" | "applicationgateways" => Some(&mut places.gateway),
            "profiles" if provider == "microsoft.cdn" => Some(&mut places.gateway),
            _ => None,
        };
        if let Some(place) = place.filter(|place| place.is_none() && !here.is_empty()) {
            *place = Some(here);
        }
        before = segment;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(id: &str) -> (Option<&str>, Option<&str>, Option<&str>) {
        let places = places(id);
        (places.app.map(|at| &id[at]), places.function.map(|at| &id[at]), places.gateway.map(|at| &id[at]))
    }

    #[test]
    fn a_slot_belongs_to_its_site() {
        let id = "/subscriptions/s/resourcegroups/g/providers/microsoft.web/sites/shop/slots/staging";
        assert_eq!(names(id), (Some("shop"), None, None));
    }

    #[test]
    fn a_function_and_a_setting_belong_to_their_site() {
        assert_eq!(
            names("/providers/microsoft.web/sites/shop/functions/pay/keys/default"),
            (Some("shop"), Some("pay"), None)
        );
        assert_eq!(names("/providers/microsoft.web/sites/shop/config/appsettings"), (Some("shop"), None, None));
    }

    #[test]
    fn gateways_are_known_by_their_provider() {
        assert_eq!(names("/providers/microsoft.apimanagement/service/apim-1/apis/a"), (None, None, Some("apim-1")));
        assert_eq!(names("/providers/microsoft.network/applicationgateways/gw"), (None, None, Some("gw")));
        assert_eq!(names("/providers/microsoft.network/frontdoors/fd"), (None, None, Some("fd")));
        assert_eq!(names("/providers/microsoft.cdn/profiles/p"), (None, None, Some("p")));
        assert_eq!(names("/providers/other/service/x/sites"), (None, None, None));
        let group = "/resourcegroups/sites/providers/microsoft.web/sites/shop";
        assert_eq!(names(group), (Some("shop"), None, None));
        assert_eq!(names(""), (None, None, None));
    }
}
