//! Which of many lists hold an address?
//!
//! Networks overlap, and an address may be in several lists by networks of different lengths, so the
//! longest prefix alone would not tell. All of them are laid over each other once: what is left is a
//! line of addresses on which the set of lists changes at known points. A look-up of an IPv4 address is
//! a step to its first half and a few from there; of an IPv6 address a search in every 64th point, which
//! stay in the cache, and in the 64 from there, by its first half, as hardly any network is smaller. At
//! most 64 lists; as many points as twice the networks, 20 bytes each, and 256 KB.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use ipnet::IpNet;

/// Lists at most: one bit each.
pub const MAX_LISTS: usize = 64;
/// Points between two that are looked at first.
const STEP: usize = 64;
/// First halves of IPv4 addresses.
const HALVES: usize = 1 << 16;

/// For every address, the set of lists that hold it.
#[derive(Debug, Default)]
pub struct Prefixes {
    v4: Line<u32>,
    /// How many stretches of `v4` begin before each first half of an address, and how many there are.
    v4_halves: Vec<u32>,
    v6: Line<u64>,
    /// Every [`STEP`]th point of `v6`.
    v6_steps: Vec<u64>,
    /// The second halves of the points of `v6`.
    v6_rest: Vec<u64>,
    /// Every set that some address is in, a bit for each list; the first is empty.
    sets: Vec<u64>,
}

/// Where along the addresses of one kind the set changes; the line begins with the first of all.
#[derive(Debug, Default)]
struct Line<A> {
    /// The first address of each stretch, or its first half, ascending; none where no network is.
    starts: Vec<A>,
    /// The set of each stretch, in [`Prefixes::sets`].
    sets: Vec<u32>,
}

impl Prefixes {
    /// Lays `networks` over each other, each with the number of its list, less than [`MAX_LISTS`].
    /// Of a list with a higher number nothing is taken.
    pub fn new(networks: impl IntoIterator<Item = (IpNet, usize)>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (network, list) in networks.into_iter().filter(|(_, list)| *list < MAX_LISTS) {
            match network {
                IpNet::V4(network) => {
                    edges(u32::from(network.network()).into(), u32::from(network.broadcast()).into(), list, &mut v4);
                }
                IpNet::V6(network) => edges(network.network().into(), network.broadcast().into(), list, &mut v6),
            }
        }
        let mut sets = Sets { known: HashMap::from([(0, 0)]), all: vec![0] };
        let (v4, v6) = (stretches(v4, &mut sets), stretches(v6, &mut sets));
        let v6_rest = v6.iter().map(|(at, _)| *at as u64).collect();
        let v4 = Line::new(v4.into_iter().filter_map(|(at, set)| Some((u32::try_from(at).ok()?, set))));
        let v6 = Line::new(v6.into_iter().map(|(at, set)| ((at >> 64) as u64, set)));
        let v4_halves = halves(&v4.starts);
        let v6_steps = v6.starts.iter().copied().step_by(STEP).collect();
        Self { v4, v4_halves, v6, v6_steps, v6_rest, sets: sets.all }
    }

    /// Returns the place in [`Prefixes::sets`] of the set of lists that hold `ip`; 0 if none does.
    pub fn find(&self, ip: IpAddr) -> usize {
        let set = match ip {
            IpAddr::V4(ip) => self.find_v4(ip),
            IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
                Some(ip) => self.find_v4(ip),
                None => self.find_v6(ip),
            },
        };
        set.map_or(0, |set| *set as usize)
    }

    #[inline]
    fn find_v4(&self, ip: Ipv4Addr) -> Option<&u32> {
        let bits = u32::from(ip);
        let half = (bits >> 16) as usize;
        let &[from, to] = self.v4_halves.get(half..half + 2)?.first_chunk()?;
        self.v4.sets.get(self.v4.last_up_to(bits, from as usize..to as usize)?)
    }

    #[inline]
    fn find_v6(&self, ip: Ipv6Addr) -> Option<&u32> {
        let bits = u128::from(ip);
        let (half, rest) = ((bits >> 64) as u64, bits as u64);
        let from = self.v6_steps.partition_point(|start| *start <= half).checked_sub(1)? * STEP;
        let mut place = self.v6.last_up_to(half, from..self.v6.starts.len().min(from + STEP))?;
        // Of several that begin with the same half, the last that does not begin behind the address.
        if self.v6.starts[place] == half && self.v6_rest[place] > rest {
            let from = self.v6.starts.partition_point(|start| *start < half);
            place = (from + self.v6_rest[from..place].partition_point(|start| *start <= rest)).checked_sub(1)?;
        }
        self.v6.sets.get(place)
    }

    /// Returns every set that some address is in, a bit for each list; the first is empty.
    pub fn sets(&self) -> &[u64] {
        &self.sets
    }
}

/// From an address on, a list holds more or fewer networks.
struct Edge {
    at: u128,
    list: usize,
    more: bool,
}

fn edges(first: u128, last: u128, list: usize, into: &mut Vec<Edge>) {
    into.push(Edge { at: first, list, more: true });
    // Behind the last of all addresses nothing begins.
    into.extend(last.checked_add(1).map(|at| Edge { at, list, more: false }));
}

/// The sets seen so far, each once.
struct Sets {
    known: HashMap<u64, u32>,
    all: Vec<u64>,
}

impl Sets {
    fn place(&mut self, set: u64) -> u32 {
        *self.known.entry(set).or_insert_with(|| {
            self.all.push(set);
            self.all.len() as u32 - 1
        })
    }
}

/// Returns where each stretch of one set begins, and that set.
fn stretches(mut edges: Vec<Edge>, sets: &mut Sets) -> Vec<(u128, u32)> {
    edges.sort_unstable_by_key(|edge| edge.at);
    let mut stretches = Vec::new();
    if edges.first().is_some_and(|edge| edge.at > 0) {
        stretches.push((0, 0));
    }
    let mut holding = [0_u32; MAX_LISTS];
    let mut set = 0_u64;
    for here in edges.chunk_by(|one, next| one.at == next.at) {
        for edge in here {
            let held = &mut holding[edge.list];
            *held = if edge.more { *held + 1 } else { held.saturating_sub(1) };
            set = if *held > 0 { set | 1 << edge.list } else { set & !(1 << edge.list) };
        }
        let place = sets.place(set);
        if stretches.last().is_none_or(|(_, before)| *before != place) {
            stretches.extend(here.first().map(|edge| (edge.at, place)));
        }
    }
    stretches
}

impl<A: Copy + Ord> Line<A> {
    fn new(stretches: impl Iterator<Item = (A, u32)>) -> Self {
        let (starts, sets) = stretches.unzip();
        Self { starts, sets }
    }

    /// Returns the place of the last stretch that does not begin behind `at`, if none behind `near` is it.
    #[inline]
    fn last_up_to(&self, at: A, near: Range<usize>) -> Option<usize> {
        let from = near.start;
        (from + self.starts.get(near)?.partition_point(|start| *start <= at)).checked_sub(1)
    }
}

fn halves(starts: &[u32]) -> Vec<u32> {
    let mut seen = 0;
    let mut halves = Vec::with_capacity(HALVES + 1);
    for half in 0..=HALVES {
        seen += starts[seen..].iter().take_while(|start| ((**start >> 16) as usize) < half).count();
        halves.push(seen as u32);
    }
    halves
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lists that hold `ip`, by looking at every network.
    fn scan(networks: &[(IpNet, usize)], ip: IpAddr) -> u64 {
        let ip = ip.to_canonical();
        networks.iter().filter(|(network, _)| network.contains(&ip)).fold(0, |set, (_, list)| set | 1 << list)
    }

    fn found(prefixes: &Prefixes, ip: IpAddr) -> u64 {
        prefixes.sets().get(prefixes.find(ip)).copied().unwrap_or_default()
    }

    fn network(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_in_every_list_that_holds_it_however_long_the_prefix() {
        let networks = [
            (network("10.0.0.0/8"), 0),
            (network("10.1.0.0/16"), 1),
            (network("10.1.2.3/32"), 0),
            (network("::/0"), 2),
            (network("2001:db8::/32"), 63),
        ];
        let prefixes = Prefixes::new(networks);
        let of = |ip: &str| found(&prefixes, ip.parse().unwrap());
        assert_eq!([of("10.0.0.1"), of("10.1.2.3"), of("10.2.0.0"), of("11.0.0.0")], [1, 3, 1, 0]);
        assert_eq!([of("2001:db8::1"), of("2001:db9::"), of("::"), of("::ffff:10.1.0.1")], [4 | 1 << 63, 4, 4, 3]);
        assert_eq!(found(&Prefixes::default(), "10.0.0.1".parse().unwrap()), 0);
    }

    fn v4() -> impl Strategy<Value = IpNet> {
        // Few bits are set, so that networks overlap and edges meet.
        (prop_oneof![any::<u32>(), (0_u32..4, 0_u32..4).prop_map(|(a, b)| a << 30 | b)], 0_u8..=32)
            .prop_map(|(bits, length)| ipnet::Ipv4Net::new(bits.into(), length).unwrap().trunc().into())
    }

    fn v6() -> impl Strategy<Value = IpNet> {
        (prop_oneof![any::<u128>(), (0_u128..16, 0_u128..4).prop_map(|(a, b)| a << 124 | b)], 0_u8..=128)
            .prop_map(|(bits, length)| ipnet::Ipv6Net::new(bits.into(), length).unwrap().trunc().into())
    }

    proptest! {
        #[test]
        fn a_look_up_says_what_looking_at_every_network_says(
            networks in prop::collection::vec((prop_oneof![v4(), v6()], 0_usize..MAX_LISTS), 0..40),
            others in prop::collection::vec(prop_oneof![any::<u32>().prop_map(|ip| IpAddr::V4(ip.into())), any::<u128>().prop_map(|ip| IpAddr::V6(ip.into()))], 0..20),
        ) {
            let prefixes = Prefixes::new(networks.iter().copied());
            let near = |bits: u128| [bits.wrapping_sub(1), bits, bits.wrapping_add(1)];
            let edges = networks.iter().flat_map(|(network, _)| match network {
                IpNet::V4(net) => [net.network(), net.broadcast()].into_iter()
                    .flat_map(|ip| near(u32::from(ip).into())).map(|bits| IpAddr::V4((bits as u32).into())).collect::<Vec<_>>(),
                IpNet::V6(net) => [net.network(), net.broadcast()].into_iter()
                    .flat_map(|ip| near(ip.into())).map(|bits| IpAddr::V6(bits.into())).collect(),
            });
            for ip in edges.chain(others) {
                prop_assert_eq!(found(&prefixes, ip), scan(&networks, ip), "{}", ip);
            }
        }
    }
}
