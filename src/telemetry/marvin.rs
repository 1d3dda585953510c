//! Which key can prove by itself that it is real?
//!
//! Azure's identifiable keys carry a signature of four base64 characters, then a Marvin32
//! checksum of all that stands before it, as their last four bytes, little-endian. The checksum's
//! seed is eight ASCII characters and says what the key may do, so privilege is known offline.
//! Redaction checks keys by this module and the simulator makes them by it; both take constant
//! memory and time linear in the key (at most 64 bytes).

use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};

use super::Privilege;

/// Azure Functions: function, host, system and master keys.
pub const FUNCTIONS: Family = Family {
    alphabet: Alphabet::UrlSafe,
    ..family(
        "AzFu",
        40,
        const {
            &[
                seeded(*b"Functi00", Privilege::Function),
                seeded(*b"Master00", Privilege::Master),
                seeded(*b"System00", Privilege::System),
            ]
        },
    )
};

/// API Management: subscription, direct management, self-hosted gateway and git repository keys.
pub const API_MANAGEMENT: Family = family(
    "APIM",
    64,
    const {
        &[
            // The seed of IoT Hub's keys; a hub's are 32 bytes long, so nothing is taken for another.
            seeded(*b"IoTHub00", Privilege::Subscription),
            seeded(*b"Tenant00", Privilege::Manage),
            seeded(*b"Gatewy00", Privilege::Gateway),
            seeded(*b"GitKey00", Privilege::Git),
        ]
    },
);

/// Storage account keys.
pub const STORAGE: Family = family("+ASt", 64, const { &[seeded(*b"Default0", Privilege::Manage)] });

/// Service Bus shared access keys.
pub const SERVICE_BUS: Family = family("+ASb", 32, MESSAGING);

/// Event Hubs shared access keys.
pub const EVENT_HUBS: Family = family("+AEh", 32, MESSAGING);

/// Relay shared access keys.
pub const RELAY: Family = family("+ARm", 32, MESSAGING);

/// Cosmos DB account keys, resource tokens and encryption keys.
pub const COSMOS: Family = family(
    "ACDb",
    64,
    const {
        &[
            seeded(*b"MastRW00", Privilege::ReadWrite),
            seeded(*b"MastRO00", Privilege::Read),
            seeded(*b"SystRW00", Privilege::System),
            seeded(*b"SystRO00", Privilege::System),
            seeded(*b"SysAll00", Privilege::System),
            seeded(*b"Resour00", Privilege::Resource),
            seeded(*b"Encryp00", Privilege::Encryption),
        ]
    },
);

/// IoT: a hub's, its provisioning service's and its devices' keys.
pub const IOT: Family = family(
    "AIoT",
    32,
    const {
        &[
            seeded(*b"IoTHub00", Privilege::Manage),
            seeded(*b"DpsKey00", Privilege::Provisioning),
            seeded(*b"Device00", Privilege::Device),
        ]
    },
);

/// Event Grid keys. Published vectors hold with the default seed, the published rule names another.
pub const EVENT_GRID: Family =
    family("AZEG", 32, const { &[seeded(*b"SendRecv", Privilege::Send), seeded(*b"Default0", Privilege::Send)] });

/// Azure Cache for Redis access keys.
pub const REDIS: Family =
    Family { alphabet: Alphabet::Redis, ..family("AzCa", 32, const { &[seeded(*b"Access00", Privilege::Manage)] }) };

/// AI Search query and admin keys.
pub const SEARCH: Family = Family {
    alphabet: Alphabet::Base62,
    ..family("AzSe", 39, const { &[seeded(*b"Query000", Privilege::Query), seeded(*b"PAdmin00", Privilege::Admin)] })
};

/// Container Registry passwords: of the registry's admin or of a token, which they do not say.
pub const REGISTRY: Family = family("+ACR", 39, const { &[Seed { literal: *b"ACRDflt0", privilege: None }] });

/// Batch account keys.
pub const BATCH: Family = family("+ABa", 64, const { &[seeded(*b"AbAcct00", Privilege::Manage)] });

/// Machine Learning web service keys, classic.
pub const MACHINE_LEARNING: Family = family("+AMC", 64, const { &[Seed { literal: *b"Classic0", privilege: None }] });

/// Machine Learning keys, of a mark that is published without a rule; the seed is the classic one.
pub const MACHINE_LEARNING_7: Family = family("/AM7", 64, MACHINE_LEARNING.seeds);

/// Identifiable passwords of SQL users; of which length is not published, so the usual ones count.
pub const SQL: [Family; 3] =
    [family("+SQL", 32, SQL_SEEDS), family("+SQL", 40, SQL_SEEDS), family("+SQL", 64, SQL_SEEDS)];

const SQL_SEEDS: &[Seed] = &[Seed { literal: *b"UsrPwd00", privilege: None }];

const MESSAGING: &[Seed] = &[
    seeded(*b"Send0000", Privilege::Send),
    seeded(*b"Listen00", Privilege::Listen),
    seeded(*b"Manage00", Privilege::Manage),
    seeded(*b"System00", Privilege::System),
    Seed { literal: *b"Unknown0", privilege: None },
];

/// The most characters of a key before its padding.
pub const LONGEST: usize = 86;

/// How many `P` and `F` of a Redis key are tried as what they may stand for: 2 to this power tries.
const SUBSTITUTED: usize = 8;

/// Which characters a family's keys are written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// Base64 with `+/`.
    Standard,
    /// Base64 with `-_`.
    UrlSafe,
    /// Base64 that has neither: a key that would need them is not given out.
    Base62,
    /// Base64 with `+/`, or with `P` and `F` in their places.
    Redis,
}

/// What a checksum starts from, and what a key that was made with it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Its eight characters.
    pub literal: [u8; 8],
    /// What the key may do, where the seed says so.
    pub privilege: Option<Privilege>,
}

/// One service's identifiable keys: how long they are, how they are marked and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The four characters that mark its keys.
    pub signature: &'static str,
    /// The key's length before base64, bytes.
    pub bytes: usize,
    /// The characters it is written with.
    pub alphabet: Alphabet,
    /// The checksum's seeds.
    pub seeds: &'static [Seed],
}

const fn family(signature: &'static str, bytes: usize, seeds: &'static [Seed]) -> Family {
    Family { signature, bytes, alphabet: Alphabet::Standard, seeds }
}

const fn seeded(literal: [u8; 8], privilege: Privilege) -> Seed {
    Seed { literal, privilege: Some(privilege) }
}

impl Family {
    /// Every family that is known.
    pub const ALL: [Self; 18] = [
        FUNCTIONS,
        API_MANAGEMENT,
        STORAGE,
        SERVICE_BUS,
        EVENT_HUBS,
        RELAY,
        COSMOS,
        IOT,
        EVENT_GRID,
        REDIS,
        SEARCH,
        REGISTRY,
        BATCH,
        MACHINE_LEARNING,
        MACHINE_LEARNING_7,
        SQL[0],
        SQL[1],
        SQL[2],
    ];

    /// Returns how many characters its keys have before their padding.
    pub const fn letters(&self) -> usize {
        (self.bytes * 8).div_ceil(6)
    }

    /// Returns the seed with which `key` (the decoded bytes) was made, if it is one of this family's.
    pub fn seed_of(&self, key: &[u8]) -> Option<&'static Seed> {
        if key.len() != self.bytes {
            return None;
        }
        self.seeds.iter().find(|one| checksum_holds(key, seed(one.literal)))
    }

    /// Returns what `key` (the decoded bytes) may do if its checksum is one of this family's.
    pub fn privilege(&self, key: &[u8]) -> Option<Privilege> {
        self.seed_of(key)?.privilege
    }

    /// Returns the seed with which the key was made that is written as `letters`, its escapes
    /// undone and its padding taken away.
    pub fn seed_of_letters(&self, letters: &[u8]) -> Option<&'static Seed> {
        if letters.len() != self.letters() {
            return None;
        }
        let engine = if self.alphabet == Alphabet::UrlSafe { &LENIENT_URL } else { &LENIENT };
        let mut bytes = [0u8; 72];
        let mut proof = |letters: &[u8]| {
            let size = engine.decode_slice(letters, &mut bytes).ok()?;
            self.seed_of(bytes.get(..size)?)
        };
        let plain = proof(letters);
        if plain.is_some() || self.alphabet != Alphabet::Redis {
            return plain;
        }
        let mark = letters.len() - 10..letters.len() - 6;
        let substitutes = |at: &usize| matches!(letters[*at], b'P' | b'F') && !mark.contains(at);
        let places: Vec<usize> = (0..letters.len()).filter(substitutes).take(SUBSTITUTED + 1).collect();
        if places.len() > SUBSTITUTED {
            return None;
        }
        let mut tried = letters.to_vec();
        (1..1_u32 << places.len()).find_map(|chosen| {
            for (bit, at) in places.iter().enumerate() {
                let stands_for = if letters[*at] == b'P' { b'+' } else { b'/' };
                tried[*at] = if chosen >> bit & 1 == 1 { stands_for } else { letters[*at] };
            }
            proof(&tried)
        })
    }

    /// Makes a key of this family from `random` ([`Family::bytes`] of them); `None` if the number
    /// of bytes is another, or the family has no key of this privilege.
    pub fn make(&self, random: &[u8], privilege: Privilege) -> Option<String> {
        self.make_with(random, self.seeds.iter().find(|known| known.privilege == Some(privilege))?)
    }

    /// Makes a key of this family from `random` ([`Family::bytes`] of them) with `start` as its
    /// seed; `None` if the number of bytes is another.
    pub fn make_with(&self, random: &[u8], start: &Seed) -> Option<String> {
        if random.len() != self.bytes {
            return None;
        }
        let value = seed(start.literal);
        if self.alphabet != Alphabet::Base62 {
            return identifiable_key(random, self.signature, value);
        }
        let plain = STANDARD.encode(random).replace('+', "x").replace('/', "y");
        let mut random = LENIENT.decode(plain).ok()?;
        // The checksum too must come out without `+` and `/`: seven in eight do.
        (0..=u8::MAX).find_map(|salt| {
            random[1] = random[1] & 0xf0 | salt & 0x0f;
            random[4] = random[4] & 0xf0 | salt >> 4;
            identifiable_key(&random, self.signature, value).filter(|key| !key.contains(['+', '/']))
        })
    }
}

/// Reads a key whose padding is not there.
const ANY_END: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_END);
const LENIENT_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_END);

/// Returns the seed that eight ASCII characters stand for: `Functi00` is `0x46756e6374693030`.
pub const fn seed(literal: [u8; 8]) -> u64 {
    u64::from_be_bytes(literal)
}

/// Tells whether `key` (the decoded bytes) ends with its checksum under `seed`.
pub fn checksum_holds(key: &[u8], seed: u64) -> bool {
    key.split_last_chunk::<4>().is_some_and(|(body, checksum)| marvin32(body, seed) == u32::from_le_bytes(*checksum))
}

/// Makes an identifiable key of `random` bytes: puts in the `signature` (four base64 characters)
/// and the checksum under `seed`, then writes it as base64 with padding, URL-safe for `AzFu`.
///
/// The key has the length of `random`: 32 bytes for messaging, 40 for Functions, 64 for Storage
/// and API Management. Returns `None` for fewer than 16 bytes, or a signature that is not four
/// base64 characters. For tests, the simulator and drills: such a key opens nothing.
pub fn identifiable_key(random: &[u8], signature: &str, seed: u64) -> Option<String> {
    let mark: [u8; 3] = STANDARD.decode(signature.replace('-', "+").replace('_', "/")).ok()?.try_into().ok()?;
    if random.len() < 16 {
        return None;
    }
    let mut key = random.to_vec();
    // The signature starts on a 6-bit boundary: `pad` bits lie between its end and the checksum.
    let pad = (key.len() - 7) * 8 % 6;
    let (body, checksum) = key.split_last_chunk_mut::<4>()?;
    let word = body.last_chunk_mut::<4>()?;
    let kept = u32::from(word[0]) << 24 & (u32::MAX << (24 + pad));
    let [a, b, c] = mark;
    *word = (kept | u32::from_be_bytes([0, a, b, c]) << pad).to_be_bytes();
    *checksum = marvin32(body, seed).to_le_bytes();
    Some(if signature == FUNCTIONS.signature { URL_SAFE.encode(&key) } else { STANDARD.encode(&key) })
}

/// Returns the 32-bit Marvin checksum of `data` under `seed`: both halves of the state, combined.
pub fn marvin32(data: &[u8], seed: u64) -> u32 {
    let state = marvin64(data, seed);
    (state >> 32) as u32 ^ state as u32
}

/// Returns Marvin's whole 64-bit state for `data` under `seed`.
pub fn marvin64(data: &[u8], seed: u64) -> u64 {
    let mut state = (seed as u32, (seed >> 32) as u32);
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        state = mix(state.0.wrapping_add(u32::from_le_bytes(*word)), state.1);
    }
    let mut last = [0u8; 4];
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x80;
    state = mix(state.0.wrapping_add(u32::from_le_bytes(last)), state.1);
    state = mix(state.0, state.1);
    u64::from(state.1) << 32 | u64::from(state.0)
}

const fn mix(low: u32, high: u32) -> (u32, u32) {
    let high = high ^ low;
    let low = low.rotate_left(20).wrapping_add(high);
    let high = high.rotate_left(9) ^ low;
    let low = low.rotate_left(27).wrapping_add(high);
    (low, high.rotate_left(19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        seed: String,
        data: String,
        state: String,
        sum: String,
    }

    #[test]
    fn all_published_vectors_hold() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../tests/fixtures/marvin.json")).unwrap();
        assert_eq!(vectors.len(), 32);
        for vector in vectors {
            let seed = u64::from_str_radix(&vector.seed, 16).unwrap();
            let data = data_encoding::HEXLOWER.decode(vector.data.as_bytes()).unwrap();
            assert_eq!(format!("{:016x}", marvin64(&data, seed)), vector.state);
            assert_eq!(format!("{:08x}", marvin32(&data, seed)), vector.sum);
        }
    }

    #[test]
    fn the_published_example_of_a_functions_key_is_a_system_key() {
        let key = URL_SAFE.decode("ddddddddddddddddddddddddddddddddddddddddddddAzFu182vhA==").unwrap();
        assert_eq!(FUNCTIONS.privilege(&key), Some(Privilege::System));
    }

    #[test]
    fn a_key_made_for_a_privilege_proves_that_privilege_and_no_other() {
        for family in Family::ALL {
            for seed in family.seeds {
                let key = family.make_with(&vec![0xd7; family.bytes], seed).unwrap();
                let bare = key.trim_end_matches('=');
                assert_eq!(&bare[bare.len() - 10..bare.len() - 6], family.signature, "{key}");
                assert_eq!(family.seed_of_letters(bare.as_bytes()), Some(seed), "{key}");
                assert!(family.alphabet != Alphabet::Base62 || !key.contains(['+', '/']), "{key}");
            }
        }
    }

    #[test]
    fn a_key_with_one_wrong_bit_proves_nothing() {
        let key = FUNCTIONS.make(&[7; 40], Privilege::Master).unwrap();
        let bytes = URL_SAFE.decode(key).unwrap();
        for bit in 0..320 {
            let mut wrong = bytes.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FUNCTIONS.privilege(&wrong), None);
        }
    }

    #[test]
    fn a_redis_key_whose_special_characters_were_replaced_is_still_proven() {
        for first in 0..64 {
            let random: Vec<u8> = (0..32_u8).map(|at| at.wrapping_mul(first | 1).wrapping_add(first)).collect();
            let key = REDIS.make(&random, Privilege::Manage).unwrap();
            let written = key.trim_end_matches('=').replace('+', "P").replace('/', "F");
            let substitutes = written.bytes().filter(|byte| matches!(byte, b'P' | b'F')).count();
            let proven = REDIS.seed_of_letters(written.as_bytes()).is_some();
            assert!(proven || substitutes > SUBSTITUTED, "{key}");
        }
    }

    #[test]
    fn published_keys_of_other_services_hold() {
        let registry = b"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee+ACRCTB7t/";
        assert!(REGISTRY.seed_of_letters(registry).is_some());
    }

    #[test]
    fn what_is_too_short_for_a_key_makes_none() {
        assert_eq!(identifiable_key(&[0; 8], "AzFu", 1), None);
        assert_eq!(identifiable_key(&[0; 40], "no", 1), None);
        assert!(!checksum_holds(&[1, 2, 3], 1));
    }
}
