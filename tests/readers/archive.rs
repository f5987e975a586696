//! What PDF/A-3u asks of a file, as far as it can be checked without veraPDF, and that the check would notice.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::documents::{files, kinds, press};
use crate::python::ask;

#[test]
fn every_kind_of_document_keeps_the_rules() {
    let pdfs: Vec<(&str, Vec<u8>)> =
        kinds().iter().map(|(kind, document)| (*kind, press().pdf(document).unwrap().bytes)).collect();
    let (_folder, paths) = files(&pdfs);
    let arguments: Vec<&str> = std::iter::once("check").chain(paths.iter().map(String::as_str)).collect();
    let found = ask("archive.py", &arguments, "");
    for ((kind, _), path) in pdfs.iter().zip(&paths) {
        let broken = found[path].as_array().unwrap();
        assert!(broken.is_empty(), "{kind}: {broken:#?}");
    }
}

#[test]
fn the_check_notices_damage_of_every_kind() {
    let (_, document) = kinds().swap_remove(0);
    let (_folder, paths) = files(&[("one line", press().pdf(&document).unwrap().bytes)]);
    let found = ask("archive.py", &["defects", &paths[0]], "");
    let rules: BTreeSet<String> = serde_json::from_value(ask("archive.py", &["rules"], "")).unwrap();
    let mut noticed = BTreeSet::new();
    for (defect, answer) in found.as_object().unwrap() {
        let (sought, broken) = (answer[0].as_str().unwrap(), answer[1].as_array().unwrap());
        if defect.is_empty() {
            assert!(broken.is_empty(), "undamaged, only saved anew: {broken:?}");
            continue;
        }
        assert!(broken.iter().any(|rule| rule == sought), "{defect}: wanted {sought}, found {broken:?}");
        noticed.extend(broken.iter().filter_map(Value::as_str).map(str::to_owned));
    }
    assert!(found.as_object().unwrap().len() > 40);
    assert_eq!(noticed, rules, "a rule that no damage breaks");
}
