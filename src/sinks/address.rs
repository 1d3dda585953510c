//! May a webhook connect to this address?
//!
//! Only to public ones, unless its settings allow private addresses: a URL that leads to the
//! cloud's metadata service or to a neighbour in the cluster would make Gatewatch a way in. The
//! check is made on what the name resolves to, in the very resolution that is connected to, so a
//! name cannot change its mind between check and use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Says what a non-public address is; `None` for a public one.
pub(super) fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => not_public_v4(v4),
        IpAddr::V6(v6) => not_public_v6(v6),
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    Some(match (a, b, c) {
        (0, ..) => "unspecified",
        (127, ..) => "loopback",
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => "private",
        (100, 64..=127, _) => "shared (carrier-grade NAT)",
        (169, 254, _) => "link-local (the cloud's metadata service lives there)",
        // Azure's own platform channel: DNS, health probes and the guest agent's secrets.
        (168, 63, 129) => "Azure's platform address",
        (192, 0, 0 | 2) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) => "reserved",
        (224..=255, ..) => "multicast or reserved",
        _ => return None,
    })
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let inner = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        // An IPv4 address in IPv6 clothes is judged by what is inside: mapped, compatible, NAT64, 6to4.
        [0, 0, 0, 0, 0, 0xFFFF | 0, high, low] | [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => {
            return not_public_v4(inner(high, low));
        }
        [0x2002, high, low, ..] => return not_public_v4(inner(high, low)),
        [0x64, 0xFF9B, 1, ..] => "private (local NAT64)",
        [0x2001, 0, ..] => "a Teredo tunnel",
        [0x2001, 0xDB8, ..] => "reserved",
        [0xFC00..=0xFDFF, ..] => "private",
        [0xFE80..=0xFEBF, ..] => "link-local",
        [0xFEC0..=0xFEFF, ..] => "private (site-local)",
        [0xFF00..=0xFFFF, ..] => "multicast",
        _ => return None,
    })
}

/// A name led nowhere but to addresses that are not public.
#[derive(Debug, thiserror::Error)]
#[error("{name} leads to {address}, which is {kind}")]
pub(super) struct Refused {
    name: String,
    address: IpAddr,
    kind: &'static str,
}

/// Resolves names with the system's resolver and lets only public addresses through.
#[derive(Debug)]
pub(super) struct PublicOnly {
    /// The configured proxy's host, which may be anywhere: it was chosen, and it does the resolving then.
    pub proxy: Option<String>,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let trusted = self.proxy.as_deref().is_some_and(|proxy| proxy.eq_ignore_ascii_case(name.as_str()));
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> =
                found.iter().copied().filter(|at| trusted || not_public(at.ip()).is_none()).collect();
            if let (true, Some(first)) = (public.is_empty(), found.first()) {
                let kind = not_public(first.ip()).unwrap_or("not public");
                return Err(Refused { name: name.as_str().to_owned(), address: first.ip(), kind }.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_addresses_are_refused_in_every_spelling() {
        for inner in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "168.63.129.16",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "::1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
        ] {
            assert!(not_public(inner.parse().unwrap()).is_some(), "{inner}");
        }
    }

    #[test]
    fn public_addresses_are_let_through() {
        for outer in ["8.8.8.8", "172.15.0.1", "172.32.0.1", "20.50.2.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert_eq!(not_public(outer.parse().unwrap()), None, "{outer}");
        }
    }
}
