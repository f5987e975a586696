//! JSON as a tree, every key an ordinary one.
//!
//! `serde_json::Value`, read by itself, takes an object whose first key is `$serde_json::private::RawValue` for what the string behind
//! that key says: its own way to pass raw JSON on, which comes with the feature `raw_value`. A text with such a key would be refused
//! that other verifiers find canonical.

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

/// The value of a text. Of a key that stands twice the last one counts.
///
/// # Errors
/// Those of `serde_json`: the text is no JSON, or has more than 127 arrays and objects within one another.
pub(super) fn read(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str(text).map(|Plain(value)| value)
}

struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor).map(Self)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    #[expect(
        clippy::disallowed_types,
        reason = "how serde hands over a number with a fraction; it is refused later, with its place"
    )]
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(Plain(item)) = items.next_element()? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some((key, Plain(value))) = members.next_entry::<String, Plain>()? {
            read.insert(key, value);
        }
        Ok(Value::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_that_serde_json_has_for_itself_is_a_key() {
        let text = r#"{"a":[{"$serde_json::private::RawValue":"{}"}]}"#;
        let value = read(text).unwrap();
        assert_eq!(value["a"][0]["$serde_json::private::RawValue"], json!("{}"));
        assert_eq!(value.to_string(), text);
        assert_ne!(serde_json::from_str::<Value>(text).unwrap(), value, "if this fails, this room is needed no more");
    }

    #[test]
    fn all_else_is_read_as_serde_json_reads_it() {
        let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let texts = [
            "null",
            "true",
            "[]",
            "{}",
            "-0",
            "1.5",
            "1e2",
            "1e400",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            r#"{"a":1,"a":null}"#,
            r#""\ud83d\ude00""#,
            r#""\ud83d""#,
            "\u{feff}1",
            "1 2",
            "",
            "[1,]",
        ];
        for text in texts.map(str::to_owned).into_iter().chain([deep(127), deep(128)]) {
            assert_eq!(read(&text).ok(), serde_json::from_str::<Value>(&text).ok(), "{text}");
        }
    }
}
