//! A service of one's own: started from a configuration file, a merchant registered, an invoice issued and verified from the command
//! line; what it logs and what rights its files have.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::database::TestDatabase;
use crate::service::{Service, logged};
use crate::{err, files, get_json, out, piaolian, text};

const BUYER: &str = "深圳票链样例采购有限公司";
const BUYER_ID: &str = "91440300PLBUY001XR";
const REGISTER_ONCE: &str = "register-the-consultant-4711";

pub fn fixture(name: &str) -> Value {
    let file = format!("{}/fixtures/demo/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// What stands behind a word at the beginning of a line.
pub fn told<'a>(printed: &'a str, word: &str) -> &'a str {
    let line = printed.lines().find_map(|line| line.strip_prefix(word));
    line.unwrap_or_else(|| panic!("no line '{word}' in:\n{printed}")).trim()
}

/// The seller of a merchant of the demonstration.
pub fn consultant() -> Value {
    let merchants = fixture("merchants.json")["merchants"].clone();
    let found = merchants.as_array().unwrap().iter().find(|merchant| merchant["mchid"] == "1900000104");
    found.unwrap()["seller"].clone()
}

#[test]
fn a_service_of_ones_own_issues_verifies_and_logs_nobody() {
    let temp = tempfile::tempdir().unwrap();
    let (folder, database) = (temp.path(), TestDatabase::empty());
    let service = Service::start(folder, &database);
    let seller = consultant();
    let (status, registered) = service.ask("POST", "/v1/merchants", Some(REGISTER_ONCE), &seller).unwrap();
    assert_eq!((status, &registered["merchant"]["id"]), (201, &json!("M00000001")), "{registered}");
    let unknown = service.keygen("merchant", "M00000099");
    assert_eq!(unknown.status.code(), Some(2), "{}", out(&unknown));
    assert!(err(&unknown).contains("LEDGER-MERCHANT-UNKNOWN"), "{}", err(&unknown));
    let made = service.keygen("merchant", "M00000001");
    assert_eq!(made.status.code(), Some(0), "{}", err(&made));
    let secret = out(&made).lines().last().unwrap().to_owned();
    let key_file = service.keep("merchant.key", &secret);

    let once = an_invoice_is_issued_once(&service, &key_file);
    refused_drafts_say_why(&service, &key_file);
    only_the_owner_may_read(folder, &database);
    anyone_may_audit(folder, &database);
    let secrets = [service.bureau.clone(), secret];
    service.stop();
    let of_seller = ["name", "taxpayer_id", "address_phone", "bank_account"].map(|name| seller[name].as_str().unwrap());
    let never = [&of_seller[..], &[BUYER, BUYER_ID, "样例开票员", REGISTER_ONCE, &once]].concat();
    the_log_names_nobody(folder, &[&never[..], &secrets.each_ref().map(String::as_str)].concat());
}

/// Gives the idempotency key that the command makes from the file.
fn an_invoice_is_issued_once(service: &Service, key_file: &Path) -> String {
    let draft = format!("{}/fixtures/demo/draft.json", env!("CARGO_MANIFEST_DIR"));
    let content = std::fs::read(&draft).unwrap();
    assert!(String::from_utf8_lossy(&content).contains(BUYER) && String::from_utf8_lossy(&content).contains(BUYER_ID));
    let checked = service.issue(&draft, key_file, &["--check"]);
    assert_eq!(checked.status.code(), Some(0), "{}{}", out(&checked), err(&checked));
    let checked: Value = serde_json::from_str(&out(&checked)).unwrap();
    let to_sign: Value = serde_json::from_str(checked["text"].as_str().unwrap()).unwrap();
    assert_eq!((&to_sign["buyer"]["name"], &to_sign["total"]), (&json!(BUYER), &json!(49_810)), "{to_sign}");

    let receipt = text(&service.folder.join("receipt.json"));
    let issued = service.issue(&draft, key_file, &["--receipt", &receipt]);
    let printed = out(&issued);
    assert_eq!(issued.status.code(), Some(0), "{printed}{}", err(&issued));
    let id = printed.split_whitespace().next().unwrap();
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    assert!(id.split_once('-').is_some_and(|(code, number)| digits(code, 12) && digits(number, 8)), "{printed}");
    let url = told(&printed, "verify");
    assert!(url.starts_with(&service.url), "{printed}");
    let bytes = std::fs::read(&receipt).unwrap();
    let again = service.issue(&draft, key_file, &["--receipt", &receipt]);
    assert_eq!((again.status.code(), out(&again)), (Some(0), printed.clone()), "{}", err(&again));
    assert_eq!(std::fs::read(&receipt).unwrap(), bytes);

    let scanned = get_json(url);
    assert_eq!((&scanned["valid"], &scanned["verdict"]), (&json!(true), &json!("VALID")), "{scanned}");
    let roster = text(&service.folder.join("keys/roster.json"));
    let hash = told(&printed, "hash");
    let verified = piaolian(&["verify", &receipt, "--roster", &roster, "--hash", hash]);
    assert_eq!(verified.status.code(), Some(0), "{}{}", out(&verified), err(&verified));
    let other = format!("01{}", "5a".repeat(32));
    let refused = piaolian(&["verify", &receipt, "--roster", &roster, "--hash", &other]);
    assert_eq!(refused.status.code(), Some(1), "{}{}", out(&refused), err(&refused));
    assert!(out(&refused).contains("LEAF_HASH_MISMATCH"), "{}", out(&refused));
    format!("cli-{}", piaolian::chain::hash::keccak256(&content))
}

fn refused_drafts_say_why(service: &Service, key_file: &Path) {
    let mut draft = fixture("draft.json");
    draft["total"] = json!(49_811);
    let file = service.folder.join("wrong.json");
    std::fs::write(&file, draft.to_string()).unwrap();
    for more in [&[][..], &["--check"]] {
        let refused = service.issue(&text(&file), key_file, more);
        assert_eq!(refused.status.code(), Some(1), "{}{}", out(&refused), err(&refused));
        assert!(out(&refused).contains("  INV-TOTAL-DISAGREES  draft.total: "), "{more:?}: {}", out(&refused));
    }
}

fn only_the_owner_may_read(folder: &Path, database: &TestDatabase) {
    let mut private = files(&folder.join("keys"), "key");
    assert_eq!(private.len(), 4, "three seal keys and the custody key: {private:?}");
    // A server keeps its own files.
    if let Some(ledger) = database.file() {
        let log = ledger.with_extension("db-wal");
        for ending in ["db", "db-wal", "db-shm"] {
            private.extend(files(ledger.parent().unwrap(), ending));
        }
        assert!(private.contains(&ledger) && private.contains(&log), "{private:?}");
    }
    for file in private {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}: mode {mode:o}", file.display());
    }
}

/// While the service runs, whoever has database and roster.
fn anyone_may_audit(folder: &Path, database: &TestDatabase) {
    let roster = text(&folder.join("keys/roster.json"));
    let audit = piaolian(&["audit", "--json", "--database", &database.url_text(), "--roster", &roster]);
    assert_eq!(audit.status.code(), Some(0), "{}{}", out(&audit), err(&audit));
    let report: Value = serde_json::from_str(&out(&audit)).unwrap();
    assert_eq!((&report["entries"], &report["invoices"]), (&json!(2), &json!(1)), "{report}");
}

fn the_log_names_nobody(folder: &Path, never: &[&str]) {
    let log = logged(folder);
    for word in never {
        assert!(word.len() > 8, "'{word}' would be found anywhere");
        let line = log.lines().find(|line| line.contains(word));
        assert_eq!(line, None, "'{word}' stands in the log");
    }
    let mut requests = Vec::new();
    for line in log.lines() {
        let parsed: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let fields = &parsed["fields"];
        if parsed["target"] == "piaolian::http::trace" {
            assert!(fields["request_id"].as_str().is_some_and(|id| id.len() == 32), "{line}");
            assert!(fields["took_us"].is_u64(), "{line}");
            let status = fields["status"].as_u64().unwrap_or_else(|| panic!("no status: {line}"));
            requests.push((
                fields["method"].as_str().unwrap().to_owned(),
                fields["route"].as_str().unwrap().to_owned(),
                status,
            ));
        }
    }
    let count = |method: &str, route: &str, status: u16| {
        requests.iter().filter(|found| **found == (method.to_owned(), route.to_owned(), u64::from(status))).count()
    };
    assert_eq!(count("POST", "/v1/merchants", 201), 1, "{requests:?}");
    assert_eq!(count("POST", "/v1/invoices", 201) + count("POST", "/v1/invoices", 200), 2, "{requests:?}");
    assert_eq!(count("POST", "/v1/invoices", 422), 1, "{requests:?}");
    assert_eq!((count("POST", "/v1/drafts", 200), count("POST", "/v1/drafts", 422)), (1, 1), "{requests:?}");
}
