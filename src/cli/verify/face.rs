//! The face of a PDF: what `render` says about it, in the words of a verdict.

use std::sync::OnceLock;

use super::outcome::FaceSaid;
use crate::base::{Code, Fault};
use crate::chain::receipt::Receipt;
use crate::render::{Press, compare_face};

/// Compares faces; the fonts are read when the first PDF comes.
#[derive(Default)]
pub struct Faces(OnceLock<Result<Press, Fault>>);

impl Faces {
    /// Compares the pages of a PDF with a valid receipt.
    pub fn compare(&self, pdf: &[u8], receipt: &Receipt) -> FaceSaid {
        let press = self.0.get_or_init(Press::set_up).as_ref().map_err(Clone::clone);
        match press.and_then(|press| compare_face(pdf, receipt, press)) {
            Ok(same) => FaceSaid::Same { leads_to: same.leads_to },
            Err(Fault { code: Code::VerdictFaceDiffers, path, message }) => FaceSaid::Differs { field: path, message },
            // Whatever else went wrong: nobody knows what the pages say.
            Err(Fault { path, message, .. }) => FaceSaid::Unreadable { field: path, message },
        }
    }
}
