//! The press: what every rendering needs and is made once, to be shared by all threads.

use super::document::Document;
use super::draw::Sheet;
use super::face::Face;
use super::font::Fonts;
use super::layout::Layouts;
use super::pdf::{Rendered, invoice_pdf};
use crate::base::Fault;

/// Fonts and what is prepared with them. Make it once, share it between threads.
#[derive(Debug)]
pub struct Press {
    fonts: Fonts,
}

impl Press {
    /// Reads what is built into the program.
    ///
    /// # Errors
    /// Those of [`Fonts::load`].
    pub fn set_up() -> Result<Self, Fault> {
        Ok(Self { fonts: Fonts::load()? })
    }

    /// The PDF of a document: the same bytes each time.
    ///
    /// # Errors
    /// Those of [`invoice_pdf`].
    pub fn pdf(&self, document: &Document) -> Result<Rendered, Fault> {
        invoice_pdf(&document.face, &self.fonts)
    }

    /// The pages of a face before they become PDF.
    ///
    /// # Errors
    /// Those of [`Layouts::load`] and [`Layouts::sheets`].
    pub(super) fn sheets(&self, face: &Face) -> Result<Vec<Sheet>, Fault> {
        Layouts::load(&self.fonts)?.sheets(face, &self.fonts)
    }

    /// The fonts.
    pub(super) fn fonts(&self) -> &Fonts {
        &self.fonts
    }
}
