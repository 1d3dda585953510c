//! How can an address be hidden while its network can still be told from others?
//!
//! By ipcrypt-pfx (draft-denis-ipcrypt): bit by bit, each altered by a keyed function of the bits
//! before it, so that two addresses share as many leading bits hidden as they did in clear. What
//! comes out is moved to ranges that the registry has given to nobody: else a hidden address would
//! be that of an innocent, might be blocked or blamed, and would be hidden again when a redacted
//! record is read once more. An IPv4 address takes 64 steps, an IPv6 address 256.

use std::net::{IpAddr, Ipv6Addr};

use aes::Aes128;
use aes::cipher::{BlockEncrypt as _, KeyInit as _};

/// The first 16 bits of what an IPv4 address becomes; its own 32 follow.
const FOUR: u128 = 0x8000 << 112;
/// The first three bits of what an IPv6 address becomes.
const SIX: u128 = 0b101 << 125;

/// Hides addresses under one key. Its Debug shows nothing.
pub struct Prefixes(Aes128, Aes128);

impl std::fmt::Debug for Prefixes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prefixes")
    }
}

impl Prefixes {
    /// Returns what hides addresses under `key`.
    pub fn new(key: &[u8; 32]) -> Self {
        let half = |at: usize| <[u8; 16]>::try_from(&key[at..at + 16]).unwrap_or_default();
        Self(Aes128::new(&half(0).into()), Aes128::new(&half(16).into()))
    }

    /// Returns what stands in the place of `ip`; one that is hidden already stays.
    pub fn hidden(&self, ip: IpAddr) -> IpAddr {
        match ip.to_canonical() {
            IpAddr::V4(ip) => {
                let hidden = self.encrypt(ip.to_ipv6_mapped().to_bits(), 96) as u32;
                Ipv6Addr::from_bits(FOUR | u128::from(hidden) << 80).into()
            }
            IpAddr::V6(ip) if is_hidden(ip) => ip.into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(SIX | self.encrypt(ip.to_bits(), 0) << 3 >> 3).into(),
        }
    }

    /// Encrypts the bits of `ip` from bit `from` on, counted from the first.
    fn encrypt(&self, ip: u128, from: u32) -> u128 {
        let mut before = if from == 0 { 1 } else { 1 << from | ip >> (128 - from) };
        let mut out = if from == 0 { 0 } else { ip >> (128 - from) << (128 - from) };
        for at in (0..128 - from).rev() {
            let bit = ip >> at & 1;
            let (mut one, mut two) = (before.to_be_bytes().into(), before.to_be_bytes().into());
            self.0.encrypt_block(&mut one);
            self.1.encrypt_block(&mut two);
            out |= (u128::from((one[15] ^ two[15]) & 1) ^ bit) << at;
            before = before << 1 | bit;
        }
        out
    }
}

/// Tells whether `ip` is what an address was made into.
pub fn is_hidden(ip: Ipv6Addr) -> bool {
    let bits = ip.to_bits();
    bits >> 125 == SIX >> 125 || bits >> 112 == FOUR >> 112 && bits << 48 == 0
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn key(hex: &str) -> Prefixes {
        Prefixes::new(&data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap())
    }

    /// The test vectors of draft-denis-ipcrypt.
    #[test]
    fn the_published_vectors_hold() {
        let first = key("0123456789abcdeffedcba98765432101032547698badcfeefcdab8967452301");
        for (ip, hidden) in
            [("0.0.0.0", "151.82.155.134"), ("255.255.255.255", "94.185.169.89"), ("192.0.2.1", "100.115.72.131")]
        {
            let ip: Ipv4Addr = ip.parse().unwrap();
            let out = Ipv4Addr::from_bits(first.encrypt(ip.to_ipv6_mapped().to_bits(), 96) as u32);
            assert_eq!(out.to_string(), hidden);
        }
        let ip: Ipv6Addr = "2001:db8::1".parse().unwrap();
        assert_eq!(
            Ipv6Addr::from_bits(first.encrypt(ip.to_bits(), 0)).to_string(),
            "c180:5dd4:2587:3524:30ab:fa65:6ab6:f88"
        );
    }

    fn shared(one: IpAddr, other: IpAddr) -> u32 {
        let bits = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
            IpAddr::V6(ip) => ip.to_bits(),
        };
        (bits(one) ^ bits(other)).leading_zeros()
    }

    proptest::proptest! {
        #[test]
        fn neighbours_stay_neighbours(ip: u32, at in 0..32_u32, high: u128, bit in 3..128_u32, secret: [u8; 32]) {
            let prefixes = Prefixes::new(&secret);
            let (one, other) = (Ipv4Addr::from_bits(ip).into(), Ipv4Addr::from_bits(ip ^ 1 << (31 - at)).into());
            let (hidden, beside) = (prefixes.hidden(one), prefixes.hidden(other));
            proptest::prop_assert_eq!(shared(hidden, beside), 16 + at);
            let high = high >> 3 | 0b001 << 125;
            let six: IpAddr = Ipv6Addr::from_bits(high).into();
            let near: IpAddr = Ipv6Addr::from_bits(high ^ 1 << (127 - bit)).into();
            proptest::prop_assert_eq!(shared(prefixes.hidden(six), prefixes.hidden(near)), bit);
            for hidden in [hidden, prefixes.hidden(six)] {
                proptest::prop_assert_eq!(prefixes.hidden(hidden), hidden, "hiding twice is hiding once");
            }
        }
    }
}
