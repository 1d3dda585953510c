//! From which networks is something believed?
//!
//! Addresses and networks as the configuration lists them. An address that IPv6 wraps
//! (`::ffff:10.0.0.1`) is the address itself. As many as the configuration names.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads addresses (`10.0.0.1`) and networks (`10.0.0.0/8`).
    ///
    /// # Errors
    ///
    /// Names the first text that is neither.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let read = |text: &str| {
            let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            network.ok_or_else(|| format!("{text:?} is no address or network: write \"10.0.0.0/8\" or \"10.0.0.1\""))
        };
        texts.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Tells whether `address` lies in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the first that is too wide to be a proxy's: strangers are in it.
    pub fn too_wide(&self) -> Option<String> {
        let wide = |network: &&IpNet| network.prefix_len() < if network.addr().is_ipv4() { 8 } else { 16 };
        self.0.iter().find(wide).map(ToString::to_string)
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns who sent a request: the peer, or what trusted proxies say in `X-Forwarded-For`, read
    /// from the right up to the first that none of them is. Entries are addresses, with or without a
    /// port; one that is neither ends the reading at the proxy that wrote it.
    pub fn client<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = forwarded.rev().flat_map(|value| value.rsplit(','));
        for hop in hops.take(MAX_HOPS) {
            if !self.contain(client) {
                break;
            }
            let Some(address) = address(hop.trim()) else { break };
            client = address;
        }
        client
    }
}

/// Proxies in a row that are followed.
const MAX_HOPS: usize = 32;

fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    bare.parse::<IpAddr>().ok().or_else(with_port).map(|address| address.to_canonical())
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(", "))
    }
}

impl Serialize for Networks {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(ToString::to_string))
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        Self::parse(texts.iter().map(String::as_str)).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let proxies = Networks::parse(["10.0.0.0/8", "2001:db8::1"]).unwrap();
        proxies.client(peer.parse().unwrap(), forwarded.iter().copied()).to_string()
    }

    #[test]
    fn what_a_stranger_says_of_its_address_is_not_believed() {
        assert_eq!(client("203.0.113.7", &["198.51.100.1"]), "203.0.113.7");
    }

    #[test]
    fn a_trusted_proxy_names_its_client_and_what_stands_further_left_counts_for_nothing() {
        assert_eq!(client("10.1.2.3", &["198.51.100.1, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(client("10.1.2.3", &["198.51.100.1", "203.0.113.7, 10.9.9.9"]), "203.0.113.7");
        assert_eq!(client("::ffff:10.1.2.3", &["203.0.113.7:5120"]), "203.0.113.7");
        assert_eq!(client("2001:db8::1", &["[2001:db8:7::9]:443"]), "2001:db8:7::9");
        assert_eq!(client("10.1.2.3", &["unknown"]), "10.1.2.3");
        assert_eq!(client("10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn a_network_that_is_none_is_named_with_the_mend() {
        assert!(Networks::parse(["10.0.0.0/33"]).unwrap_err().contains("10.0.0.0/33"));
        assert!(Networks::parse(["proxy"]).unwrap_err().contains("write \"10.0.0.0/8\""));
    }
}
