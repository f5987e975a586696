//! Floor 3: what people see: the invoice's face as a PDF, its QR code, and the service's few web pages.
//!
//! Promise: everything here is a pure function of what it is given. The same [`Face`] gives the same bytes, each time and on every
//! machine; a character that no font has is drawn as a box and named in [`Rendered::missing`], never dropped in silence.
//!
//! *Invariant:* decides no invoice rule, knows no SQL and no HTTP; reads no clock, no file and no environment; does no arithmetic on money
//! but the sums of the list pages. Floats live in `pdf` alone, where two libraries take nothing else.

mod document;
mod draw;
mod face;
mod font;
mod glyphs;
mod issued;
mod layout;
mod ofd;
mod outline;
mod pages;
mod pdf;
mod press;
mod proof;
mod qr;
#[cfg(test)]
mod sample;
mod specimen;
mod subset;
mod svg;
mod turn;
mod verifier;
mod xml;

pub use document::Document;
pub use face::{Face, FaceKind, FaceLine, FaceParty};
pub use font::{Fonts, surely_drawn};
pub use issued::{digital_code, verify_url};
pub use pages::{
    ClaimPage, FormPage, IndexPage, SealLine, Shown, Verdict, VerifyPage, claim_page, form_page, index_page,
    verify_page,
};
pub use pdf::{DocumentSigner, Rendered};
pub use press::Press;
pub use proof::{FaceSame, attachment, compare_face};
pub use qr::{QUIET_MODULES, QrMatrix, matrix, png, svg};
pub use verifier::verifier_page;
pub use xml::{INVOICE_NAMESPACE, LEDGER_NAMESPACE, invoice_xml};

/// Names the edition of the renderings: it changes whenever a layout, a font, the code of this room or a library changes, with which the
/// bytes of a document may change. The build reckons it out.
pub const EDITION: &str = env!("RENDERING_EDITION");
