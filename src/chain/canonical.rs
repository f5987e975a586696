//! Canonical text: RFC 8785 (JCS) JSON, narrowed to what every JSON reader agrees on. NFC strings, integers below 2^53, no null.

use std::cmp::Ordering;
use std::fmt;
use std::io::Write;
use std::marker::PhantomData;

use super::{direct, plain};
use crate::base::limits::CANONICAL_INTEGER_MAX;
use crate::base::nfc::is_nfc;
use crate::base::{Code, Fault};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};

/// Levels of arrays and objects within one another. Our deepest document (a receipt's entry) has five; recursion stays far from the stack's end.
pub const CANONICAL_DEPTH_MAX: usize = 32;

/// The format version that stands as `"v"` in every document: the number 1 and nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FormatVersion;

impl Serialize for FormatVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for FormatVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(serde::de::Error::custom(format!("format version {other} is not known, only 1"))),
        }
    }
}

/// The version of a format that has two: the number 1 or 2. What the second adds is told by the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// 1.
    First,
    /// 2.
    Second,
}

impl Serialize for Edition {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(match self {
            Self::First => 1,
            Self::Second => 2,
        })
    }
}

impl<'de> Deserialize<'de> for Edition {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self::First),
            2 => Ok(Self::Second),
            other => Err(serde::de::Error::custom(format!("format version {other} is not known, only 1 and 2"))),
        }
    }
}

/// Reads a `T` from a JSON object only. serde would otherwise also take an array of the fields in their order for a struct, which
/// would give one document two texts.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// For `#[serde(deserialize_with)]`: an array of objects, each read as [`Object`].
///
/// # Errors
/// Those of the deserializer.
pub fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let items = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(items.into_iter().map(|Object(item)| item).collect())
}

/// For `#[serde(default, deserialize_with)]`: a member that may be left out, but not be null, and is an object.
///
/// # Errors
/// Those of the deserializer.
pub fn optional_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Object::deserialize(deserializer).map(|Object(value)| Some(value))
}

/// The canonical text of a document, written straight into one buffer. A type that serializes one key twice (say, through
/// `flatten`) keeps the last: do not have such types.
///
/// # Errors
/// With the JSON path: [`Code::ChainNotNfc`] for a string or key that is not NFC, [`Code::ChainNumberRange`] for a fraction or
/// |n| >= 2^53, [`Code::ChainNull`], [`Code::ChainTooDeep`]; [`Code::ChainNotCanonical`] when the value is no JSON at all.
pub fn to_canonical<T: Serialize + ?Sized>(document: &T) -> Result<String, Fault> {
    match direct::text_of(document) {
        Ok(text) => Ok(text),
        // Whatever the short way does not take, the long one decides: with a tree at hand it can say where the first fault stands.
        Err(direct::NotTaken) => by_tree(document),
    }
}

/// The long way, through a tree.
pub(super) fn by_tree<T: Serialize + ?Sized>(document: &T) -> Result<String, Fault> {
    let value = serde_json::to_value(document)
        .map_err(|e| Fault::new(Code::ChainNotCanonical, "", format!("the value has no JSON form: {e}")))?;
    value_to_canonical(&value)
}

/// Reads canonical text.
///
/// # Errors
/// As [`to_canonical`]; [`Code::ChainNotCanonical`] also for every text that is not, byte for byte, the canonical text of the value
/// it stands for: other order of keys, a key twice, white space, other escapes, other number forms, anything after the value.
pub fn parse_canonical(text: &str) -> Result<Value, Fault> {
    let value =
        plain::read(text).map_err(|e| Fault::new(Code::ChainNotCanonical, "", format!("the text is not JSON: {e}")))?;
    let canonical = value_to_canonical(&value)?;
    if canonical == text {
        return Ok(value);
    }
    let differs = canonical.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
    Err(Fault::new(Code::ChainNotCanonical, "", format!("the text differs from its canonical form at byte {differs}")))
}

fn value_to_canonical(value: &Value) -> Result<String, Fault> {
    let mut out = Vec::with_capacity(2048);
    write_value(&mut out, value, CANONICAL_DEPTH_MAX)?;
    String::from_utf8(out).map_err(|e| Fault::new(Code::Internal, "", format!("canonical text is not UTF-8: {e}")))
}

fn write_value(out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<(), Fault> {
    match value {
        Value::Null => Err(Fault::new(Code::ChainNull, "", "null is not allowed: leave the field out")),
        Value::Bool(true) => {
            out.extend_from_slice(b"true");
            Ok(())
        }
        Value::Bool(false) => {
            out.extend_from_slice(b"false");
            Ok(())
        }
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => write_array(out, items, deeper(depth)?),
        Value::Object(members) => write_object(out, members, deeper(depth)?),
    }
}

fn deeper(depth: usize) -> Result<usize, Fault> {
    depth.checked_sub(1).ok_or_else(|| {
        Fault::new(
            Code::ChainTooDeep,
            "",
            format!("more than {CANONICAL_DEPTH_MAX} arrays and objects within one another"),
        )
    })
}

fn write_number(out: &mut Vec<u8>, number: &Number) -> Result<(), Fault> {
    match number.as_i64() {
        Some(n) if (-CANONICAL_INTEGER_MAX..=CANONICAL_INTEGER_MAX).contains(&n) => {
            write!(out, "{n}").map_err(internal)
        }
        Some(_) | None => Err(Fault::new(
            Code::ChainNumberRange,
            "",
            format!("{number} is not an integer between -(2^53 - 1) and 2^53 - 1, in its plain form"),
        )),
    }
}

/// The escapes of serde_json are those of RFC 8785 section 3.2.2.2: two-character forms where JSON has them, else `\u00xx` in
/// lower case for the other control characters, and nothing else.
fn write_string(out: &mut Vec<u8>, text: &str) -> Result<(), Fault> {
    if !is_nfc(text) {
        return Err(Fault::new(Code::ChainNotNfc, "", "the string is not in Unicode normalisation form C"));
    }
    serde_json::to_writer(out, text).map_err(internal)
}

fn write_array(out: &mut Vec<u8>, items: &[Value], depth: usize) -> Result<(), Fault> {
    out.push(b'[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_value(out, item, depth).map_err(|fault| fault.under(&format!("[{position}]")))?;
    }
    out.push(b']');
    Ok(())
}

fn write_object(out: &mut Vec<u8>, members: &Map<String, Value>, depth: usize) -> Result<(), Fault> {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_unstable_by(|(a, _), (b, _)| utf16_order(a, b));
    out.push(b'{');
    for (position, (key, value)) in sorted.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_string(out, key).map_err(|fault| fault.under(key))?;
        out.push(b':');
        write_value(out, value, depth).map_err(|fault| fault.under(key))?;
    }
    out.push(b'}');
    Ok(())
}

/// RFC 8785 section 3.2.3: keys are ordered by their UTF-16 code units, which for characters beyond the BMP is not the order of UTF-8.
fn utf16_order(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

fn internal(error: impl fmt::Display) -> Fault {
    Fault::new(Code::Internal, "", format!("canonical text can't be written: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(value: &Value) -> (Code, String) {
        let fault = to_canonical(value).unwrap_err();
        (fault.code, fault.path)
    }

    #[test]
    fn keys_are_sorted_by_utf16_code_units() {
        // U+1F600 is D83D DE00 in UTF-16 and so comes before U+FB33 (RFC 8785 section 3.2.3).
        let value = json!({"\u{fb01}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "1": 4, "\r": 5});
        assert_eq!(to_canonical(&value).unwrap(), "{\"\\r\":5,\"1\":4,\"\u{20ac}\":3,\"\u{1f600}\":2,\"\u{fb01}\":1}");
    }

    #[test]
    fn escapes_are_the_short_ones() {
        let value = json!("\u{8}\t\n\u{c}\r\"\\/\u{1}\u{1f}\u{7f}票");
        assert_eq!(to_canonical(&value).unwrap(), "\"\\b\\t\\n\\f\\r\\\"\\\\/\\u0001\\u001f\u{7f}票\"");
    }

    #[test]
    fn strings_that_are_not_nfc_are_refused_with_their_place() {
        let decomposed = "e\u{301}";
        assert_eq!(refused(&json!({"a": [{"b": decomposed}]})), (Code::ChainNotNfc, "a[0].b".into()));
        assert_eq!(refused(&json!({"a": {decomposed: 1}})), (Code::ChainNotNfc, format!("a.{decomposed}")));
    }

    #[test]
    fn numbers_outside_the_common_range_are_refused() {
        assert_eq!(
            to_canonical(&json!([CANONICAL_INTEGER_MAX, -CANONICAL_INTEGER_MAX, 0])).unwrap(),
            "[9007199254740991,-9007199254740991,0]"
        );
        for bad in [
            json!(9_007_199_254_740_992_i64),
            json!(-9_007_199_254_740_992_i64),
            json!(u64::MAX),
            json!(1.5),
            json!(1.0),
        ] {
            assert_eq!(refused(&json!({"n": bad})), (Code::ChainNumberRange, "n".into()), "{bad}");
        }
    }

    #[test]
    fn null_is_refused() {
        assert_eq!(refused(&json!({"a": [1, null]})), (Code::ChainNull, "a[1]".into()));
        assert_eq!(refused(&json!(Option::<u8>::None)), (Code::ChainNull, String::new()));
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |n: usize| (0..n).fold(json!(1), |inner, _| json!([inner]));
        assert!(to_canonical(&nested(CANONICAL_DEPTH_MAX)).is_ok());
        assert_eq!(to_canonical(&nested(CANONICAL_DEPTH_MAX + 1)).unwrap_err().code, Code::ChainTooDeep);
        assert_eq!(parse_canonical(&"[".repeat(100_000)).unwrap_err().code, Code::ChainNotCanonical);
    }

    #[test]
    fn only_the_canonical_text_parses() {
        assert_eq!(parse_canonical(r#"{"a":1,"b":"x/y"}"#).unwrap(), json!({"a": 1, "b": "x/y"}));
        let others = [
            r#"{"b":"x/y","a":1}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":1, "b":2}"#,
            r#"{"a":1}x"#,
            " {}",
            "{}\n",
            r#""\u0041""#,
            r#""x\/y""#,
            r#""\u001F""#,
            r#""\u000a""#,
            "",
            "\u{feff}{}",
        ];
        for text in others {
            assert_eq!(parse_canonical(text).unwrap_err().code, Code::ChainNotCanonical, "{text}");
        }
        for text in ["-0", "1.0", "1e2", "01e", "9007199254740992", "1E400"] {
            let code = parse_canonical(text).unwrap_err().code;
            assert!(matches!(code, Code::ChainNumberRange | Code::ChainNotCanonical), "{text}: {code}");
        }
    }
}
