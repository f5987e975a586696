//! Files that the PDF carries: the receipt, and the invoice's data.

use md5::{Digest as _, Md5};
use pdf_writer::types::AssociationKind;
use pdf_writer::{Chunk, Filter, Finish as _, Name, Ref, Str, TextStr};

use super::deflate::{Effort, deflate};
use crate::base::{Code, Fault};

/// A file to carry.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Attached<'a> {
    /// Its name, ASCII.
    pub name: &'a str,
    /// Media type.
    pub media_type: &'a str,
    /// What it is, for whoever sees it in a list.
    pub description: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// MD5 of all attached files' checksums. MD5 is what the format asks for; nothing rests on it.
pub(super) fn fingerprint(files: &[Attached<'_>]) -> [u8; 16] {
    let mut all = Md5::new();
    for file in files {
        all.update(Md5::digest(file.bytes));
    }
    all.finalize().into()
}

/// Writes a file as object `stream` and its specification as object `specification`; `date` as PDF writes it.
pub(super) fn write(
    pdf: &mut Chunk,
    file: &Attached<'_>,
    (specification, stream): (Ref, Ref),
    date: &str,
) -> Result<(), Fault> {
    let packed = deflate(file.bytes, Effort::Usual)?;
    let too_large = |e: std::num::TryFromIntError| Fault::new(Code::RenderPdf, "", format!("{}: {e}", file.name));
    let size = i32::try_from(file.bytes.len()).map_err(too_large)?;
    let mut embedded = pdf.embedded_file(stream, &packed);
    embedded.filter(Filter::FlateDecode);
    embedded.subtype(Name(file.media_type.as_bytes()));
    let mut params = embedded.params();
    params.size(size);
    params.pair(Name(b"CreationDate"), Str(date.as_bytes()));
    params.pair(Name(b"ModDate"), Str(date.as_bytes()));
    params.checksum(Str(&Md5::digest(file.bytes)));
    params.finish();
    embedded.finish();
    let mut spec = pdf.file_spec(specification);
    spec.path(Str(file.name.as_bytes()));
    spec.unic_file(TextStr(file.name));
    spec.description(TextStr(file.description));
    spec.association_kind(AssociationKind::Data);
    spec.embedded_file_with_unicode(stream);
    Ok(())
}
