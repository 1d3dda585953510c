//! Does an address lie in one of several networks? By the first and last address of each.
//!
//! Those that touch or overlap are one, so that few are asked: conditions name private networks over and over.

use std::net::IpAddr;

use ipnet::IpNet;

/// Networks, and their addresses in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Networks {
    list: Vec<IpNet>,
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Networks {
    /// Returns these networks.
    pub(super) fn new(list: Vec<IpNet>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in &list {
            match network {
                IpNet::V4(network) => v4.push((network.network().to_bits(), network.broadcast().to_bits())),
                IpNet::V6(network) => v6.push((network.network().to_bits(), network.broadcast().to_bits())),
            }
        }
        Self { v4: joined(v4, |end| end.checked_add(1)), v6: joined(v6, |end| end.checked_add(1)), list }
    }

    /// Tells whether `ip` lies in one of them; an IPv4 address written as an IPv6 one is the former.
    pub(super) fn contain(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(ip) => hold(&self.v4, ip.to_bits()),
            IpAddr::V6(ip) => hold(&self.v6, ip.to_bits()),
        }
    }

    /// Returns them as they were given.
    pub(super) fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.list.iter()
    }
}

/// Returns ranges in order, those that touch as one; `next` is what comes behind an end, if anything does.
fn joined<T: Copy + Ord>(mut ranges: Vec<(T, T)>, next: impl Fn(T) -> Option<T>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut joined: Vec<(T, T)> = Vec::new();
    for (start, end) in ranges {
        match joined.last_mut() {
            Some((_, last)) if next(*last).is_none_or(|next| start <= next) => *last = end.max(*last),
            _ => joined.push((start, end)),
        }
    }
    joined
}

#[inline]
fn hold<T: Copy + Ord>(ranges: &[(T, T)], one: T) -> bool {
    ranges.iter().any(|(start, end)| *start <= one && one <= *end)
}

#[cfg(test)]
mod tests {
    use ipnet::{Ipv4Net, Ipv6Net};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_address_lies_in_what_one_of_the_networks_holds(
            v4 in prop::collection::vec((any::<u32>(), 0..=32_u8), 0..6),
            v6 in prop::collection::vec((any::<u128>(), 0..=128_u8), 0..6),
            near in any::<prop::sample::Index>(),
            by in -2..3_i64,
            any_v4 in any::<u32>(),
            any_v6 in any::<u128>(),
        ) {
            let list: Vec<IpNet> = v4
                .iter()
                .map(|(bits, length)| IpNet::V4(Ipv4Net::new((*bits).into(), *length).unwrap()))
                .chain(v6.iter().map(|(bits, length)| IpNet::V6(Ipv6Net::new((*bits).into(), *length).unwrap())))
                .collect();
            let networks = Networks::new(list.clone());
            let mut asked = vec![IpAddr::V4(any_v4.into()), IpAddr::V6(any_v6.into()), IpAddr::V6(v4_in_v6(any_v4))];
            if !list.is_empty() {
                match near.get(&list) {
                    IpNet::V4(one) => for edge in [one.network(), one.broadcast()] {
                        asked.push(IpAddr::V4(edge.to_bits().wrapping_add(by as u32).into()));
                        asked.push(IpAddr::V6(v4_in_v6(edge.to_bits().wrapping_add(by as u32))));
                    },
                    IpNet::V6(one) => for edge in [one.network(), one.broadcast()] {
                        asked.push(IpAddr::V6(edge.to_bits().wrapping_add(i128::from(by) as u128).into()));
                    },
                }
            }
            for ip in asked {
                let slow = list.iter().any(|network| network.contains(&ip.to_canonical()));
                prop_assert_eq!(networks.contain(ip), slow, "{}", ip);
            }
            prop_assert_eq!(networks.iter().copied().collect::<Vec<_>>(), list);
        }
    }

    fn v4_in_v6(bits: u32) -> std::net::Ipv6Addr {
        std::net::Ipv4Addr::from_bits(bits).to_ipv6_mapped()
    }
}
