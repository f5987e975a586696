//! PDFs in the page of the verifier, as a browser without network runs it.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use piaolian::render::verifier_page;
use serde_json::{Value, json};

use crate::world::{DIGITAL, DINNER, Desk, PRESS, WORLD};

#[test]
fn the_page_tells_a_true_face_from_another() {
    let mut spoiled = WORLD.document(DINNER);
    spoiled.face.total_fen += 100;
    let files = [
        ("dinner.pdf", WORLD.pdf(DINNER)),
        ("digital.pdf", WORLD.pdf(DIGITAL[0])),
        ("spoiled.pdf", PRESS.pdf(&spoiled).unwrap().bytes),
    ];
    let documents: Vec<Value> =
        files.iter().map(|(name, bytes)| json!({"name": name, "base64": STANDARD.encode(bytes)})).collect();
    let preset = json!({"rosters": [WORLD.roster.text()], "documents": documents}).to_string();
    let page = verifier_page().unwrap();
    assert!(page.contains("id=\"preset\">{}</script>"));
    let desk = Desk::new();
    let prepared = page.replace("id=\"preset\">{}", &format!("id=\"preset\">{}", preset.replace('<', "\\u003c")));
    desk.keep("verifier.html", prepared.as_bytes());
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    chromium.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    // A proxy that is not there: whatever would be loaded fails.
    chromium.args(["--virtual-time-budget=20000", "--dump-dom", "--proxy-server=127.0.0.1:9"]);
    chromium.arg(format!("--user-data-dir={}", desk.path("profile").display()));
    let output = chromium.arg(format!("file://{}", desk.path("verifier.html").display())).output().unwrap();
    let dom = String::from_utf8(output.stdout).unwrap();
    assert!(dom.contains("data-ready=\"yes\""), "the script did not come to its end");
    let told: Vec<(&str, &str)> = dom
        .split("data-code=\"")
        .skip(1)
        .map(|rest| {
            (rest.split('"').next().unwrap(), rest.split("data-field=\"").nth(1).unwrap().split('"').next().unwrap())
        })
        .collect();
    // Newest first.
    assert_eq!(told, [("FACE_DIFFERS", "total"), ("VALID", ""), ("VALID", "")]);
}
