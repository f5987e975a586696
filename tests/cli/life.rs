//! The life of an invoice from the command line, on a service of one's own: reversed in part, locked, raced for, booked, reversed in
//! full by agreement; claimed, handed over, discarded; pledged and settled; keys of merchant and member replaced; all of it audited.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::database::TestDatabase;
use crate::serve::{consultant, fixture, told};
use crate::service::Service;
use crate::{err, out, piaolian, text};

/// Two companies with check digits that hold.
const ONE: &str = "91440300708461136T";
const TWO: &str = "91440300MA5EEF1N0R";
const PAYER: &str = "the payer of table seven";

/// What a command printed that did what it was told.
fn done(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}{}", out(output), err(output));
    serde_json::from_str(&out(output)).unwrap()
}

/// The code of the problem that a command printed, with the exit code of a refusal.
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}{}", out(output), err(output));
    let problem: Value = serde_json::from_str(&out(output)).unwrap();
    assert!(problem["status"].as_u64().is_some_and(|status| status >= 400), "{problem}");
    problem["code"].as_str().unwrap().to_owned()
}

/// An invoice as its document names it.
struct Document {
    id: String,
    hash: String,
    receipt: String,
}

struct Town {
    service: Service,
    merchant: PathBuf,
    bureau: PathBuf,
    one: PathBuf,
    two: PathBuf,
}

impl Town {
    fn new(folder: &Path, database: &TestDatabase) -> Self {
        let service = Service::start(folder, database);
        let (status, registered) =
            service.ask("POST", "/v1/merchants", Some("register-the-consultant"), &consultant()).unwrap();
        assert_eq!((status, &registered["merchant"]["id"]), (201, &json!("M00000001")), "{registered}");
        let merchant = service.key_of("merchant", "M00000001");
        let bureau = service.keep("bureau.key", &service.bureau);
        let (one, two) = (service.key_of("company", ONE), service.key_of("company", TWO));
        Self { service, merchant, bureau, one, two }
    }

    fn by(&self, key_file: &Path, arguments: &[&str]) -> Output {
        self.service.asks(arguments, Some(key_file))
    }

    fn issue(&self, once: &str) -> Document {
        let draft = format!("{}/fixtures/demo/draft.json", env!("CARGO_MANIFEST_DIR"));
        let receipt = text(&self.service.folder.join(format!("{once}.json")));
        let issued = self.service.issue(&draft, &self.merchant, &["--idempotency-key", once, "--receipt", &receipt]);
        let printed = out(&issued);
        assert_eq!(issued.status.code(), Some(0), "{printed}{}", err(&issued));
        let id = printed.split_whitespace().next().unwrap().to_owned();
        Document { id, hash: told(&printed, "hash").to_owned(), receipt }
    }

    fn state(&self, invoice: &Document) -> Value {
        done(&self.by(&self.merchant, &["invoice", "life", &invoice.id]))["state"].clone()
    }

    fn lock(&self, invoices: &[&Document], by: &Path, more: &[&str]) -> Output {
        let named: Vec<String> = invoices.iter().map(|one| format!("{}:{}", one.id, one.hash)).collect();
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        self.by(by, &[&["hold", "lock"], &named[..], more].concat())
    }

    fn verify(&self, receipt: &str, roster: &str) -> Option<i32> {
        piaolian(&["verify", receipt, "--roster", roster]).status.code()
    }
}

fn number(value: &Value) -> String {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}")).to_string()
}

#[test]
fn an_invoice_lives_from_the_command_line() {
    let temp = tempfile::tempdir().unwrap();
    let (folder, database) = (temp.path(), TestDatabase::empty());
    let town = Town::new(folder, &database);
    let claimed = town.issue("claimed");
    its_documents_are_fetched(&town, &claimed);
    a_part_is_taken_back(&town, &claimed);
    one_company_locks_and_books_it(&town, &claimed);
    a_wallet_has_it_once(&town);
    a_financier_is_paid(&town);
    keys_are_replaced_and_old_receipts_stay(&town, &claimed);
    the_bureau_has_its_say(&town);
    let audit = piaolian(&["audit", "--database", &database.url_text()]);
    assert_eq!(audit.status.code(), Some(0), "{}{}", out(&audit), err(&audit));
    assert!(out(&audit).contains("CLEAN: "), "{}", out(&audit));
    town.service.stop();
}

/// Each form by the ending of the file, once: a file that is there stays. The receipt proves it.
fn its_documents_are_fetched(town: &Town, invoice: &Document) {
    let fetch = |file: &str| {
        let path = text(&town.service.folder.join(file));
        town.by(&town.merchant, &["invoice", "document", &invoice.id, "--out", &path])
    };
    for (file, beginning) in [
        ("invoice.pdf", &b"%PDF-"[..]),
        ("invoice.OFD", b"PK\x03\x04"),
        ("invoice.xml", b"<?xml "),
        ("invoice.json", b"{\"chain\""),
        ("invoice.svg", b"<?xml "),
    ] {
        let fetched = fetch(file);
        assert_eq!(fetched.status.code(), Some(0), "{file}: {}", err(&fetched));
        assert!(std::fs::read(town.service.folder.join(file)).unwrap().starts_with(beginning), "{file}");
    }
    assert_eq!(fetch("invoice.pdf").status.code(), Some(2), "it is there already");
    assert_eq!(fetch("invoice.doc").status.code(), Some(2));
    let roster = text(&town.service.folder.join("keys/roster.json"));
    assert_eq!(town.verify(&text(&town.service.folder.join("invoice.json")), &roster), Some(0));
}

/// 100 of 498.10 yuan; the same key gives the same red letter; a sum that is not left is refused.
fn a_part_is_taken_back(town: &Town, invoice: &Document) {
    let part = |more: &[&str]| {
        let of = ["invoice", "reverse", &invoice.id, "--reason", "SALES_DISCOUNT", "--line", "0", "--total"];
        town.by(&town.merchant, &[&of, more].concat())
    };
    let receipt = text(&town.service.folder.join("red.json"));
    let shown = done(&part(&["10000", "--check"]));
    assert!(shown["text"].as_str().is_some_and(|text| text.contains("-10000")), "{shown}");
    let first = part(&["10000", "--receipt", &receipt]);
    let red = done(&first);
    assert_eq!(red["invoice"]["draft"]["total"], json!(-10_000), "{red}");
    let roster = text(&town.service.folder.join("keys/roster.json"));
    assert_eq!(town.verify(&receipt, &roster), Some(0));
    let once = told(&err(&first), "idempotency key:").to_owned();
    assert_eq!(out(&part(&["10000", "--idempotency-key", &once])), out(&first));
    assert_eq!(refused(&part(&["39811"])), "INV-RED-TOTAL-TOO-LARGE");
    let left = done(&town.by(&town.merchant, &["invoice", "reversals", &invoice.id]));
    assert_eq!(left["total"]["left"]["total"], json!(39_810), "{left}");
    assert_eq!((left["count"].clone(), town.state(invoice)), (json!(1), json!("open")));
    let awaiting = done(&town.by(&town.merchant, &["invoice", "awaiting"]));
    assert_eq!(awaiting["payments"], json!([]), "{awaiting}");
}

fn one_company_locks_and_books_it(town: &Town, invoice: &Document) {
    let other = town.issue("other");
    let locked = town.lock(&[invoice, &other], &town.one, &["--lease-days", "7"]);
    let (fence, told_salt) = (number(&done(&locked)["fence"]), err(&locked));
    let salt = format!("@{}", text(&town.service.keep("one.salt", told(&told_salt, "salt:"))));
    let once = told(&told_salt, "idempotency key:");
    let again = ["--lease-days", "7", "--salt", &salt, "--idempotency-key", once];
    assert_eq!(out(&town.lock(&[invoice, &other], &town.one, &again)), out(&locked));
    // The loser learns the state, and neither who holds it nor as what.
    let lost = town.lock(&[invoice], &town.two, &[]);
    assert_eq!(refused(&lost), "LEDGER-LIFE-STATE");
    assert!(out(&lost).contains("locked") && !out(&lost).contains(ONE), "{}", out(&lost));
    // Who has the document sees how it stands; who has not sees nothing.
    let life = |more: &[&str]| town.by(&town.two, &[&["invoice", "life", &invoice.id], more].concat());
    assert_eq!(done(&life(&["--hash", &invoice.hash]))["state"], "locked");
    assert_eq!(refused(&life(&["--hash", &other.hash])), "HTTP-NOT-FOUND");
    let go_on = |what: &str, by: &Path, fence: &str, salt: &str, id: &str| {
        town.by(by, &["hold", what, fence, id, "--salt", salt])
    };
    assert_eq!(refused(&go_on("book", &town.two, &fence, &salt, &invoice.id)), "LEDGER-HOLDER-OTHER");
    assert_eq!(refused(&go_on("book", &town.one, "1", &salt, &invoice.id)), "LEDGER-FENCE-STALE");
    assert_eq!(number(&done(&go_on("renew", &town.one, &fence, &salt, &invoice.id))["fence"]), fence);
    done(&go_on("unlock", &town.one, &fence, &salt, &other.id));
    done(&go_on("book", &town.one, &fence, &salt, &invoice.id));
    assert_eq!((town.state(invoice), town.state(&other)), (json!("closed"), json!("open")));
    both_agree_on_the_rest(town, invoice, &fence, &salt);
}

fn both_agree_on_the_rest(town: &Town, invoice: &Document, fence: &str, salt: &str) {
    let rest = |more: &[&str]| {
        let of = ["invoice", "reverse", &invoice.id, "--reason", "SALES_RETURN"];
        town.by(&town.merchant, &[&of, more].concat())
    };
    assert_eq!(refused(&rest(&[])), "LEDGER-AGREEMENT-NEEDED");
    let open = ["confirmation", "open", &invoice.id, "--reason", "SALES_RETURN"];
    let withdrawn = number(&done(&town.by(&town.merchant, &open))["entry"]);
    done(&town.by(&town.merchant, &["confirmation", "withdraw", &withdrawn]));
    let sheet = number(&done(&town.by(&town.merchant, &open))["entry"]);
    let state = || done(&town.by(&town.merchant, &["confirmation", "show", &sheet]))["state"].clone();
    assert_eq!(state(), "02");
    assert_eq!(refused(&rest(&["--confirmation", &sheet])), "LEDGER-CONFIRMATION-STATE");
    let agree = ["confirmation", "agree", &sheet, "--salt", salt, "--fence", fence];
    done(&town.by(&town.one, &agree));
    assert_eq!(state(), "04");
    let red = done(&rest(&["--confirmation", &sheet]));
    assert_eq!(red["invoice"]["draft"]["total"], json!(-39_810), "{red}");
    let sheets = done(&town.by(&town.merchant, &["confirmation", "list"]))["confirmations"].clone();
    assert_eq!((&sheets[0]["red"], &sheets[1]["state"]), (&red["invoice"]["id"], &json!("08")), "{sheets}");
    assert_eq!(town.state(invoice), "reversed");
    assert_eq!(refused(&town.lock(&[invoice], &town.two, &[])), "LEDGER-LIFE-STATE");
}

fn a_wallet_has_it_once(town: &Town) {
    let invoice = town.issue("in-a-wallet");
    let link = done(&town.by(&town.merchant, &["invoice", "claim-link", &invoice.id]))["url"].clone();
    let wallet = |arguments: &[&str]| town.service.asks(&[&["wallet"], arguments].concat(), None);
    let claim = |token: &str| wallet(&["claim", &invoice.id, "--token", token, "--holder", PAYER]);
    assert_eq!(refused(&claim(&"00".repeat(32))), "LEDGER-CLAIM-TOKEN");
    let claimed = claim(link.as_str().unwrap());
    done(&claimed);
    let salt = told(&err(&claimed), "salt:").to_owned();
    assert_eq!(refused(&claim(link.as_str().unwrap())), "LEDGER-CLAIMED");
    the_holder_asks_for_a_red_letter(town, &invoice, &salt);
    // The next holder makes its commitment alone, and keeps its salt to itself.
    let committed = piaolian(&["wallet", "commitment", "--holder", "a friend"]);
    let (next, next_salt) = (done(&committed)["commitment"].clone(), told(&err(&committed), "salt:").to_owned());
    let to = next.as_str().unwrap();
    let hand_over = ["hand-over", &invoice.id, "--holder", PAYER, "--salt", &salt, "--to", to];
    done(&wallet(&hand_over));
    let discard = |holder: &str, salt: &str| wallet(&["discard", &invoice.id, "--holder", holder, "--salt", salt]);
    assert_eq!(refused(&discard(PAYER, &salt)), "LEDGER-HOLDER-OTHER");
    done(&discard("a friend", &next_salt));
    let life = done(&town.by(&town.bureau, &["invoice", "life", &invoice.id]));
    assert_eq!((&life["state"], &life["wallet"]), (&json!("open"), &json!("discarded")), "{life}");
}

/// Without an API key, by name and salt.
fn the_holder_asks_for_a_red_letter(town: &Town, invoice: &Document, salt: &str) {
    let proof = ["--holder", PAYER, "--salt", salt];
    let by_holder = |arguments: &[&str]| town.service.asks(&[&["confirmation"], arguments, &proof].concat(), None);
    let sheet = number(&done(&by_holder(&["open", &invoice.id, "--reason", "ISSUE_ERROR"]))["entry"]);
    assert_eq!(done(&by_holder(&["show", &sheet]))["state"], "03");
    done(&town.by(&town.merchant, &["confirmation", "refuse", &sheet]));
    assert_eq!(done(&by_holder(&["show", &sheet]))["state"], "06");
    let stranger = town.service.asks(&["confirmation", "show", &sheet, "--holder", ONE, "--salt", salt], None);
    assert_eq!(refused(&stranger), "HTTP-NOT-FOUND");
}

fn a_financier_is_paid(town: &Town) {
    let invoice = town.issue("financed");
    let committed = piaolian(&["wallet", "commitment", "--holder", TWO]);
    let (financier, salt) = (done(&committed)["commitment"].clone(), told(&err(&committed), "salt:").to_owned());
    let pledge = ["invoice", "pledge", &invoice.id, "--financier", financier.as_str().unwrap()];
    let pledge = || town.by(&town.merchant, &pledge);
    let ends = |how: &str, fence: &str| done(&town.by(&town.two, &["hold", how, fence, &invoice.id, "--salt", &salt]));
    let first = number(&done(&pledge())["fence"]);
    assert_eq!(refused(&town.lock(&[&invoice], &town.one, &[])), "LEDGER-LIFE-STATE");
    ends("release", &first);
    let second = number(&done(&pledge())["fence"]);
    ends("settle", &second);
    assert_eq!(town.state(&invoice), "settled");
    assert_eq!(refused(&pledge()), "LEDGER-LIFE-STATE");
    done(&town.lock(&[&invoice], &town.one, &[]));
    assert_eq!(town.state(&invoice), "settled_locked");
}

fn keys_are_replaced_and_old_receipts_stay(town: &Town, old: &Document) {
    let first_roster = text(&town.service.folder.join("keys/roster.json"));
    let rotate = ["merchant", "rotate-key", "M00000001"];
    // The bureau replaces a key once it is revoked, and none that is good.
    assert_eq!(refused(&town.by(&town.bureau, &rotate)), "LEDGER-ISSUER-SIGNATURE-BAD");
    let rotated = done(&town.by(&town.merchant, &rotate));
    let by_new_key = town.issue("by-the-new-key");
    assert_eq!(town.verify(&by_new_key.receipt, &first_roster), Some(0));
    let issuer = rotated["issuer"].as_str().unwrap();
    let revoke = ["merchant", "revoke-key", "M00000001", "--issuer", issuer, "--reason", "lost"];
    done(&town.by(&town.bureau, &revoke));
    assert_eq!(refused(&town.by(&town.merchant, &rotate)), "LEDGER-ISSUER-REVOKED");
    done(&town.by(&town.bureau, &rotate));

    let changed = done(&town.by(&town.bureau, &["member", "rotate", "kingdee"]));
    let under_new_roster = town.issue("under-the-new-roster");
    assert_eq!(town.verify(&under_new_roster.receipt, &first_roster), Some(1), "{changed}");
    let rosters = town.service.asks(&["rosters"], None);
    assert_eq!(done(&rosters).as_array().map(Vec::len), Some(2));
    members_come_and_go(town, &changed);
    let rosters = text(&town.service.keep("rosters.json", &out(&rosters)));
    for receipt in [&old.receipt, &by_new_key.receipt, &under_new_roster.receipt] {
        assert_eq!(town.verify(receipt, &rosters), Some(0), "{receipt}");
    }
    assert_eq!(town.verify(&old.receipt, &first_roster), Some(0));
}

fn members_come_and_go(town: &Town, changed: &Value) {
    let key = changed["roster"]["roster"]["members"][0]["key"].as_str().unwrap_or_else(|| panic!("{changed}"));
    let known = ["member", "rotate", "tencent", "--key", key, "--from", "1000000", "--check"];
    assert_eq!(refused(&town.by(&town.bureau, &known)), "CHAIN-CHANGE-KEY-KNOWN");
    let names = |change: &[&str]| {
        let changed = done(&town.by(&town.bureau, &[&["member"], change].concat()));
        let members = changed["roster"]["roster"]["members"].as_array().unwrap().clone();
        members.iter().map(|member| member["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&["add", "auditor", "--power", "1"]).len(), 4);
    assert!(!names(&["remove", "auditor"]).contains(&"auditor".to_owned()));
}

fn the_bureau_has_its_say(town: &Town) {
    done(&town.by(&town.bureau, &["merchant", "suspend", "M00000001", "--reason", "under examination"]));
    let draft = format!("{}/fixtures/demo/draft.json", env!("CARGO_MANIFEST_DIR"));
    let issued = town.service.issue(&draft, &town.merchant, &["--json", "--idempotency-key", "suspended"]);
    assert_eq!(refused(&issued), "LEDGER-MERCHANT-SUSPENDED");
    done(&town.by(&town.bureau, &["merchant", "resume", "M00000001", "--reason", "all is well"]));
    let rules = town.service.keep("rules.json", &fixture("rules.json")["default"].to_string());
    let set = ["rules", "set", "*", "--file", &text(&rules), "--from", "1000000"];
    done(&town.by(&town.bureau, &set));
    assert_eq!(refused(&town.by(&town.merchant, &set)), "HTTP-ROLE-FORBIDDEN");
    done(&town.by(&town.merchant, &["rules", "list"]));
    let days = done(&town.by(&town.merchant, &["day", "list"]));
    let today = &days["days"][0];
    assert!(today["count"].as_u64() > today["red_count"].as_u64(), "{days}");
    assert_eq!(refused(&town.by(&town.merchant, &["day", "close", "2099-12-31"])), "LEDGER-DAY-NOT-OVER");
    let payment = ["invoice", "claim-link", "--payment", "wechat-pay:4200/1?x"];
    assert_eq!(refused(&town.by(&town.merchant, &payment)), "HTTP-NOT-FOUND");
    assert_eq!(refused(&town.service.asks(&["rules", "list"], None)), "HTTP-KEY-MISSING");
    assert_eq!(refused(&town.by(&town.bureau, &["restored", "--reason", "none was"])), "LEDGER-NOT-RESTORED");
}

#[test]
fn a_mistake_on_the_command_line_asks_nobody() {
    let nobody = ["--url", "http://127.0.0.1:1"];
    let asked = |arguments: &[&str]| {
        let output = piaolian(&[arguments, &nobody].concat());
        assert_eq!((output.status.code(), out(&output)), (Some(2), String::new()), "{arguments:?}");
        err(&output)
    };
    let id = "144032609110-00000001";
    assert!(asked(&["invoice", "life", id]).contains("CLI-UNREACHABLE"));
    let salt = "5a".repeat(32);
    let mistakes: &[&[&str]] = &[
        &["invoice", "life", "4711"],
        &["invoice", "reverse", id, "--reason", "BOREDOM"],
        &["invoice", "reverse", id, "--reason", "SALES_RETURN", "--total", "5"],
        &["invoice", "claim-link"],
        &["hold", "lock", id],
        &["hold", "lock", &format!("{id}:{salt}")],
        &["hold", "renew", "7", id, "--salt", &salt, "--lease-days", "366"],
        &["hold", "book", "7", id],
        &["confirmation", "agree", "7", "--fence", "7"],
        &["confirmation", "agree", "7", "--salt", &salt, "--fence", "7", "--holder", PAYER],
        &["merchant", "rotate-key", "M00000001", "--check"],
        &["member", "rotate", "kingdee", "--check"],
        &["day", "close", "2026-02-30"],
        &["rules", "set", "everybody", "--file", "rules.json"],
    ];
    for mistake in mistakes {
        assert!(!asked(mistake).contains("CLI-UNREACHABLE"), "{mistake:?}");
    }
}
