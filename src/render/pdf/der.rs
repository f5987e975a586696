//! DER, as much of it as a signature needs: a value is tag, length, content (X.690).

/// Tags.
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_ID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// The tag of a constructed value that its place in the type names.
pub(super) const fn context(number: u8) -> u8 {
    0xA0 | number
}

/// A value of these parts, one after the other.
pub(super) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut der = vec![tag];
    let bytes = length.to_be_bytes();
    let significant: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => der.push(short),
        Ok(_) | Err(_) => {
            der.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
            der.extend(significant);
        }
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// A set of values in the order that DER wants: by their bytes.
pub(super) fn set(tag: u8, mut values: Vec<Vec<u8>>) -> Vec<u8> {
    values.sort_unstable();
    let parts: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    value(tag, &parts)
}

/// A value that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read<'a> {
    /// Its tag.
    pub tag: u8,
    /// What it holds.
    pub content: &'a [u8],
    /// Tag, length and content.
    pub whole: &'a [u8],
}

/// Reads the first value, and gives what follows it. `None` when it is no DER, or longer than what is there.
pub(super) fn read(der: &[u8]) -> Option<(Read<'_>, &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let digits = usize::from(first & 0x7F);
        if !(1..=4).contains(&digits) {
            return None;
        }
        let (bytes, rest) = rest.split_at_checked(digits)?;
        (bytes.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = der.get(..der.len().checked_sub(rest.len())?)?;
    Some((Read { tag, content, whole }, rest))
}

/// Reads all values of a content. `None` when it is not a row of values.
pub(super) fn read_all(mut content: &[u8]) -> Option<Vec<Read<'_>>> {
    let mut values = Vec::new();
    while !content.is_empty() {
        let (value, rest) = read(content)?;
        values.push(value);
        content = rest;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_at_every_length() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let der = value(OCTET_STRING, &[&content]);
            let (read, rest) = read(&der).unwrap();
            assert_eq!((read.tag, read.content, read.whole, rest), (OCTET_STRING, &content[..], &der[..], &b""[..]));
        }
        assert_eq!(value(SEQUENCE, &[&[1; 128]])[..3], [0x30, 0x81, 0x80]);
    }

    #[test]
    fn what_is_cut_off_is_not_read() {
        let der = value(SEQUENCE, &[&[1; 300]]);
        for length in 0..der.len() {
            assert_eq!(read(&der[..length]), None, "{length}");
        }
        assert_eq!(read(&[0x30, 0x80, 0, 0]), None, "no definite length");
    }

    #[test]
    fn sets_are_sorted() {
        assert_eq!(set(SET, vec![vec![2, 1, 9], vec![2, 1, 3]]), [0x31, 6, 2, 1, 3, 2, 1, 9]);
    }
}
