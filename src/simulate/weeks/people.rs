//! Who works on the fleet, and whose session is stolen?
//!
//! Five colleagues behind the office's one address, a sixth who joins later, and three people whose
//! sessions somebody else has: those act from addresses of attackers alone.

use crate::simulate::activity_log::{Actor, OPERATOR};

/// From where the whole office calls.
pub(super) const OFFICE: [u8; 4] = [203, 0, 113, 200];
const OFFICE_TEXT: &str = "203.0.113.200";
const PORTAL: &str = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c";

const fn person(upn: &'static str, name: &'static str, object: &'static str, ip: &'static str) -> Actor {
    Actor { upn, name, object, app: PORTAL, ip }
}

static MIRA: Actor =
    person("mira.lind@contoso.example", "Mira Lind", "1f0a7d52-33c4-4a61-9b0e-5d1c7a9e2b01", OFFICE_TEXT);
static TOMAS: Actor =
    person("tomas.urban@contoso.example", "Tomas Urban", "2a9b6c41-44d5-4b72-8c1f-6e2d8b0f3c02", OFFICE_TEXT);
static YARA: Actor =
    person("yara.costa@contoso.example", "Yara Costa", "3b8c5d30-55e6-4c83-9d20-7f3e9c104d03", OFFICE_TEXT);
static JONAS: Actor =
    person("jonas.holm@contoso.example", "Jonas Holm", "4c7d4e2f-66f7-4d94-8e31-804fad215e04", OFFICE_TEXT);

/// Who works here.
pub(super) static PEOPLE: [&Actor; 5] = [&OPERATOR, &MIRA, &TOMAS, &YARA, &JONAS];

/// The two who look after keys.
pub(super) static KEEPERS: [&Actor; 2] = [&OPERATOR, &MIRA];

/// Who joins in the second week or later.
pub(super) static COLLEAGUE: Actor =
    person("noor.haddad@contoso.example", "Noor Haddad", "5d6e3f1e-7708-4ea5-9f42-9150be326f05", OFFICE_TEXT);

/// People whose sessions are stolen.
pub(super) static STOLEN: [Actor; 3] = [
    person("eli.brandt@contoso.example", "Eli Brandt", "6e5f201d-8819-4fb6-8053-a261cf437006", "198.51.100.86"),
    person("ida.moreau@contoso.example", "Ida Moreau", "7f40110c-992a-40c7-9164-b372d0548107", "198.51.100.87"),
    person("leo.varga@contoso.example", "Leo Varga", "8031020b-aa3b-41d8-a275-c483e1659208", "198.51.100.88"),
];
