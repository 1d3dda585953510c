//! What do people call a fingerprint? `amber-falcon`.
//!
//! The name is made of the fingerprint's first 16 bits, so the same secret has the same name
//! everywhere and nothing need be stored. It is for talking, not for telling apart: of a few
//! hundred fingerprints two will share a name. Those that share one get a longer name where
//! several are shown.

use std::collections::{HashMap, HashSet};

/// Returns the sayable name of a fingerprint (`kind:key id:base32`), `None` for any other text.
pub fn sayable(fingerprint: &str) -> Option<String> {
    let digits = digits(fingerprint)?;
    let bits = digits.bytes().take(4).fold(0_usize, |bits, digit| bits << 5 | usize::from(five_bits(digit)));
    let (first, second) = (bits >> 12 & 0xff, bits >> 4 & 0xff);
    Some(format!("{}-{}", ADJECTIVES[first], ANIMALS[second]))
}

/// Returns the longer name, which begins with the sayable one: `amber-falcon-mossy-otter`, of the
/// first 32 bits. Of a hundred thousand fingerprints two share it with a chance of one in two.
pub fn sayable_whole(fingerprint: &str) -> Option<String> {
    let digits = digits(fingerprint)?;
    let bits = digits.bytes().take(8).fold(0_u64, |bits, digit| bits << 5 | u64::from(five_bits(digit)));
    let word = |shift: u64| (bits >> shift & 0xff) as usize;
    Some(format!("{}-{}-{}-{}", ADJECTIVES[word(32)], ANIMALS[word(24)], ADJECTIVES[word(16)], ANIMALS[word(8)]))
}

/// The names that two of some fingerprints share. Bound: as many as there are short names, 65,536.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedNames(HashSet<String>);

impl SharedNames {
    /// Returns the names that are shared among `fingerprints`. One secret that was found as two
    /// kinds is one.
    pub fn among<'f>(fingerprints: impl Iterator<Item = &'f str>) -> Self {
        let mut first: HashMap<String, &str> = HashMap::new();
        let mut shared = HashSet::new();
        for (name, digits) in fingerprints.filter_map(|text| Some((sayable(text)?, digits(text)?))) {
            if *first.entry(name.clone()).or_insert(digits) != digits {
                shared.insert(name);
            }
        }
        Self(shared)
    }

    /// Returns the longer name of a fingerprint that shares its name with another.
    pub fn whole(&self, fingerprint: &str) -> Option<String> {
        sayable(fingerprint).filter(|name| self.0.contains(name)).and_then(|_| sayable_whole(fingerprint))
    }
}

/// Returns a fingerprint's base32 part, `None` for any text that is no fingerprint.
pub(super) fn digits(fingerprint: &str) -> Option<&str> {
    let (kind, rest) = fingerprint.split_once(':')?;
    let (key, digits) = rest.split_once(':')?;
    let number = key.strip_prefix('k')?;
    let kind_ok = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let key_ok = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let digits_ok = digits.len() >= 16 && digits.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'));
    (kind_ok && key_ok && digits_ok).then_some(digits)
}

const fn five_bits(digit: u8) -> u8 {
    match digit {
        b'A'..=b'Z' => digit - b'A',
        b'2'..=b'7' => digit - b'2' + 26,
        _ => 0,
    }
}

/// First words: one a byte.
#[rustfmt::skip]
const ADJECTIVES: [&str; 256] = [
    "agile", "airy", "alert", "amber", "ample", "apt", "aqua", "arched", "arctic", "ashen", "autumn", "avid",
    "azure", "balmy", "basil", "beige", "birch", "blithe", "blue", "bold", "bonny", "brave", "breezy", "bright",
    "brisk", "bronze", "brown", "bubbly", "burly", "busy", "calm", "candid", "canny", "casual", "cedar", "cheery",
    "chilly", "chirpy", "civil", "clean", "clear", "clever", "cloudy", "cobalt", "copper", "coral", "cosmic", "cosy",
    "cotton", "crafty", "crisp", "curly", "daily", "dainty", "dapper", "daring", "dawn", "deep", "deft", "dewy",
    "dotted", "downy", "drowsy", "dusky", "dusty", "eager", "early", "earthy", "easy", "ebony", "elder", "epic",
    "even", "exact", "fabled", "fair", "famous", "fancy", "fast", "fern", "fine", "firm", "fleet", "floral",
    "fluent", "fluffy", "fond", "forest", "formal", "frank", "free", "fresh", "frosty", "fuzzy", "garnet", "gentle",
    "giant", "gifted", "gilded", "ginger", "glad", "glassy", "glossy", "golden", "grand", "grassy", "great", "green",
    "gritty", "handy", "happy", "hardy", "hazel", "hazy", "hearty", "hidden", "honest", "humble", "icy", "ideal",
    "indigo", "inland", "ivory", "ivy", "jade", "jaunty", "jolly", "jovial", "joyful", "keen", "kind", "lacy",
    "lavish", "leafy", "lemon", "level", "light", "lilac", "lime", "linen", "little", "lively", "lofty", "loyal",
    "lucid", "lucky", "lunar", "maple", "marble", "maroon", "meadow", "mellow", "merry", "mighty", "mild", "minty",
    "misty", "modest", "mossy", "narrow", "navy", "neat", "nimble", "noble", "novel", "oaken", "ocean", "olive",
    "opal", "open", "orange", "pearly", "peppy", "placid", "plucky", "plum", "polar", "polite", "precise", "prime",
    "proud", "purple", "quaint", "quick", "quiet", "rapid", "ready", "regal", "robust", "rosy", "round", "royal",
    "ruby", "rugged", "russet", "rustic", "sandy", "scarlet", "serene", "sharp", "shiny", "silent", "silken", "silver",
    "simple", "sleek", "slender", "smooth", "snowy", "snug", "social", "solar", "solid", "sonic", "spry", "stable",
    "stately", "steady", "stellar", "still", "stony", "stout", "sturdy", "subtle", "sunny", "swift", "tawny", "teal",
    "tender", "thrifty", "tidal", "tidy", "timely", "topaz", "trim", "true", "trusty", "upbeat", "urban", "valiant",
    "vast", "velvet", "verdant", "violet", "vivid", "warm", "wavy", "western", "wild", "willow", "winter", "wise",
    "witty", "woolly", "young", "zesty",
];

/// Second words: one a byte.
#[rustfmt::skip]
const ANIMALS: [&str; 256] = [
    "abalone", "agouti", "alpaca", "anchovy", "anole", "ant", "auk", "avocet", "axolotl", "baboon", "badger", "bass",
    "bat", "beagle", "bear", "beaver", "bee", "beetle", "bison", "bittern", "bobcat", "bongo", "bream", "buffalo",
    "bunting", "bustard", "buzzard", "caiman", "camel", "canary", "caracal", "caribou", "carp", "cat", "catfish", "chamois",
    "cheetah", "cicada", "civet", "clam", "cod", "collie", "condor", "coot", "corgi", "cougar", "coyote", "crab",
    "crane", "cricket", "crow", "cuckoo", "curlew", "dace", "deer", "dingo", "dipper", "dolphin", "donkey", "dove",
    "duck", "dunlin", "eagle", "earwig", "echidna", "eel", "egret", "eider", "eland", "elk", "emu", "ermine",
    "falcon", "ferret", "finch", "firefly", "fox", "frog", "gannet", "gazelle", "gecko", "gerbil", "gibbon", "giraffe",
    "gnu", "goat", "goose", "gopher", "goshawk", "grebe", "grouper", "grouse", "gull", "guppy", "haddock", "halibut",
    "hamster", "hare", "harrier", "hawk", "heron", "herring", "hoopoe", "horse", "hyrax", "ibex", "ibis", "iguana",
    "impala", "jackal", "jackdaw", "jaguar", "jay", "kestrel", "kite", "kiwi", "koala", "kudu", "lamprey", "lapwing",
    "lark", "lemming", "lemur", "leopard", "limpet", "linnet", "lion", "lizard", "llama", "lobster", "loon", "lynx",
    "macaw", "magpie", "mallard", "manatee", "mantis", "marlin", "marmot", "marten", "martin", "mastiff", "meerkat", "merlin",
    "mink", "minnow", "mole", "moose", "moth", "mouse", "mule", "mullet", "mussel", "narwhal", "newt", "numbat",
    "ocelot", "octopus", "okapi", "opossum", "oriole", "oryx", "osprey", "ostrich", "otter", "owl", "oyster", "panda",
    "pangolin", "panther", "parrot", "peacock", "pelican", "penguin", "perch", "petrel", "pheasant", "pigeon", "pika", "pike",
    "pilchard", "pipit", "plaice", "platypus", "plover", "pony", "porpoise", "possum", "prawn", "puffin", "puma", "quail",
    "quokka", "quoll", "rabbit", "raccoon", "raven", "redstart", "reindeer", "robin", "rook", "salmon", "sardine", "seahorse",
    "seal", "serval", "shark", "sheep", "shrew", "shrimp", "skink", "skua", "skylark", "sloth", "snail", "snipe",
    "spaniel", "sparrow", "squid", "squirrel", "stag", "starling", "stingray", "stoat", "stork", "sturgeon", "swallow", "swan",
    "tapir", "tarsier", "tern", "terrapin", "terrier", "thrush", "tiger", "toad", "tortoise", "toucan", "trout", "tuna",
    "turbot", "turtle", "vole", "wallaby", "walrus", "warbler", "weasel", "whale", "whelk", "wigeon", "wolf", "wombat",
    "woodcock", "wren", "yak", "zebra",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_has_a_name_that_people_can_say() {
        let first = format!("{}-{}", ADJECTIVES[0], ANIMALS[0]);
        assert_eq!(sayable("azure-function-key:k1:AAAAAAAAAAAAAAAA"), Some(first));
        let last = format!("{}-{}", ADJECTIVES[255], ANIMALS[255]);
        assert_eq!(sayable("person:k12:7777777777777777"), Some(last));
        assert_eq!(sayable("jwt:k1:ABCDEFGHIJKLMNOP").as_deref(), sayable("jwt:k2:ABCDZZZZZZZZZZZZ").as_deref());
    }

    #[test]
    fn those_that_share_a_name_get_longer_ones_that_begin_with_it() {
        let (a, b, c) = ("jwt:k1:ABCDEFGHIJKLMNOP", "jwt:k1:ABCDZZZZZZZZZZZZ", "jwt:k1:7777EFGHIJKLMNOP");
        let shared = SharedNames::among([a, b, c, "password:k1:7777EFGHIJKLMNOP", "203.0.113.7"].into_iter());
        let [long_a, long_b] = [a, b].map(|text| shared.whole(text).unwrap());
        let short = format!("{}-", sayable(a).unwrap());
        assert!(long_a != long_b && long_a.starts_with(&short) && long_b.starts_with(&short), "{long_a} {long_b}");
        assert_eq!([shared.whole(c), shared.whole("203.0.113.7")], [None, None]);
    }

    #[test]
    fn other_texts_have_no_name() {
        for text in [
            "",
            "203.0.113.7",
            "a:b:c",
            "jwt:k1:ABCDEFGHIJKLMNO",
            "jwt:k1:abcdefghijklmnop",
            "jwt:1:ABCDEFGHIJKLMNOP",
            "jwt:k:ABCDEFGHIJKLMNOP",
            ":k1:ABCDEFGHIJKLMNOP",
            "JWT:k1:ABCDEFGHIJKLMNOP",
            "jwt:k1:ABCDEFGHIJKLMNO1",
            "jwt:k1:ABCDEFGHIJKLMNOPÄ",
        ] {
            assert_eq!(sayable(text), None, "{text}");
        }
    }

    #[test]
    fn no_word_stands_twice_in_a_list() {
        for list in [ADJECTIVES, ANIMALS] {
            assert_eq!(list.iter().collect::<HashSet<_>>().len(), 256);
            assert!(list.iter().all(|word| word.bytes().all(|b| b.is_ascii_lowercase())));
        }
    }
}
