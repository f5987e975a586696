//! A document's JSON as bytes: written in many ways that mean the same, and damaged.

use serde_json::Value;

use crate::dice::Dice;

/// A string that stands for itself in JSON, without quotation marks: numbers in forms that `Value` has not.
pub const RAW: &str = "@raw:";

/// JSON of a value: members in any order, white space, escapes that need not be.
pub fn written(value: &Value, dice: &mut Dice) -> Vec<u8> {
    let style = Style { shuffled: dice.chance(50), spaced: dice.chance(25), escaped: dice.chance(25) };
    let mut out = String::new();
    write(&mut out, value, &style, dice);
    out.into_bytes()
}

struct Style {
    shuffled: bool,
    spaced: bool,
    escaped: bool,
}

fn space(out: &mut String, style: &Style, dice: &mut Dice) {
    if style.spaced && dice.chance(30) {
        out.push_str(dice.one_of(&[" ", "\n", "\t", "\r\n", "  "]));
    }
}

fn write(out: &mut String, value: &Value, style: &Style, dice: &mut Dice) {
    space(out, style, dice);
    match value {
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write(out, item, style, dice);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            if style.shuffled {
                dice.shuffle(&mut members);
            }
            out.push('{');
            for (at, (key, member)) in members.into_iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                space(out, style, dice);
                write_string(out, key, style, dice);
                space(out, style, dice);
                out.push(':');
                write(out, member, style, dice);
            }
            space(out, style, dice);
            out.push('}');
        }
        Value::String(text) if text.starts_with(RAW) => out.push_str(text.trim_start_matches(RAW)),
        Value::String(text) => write_string(out, text, style, dice),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
    space(out, style, dice);
}

fn write_string(out: &mut String, text: &str, style: &Style, dice: &mut Dice) {
    if !style.escaped {
        out.push_str(&serde_json::to_string(text).unwrap());
        return;
    }
    out.push('"');
    for letter in text.chars() {
        let mut units = [0; 2];
        match letter {
            '/' if dice.chance(50) => out.push_str("\\/"),
            '"' => out.push_str("\\\""),
            '\\' | '\0'..='\u{1f}' => out.push_str(serde_json::to_string(&letter).unwrap().trim_matches('"')),
            _ if dice.chance(3) => {
                let capital = dice.chance(50);
                letter.encode_utf16(&mut units).iter().for_each(|unit| {
                    out.push_str(&if capital { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") });
                });
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

/// Damages bytes that were a document.
pub fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(bytes.len());
    match dice.below(16) {
        0..=4 => bytes[at] ^= 1 << dice.below(8),
        5 => drop(bytes.remove(at)),
        6 => bytes.insert(at, bytes[at]),
        7 => bytes.truncate(at),
        8 => bytes
            .splice(
                at..at,
                dice.one_of(&[&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5", b"\x00", b"\xe2\x82"])
                    .iter()
                    .copied(),
            )
            .for_each(drop),
        9 => bytes.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
        10 => bytes.extend_from_slice(dice.one_of(&[&b"x"[..], b"{}", b"\0", b",", b"\xa0", b"]"])),
        11 => again(
            bytes,
            "{",
            dice.one_of(&[
                "\"v\":1,",
                "\"chain\":\"x\",",
                "\"entry\":\"\",",
                "\"\\u0076\":1,",
                "\"invoice\":\"\",",
                "\"x\":{},",
            ]),
        ),
        12 => again(bytes, "\"seals\":[{", dice.one_of(&["\"round\":0,", "\"member\":\"x\",", "\"x\":1,"])),
        13 => again(bytes, "\"state\":{", dice.one_of(&["\"siblings\":[],", "\"value\":\"x\",", "\"x\":1,"])),
        14 => replace_first(bytes, dice.one_of(&["\"", ":", ",", "["]), dice.one_of(&["'", "", " ", "[[", "\\"])),
        _ => {
            let to = at + dice.below(bytes.len() - at);
            bytes.drain(at..to);
        }
    }
}

/// Puts members before those that are there.
fn again(bytes: &mut Vec<u8>, place: &str, members: &str) {
    replace_first(bytes, place, &format!("{place}{members}"));
}

fn replace_first(bytes: &mut Vec<u8>, from: &str, to: &str) {
    if let Some(at) = bytes.windows(from.len()).position(|window| window == from.as_bytes()) {
        bytes.splice(at..at + from.len(), to.bytes());
    }
}
