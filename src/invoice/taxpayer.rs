//! Taxpayer ids (纳税人识别号): the unified social credit code of GB 32100-2015 and the older shapes (domain.md 1.11).

use crate::base::{Code, Fault};

/// Characters of a unified social credit code, in order of value: no I, O, S, V, Z (GB 32100).
const USCC_ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Characters of an organisation code, in order of value (GB 11714).
const ORGANISATION_ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// 3^i mod 31 (GB 32100).
const USCC_WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

/// GB 11714.
const ORGANISATION_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// GB 11643 (resident identity numbers, ISO 7064 MOD 11-2).
const RESIDENT_WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/// Whether `id` has the outer shape of a taxpayer id: 15 to 20 digits and capital letters.
pub fn has_shape(id: &str) -> bool {
    (15..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

/// What is wrong with the check characters of an id that has the outer shape; faults without a path. Nothing is ever wrong with ids of
/// other lengths than 18 (old registrations, ids made from identity cards) nor with a valid resident identity number, which
/// individual businesses had as their id.
pub fn check_characters(id: &str) -> Vec<Fault> {
    if id.len() != 18 || is_resident_number(id) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let mut find = |code: Code, message: &str| faults.push(Fault::new(code, "", message));
    match uscc_check(id) {
        None => find(Code::InvUsccCharacter, "a unified social credit code has no I, O, S, V and Z"),
        Some(false) => find(Code::InvUsccCheckDigit, "the check character (GB 32100) does not fit the others"),
        Some(true) => (),
    }
    if !organisation_check(id) {
        find(Code::InvUsccOrganisationCode, "the check character of the organisation code (GB 11714) does not fit");
    }
    faults
}

fn values<'a>(text: &'a str, alphabet: &'a str) -> impl Iterator<Item = Option<u32>> + 'a {
    text.chars().map(move |c| alphabet.chars().position(|a| a == c).and_then(|p| u32::try_from(p).ok()))
}

/// The sum of value times weight over as many characters as there are weights; `None` at a character outside the alphabet.
fn weighted(text: &str, alphabet: &str, weights: &[u32]) -> Option<u32> {
    values(text, alphabet).zip(weights).try_fold(0u32, |sum, (v, &w)| sum.checked_add(v?.checked_mul(w)?))
}

/// Whether the last of 18 characters is the check character of GB 32100; `None` at a character outside the alphabet.
fn uscc_check(id: &str) -> Option<bool> {
    let sum = weighted(id, USCC_ALPHABET, &USCC_WEIGHTS)?;
    let last = values(id, USCC_ALPHABET).last()??;
    Some(sum.checked_add(last)?.is_multiple_of(31))
}

/// Whether characters 9 to 17 are an organisation code with its check character: 11 - sum mod 11, 10 is X, 11 is 0 (GB 11714).
fn organisation_check(id: &str) -> bool {
    let code = id.get(8..17).unwrap_or_default();
    let Some(sum) = weighted(code, ORGANISATION_ALPHABET, &ORGANISATION_WEIGHTS) else { return false };
    let check = "0X987654321".chars().nth(usize::try_from(sum.rem_euclid(11)).unwrap_or_default());
    check.is_some() && code.chars().last() == check
}

/// Whether all 18 characters are a resident identity number: a region, a day of birth, a serial and a check character.
fn is_resident_number(id: &str) -> bool {
    let digits = |range| id.get(range).and_then(|part: &str| part.parse::<u32>().ok());
    let born = (digits(6..10), digits(10..12), digits(12..14));
    let plausible = matches!(born, (Some(1900..=2099), Some(1..=12), Some(1..=31)));
    let check = weighted(id, "0123456789", &RESIDENT_WEIGHTS)
        .and_then(|sum| "10X98765432".chars().nth(usize::try_from(sum.rem_euclid(11)).unwrap_or_default()));
    plausible && check.is_some() && id.chars().last() == check
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(id: &str) -> Vec<Code> {
        assert!(has_shape(id), "{id}");
        check_characters(id).into_iter().map(|f| f.code).collect()
    }

    #[test]
    fn real_credit_codes_pass() {
        for id in [
            "91440300708461136T",
            "91440300708437873H",
            "91440300319331004W",
            "91440300MA5EEF1N0R",
            "92532528MA6L45LX6L",
            "91350100M000100Y43",
        ] {
            assert_eq!(codes(id), [], "{id}");
        }
    }

    #[test]
    fn a_foreign_character_is_found() {
        assert_eq!(codes("91350100M000100Y4Z"), [Code::InvUsccCharacter]);
    }

    #[test]
    fn the_sample_ids_of_wechat_are_found() {
        assert_eq!(codes("9144050071126766XG"), [Code::InvUsccCheckDigit, Code::InvUsccOrganisationCode]);
        assert!(codes("202003261233701778").contains(&Code::InvUsccCheckDigit));
    }

    #[test]
    fn the_organisation_code_is_a_finding_of_its_own() {
        // One digit of the organisation code changed and the outer check character made to fit again.
        assert_eq!(codes("91440300708461137X"), [Code::InvUsccOrganisationCode]);
    }

    #[test]
    fn every_single_changed_character_is_found() {
        let id = "91440300708461136T";
        for place in 0..18 {
            for other in USCC_ALPHABET.chars() {
                let changed: String = id.chars().enumerate().map(|(i, c)| if i == place { other } else { c }).collect();
                assert_eq!(codes(&changed).is_empty(), changed == id, "{changed}");
            }
        }
    }

    #[test]
    fn old_shapes_pass() {
        for id in ["440300708461136", "44030019800101001", "11010519491231002X", "11010519491231002X01"] {
            assert_eq!(codes(id), [], "{id}");
        }
    }

    #[test]
    fn other_shapes_are_none() {
        for id in [
            "",
            "91440300708461",
            "914403007084611360000",
            "91440300708461136t",
            "91440300 70846113",
            "９1440300708461136",
        ] {
            assert!(!has_shape(id), "{id}");
        }
    }
}
