//! PEM (RFC 7468) armour around one key: the form in which WeChat Pay hands out its public key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Characters of one line (RFC 7468, section 2).
const LINE_CHARS: usize = 64;

/// The bytes inside the armour with this label; `None` when there is no such armour or its text is no base64.
pub(super) fn decode(label: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let inside = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let inside = inside.strip_suffix(&format!("-----END {label}-----"))?;
    let packed = Zeroizing::new(inside.split_ascii_whitespace().collect::<String>());
    STANDARD.decode(packed.as_bytes()).ok().map(Zeroizing::new)
}

/// The armour around some bytes.
pub(super) fn encode(label: &str, bytes: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for (at, character) in STANDARD.encode(bytes).chars().enumerate() {
        if at > 0 && at % LINE_CHARS == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_armoured_comes_out_again() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = encode("PUBLIC KEY", &bytes);
        assert!(text.lines().all(|line| line.len() <= 64), "{text}");
        assert_eq!(decode("PUBLIC KEY", &text).unwrap().as_slice(), bytes);
    }

    #[test]
    fn another_label_is_not_read() {
        let text = encode("PRIVATE KEY", b"x");
        assert!(decode("PUBLIC KEY", &text).is_none());
        assert!(decode("PUBLIC KEY", "").is_none());
        assert!(decode("PUBLIC KEY", "-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----").is_none());
    }
}
