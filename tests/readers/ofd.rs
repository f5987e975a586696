//! OFD files as two readers find them: every text of every page, the invoice's data in each of the three places where readers look, the
//! attachments.

use piaolian::render::FaceKind;
use serde_json::{Value, json};

use crate::documents::{files, kinds, press};
use crate::python::ask;

fn texts(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

/// All that stands on the pages, in the order in which it is painted, without blanks.
fn whole(pages: &[Vec<String>]) -> String {
    pages.iter().flatten().flat_map(|text| text.chars()).filter(|character| !character.is_whitespace()).collect()
}

#[test]
fn two_readers_find_every_text_and_the_data_of_the_invoice() {
    let documents = kinds();
    let ofds: Vec<(&str, Vec<u8>)> =
        documents.iter().map(|(kind, document)| (*kind, press().ofd(document).unwrap().bytes)).collect();
    let (_folder, paths) = files(&ofds);
    let found = ask("ofd_check.py", &paths.iter().map(String::as_str).collect::<Vec<_>>(), "");
    for ((kind, document), path) in documents.iter().zip(&paths) {
        let (face, found) = (&document.face, &found[path]);
        let pages = press().pages(document).unwrap();
        assert_eq!(found["attachments"]["receipt.json"], json!(document.receipt), "{kind}");
        assert_eq!(found["attachments"]["original_invoice.xml"], json!(document.xml), "{kind}");
        assert_eq!(found["ofdkit"]["warnings"], json!([]), "{kind}");
        assert_eq!(found["ofdkit"]["boxes"][0], json!([0.0, 0.0, 210.0, 140.0]), "{kind}");
        let by_ofdkit: Vec<Vec<String>> = found["ofdkit"]["runs"].as_array().unwrap().iter().map(texts).collect();
        let by_easyofd: Vec<Vec<String>> =
            found["easyofd"]["pages"].as_array().unwrap().iter().map(|page| texts(&page["texts"])).collect();
        assert_eq!((by_ofdkit.len(), by_easyofd.len()), (pages, pages), "{kind}");
        for by in [&by_ofdkit, &by_easyofd] {
            let whole = whole(by);
            let lines = face.lines.iter().map(|line| &line.name);
            let values = [&face.number, &face.buyer.name, &face.seller.name, &face.capital, &face.remark, &face.drawer];
            for value in lines.chain(values) {
                let value: String = value.chars().filter(|character| !character.is_whitespace()).collect();
                assert!(whole.contains(&value), "{kind}: {value} is not in {whole}");
            }
        }
        for page in found["easyofd"]["pages"].as_array().unwrap() {
            assert_eq!(page["lacking"], json!([]), "{kind}: characters that the embedded font has no glyph for");
            assert!(page["lines"].as_u64().unwrap() > 0, "{kind}: rules");
        }
        let invoice = &found["ofdkit"]["invoice"];
        assert_eq!(invoice["invoice_number"], json!(face.number), "{kind}");
        match face.kind {
            FaceKind::Ordinary => {
                assert_eq!(invoice["sources"], json!(["attachment", "custom_tags", "custom_data"]), "{kind}");
                assert_eq!(invoice["invoice_code"], json!(face.code), "{kind}");
                assert_eq!(invoice["buyer"]["name"], json!(face.buyer.name), "{kind}");
                assert_eq!(invoice["seller"]["tax_id"], json!(face.seller.taxpayer_id), "{kind}");
                assert_eq!(invoice["items"].as_array().unwrap().len(), face.lines.len(), "{kind}");
            }
            FaceKind::Digital => {}
        }
    }
}
