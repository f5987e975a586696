//! Compares a PDF's pages with what we paint for the receipt.

use super::attachment::{carried, names};
use super::code::{Modules, codes};
use super::content::Reader;
use super::file::{File, Page, differs, unreadable};
use super::item::Item;
use super::number::{minus, said};
use super::spots::Spots;
use crate::base::limits::RECEIPT_BYTES_MAX;
use crate::base::{Code, Fault};
use crate::chain::receipt::Receipt;
use crate::render::document::Document;
use crate::render::press::Press;
use crate::render::qr;

/// What stands in the QR code between the service's address and the facts (domain.md 1.4).
const QUERY: &str = "/verify/scan?";

/// The attachment that everything is compared with.
const RECEIPT: &str = "receipt.json";

/// How far ahead an item is looked for to tell what was put in from what was changed.
const AHEAD: usize = 20_000;

/// How far two pages' sizes may be apart: re-saving rounds.
const SIZE_TOLERANCE: i64 = 50_000;

/// A face that says what its receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaceSame {
    /// Pages.
    pub pages: usize,
    /// The address that the QR code leads to, which no receipt can vouch for: scheme and host, `https://example.com`; empty when the
    /// code is no address.
    pub leads_to: String,
}

/// Compares what the pages of a PDF show with what a receipt says, which the caller has verified. The QR code is compared first; then,
/// page by page in painting order, outline, place, size, colour and text of every glyph, and every path; then the other attachments.
///
/// # Errors
/// [`Code::VerdictFaceDiffers`] with the first field that differs as path (`number`, `lines[0].amount`, `qr`, or `page`, `annotation`,
/// `attachment`), [`Code::VerdictFaceUnreadable`] with what makes it so (`font`, `image`, `clip`, ...); those of [`Press::pdf`].
pub fn compare_face(pdf: &[u8], receipt: &Receipt, press: &Press) -> Result<FaceSame, Fault> {
    let given = File::open(pdf)?;
    let pages = given.pages()?;
    let mut reader = Reader::new(&given);
    let painted = pages.iter().map(|page| reader.painted(page)).collect::<Result<Vec<_>, _>>()?;
    let Some(says) = code_text(painted.first().map(Vec::as_slice).unwrap_or_default()) else {
        return Err(differs("qr", "the first page has not exactly one QR code that can be read"));
    };
    let public_url = says.split_once(QUERY).map_or("", |(public_url, _)| public_url);
    let document = match Document::of(receipt, public_url) {
        Err(fault) if fault.code == Code::RenderNoInvoice => {
            return Err(differs("page", "the receipt is of an entry that issued no invoice"));
        }
        made => made?,
    };
    check_code(&says, &document.face.qr_text)?;
    let own = File::open(&press.pdf(&document)?.bytes)?;
    let own_pages = own.pages()?;
    if pages.len() != own_pages.len() {
        let what = format!("the receipt makes {} pages, the file has {}", own_pages.len(), pages.len());
        return Err(differs("page", what));
    }
    let mut own_reader = Reader::new(&own);
    for (at, (page, own_page)) in pages.iter().zip(&own_pages).enumerate() {
        check_size(page, own_page)?;
        let expected = own_reader.painted(own_page)?;
        let field = |item: &Item| field(item, press, &document, at);
        check_items(painted.get(at).map(Vec::as_slice).unwrap_or_default(), &expected, at + 1, field)?;
    }
    check_attachments(&given, &own)?;
    Ok(FaceSame { pages: pages.len(), leads_to: leads_to(public_url) })
}

/// The field that an item of a page stands in. Laid out again only for this: most files hold.
fn field(item: &Item, press: &Press, document: &Document, page: usize) -> String {
    let sheets = press.sheets(&document.face).unwrap_or_default();
    let spots = sheets.get(page).map(|sheet| Spots::of(sheet, press.fonts()));
    spots.map_or_else(|| "page".to_owned(), |spots| spots.field(item))
}

/// Scheme and host of an address.
fn leads_to(public_url: &str) -> String {
    let Some((scheme, rest)) = public_url.split_once("://") else { return String::new() };
    format!("{scheme}://{}", rest.split(['/', '?', '#']).next().unwrap_or_default())
}

/// What the one QR code of a page says. `None` when there is none, or several, or one that says nothing that our writer writes.
fn code_text(items: &[Item]) -> Option<String> {
    let mut found = codes(items);
    let rectangles = found.next()?;
    if found.next().is_some() {
        return None;
    }
    let modules = Modules::of(&rectangles)?;
    let text = modules.text()?;
    // A code with faults in it may be read as one thing by one reader and as another by the next.
    modules.is(&qr::matrix(&text).ok()?).then_some(text)
}

fn check_code(says: &str, expected: &str) -> Result<(), Fault> {
    if says == expected {
        return Ok(());
    }
    let shown: String = says.chars().take(300).collect();
    Err(differs("qr", format!("the QR code says {shown:?}, the receipt makes {expected:?}")))
}

fn check_size(page: &Page<'_>, own: &Page<'_>) -> Result<(), Fault> {
    let same = page.size.iter().zip(own.size).all(|(a, b)| minus(*a, b).abs() <= SIZE_TOLERANCE);
    let text = |size: [i64; 4]| size.map(said).join(" ");
    if same {
        return Ok(());
    }
    Err(differs("page", format!("a page is {} and not {}", text(page.size), text(own.size))))
}

/// The first difference in painting order.
fn check_items(given: &[Item], expected: &[Item], page: usize, field: impl Fn(&Item) -> String) -> Result<(), Fault> {
    let same = given.iter().zip(expected).take_while(|(given, expected)| given.is(expected)).count();
    let (given, expected) = (given.get(same..).unwrap_or_default(), expected.get(same..).unwrap_or_default());
    let (more, missing) = match (given.first(), expected.first()) {
        (None, None) => return Ok(()),
        (more, missing) => (more, missing),
    };
    let ahead = |items: &[Item], wanted: Option<&Item>| {
        wanted.is_some_and(|wanted| items.iter().take(AHEAD).any(|item| item.is(wanted)))
    };
    let is_added = missing.is_none_or(|_| ahead(given, missing) && !ahead(expected, more));
    Err(match (more, missing) {
        (Some(more), _) if is_added => {
            differs(field(more), format!("page {page}: {} was added to what the receipt says", what(more)))
        }
        (_, Some(missing)) => {
            let instead = more.map_or_else(|| "nothing".to_owned(), what);
            let place = field(missing);
            // What fell out at a place that has no name may still be named by what stands there now.
            let place = if place == "page" { more.map_or(place, &field) } else { place };
            differs(place, format!("page {page}: the receipt makes {}, there is {instead}", what(missing)))
        }
        (_, None) => differs("page", format!("page {page} differs")),
    })
}

fn what(item: &Item) -> String {
    match item {
        Item::Glyph(glyph) => {
            let seen = if glyph.mode == 0 { "" } else { ", not painted as text is" };
            let at = format!("{} {}", said(glyph.at.x), said(glyph.at.y));
            let shape = hex::encode(glyph.outline.get(..3).unwrap_or_default());
            format!("the character {:?} (shape {shape}) at {at}{seen}", glyph.text)
        }
        Item::Path(_) => match item.area() {
            Some((low, high)) => {
                let [left, bottom, right, top] = [low.x, low.y, high.x, high.y].map(said);
                format!("a line or area from {left} {bottom} to {right} {top}")
            }
            None => "an empty path".to_owned(),
        },
        Item::Says(text) => format!("the hidden text {:?}", text.chars().take(60).collect::<String>()),
        Item::Said => "the end of a hidden text".to_owned(),
    }
}

/// The files that our own rendering carries besides the receipt must be carried as they are. Others may be there: an archive may add
/// its own.
fn check_attachments(given: &File, own: &File) -> Result<(), Fault> {
    let bytes_max = usize::try_from(RECEIPT_BYTES_MAX).unwrap_or(usize::MAX);
    let content = |file: &File, name: &str| carried(&file.document, name, bytes_max);
    for name in names(&own.document).iter().filter(|name| *name != RECEIPT) {
        let expected = content(own, name).map_err(|fault| unreadable("attachment", fault.message))?;
        let found = content(given, name).map_err(|fault| differs("attachment", fault.message))?;
        if found != expected {
            let what = if found.is_some() { "is not what the receipt makes" } else { "is missing" };
            return Err(differs("attachment", format!("the attachment {name} {what}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cut_to_scheme_and_host() {
        assert_eq!(leads_to("https://fp.example.cn:8443/base"), "https://fp.example.cn:8443");
        assert_eq!(leads_to("http://localhost"), "http://localhost");
        assert_eq!(leads_to(""), "");
    }
}
