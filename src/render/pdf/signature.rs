//! The place of a signature in a PDF (PAdES-B-B, ETSI EN 319 142-1; ISO 32000-1, 12.8): an invisible field on the first page, and a dictionary
//! with room for the signature, which is put there once all other bytes stand.

use pdf_writer::writers::Catalog;
use pdf_writer::{Chunk, Finish as _, Name, Rect, Ref, Str, TextStr};
use sha2::{Digest as _, Sha256};

use super::signer::DocumentSigner;
use crate::base::{Code, Fault};

/// Stands for a number of the byte range until it is known: as many digits as any has.
const UNKNOWN: i32 = 2_000_000_000;

/// How the unknown byte range is written.
const RANGE: &[u8] = b"[0 2000000000 2000000000 2000000000]";

/// Fills the room for the signature. Not ASCII, so that it is written in hex, two digits a byte.
const FILLER: u8 = 0xFF;

/// Print and Locked (ISO 32000-1, 12.5.3): PDF/A wants every annotation to be printed, though this one has no area.
const FLAGS: i32 = 4 + 128;

/// The form has a signature, and only additions to the file leave it whole.
const SIGNATURE_FLAGS: i32 = 1 + 2;

/// Objects of a signature to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The dictionary.
    pub dictionary: Ref,
    /// The field, which is also the annotation.
    pub field: Ref,
}

impl Place {
    /// Writes the dictionary, with room for `bytes_max` bytes. It must come before whatever may hold other people's words uncompressed.
    pub fn write_dictionary(self, pdf: &mut Chunk, bytes_max: usize, date: &str) {
        let mut dictionary = pdf.indirect(self.dictionary).dict();
        dictionary.pair(Name(b"Type"), Name(b"Sig"));
        dictionary.pair(Name(b"Filter"), Name(b"Adobe.PPKLite"));
        dictionary.pair(Name(b"SubFilter"), Name(b"ETSI.CAdES.detached"));
        dictionary.pair(Name(b"M"), Str(date.as_bytes()));
        dictionary.insert(Name(b"ByteRange")).array().items([0, UNKNOWN, UNKNOWN, UNKNOWN]);
        dictionary.pair(Name(b"Contents"), Str(&vec![FILLER; bytes_max]));
    }

    /// Writes the field, on page `page`.
    pub fn write_field(self, pdf: &mut Chunk, page: Ref) {
        let mut field = pdf.indirect(self.field).dict();
        field.pair(Name(b"Type"), Name(b"Annot"));
        field.pair(Name(b"Subtype"), Name(b"Widget"));
        field.pair(Name(b"FT"), Name(b"Sig"));
        field.pair(Name(b"T"), TextStr("Signature"));
        field.pair(Name(b"F"), FLAGS);
        field.pair(Name(b"Rect"), Rect::new(0.0, 0.0, 0.0, 0.0));
        field.pair(Name(b"P"), page);
        field.pair(Name(b"V"), self.dictionary);
    }

    /// Writes into the catalog that there is a form with this field.
    pub fn write_form(self, catalog: &mut Catalog<'_>) {
        let mut form = catalog.insert(Name(b"AcroForm")).dict();
        form.insert(Name(b"Fields")).array().item(self.field);
        form.pair(Name(b"SigFlags"), SIGNATURE_FLAGS);
        form.finish();
    }
}

/// Signs a file with one [`Place`]: all its bytes but the signature itself.
///
/// # Errors
/// [`Code::RenderPdf`] when there is no such place, or the signature is longer than it said it would be.
pub(super) fn sign(mut file: Vec<u8>, signer: &DocumentSigner) -> Result<Vec<u8>, Fault> {
    let failed = |what: &str| Fault::new(Code::RenderPdf, "", format!("signature: {what}"));
    let room = signer.bytes_max();
    let range_at = find(&file, RANGE).ok_or_else(|| failed("no place in the file"))?;
    let after_range = range_at.saturating_add(RANGE.len());
    let open = file.iter().skip(after_range).position(|byte| *byte == b'<').ok_or_else(|| failed("no room"))?;
    let open = open.saturating_add(after_range);
    let close = open.saturating_add(room.saturating_mul(2)).saturating_add(1);
    if file.get(close) != Some(&b'>') {
        return Err(failed("the room is not as it was made"));
    }
    let behind = close.saturating_add(1);
    let mut range = format!("[0 {open} {behind} {}", file.len().saturating_sub(behind));
    range.push(']');
    let range = format!("{range:<width$}", width = RANGE.len());
    let place = file.get_mut(range_at..after_range).filter(|place| place.len() == range.len());
    place.ok_or_else(|| failed("the file is too large"))?.copy_from_slice(range.as_bytes());
    let (before, after) = (file.get(..open).unwrap_or_default(), file.get(behind..).unwrap_or_default());
    let digest: [u8; 32] = Sha256::new().chain_update(before).chain_update(after).finalize().into();
    let signature = signer.sign(&digest);
    // The message says its own length; readers leave alone what follows it.
    let mut digits = hex::encode(signature);
    if digits.len() > room.saturating_mul(2) {
        return Err(failed("longer than its room"));
    }
    digits.extend(std::iter::repeat_n('0', room.saturating_mul(2).saturating_sub(digits.len())));
    let place = file.get_mut(open.saturating_add(1)..close).filter(|place| place.len() == digits.len());
    place.ok_or_else(|| failed("no room"))?.copy_from_slice(digits.as_bytes());
    Ok(file)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
