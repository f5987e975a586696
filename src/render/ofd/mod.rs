//! The document as OFD (GB/T 33190-2016), the national layout format: a ZIP archive of XML files with the same pages as the PDF, the same
//! subset fonts and the same attachments.
//!
//! Frames are template pages, page marks are the body over them. The characters of a text are what it says; a character that no typeface
//! has is mapped to the box in the character map of its font. Where an object shows a field of the invoice, a custom tag names it, as
//! the invoices of the tax bureau have it. Same document, same bytes: files carry the first moment that ZIP knows.

mod content;
mod font;
mod package;
mod tags;

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use self::content::{Gathered, Painter, TYPEFACES};
use self::font::font_file;
use super::document::Document;
use super::draw::{FrameId, Mark, Sheet};
use super::font::Typeface;
use super::pdf::Rendered;
use super::press::Press;
use super::subset::subset;
use super::xml::XmlSheet;
use crate::base::{Code, Fault};

/// Namespace of the standard.
const NAMESPACE: (&str, &str) = ("xmlns:ofd", "http://www.ofdspec.org/2016");

/// A file of the archive: its path, its content.
type File = (String, Vec<u8>);

impl Press {
    /// The OFD file of a document: the same bytes each time.
    ///
    /// # Errors
    /// [`Code::RenderLinesTooMany`], [`Code::RenderQrTooLong`] when the face can't be drawn; [`Code::RenderOfd`], [`Code::RenderXml`],
    /// [`Code::RenderPdf`] when the file could not be put together.
    pub fn ofd(&self, document: &Document) -> Result<Rendered, Fault> {
        let sheets = self.sheets(&document.face)?;
        let mut gathered = Gathered::default();
        let mut templates: Vec<(FrameId, u32)> = Vec::new();
        let mut files: Vec<File> = Vec::new();
        for sheet in &sheets {
            if !templates.iter().any(|(frame, _)| *frame == sheet.frame) {
                let id = gathered.id();
                let path = format!("Doc_0/Tpls/Tpl_{}/Content.xml", templates.len());
                files.push((path, self.page(&mut gathered, id, sheet, None)?));
                templates.push((sheet.frame, id));
            }
        }
        let mut pages = Vec::new();
        for (position, sheet) in sheets.iter().enumerate() {
            let id = gathered.id();
            let template = templates.iter().find(|(frame, _)| *frame == sheet.frame).map_or(0, |(_, id)| *id);
            let path = format!("Doc_0/Pages/Page_{position}/Content.xml");
            files.push((path, self.page(&mut gathered, id, sheet, Some(template))?));
            pages.push(id);
        }
        for (typeface, characters) in &gathered.used {
            let whole = self.fonts().file(*typeface);
            files.push((format!("Doc_0/Res/{}", font_name(*typeface)), font_file(&subset(whole, characters)?, whole)?));
        }
        let tags = tags::files(&gathered.shown, document.face.kind)?;
        let plan = package::Plan {
            document,
            page_size: sheets.first().map_or((0, 0), |sheet| (sheet.width, sheet.height)),
            templates: templates.iter().map(|(_, id)| *id).collect(),
            pages,
            typefaces: gathered.used.keys().copied().collect(),
            tagged: !tags.is_empty(),
            last_id: gathered.last_id,
        };
        let mut all = package::files(&plan, self.fonts())?;
        all.extend(tags);
        all.extend(files);
        Ok(Rendered { bytes: packed(&all)?, missing: missing(self, &gathered) })
    }

    /// A page, or without a template the template itself: the frame's marks.
    fn page(&self, gathered: &mut Gathered, page: u32, sheet: &Sheet, template: Option<u32>) -> Result<Vec<u8>, Fault> {
        let layer = gathered.id().to_string();
        let (marks, kind): (&[Mark], _) = match template {
            Some(_) => (&sheet.marks, "Body"),
            None => (self.frame_marks(sheet), "Background"),
        };
        let mut painter = Painter { fonts: self.fonts(), gathered, page };
        let mut xml = XmlSheet::new()?;
        xml.within("ofd:Page", &[NAMESPACE], |xml| {
            if let Some(template) = template {
                xml.empty("ofd:Template", &[("TemplateID", &template.to_string()), ("ZOrder", "Background")])?;
            }
            package::area(xml, "ofd:Area", (sheet.width, sheet.height))?;
            xml.within("ofd:Content", &[], |xml| {
                xml.within("ofd:Layer", &[("ID", &layer), ("Type", kind)], |xml| {
                    marks.iter().try_for_each(|mark| painter.paint(xml, mark))
                })
            })
        })?;
        Ok(xml.finish()?.into_bytes())
    }
}

/// File name of a typeface.
fn font_name(typeface: Typeface) -> String {
    let id = TYPEFACES.iter().find(|(one, _)| *one == typeface).map_or(0, |(_, id)| *id);
    format!("font_{id}.ttf")
}

/// The characters that no typeface has.
fn missing(press: &Press, gathered: &Gathered) -> Vec<char> {
    let characters = gathered.used.get(&Typeface::Song).into_iter().flatten();
    let is_missing = |character: char| press.fonts().file(Typeface::Song).glyph(character).is_none();
    characters.map(|(character, _)| *character).filter(|character| is_missing(*character)).collect()
}

fn packed(files: &[File]) -> Result<Vec<u8>, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::new(Code::RenderOfd, "", e.to_string());
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default());
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        archive.start_file(path.as_str(), options).map_err(|e| failed(&e))?;
        archive.write_all(content).map_err(|e| failed(&e))?;
    }
    Ok(archive.finish().map_err(|e| failed(&e))?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::io::Read as _;

    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::*;
    use crate::render::face::FaceKind;
    use crate::render::sample::{document, with, with_lines};

    fn unpacked(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut files = BTreeMap::new();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            let name = file.name().unwrap().into_owned();
            assert!(files.insert(name.clone(), content).is_none(), "{name} twice");
        }
        files
    }

    /// Each element with its attributes and the text right after its beginning.
    fn elements(xml: &[u8]) -> Vec<(String, BTreeMap<String, String>, String)> {
        let xml = std::str::from_utf8(xml).unwrap();
        let mut reader = Reader::from_str(xml);
        let mut found: Vec<(String, BTreeMap<String, String>, String)> = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) | Event::Empty(start) => {
                    let attributes = start.attributes().map(Result::unwrap);
                    let attributes =
                        attributes.map(|one| (one.key.as_ref().to_owned(), one.value.clone().into_owned())).collect();
                    found.push((start.name().as_ref().to_owned(), attributes, String::new()));
                }
                Event::Text(text) => found.last_mut().unwrap().2.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let reference = format!("&{};", reference.xml10_content());
                    found.last_mut().unwrap().2.push_str(&quick_xml::escape::unescape(&reference).unwrap());
                }
                Event::Eof => return found,
                Event::End(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_) => {}
            }
        }
    }

    #[test]
    fn ids_are_given_once_and_whatever_is_referred_to_is_there() {
        let press = Press::set_up().unwrap();
        for document in [document(), with_lines(100), with(|face| face.kind = FaceKind::Digital)] {
            let files = unpacked(&press.ofd(&document).unwrap().bytes);
            let all: Vec<_> =
                files.iter().filter(|(name, _)| name.ends_with(".xml")).flat_map(|(_, xml)| elements(xml)).collect();
            // A page and a template have their ids in Document.xml; attachments have names of their own kind.
            let given = all
                .iter()
                .filter(|(name, ..)| name != "ofd:Attachment")
                .filter_map(|(_, attributes, _)| attributes.get("ID"));
            let ids: Vec<u32> = given.map(|id| id.parse().unwrap()).collect();
            let once: BTreeSet<u32> = ids.iter().copied().collect();
            assert_eq!(once.len(), ids.len());
            let largest = all.iter().find(|(name, ..)| name == "ofd:MaxUnitID").unwrap().2.parse::<u32>().unwrap();
            assert!(once.iter().all(|id| *id <= largest));
            for (name, attributes, text) in &all {
                for reference in ["Font", "TemplateID", "PageRef"].iter().filter_map(|name| attributes.get(*name)) {
                    assert!(once.contains(&reference.parse().unwrap()), "{name} {reference}");
                }
                if name == "ofd:ObjectRef" {
                    assert!(once.contains(&text.parse().unwrap()), "{text}");
                }
            }
            let base = |place: &str| format!("Doc_0/{place}");
            for (name, attributes, text) in &all {
                if let Some(place) = attributes.get("BaseLoc").filter(|_| name != "ofd:Res") {
                    assert!(files.contains_key(&base(place)), "{place}");
                }
                let place = match name.as_str() {
                    "ofd:FontFile" => base(&format!("Res/{text}")),
                    "ofd:FileLoc" if text == "CustomTag.xml" => base(&format!("Tags/{text}")),
                    "ofd:FileLoc" => base(&format!("Attachs/{text}")),
                    "ofd:PublicRes" | "ofd:Attachments" | "ofd:CustomTags" if !text.is_empty() => base(text),
                    "ofd:DocRoot" => text.clone(),
                    _ => continue,
                };
                assert!(files.contains_key(&place), "{name} {place}");
            }
        }
    }

    #[test]
    fn attachments_are_the_receipt_and_the_data_byte_for_byte() {
        let document = document();
        let files = unpacked(&Press::set_up().unwrap().ofd(&document).unwrap().bytes);
        assert_eq!(files["Doc_0/Attachs/receipt.json"], document.receipt.as_bytes());
        assert_eq!(files["Doc_0/Attachs/original_invoice.xml"], document.xml.as_bytes());
    }

    #[test]
    fn the_same_document_is_the_same_bytes_and_another_is_not() {
        let (press, document) = (Press::set_up().unwrap(), document());
        let first = press.ofd(&document).unwrap();
        assert!(first == press.ofd(&document).unwrap());
        assert!(first == Press::set_up().unwrap().ofd(&document).unwrap());
        assert!(first.bytes != press.ofd(&with(|face| face.remark.push('。'))).unwrap().bytes);
    }

    #[test]
    fn a_character_in_no_font_stays_itself_and_is_told() {
        let press = Press::set_up().unwrap();
        let rendered = press.ofd(&with(|face| face.buyer.name = "深圳🍜面馆".to_owned())).unwrap();
        assert_eq!(rendered.missing, ['🍜']);
        let files = unpacked(&rendered.bytes);
        let texts = elements(&files["Doc_0/Pages/Page_0/Content.xml"]);
        assert!(texts.iter().any(|(name, _, text)| name == "ofd:TextCode" && text == "深圳🍜面馆"));
        let song = ttf_parser::Face::parse(&files["Doc_0/Res/font_2.ttf"], 0).unwrap();
        assert!(song.glyph_index('🍜').is_some_and(|glyph| glyph.0 != 0));
        assert_eq!(press.ofd(&document()).unwrap().missing, Vec::<char>::new());
    }

    #[test]
    fn every_character_of_a_page_is_in_the_font_that_its_object_names() {
        let press = Press::set_up().unwrap();
        let files = unpacked(&press.ofd(&with_lines(60)).unwrap().bytes);
        let pages = files.iter().filter(|(name, _)| name.ends_with("/Content.xml"));
        let mut font = String::new();
        for (name, attributes, text) in pages.flat_map(|(_, page)| elements(page)) {
            if name == "ofd:TextObject" {
                font = format!("Doc_0/Res/font_{}.ttf", attributes["Font"]);
            }
            if name == "ofd:TextCode" {
                let face = ttf_parser::Face::parse(&files[&font], 0).unwrap();
                assert!(text.chars().all(|character| face.glyph_index(character).is_some()), "{text} in {font}");
                let steps = attributes.get("DeltaX").map_or(0, |steps| steps.split(' ').count());
                assert_eq!(steps + 1, text.chars().count(), "{text}");
            }
        }
    }
}
