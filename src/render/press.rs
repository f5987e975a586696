//! The press: what every rendering needs and is made once, to be shared by all threads.

use super::document::Document;
use super::draw::{Mark, Sheet};
use super::face::Face;
use super::font::Fonts;
use super::layout::Layouts;
use super::pdf::{self, Attached, DocumentSigner, Plates, Rendered};
use super::specimen::specimens;
use crate::base::limits::LINES_PER_INVOICE_MAX;
use crate::base::{Code, Fault};

/// Fonts, layouts and what is prepared with them. Make it once, share it between threads.
#[derive(Debug)]
pub struct Press {
    fonts: Fonts,
    layouts: Layouts,
    plates: Plates,
}

impl Press {
    /// Reads what is built into the program, and prepares what all documents share.
    ///
    /// # Errors
    /// Those of [`Fonts::load`]; [`Code::RenderPdf`] when a frame can't be prepared.
    pub fn set_up() -> Result<Self, Fault> {
        let fonts = Fonts::load()?;
        let layouts = Layouts::load(&fonts)?;
        let plates = plates(&layouts, &fonts)?;
        Ok(Self { fonts, layouts, plates })
    }

    /// The PDF of a document: the same bytes each time.
    ///
    /// # Errors
    /// [`Code::RenderLinesTooMany`], [`Code::RenderQrTooLong`] when the face can't be printed; [`Code::RenderPdf`] when the file could
    /// not be put together.
    pub fn pdf(&self, document: &Document) -> Result<Rendered, Fault> {
        self.write(&document.face, &attached(document), None)
    }

    /// The same, signed by the operator. It repeats too: the signature's nonce follows from key and file (RFC 6979).
    ///
    /// # Errors
    /// Those of [`Self::pdf`].
    pub fn pdf_signed(&self, document: &Document, signer: &DocumentSigner) -> Result<Rendered, Fault> {
        self.write(&document.face, &attached(document), Some(signer))
    }

    /// The PDF of a face alone: what [`Self::pdf`] shows, and nothing attached that would prove it.
    ///
    /// # Errors
    /// Those of [`Self::pdf`].
    pub fn face_pdf(&self, face: &Face) -> Result<Rendered, Fault> {
        self.write(face, &[], None)
    }

    /// How many pages a document has.
    ///
    /// # Errors
    /// [`Code::RenderLinesTooMany`], [`Code::RenderQrTooLong`].
    pub fn pages(&self, document: &Document) -> Result<usize, Fault> {
        Ok(self.sheets(&document.face)?.len())
    }

    fn write(
        &self,
        face: &Face,
        attached: &[Attached<'_>],
        signer: Option<&DocumentSigner>,
    ) -> Result<Rendered, Fault> {
        pdf::write(face, &self.sheets(face)?, attached, signer, &self.plates, &self.fonts)
    }

    /// The typefaces.
    pub fn fonts(&self) -> &Fonts {
        &self.fonts
    }

    /// What is painted under the marks of a page.
    pub(super) fn frame_marks(&self, sheet: &Sheet) -> &[Mark] {
        self.layouts.frame(sheet.frame).map_or(&[][..], |frame| &frame.marks)
    }

    /// The pages of a face, frames by name.
    pub(super) fn sheets(&self, face: &Face) -> Result<Vec<Sheet>, Fault> {
        if face.lines.len() > LINES_PER_INVOICE_MAX {
            let message = format!("{} lines, at most {LINES_PER_INVOICE_MAX}", face.lines.len());
            return Err(Fault::new(Code::RenderLinesTooMany, "lines", message));
        }
        self.layouts.sheets(face, &self.fonts)
    }
}

fn plates(layouts: &Layouts, fonts: &Fonts) -> Result<Plates, Fault> {
    let mut usual = Vec::new();
    for face in specimens() {
        usual.extend(layouts.sheets(&face, fonts)?);
    }
    Plates::prepare(layouts.frames(), &usual, fonts)
}

/// What the PDF of a document carries.
fn attached(document: &Document) -> [Attached<'_>; 2] {
    let receipt = Attached {
        name: "receipt.json",
        media_type: "application/json",
        description: "区块链收据 Receipt: proves this invoice; checked by `piaolian verify`",
        bytes: document.receipt.as_bytes(),
    };
    let xml = Attached {
        name: "invoice.xml",
        media_type: "text/xml",
        description: "发票数据 Invoice data",
        bytes: document.xml.as_bytes(),
    };
    [receipt, xml]
}
