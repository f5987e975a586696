//! The golden entries: every kind, byte for byte, made from fixed commands without a service. What `fixtures/chain/README.md` section 8
//! says about entries and drafts is what stands in `fixtures/chain/entries.json`.

use std::path::PathBuf;

use piaolian::base::ids::{ChainId, IdempotencyKey, MerchantId};
use piaolian::base::{LegalDate, Secret, UnixMs};
use piaolian::chain::canonical::to_canonical;
use piaolian::chain::{Hash, IssuerKey, keccak256, leaf_hash};
use piaolian::invoice::{CheckPolicy, Draft, Seller, Severity};
use piaolian::ledger::command::{Keyed, Unsigned, request_hash};
use piaolian::ledger::state::Nothing;
use piaolian::ledger::{Command, Entry, Outcome, Position, State, execute};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// 2026-11-22, the last millisecond of the legal day.
const TIME: UnixMs = UnixMs(1_795_363_199_999);

const FILE: &str = "fixtures/chain/entries.json";

/// Unlike a usual key it needs escapes in JSON.
const AWKWARD_KEY: &str = r#"order-"2"\2026/11"#;

#[expect(clippy::disallowed_methods, reason = "tests have no config to read the environment for them")]
fn blessing() -> bool {
    std::env::var("GOLDEN_BLESS").as_deref() == Ok("1")
}

fn chain() -> ChainId {
    ChainId::try_from("shenzhen-sandbox").unwrap()
}

fn issuer(nth: u8) -> IssuerKey {
    IssuerKey::from_secret(&Secret::new([nth; 32])).unwrap()
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::try_from(text).unwrap()
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A command with the text whose hash is its `request`, if it has one.
struct Asked {
    command: Command,
    fingerprint: Option<String>,
}

fn fingerprint(kind: &str, request: &Value) -> (String, Hash) {
    let text = to_canonical(&json!({"chain": chain(), "kind": kind, "request": request})).unwrap();
    let hash = request_hash(&chain(), kind, request).unwrap();
    assert_eq!(keccak256(&text), hash, "the fingerprint of {kind} is another than README says");
    (text, hash)
}

fn keyed<T: DeserializeOwned>(
    kind: &str,
    key_text: &str,
    request: &Value,
    body: Value,
    of: fn(Keyed<T>) -> Command,
) -> Asked {
    let (text, request) = fingerprint(kind, request);
    Asked { command: of(Keyed { key: key(key_text), request, body: read(body) }), fingerprint: Some(text) }
}

fn notice(command: Command) -> Asked {
    Asked { command, fingerprint: None }
}

/// A seller with everything, and one with nothing, that is optional.
fn seller(nth: u8) -> Value {
    match nth {
        1 => json!({
            "name": "深圳市票链样例\"一\"商行", "taxpayer_id": "91440300708461136T",
            "address_phone": "深圳市南山区样例路1号 0755-00000001", "bank_account": "票链样例银行深圳分行 0000000000000001",
        }),
        _ => json!({"name": "深圳市票链样例第二商行", "taxpayer_id": "91440300708437873H"}),
    }
}

fn registered_in_full() -> Asked {
    let request = json!({"seller": seller(1), "mchid": "1900000001", "issue_on_payment": true, "custody": "kingdee"});
    let body = json!({
        "seller": seller(1), "mchid": "1900000001", "issuer": issuer(7).address(), "issue_on_payment": true,
    });
    keyed("register_merchant", "register-1", &request, body, Command::RegisterMerchant)
}

fn registered_barely() -> Asked {
    let address = issuer(8).address();
    let request = json!({"seller": seller(2), "issue_on_payment": false, "custody": {"own": address}});
    let body = json!({"seller": seller(2), "issuer": address, "issue_on_payment": false});
    keyed("register_merchant", "register-2", &request, body, Command::RegisterMerchant)
}

fn rules(key: &str, body: &Value) -> Asked {
    keyed("set_rules", key, body, body.clone(), Command::SetRules)
}

fn issued(nth: u8, issuer: &IssuerKey, key_text: &str, draft: &Value) -> Asked {
    let (text, request) = fingerprint("issue", &json!({"draft": draft}));
    let draft: Draft = read(draft.clone());
    let seller: Seller = read(seller(nth));
    let merchant = MerchantId::nth(u64::from(nth)).unwrap();
    let policy = CheckPolicy { uscc_check_digit: Severity::Refuse };
    let date = LegalDate::of(TIME).unwrap();
    let (checked, warnings) = draft.check(&seller, &chain(), &merchant, date, &policy).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let issue = Unsigned::new(key(key_text), request, checked).unwrap().sign(issuer);
    Asked { command: Command::Issue(Box::new(issue)), fingerprint: Some(text) }
}

/// A payment, an organisation, a discount, a line without tax, and every text that a draft may have.
fn full_draft() -> Value {
    json!({
        "payment": {"provider": "wechat-pay", "transaction": "4200001234202611220000000001"},
        "buyer": {
            "kind": "organisation", "name": "深圳市样例买方有限公司", "taxpayer_id": "91440300319331004W",
            "address_phone": "深圳市福田区样例道2号 0755-00000002", "bank_account": "票链样例银行福田支行 0000000000000002",
        },
        "pricing": "inclusive",
        "lines": [
            {"category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "specification": "双人/套",
             "unit": "餐", "quantity": "2", "price": "249.05", "rate": 600, "discount": 1_000},
            {"category": "蔬菜", "name": "有机\"菜心\"", "classification": "1010115000000000000", "amount": 1_200,
             "rate": 0, "mark": "exempt"},
        ],
        "total": 50_010,
        "remark": "桌号：A12\n路径：C:\\pos",
        "payee": "张三",
        "reviewer": "李四",
        "drawer": "王五",
    })
}

/// Nothing that is optional, and the tax on top.
fn bare_draft() -> Value {
    json!({
        "buyer": {"kind": "individual", "name": "个人"},
        "pricing": "exclusive",
        "lines": [
            {"category": "计算机外部设备", "name": "显示器", "classification": "1090512000000000000", "quantity": "0.5",
             "price": "3804.42", "rate": 1_300},
        ],
    })
}

/// The commands, in the order in which they are executed.
fn commands() -> Vec<Asked> {
    vec![
        registered_in_full(),
        registered_barely(),
        rules(
            "rules-all",
            &json!({"scope": "*", "rules": {
                "per_invoice_cap": 100_000_000, "monthly_cap": 9_007_199_254_740_991_i64, "rates": [0, 100, 300, 600, 900, 1_300],
                "classification_prefixes": ["1", "3"], "uscc_check_digit": "warn", "payment_required": false,
            }}),
        ),
        rules(
            "rules-M00000001",
            &json!({"scope": "M00000001", "rules": {
                "per_invoice_cap": 5_000_000, "monthly_cap": 50_000_000, "rates": [600, 0],
                "classification_prefixes": ["307", "1010115"], "uscc_check_digit": "refuse", "payment_required": true,
            }}),
        ),
        rules("rules-M00000002", &json!({"scope": "M00000002", "rules": {}})),
        notice(Command::RecordPayment(read(json!({
            "provider": "wechat-pay", "transaction": "4200001234202611220000000001", "merchant": "M00000001",
            "order": "order-1", "paid": 60_000, "paid_at": 1_795_363_100_000_i64,
        })))),
        notice(Command::RecordRefund(read(json!({
            "provider": "wechat-pay", "refund": "50300000001", "transaction": "4200001234202611220000000001",
            "amount": 500, "refunded_at": 1_795_363_150_000_i64,
        })))),
        issued(1, &issuer(7), "order-1", &full_draft()),
        issued(2, &issuer(8), AWKWARD_KEY, &bare_draft()),
    ]
}

/// Executes a command, which must be accepted, and gives the entry's kind and text.
fn run(state: &mut State<Nothing>, command: &Command, index: usize) -> (&'static str, String) {
    let chain = chain();
    let at = Position { chain: &chain, height: 1, index: u64::try_from(index).unwrap(), time: TIME, version: 1 };
    match execute(state, command, at) {
        Ok(Outcome::Accepted { kind, text, .. }) => (kind.as_str(), text),
        other => panic!("entry {index}: {other:?}"),
    }
}

/// Kind, text and fingerprint of every entry.
fn entries() -> Vec<(&'static str, String, Option<String>)> {
    let mut state = State::default();
    let run = |(index, asked): (usize, Asked)| {
        let (kind, text) = run(&mut state, &asked.command, index);
        (kind, text, asked.fingerprint)
    };
    commands().into_iter().enumerate().map(run).collect()
}

/// Compares with the stored file, or writes it when `GOLDEN_BLESS=1`; sorted, as in `tests/chain/golden.rs`.
#[test]
fn entries_are_as_they_ever_were() {
    let entry = |(kind, text, fingerprint): (&str, String, Option<String>)| {
        let leaf = leaf_hash(&text);
        let mut entry = json!({"kind": kind, "text": text, "leaf": leaf, "printed": leaf.printed()});
        if let Some(fingerprint) = fingerprint {
            entry["fingerprint"] = fingerprint.into();
        }
        entry
    };
    let mut content = json!({"entries": entries().into_iter().map(entry).collect::<Vec<_>>()});
    content.sort_all_objects();
    let text = format!("{}\n", serde_json::to_string_pretty(&content).unwrap());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if blessing() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let line = stored.lines().zip(text.lines()).take_while(|(a, b)| a == b).count() + 1;
    assert!(stored == text, "{} differs from line {line} on; a wanted change is a new format version", path.display());
}

#[test]
fn every_kind_is_there() {
    let kinds: std::collections::BTreeSet<_> = entries().into_iter().map(|(kind, ..)| kind).collect();
    let all = ["issue", "record_payment", "record_refund", "register_merchant", "set_rules"];
    assert_eq!(kinds, all.into());
}

#[test]
fn a_read_entry_executes_to_its_own_text() {
    let mut state = State::default();
    for (index, (kind, text, _)) in entries().into_iter().enumerate() {
        let command = Entry::parse(&text).unwrap().command().unwrap();
        assert_eq!(run(&mut state, &command, index), (kind, text));
    }
}

/// The text of an invoice's entry is put together by hand, so that the draft need not be walked twice.
#[test]
fn texts_are_canonical() {
    for (kind, text, _) in entries() {
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(to_canonical(&value).unwrap(), text, "{kind}");
        assert_eq!(to_canonical(&Entry::parse(&text).unwrap()).unwrap(), text, "{kind}");
    }
}

/// What the issuer signs is the value of `draft`, as it stands in the entry.
#[test]
fn the_signed_text_stands_in_the_entry() {
    let mut signed = 0;
    for (asked, (_, text, _)) in commands().into_iter().zip(entries()) {
        if let Command::Issue(issue) = asked.command {
            assert!(text.contains(&format!("\"draft\":{},\"index\":", issue.text())));
            assert_eq!(text.contains(r#""key":"order-\"2\"\\2026/11""#), issue.key().as_str() == AWKWARD_KEY);
            signed += 1;
        }
    }
    assert_eq!(signed, 2);
}
