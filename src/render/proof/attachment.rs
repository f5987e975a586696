//! What a PDF carries besides its pages: a file under a name. The PDF may be anybody's; nothing of it is trusted, and nothing in it
//! unpacks to more than a limit.

use std::collections::BTreeSet;

use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId, decode_text_string};

use crate::base::{Code, Fault};

/// Nodes of the tree of names that are looked at: a tree that goes round in a circle ends here.
const NODES_MAX: usize = 1_000;

/// The file that a PDF carries under this name in its tree of embedded files (ISO 32000-1, 7.11.4); `None` when there is none.
///
/// # Errors
/// [`Code::VerdictReceiptMissing`] when the bytes are no PDF that can be read (damaged, encrypted), it carries several files of the name,
/// or the file unpacks to more than `bytes_max`.
pub fn attachment(pdf: &[u8], name: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Fault> {
    let options = LoadOptions { max_decompressed_size: Some(bytes_max), ..LoadOptions::default() };
    let document = Document::load_mem_with_options(pdf, options).map_err(unreadable)?;
    carried(&document, name, bytes_max)
}

fn refused(why: String) -> Fault {
    Fault::new(Code::VerdictReceiptMissing, "", why)
}

fn unreadable(e: lopdf::Error) -> Fault {
    refused(format!("this PDF can't be read: {e}"))
}

/// The file that an opened PDF carries under this name; see [`attachment`].
pub(super) fn carried(document: &Document, name: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Fault> {
    let found = specifications(document);
    let mut named = found.iter().filter(|(known, _)| known == name);
    let Some((_, first)) = named.next() else { return Ok(None) };
    // Which of them a reader is shown is up to the reader.
    if named.next().is_some() {
        return Err(refused(format!("this PDF carries several files named {name}")));
    }
    let embedded = first.get_deref(b"EF", document).and_then(Object::as_dict).map_err(unreadable)?;
    let stream = embedded.get_deref(b"F", document).and_then(Object::as_stream).map_err(unreadable)?;
    let content = stream.get_plain_content_with_limit(bytes_max).map_err(unreadable)?;
    Ok(Some(content))
}

/// The names of the files that an opened PDF carries.
pub(super) fn names(document: &Document) -> Vec<String> {
    specifications(document).into_iter().map(|(name, _)| name).collect()
}

/// The file specifications, each once, with its name.
fn specifications(document: &Document) -> Vec<(String, &Dictionary)> {
    let root = document.catalog().and_then(|catalog| catalog.get_deref(b"Names", document)).and_then(Object::as_dict);
    let tree = root.and_then(|names| names.get_deref(b"EmbeddedFiles", document)).and_then(Object::as_dict);
    let mut waiting: Vec<&Dictionary> = tree.into_iter().collect();
    let mut known: BTreeSet<ObjectId> = BTreeSet::new();
    let mut found = Vec::new();
    let mut looked_at = 0usize;
    while let Some(node) = waiting.pop() {
        looked_at = looked_at.saturating_add(1);
        if looked_at > NODES_MAX {
            break;
        }
        let array =
            |key: &[u8]| node.get_deref(key, document).and_then(Object::as_array).map_or(&[][..], Vec::as_slice);
        let kids = array(b"Kids").iter().filter_map(|kid| document.dereference(kid).ok()?.1.as_dict().ok());
        waiting.extend(kids.take(NODES_MAX));
        // A leaf lists key, specification, key, specification, ...
        for specification in array(b"Names").iter().skip(1).step_by(2) {
            let Ok((id, object)) = document.dereference(specification) else { continue };
            let Ok(dictionary) = object.as_dict() else { continue };
            if id.is_none_or(|id| known.insert(id)) {
                found.extend(name(document, dictionary).map(|name| (name, dictionary)));
            }
        }
    }
    found
}

fn name(document: &Document, specification: &Dictionary) -> Option<String> {
    let written = |key: &[u8]| decode_text_string(specification.get_deref(key, document).ok()?).ok();
    written(b"UF").or_else(|| written(b"F"))
}

#[cfg(test)]
mod tests {
    use lopdf::{Stream, dictionary};

    use super::*;

    /// A PDF that carries these files.
    fn carrying(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut document = Document::with_version("1.7");
        let mut names = Vec::new();
        for (name, content) in files {
            let mut stream = Stream::new(dictionary! { "Type" => "EmbeddedFile" }, content.to_vec());
            stream.compress().unwrap();
            let file = document.add_object(stream);
            let specification = document.add_object(dictionary! {
                "Type" => "Filespec", "F" => Object::string_literal(*name), "UF" => Object::string_literal(*name),
                "EF" => dictionary! { "F" => file },
            });
            names.extend([Object::string_literal(*name), specification.into()]);
        }
        let leaf = document.add_object(dictionary! { "Names" => names });
        let tree = document.add_object(dictionary! { "Kids" => vec![leaf.into()] });
        let pages =
            document.add_object(dictionary! { "Type" => "Pages", "Kids" => Vec::<Object>::new(), "Count" => 0 });
        let catalog = document.add_object(dictionary! {
            "Type" => "Catalog", "Pages" => pages, "Names" => dictionary! { "EmbeddedFiles" => tree },
        });
        document.trailer.set("Root", catalog);
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_one_file_of_the_name_is_found() {
        let pdf = carrying(&[("invoice.xml", b"<x/>"), ("receipt.json", b"{\"v\":1}")]);
        assert_eq!(attachment(&pdf, "receipt.json", 100).unwrap().unwrap(), b"{\"v\":1}");
        assert_eq!(attachment(&pdf, "other.json", 100).unwrap(), None);
        assert_eq!(attachment(&carrying(&[]), "receipt.json", 100).unwrap(), None);
    }

    #[test]
    fn what_is_no_honest_pdf_is_refused() {
        let bomb = carrying(&[("receipt.json", &[b' '; 100_000])]);
        assert_eq!(attachment(&bomb, "receipt.json", 100_000).unwrap().unwrap().len(), 100_000);
        let twice = carrying(&[("receipt.json", b"{}"), ("receipt.json", b"[]")]);
        for bad in [&bomb[..], &twice, b"%PDF-1.7", b"", &twice[..twice.len() / 2]] {
            let limit = 99_999;
            let refused = attachment(bad, "receipt.json", limit).unwrap_err();
            assert_eq!(refused.code, Code::VerdictReceiptMissing);
        }
    }
}
