//! Which address, and which port, does a text name?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use super::doc::trim;

/// An address as a record writes it: `ip`, `ip:port`, `[v6]` or `[v6]:port`; also `v6:port` where it
/// can't be an address as a whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Address {
    /// The address; an IPv4 address inside IPv6 is IPv4.
    pub ip: IpAddr,
    /// The port.
    pub port: Option<u16>,
    /// Where in the text the address alone stands.
    pub at: Range<usize>,
}

/// Returns the address that `text` names, `None` if it names none.
pub fn address(text: &str) -> Option<Address> {
    let (whole, text) = (text, trim(text));
    let from = if text.len() == whole.len() { 0 } else { whole.len() - whole.trim_start().len() };
    // No address is longer than a scope, a full IPv6 address and a port.
    if text.len() > 64 {
        return None;
    }
    if let Some((ip, end)) = plain(text.as_bytes()) {
        let port = match text.as_bytes().get(end..)? {
            [] => Some(None),
            [b':', b'1'..=b'9', rest @ ..] if rest.len() < 5 => text[end + 1..].parse().ok().map(Some),
            _ => None,
        };
        if let Some(port) = port {
            return Some(Address { ip: IpAddr::V4(ip), port, at: from..from + end });
        }
    }
    let written = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'[' | b']' | b'%');
    if !text.as_bytes().iter().all(written) {
        return None;
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(Address { ip: ip.to_canonical(), port: None, at: from..from + text.len() });
    }
    if let Ok(both) = text.parse::<SocketAddr>() {
        let port = text.rfind(':')?;
        let at = if text.starts_with('[') { from + 1..from + port - 1 } else { from..from + port };
        return Some(Address { ip: both.ip().to_canonical(), port: Some(both.port()), at });
    }
    if let Some((alone, port)) = text.rsplit_once(':')
        && let Ok(ip) = alone.parse::<Ipv6Addr>()
        && let [b'1'..=b'9', ..] = port.as_bytes()
        && let Ok(port) = port.parse()
    {
        return Some(Address { ip: IpAddr::V6(ip).to_canonical(), port: Some(port), at: from..from + alone.len() });
    }
    let inside = text.strip_prefix('[')?.strip_suffix(']')?;
    let ip = inside.parse::<Ipv6Addr>().ok()?;
    Some(Address { ip: IpAddr::V6(ip).to_canonical(), port: None, at: from + 1..from + 1 + inside.len() })
}

/// How many parts of a list are looked at, from its end.
const PARTS: usize = 32;

/// Returns the last address in a list of them, as proxies write it, and where in `text` the list before
/// it stands; `None` if `text` is no list, or none of its last 32 parts is an address.
pub fn last_address(text: &str) -> Option<(Address, Range<usize>)> {
    const SEPARATORS: [char; 2] = [',', ';'];
    let mut end = text.contains(SEPARATORS).then_some(text.len())?;
    for part in text.rsplit(SEPARATORS).take(PARTS) {
        let start = end - part.len();
        if let Some(found) = address(part) {
            let at = start + found.at.start..start + found.at.end;
            return Some((Address { at, ..found }, 0..start.saturating_sub(1)));
        }
        end = start.saturating_sub(1);
    }
    None
}

/// Returns the IPv4 address with which `text` begins, as nearly all do, and where it ends: four numbers
/// without leading zeros.
fn plain(text: &[u8]) -> Option<(Ipv4Addr, usize)> {
    let (mut octets, mut at) = ([0; 4], 0);
    for (place, octet) in octets.iter_mut().enumerate() {
        if place > 0 {
            text.get(at).filter(|dot| **dot == b'.')?;
            at += 1;
        }
        let start = at;
        let mut number = 0_u16;
        while let Some(digit @ b'0'..=b'9') = text.get(at).filter(|_| at < start + 3) {
            number = number * 10 + u16::from(digit - b'0');
            at += 1;
        }
        if at == start || at > start + 1 && text.get(start) == Some(&b'0') {
            return None;
        }
        *octet = u8::try_from(number).ok()?;
    }
    Some((Ipv4Addr::from(octets), at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_ipv4_address_reads_as_the_standard_library_reads_it(text in "([0-9]{1,3}\\.){3}[0-9]{1,4}(:[0-9]{1,6})?|[0-9.:]{1,20}") {
            let read = address(&text);
            let alone = text.parse::<IpAddr>().map(|ip| (ip.to_canonical(), None));
            let both = text.parse::<SocketAddr>().map(|both| (both.ip().to_canonical(), Some(both.port())));
            // An IPv6 address with a port and without brackets is ours alone.
            let read = read.filter(|read| read.ip.is_ipv4() || read.port.is_none());
            prop_assert_eq!(read.map(|read| (read.ip, read.port)), alone.or(both).ok());
        }
    }

    fn reads(text: &str, ip: &str, port: Option<u16>, at: &str) {
        let read = address(text).unwrap();
        assert_eq!((read.ip.to_string().as_str(), read.port, &text[read.at]), (ip, port, at), "{text}");
    }

    #[test]
    fn addresses_are_read_with_and_without_a_port() {
        reads("203.0.113.7", "203.0.113.7", None, "203.0.113.7");
        reads(" 203.0.113.7:5432", "203.0.113.7", Some(5432), "203.0.113.7");
        reads("2001:DB8::1", "2001:db8::1", None, "2001:DB8::1");
        reads("[2001:db8::1]:443", "2001:db8::1", Some(443), "2001:db8::1");
        reads("[2001:db8::1]", "2001:db8::1", None, "2001:db8::1");
        reads("::ffff:203.0.113.7", "203.0.113.7", None, "::ffff:203.0.113.7");
    }

    #[test]
    fn a_port_without_brackets_is_read_where_it_can_be_nothing_else() {
        reads("2001:db8::7:44321", "2001:db8::7", Some(44321), "2001:db8::7");
        reads("2001:db8:0:0:0:0:0:7:443", "2001:db8::7", Some(443), "2001:db8:0:0:0:0:0:7");
        reads("::ffff:203.0.113.7:443", "203.0.113.7", Some(443), "::ffff:203.0.113.7");
        reads("2001:db8::7:443", "2001:db8::7:443", None, "2001:db8::7:443");
        for text in ["2001:db8::7:99999", "2001:db8:0:0:0:0:0:7:0443", "2001:db8:0:0:0:0:0:7:f"] {
            assert_eq!(address(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_address_of_a_list_is_found_and_what_stands_before_it() {
        for (text, ip, port, at, before) in [
            ("198.51.100.7, 10.0.0.4", "10.0.0.4", None, "10.0.0.4", "198.51.100.7"),
            ("198.51.100.7;10.0.0.4:5432", "10.0.0.4", Some(5432), "10.0.0.4", "198.51.100.7"),
            ("198.51.100.7, 10.0.0.4, unknown", "10.0.0.4", None, "10.0.0.4", "198.51.100.7"),
            (
                "198.51.100.7, 198.51.100.8,[2001:db8::7]:443",
                "2001:db8::7",
                Some(443),
                "2001:db8::7",
                "198.51.100.7, 198.51.100.8",
            ),
            (",10.0.0.4,", "10.0.0.4", None, "10.0.0.4", ""),
        ] {
            let (read, list) = last_address(text).unwrap();
            assert_eq!((read.ip.to_string().as_str(), read.port, &text[read.at], &text[list]), (ip, port, at, before));
        }
        for text in ["", ",", "198.51.100.7", "unknown, unknown", &",x".repeat(100)] {
            assert_eq!(last_address(text), None, "{text}");
        }
        let far = format!("198.51.100.7{}", ",x".repeat(PARTS));
        assert_eq!(last_address(&far), None);
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in ["", "xx.xx.xxx.xx", "127.0.0.0/8", "000.00.00.000", "localhost", "1.2.3.4:99999", "[1.2.3.4]", "["]
        {
            assert_eq!(address(text), None, "{text}");
        }
    }
}
