//! The amount in words (价税合计大写), which is what counts when figures and words disagree.

use super::money::Fen;

const DIGITS: [&str; 10] = ["零", "壹", "贰", "叁", "肆", "伍", "陆", "柒", "捌", "玖"];

const UNITS: [(u64, &str); 5] = [(100_000_000, "亿"), (10_000, "万"), (1_000, "仟"), (100, "佰"), (10, "拾")];

/// The amount in words, by 《正确填写票据和结算凭证的基本规定》 in its invoice version (domain.md 1.8): 圆, 整 after 圆 and after 角,
/// one 零 for a run of zeros inside, `（负数）` in front of a red letter's amount.
///
/// Where the rule leaves a choice (the last digit before 万 or 圆 is 0 and the next one is not) this writes no 零 after 万 and one after 圆,
/// as in the rule's own example 壹拾万柒仟元零伍角叁分.
pub fn capital(amount: Fen) -> String {
    let magnitude = amount.get().unsigned_abs();
    let (yuan, part) = (magnitude.div_euclid(100), magnitude.rem_euclid(100));
    let (jiao, fen) = (part.div_euclid(10), part.rem_euclid(10));

    let mut words = String::new();
    if amount < Fen::ZERO {
        words.push_str("（负数）");
    }
    if yuan > 0 || part == 0 {
        push_number(&mut words, yuan);
        words.push('圆');
    }
    // A zero stands between two digits that are written: yuan ends in 0 before a jiao, or the jiao is 0 before a fen.
    let zero_inside = yuan > 0 && (jiao == 0 || yuan.is_multiple_of(10));
    if part > 0 && zero_inside {
        words.push('零');
    }
    if jiao > 0 {
        words.push_str(digit(jiao));
        words.push('角');
    }
    if fen > 0 {
        words.push_str(digit(fen));
        words.push('分');
    } else {
        words.push('整');
    }
    words
}

/// A number in words: the largest unit in it, how often it stands, then the rest, with 零 when the digit below the unit is 0.
fn push_number(words: &mut String, number: u64) {
    let Some((unit, name)) = UNITS.into_iter().find(|&(unit, _)| number >= unit) else {
        words.push_str(digit(number));
        return;
    };
    let (count, rest) = (number.checked_div(unit).unwrap_or(0), number.checked_rem(unit).unwrap_or(0));
    push_number(words, count);
    words.push_str(name);
    if rest > 0 {
        if rest < unit.div_euclid(10) {
            words.push('零');
        }
        push_number(words, rest);
    }
}

fn digit(value: u64) -> &'static str {
    usize::try_from(value).ok().and_then(|index| DIGITS.get(index)).copied().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(fen: i64) -> String {
        capital(Fen::new(fen).unwrap())
    }

    #[test]
    fn examples_of_the_rule_and_of_real_invoices() {
        for (fen, expected) in [
            (49_810, "肆佰玖拾捌圆壹角整"),
            (1_640_902, "壹万陆仟肆佰零玖圆零贰分"),
            (32_504, "叁佰贰拾伍圆零肆分"),
            (1_070, "壹拾圆零柒角整"),
            (5_600, "伍拾陆圆整"),
            (8_586, "捌拾伍圆捌角陆分"),
            (140_950, "壹仟肆佰零玖圆伍角整"),
            (600_714, "陆仟零柒圆壹角肆分"),
            (168_032, "壹仟陆佰捌拾圆零叁角贰分"),
            (10_700_053, "壹拾万柒仟圆零伍角叁分"),
        ] {
            assert_eq!(words(fen), expected, "{fen}");
        }
    }

    #[test]
    fn amounts_below_one_yuan_have_no_yuan() {
        assert_eq!(words(0), "零圆整");
        assert_eq!(words(5), "伍分");
        assert_eq!(words(50), "伍角整");
        assert_eq!(words(55), "伍角伍分");
    }

    #[test]
    fn a_run_of_zeros_is_one_zero() {
        for (yuan, expected) in [
            (1_001, "壹仟零壹圆整"),
            (1_010, "壹仟零壹拾圆整"),
            (10_010, "壹万零壹拾圆整"),
            (100_000, "壹拾万圆整"),
            (20_000_500, "贰仟万零伍佰圆整"),
            (100_000_000, "壹亿圆整"),
            (100_000_001, "壹亿零壹圆整"),
            (100_001_000, "壹亿零壹仟圆整"),
            (100_010_000, "壹亿零壹万圆整"),
            (1_070_000_000, "壹拾亿柒仟万圆整"),
            (100_000_000_000, "壹仟亿圆整"),
            (90_071_992_547_409, "玖拾万零柒佰壹拾玖亿玖仟贰佰伍拾肆万柒仟肆佰零玖圆整"),
        ] {
            assert_eq!(words(yuan * 100), expected, "{yuan}");
        }
        assert_eq!(words(1_005), "壹拾圆零伍分");
    }

    #[test]
    fn a_red_letter_says_so_in_front() {
        assert_eq!(words(-49_810), "（负数）肆佰玖拾捌圆壹角整");
        assert_eq!(words(-5), "（负数）伍分");
    }
}
