//! Edits of values and of texts that have to be canonical: members changed, and texts that stand for the same value, or for none.

use piaolian::chain::to_canonical;
use serde_json::{Map, Value, json};

use crate::dice::Dice;

/// Whatever a member may hold instead, as far as canonical text can write it.
fn instead(dice: &mut Dice) -> Value {
    match dice.below(16) {
        0 => json!(0),
        1 => json!(1),
        2 => json!(2),
        3 => json!(3),
        4 => json!(-1),
        5 => json!(9_007_199_254_740_991_i64),
        6 => json!(4_294_967_296_i64),
        7 => json!(""),
        8 => json!("0"),
        9 => json!("shenzhen"),
        10 => json!("0".repeat(64)),
        11 => json!([]),
        12 => json!({}),
        13 => json!(true),
        14 => json!("5350415253455f4d45524b4c455f504c414345484f4c4445525f484153485f5f"),
        _ => json!(hex::encode(dice.bytes32())),
    }
}

fn edit_text(old: &str, dice: &mut Dice) -> Value {
    let mut letters: Vec<char> = old.chars().collect();
    let at = dice.below(letters.len());
    match dice.below(6) {
        0 => return json!(old.to_uppercase()),
        1 => letters.push('0'),
        2 if !letters.is_empty() => drop(letters.remove(at)),
        3 if !letters.is_empty() => letters[at] = if letters[at] == '0' { '1' } else { '0' },
        4 if !letters.is_empty() => letters[at] = dice.one_of(&['g', 'A', ' ', '\n', '-', '票', '\u{0}']),
        _ => letters.insert(at, dice.one_of(&['0', 'x', '-'])),
    }
    Value::String(letters.into_iter().collect())
}

/// Changes something in a value: at its top, or deeper.
pub fn edit_value(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Object(members) if !members.is_empty() => edit_object(members, dice),
        Value::Array(items) if !items.is_empty() => {
            let at = dice.below(items.len());
            match dice.below(6) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                2 => items.reverse(),
                3 => items[at] = instead(dice),
                _ => edit_value(&mut items[at], dice),
            }
        }
        Value::String(old) if dice.chance(70) => *value = edit_text(&old.clone(), dice),
        Value::Number(old) if dice.chance(70) => {
            let old = old.as_i64().unwrap_or(0);
            *value =
                json!((old + dice.one_of(&[1, -1, 1000, -1000])).clamp(-9_007_199_254_740_991, 9_007_199_254_740_991));
        }
        Value::Object(_) | Value::Array(_) | Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
            *value = instead(dice);
        }
    }
}

fn edit_object(members: &mut Map<String, Value>, dice: &mut Dice) {
    let keys: Vec<String> = members.keys().cloned().collect();
    let (key, other) = (dice.one_of(&keys), dice.one_of(&keys));
    match dice.below(10) {
        0 => drop(members.remove(&key)),
        1 => drop(members.insert(format!("{key}x"), instead(dice))),
        2 => drop(members.insert(key, instead(dice))),
        3 => {
            let copied = members[&other].clone();
            members.insert(key, copied);
        }
        _ => edit_value(&mut members[&key], dice),
    }
}

/// JSON that canonical text may not have where a value stands, and some that it may.
fn raw(dice: &mut Dice) -> String {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let plain = [
        "null",
        "1.0",
        "1e2",
        "1E400",
        "-1e400",
        "1e-400",
        "-0",
        "0.1",
        "01",
        "+1",
        "9007199254740991",
        "9007199254740992",
        "-9007199254740991",
        "-9007199254740992",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999",
        "0e999",
        "tru",
        "nul",
        "[1,]",
        "{,}",
        "\"",
        "\"\\u0041\"",
        "\"\\/\"",
        "\"\\u001F\"",
        "\"\\u001f\"",
        "\"\\u000a\"",
        "\"\\n\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\u0041\"",
        "\"\\x\"",
        "\"\\u00g0\"",
        "\"e\u{301}\"",
        "\"\u{212b}\"",
        "\"\u{feff}\"",
        "\"\u{1}\"",
        "\"\u{7f}\u{2028}\"",
        "\"é票\u{301}\"",
        "\"か\u{3099}\"",
        "\"한국\"",
        "\"\u{1112}\u{1161}\"",
        "\"\u{f900}\"",
        "{\"b\":1,\"a\":2}",
        "{\"a\":1,\"b\":2}",
        "{\"a\":null,\"a\":1}",
        "{\"a\":1,\"a\":null}",
        "{\"a\":1,\"a\":1}",
        "{\"\":null}",
        "{\"\":1}",
        "{\"e\u{301}\":1}",
        "{\"a.b\":{\"[0]\":1.5}}",
        "{\"😀\":2,\"ﷺ\":1}",
        "{\"ﷺ\":1,\"😀\":2}",
        "[null,1.5]",
        "[1,[2,{\"x\":1.5}]]",
        "{\"a\":1.5,\"b\":null}",
        "{\"b\":null,\"a\":1.5}",
        "{\"a\" :1}",
        "[1, 2]",
        "\u{a0}1",
        "1\u{c}",
        "{\"$serde_json::private::RawValue\":\"1\"}",
        "{\"$serde_json::private::Number\":\"1\"}",
        "{\"__proto__\":1}",
        "{\"constructor\":1,\"toString\":2}",
        "true",
        "false",
        "\"\"",
        "[]",
        "{}",
        "'a'",
        "NaN",
        "Infinity",
        "-",
        "1.",
        ".5",
        "1e",
        "0x1",
        "1_000",
        "{\"a\"}",
        "[1 2]",
        "/**/1",
    ];
    match dice.below(8) {
        0 => {
            let depth = dice.one_of(&[20, 30, 31, 32, 33, 120, 124, 125, 126, 127, 128, 129, 200]);
            nested(depth)
        }
        1 => format!("{}.{}e{}", dice.digits(1), dice.digits(3), dice.digits(3)),
        _ => dice.one_of(&plain).to_owned(),
    }
}

const MARK: &str = "@raw";

/// The text with raw JSON in place of one of its values.
fn with_raw(value: &Value, dice: &mut Dice) -> String {
    let mut marked = value.clone();
    let mut at = &mut marked;
    loop {
        let inside = match at {
            Value::Object(members) => members.len(),
            Value::Array(items) => items.len(),
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => 0,
        };
        if inside == 0 || dice.chance(20) {
            break;
        }
        let chosen = dice.below(inside);
        at = match at {
            Value::Object(members) => members.iter_mut().nth(chosen).unwrap().1,
            Value::Array(items) => &mut items[chosen],
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
                unreachable!("nothing else has something inside")
            }
        };
    }
    *at = json!(MARK);
    let raw = raw(dice);
    // A text that was broken before may have no canonical form: then it stays.
    to_canonical(&marked).map_or_else(|_| value.to_string(), |text| text.replacen(&format!("\"{MARK}\""), &raw, 1))
}

/// A text that most probably is canonical no more.
pub fn break_text(old: &str, dice: &mut Dice) -> String {
    let Ok(value) = serde_json::from_str::<Value>(old) else { return format!("{old} ") };
    let places: Vec<usize> = old.char_indices().map(|(at, _)| at).chain([old.len()]).collect();
    let at = dice.one_of(&places);
    let (before, after) = old.split_at(at);
    match dice.below(20) {
        0 => format!(" {old}"),
        1 => format!("{old}{}", dice.one_of(&[" ", "\n", "\t", "}", "{}", "\0", ","])),
        2 => format!("\u{feff}{old}"),
        3 => old.replacen(',', ", ", 1),
        4 => old.replacen(':', " :", 1),
        5 => serde_json::to_string_pretty(&value).unwrap(),
        6 => escaped(old, dice),
        7 => before.to_owned(),
        8 => format!("{before}{}{after}", dice.one_of(&["x", "\"", "\\", "é", "e\u{301}", "\u{0}", "\n", "0", "-"])),
        9 => old.replacen('{', "{\"v\":1,", 1),
        10 => old.replacen('{', "{\"zz\":1,", 1),
        11 => after.to_owned(),
        _ => with_raw(&value, dice),
    }
}

/// The same text with a character of a string in an escape that JSON has and canonical text has not.
fn escaped(old: &str, dice: &mut Dice) -> String {
    let letters: Vec<(usize, char)> = old.char_indices().filter(|(_, letter)| letter.is_alphanumeric()).collect();
    if letters.is_empty() {
        return format!("{old} ");
    }
    let (at, letter) = dice.one_of(&letters);
    let mut units = [0; 2];
    let escape: String = letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect();
    let (before, after) = old.split_at(at);
    format!("{before}{escape}{}", after.strip_prefix(letter).unwrap())
}
