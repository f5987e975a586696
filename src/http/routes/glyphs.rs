//! Warnings about characters that no typeface of the face has: they will be printed as boxes.

use std::fmt;

use super::super::HttpState;
use crate::base::{Code, Fault};
use crate::invoice::{Checked, Draft};
use crate::ledger::entry::IssuedOutline;
use crate::render::surely_drawn;

/// What is found while texts are looked through. The fonts are not asked for until a text needs them.
struct Boxes<'a> {
    state: &'a HttpState,
    found: Result<Vec<Fault>, Fault>,
}

impl Boxes<'_> {
    fn look_at(&mut self, path: fmt::Arguments<'_>, text: &str) {
        if text.chars().all(surely_drawn) {
            return;
        }
        let Ok(found) = &mut self.found else { return };
        match self.state.press() {
            Ok(press) => found.extend(press.fonts().lacking(text).map(|character| warning(path, character))),
            Err(fault) => self.found = Err(fault),
        }
    }
}

fn warning(path: fmt::Arguments<'_>, character: char) -> Fault {
    let code_point = u32::from(character);
    let message = format!("no typeface has U+{code_point:04X}: the face shows a box, the data keep the character");
    Fault::new(Code::RenderCharacterWithoutGlyph, path.to_string(), message)
}

/// The warnings about a draft, paths relative to it.
///
/// # Errors
/// Those of [`crate::render::Press::set_up`].
pub(super) fn of_draft(state: &HttpState, draft: &Draft) -> Result<Vec<Fault>, Fault> {
    let mut boxes = Boxes { state, found: Ok(Vec::new()) };
    draft.each_text(|path, text| boxes.look_at(path, text));
    boxes.found
}

/// The warnings about the seller of a draft as it will be recorded, paths beginning with `seller`.
///
/// # Errors
/// As [`of_draft`].
pub(super) fn of_seller(state: &HttpState, checked: &Checked) -> Result<Vec<Fault>, Fault> {
    let mut boxes = Boxes { state, found: Ok(Vec::new()) };
    let seller = checked.seller();
    boxes.look_at(format_args!("seller.name"), &seller.name);
    for (field, text) in [("address_phone", &seller.address_phone), ("bank_account", &seller.bank_account)] {
        boxes.look_at(format_args!("seller.{field}"), text.as_deref().unwrap_or_default());
    }
    boxes.found
}

/// [`of_seller`] for an invoice's entry. Its draft is parsed only when something in the entry may lack a glyph.
///
/// # Errors
/// As [`of_draft`]; [`Code::Internal`] for a draft that this program did not write.
pub(super) fn of_recorded_seller(state: &HttpState, entry: &str) -> Result<Vec<Fault>, Fault> {
    if entry.chars().all(surely_drawn) {
        return Ok(Vec::new());
    }
    let draft = IssuedOutline::read(entry)?.draft.get();
    let checked: Checked = serde_json::from_str(draft).map_err(|e| Fault::new(Code::Internal, "", e.to_string()))?;
    of_seller(state, &checked)
}
