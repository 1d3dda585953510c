//! How do others write lists of addresses down?
//!
//! Four forms: a network a line, CSV, Azure's service tags, Tor's exits. A line that is none of what
//! its form allows is a problem with its number; the first 20 are told. One pass over the text.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use crate::telemetry::address;

use super::lists::Column;

/// Problems of one file that are told.
const TOLD: usize = 20;

/// Line (0 where there is none) and what is wrong there.
type Wrong = (usize, String);

/// Reads a network or address a line; `#` and `;` begin a comment.
pub(super) fn plain(text: &str) -> Result<Vec<IpNet>, Vec<Wrong>> {
    each(text, |line| {
        let line = line.split(['#', ';']).next().unwrap_or_default().trim();
        if line.is_empty() { Ok(None) } else { network(line).map(Some) }
    })
}

/// Reads Tor's exits: addresses, or `ExitAddress` lines among `ExitNode`, `Published`, `LastStatus`.
pub(super) fn tor(text: &str) -> Result<Vec<IpNet>, Vec<Wrong>> {
    each(text, |line| {
        let line = line.split('#').next().unwrap_or_default().trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" | "ExitNode" | "Published" | "LastStatus" => Ok(None),
            "ExitAddress" => network(rest.split_whitespace().next().unwrap_or_default()).map(Some),
            _ => network(line).map(Some),
        }
    })
}

/// Reads one column of a CSV; rows that have nothing there, and those behind `#`, are passed over.
pub(super) fn csv(text: &str, column: &Column) -> Result<Vec<IpNet>, Vec<Wrong>> {
    let mut place = match column {
        Column::Number(0) => return Err(vec![(0, "columns are counted from 1: write column = 1".into())]),
        Column::Number(n) => Some(n - 1),
        Column::Name(_) => None,
    };
    let mut first = true;
    each(text, |line| {
        if line.trim_start().starts_with('#') || line.trim().is_empty() {
            return Ok(None);
        }
        let values = row(line);
        let begins = std::mem::take(&mut first);
        let Some(at) = place else {
            let Column::Name(name) = column else { return Ok(None) };
            place = values.iter().position(|value| value.eq_ignore_ascii_case(name));
            let known = values.join(", ");
            return match place {
                Some(_) => Ok(None),
                None => Err(format!("the first row has no column `{name}`, but {known}: name one of them")),
            };
        };
        let Some(value) = values.get(at).map(|value| value.trim()).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        match network(value) {
            Ok(network) => Ok(Some(network)),
            // The first row may name the columns.
            Err(_) if begins && matches!(column, Column::Number(_)) => Ok(None),
            Err(says) => Err(says),
        }
    })
}

/// Azure's file of service tags, as far as it matters.
#[derive(Deserialize)]
struct ServiceTags {
    values: Vec<ServiceTag>,
}

#[derive(Deserialize)]
struct ServiceTag {
    name: String,
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    address_prefixes: Vec<String>,
}

/// Reads the networks of the service tags `wanted`.
pub(super) fn service_tags(text: &str, wanted: &[String]) -> Result<Vec<IpNet>, Vec<Wrong>> {
    let file: ServiceTags = serde_json::from_str(text).map_err(|error| {
        vec![(error.line(), format!("this is not Azure's file of service tags ({error}): name its JSON file as it is"))]
    })?;
    let (mut networks, mut wrong) = (Vec::new(), Vec::new());
    for name in wanted {
        let Some(tag) = file.values.iter().find(|tag| tag.name.eq_ignore_ascii_case(name)) else {
            let near = file.values.iter().map(|tag| (strsim::damerau_levenshtein(&tag.name, name), &tag.name)).min();
            let meant = near.map(|(_, near)| format!(": did you mean `{near}`?")).unwrap_or_default();
            wrong.push((0, format!("it has no service tag `{name}`{meant}")));
            continue;
        };
        for prefix in &tag.properties.address_prefixes {
            match network(prefix) {
                Ok(network) => networks.push(network),
                Err(says) => wrong.push((0, format!("service tag `{name}`: {says}"))),
            }
        }
    }
    wrong.truncate(TOLD);
    if wrong.is_empty() { Ok(networks) } else { Err(wrong) }
}

fn each(text: &str, mut read: impl FnMut(&str) -> Result<Option<IpNet>, String>) -> Result<Vec<IpNet>, Vec<Wrong>> {
    let (mut networks, mut wrong) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        match read(line) {
            Ok(network) => networks.extend(network),
            Err(says) => wrong.push((number, says)),
        }
        if wrong.len() >= TOLD {
            break;
        }
    }
    if wrong.is_empty() { Ok(networks) } else { Err(wrong) }
}

/// Reads a network, an address, or an address with a port.
fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().ok().or_else(|| address(text).map(|read| read.ip.into()));
    let Some(network) = network else {
        let shown: String = text.chars().take(60).collect();
        return Err(format!("`{shown}` is no address or network: write 203.0.113.7, 198.51.100.0/24 or 2001:db8::/32"));
    };
    Ok(mapped(network.trunc()))
}

/// Turns a network of IPv4 addresses inside IPv6 into one of IPv4.
fn mapped(network: IpNet) -> IpNet {
    let IpNet::V6(inner) = network else { return network };
    match (inner.addr().to_ipv4_mapped(), inner.prefix_len().checked_sub(96)) {
        (Some(ip), Some(length)) => IpNet::new(IpAddr::V4(ip), length).unwrap_or(network),
        _ => network,
    }
}

/// Returns the values of a row; a value in double quotes may hold commas, and two quotes for one.
fn row(line: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.trim_end_matches('\r').chars().peekable();
    while let Some(letter) = letters.next() {
        let Some(value) = values.last_mut() else { break };
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                value.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if value.trim().is_empty() => {
                value.clear();
                quoted = true;
            }
            ',' if !quoted => values.push(String::new()),
            other => value.push(other),
        }
    }
    values.into_iter().map(|value| value.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(read: Result<Vec<IpNet>, Vec<Wrong>>) -> Vec<String> {
        read.unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_plain_list_is_a_network_a_line() {
        let text =
            "# made up\n203.0.113.7\n\n198.51.100.99/24 ; SBL1\r\n2001:db8::1/32 # ours\n::ffff:203.0.113.0/124\n";
        assert_eq!(shown(plain(text)), ["203.0.113.7/32", "198.51.100.0/24", "2001:db8::/32", "203.0.113.0/28"]);
    }

    #[test]
    fn every_wrong_line_is_told_with_its_number() {
        let wrong = plain("203.0.113.7\n<html>\n10.0.0.0/33\n").unwrap_err();
        assert_eq!(wrong.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3]);
        assert!(wrong[0].1.contains("`<html>` is no address or network: write"), "{wrong:?}");
    }

    #[test]
    fn a_column_of_a_csv_goes_by_its_name_or_its_number() {
        let text = "# feed\nfirst_seen, ip ,malware\n2026-01-01,203.0.113.7:443,\"a, \"\"b\"\"\"\n2026-01-02,,x\n\"y\", \"198.51.100.0/24\",z\n";
        let wanted = ["203.0.113.7/32", "198.51.100.0/24"];
        assert_eq!(shown(csv(text, &Column::Name("IP".into()))), wanted);
        assert_eq!(shown(csv(text, &Column::Number(2))), wanted);
        assert_eq!(row("a,\"b, \"\"c\"\"\", d"), ["a", "b, \"c\"", "d"]);
        let wrong = csv(text, &Column::Name("address".into())).unwrap_err();
        assert!(wrong[0].1.contains("no column `address`, but first_seen, ip, malware"), "{wrong:?}");
        assert_eq!(csv(text, &Column::Number(1)).unwrap_err()[0].0, 3);
        assert!(csv(text, &Column::Number(0)).is_err());
    }

    #[test]
    fn of_azures_service_tags_only_those_named_are_taken() {
        let text = r#"{"changeNumber":1,"cloud":"Public","values":[
            {"name":"AzureFrontDoor.Backend","id":"x","properties":{"region":"","addressPrefixes":["203.0.113.0/24","2001:db8::/44"]}},
            {"name":"Storage","id":"y","properties":{"addressPrefixes":["198.51.100.0/24"]}}]}"#;
        let tags = |names: &[&str]| service_tags(text, &names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(shown(tags(&["azurefrontdoor.backend"])), ["203.0.113.0/24", "2001:db8::/44"]);
        let wrong = tags(&["Storag"]).unwrap_err();
        assert!(wrong[0].1.contains("did you mean `Storage`?"), "{wrong:?}");
        assert!(service_tags("<html>", &[]).unwrap_err()[0].1.contains("not Azure's file of service tags"));
    }

    #[test]
    fn tors_exits_are_read_in_both_their_public_forms() {
        assert_eq!(shown(tor("203.0.113.7\n2001:db8::7\n")), ["203.0.113.7/32", "2001:db8::7/128"]);
        let long = "ExitNode 63BF46A63F9C21FD315CD061B3EAA3EB05283A0A\nPublished 2026-01-01 01:02:03\nLastStatus 2026-01-01 02:00:00\nExitAddress 203.0.113.9 2026-01-01 02:06:38\n";
        assert_eq!(shown(tor(long)), ["203.0.113.9/32"]);
        assert_eq!(tor("ExitAddress nowhere\n").unwrap_err()[0].0, 1);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in "[ -~\n\u{e9}]{0,300}") {
            _ = (plain(&text), tor(&text), csv(&text, &Column::Number(2)), service_tags(&text, &[]));
        }
    }
}
