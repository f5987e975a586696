//! Characters that must show: those of GB 18030 levels 1 and 2, and rare ones of names. Poppler gives each of them back.

use std::collections::BTreeSet;
use std::process::Command;

use piaolian::render::{Document, Fonts, surely_drawn};

use crate::documents::{checked, document, draft, files, line, press};
use crate::python::ask;

/// Characters of names and places that were asked for by name.
const RARE: &str = "䶮㛃䲟㴸𠮷𠅤𬭎𬸚𫖯𬀩𨱔";

/// What a public transcription of 通用规范汉字表 (2013, 8,105 characters) has beyond the BMP; its other characters are in level 1 already.
/// Level 2 of GB 18030-2022 is level 1 and this table.
const TABLE_BEYOND_BMP: &str = concat!(
    "𠙶𬣙𨙸𬇕𬣞𬘓𫭟𫭢𫇭𫐄𫵷𣲘𣲗𬇙𬣡𫸩𨚕𫘜𬘘𫘝𦭜𬨂𬀩𬀪𬬩𫍣𬣳𬩽𬮿𬯀𫰛𬳵𬳶𫠊𬍛𬜬𦰡𪾢𪨰𫓧𬬮𬬱𬬭𦙶𬘡𬳽𬘩𫄧𪟝𬍤",
    "𫭼𬜯𬂩𫠆𨐈𬌗𫑡𪨶𬬸𬬻𬬹𬬿𬭁𫢸𫗧𬊈𬒈𨺙𬳿𫄨𬘫𫮃𬱖𬟽𫓯𫟹𫟼𠅤𬇹𬍡𬤇𫍯𬤊𫍲𬯎𬘬𬘭𬴂𫘦𫟅𬘯𫘧𪣻𡎚𬃊𬷕𫐐𬹼𧿹𫶇",
    "𫖮𬭊𨱇𫓶𬭎𫖯𬱟𫛭𫷷𬮱𬊤𣸣𬴃𫘨𤧛𬪩𬒔𬨎𫐓𫫇𫓹𬭚𬭛𬕂𬶋𬶍𦝼𫔶𫌀𫖳𫘪𫘬𫞩𡐓𪤗𣗋𬸘𬒗𥔲𫚖𨱏𬭤𫚕𬶐𬶏𩽾𬸚𬤝𬙂𬭩",
    "𩾃𬸣𫍽𬴊𬞟𥕢𫟦𬺈𫠜𪩘𬭬𨱑𬭯𫗴𬸦𫄷𤩽𬭳𬭶𫔍𬭸𨱔𬭼𫔎𬸪𬶟𬶠𬶨𦈡𫄸𬟁𥖨𦒍𬙊𬶭𩾌𨟠𬶮𨭉𬙋𤫉𬺓𫚭"
);

/// Hanzi of the two levels of GB 2312: rows 16 to 55 and 56 to 87, asked of Python's codec; 6,763.
fn gb_2312() -> String {
    ask("characters.py", &["gb2312"], "").as_str().unwrap().to_owned()
}

/// The double-byte characters of GB 18030 but the private-use ones, the four-byte ideographs that level 1 asks for, and the table.
fn gb_18030() -> BTreeSet<char> {
    let two_bytes = ask("characters.py", &["gb18030"], "");
    let level_1 = ('\u{3400}'..='\u{4db5}').chain('\u{4e00}'..='\u{9fef}');
    two_bytes.as_str().unwrap().chars().chain(level_1).chain(TABLE_BEYOND_BMP.chars()).chain(RARE.chars()).collect()
}

#[test]
fn the_lists_are_as_long_as_the_standards_say() {
    let (gb_2312, gb_18030) = (gb_2312(), gb_18030());
    assert_eq!(gb_2312.chars().count(), 6_763);
    let table: BTreeSet<char> = TABLE_BEYOND_BMP.chars().collect();
    assert_eq!(table.len(), TABLE_BEYOND_BMP.chars().count(), "one twice");
    assert!(table.iter().all(|&c| c > '\u{ffff}'));
    assert!(gb_2312.chars().all(|c| gb_18030.contains(&c)));
}

#[test]
fn every_character_of_gb_18030_levels_1_and_2_has_a_glyph() {
    let fonts = Fonts::load().unwrap();
    let all: String = gb_18030().into_iter().collect();
    assert!(all.chars().count() > 28_000);
    assert_eq!(fonts.lacking(&all).collect::<String>(), "");
    assert_eq!(fonts.lacking("票🍜\u{E000}").collect::<String>(), "\u{E000}🍜");
}

#[test]
fn what_is_said_to_be_drawn_without_looking_is_drawn() {
    let fonts = Fonts::load().unwrap();
    let sure: String = ('\0'..=char::MAX).filter(|&c| surely_drawn(c)).collect();
    assert_eq!(fonts.lacking(&sure).collect::<String>(), "");
}

/// A document with this remark, which may be longer than an invoice's.
fn with_remark(remark: &str) -> Document {
    let mut document = document(&checked(&draft("个人", &[line("餐费", 100)])), 1);
    document.face.remark = remark.to_owned();
    document
}

#[test]
fn they_are_drawn_and_poppler_gives_them_back() {
    // One of each hundred of the long list, every one of the rare ones; a glyph 0 is a finding of archive.py.
    let chosen: Vec<char> = gb_18030().into_iter().step_by(101).chain(TABLE_BEYOND_BMP.chars()).collect();
    let remark: String = chosen.chunks(40).flat_map(|chunk| chunk.iter().chain(&['\n'])).collect();
    let rendered = press().pdf(&with_remark(&remark)).unwrap();
    assert!(rendered.missing.is_empty(), "{:?}", rendered.missing);
    let (_folder, paths) = files(&[("all", rendered.bytes)]);
    let text = Command::new("pdftotext").args(["-raw", "-enc", "UTF-8", &paths[0], "-"]).output().unwrap();
    assert!(text.status.success());
    let text: BTreeSet<char> = String::from_utf8(text.stdout).unwrap().chars().collect();
    let lost: String = chosen.iter().filter(|c| !text.contains(c)).collect();
    assert_eq!(lost, "");
    let found = ask("archive.py", &["check", &paths[0]], "");
    assert_eq!(found[&paths[0]], serde_json::json!([]));
}
