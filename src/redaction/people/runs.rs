//! Where in a batch may the number of a card or an account stand?
//!
//! Most bytes of a log are small letters and punctuation, and neither stands in such a number. So
//! the batch is looked at eight bytes at a time, without a branch for each byte: of a number of
//! fourteen characters or more at least one eight has its last seven inside. What is told is few and
//! may be told in vain; whoever is told looks around it.

/// Eights that are looked at together.
const TOGETHER: usize = 32;

/// Tells `hit` of places in `text` inside a run of digits, capitals, spaces and hyphens that has
/// digits in it; ascending.
pub fn runs(text: &[u8], mut hit: impl FnMut(usize)) {
    let (eights, _) = text.as_chunks::<8>();
    let mut outside = [0_u64; TOGETHER];
    for (n, together) in eights.chunks(TOGETHER).enumerate() {
        for (outside, eight) in outside.iter_mut().zip(together) {
            *outside = outside_of(u64::from_le_bytes(*eight));
        }
        for (nth, (outside, eight)) in outside.iter().zip(together).enumerate() {
            if *outside == 0 && is_run(*eight) {
                hit((n * TOGETHER + nth) * 8 + 1);
            }
        }
    }
}

/// Returns bits where one of the last seven of eight bytes can't stand in a number, as far as that
/// can be told of all at once: small letters, and the punctuation of JSON and of paths.
#[inline]
fn outside_of(eight: u64) -> u64 {
    // Each byte's bit 5 is compared with its other bits, moved to that place. What crosses from one
    // byte to the next is cut off by the mask.
    let letters = eight >> 1;
    let quotes = !(eight << 1) & eight << 4;
    let colons = eight << 1 & eight << 2 & (eight << 4 | eight << 3);
    eight & (letters | quotes | colons) & 0x2020_2020_2020_2000
}

/// Tells whether the last seven of eight bytes can stand in a card's number or in an account's, of
/// which every eight has two digits.
fn is_run(eight: [u8; 8]) -> bool {
    let (mut digits, mut letters, mut hyphens) = (0, 0, 0);
    for byte in &eight[1..] {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'A'..=b'Z' => letters += 1,
            b'-' => hyphens += 1,
            b' ' => {}
            _ => return false,
        }
    }
    digits >= 2 && (letters == 0 || hyphens == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_told_wherever_it_stands() {
        for number in
            ["36148900647913", "4111 1111 1111 1111", "NO9386011117947", "NL91ABNA0417164300", "GB29NWBK60161331926819"]
        {
            for before in 0..40 {
                let text = format!("{}\"{number}\"", "x".repeat(before));
                let mut told = Vec::new();
                runs(text.as_bytes(), |at| told.push(at));
                let range = before + 1..before + 1 + number.len();
                assert!(
                    !told.is_empty() && told.iter().all(|at| range.contains(at)),
                    "{number} behind {before}: {told:?}"
                );
            }
        }
    }

    #[test]
    fn words_times_and_paths_are_not_told() {
        let text = r#"{"time":"2026-11-26T21:02:30.1234567Z","category":"FunctionAppLogs","resourceId":"/SUBSCRIPTIONS/X/RESOURCEGROUPS"}"#;
        let mut told = 0;
        runs(text.as_bytes(), |_| told += 1);
        assert!(told <= 1, "{told}");
    }
}
