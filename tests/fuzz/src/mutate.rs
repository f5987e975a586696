//! Mutations that leave JSON JSON: members and items taken out, doubled, swapped and put elsewhere, numbers and hex moved by one. Bytes that are
//! mutated blindly rarely get past the first brace, and never double a seal.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Value, json};

/// xorshift64*: the fuzzer gives a seed, and the same seed must give the same mutation.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % n.max(1)
    }
}

/// For `fuzz_mutator!`: an input of JSON values, one a line, behind at most one letter. What is no such thing, and some of what is, is left to
/// libFuzzer's own mutations.
pub fn json_lines(data: &mut [u8], size: usize, size_max: usize, seed: u32) -> usize {
    let mut dice = Dice(u64::from(seed) | 1 << 40);
    let start = usize::from(data.first().is_some_and(u8::is_ascii_alphabetic));
    let values: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_slice(&data[start.min(size)..size]).into_iter().collect();
    let Some(mut values) = values.ok().filter(|values| !values.is_empty()).filter(|_| dice.below(4) > 0) else {
        return fuzzer_mutate(data, size, size_max);
    };
    for _ in 0..=dice.below(3) {
        let at = dice.below(values.len());
        mutate(&mut values[at], &mut dice);
    }
    let lines: Vec<String> = values.iter().map(Value::to_string).collect();
    let text = lines.join("\n");
    if start + text.len() > size_max.min(data.len()) {
        return fuzzer_mutate(data, size, size_max);
    }
    data[start..start + text.len()].copy_from_slice(text.as_bytes());
    start + text.len()
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// The n-th node of a tree, itself first.
fn nth(value: &mut Value, n: usize) -> Option<&mut Value> {
    if n == 0 {
        return Some(value);
    }
    let mut left = n - 1;
    let inner: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(members) => members.values_mut().collect(),
        _ => Vec::new(),
    };
    for one in inner {
        let nodes = count(one);
        if left < nodes {
            return nth(one, left);
        }
        left -= nodes;
    }
    None
}

fn mutate(document: &mut Value, dice: &mut Dice) {
    let nodes = count(document);
    let other = nth(document, dice.below(nodes)).unwrap().clone();
    let node = nth(document, dice.below(nodes)).unwrap();
    if dice.below(12) == 0 {
        *node = other;
        return;
    }
    match node {
        Value::Null => *node = json!(0),
        Value::Bool(yes) => *yes = !*yes,
        Value::Number(_) => *node = number(node, dice),
        Value::String(text) => string(text, dice),
        Value::Array(items) => array(items, other, dice),
        Value::Object(members) => {
            let keys: Vec<String> = members.keys().cloned().collect();
            let Some(key) = keys.get(dice.below(keys.len())) else {
                members.insert("v".to_owned(), other);
                return;
            };
            match dice.below(4) {
                0 => drop(members.remove(key)),
                1 => drop(members.insert(key.clone(), other)),
                2 => drop(members.insert(format!("{key}x"), other)),
                _ => {
                    let from = &keys[dice.below(keys.len())];
                    let value = members[from].clone();
                    members.insert(key.clone(), value);
                }
            }
        }
    }
}

fn number(value: &Value, dice: &mut Dice) -> Value {
    let edges = [0, 1, -1, (1 << 53) - 1, 1 << 53, i64::MAX, i64::MIN];
    let Some(n) = value.as_i64() else { return json!(edges[dice.below(edges.len())]) };
    match dice.below(8) {
        0..2 => json!(n.wrapping_add(1)),
        2..4 => json!(n.wrapping_sub(1)),
        4 => json!(0),
        5 => json!(n.wrapping_neg()),
        6 => json!(n / 10),
        _ => json!(edges[dice.below(edges.len())]),
    }
}

fn array(items: &mut Vec<Value>, other: Value, dice: &mut Dice) {
    if items.is_empty() {
        items.push(other);
        return;
    }
    let (at, to) = (dice.below(items.len()), dice.below(items.len()));
    match dice.below(5) {
        0 => drop(items.remove(at)),
        1 => items.insert(to, items[at].clone()),
        2 => items.swap(at, to),
        3 => items.truncate(at),
        _ => items.insert(at, other),
    }
}

fn string(text: &mut String, dice: &mut Dice) {
    // An entry or a header within a receipt: it is the inside that matters.
    if text.starts_with('{')
        && let Ok(mut inner) = serde_json::from_str::<Value>(text)
    {
        mutate(&mut inner, dice);
        *text = inner.to_string();
        return;
    }
    let mut characters: Vec<char> = text.chars().collect();
    if characters.is_empty() || dice.below(12) == 0 {
        *text = ["", "0", "票", "e\u{301}", "shenzhen-sandbox"][dice.below(5)].to_owned();
        return;
    }
    // What form a text has often stands in front; what it sums up to, behind.
    let at = match dice.below(6) {
        0 => 0,
        1 => 1.min(characters.len() - 1),
        2 => characters.len() - 1,
        _ => dice.below(characters.len()),
    };
    let alphabet = b"0123456789abcdef-.xM";
    match dice.below(4) {
        0 => drop(characters.remove(at)),
        1 => characters.insert(at, characters[dice.below(characters.len())]),
        2 => characters[at] = char::from_u32(u32::from(characters[at]) ^ (1 << dice.below(5))).unwrap_or('0'),
        _ => characters[at] = char::from(alphabet[dice.below(alphabet.len())]),
    }
    *text = characters.into_iter().collect();
}
