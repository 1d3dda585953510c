//! Where does an address lie, and whose is it?
//!
//! From MaxMind's `.mmdb` files, which others write too: whoever has them names them, nothing comes
//! with the program and nothing is downloaded. Of several the first that says a thing wins. A
//! database is held in memory whole, so that it may be replaced on disk at any time; at most 1 GB. To
//! decode a record costs ten times what finding it does, and many networks share one: of each database
//! the first 16,384 that are met are kept decoded, one a slot.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use maxminddb::{Reader, WithinOptions};
use serde::Deserialize;

use crate::clock::Timestamp;
use crate::telemetry::{Place, Spot};

use super::lists::{About, read};
use super::problem::ContextProblem;

/// Bytes of a file at most.
const MAX_BYTES: u64 = 1 << 30;
/// Databases at most.
const MAX_DATABASES: usize = 8;
/// Networks that are looked at to see what a database tells.
const TRIED: usize = 1_000;
/// Slots for decoded records, as bits.
const SLOTS: u32 = 14;

/// The databases that were named, in their order.
#[derive(Debug, Default)]
pub struct Places {
    databases: Vec<Database>,
}

#[derive(Debug)]
struct Database {
    reader: Reader<Vec<u8>>,
    about: About,
    /// Decoded records; a slot keeps the first that fell into it.
    kept: Box<[OnceLock<Kept>]>,
}

/// A decoded record, on its own.
#[derive(Debug)]
struct Kept {
    /// Where in the database it stands.
    at: usize,
    country: Option<Box<str>>,
    city: Option<Box<str>>,
    spot: Option<Spot>,
    asn: Option<u32>,
    organisation: Option<Box<str>>,
}

/// A record, as far as it matters, in the layout of GeoIP2 and GeoLite2 (City, Country, ASN, ISP).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    country: Country<'a>,
    registered_country: Country<'a>,
    city: City<'a>,
    location: Location,
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<&'a str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct City<'a> {
    #[serde(borrow)]
    names: Names<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
    accuracy_radius: Option<u16>,
}

impl Places {
    /// Reads the databases in `files`; each may be `max_age` old before that is said.
    ///
    /// # Errors
    ///
    /// Every problem of every file.
    pub fn load(files: &[PathBuf], max_age: Option<Duration>) -> Result<Self, Vec<ContextProblem>> {
        let (mut databases, mut problems) = (Vec::new(), Vec::new());
        for file in files.iter().take(MAX_DATABASES) {
            match Database::load(file, max_age) {
                Ok(database) => databases.push(database),
                Err(says) => problems.push(ContextProblem::whole(file, says)),
            }
        }
        if let Some(more) = files.get(MAX_DATABASES) {
            problems.push(ContextProblem::whole(more, format!("{MAX_DATABASES} databases are the most: leave it out")));
        }
        if problems.is_empty() { Ok(Self { databases }) } else { Err(problems) }
    }

    /// Returns where `ip` lies, as far as the databases know.
    pub fn of(&self, ip: IpAddr) -> Place<'_> {
        self.databases.iter().map(|database| database.of(ip)).fold(Place::default(), first_of)
    }

    /// Returns what is known of each database.
    pub fn about(&self) -> impl Iterator<Item = &About> {
        self.databases.iter().map(|database| &database.about)
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    /// Looks at every network and record, as a look-up alone never does.
    ///
    /// # Errors
    ///
    /// Names each database that is damaged.
    pub fn verify(&self) -> Result<(), Vec<ContextProblem>> {
        let damaged = self.databases.iter().filter_map(|database| {
            let error = database.reader.verify().err()?;
            let says = format!("the database is damaged ({error}): get it anew");
            Some(ContextProblem::whole(database.about.file.as_deref().unwrap_or(Path::new("")), says))
        });
        let damaged: Vec<_> = damaged.collect();
        if damaged.is_empty() { Ok(()) } else { Err(damaged) }
    }
}

impl Database {
    fn load(file: &Path, max_age: Option<Duration>) -> Result<Self, String> {
        let (bytes, _) = read(file, MAX_BYTES)?;
        let reader = Reader::from_source(bytes).map_err(|error| {
            format!("this is no whole MaxMind database ({error}): name its .mmdb file, unpacked, or get it anew")
        })?;
        let kind = reader.metadata().database_type.clone();
        let built = i64::try_from(reader.metadata().build_epoch).ok().filter(|seconds| *seconds < 1 << 33);
        let about = About {
            name: kind.clone(),
            file: Some(file.to_owned()),
            networks: reader.metadata().node_count as usize,
            written: built.map(Timestamp::from_seconds),
            max_age,
        };
        let kept = (0..1 << SLOTS).map(|_| OnceLock::new()).collect();
        let database = Self { reader, about, kept };
        if !database.tells_something() {
            return Err(format!(
                "a database of type {kind} tells no country, city, location or AS number as GeoIP2 lays them out: \
                 name a City, Country, ASN or ISP database"
            ));
        }
        Ok(database)
    }

    fn tells_something(&self) -> bool {
        let Ok(networks) = self.reader.networks(WithinOptions::default()) else { return false };
        let place = |record: &Record<'_>| placed(record) != Place::default();
        networks
            .take(TRIED)
            .flatten()
            .any(|found| found.decode::<Record<'_>>().ok().flatten().as_ref().is_some_and(place))
    }

    fn of(&self, ip: IpAddr) -> Place<'_> {
        // An IPv6 address in a database of IPv4 addresses alone is an error there, and unknown here.
        let Ok(found) = self.reader.lookup(ip) else { return Place::default() };
        let Some(at) = found.offset() else { return Place::default() };
        let decode = || found.decode::<Record<'_>>().ok().flatten().as_ref().map(placed).unwrap_or_default();
        let slot = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOTS);
        let kept = self.kept[slot as usize].get_or_init(|| Kept::new(at, decode()));
        if kept.at == at { kept.place() } else { decode() }
    }
}

impl Kept {
    fn new(at: usize, place: Place<'_>) -> Self {
        let own = |text: Option<&str>| text.map(Box::from);
        Self {
            at,
            country: own(place.country),
            city: own(place.city),
            spot: place.spot,
            asn: place.asn,
            organisation: own(place.organisation),
        }
    }

    fn place(&self) -> Place<'_> {
        Place {
            country: self.country.as_deref(),
            city: self.city.as_deref(),
            spot: self.spot,
            asn: self.asn,
            organisation: self.organisation.as_deref(),
        }
    }
}

fn placed<'a>(record: &Record<'a>) -> Place<'a> {
    let Location { latitude, longitude, accuracy_radius } = record.location;
    let on_globe = |(latitude, longitude): &(f64, f64)| latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    let point = latitude.zip(longitude).filter(on_globe);
    Place {
        country: record.country.iso_code.or(record.registered_country.iso_code),
        city: record.city.names.en,
        spot: point.map(|(latitude, longitude)| Spot { latitude, longitude, within_km: accuracy_radius }),
        asn: record.autonomous_system_number,
        organisation: record.autonomous_system_organization,
    }
}

/// Takes each thing from the first that says it.
fn first_of<'a>(first: Place<'a>, then: Place<'a>) -> Place<'a> {
    Place {
        country: first.country.or(then.country),
        city: first.city.or(then.city),
        spot: first.spot.or(then.spot),
        asn: first.asn.or(then.asn),
        organisation: first.organisation.or(then.organisation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::made::{Value, mmdb};

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    }

    fn city(country: &str, name: &str, latitude: f64, longitude: f64) -> Value {
        map(&[
            ("country", map(&[("iso_code", text(country)), ("names", map(&[("en", text("Somewhere"))]))])),
            (
                "city",
                map(&[
                    ("geoname_id", Value::Number(32, 7)),
                    ("names", map(&[("de", text("Irgendwo")), ("en", text(name))])),
                ]),
            ),
            (
                "location",
                map(&[
                    ("latitude", Value::Double(latitude)),
                    ("longitude", Value::Double(longitude)),
                    ("accuracy_radius", Value::Number(16, 20)),
                ]),
            ),
        ])
    }

    fn places(databases: &[Vec<u8>]) -> Result<Places, Vec<ContextProblem>> {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = (0..databases.len()).map(|n| folder.path().join(format!("{n}.mmdb"))).collect();
        for (file, bytes) in files.iter().zip(databases) {
            std::fs::write(file, bytes).unwrap();
        }
        Places::load(&files, None)
    }

    #[test]
    fn an_address_has_the_place_of_its_network_from_whichever_database_says_it() {
        let cities = mmdb(
            "Made-City",
            &[
                ("203.0.113.0/24", city("DE", "Berlin", 52.5, 13.4)),
                ("2001:db8::/32", city("FR", "Paris", 48.9, 2.4)),
                ("198.51.100.0/25", map(&[("registered_country", map(&[("iso_code", text("NL"))]))])),
            ],
        );
        let asns = mmdb(
            "Made-ASN",
            &[(
                "203.0.113.128/25",
                map(&[
                    ("autonomous_system_number", Value::Number(32, 64_500)),
                    ("autonomous_system_organization", text("Example Net")),
                ]),
            )],
        );
        let places = places(&[asns, cities]).unwrap();
        places.verify().unwrap();
        let of = |ip: &str| places.of(ip.parse().unwrap());
        let berlin = Some(Spot { latitude: 52.5, longitude: 13.4, within_km: Some(20) });
        let (asn, organisation) = (Some(64_500), Some("Example Net"));
        let both = Place { country: Some("DE"), city: Some("Berlin"), spot: berlin, asn, organisation };
        assert_eq!(of("203.0.113.200"), both);
        assert_eq!(of("203.0.113.1"), Place { asn: None, organisation: None, ..both });
        assert_eq!((of("2001:db8::9").country, of("2001:db8::9").city), (Some("FR"), Some("Paris")));
        assert_eq!(of("198.51.100.1"), Place { country: Some("NL"), ..Place::default() });
        assert_eq!(of("192.0.2.1"), Place::default());
        assert_eq!(of("::ffff:203.0.113.200".parse::<IpAddr>().unwrap().to_canonical().to_string().as_str()), both);
    }

    #[test]
    fn what_is_no_whole_database_or_tells_no_place_is_refused() {
        let cities = mmdb("Made-City", &[("203.0.113.0/24", city("DE", "Berlin", 52.5, 13.4))]);
        let cut = cities[..cities.len() - 40].to_vec();
        let other = mmdb("Made-Domain", &[("203.0.113.0/24", map(&[("domain", text("example.net"))]))]);
        let problems = places(&[b"<html>".to_vec(), cut, cities, other]).unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].says.contains("no whole MaxMind database"), "{problems:?}");
        assert!(problems[2].says.contains("type Made-Domain tells no country"), "{problems:?}");
    }

    #[test]
    fn what_is_kept_of_one_record_is_never_said_of_another() {
        let network = |n: u32| format!("{}/32", std::net::Ipv4Addr::from(0x0a00_0000 + n));
        let networks: Vec<String> = (0..40_000).map(network).collect();
        let record = |n: usize| map(&[("autonomous_system_number", Value::Number(32, n as u64 + 1))]);
        let entries: Vec<_> = networks.iter().enumerate().map(|(n, network)| (network.as_str(), record(n))).collect();
        let places = places(&[mmdb("Made-ASN", &entries)]).unwrap();
        for _ in 0..2 {
            for n in 0..40_000_u32 {
                assert_eq!(places.of(IpAddr::V4((0x0a00_0000 + n).into())).asn, Some(n + 1));
            }
        }
    }

    #[test]
    fn a_damaged_database_never_panics() {
        let cities = mmdb("Made-City", &[("203.0.113.0/24", city("DE", "Berlin", 52.5, 13.4))]);
        for at in 0..cities.len() {
            let mut broken = cities.clone();
            broken[at] ^= 0xff;
            if let Ok(places) = places(&[broken]) {
                _ = (places.of("203.0.113.7".parse().unwrap()), places.of("2001:db8::1".parse().unwrap()));
                _ = places.verify();
            }
        }
    }
}
