//! The page as a browser runs it, from a file and with no network to be had.

use std::path::Path;
use std::process::Command;

use piaolian::render::verifier_page;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::dice::Dice;
use crate::node::{root, run};
use crate::world::World;

/// The page's elements after its script has run.
fn dumped(page: &Path, folder: &Path) -> String {
    let mut chromium = Command::new("chromium");
    chromium.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--virtual-time-budget=20000",
        "--dump-dom",
    ]);
    // A proxy that is not there: whatever would be loaded fails.
    chromium.arg("--proxy-server=127.0.0.1:9").arg(format!("--user-data-dir={}", folder.join("profile").display()));
    run(chromium.arg(format!("file://{}", page.display())))
}

/// The page with rosters and documents in it.
fn prepared(rosters: &Value, documents: &[Value]) -> String {
    let preset = json!({"rosters": rosters, "documents": documents}).to_string().replace('<', "\\u003c");
    let page = verifier_page().unwrap();
    assert!(page.contains("id=\"preset\">{}</script>"));
    page.replace("id=\"preset\">{}", &format!("id=\"preset\">{preset}"))
}

#[test]
fn a_saved_page_verifies_without_network_and_runs_nothing_but_its_own_script() {
    let golden = std::fs::read(root().join("fixtures/chain/receipts.json")).unwrap();
    let golden: Value = serde_json::from_slice(&golden).unwrap();
    let cases: Vec<&Value> =
        golden["cases"].as_array().unwrap().iter().filter(|case| case.get("expected").is_none()).collect();
    // A name and a document that would like to be HTML.
    let hostile = "<img src=x onerror=document.title='run'><script>document.title='run'</script>";
    let mut documents: Vec<Value> =
        cases.iter().map(|case| json!({"name": case["name"], "text": case["receipt"]})).collect();
    documents.push(json!({"name": hostile, "text": cases[0]["receipt"].as_str().unwrap().replace("个人", hostile)}));
    // One with a state, of another chain.
    let mut dice = Dice::of(1);
    let world = World::new(2, &mut dice);
    let proven = world.state_proof(6, &mut dice);
    documents.push(json!({"name": "a state proof", "text": proven.to_string()}));
    let mut rosters = golden["rosters"].clone();
    rosters.as_array_mut().unwrap().extend(world.rosters().into_iter().map(Value::from));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("verifier.html");
    // Were the policy not there, this would run.
    let page = prepared(&rosters, &documents).replace("</main>", "<script>document.title='run'</script></main>");
    std::fs::write(&file, page).unwrap();
    let dom = dumped(&file, folder.path());
    assert!(dom.contains("data-ready=\"yes\""), "the script did not come to its end");
    // Newest first, and behind the form.
    let shown: Vec<(&str, &str)> = dom
        .split("data-code=\"")
        .skip(1)
        .map(|rest| {
            (rest.split('"').next().unwrap(), rest.split("data-field=\"").nth(1).unwrap().split('"').next().unwrap())
        })
        .collect();
    assert_eq!(shown.len(), documents.len());
    assert_eq!((shown[0].0, shown[1].0), ("VALID", "ISSUER_SIGNATURE_BAD"));
    for (case, shown) in cases.iter().rev().zip(&shown[2..]) {
        assert_eq!((case["verdict"].as_str().unwrap(), case["field"].as_str().unwrap()), *shown, "{}", case["name"]);
    }
    let word = proven.pointer("/state/value").map_or("absent".to_owned(), |value| {
        serde_json::from_str::<Value>(value.as_str().unwrap()).unwrap()["state"].as_str().unwrap().to_owned()
    });
    assert!(dom.contains(&format!("data-state=\"{word}\"")), "{word} is not shown");
    assert!(dom.contains("¥198.00") && dom.contains("深圳市南山区"), "what the invoice says is not shown");
    assert!(dom.contains("<title>票链 离线验证"), "something else ran");
    assert!(dom.contains("&lt;img src=x") && !dom.contains("<img"), "a name became HTML");
}
