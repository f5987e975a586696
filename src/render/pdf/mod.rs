//! Sheets into the bytes of a PDF, built to PDF/A-3u.
//!
//! Promise: the same face and attachments give the same bytes, on every machine and with fonts loaded anew. Nothing random and no clock:
//! the file's times are the day of issue, its id follows the invoice's hash and what is attached.
//!
//! A page is the frame of its kind, a form drawn once by printpdf (`frame`), and over it the layer of this invoice (`content`). Labels and figures
//! have fonts that are cut and compressed when the service starts (`plates`); values get one cut for the invoice. pdf-writer writes the objects.

mod alphabet;
mod archive;
mod attached;
mod content;
mod deflate;
mod der;
mod embedded;
mod frame;
mod icc;
mod letters;
mod plates;
mod points;
mod signature;
mod signer;

use std::collections::BTreeMap;

use pdf_writer::{Filter, Finish as _, Name, Pdf, Rect, Ref, Settings, Str, TextStr};

pub(super) use attached::Attached;
pub(super) use plates::Plates;
pub use signer::DocumentSigner;

use super::draw::{FrameId, Sheet};
use super::face::Face;
use super::font::{Fonts, Typeface};
use crate::base::{Code, Fault};
use archive::Particulars;
use content::Layer;
use deflate::{Effort, deflate};
use embedded::EmbeddedFont;
use letters::{FontName, Letters};
use plates::Plate;
use points::points;

/// The language of the document.
const LANGUAGE: &str = "zh-CN";

/// The frame, as pages name it.
const FRAME: &str = "F";

/// Bytes that a file of one page hardly exceeds.
const CAPACITY: usize = 96 * 1024;

/// A finished PDF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The file.
    pub bytes: Vec<u8>,
    /// Characters that no font has, in code point order: each was drawn as a box, and copies as itself.
    pub missing: Vec<char>,
}

/// Writes sheets and what is attached; signed, if there is a signer.
///
/// # Errors
/// [`Code::RenderPdf`].
pub(super) fn write(
    face: &Face,
    sheets: &[Sheet],
    attached: &[Attached<'_>],
    signer: Option<&DocumentSigner>,
    plates: &Plates,
    fonts: &Fonts,
) -> Result<Rendered, Fault> {
    let mut letters = Letters::new(fonts);
    let layers = sheets.iter().map(|sheet| layer(sheet, plates, &mut letters)).collect::<Result<Vec<_>, Fault>>()?;
    let mut file =
        File { pdf: Pdf::with_settings_and_capacity(Settings { pretty: false }, CAPACITY), next: Ref::new(1) };
    file.pdf.set_version(1, 7);
    let [catalog, pages, info, metadata, profile] = [(); 5].map(|()| file.next.bump());
    let particulars = Particulars::of(face);
    // First of all that may look like it: `sign` finds it by its bytes.
    let signature = signer.map(|signer| file.signature_place(signer, &particulars));
    particulars.write_info(&mut file.pdf, info);
    particulars.write_metadata(&mut file.pdf, metadata);
    archive::write_profile(&mut file.pdf, profile, &plates.profile);
    let resources = file.resources(&layers, &letters, plates, fonts)?;
    let mut page_ids: Vec<Ref> = Vec::new();
    for layer in &layers {
        // The field of the signature is on the first page.
        let field = signature.filter(|_| page_ids.is_empty());
        page_ids.push(file.page(layer, pages, &resources, field));
    }
    let count = i32::try_from(page_ids.len()).unwrap_or(i32::MAX);
    file.pdf.pages(pages).kids(page_ids).count(count);
    let specifications = file.attachments(attached, &particulars)?;
    file.pdf.set_file_id(archive::file_id(face, attached::fingerprint(attached)));
    let mut root = file.pdf.catalog(catalog);
    root.pages(pages).metadata(metadata).lang(TextStr(LANGUAGE));
    root.viewer_preferences().display_doc_title(true);
    archive::write_output_intent(&mut root, profile);
    if !specifications.is_empty() {
        root.insert(Name(b"AF")).array().items(specifications.iter().map(|(_, id)| *id));
        let mut names = root.names();
        let mut tree = names.embedded_files();
        let mut entries = tree.names();
        for (name, id) in &specifications {
            entries.insert(Str(name.as_bytes()), *id);
        }
    }
    if let Some(place) = signature {
        place.write_form(&mut root);
    }
    root.finish();
    let bytes = file.pdf.finish();
    let bytes = match signer {
        Some(signer) => signature::sign(bytes, signer)?,
        None => bytes,
    };
    Ok(Rendered { bytes, missing: letters.missing.into_iter().collect() })
}

/// The layer of a page, and what it lies on.
struct Laid<'a> {
    frame: FrameId,
    plate: &'a Plate,
    size: (i32, i32),
    content: Vec<u8>,
}

fn layer<'a>(sheet: &Sheet, plates: &'a Plates, letters: &mut Letters<'_>) -> Result<Laid<'a>, Fault> {
    let no_frame = || Fault::new(Code::RenderPdf, "", format!("no frame {:?} is prepared", sheet.frame));
    let plate = plates.frames.get(&sheet.frame).ok_or_else(no_frame)?;
    let ready = plates.ready(plate);
    let mut layer = Layer::new(&ready, sheet.height);
    layer.form(FRAME);
    layer.marks(&sheet.marks, letters);
    let content = deflate(layer.finish().as_bytes(), Effort::Usual)?;
    Ok(Laid { frame: sheet.frame, plate, size: (sheet.width, sheet.height), content })
}

/// The page's whole area.
fn corners((width, height): (i32, i32)) -> Rect {
    Rect::new(0.0, 0.0, points(width), points(height))
}

/// Objects that pages name.
struct Resources {
    /// Fonts cut for the document, and that of figures.
    shared: Vec<(FontName, Ref)>,
    /// Of each frame that is used: the form, and the fonts of its labels.
    frames: BTreeMap<FrameId, (Ref, Vec<(FontName, Ref)>)>,
}

/// A PDF that is being written.
struct File {
    pdf: Pdf,
    /// The next object.
    next: Ref,
}

impl File {
    fn resources(
        &mut self,
        layers: &[Laid<'_>],
        letters: &Letters<'_>,
        plates: &Plates,
        fonts: &Fonts,
    ) -> Result<Resources, Fault> {
        let figure = plates.figure.font.write(&mut self.pdf, &mut self.next);
        let mut shared = vec![(FontName::Prepared(Typeface::Figure), figure)];
        for (typeface, alphabet) in &letters.own {
            let font = EmbeddedFont::of(fonts.file(*typeface), alphabet, Effort::Fast)?;
            shared.push((FontName::Own(*typeface), font.write(&mut self.pdf, &mut self.next)));
        }
        let mut frames = BTreeMap::new();
        for layer in layers {
            frames.entry(layer.frame).or_insert_with(|| self.frame(layer, figure));
        }
        Ok(Resources { shared, frames })
    }

    /// Writes a frame as a form with the fonts of its labels.
    fn frame(&mut self, layer: &Laid<'_>, figure: Ref) -> (Ref, Vec<(FontName, Ref)>) {
        let prepared = layer.plate.fonts.iter();
        let fonts: Vec<(FontName, Ref)> = prepared
            .map(|(typeface, prepared)| {
                (FontName::Prepared(*typeface), prepared.font.write(&mut self.pdf, &mut self.next))
            })
            .collect();
        let id = self.next.bump();
        let mut form = self.pdf.form_xobject(id, &layer.plate.content);
        form.filter(Filter::FlateDecode);
        form.bbox(corners(layer.size));
        let mut resources = form.resources();
        let mut names = resources.fonts();
        for (name, font) in fonts.iter().chain([&(FontName::Prepared(Typeface::Figure), figure)]) {
            names.pair(Name(name.as_str().as_bytes()), *font);
        }
        names.finish();
        resources.finish();
        form.finish();
        (id, fonts)
    }

    fn signature_place(&mut self, signer: &DocumentSigner, particulars: &Particulars) -> signature::Place {
        let place = signature::Place { dictionary: self.next.bump(), field: self.next.bump() };
        place.write_dictionary(&mut self.pdf, signer.bytes_max(), &particulars.pdf_date());
        place
    }

    fn page(&mut self, layer: &Laid<'_>, parent: Ref, shared: &Resources, signature: Option<signature::Place>) -> Ref {
        let [id, content] = [(); 2].map(|()| self.next.bump());
        self.pdf.stream(content, &layer.content).filter(Filter::FlateDecode);
        let mut page = self.pdf.page(id);
        page.parent(parent).contents(content).media_box(corners(layer.size));
        let mut resources = page.resources();
        let mut fonts = resources.fonts();
        let frame = shared.frames.get(&layer.frame);
        for (name, font) in shared.shared.iter().chain(frame.iter().flat_map(|(_, fonts)| fonts)) {
            fonts.pair(Name(name.as_str().as_bytes()), *font);
        }
        fonts.finish();
        if let Some((form, _)) = frame {
            resources.x_objects().pair(Name(FRAME.as_bytes()), *form);
        }
        resources.finish();
        page.annotations(signature.map(|place| place.field));
        page.finish();
        if let Some(place) = signature {
            place.write_field(&mut self.pdf, id);
        }
        id
    }

    /// Writes what is attached, and gives the names and specifications in order of the names.
    fn attachments<'a>(
        &mut self,
        attached: &[Attached<'a>],
        particulars: &Particulars,
    ) -> Result<Vec<(&'a str, Ref)>, Fault> {
        let date = particulars.pdf_date();
        let mut written = Vec::new();
        for file in attached {
            let objects = (self.next.bump(), self.next.bump());
            attached::write(&mut self.pdf, file, objects, &date)?;
            written.push((file.name, objects.0));
        }
        written.sort_unstable();
        Ok(written)
    }
}
