//! Who takes part, and their commands: as the ledger takes them, and as JSON for the model.

use std::sync::OnceLock;

use piaolian::base::ids::{ChainId, IdempotencyKey, MerchantId};
use piaolian::base::{LegalDate, Secret, UnixMs};
use piaolian::chain::hash::{Hash, holder_hash};
use piaolian::chain::issuer::IssuerKey;
use piaolian::invoice::money::{Fen, Quantity};
use piaolian::invoice::reversal::{LineShare, ReversalAsked};
use piaolian::invoice::{CheckPolicy, Checked, Draft, Seller, Severity};
use piaolian::ledger::Command;
use piaolian::ledger::command::{Issue, Keyed, Reverse, Unsigned, request_hash};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::money::Line;
use super::seed::Dice;

/// 2026-03-01, noon in Shenzhen.
pub const START: i64 = 1_772_337_600_000;

/// A command, twice.
#[derive(Debug, Clone)]
pub struct Asked {
    pub json: Value,
    pub command: Command,
}

pub fn chain() -> ChainId {
    ChainId::try_from("shenzhen-sandbox").unwrap()
}

/// The issuer key of a merchant, from 1.
pub fn issuer(nth: u64) -> IssuerKey {
    IssuerKey::from_secret(&Secret::new([u8::try_from(nth).unwrap(); 32])).unwrap()
}

/// Companies, financiers and payers, by what they are known by.
pub fn holders() -> &'static [String] {
    static HOLDERS: OnceLock<Vec<String>> = OnceLock::new();
    let holder = |nth: u8| holder_hash(&[nth; 32], &format!("holder-{nth}")).to_string();
    HOLDERS.get_or_init(|| (1..=5).map(holder).collect())
}

pub fn merchant_id(nth: u64) -> MerchantId {
    MerchantId::nth(nth).unwrap()
}

fn seller(nth: u64) -> Value {
    json!({"name": format!("深圳市票链样例第{nth}商行"), "taxpayer_id": format!("9144030000TEST{nth:04}")})
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::try_from(text).unwrap()
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A command with a key.
pub fn keyed(kind: &str, name: &str, body: Value) -> Asked {
    fn of<T: DeserializeOwned>(key: IdempotencyKey, request: Hash, body: &Value) -> Keyed<T> {
        Keyed { key, request, body: read(body.clone()) }
    }
    let (request, key) = (request_hash(&chain(), kind, &body).unwrap(), key(name));
    let command = match kind {
        "register_merchant" => Command::RegisterMerchant(of(key, request, &body)),
        "lock" => Command::Lock(of(key, request, &body)),
        "renew" => Command::Renew(of(key, request, &body)),
        "unlock" => Command::Unlock(of(key, request, &body)),
        "close" => Command::Close(of(key, request, &body)),
        "pledge" => Command::Pledge(of(key, request, &body)),
        "release" => Command::Release(of(key, request, &body)),
        "settle" => Command::Settle(of(key, request, &body)),
        "claim" => Command::Claim(of(key, request, &body)),
        "hand_over" => Command::HandOver(of(key, request, &body)),
        "discard" => Command::Discard(of(key, request, &body)),
        "open_confirmation" => Command::OpenConfirmation(of(key, request, &body)),
        "answer_confirmation" => Command::AnswerConfirmation(of(key, request, &body)),
        other => panic!("no command {other} here"),
    };
    Asked { json: json!({"kind": kind, "key": name, "request": request, "body": body}), command }
}

pub fn registration(nth: u64) -> Asked {
    let body = json!({"seller": seller(nth), "issuer": issuer(nth).address(), "issue_on_payment": false});
    keyed("register_merchant", &format!("register-{nth}"), body)
}

pub fn payment(transaction: &str, merchant: u64, paid: i64) -> Asked {
    let body = json!({
        "provider": "wechat-pay", "transaction": transaction, "merchant": merchant_id(merchant), "order": transaction,
        "paid": paid, "paid_at": START,
    });
    Asked { command: Command::RecordPayment(read(body.clone())), json: json!({"kind": "record_payment", "body": body}) }
}

pub fn refund(name: &str, transaction: &str, amount: i64) -> Asked {
    let body = json!({
        "provider": "wechat-pay", "refund": name, "transaction": transaction, "amount": amount, "refunded_at": START,
    });
    Asked { command: Command::RecordRefund(read(body.clone())), json: json!({"kind": "record_refund", "body": body}) }
}

/// A blue draft that the rules of drafts let through, with so many lines at most, of a merchant, on a payment or on none.
pub fn blue_draft(dice: &mut Dice, lines_max: usize, merchant: u64, payment: Option<&str>) -> Checked {
    loop {
        let mut draft = json!({
            "buyer": {"kind": "individual", "name": "个人"},
            "pricing": dice.one_of(&["inclusive", "exclusive"]),
            "lines": (0..1 + dice.below(lines_max)).map(|_| line(dice)).collect::<Vec<_>>(),
        });
        if let Some(transaction) = payment {
            draft["payment"] = json!({"provider": "wechat-pay", "transaction": transaction});
        }
        let draft: Draft = read(draft);
        let policy = CheckPolicy { uscc_check_digit: Severity::Warn };
        let date = LegalDate::of(UnixMs(START)).unwrap();
        let checked = draft.check(&read::<Seller>(seller(merchant)), &chain(), &merchant_id(merchant), date, &policy);
        if let Ok((checked, _)) = checked {
            return checked;
        }
    }
}

fn line(dice: &mut Dice) -> Value {
    let rate = dice.one_of(&[0, 100, 300, 600, 600, 900, 1_300]);
    let mut line =
        json!({"category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "rate": rate});
    if rate == 0 {
        line["mark"] = "exempt".into();
    }
    let mut worth = dice.one_of(&[3, 40, 600, 9_000]);
    worth = dice.between(1..worth + 1);
    if dice.chance(70) {
        let quantity = dice.one_of(&["1", "2", "3", "7", "0.5", "2.25", "12.34567891"]);
        line["quantity"] = quantity.into();
        line["price"] = format!("{}.{:02}", worth / 100, 1 + worth % 99).trim_end_matches('0').into();
        worth /= 4;
    } else {
        line["amount"] = worth.into();
    }
    if worth > 1 && dice.chance(30) {
        line["discount"] = dice.between(1..worth).into();
    }
    line
}

pub fn issue(name: &str, merchant: u64, draft: Checked) -> Asked {
    let issue = signed(name, &json!({"draft": &draft}), "issue", draft, &issuer(merchant));
    let json = json!({"kind": "issue", "key": name, "request": issue.request(), "draft": issue.draft()});
    Asked { json, command: Command::Issue(Box::new(issue)) }
}

fn signed(name: &str, request: &Value, kind: &str, draft: Checked, issuer: &IssuerKey) -> Issue {
    let request = request_hash(&chain(), kind, request).unwrap();
    Unsigned::new(key(name), request, draft).unwrap().sign(issuer)
}

/// A red letter as drawn.
pub fn reverse(name: &str, merchant: u64, red: Checked, confirmation: Option<u64>) -> Asked {
    let mut request = json!({"draft": &red});
    if let Some(entry) = confirmation {
        request["confirmation"] = entry.into();
    }
    let issue = signed(name, &request, "reverse", red, &issuer(merchant));
    let mut json = json!({"kind": "reverse", "key": name, "request": issue.request(), "draft": issue.draft()});
    if let Some(entry) = confirmation {
        json["confirmation"] = entry.into();
    }
    Asked { json, command: Command::Reverse(Box::new(Reverse::new(issue, confirmation).unwrap())) }
}

/// What the model says is left of an invoice, as the rule for red drafts takes it.
pub fn left(lines: &[Line], blue: &Checked) -> Vec<LineShare> {
    let share = |(line, first): (&Line, &LineShare)| {
        assert_eq!(i64::from(first.line), line.place);
        assert_eq!((first.amount.get(), first.tax.get()), (line.amount, line.tax), "what line {} was", line.place);
        let (amount, tax) = (line.amount - line.red_amount, line.tax - line.red_tax);
        let quantity =
            line.quantity.map(|first| Quantity::from_scaled(i64::try_from(first - line.red_quantity).unwrap()));
        let fen = |amount: i64| Fen::new(amount).unwrap();
        LineShare { quantity, amount: fen(amount), tax: fen(tax), total: fen(amount + tax), ..*first }
    };
    lines.iter().zip(&blue.shares().unwrap()).map(share).collect()
}

pub fn reversal_asked(asked: &Value) -> ReversalAsked {
    read(asked.clone())
}
