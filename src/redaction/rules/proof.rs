//! What beside its pattern speaks for a find: a checksum, or how random it is?
//!
//! Checksums are those that providers have written down; a pattern with one is hidden either way,
//! and alerts only if it holds.

/// How a secret proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The last six characters are the CRC-32 of what stands between the last `_` of the prefix
    /// and them, in base 62: GitHub's and npm's tokens.
    Base62,
    /// The last eight characters are the CRC-32 of all before their `_`, low byte first, in
    /// hexadecimal digits: Grafana's service accounts.
    HexTail,
}

impl Checksum {
    /// Every checksum.
    pub const ALL: [Self; 2] = [Self::Base62, Self::HexTail];

    /// Returns its name, as tables of kinds write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base62 => "crc32-base62",
            Self::HexTail => "crc32-hex-tail",
        }
    }

    /// Tells whether `secret`'s checksum holds.
    pub fn holds(self, secret: &[u8]) -> bool {
        let length = self.length();
        let Some(body) = secret.len().checked_sub(length).and_then(|end| secret.get(..end)) else { return false };
        self.of(body).is_some_and(|sum| sum.as_bytes() == &secret[body.len()..])
    }

    /// Returns the checksum of `body`, a secret as far as it is known before it.
    pub fn of(self, body: &[u8]) -> Option<String> {
        match self {
            Self::Base62 => {
                let prefix = memchr::memrchr(b'_', body)?;
                Some(base62(crc32fast::hash(&body[prefix + 1..])))
            }
            Self::HexTail => {
                let sum = crc32fast::hash(body.strip_suffix(b"_")?);
                Some(data_encoding::HEXLOWER.encode(&sum.to_le_bytes()))
            }
        }
    }

    const fn length(self) -> usize {
        match self {
            Self::Base62 => 6,
            Self::HexTail => 8,
        }
    }
}

fn base62(mut number: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = ['0'; 6];
    for slot in out.iter_mut().rev() {
        *slot = DIGITS[(number % 62) as usize].into();
        number /= 62;
    }
    out.iter().collect()
}

/// Returns Shannon's entropy of `bytes` in bits a byte, from 0 to 8.
pub fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let total = bytes.len() as f32;
    let part = |count: &u32| {
        let share = *count as f32 / total;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(part).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_tokens_that_were_published_as_examples() {
        assert!(Checksum::Base62.holds(["ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq17"].concat().as_bytes()));
        assert!(
            Checksum::HexTail.holds(["glsa_", "yscW25imSKJIuav8zF37RZmnbiDvB05G", "_fcaaf58a"].concat().as_bytes())
        );
        assert!(!Checksum::Base62.holds(["ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkK", "0mLq17"].concat().as_bytes()));
        assert!(
            !Checksum::Base62.holds(b"0mLq1") && !Checksum::HexTail.holds(b"fcaaf58a") && !Checksum::Base62.holds(b"")
        );
    }

    #[test]
    fn entropy_is_zero_for_one_letter_and_eight_for_all_bytes() {
        assert!(entropy(b"aaaa") < 0.001 && entropy(b"") < 0.001);
        assert!((entropy(b"abcd") - 2.0).abs() < 0.001);
        assert!((entropy(&(0..=255).collect::<Vec<u8>>()) - 8.0).abs() < 0.001);
    }
}
