//! How the face looks: pages of every kind as poppler draws them, against the pictures in `fixtures/face` that a person has looked at.
//!
//! `FACE_REFERENCES=write cargo test --test face` makes the pictures anew (look at each before it is committed; in colour they are in
//! `target/tmp/NAME.pdf`). A page that differs is left as `NAME.now.png` beside its reference.
//!
//! Needs the Debian package poppler-utils; without it these tests fail.
#![cfg(feature = "server")]
#![expect(clippy::unwrap_used, reason = "the allowance for tests does not reach what several tests share")]

#[cfg(test)]
#[path = "face/specimens.rs"]
mod specimens;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use piaolian::render::{Face, FaceParty, Press};

use self::specimens::{Specimen, checked, face, many_lines, restaurant, specimens};

/// Dots per inch of the pictures: a character of the smallest print is six pixels high, which a person can read.
const DPI: &str = "100";
/// Grey levels of the pictures. Sixteen are enough to tell strokes apart, and halve the files.
const LEVELS: u8 = 16;
/// Levels by which a pixel may differ: anti-aliasing is rounded differently by versions of poppler and of FreeType, in single levels.
const LEVELS_APART_MAX: u8 = 2;
/// Share of the pixels that may differ by more, one of so many: 9 of a first page. A digit that is another differs in more than that.
const ONE_OF: usize = 50_000;

/// A picture in [`LEVELS`] greys.
#[derive(PartialEq, Eq)]
struct Picture {
    width: usize,
    height: usize,
    greys: Vec<u8>,
}

fn pdf_of(face: &Face) -> Vec<u8> {
    static PRESS: OnceLock<Press> = OnceLock::new();
    PRESS.get_or_init(|| Press::set_up().unwrap()).face_pdf(face).unwrap().bytes
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/face")
}

/// A page as poppler draws it.
fn drawn(face: &Face, page: usize) -> Picture {
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("face.pdf");
    std::fs::write(&pdf, pdf_of(face)).unwrap();
    let page = page.to_string();
    let drawn = Command::new("pdftoppm")
        .args(["-gray", "-r", DPI, "-f", &page, "-l", &page, "-singlefile"])
        .arg(&pdf)
        .output()
        .unwrap_or_else(|e| panic!("pdftoppm must be installed: {e}"));
    assert!(drawn.status.success(), "{}", String::from_utf8_lossy(&drawn.stderr));
    // A PGM: `P5`, width, height and 255, each ended by one blank, then a byte for each pixel.
    let mut parts = drawn.stdout.splitn(4, |byte| byte.is_ascii_whitespace());
    assert_eq!(parts.next(), Some(&b"P5"[..]));
    let mut side = || std::str::from_utf8(parts.next().unwrap()).unwrap().parse::<usize>().unwrap();
    let (width, height) = (side(), side());
    let pixels = parts.next().unwrap().strip_prefix(b"255\n").unwrap();
    assert_eq!(pixels.len(), width * height);
    Picture { width, height, greys: pixels.iter().map(|pixel| pixel / (255 / (LEVELS - 1))).collect() }
}

/// Reads what [`write`] has written.
fn read(path: &Path) -> Picture {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())));
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut packed = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut packed).unwrap();
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Grayscale, png::BitDepth::Four));
    let (width, height) = (info.width.try_into().unwrap(), info.height.try_into().unwrap());
    let row = |row: &[u8]| row.iter().flat_map(|pair| [pair >> 4, pair & 15]).take(width).collect::<Vec<u8>>();
    Picture { width, height, greys: packed.chunks(info.line_size).flat_map(row).collect() }
}

fn write(path: &Path, picture: &Picture) {
    let (width, height) = (picture.width.try_into().unwrap(), picture.height.try_into().unwrap());
    let file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Four);
    encoder.set_compression(png::Compression::High);
    let mut packed = Vec::with_capacity(picture.greys.len() / 2 + picture.height);
    for row in picture.greys.chunks(picture.width) {
        packed.extend(row.chunks(2).map(|pair| match *pair {
            [left, right] => (left << 4) | right,
            [left] => left << 4,
            _ => 0,
        }));
    }
    encoder.write_header().unwrap().write_image_data(&packed).unwrap();
}

/// Pixels that differ by more than rounding; all of them when the pictures are not of one size.
fn differing(a: &Picture, b: &Picture) -> usize {
    if (a.width, a.height) != (b.width, b.height) {
        return a.greys.len().max(b.greys.len());
    }
    a.greys.iter().zip(&b.greys).filter(|(a, b)| a.abs_diff(**b) > LEVELS_APART_MAX).count()
}

fn is_alike(a: &Picture, b: &Picture) -> bool {
    differing(a, b) <= a.greys.len() / ONE_OF
}

fn file_name(specimen: &Specimen, page: usize) -> String {
    if specimen.pages == 1 { specimen.name.to_owned() } else { format!("{}-{page}", specimen.name) }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tests have no config to read the environment for them")]
fn pages_look_like_their_references() {
    let writes = std::env::var("FACE_REFERENCES").is_ok_and(|what| what == "write");
    let mut different = Vec::new();
    for specimen in specimens() {
        for page in 1..=specimen.pages {
            let name = file_name(&specimen, page);
            let now = drawn(&specimen.face, page);
            let (reference, beside) = (folder().join(format!("{name}.png")), folder().join(format!("{name}.now.png")));
            if writes {
                write(&reference, &now);
                // To be looked at in colour.
                let pdf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.pdf", specimen.name));
                std::fs::write(pdf, pdf_of(&specimen.face)).unwrap();
                continue;
            }
            let expected = read(&reference);
            if is_alike(&expected, &now) {
                continue;
            }
            write(&beside, &now);
            different.push(format!("{name}: {} pixels, see {}", differing(&expected, &now), beside.display()));
        }
    }
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn one_changed_digit_is_seen() {
    let face = face(&checked(restaurant()));
    let before = drawn(&face, 1);
    assert!(before == drawn(&face, 1), "poppler draws the same page differently");
    // The digits that look most alike.
    let mut number = face.clone();
    number.number = number.number.replace('8', "6");
    let mut price = face.clone();
    price.lines[0].price = price.lines[0].price.replace('9', "8");
    let mut amount = face.clone();
    amount.lines[0].amount_fen += 2;
    for (what, changed) in [("number", number), ("price", price), ("amount", amount)] {
        assert!(changed != face, "{what}");
        assert!(!is_alike(&before, &drawn(&changed, 1)), "{what}: {}", differing(&before, &drawn(&changed, 1)));
    }
}

#[test]
fn references_are_small_and_none_is_left_over() {
    let mut expected: Vec<String> = specimens()
        .iter()
        .flat_map(|specimen| (1..=specimen.pages).map(|page| format!("{}.png", file_name(specimen, page))))
        .collect();
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder()).unwrap().map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        if name.ends_with(".now.png") || !name.ends_with(".png") {
            continue;
        }
        let size = file.metadata().unwrap().len();
        assert!(size < 60_000, "{name}: {size} bytes");
        found.push(name);
    }
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

/// Each word of the first page with its left and right end in millionths of a point, as poppler places it.
fn words(face: &Face) -> Vec<(String, i64, i64)> {
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("face.pdf");
    std::fs::write(&pdf, pdf_of(face)).unwrap();
    let output = Command::new("pdftotext").arg("-bbox").arg("-l").arg("1").args([&pdf]).arg("-").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let attribute = |line: &str, name: &str| -> i64 {
        // Poppler writes six decimals.
        let value = line.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
        value.replace('.', "").parse().unwrap()
    };
    let of_line = |line: &str| {
        let word = line.split('>').nth(1)?.strip_suffix("</word")?.to_owned();
        Some((word, attribute(line, "xMin"), attribute(line, "xMax")))
    };
    text.lines().filter(|line| line.contains("<word ")).filter_map(of_line).collect()
}

#[test]
fn decimal_points_stand_under_one_another() {
    let ten = specimens().into_iter().find(|specimen| specimen.name == "ten_lines").unwrap().face;
    let words = words(&ten);
    // Where the point of a figure stands: Courier is equally wide, so it is a share of the word.
    let point = |text: &str| {
        let (_, left, right) = words.iter().find(|(word, ..)| word == text).unwrap_or_else(|| panic!("no {text}"));
        let count = i64::try_from(text.chars().count()).unwrap();
        let before = i64::try_from(text.find('.').unwrap_or(text.len())).unwrap();
        left + (right - left) * before / count
    };
    for column in [
        ten.lines.iter().map(|line| line.quantity.clone()).collect::<Vec<_>>(),
        ten.lines.iter().map(|line| line.price.clone()).collect(),
    ] {
        // A figure may stand in two columns: only those that are alone are looked at.
        let alone = |text: &&String| words.iter().filter(|(word, ..)| word == *text).count() == 1;
        let points: Vec<i64> = column.iter().filter(alone).map(|text| point(text)).collect();
        assert!(points.len() > 3, "{column:?}");
        for one in &points {
            assert!((one - points[0]).abs() < 100_000, "{column:?}: {points:?}");
        }
    }
}

/// The text of the first page in painting order, without blanks.
fn text(face: &Face) -> String {
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("face.pdf");
    std::fs::write(&pdf, pdf_of(face)).unwrap();
    let output = Command::new("pdftotext").args(["-raw", "-l", "1"]).arg(&pdf).arg("-").output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().collect()
}

#[test]
fn title_and_seal_are_each_read_as_one_text() {
    for specimen in specimens().iter().filter(|specimen| ["one_line", "digital", "production"].contains(&specimen.name))
    {
        let text = text(&specimen.face);
        let seal = if specimen.face.sandbox {
            "深圳市税务局样章仅供测试"
        } else {
            "国家税务总局监制深圳市税务局"
        };
        for whole in [specimen.face.kind.title(), seal] {
            assert!(text.contains(whole), "{}: {whole} is not in {text}", specimen.name);
        }
    }
}

#[test]
fn samples_are_marked_on_every_page_and_real_ones_on_none() {
    for (sandbox, marked) in [(true, 8), (false, 0)] {
        let face = Face { sandbox, ..face(&checked(many_lines(300))) };
        let folder = tempfile::tempdir().unwrap();
        let pdf = folder.path().join("face.pdf");
        std::fs::write(&pdf, pdf_of(&face)).unwrap();
        let output = Command::new("pdftotext").arg("-raw").arg(&pdf).arg("-").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        // Pages end with a form feed; the mark goes uphill, and poppler breaks it.
        let without_blanks = |page: &str| page.split_whitespace().collect::<String>();
        let pages: Vec<String> = text.split_terminator('\u{c}').map(without_blanks).collect();
        assert_eq!(pages.len(), 8);
        assert_eq!(pages.iter().filter(|page| page.contains("样票SAMPLE")).count(), marked);
        assert_eq!(text.contains("样票"), sandbox);
    }
}

#[test]
fn a_digital_invoice_has_no_code_no_check_code_and_no_cipher_area() {
    let digital = specimens().into_iter().find(|specimen| specimen.name == "digital").unwrap().face;
    let text = text(&digital);
    for there in ["项目名称", "发票号码：", &digital.number] {
        assert!(text.contains(there), "{there} is not in {text}");
    }
    for absent in ["发票代码", "校验码", "密", "电子支付标识", "货物或应税劳务"] {
        assert!(!text.contains(absent), "{absent} is in {text}");
    }
    assert!(digital.qr_text.starts_with("01,32,,26952000000028787793,8416.01,20261122,,"), "{}", digital.qr_text);
}

#[test]
fn two_thousand_lines_are_all_printed() {
    let whole = face(&checked(many_lines(2_000)));
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("face.pdf");
    std::fs::write(&pdf, pdf_of(&whole)).unwrap();
    let output = Command::new("pdftotext").arg("-raw").args([&pdf]).arg("-").output().unwrap();
    let text: String = String::from_utf8(output.stdout).unwrap().split_whitespace().collect();
    for line in &whole.lines {
        assert!(text.contains(&line.name), "{}", line.name);
    }
}

#[test]
fn an_empty_party_leaves_its_labels() {
    let bare = Face { buyer: FaceParty::default(), payment_id: String::new(), ..face(&checked(restaurant())) };
    let labels: Vec<String> = words(&bare).into_iter().map(|(word, ..)| word).collect();
    for label in ["名称：", "纳税人识别号：", "电子支付标识："] {
        assert!(labels.iter().any(|word| word == label), "{label} is not in {labels:?}");
    }
}
