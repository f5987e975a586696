//! The short way to canonical text: a serializer that writes into one buffer, without a tree in between.
//!
//! It takes what our documents are made of and refuses everything else, wrong or merely unusual, without saying why: then the
//! long way through `serde_json::Value` decides and names the place. So the two can't differ in their faults, and a property test
//! holds their texts together.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::ops::Range;

use serde::Serialize;
use serde::ser::{self, Impossible};

use super::canonical::CANONICAL_DEPTH_MAX;
use crate::base::limits::CANONICAL_INTEGER_MAX;
use crate::base::nfc::is_nfc;

/// How the names of serde_json's own stand-ins begin (`RawValue`, `Number`), which are not the structs that they seem.
const STAND_IN: &str = "$serde_json::";

/// The document is one for the long way.
#[derive(Debug)]
pub(super) struct NotTaken;

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not taken")
    }
}

impl std::error::Error for NotTaken {}

impl ser::Error for NotTaken {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

type Taken = Result<(), NotTaken>;

/// The canonical text of a document.
pub(super) fn text_of<T: Serialize + ?Sized>(document: &T) -> Result<String, NotTaken> {
    let mut writer = Writer {
        out: String::with_capacity(2048),
        depth: CANONICAL_DEPTH_MAX,
        members: Vec::with_capacity(64),
        spare: String::new(),
    };
    document.serialize(&mut writer)?;
    Ok(writer.out)
}

/// Where a member stands in the text: its key between the quotes, and where its value ends.
struct Member {
    key: Range<usize>,
    end: usize,
    /// The first eight bytes of the key, zeros behind a short one: as a big-endian number it sorts as they do, and settles nearly
    /// every comparison.
    head: u64,
}

impl Member {
    /// In bytes, which for ASCII is the order of UTF-16 code units (RFC 8785 section 3.2.3).
    fn order(&self, other: &Self, out: &str) -> Ordering {
        self.head.cmp(&other.head).then_with(|| out.get(self.key.clone()).cmp(&out.get(other.key.clone())))
    }
}

fn head(key: &[u8]) -> u64 {
    let bytes = key.first_chunk().copied().unwrap_or_else(|| {
        let mut bytes = [0; 8];
        for (place, byte) in bytes.iter_mut().zip(key) {
            *place = *byte;
        }
        bytes
    });
    u64::from_be_bytes(bytes)
}

/// Whether a byte stands for itself in a JSON string.
fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

struct Writer {
    out: String,
    /// Levels that are left.
    depth: usize,
    /// Members of the objects that are open, the innermost last.
    members: Vec<Member>,
    /// Where members are put in order.
    spare: String,
}

impl Writer {
    fn integer(&mut self, n: i64) -> Taken {
        if !(-CANONICAL_INTEGER_MAX..=CANONICAL_INTEGER_MAX).contains(&n) {
            return Err(NotTaken);
        }
        write!(self.out, "{n}").map_err(|_not_written| NotTaken)
    }

    fn string(&mut self, text: &str) -> Taken {
        if !is_nfc(text) {
            return Err(NotTaken);
        }
        // No early end: so the compiler compares many bytes at once.
        if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
            self.out.push('"');
            self.out.push_str(text);
            self.out.push('"');
        } else {
            self.out.push_str(&serde_json::to_string(text).map_err(|_not_written| NotTaken)?);
        }
        Ok(())
    }

    fn open(&mut self, bracket: char) -> Result<Level<'_>, NotTaken> {
        self.depth = self.depth.checked_sub(1).ok_or(NotTaken)?;
        self.out.push(bracket);
        let (start, first) = (self.out.len(), self.members.len());
        Ok(Level { writer: self, start, first, key: (0..0, 0) })
    }
}

/// An array or object that is being written.
struct Level<'a> {
    writer: &'a mut Writer,
    /// Where its first item or member begins.
    start: usize,
    /// Which of the members is its first.
    first: usize,
    /// The key whose value comes next, and its head.
    key: (Range<usize>, u64),
}

impl Level<'_> {
    fn comma(&mut self) {
        if self.writer.out.len() > self.start {
            self.writer.out.push(',');
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, item: &T) -> Taken {
        self.comma();
        item.serialize(&mut *self.writer)
    }

    fn key(&mut self, key: &str) -> Taken {
        // Plain ASCII without escapes, so that the bytes compare as the key itself does.
        if !key.bytes().fold(true, |plain, byte| plain & byte.is_ascii() & is_plain(byte)) {
            return Err(NotTaken);
        }
        self.comma();
        let out = &mut self.writer.out;
        out.push('"');
        let start = out.len();
        out.push_str(key);
        self.key = (start..out.len(), head(key.as_bytes()));
        out.push_str("\":");
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Taken {
        value.serialize(&mut *self.writer)?;
        let ((key, head), end) = (self.key.clone(), self.writer.out.len());
        self.writer.members.push(Member { key, end, head });
        Ok(())
    }

    fn end_array(self) -> Taken {
        self.writer.out.push(']');
        self.writer.depth = self.writer.depth.saturating_add(1);
        Ok(())
    }

    /// Puts the members in order, if they are not yet, and closes the object. A key that stands twice is for the long way.
    fn end_object(self) -> Taken {
        let Writer { out, depth, members, spare } = self.writer;
        let own = members.get_mut(self.first..).unwrap_or_default();
        let by_key = |a: &Member, b: &Member| a.order(b, out);
        if !own.is_sorted_by(|a, b| by_key(a, b).is_lt()) {
            own.sort_unstable_by(by_key);
            if own.windows(2).any(|pair| matches!(pair, [a, b] if by_key(a, b).is_eq())) {
                return Err(NotTaken);
            }
            spare.clear();
            for member in own.iter() {
                spare.push('"');
                spare.push_str(out.get(member.key.start..member.end).unwrap_or_default());
                spare.push(',');
            }
            spare.pop();
            out.truncate(self.start);
            out.push_str(spare);
        }
        members.truncate(self.first);
        out.push('}');
        *depth = depth.saturating_add(1);
        Ok(())
    }
}

impl<'a> ser::Serializer for &'a mut Writer {
    type Ok = ();
    type Error = NotTaken;
    type SerializeSeq = Level<'a>;
    type SerializeTuple = Level<'a>;
    type SerializeTupleStruct = Level<'a>;
    type SerializeTupleVariant = Impossible<(), NotTaken>;
    type SerializeMap = Level<'a>;
    type SerializeStruct = Level<'a>;
    type SerializeStructVariant = Impossible<(), NotTaken>;

    fn serialize_bool(self, value: bool) -> Taken {
        self.out.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_i8(self, n: i8) -> Taken {
        self.integer(n.into())
    }

    fn serialize_i16(self, n: i16) -> Taken {
        self.integer(n.into())
    }

    fn serialize_i32(self, n: i32) -> Taken {
        self.integer(n.into())
    }

    fn serialize_i64(self, n: i64) -> Taken {
        self.integer(n)
    }

    fn serialize_u8(self, n: u8) -> Taken {
        self.integer(n.into())
    }

    fn serialize_u16(self, n: u16) -> Taken {
        self.integer(n.into())
    }

    fn serialize_u32(self, n: u32) -> Taken {
        self.integer(n.into())
    }

    fn serialize_u64(self, n: u64) -> Taken {
        self.integer(i64::try_from(n).map_err(|_too_large| NotTaken)?)
    }

    #[expect(clippy::disallowed_types, reason = "the trait asks for it; no float is ever written")]
    fn serialize_f32(self, _: f32) -> Taken {
        Err(NotTaken)
    }

    #[expect(clippy::disallowed_types, reason = "the trait asks for it; no float is ever written")]
    fn serialize_f64(self, _: f64) -> Taken {
        Err(NotTaken)
    }

    fn serialize_char(self, c: char) -> Taken {
        self.string(c.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Taken {
        self.string(text)
    }

    fn serialize_bytes(self, _: &[u8]) -> Taken {
        Err(NotTaken)
    }

    fn serialize_none(self) -> Taken {
        Err(NotTaken)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Taken {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Taken {
        Err(NotTaken)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Taken {
        Err(NotTaken)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Taken {
        self.string(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Taken {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Taken {
        Err(NotTaken)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Level<'a>, NotTaken> {
        self.open('[')
    }

    fn serialize_tuple(self, _: usize) -> Result<Level<'a>, NotTaken> {
        self.open('[')
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Level<'a>, NotTaken> {
        self.open('[')
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, NotTaken> {
        Err(NotTaken)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Level<'a>, NotTaken> {
        self.open('{')
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Level<'a>, NotTaken> {
        if name.starts_with(STAND_IN) { Err(NotTaken) } else { self.open('{') }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, NotTaken> {
        Err(NotTaken)
    }
}

impl ser::SerializeSeq for Level<'_> {
    type Ok = ();
    type Error = NotTaken;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Taken {
        self.item(item)
    }

    fn end(self) -> Taken {
        self.end_array()
    }
}

impl ser::SerializeTuple for Level<'_> {
    type Ok = ();
    type Error = NotTaken;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Taken {
        self.item(item)
    }

    fn end(self) -> Taken {
        self.end_array()
    }
}

impl ser::SerializeTupleStruct for Level<'_> {
    type Ok = ();
    type Error = NotTaken;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, item: &T) -> Taken {
        self.item(item)
    }

    fn end(self) -> Taken {
        self.end_array()
    }
}

impl ser::SerializeMap for Level<'_> {
    type Ok = ();
    type Error = NotTaken;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Taken {
        // Our own documents have no maps. Only a string is a key here.
        match serde_json::to_value(key) {
            Ok(serde_json::Value::String(key)) => self.key(&key),
            Ok(_) | Err(_) => Err(NotTaken),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Taken {
        self.value(value)
    }

    fn end(self) -> Taken {
        self.end_object()
    }
}

impl ser::SerializeStruct for Level<'_> {
    type Ok = ();
    type Error = NotTaken;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Taken {
        self.key(key)?;
        self.value(value)
    }

    fn end(self) -> Taken {
        self.end_object()
    }
}

#[cfg(test)]
mod tests;
