//! The press: what every rendering needs and is made once, to be shared by all threads.

use super::document::Document;
use super::draw::{Mark, Sheet};
use super::font::Fonts;
use super::layout::Layouts;
use super::pdf::{Rendered, invoice_pdf};
use crate::base::limits::LINES_PER_INVOICE_MAX;
use crate::base::{Code, Fault};

/// Fonts, layouts and what is prepared with them. Make it once, share it between threads.
#[derive(Debug)]
pub struct Press {
    fonts: Fonts,
    layouts: Layouts,
}

impl Press {
    /// Reads what is built into the program.
    ///
    /// # Errors
    /// Those of [`Fonts::load`].
    pub fn set_up() -> Result<Self, Fault> {
        let fonts = Fonts::load()?;
        let layouts = Layouts::load(&fonts)?;
        Ok(Self { fonts, layouts })
    }

    /// The PDF of a document: the same bytes each time.
    ///
    /// # Errors
    /// Those of [`invoice_pdf`].
    pub fn pdf(&self, document: &Document) -> Result<Rendered, Fault> {
        invoice_pdf(&document.face, &self.fonts)
    }

    /// The typefaces.
    pub(super) fn fonts(&self) -> &Fonts {
        &self.fonts
    }

    /// The pages of a document, without their frames.
    ///
    /// # Errors
    /// [`Code::RenderLinesTooMany`], [`Code::RenderQrTooLong`].
    pub(super) fn sheets(&self, document: &Document) -> Result<Vec<Sheet>, Fault> {
        let lines = document.face.lines.len();
        if lines > LINES_PER_INVOICE_MAX {
            let message = format!("{lines} lines, at most {LINES_PER_INVOICE_MAX}");
            return Err(Fault::new(Code::RenderLinesTooMany, "lines", message));
        }
        self.layouts.sheets(&document.face, &self.fonts)
    }

    /// What is painted under the marks of a page.
    pub(super) fn frame_marks(&self, sheet: &Sheet) -> &[Mark] {
        self.layouts.frame(sheet.frame).map_or(&[][..], |frame| &frame.marks)
    }
}
