//! Many PDFs: a folder, and a ZIP archive.

use std::io::Write as _;

use zip::write::SimpleFileOptions;

use crate::world::{DINNER, Desk, MONITOR, PLAIN, PRESS, WORLD, plenty};

const SPOILED: usize = 3;

/// PDFs with one among them that shows another total, by name.
fn files() -> Vec<(String, Vec<u8>)> {
    let made = (0..plenty()).map(|nth| {
        let mut document = WORLD.document(PLAIN + nth);
        if nth == SPOILED {
            document.face.total_fen += 1;
        }
        (format!("{nth:04}.pdf"), PRESS.pdf(&document).unwrap().bytes)
    });
    made.collect()
}

fn table(told: &[u8]) -> Vec<csv::StringRecord> {
    csv::Reader::from_reader(told).records().map(Result::unwrap).collect()
}

#[test]
fn many_pdfs_in_a_folder_or_an_archive_are_a_table() {
    let desk = Desk::new();
    let mut archive = zip::ZipWriter::new(std::fs::File::create(desk.path("all.zip")).unwrap());
    for (name, pdf) in files() {
        desk.keep(&format!("all/{name}"), &pdf);
        archive.start_file(&name, SimpleFileOptions::default()).unwrap();
        archive.write_all(&pdf).unwrap();
    }
    archive.start_file("readme.txt", SimpleFileOptions::default()).unwrap();
    archive.finish().unwrap();
    let from_folder = desk.verify(&["--format", "csv", "all"]);
    let from_archive = desk.verify(&["--format", "csv", "all.zip"]);
    assert_eq!((from_folder.status.code(), from_archive.status.code()), (Some(1), Some(1)));
    let rows = table(&from_folder.stdout);
    assert_eq!(rows.len(), plenty());
    for (nth, row) in rows.iter().enumerate() {
        let cell = |at: usize| row.get(at).unwrap();
        assert_eq!(cell(0), format!("all/{nth:04}.pdf"));
        let expected = if nth == SPOILED {
            ("FACE_DIFFERS", "total", "differs", "")
        } else {
            ("VALID", "", "same", "https://fp.example.cn")
        };
        assert_eq!((cell(1), cell(2), cell(12), cell(13)), expected, "{row:?}");
        assert_eq!((cell(6), cell(8)), ("深圳市票链样例第二商行", "214950"));
    }
    let told = String::from_utf8(from_archive.stdout).unwrap();
    assert_eq!(told.replace("all.zip/", "all/"), String::from_utf8(from_folder.stdout).unwrap());
    let summary = String::from_utf8(from_archive.stderr).unwrap();
    assert!(summary.contains("1 FACE_DIFFERS") && summary.contains("(1 other files"), "{summary}");
}

#[test]
fn an_archive_that_lies_does_not_stop_the_others() {
    let desk = Desk::new();
    let mut archive = zip::ZipWriter::new(std::fs::File::create(desk.path("a.zip")).unwrap());
    archive.start_file("x/\u{1b}[2Jgood.pdf", SimpleFileOptions::default()).unwrap();
    archive.write_all(&WORLD.pdf(DINNER)).unwrap();
    archive.start_file("bomb.json", SimpleFileOptions::default()).unwrap();
    archive.write_all(&vec![b' '; 20_000_000]).unwrap();
    archive.finish().unwrap();
    let whole = std::fs::read(desk.path("a.zip")).unwrap();
    desk.keep("cut.zip", &whole[..whole.len() - 40]);
    desk.keep("last.pdf", &WORLD.pdf(MONITOR));
    let said = desk.ours(&["a.zip", "cut.zip", "last.pdf"]);
    let codes: Vec<&str> = said.iter().map(|said| said.code.as_str()).collect();
    assert_eq!(codes, ["RECEIPT_MALFORMED", "VALID", "CLI-FILE", "VALID"]);
    let told = desk.verify(&["a.zip"]);
    assert!(!told.stdout.contains(&0x1b), "a name acts upon the terminal");
    // Damaged within: its own line says so.
    let mut damaged = whole;
    damaged[200] ^= 0xFF;
    desk.keep("damaged.zip", &damaged);
    assert_eq!(desk.verify(&["damaged.zip"]).status.code(), Some(2));
}
