//! Does one of these networks hold an address?
//!
//! Those that lie within others are taken together once, so that a look is a binary search.

use std::net::IpAddr;

use ipnet::IpNet;

/// Networks, none within another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Returns these networks.
    pub fn new(networks: &[IpNet]) -> Self {
        let mut all = IpNet::aggregate(&networks.to_vec());
        all.sort_unstable_by_key(IpNet::network);
        Self(all)
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether one of them holds `ip`.
    pub fn hold(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let after = self.0.partition_point(|network| network.network() <= ip);
        after.checked_sub(1).is_some_and(|at| self.0[at].contains(&ip))
    }
}

#[test]
fn an_address_is_held_whatever_the_order_and_overlap_of_the_networks() {
    let all: Vec<IpNet> = ["203.0.113.0/24", "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "192.0.2.7/32"]
        .map(|text| text.parse().unwrap())
        .into();
    let networks = Networks::new(&all);
    for (ip, held) in [
        ("10.1.2.3", true),
        ("10.200.0.1", true),
        ("11.0.0.0", false),
        ("203.0.113.255", true),
        ("203.0.114.0", false),
        ("192.0.2.7", true),
        ("192.0.2.8", false),
        ("2001:db8::1", true),
        ("2001:db9::1", false),
        ("::ffff:10.0.0.1", true),
        ("0.0.0.0", false),
    ] {
        assert_eq!(networks.hold(ip.parse().unwrap()), held, "{ip}");
    }
    assert!(!Networks::default().hold("10.0.0.1".parse().unwrap()));
}
