//! The colour space that the colours of the PDF are meant in: sRGB (IEC 61966-2-1) as an ICC profile of version 4.2, put together here
//! from the numbers of the standards, so that no binary of somebody else's is in the repository.

/// Primaries of sRGB, adapted to the D50 of the profile connection space; s15Fixed16.
const PRIMARIES: [(&[u8; 4], [i32; 3]); 3] =
    [(b"rXYZ", [0x6FA2, 0x38F5, 0x0390]), (b"gXYZ", [0x6299, 0xB785, 0x18DA]), (b"bXYZ", [0x24A0, 0x0F84, 0xB6CF])];

/// D50, the white of the profile connection space; s15Fixed16.
const D50: [i32; 3] = [0xF6D6, 0x1_0000, 0xD32D];

/// From D65 to D50 by Bradford; s15Fixed16.
const ADAPTATION: [i32; 9] = [0x1_0C42, 0x05DE, -0x0CDB, 0x0793, 0xFD90, -0x045F, -0x025E, 0x03DC, 0xC06E];

/// The curve of sRGB: exponent 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045; s15Fixed16.
const CURVE: [i32; 5] = [0x2_6666, 0xF2A7, 0x0D59, 0x13D0, 0x0A5B];

/// Bytes of the header.
const HEADER: u32 = 128;

/// The profile (ICC.1:2004-10): header, table of tags, tags; three curves share one.
pub(super) fn srgb() -> Vec<u8> {
    let mut tags: Vec<([u8; 4], Vec<u8>)> = vec![
        (*b"desc", text("sRGB")),
        (*b"cprt", text("No copyright: numbers of IEC 61966-2-1")),
        (*b"wtpt", numbers(b"XYZ ", &D50)),
        (*b"chad", numbers(b"sf32", &ADAPTATION)),
    ];
    tags.extend(PRIMARIES.iter().map(|(name, xyz)| (**name, numbers(b"XYZ ", xyz))));
    tags.push((*b"rTRC", curve()));
    let entries = u32::try_from(tags.len()).unwrap_or_default().saturating_add(2);
    let mut table = entries.to_be_bytes().to_vec();
    let mut data = Vec::new();
    let first = HEADER.saturating_add(4).saturating_add(entries.saturating_mul(12));
    for (name, content) in &tags {
        let place = first.saturating_add(length(&data));
        let names: &[[u8; 4]] = if name == b"rTRC" { &[*b"rTRC", *b"gTRC", *b"bTRC"] } else { &[*name] };
        for name in names {
            table.extend(name);
            table.extend(place.to_be_bytes());
            table.extend(length(content).to_be_bytes());
        }
        data.extend(content);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    let mut profile = header(HEADER.saturating_add(length(&table)).saturating_add(length(&data)));
    profile.extend(table);
    profile.extend(data);
    profile
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or_default()
}

/// Size, no preferred program, version 4.2, a display's profile from RGB to XYZ, an arbitrary fixed date, perceptual intent, D50.
fn header(size: u32) -> Vec<u8> {
    let mut header = size.to_be_bytes().to_vec();
    header.extend([0; 4]);
    header.extend([4, 0x20, 0, 0]);
    header.extend(b"mntrRGB XYZ ");
    for part in [2026u16, 1, 1, 0, 0, 0] {
        header.extend(part.to_be_bytes());
    }
    header.extend(b"acsp");
    // Platform, flags, maker, model, attributes, rendering intent: none, and 0 for perceptual.
    header.extend([0; 28]);
    header.extend(D50.iter().flat_map(|number| number.to_be_bytes()));
    header.resize(usize::try_from(HEADER).unwrap_or_default(), 0);
    header
}

/// A text in one language (`mluc`).
fn text(text: &str) -> Vec<u8> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut tag = b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0CenUS".to_vec();
    tag.extend(length(&units).to_be_bytes());
    tag.extend(28u32.to_be_bytes());
    tag.extend(units);
    tag
}

fn numbers(kind: &[u8; 4], numbers: &[i32]) -> Vec<u8> {
    let mut tag = kind.to_vec();
    tag.extend([0; 4]);
    tag.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    tag
}

/// A parametric curve of type 3: a power, and a straight piece near black.
fn curve() -> Vec<u8> {
    let mut tag = b"para\0\0\0\0\0\x03\0\0".to_vec();
    tag.extend(CURVE.iter().flat_map(|number| number.to_be_bytes()));
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_says_its_own_size_and_every_tag_lies_within() {
        let profile = srgb();
        let number = |at: usize| usize::try_from(u32::from_be_bytes(profile[at..at + 4].try_into().unwrap())).unwrap();
        assert_eq!(number(0), profile.len());
        assert_eq!(&profile[36..40], b"acsp");
        assert_eq!(number(128), 10);
        for tag in 0..number(128) {
            let (place, length) = (number(136 + tag * 12), number(140 + tag * 12));
            assert!(place % 4 == 0 && place >= 132 + 120 && place + length <= profile.len(), "tag {tag}");
        }
        assert!(profile.len() < 700, "{}", profile.len());
    }

    #[test]
    fn the_primaries_add_up_to_white() {
        for axis in 0..3 {
            let sum: i32 = PRIMARIES.iter().map(|(_, xyz)| xyz[axis]).sum();
            assert!((sum - D50[axis]).abs() <= 16, "axis {axis}: {sum:x}");
        }
    }
}
