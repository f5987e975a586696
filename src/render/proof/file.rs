//! A PDF that somebody gave us, opened with limits: its pages, and whatever about it could show something else than its pages' content.

use lopdf::{Dictionary, Document, LoadOptions, Object, Stream};

use super::number;
use crate::base::{Code, Fault};

/// Bytes that one PDF may unpack to: a face of 2,000 lines with its fonts is a tenth of it.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Words of the content of all pages, and entries of the fonts' tables: 2,000 lines have a tenth of it.
const WORDS_MAX: usize = 2_000_000;
/// Steps from a page, a field or a form to those that it inherits from or stands in.
pub(super) const DEPTH_MAX: usize = 12;

/// That a file can't be compared with its receipt, and by what.
pub(super) fn unreadable(field: &str, why: impl Into<String>) -> Fault {
    Fault::new(Code::VerdictFaceUnreadable, field, why)
}

/// That a face differs from its receipt, and where.
pub(super) fn differs(field: impl Into<String>, why: impl Into<String>) -> Fault {
    Fault::new(Code::VerdictFaceDiffers, field, why)
}

/// A number of an object, in millionths; `None` for anything else.
pub(super) fn fixed(object: &Object) -> Option<i64> {
    let text = match object {
        Object::Integer(value) => value.to_string(),
        Object::Real(value) => value.to_string(),
        Object::Null
        | Object::Boolean(_)
        | Object::Name(_)
        | Object::String(..)
        | Object::Array(_)
        | Object::Dictionary(_)
        | Object::Stream(_)
        | Object::Reference(_) => return None,
    };
    number::parse(text.as_bytes())
}

/// So many numbers in an array.
pub(super) fn numbers<const N: usize>(document: &Document, array: &Object) -> Option<[i64; N]> {
    let items = array.as_array().ok()?.iter();
    let read: Option<Vec<i64>> = items.map(|item| fixed(document.dereference(item).ok()?.1)).collect();
    read?.try_into().ok()
}

/// What may still be unpacked and read.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
    words: usize,
}

impl Budget {
    /// A whole one.
    pub fn new() -> Self {
        Self { bytes: BYTES_MAX, words: WORDS_MAX }
    }

    /// One word more.
    pub fn word(&mut self) -> Result<(), Fault> {
        self.words =
            self.words.checked_sub(1).ok_or_else(|| unreadable("content", "the pages have too much on them"))?;
        Ok(())
    }

    /// A stream's bytes. Streams that are not packed, or by FlateDecode alone, are read, as every reader reads them.
    pub fn inflated(&mut self, stream: &Stream) -> Result<Vec<u8>, Fault> {
        let packed = stream.dict.has(b"Filter");
        let filters =
            if packed { stream.filters().map_err(|e| unreadable("filter", e.to_string()))? } else { Vec::new() };
        if !matches!(filters.as_slice(), [] | [b"FlateDecode"])
            || stream.dict.has(b"F")
            || stream.dict.has(b"DecodeParms")
        {
            return Err(unreadable("filter", "a part of the PDF is packed in a way that invoices are not"));
        }
        let plain = stream.get_plain_content_with_limit(self.bytes).map_err(|e| unreadable("filter", e.to_string()))?;
        self.bytes = self.bytes.saturating_sub(plain.len());
        Ok(plain)
    }
}

/// An opened PDF.
pub(super) struct File {
    /// Its objects.
    pub document: Document,
}

/// A page, with what it inherits.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// Its own dictionary.
    pub dictionary: &'a Dictionary,
    /// Fonts, forms and the like.
    pub resources: Option<&'a Dictionary>,
    /// Lower left and upper right corner, millionths of a point.
    pub size: [i64; 4],
}

impl File {
    /// Opens a PDF and refuses what could show other things than the content of its pages.
    ///
    /// # Errors
    /// [`Code::VerdictFaceUnreadable`], [`Code::VerdictFaceDiffers`].
    pub fn open(pdf: &[u8]) -> Result<Self, Fault> {
        let options = LoadOptions { max_decompressed_size: Some(BYTES_MAX), ..LoadOptions::default() };
        let document = Document::load_mem_with_options(pdf, options);
        let document = document.map_err(|e| unreadable("file", format!("this PDF can't be read: {e}")))?;
        if document.was_encrypted() || document.is_encrypted() {
            return Err(unreadable("encryption", "this PDF is encrypted"));
        }
        let file = Self { document };
        file.check_catalog()?;
        Ok(file)
    }

    fn catalog(&self) -> Result<&Dictionary, Fault> {
        self.document.catalog().map_err(|e| unreadable("file", e.to_string()))
    }

    fn check_catalog(&self) -> Result<(), Fault> {
        let catalog = self.catalog()?;
        for (key, field, what) in [
            (&b"OpenAction"[..], "action", "does something when it is opened"),
            (b"AA", "action", "does something by itself"),
            (b"OCProperties", "layer", "has layers, which can be shown and hidden"),
            (b"Collection", "file", "is a portfolio"),
            (b"NeedsRendering", "form", "is a form that is drawn when it is opened"),
            (b"StructTreeRoot", "structure", "has a structure that can say other things than its pages"),
        ] {
            if catalog.has(key) {
                return Err(unreadable(field, format!("this PDF {what}")));
            }
        }
        let names = catalog.get_deref(b"Names", &self.document).and_then(Object::as_dict);
        if names.is_ok_and(|names| names.has(b"JavaScript")) {
            return Err(unreadable("action", "this PDF carries programs"));
        }
        let Ok(form) = catalog.get_deref(b"AcroForm", &self.document) else { return Ok(()) };
        let form = form.as_dict().map_err(|e| unreadable("form", e.to_string()))?;
        let fields =
            form.get_deref(b"Fields", &self.document).and_then(Object::as_array).map_or(&[][..], Vec::as_slice);
        let signatures =
            fields.iter().all(|field| self.dictionary(field).is_some_and(|field| self.is_signature(field)));
        if !signatures || form.has(b"XFA") {
            return Err(unreadable("form", "this PDF is a form to be filled in"));
        }
        Ok(())
    }

    /// The dictionary that an object is, or refers to.
    pub fn dictionary<'a>(&'a self, object: &'a Object) -> Option<&'a Dictionary> {
        self.document.dereference(object).ok()?.1.as_dict().ok()
    }

    /// Whether a field is an invisible one for a signature: it has no width or no height, and does nothing.
    fn is_signature(&self, field: &Dictionary) -> bool {
        let kind = field.get_deref(b"FT", &self.document).and_then(Object::as_name);
        let place = field.get_deref(b"Rect", &self.document).ok().and_then(|place| numbers(&self.document, place));
        let Some([left, bottom, right, top]) = place else { return false };
        kind.is_ok_and(|kind| kind == b"Sig")
            && (left == right || bottom == top)
            && !field.has(b"A")
            && !field.has(b"AA")
            && !field.has(b"Kids")
    }

    /// The pages in order.
    ///
    /// # Errors
    /// [`Code::VerdictFaceDiffers`] with `annotation` or `page`, [`Code::VerdictFaceUnreadable`].
    pub fn pages(&self) -> Result<Vec<Page<'_>>, Fault> {
        self.document.get_pages().into_values().map(|id| self.page(self.document.get_dictionary(id).ok())).collect()
    }

    fn page<'a>(&'a self, page: Option<&'a Dictionary>) -> Result<Page<'a>, Fault> {
        let page = page.ok_or_else(|| unreadable("page", "a page can't be read"))?;
        for (key, field, what) in
            [(&b"AA"[..], "action", "does something by itself"), (b"Group", "transparency", "is transparent")]
        {
            if page.has(key) {
                return Err(unreadable(field, format!("a page {what}")));
            }
        }
        let marks = page.get_deref(b"Annots", &self.document).and_then(Object::as_array).map_or(&[][..], Vec::as_slice);
        if !marks.iter().all(|mark| self.dictionary(mark).is_some_and(|mark| self.is_signature(mark))) {
            return Err(differs("annotation", "something was put upon a page: a note, a stamp, a link or a field"));
        }
        let size = |key| self.inherited(page, key).and_then(|size| numbers::<4>(&self.document, size));
        let media = size(b"MediaBox").ok_or_else(|| unreadable("page", "a page has no size"))?;
        let turned = self.inherited(page, b"Rotate").is_some_and(|turned| fixed(turned) != Some(0));
        let scaled = page.get(b"UserUnit").is_ok_and(|unit| fixed(unit) != Some(number::ONE));
        let cropped = self.inherited(page, b"CropBox").is_some() && size(b"CropBox") != Some(media);
        if turned || scaled || cropped {
            return Err(differs("page", "a page was turned, cut or scaled"));
        }
        let resources = self.inherited(page, b"Resources").and_then(|resources| resources.as_dict().ok());
        Ok(Page { dictionary: page, resources, size: media })
    }

    /// An attribute of a page, or of the nearest node above that has it.
    fn inherited<'a>(&'a self, page: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
        let mut node = page;
        for _ in 0..DEPTH_MAX {
            if let Ok(value) = node.get_deref(key, &self.document) {
                return Some(value);
            }
            node = node.get_deref(b"Parent", &self.document).and_then(Object::as_dict).ok()?;
        }
        None
    }

    /// The content of a page: its streams, one behind the other.
    pub fn content(&self, page: &Page<'_>, budget: &mut Budget) -> Result<Vec<u8>, Fault> {
        let Ok(contents) = page.dictionary.get_deref(b"Contents", &self.document) else { return Ok(Vec::new()) };
        let parts = match contents.as_array() {
            Ok(parts) => parts.as_slice(),
            Err(_) => std::slice::from_ref(contents),
        };
        let mut content = Vec::new();
        for part in parts {
            let stream = self.document.dereference(part).and_then(|(_, object)| object.as_stream());
            let stream = stream.map_err(|e| unreadable("content", format!("a page's content is missing: {e}")))?;
            content.extend(budget.inflated(stream)?);
            content.push(b'\n');
        }
        Ok(content)
    }
}
