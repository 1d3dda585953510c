//! Which address of a forwarded chain is the client's?
//!
//! Every hop appends the address it was called from, so the chain is read from its right end:
//! what a trusted hop wrote is believed, and the first address that is no trusted hop is the
//! client's. What stands left of it, the client itself may have written, and it is never looked
//! at. At most 32 hops are followed; where the chain makes no sense, the last address that was
//! believed is the answer.

use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;

use crate::telemetry::address;

use super::settings::Hop;

/// Hops that are followed at most.
const FURTHEST: usize = 32;

/// The hops whose word is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hops {
    networks: Vec<IpNet>,
    /// Those of `networks` that are Front Door's.
    front_doors: Vec<IpNet>,
    /// Whether only the nearest hop is believed.
    nearest: bool,
}

/// An address that was reached by going back along a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The address.
    pub ip: IpAddr,
    /// The port, where the hop wrote it.
    pub port: Option<u16>,
    /// Where in the chain it stands.
    pub at: Range<usize>,
}

impl Hops {
    /// Returns the hops that `listed` names.
    pub fn new(listed: &[Hop]) -> Self {
        let of = |which: fn(&&Hop) -> bool| listed.iter().filter(which).flat_map(Hop::networks).collect();
        Self { networks: of(|_| true), front_doors: of(|hop| matches!(hop, Hop::FrontDoor)), nearest: false }
    }

    /// Returns what is believed where nobody has said: the nearest hop, if its address is private.
    pub fn unsaid() -> Self {
        Self { nearest: true, ..Self::new(&[Hop::Private]) }
    }

    /// Adds those of `other`.
    pub(super) fn add(&mut self, other: &Self) {
        self.networks.extend_from_slice(&other.networks);
        self.front_doors.extend_from_slice(&other.front_doors);
    }

    /// Tells whether `ip` is one of them.
    pub fn has(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// Tells whether `ip` is a Front Door.
    pub fn is_front_door(&self, ip: IpAddr) -> bool {
        self.front_doors.iter().any(|network| network.contains(&ip))
    }

    /// Returns the client's address in `chain`, which a trusted hop wrote; `None` where even its
    /// right end is no address.
    pub fn client(&self, chain: &str) -> Option<Reached> {
        let (mut end, mut believed) = (chain.len(), None);
        for _ in 0..FURTHEST {
            let start = chain.get(..end)?.rfind(',').map_or(0, |comma| comma + 1);
            let Some(read) = chain.get(start..end).and_then(address) else { break };
            let reached = Reached { ip: read.ip, port: read.port, at: start + read.at.start..start + read.at.end };
            let further = !self.nearest && self.has(reached.ip) && start > 0;
            believed = Some(reached);
            if !further {
                break;
            }
            end = start - 1;
        }
        believed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hops(listed: &[&str]) -> Hops {
        Hops::new(&listed.iter().map(|text| Hop::from((*text).to_owned())).collect::<Vec<_>>())
    }

    fn client(listed: &[&str], chain: &str) -> Option<String> {
        hops(listed).client(chain).map(|reached| chain[reached.at].to_owned())
    }

    #[test]
    fn the_first_address_from_the_right_that_is_no_trusted_hop_is_the_client() {
        let trusted = ["10.0.0.0/8", "198.51.100.7"];
        assert_eq!(client(&trusted, "203.0.113.9, 10.1.2.3").as_deref(), Some("203.0.113.9"));
        assert_eq!(client(&trusted, "203.0.113.9:4711,198.51.100.7, 10.1.2.3:80").as_deref(), Some("203.0.113.9"));
        assert_eq!(client(&trusted, "6.6.6.6, 203.0.113.9, 10.1.2.3").as_deref(), Some("203.0.113.9"));
        assert_eq!(client(&trusted, "[2001:db8::1]:443").as_deref(), Some("2001:db8::1"));
        assert_eq!(client(&trusted, "::ffff:10.1.1.1,10.1.2.3").as_deref(), Some("::ffff:10.1.1.1"));
    }

    #[test]
    fn a_chain_of_trusted_hops_alone_began_at_its_first() {
        assert_eq!(client(&["10.0.0.0/8"], "10.9.9.9, 10.1.2.3").as_deref(), Some("10.9.9.9"));
    }

    #[test]
    fn where_the_chain_makes_no_sense_the_last_address_believed_is_the_answer() {
        assert_eq!(client(&["10.0.0.0/8"], "203.0.113.9, unknown, 10.1.2.3").as_deref(), Some("10.1.2.3"));
        assert_eq!(client(&["10.0.0.0/8"], "203.0.113.9, "), None);
        assert_eq!(client(&["10.0.0.0/8"], ""), None);
        let long = vec!["10.0.0.1"; 100].join(",");
        assert_eq!(hops(&["10.0.0.0/8"]).client(&long).unwrap().at.start, long.len() - 32 * 9 + 1);
    }

    #[test]
    fn unsaid_only_the_nearest_hop_is_believed() {
        let at = |chain: &str| Hops::unsaid().client(chain).map(|reached| reached.ip.to_string());
        assert_eq!(at("203.0.113.9, 10.0.0.4").as_deref(), Some("10.0.0.4"));
        assert_eq!(at("6.6.6.6, 203.0.113.9").as_deref(), Some("203.0.113.9"));
    }

    proptest! {
        #[test]
        fn no_spoofed_prefix_changes_the_chosen_address(
            spoofed in prop_oneof![".*", "([0-9a-f:.,\\[\\] ]|10\\.0\\.0\\.1|unknown){0,80}"],
            last in 1_u8..255, between in 0_usize..4,
        ) {
            let trusted = hops(&["10.0.0.0/8", "azure-front-door"]);
            let ours = format!(" 203.0.113.{last}{}", ", 10.1.1.1".repeat(between));
            let honest = trusted.client(&ours).map(|reached| reached.ip);
            let forged = format!("{spoofed},{ours}");
            let reached = trusted.client(&forged).map(|reached| reached.ip);
            prop_assert_eq!(reached, honest);
            prop_assert_eq!(honest, format!("203.0.113.{last}").parse().ok());
        }

        #[test]
        fn any_text_is_a_chain_and_the_address_stands_where_it_says(chain in ".*") {
            if let Some(reached) = Hops::unsaid().client(&chain) {
                prop_assert_eq!(chain[reached.at].parse::<IpAddr>().unwrap().to_canonical(), reached.ip);
            }
        }
    }
}
