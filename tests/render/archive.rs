//! What a PDF/A-3u must have (ISO 19005-3, pdf.md 4), read back by another library than the one that wrote it; and its attachments.

use std::collections::BTreeSet;

use lopdf::{Dictionary, Document as Pdf, Object, Stream};
use piaolian::base::{Code, Secret, UnixMs};
use piaolian::chain::canonical::{Edition, to_canonical};
use piaolian::chain::hash::{header_hash, leaf_hash};
use piaolian::chain::header::Header;
use piaolian::chain::receipt::Receipt;
use piaolian::chain::roster::{Member, Roster};
use piaolian::chain::seal::SealKey;
use piaolian::render::{Document, Press};
use serde_json::{Value, json};

use super::{File, many_lines, path, press, rare_characters, rendered, run};

pub const PUBLIC_URL: &str = "https://piaolian.example.cn";

/// A member that seals alone.
fn member() -> SealKey {
    SealKey::from_secret(&Secret::new([7; 32])).unwrap()
}

pub fn roster() -> Roster {
    let only = Member { name: "tax-bureau".try_into().unwrap(), power: 1, key: member().public() };
    Roster::new("shenzhen-sandbox".try_into().unwrap(), 0, vec![only]).unwrap()
}

/// A receipt of the golden invoice, as if it stood on its chain alone.
pub fn receipt() -> Receipt {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/chain/entries.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
    let entry = golden["entries"].as_array().unwrap().iter().find(|entry| entry["kind"] == "issue").unwrap();
    let mut entry: Value = serde_json::from_str(entry["text"].as_str().unwrap()).unwrap();
    entry["index"] = json!(0);
    let entry = to_canonical(&entry).unwrap();
    let (roster, name) = (roster(), "tax-bureau".try_into().unwrap());
    let genesis = Header::genesis(&roster, UnixMs(0), "tax-bureau".try_into().unwrap());
    let (prev, root, time) = (genesis.hash().unwrap(), leaf_hash(&entry), UnixMs(1_795_363_300_000));
    let header = Header { height: 1, prev, size: 1, root, time, ..genesis }.to_text().unwrap();
    let seals = vec![member().seal(&name, roster.chain(), 1, 0, &header_hash(&header)).unwrap()];
    let chain = roster.chain().clone();
    Receipt { v: Edition::First, chain, entry, index: 0, proof: Vec::new(), header, seals, state: None }
}

pub fn document() -> Document {
    Document::of(&receipt(), PUBLIC_URL).unwrap()
}

pub fn on_disk(bytes: &[u8]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("invoice.pdf");
    std::fs::write(&pdf, bytes).unwrap();
    File { folder, pdf }
}

/// The object itself, where it is another's name.
fn of<'a>(pdf: &'a Pdf, dictionary: &'a Dictionary, key: &str) -> &'a Object {
    dictionary.get_deref(key.as_bytes(), pdf).unwrap_or_else(|e| panic!("{key}: {e}"))
}

fn dictionary<'a>(pdf: &'a Pdf, from: &'a Dictionary, key: &str) -> &'a Dictionary {
    of(pdf, from, key).as_dict().unwrap()
}

fn name<'a>(pdf: &'a Pdf, from: &'a Dictionary, key: &str) -> &'a str {
    std::str::from_utf8(of(pdf, from, key).as_name().unwrap()).unwrap()
}

fn text(pdf: &Pdf, from: &Dictionary, key: &str) -> String {
    lopdf::decode_text_string(of(pdf, from, key)).unwrap()
}

fn stream<'a>(pdf: &'a Pdf, from: &'a Dictionary, key: &str) -> &'a Stream {
    of(pdf, from, key).as_stream().unwrap()
}

fn read(bytes: &[u8]) -> Pdf {
    Pdf::load_mem(bytes).unwrap()
}

#[test]
fn the_attachments_come_out_byte_for_byte() {
    let document = document();
    let file = on_disk(&press().pdf(&document).unwrap().bytes);
    let list = run("pdfdetach", &["-list", path(&file.pdf)]);
    assert!(list.starts_with("2 embedded files\n1: invoice.xml\n2: receipt.json\n"), "{list}");
    for (number, content) in [("1", &document.xml), ("2", &document.receipt)] {
        let out = file.folder.path().join(number);
        run("pdfdetach", &["-save", number, "-o", path(&out), path(&file.pdf)]);
        assert!(std::fs::read_to_string(&out).unwrap() == *content, "attachment {number}");
    }
    let carried = piaolian::render::attachment(&std::fs::read(&file.pdf).unwrap(), "receipt.json", 1 << 20);
    assert!(carried.unwrap().unwrap() == receipt().to_json().unwrap().into_bytes());
}

#[test]
fn a_document_has_the_same_bytes_each_time_and_from_every_press() {
    let document = document();
    let pdf = press().pdf(&document).unwrap();
    assert!(pdf == press().pdf(&document).unwrap());
    assert!(pdf == Press::set_up().unwrap().pdf(&document).unwrap());
    let mut other = document;
    other.receipt.push(' ');
    assert!(pdf != press().pdf(&other).unwrap());
}

#[test]
fn header_ids_and_info_are_as_pdf_a_wants_them() {
    let document = document();
    let bytes = press().pdf(&document).unwrap().bytes;
    assert!(bytes.starts_with(b"%PDF-1.7\n%") && bytes[10..14].iter().all(|byte| *byte >= 0x80));
    let pdf = read(&bytes);
    assert!(!pdf.trailer.has(b"Encrypt"));
    let ids = pdf.trailer.get(b"ID").and_then(Object::as_array).unwrap();
    let ids: Vec<&[u8]> = ids.iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(ids[0], &leaf_hash(&receipt().entry).0[..16]);
    assert_eq!(ids[1].len(), 16);
    let info = dictionary(&pdf, &pdf.trailer, "Info");
    let face = &document.face;
    assert_eq!(text(&pdf, info, "Title"), format!("{} {} {}", face.kind.title(), face.code, face.number));
    assert_eq!(text(&pdf, info, "Author"), face.seller.name);
    assert_eq!(text(&pdf, info, "Producer"), "piaolian");
    let date = format!("D:{}000000+08'00'", face.date.to_string().replace('-', ""));
    assert_eq!((text(&pdf, info, "CreationDate"), text(&pdf, info, "ModDate")), (date.clone(), date));
}

#[test]
fn the_metadata_is_readable_without_a_reader_and_says_what_the_info_says() {
    let document = document();
    let pdf = read(&press().pdf(&document).unwrap().bytes);
    let root = pdf.catalog().unwrap();
    let metadata = stream(&pdf, root, "Metadata");
    assert_eq!((name(&pdf, &metadata.dict, "Type"), name(&pdf, &metadata.dict, "Subtype")), ("Metadata", "XML"));
    assert!(!metadata.dict.has(b"Filter"));
    let xmp = std::str::from_utf8(&metadata.content).unwrap();
    let face = &document.face;
    let title = format!("{} {} {}", face.kind.title(), face.code, face.number);
    for part in [
        "<pdfaid:part>3</pdfaid:part>",
        "<pdfaid:conformance>U</pdfaid:conformance>",
        &format!("<rdf:li xml:lang=\"x-default\">{title}</rdf:li>"),
        &format!("<rdf:li>{}</rdf:li>", face.seller.name),
        "<pdf:Producer>piaolian</pdf:Producer>",
        &format!("<xmp:CreateDate>{}T00:00:00+08:00</xmp:CreateDate>", face.date),
        &format!("<xmp:ModifyDate>{}T00:00:00+08:00</xmp:ModifyDate>", face.date),
    ] {
        assert!(xmp.contains(part), "{part} is not in {xmp}");
    }
    assert!(xmp.starts_with("<?xpacket begin=\"\u{FEFF}\"") && xmp.ends_with("<?xpacket end=\"r\"?>"));
}

#[test]
fn language_title_and_colours_are_said_in_the_catalog() {
    let pdf = read(&press().pdf(&document()).unwrap().bytes);
    let root = pdf.catalog().unwrap();
    assert_eq!(text(&pdf, root, "Lang"), "zh-CN");
    let shown = of(&pdf, dictionary(&pdf, root, "ViewerPreferences"), "DisplayDocTitle");
    assert!(shown.as_bool().unwrap());
    let intents = of(&pdf, root, "OutputIntents").as_array().unwrap();
    assert_eq!(intents.len(), 1);
    let intent = pdf.dereference(&intents[0]).unwrap().1.as_dict().unwrap();
    assert_eq!(name(&pdf, intent, "S"), "GTS_PDFA1");
    let profile = stream(&pdf, intent, "DestOutputProfile");
    assert_eq!(of(&pdf, &profile.dict, "N").as_i64().unwrap(), 3);
    assert_eq!(&profile.decompressed_content().unwrap()[16..24], b"RGB XYZ ");
}

#[test]
fn every_attachment_is_named_once_and_related_to_the_document() {
    let document = document();
    let pdf = read(&press().pdf(&document).unwrap().bytes);
    let root = pdf.catalog().unwrap();
    let related = of(&pdf, root, "AF").as_array().unwrap();
    let tree = dictionary(&pdf, dictionary(&pdf, root, "Names"), "EmbeddedFiles");
    let names = of(&pdf, tree, "Names").as_array().unwrap();
    assert_eq!((related.len(), names.len()), (2, 4));
    let expected =
        [("invoice.xml", "text/xml", &document.xml), ("receipt.json", "application/json", &document.receipt)];
    for (pair, (file, media_type, content)) in names.chunks(2).zip(expected) {
        assert_eq!(pair[0].as_str().unwrap(), file.as_bytes());
        assert!(related.contains(&pair[1]), "{file} is not in AF");
        let spec = pdf.dereference(&pair[1]).unwrap().1.as_dict().unwrap();
        assert_eq!((text(&pdf, spec, "F"), text(&pdf, spec, "UF")), (file.to_owned(), file.to_owned()));
        assert_eq!((name(&pdf, spec, "Type"), name(&pdf, spec, "AFRelationship")), ("Filespec", "Data"));
        assert!(!text(&pdf, spec, "Desc").is_empty());
        let embedded = stream(&pdf, dictionary(&pdf, spec, "EF"), "F");
        assert_eq!(name(&pdf, &embedded.dict, "Type"), "EmbeddedFile");
        assert_eq!(name(&pdf, &embedded.dict, "Subtype"), media_type);
        let params = dictionary(&pdf, &embedded.dict, "Params");
        assert_eq!(of(&pdf, params, "Size").as_i64().unwrap(), i64::try_from(content.len()).unwrap());
        assert_eq!(of(&pdf, params, "CheckSum").as_str().unwrap().len(), 16);
        assert!(text(&pdf, params, "ModDate").starts_with("D:"));
    }
}

#[test]
fn fonts_have_their_names_widths_and_glyphs_in_order() {
    for face in [rare_characters(), many_lines(100)] {
        let pdf = read(&rendered(&face).bytes);
        let mut seen = BTreeSet::new();
        let dictionaries = pdf.objects.values().filter_map(|object| object.as_dict().ok());
        for font in dictionaries.filter(|font| font.get(b"Subtype").and_then(Object::as_name).ok() == Some(b"Type0")) {
            let base = name(&pdf, font, "BaseFont");
            let (tag, rest) = base.split_once('+').unwrap();
            assert!(tag.len() == 6 && tag.bytes().all(|byte| byte.is_ascii_uppercase()) && !rest.is_empty(), "{base}");
            assert!(seen.insert(base.to_owned()), "{base} stands twice");
            assert_eq!(name(&pdf, font, "Encoding"), "Identity-H");
            assert!(font.has(b"ToUnicode"));
            let descendants = of(&pdf, font, "DescendantFonts").as_array().unwrap();
            let cid = pdf.dereference(&descendants[0]).unwrap().1.as_dict().unwrap();
            assert_eq!((name(&pdf, cid, "BaseFont"), name(&pdf, cid, "CIDToGIDMap")), (base, "Identity"));
            let descriptor = dictionary(&pdf, cid, "FontDescriptor");
            assert_eq!(name(&pdf, descriptor, "FontName"), base);
            assert_widths(&pdf, cid, &stream(&pdf, descriptor, "FontFile2").decompressed_content().unwrap(), base);
        }
        assert!(seen.len() >= 3, "{seen:?}");
    }
}

/// Widths in the PDF are those of the font, within a thousandth of an em.
#[expect(clippy::float_arithmetic, clippy::disallowed_types, reason = "lopdf gives the numbers of a PDF as floats")]
fn assert_widths(pdf: &Pdf, cid: &Dictionary, program: &[u8], base: &str) {
    let font = ttf_parser::Face::parse(program, 0).unwrap();
    let default = of(pdf, cid, "DW").as_float().unwrap();
    let mut widths = vec![default; usize::from(font.number_of_glyphs())];
    let written = of(pdf, cid, "W").as_array().unwrap();
    for run in written.chunks(2) {
        let first = usize::try_from(run[0].as_i64().unwrap()).unwrap();
        for (at, width) in run[1].as_array().unwrap().iter().enumerate() {
            widths[first + at] = width.as_float().unwrap();
        }
    }
    let em = f32::from(font.units_per_em());
    // Glyph 0 is in no text.
    for glyph in 1..font.number_of_glyphs() {
        let own = f32::from(font.glyph_hor_advance(ttf_parser::GlyphId(glyph)).unwrap()) * 1_000.0 / em;
        assert!((own - widths[usize::from(glyph)]).abs() <= 1.0, "{base}: glyph {glyph} is {own} wide");
    }
}

#[test]
fn nothing_is_in_the_file_that_pdf_a_forbids() {
    let pdf = read(&press().pdf(&document()).unwrap().bytes);
    let forbidden: [&[u8]; 8] = [b"SMask", b"ca", b"CA", b"JavaScript", b"JS", b"AA", b"OpenAction", b"Group"];
    for (id, object) in &pdf.objects {
        let dictionary = match object {
            Object::Dictionary(dictionary) => dictionary,
            Object::Stream(stream) => &stream.dict,
            Object::Null | Object::Boolean(_) | Object::Integer(_) | Object::Real(_) | Object::Name(_) => continue,
            Object::String(..) | Object::Array(_) | Object::Reference(_) => continue,
        };
        for key in forbidden {
            assert!(!dictionary.has(key), "{} in object {id:?}", String::from_utf8_lossy(key));
        }
        let filter = dictionary.get(b"Filter").and_then(Object::as_name).unwrap_or(b"FlateDecode");
        assert_eq!(filter, b"FlateDecode");
    }
}

/// Runs `piaolian render` on the receipt.
fn render(folder: &std::path::Path, arguments: &[&str]) -> std::process::Output {
    let file = folder.join("receipt.json");
    std::fs::write(&file, receipt().to_json().unwrap()).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_piaolian"));
    command.current_dir(folder).args(["render", "receipt.json", "--public-url", PUBLIC_URL]).args(arguments);
    command.output().unwrap()
}

#[test]
fn the_command_line_makes_the_same_file_and_overwrites_none() {
    let folder = tempfile::tempdir().unwrap();
    for (out, content) in [("a.pdf", press().pdf(&document()).unwrap().bytes), ("a.xml", document().xml.into_bytes())] {
        let output = render(folder.path(), &["--out", out]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(std::fs::read(folder.path().join(out)).unwrap() == content, "{out}");
        assert_eq!(render(folder.path(), &["--out", out]).status.code(), Some(2), "{out} was there");
    }
    let usage = String::from_utf8(render(folder.path(), &["--out", "a.doc"]).stderr).unwrap();
    assert!(usage.contains(Code::CliUsage.as_str()), "{usage}");
}

#[test]
fn the_command_line_draws_no_receipt_that_the_roster_does_not_bear_out() {
    let folder = tempfile::tempdir().unwrap();
    let roster = roster().text().to_owned();
    std::fs::write(folder.path().join("roster.json"), &roster).unwrap();
    let other = roster.replacen("tax-bureau", "tax-office", 1);
    std::fs::write(folder.path().join("other.json"), other).unwrap();
    assert!(render(folder.path(), &["--out", "a.pdf", "--roster", "roster.json"]).status.success());
    assert_eq!(render(folder.path(), &["--out", "b.pdf", "--roster", "other.json"]).status.code(), Some(1));
    assert!(!folder.path().join("b.pdf").exists());
}
