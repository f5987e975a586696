//! What was changed after it was made, and what each verifier says of it.

use lopdf::{Object, Stream, dictionary};
use piaolian::render::{Document, Face};

use crate::edits::{Edited, carrying, note, signature_field};
use crate::world::{DIGITAL, DINNER, Desk, LISTED, LONG, MONITOR, PLAIN, PRESS, RED, SITE, Said, WORLD};

/// What of a changed file each verifier says: code and field. That in JavaScript sees no shapes and no places.
struct Case {
    name: &'static str,
    pdf: Vec<u8>,
    ours: (&'static str, &'static str),
    theirs: (&'static str, &'static str),
}

const VALID: (&str, &str) = ("VALID", "");
const MISSING: (&str, &str) = ("RECEIPT_MISSING", "");

fn differs(field: &'static str) -> (&'static str, &'static str) {
    ("FACE_DIFFERS", field)
}

fn unreadable(field: &'static str) -> (&'static str, &'static str) {
    ("FACE_UNREADABLE", field)
}

fn case(name: &'static str, pdf: Vec<u8>, both: (&'static str, &'static str)) -> Case {
    Case { name, pdf, ours: both, theirs: both }
}

fn dinner() -> Edited {
    Edited::of(&WORLD.pdf(DINNER))
}

/// The dinner's receipt in a PDF that shows something else.
fn showing(change: impl FnOnce(&mut Face)) -> Vec<u8> {
    let mut document: Document = WORLD.document(DINNER);
    change(&mut document.face);
    pdf_of(&document)
}

const ELSEWHERE: &str = "https://elsewhere.example";

fn pdf_of(document: &Document) -> Vec<u8> {
    PRESS.pdf(document).unwrap().bytes
}

fn untouched() -> Vec<Case> {
    [
        ("dinner", DINNER),
        ("monitor", MONITOR),
        ("red", RED[0]),
        ("red whole", RED[1]),
        ("list", LISTED),
        ("long", LONG),
        ("digital", DIGITAL[0]),
        ("digital list", DIGITAL[1]),
    ]
    .map(|(name, index)| case(name, WORLD.pdf(index), VALID))
    .into()
}

fn other_values() -> Vec<Case> {
    let other = WORLD.document(MONITOR).face;
    vec![
        case("another code", showing(|face| face.qr_text = other.qr_text.clone()), differs("qr")),
        case(
            "a code with other total",
            showing(|face| face.qr_text = face.qr_text.replace("=50010", "=90010")),
            differs("qr"),
        ),
        // Of the same receipt, as another site would draw it: no receipt says which site is the issuer's.
        case("a code that leads elsewhere", pdf_of(&Document::of(&WORLD.receipt(DINNER), ELSEWHERE).unwrap()), VALID),
        Case {
            name: "a code that leads elsewhere, and data that do not",
            pdf: showing(|face| face.qr_text = face.qr_text.replace(SITE, ELSEWHERE)),
            ours: differs("attachment"),
            theirs: VALID,
        },
        case("another number", showing(|face| face.number = "00000009".to_owned()), differs("number")),
        case("another date", showing(|face| face.date = "2026-11-23".parse_date()), differs("date")),
        case("another buyer", showing(|face| face.buyer.name = "深圳市别家有限公司".to_owned()), differs("buyer.name")),
        case(
            "another seller's bank",
            showing(|face| face.seller.bank_account = "0".to_owned()),
            differs("seller.bank_account"),
        ),
        case("another amount", showing(|face| face.lines[0].amount_fen += 1), differs("lines[0].amount")),
        case("another quantity", showing(|face| face.lines[0].quantity = "3".to_owned()), differs("lines[0].quantity")),
        case("another rate", showing(|face| face.lines[2].rate = "9%".to_owned()), differs("lines[2].rate")),
        case("another tax", showing(|face| face.tax_text = "27.63".to_owned()), differs("tax")),
        case("another total", showing(|face| face.total_fen = 60_010), differs("total")),
        case("another total in words", showing(|face| face.capital = "陆佰圆零壹角整".to_owned()), differs("capital")),
        case("another remark", showing(|face| face.remark = "作废".to_owned()), differs("remark")),
        case("no remark", showing(|face| face.remark.clear()), differs("remark")),
        case("another drawer", showing(|face| face.drawer = "赵六".to_owned()), differs("drawer")),
        case("another block", showing(|face| face.block_height = 2), differs("place")),
        case("no sample mark", showing(|face| face.sandbox = false), differs("page")),
        Case {
            name: "marked as a red letter",
            pdf: showing(|face| face.title_note = "红字（负数）".to_owned()),
            ours: differs("page"),
            theirs: differs("code"),
        },
    ]
}

trait ParseDate {
    fn parse_date(&self) -> piaolian::base::LegalDate;
}

impl ParseDate for &str {
    fn parse_date(&self) -> piaolian::base::LegalDate {
        piaolian::base::LegalDate::parse(self).unwrap()
    }
}

/// Changes to what is there, operator by operator.
fn edited() -> Vec<Case> {
    let total = ("¥500.10", 0);
    let hidden = dinner().around(0, total, "3 Tr", "0 Tr").saved();
    let faint = dinner().around(0, total, "1 1 1 rg", "").saved();
    let larger = dinner().around(0, total, "150 Tz", "100 Tz").saved();
    let raised = dinner().around(0, total, "1 Ts", "0 Ts").saved();
    let ours_only = |name, pdf, field| Case { name, pdf, ours: differs(field), theirs: VALID };
    vec![
        case("an amount retyped", dinner().retyped(0, total, ('5', '9')).saved(), differs("total")),
        case(
            "a line's amount retyped",
            dinner().retyped(0, ("469.91", 0), ('4', '1')).saved(),
            differs("lines[0].amount"),
        ),
        case("a number retyped", dinner().retyped(0, ("00000001", 0), ('1', '2')).saved(), differs("number")),
        case(
            "a hash retyped",
            dinner().retyped(0, (WORLD.document(DINNER).face.hash.split_at(8).0, 0), ('1', '2')).saved(),
            differs("hash"),
        ),
        case("a text that is not painted", hidden, differs("total")),
        case("a text in white", faint, differs("total")),
        ours_only("a text stretched", larger, "total"),
        ours_only("a text raised", raised, "total"),
    ]
}

/// Changes to what is the same on every document.
fn other_frames() -> Vec<Case> {
    let form = |change: &dyn Fn(&str) -> String| {
        let mut edited = dinner();
        let id = edited.form(0);
        let stream = edited.document.get_object_mut(id).unwrap().as_stream_mut().unwrap();
        let plain = String::from_utf8(stream.get_plain_content().unwrap()).unwrap();
        let changed = change(&plain);
        assert_ne!(plain, changed);
        stream.set_plain_content(changed.into_bytes());
        edited
    };
    let less = form(&|content| content.rsplit_once("BT").unwrap().0.to_owned());
    let ruled = form(&|content| format!("{content}\n0 0 1 RG 6 w 100 100 m 300 100 l S\n"));
    let mut narrow = dinner();
    let id = narrow.form(0);
    let cut = vec![0.into(), 0.into(), 300.into(), 300.into()];
    narrow.document.get_object_mut(id).unwrap().as_stream_mut().unwrap().dict.set("BBox", cut);
    vec![
        case("a frame without its last label", less.saved(), differs("*")),
        case("a frame with a thick line more", ruled.saved(), differs("*")),
        case("a frame that is cut", narrow.saved(), unreadable("clip")),
    ]
}

/// Changes to the fonts.
fn other_fonts() -> Vec<Case> {
    let mut reshaped = dinner();
    let (font, _) = reshaped.font_of(0, "¥500.10");
    let descriptor = reshaped.descriptor(&font);
    reshaped.stream(&descriptor, b"FontFile2", |file| {
        let face = ttf_parser::RawFace::parse(file, 0).unwrap();
        let record = face.table_records.into_iter().find(|record| record.tag.to_bytes() == *b"glyf").unwrap();
        // The last byte but one of the last glyph that has any: a coordinate.
        let end = usize::try_from(record.offset + record.length).unwrap();
        let place = (0..end).rev().find(|at| file[*at] != 0).unwrap();
        file[place] ^= 0x55;
    });
    let mut retold = dinner();
    let (font, code) = retold.font_of(0, "¥500.10");
    retold.stream(&font, b"ToUnicode", |map| {
        let text = String::from_utf8(map.clone()).unwrap();
        let code = format!("<{:02X}{:02X}>", code[0], code[1]);
        let changed = retold_map(&text, &code);
        *map = changed.into_bytes();
    });
    let mut nameless = dinner();
    let (font, _) = nameless.font_of(0, "¥500.10");
    let id = nameless
        .document
        .objects
        .iter()
        .find(|(_, object)| object.as_dict().is_ok_and(|it| *it == font))
        .map(|(id, _)| *id);
    nameless.document.get_dictionary_mut(id.unwrap()).unwrap().remove(b"ToUnicode");
    vec![
        Case { name: "a glyph reshaped", pdf: reshaped.saved(), ours: differs("*"), theirs: VALID },
        case("a character that copies as another", retold.saved(), differs("*")),
        case("a font that copies as nothing", nameless.saved(), unreadable("font")),
    ]
}

/// A map in which one code stands for `8`.
fn retold_map(map: &str, code: &str) -> String {
    match map.split_once(code).or_else(|| map.split_once(&code.to_lowercase())) {
        Some((before, after)) => {
            let (_, rest) = after.split_once('<').unwrap().1.split_once('>').unwrap();
            format!("{before}{code}<0038>{rest}")
        }
        // In a range: one more entry counts.
        None => map.replacen("endcmap", &format!("1 beginbfchar\n{code} <0038>\nendbfchar\nendcmap"), 1),
    }
}

/// What was put upon the pages.
fn covered() -> Vec<Case> {
    // Where the tax-inclusive total stands: 162 mm from the left, some 33 mm from below.
    let white = dinner().appended(0, "q 1 1 1 rg 455 88 100 14 re f Q").saved();
    let typed = dinner().appended(0, "q 1 1 1 rg 455 88 100 14 re f Q BT /F 1 Tf ET");
    let line = dinner().appended(0, "q 0 0 1 RG 455 95 m 500 95 l S Q").saved();
    let mut pictured = dinner();
    let picture = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => 1, "Height" => 1, "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
    };
    let picture = pictured.document.add_object(Stream::new(picture, vec![255]));
    pictured.resource(0, "XObject", "Pic", picture);
    let pictured = pictured.appended(0, "q 100 0 0 14 455 88 cm /Pic Do Q").saved();
    let state = dictionary! { "Type" => "ExtGState", "ca" => Object::Real(0.0) };
    let mut faded = dinner();
    let state = faded.document.add_object(state);
    faded.resource(0, "ExtGState", "Faded", state);
    let faded = faded.appended(0, "/Faded gs").saved();
    let clipped = dinner().operations(0, |operations| {
        let clip = lopdf::content::Content::decode(b"0 0 300 400 re W n").unwrap().operations;
        operations.splice(0..0, clip);
    });
    vec![
        case("a white box", white, differs("total")),
        case("a font that is not there", typed.saved(), unreadable("font")),
        Case { name: "a line", pdf: line, ours: differs("total"), theirs: VALID },
        case("a picture", pictured, unreadable("image")),
        case("a transparency", faded, unreadable("transparency")),
        case("a clip", clipped.saved(), unreadable("clip")),
        case("new text over a white box", boxed(), differs("total")),
    ]
}

/// A white box, and over it an amount in the document's own font.
fn boxed() -> Vec<u8> {
    let edited = dinner();
    let name = edited.document.get_page_fonts(edited.page(0)).unwrap();
    let (font, _) = edited.font_of(0, "¥500.10");
    let name = name.iter().find(|(_, known)| ***known == font).unwrap().0.clone();
    let codes: String = "¥900.10".chars().map(|c| hex::encode(edited.font_of(0, &c.to_string()).1)).collect();
    let operators = format!(
        "q 1 1 1 rg 455 88 100 14 re f 0 g BT /{} 9 Tf 459 92 Td <{codes}> Tj ET Q",
        String::from_utf8(name).unwrap()
    );
    edited.appended(0, &operators).saved()
}

/// Changes to the file around the pages.
fn around() -> Vec<Case> {
    let dinner_receipt = WORLD.document(DINNER).receipt;
    let noted = {
        let mut edited = dinner();
        let note = edited.document.add_object(note());
        edited.page_dictionary(0).set("Annots", vec![note.into()]);
        edited.saved()
    };
    let signed = {
        let mut edited = dinner();
        let field = edited.document.add_object(signature_field());
        edited.page_dictionary(0).set("Annots", vec![field.into()]);
        edited.catalog().set("AcroForm", dictionary! { "Fields" => vec![field.into()], "SigFlags" => 3 });
        edited.saved()
    };
    let fillable = {
        let mut edited = dinner();
        let field = edited.document.add_object(dictionary! { "FT" => "Tx", "T" => Object::string_literal("total") });
        edited.catalog().set("AcroForm", dictionary! { "Fields" => vec![field.into()] });
        edited.saved()
    };
    let with = |key: &str, value: Object| {
        let mut edited = dinner();
        edited.catalog().set(key, value);
        edited.saved()
    };
    let of_page = |key: &str, value: Object| {
        let mut edited = dinner();
        edited.page_dictionary(0).set(key, value);
        edited.saved()
    };
    let script = dictionary! { "S" => "JavaScript", "JS" => Object::string_literal("app.alert(1)") };
    let crop = vec![0.into(), 100.into(), 595.into(), 397.into()];
    let twice = {
        let mut edited = dinner();
        edited.attach("receipt.json", b"{}");
        edited.saved()
    };
    let mut shorter = Edited::of(&WORLD.pdf(LISTED));
    let pages = u32::try_from(shorter.document.get_pages().len()).unwrap();
    shorter.document.delete_pages(&[pages]);
    let longer = {
        let mut edited = dinner();
        let (page, copy) = (edited.page(0), edited.document.get_dictionary(edited.page(0)).unwrap().clone());
        let parent = edited.document.get_dictionary(page).unwrap().get(b"Parent").unwrap().as_reference().unwrap();
        let copy = edited.document.add_object(copy);
        let parent = edited.document.get_dictionary_mut(parent).unwrap();
        parent.get_mut(b"Kids").unwrap().as_array_mut().unwrap().push(copy.into());
        parent.set("Count", 2);
        edited.saved()
    };
    vec![
        case("another invoice's receipt", carrying(&WORLD.pdf(MONITOR), &dinner_receipt), differs("qr")),
        case("a note", noted, differs("annotation")),
        case("an invisible signature field", signed, VALID),
        case("a form", fillable, unreadable("form")),
        case("a program", with("OpenAction", script.clone().into()), unreadable("action")),
        case("layers", with("OCProperties", dictionary! {}.into()), unreadable("layer")),
        case("a page turned", of_page("Rotate", 180.into()), differs("page")),
        case("a page cropped", of_page("CropBox", crop.into()), differs("page")),
        case("a page less", shorter.saved(), differs("page")),
        case("a page more", longer, differs("page")),
        Case {
            name: "other data",
            pdf: dinner().with_attachment("invoice.xml", b"<eInvoice/>").saved(),
            ours: differs("attachment"),
            theirs: VALID,
        },
        case("no attachment", dinner().without_attachments().saved(), MISSING),
        case("two receipts", twice, MISSING),
        case(
            "the receipt of no invoice",
            carrying(&WORLD.pdf(DINNER), &WORLD.receipt(0).to_json().unwrap()),
            differs("page"),
        ),
        case(
            "another of the same seller",
            carrying(&WORLD.pdf(PLAIN), &WORLD.document(PLAIN + 1).receipt),
            differs("qr"),
        ),
    ]
}

fn check(cases: &[Case]) {
    let desk = Desk::new();
    let names: Vec<String> = (0..cases.len()).map(|nth| format!("{nth}.pdf")).collect();
    for (case, name) in cases.iter().zip(&names) {
        desk.keep(name, &case.pdf);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let is = |said: &Said, (code, field): (&str, &str)| said.is(code, if field == "*" { &said.field } else { field });
    let mut wrong = Vec::new();
    let (ours, theirs) = (desk.ours(&names), desk.theirs(&names));
    assert_eq!((ours.len(), theirs.len()), (cases.len(), cases.len()));
    for ((case, ours), theirs) in cases.iter().zip(&ours).zip(&theirs) {
        if !is(ours, case.ours) {
            wrong.push(format!("{}: {:?} and not {:?}", case.name, ours, case.ours));
        }
        if !is(theirs, case.theirs) {
            wrong.push(format!("{}: JavaScript {:?} and not {:?}", case.name, theirs, case.theirs));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn untouched_files_are_valid() {
    check(&untouched());
}

#[test]
fn pages_that_show_another_value_differ_in_its_field() {
    check(&other_values());
}

#[test]
fn operators_that_were_changed_are_found() {
    check(&edited());
}

#[test]
fn frames_that_were_changed_are_found() {
    check(&other_frames());
}

#[test]
fn fonts_that_were_changed_are_found() {
    check(&other_fonts());
}

#[test]
fn what_was_put_upon_a_page_is_found() {
    check(&covered());
}

#[test]
fn what_was_changed_around_the_pages_is_found() {
    check(&around());
}

/// Bytes changed at random in a file whose streams are not packed: whatever is broken, the answer is a verdict.
#[test]
fn whatever_is_damaged_ends_in_a_verdict() {
    let mut plain = dinner();
    plain.document.decompress();
    let plain = plain.saved();
    let desk = Desk::new();
    let mut state = 20_261_123u64;
    let mut dice = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let names: Vec<String> = (0..crate::world::plenty()).map(|nth| format!("{nth}.pdf")).collect();
    for name in &names {
        let mut bytes = plain.clone();
        for _ in 0..=dice(40) {
            let place = dice(bytes.len());
            bytes[place] = b" /<>[]()0123456789.-RTjDo"[dice(25)];
        }
        bytes.truncate(bytes.len() - if dice(5) == 0 { dice(2_000) } else { 0 });
        desk.keep(name, &bytes);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let known = |said: &Said| {
        let codes = ["VALID", "FACE_DIFFERS", "FACE_UNREADABLE", "RECEIPT_MISSING", "RECEIPT_MALFORMED", "CLI-FILE"];
        codes.contains(&said.code.as_str()) || said.field.starts_with("entry") || !said.field.is_empty()
    };
    let (ours, theirs) = (desk.ours(&names), desk.theirs(&names));
    assert_eq!((ours.len(), theirs.len()), (names.len(), names.len()));
    for said in ours.iter().chain(&theirs) {
        assert!(known(said), "{said:?}");
    }
    assert!(ours.iter().filter(|said| said.code == "VALID").count() < names.len() / 2);
}
