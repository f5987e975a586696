//! What makes the file an archive file (PDF/A-3u, ISO 19005-3): who and when, said twice in the same words; the colours' meaning; ids.
//!
//! No validator of the standard is among the packages that the tests may install; the file is built to the checklist of pdf.md 4, and
//! tests/render.rs holds it to that.

use std::fmt::Write as _;

use pdf_writer::types::OutputIntentSubtype;
use pdf_writer::writers::Catalog;
use pdf_writer::{Chunk, Filter, Name, Pdf, Ref, Str, TextStr};

use super::super::face::Face;

/// Who made the file.
const PRODUCER: &str = "piaolian";

/// Bytes of each half of the file's id.
const ID_BYTES: usize = 16;

/// What the file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Particulars {
    title: String,
    author: String,
    /// `YYYY-MM-DD`.
    date: String,
}

impl Particulars {
    /// Of an invoice. The time is midnight of the day of issue in Shenzhen: the face knows no time of day.
    pub fn of(face: &Face) -> Self {
        Self { title: printable(&face.name()), author: printable(&face.seller.name), date: face.date.to_string() }
    }

    /// The time as PDF writes it.
    pub fn pdf_date(&self) -> String {
        format!("D:{}000000+08'00'", self.date.replace('-', ""))
    }

    /// Writes the document information.
    pub fn write_info(&self, pdf: &mut Pdf, id: Ref) {
        let date = self.pdf_date();
        let mut info = pdf.document_info(id);
        info.title(TextStr(&self.title));
        if !self.author.is_empty() {
            info.author(TextStr(&self.author));
        }
        info.producer(TextStr(PRODUCER));
        info.pair(Name(b"CreationDate"), Str(date.as_bytes()));
        info.pair(Name(b"ModDate"), Str(date.as_bytes()));
    }

    /// Writes the metadata packet (XMP), uncompressed, so that whoever looks for it finds it without a PDF reader.
    pub fn write_metadata(&self, pdf: &mut Chunk, id: Ref) {
        pdf.metadata(id, self.metadata().as_bytes());
    }

    fn metadata(&self) -> String {
        let mut creator = String::new();
        if !self.author.is_empty() {
            let _ = writeln!(
                creator,
                "<dc:creator><rdf:Seq><rdf:li>{}</rdf:li></rdf:Seq></dc:creator>",
                escaped(&self.author)
            );
        }
        let time = format!("{}T00:00:00+08:00", self.date);
        format!(
            "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n\
             <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n\
             <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" \
             xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\" xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\">\n\
             <dc:format>application/pdf</dc:format>\n\
             <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{}</rdf:li></rdf:Alt></dc:title>\n\
             {creator}\
             <dc:language><rdf:Bag><rdf:li>zh-CN</rdf:li></rdf:Bag></dc:language>\n\
             <xmp:CreateDate>{time}</xmp:CreateDate>\n\
             <xmp:ModifyDate>{time}</xmp:ModifyDate>\n\
             <pdf:Producer>{PRODUCER}</pdf:Producer>\n\
             <pdfaid:part>3</pdfaid:part>\n\
             <pdfaid:conformance>U</pdfaid:conformance>\n\
             </rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n\
             <?xpacket end=\"r\"?>",
            escaped(&self.title)
        )
    }
}

/// Without control characters: XML has no way to write them, and both places must say the same.
fn printable(text: &str) -> String {
    let allowed = |c: &char| !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}');
    text.chars().filter(allowed).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Writes into the catalog that colours are sRGB, `icc` being the profile.
pub(super) fn write_output_intent(catalog: &mut Catalog<'_>, icc: Ref) {
    let mut intents = catalog.output_intents();
    let mut intent = intents.push();
    intent.subtype(OutputIntentSubtype::PDFA);
    intent.output_condition_identifier(TextStr("sRGB"));
    intent.info(TextStr("sRGB IEC 61966-2-1"));
    intent.dest_output_profile(icc);
}

/// Writes the profile, compressed before.
pub(super) fn write_profile(pdf: &mut Chunk, id: Ref, packed: &[u8]) {
    let mut profile = pdf.icc_profile(id, packed);
    profile.n(3);
    profile.filter(Filter::FlateDecode);
}

/// The file's id: the beginning of the invoice's leaf hash, which stays; and a fingerprint of what is attached, which another receipt
/// of the same invoice changes.
pub(super) fn file_id(face: &Face, fingerprint: [u8; ID_BYTES]) -> (Vec<u8>, Vec<u8>) {
    // The printed hash begins with the algorithm's `01`.
    let digits = face.hash.get(2..).unwrap_or_default();
    let mut lasting = hex::decode(digits).unwrap_or_default();
    lasting.resize(ID_BYTES, 0);
    (lasting, fingerprint.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_can_not_hold_is_left_out_of_both_places_and_the_rest_escaped() {
        let particulars = Particulars {
            title: printable("a\u{0}\u{1B}<b>&\n"),
            author: String::new(),
            date: "2026-11-22".to_owned(),
        };
        assert_eq!(particulars.title, "a<b>&");
        let xmp = particulars.metadata();
        assert!(xmp.contains("\">a&lt;b&gt;&amp;</rdf:li>"), "{xmp}");
        assert!(!xmp.contains("dc:creator"), "{xmp}");
        assert!(xmp.contains("<xmp:CreateDate>2026-11-22T00:00:00+08:00<"), "{xmp}");
        assert_eq!(particulars.pdf_date(), "D:20261122000000+08'00'");
    }
}
