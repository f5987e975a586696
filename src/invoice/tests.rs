//! The room as a whole: real invoices, every code by name, and what storage must not be able to slip in.

mod red;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::base::ids::{ChainId, MerchantId};
use crate::base::{Code, Fault, Faults, LegalDate};

const WARN: CheckPolicy = CheckPolicy { uscc_check_digit: Severity::Warn };
const REFUSE: CheckPolicy = CheckPolicy { uscc_check_digit: Severity::Refuse };

fn seller() -> Seller {
    serde_json::from_value(json!({"name": "深圳市某某餐饮有限公司", "taxpayer_id": "91440300708461136T"})).unwrap()
}

/// The real invoice of domain.md 1.3, as it would have been asked for.
fn real_invoice() -> Value {
    json!({
        "payment": {"provider": "wechat-pay", "transaction": "4200001234202503191234567890"},
        "buyer": {"kind": "individual", "name": "个人"},
        "pricing": "inclusive",
        "lines": [{
            "category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "unit": "餐",
            "quantity": "1", "price": "498.1", "amount": 49_810, "rate": 600
        }],
        "total": 49_810
    })
}

fn check_with(draft: &Value, day: &str, policy: &CheckPolicy) -> Result<(Checked, Vec<Fault>), Faults> {
    let draft: Draft = serde_json::from_value(draft.clone()).unwrap();
    let chain = ChainId::try_from("shenzhen-sandbox").unwrap();
    let merchant = MerchantId::nth(1).unwrap();
    draft.check(&seller(), &chain, &merchant, LegalDate::parse(day).unwrap(), policy)
}

fn checked(draft: &Value) -> Checked {
    check_with(draft, "2026-11-22", &WARN).unwrap().0
}

/// `CODE@path` of every fault.
fn faults(draft: &Value, day: &str) -> Vec<String> {
    places(check_with(draft, day, &REFUSE).unwrap_err())
}

fn places(faults: Faults) -> Vec<String> {
    faults.0.into_iter().map(|f| format!("{}@{}", f.code, f.path)).collect()
}

/// The real invoice with one thing changed; `null` takes a field away.
fn changed(pointer: &str, value: Value) -> Value {
    let mut draft = real_invoice();
    change(&mut draft, pointer, value);
    draft
}

fn change(document: &mut Value, pointer: &str, value: Value) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Array(items), value) => items[field.parse::<usize>().unwrap()] = value,
        (Value::Object(fields), Value::Null) => assert!(fields.remove(field).is_some(), "{pointer}"),
        (Value::Object(fields), value) => {
            fields.insert(field.to_owned(), value);
        }
        _ => panic!("{pointer} leads nowhere"),
    }
}

#[test]
fn the_real_invoice_is_checked_to_its_printed_figures() {
    let checked = checked(&real_invoice());
    assert_eq!((checked.amount().get(), checked.tax().get(), checked.total().get()), (46_991, 2_819, 49_810));
    assert_eq!(checked.lines()[0].printed_name(), "*餐饮服务*餐费");
    assert_eq!(capital(checked.total()), "肆佰玖拾捌圆壹角整");
    checked.recheck().unwrap();
}

#[test]
fn the_wechat_sample_is_checked_to_its_documented_figures() {
    let mut draft = real_invoice();
    change(
        &mut draft,
        "/lines/0",
        json!({
            "category": "手机", "name": "手机", "classification": "1090418010000000000", "amount": 429_900, "rate": 1300
        }),
    );
    change(&mut draft, "/total", json!(429_900));
    let checked = checked(&draft);
    assert_eq!((checked.amount().get(), checked.tax().get(), checked.total().get()), (380_442, 49_458, 429_900));
}

#[test]
fn a_checked_draft_has_the_shape_of_the_contract() {
    let mut draft = changed("/lines/0/discount", json!(9_810));
    change(&mut draft, "/total", json!(40_000));
    assert_eq!(
        serde_json::to_value(checked(&draft)).unwrap(),
        json!({
            "v": 1, "chain": "shenzhen-sandbox", "document": "blockchain-ordinary", "merchant": "M00000001",
            "seller": {"name": "深圳市某某餐饮有限公司", "taxpayer_id": "91440300708461136T"},
            "buyer": {"kind": "individual", "name": "个人"},
            "payment": {"provider": "wechat-pay", "transaction": "4200001234202503191234567890"},
            "pricing": "inclusive",
            "lines": [
                {"category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "unit": "餐",
                 "quantity": "1", "price": "498.1", "rate": 600, "amount": 46_991, "tax": 2_819, "total": 49_810},
                {"category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "rate": 600,
                 "kind": "discount", "amount": -9_255, "tax": -555, "total": -9_810}
            ],
            "amount": 37_736, "tax": 2_264, "total": 40_000
        })
    );
}

#[test]
fn a_discount_of_the_whole_line_leaves_nothing_of_it() {
    let mut draft = changed("/lines/0/discount", json!(49_810));
    assert_eq!(faults(&draft, "2026-11-22"), ["INV-TOTAL-NOT-POSITIVE@total", "INV-TOTAL-DISAGREES@total"]);
    let other = draft["lines"][0].clone();
    draft["lines"].as_array_mut().unwrap().push(other);
    change(&mut draft, "/lines/1/discount", Value::Null);
    let checked = checked(&draft);
    assert_eq!((checked.amount().get(), checked.tax().get()), (46_991, 2_819));
}

#[test]
fn discount_lines_count_as_lines() {
    let line = json!({"category": "a", "name": "b", "classification": "3070401000000000000", "amount": 10, "rate": 600, "discount": 1});
    let with = |n: usize| changed("/lines", Value::Array(vec![line.clone(); n]));
    let mut full = with(1_000);
    change(&mut full, "/total", json!(9_000));
    assert_eq!(checked(&full).lines().len(), 2_000);
    assert_eq!(faults(&with(1_001), "2026-11-22"), ["INV-LINES-TOO-MANY@lines"]);
}

#[test]
fn all_faults_come_at_once_with_their_places() {
    let mut draft = changed("/buyer", json!({"kind": "organisation", "name": " ", "bank_account": "\t1"}));
    change(&mut draft, "/drawer", json!("Cafe\u{301}"));
    change(&mut draft, "/lines/0/rate", json!(700));
    change(&mut draft, "/lines/0/discount", json!(-1));
    let second = json!({"category": "*", "name": "x", "classification": "9", "quantity": "1", "rate": 0});
    draft["lines"].as_array_mut().unwrap().push(second);
    assert_eq!(
        faults(&draft, "2026-11-22"),
        [
            "INV-TEXT-EMPTY@buyer.name",
            "INV-TEXT-CONTROL@buyer.bank_account",
            "INV-BUYER-TAXPAYER-ID-MISSING@buyer.taxpayer_id",
            "INV-TEXT-NOT-NFC@drawer",
            "INV-RATE-UNKNOWN@lines[0].rate",
            "INV-DISCOUNT-NOT-POSITIVE@lines[0].discount",
            "INV-CATEGORY-ASTERISK@lines[1].category",
            "INV-CLASSIFICATION-SHAPE@lines[1].classification",
            "INV-QUANTITY-WITHOUT-PRICE@lines[1].quantity",
        ]
    );
}

#[test]
fn a_wrong_check_character_warns_or_refuses_as_the_policy_says() {
    let draft = changed("/buyer/taxpayer_id", json!("91440300708461136X"));
    let (_, warnings) = check_with(&draft, "2026-11-22", &WARN).unwrap();
    assert_eq!(places(Faults(warnings)), ["INV-USCC-CHECK-DIGIT@buyer.taxpayer_id"]);
    assert_eq!(faults(&draft, "2026-11-22"), ["INV-USCC-CHECK-DIGIT@buyer.taxpayer_id"]);
}

#[test]
fn unknown_fields_and_null_are_refused() {
    for (pointer, value) in [("/color", json!("red")), ("/lines/0/tax", json!(1)), ("/buyer/phone", json!("1"))] {
        assert!(serde_json::from_value::<Draft>(changed(pointer, value)).is_err(), "{pointer}");
    }
    let text = real_invoice().to_string().replace("\"total\":49810", "\"total\":null");
    assert!(text.contains("null") && serde_json::from_str::<Draft>(&text).is_err());
}

fn rules(value: Value) -> IssuingRules {
    serde_json::from_value(value).unwrap()
}

fn strict_rules() -> IssuingRules {
    rules(json!({"per_invoice_cap": 49_809, "rates": [600], "classification_prefixes": ["307"],
        "uscc_check_digit": "refuse", "payment_required": true}))
}

fn senseless_rules() -> IssuingRules {
    rules(
        json!({"per_invoice_cap": -1, "monthly_cap": -1, "rates": [], "classification_prefixes": ["7", "", "307", "307"]}),
    )
}

/// Two lines, the first with a discount; no payment; an id with a wrong character.
fn draft_against_rules() -> Value {
    let mut draft = changed("/payment", Value::Null);
    change(&mut draft, "/lines/0/discount", json!(10));
    change(&mut draft, "/buyer/taxpayer_id", json!("91350100M000100Y4Z"));
    draft["lines"].as_array_mut().unwrap().push(second_line());
    draft
}

fn second_line() -> Value {
    json!({"category": "a", "name": "b", "classification": "1010101000000000000", "amount": 10, "rate": 1300})
}

#[test]
fn rules_that_are_kept_let_the_invoice_through() {
    let fine = rules(json!({"per_invoice_cap": 49_810, "monthly_cap": 0, "rates": [600, 1300],
        "classification_prefixes": ["307", "1"], "uscc_check_digit": "warn", "payment_required": false}));
    fine.validate().unwrap();
    fine.check(&checked(&draft_against_rules())).unwrap();
    rules(json!({})).check(&checked(&draft_against_rules())).unwrap();
}

#[test]
fn rules_that_are_broken_are_all_named() {
    assert_eq!(
        places(strict_rules().check(&checked(&draft_against_rules())).unwrap_err()),
        [
            "INV-RULE-PAYMENT-REQUIRED@payment",
            "INV-USCC-CHARACTER@buyer.taxpayer_id",
            "INV-RULE-RATE@lines[1].rate",
            "INV-RULE-CLASSIFICATION@lines[1].classification",
            "INV-RULE-INVOICE-CAP@total",
        ]
    );
}

#[test]
fn rules_set_the_policy_where_they_speak() {
    assert_eq!(strict_rules().policy(WARN), REFUSE);
    assert_eq!(rules(json!({})).policy(WARN), WARN);
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    assert_eq!(
        places(senseless_rules().validate().unwrap_err()),
        [
            "INV-RULES-CAP@per_invoice_cap",
            "INV-RULES-CAP@monthly_cap",
            "INV-RULES-LIST@rates",
            "INV-RULES-LIST@classification_prefixes",
            "INV-RULES-PREFIX@classification_prefixes[0]",
            "INV-RULES-PREFIX@classification_prefixes[1]",
        ]
    );
    assert_eq!(places(rules(json!({"rates": [600, 700]})).validate().unwrap_err()), ["INV-RATE-UNKNOWN@rates[1]"]);
}

/// A stored draft of two lines, the first with a discount, after one change.
fn stored(pointer: &str, value: Value) -> Result<(), Faults> {
    let mut draft = changed("/lines/0/discount", json!(9_810));
    draft["lines"].as_array_mut().unwrap().push(second_line());
    change(&mut draft, "/total", Value::Null);
    let mut document = serde_json::to_value(checked(&draft)).unwrap();
    if !pointer.is_empty() {
        change(&mut document, pointer, value);
    }
    serde_json::from_value::<Checked>(document).unwrap().recheck()
}

/// What is changed in a stored draft, to what, and what must be found.
fn stored_cases() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/v", json!(2), "INV-STORED-VERSION@v"),
        ("/tax", json!(0), "INV-STORED-TOTALS@"),
        ("/lines/0/tax", json!(2_820), "INV-STORED-LINE-SUM@lines[0].total"),
        ("/lines/0/rate", json!(300), "INV-STORED-LINE-SPLIT@lines[0].tax"),
        ("/lines/0/rate", json!(700), "INV-RATE-UNKNOWN@lines[0].rate"),
        ("/lines/0/price", json!("498.2"), "INV-AMOUNT-DISAGREES@lines[0].amount"),
        ("/lines/1/name", json!("其他"), "INV-STORED-DISCOUNT@lines[1]"),
        ("/lines/1/unit", json!("餐"), "INV-STORED-DISCOUNT@lines[1]"),
        ("/lines/1/total", json!(-49_811), "INV-STORED-DISCOUNT@lines[1]"),
        ("/lines/1/kind", Value::Null, "INV-AMOUNT-NOT-POSITIVE@lines[1].amount"),
        ("/lines/0/kind", json!("discount"), "INV-STORED-DISCOUNT@lines[0].kind"),
        ("/lines/2/kind", json!("discount"), "INV-STORED-DISCOUNT@lines[2].kind"),
        ("/lines/2/mark", json!("exempt"), "INV-MARK-NEEDS-ZERO-RATE@lines[2].mark"),
        ("/lines", json!([]), "INV-LINES-EMPTY@lines"),
        ("/buyer/name", json!("\u{e000}"), "INV-TEXT-PRIVATE-USE@buyer.name"),
    ]
}

#[test]
fn a_stored_draft_holds_until_it_is_changed() {
    stored("", Value::Null).unwrap();
    for (pointer, value, place) in stored_cases() {
        let found = places(stored(pointer, value).unwrap_err());
        assert!(found.iter().any(|f| f == place), "{pointer}: {found:?}");
    }
}

#[test]
fn a_stored_rate_is_held_to_the_legal_date() {
    let checked = checked(&real_invoice());
    checked.recheck_rates(LegalDate::parse("2026-11-22").unwrap()).unwrap();
    let draft = changed("/lines/0/rate", json!(1600));
    let (old, _) = check_with(&draft, "2019-03-31", &WARN).unwrap();
    let late = old.recheck_rates(LegalDate::parse("2019-04-01").unwrap());
    assert_eq!(places(late.unwrap_err()), ["INV-RATE-EXPIRED@lines[0].rate"]);
}

/// Every code that some changed draft brings out, with the change.
fn codes_of_drafts() -> BTreeSet<Code> {
    let line_feed = json!("一\n二");
    let no_price = json!({"category": "a", "name": "b", "classification": "3070401000000000000", "rate": 600});
    let mut cases: Vec<(Code, Value, &str)> = [
        (Code::InvTextEmpty, "/buyer/name", json!("")),
        (Code::InvTextTooLong, "/buyer/name", json!("名".repeat(257))),
        (Code::InvTextNotNfc, "/remark", json!("e\u{301}")),
        (Code::InvTextControl, "/payee", line_feed),
        (Code::InvTextPrivateUse, "/reviewer", json!("\u{f8ff}")),
        (Code::InvBuyerTaxpayerIdMissing, "/buyer/kind", json!("organisation")),
        (Code::InvTaxpayerIdShape, "/buyer/taxpayer_id", json!("9144")),
        (Code::InvUsccCharacter, "/buyer/taxpayer_id", json!("91350100M000100Y4Z")),
        (Code::InvUsccCheckDigit, "/buyer/taxpayer_id", json!("91440300708461136X")),
        (Code::InvUsccOrganisationCode, "/buyer/taxpayer_id", json!("91440300708461137X")),
        (Code::InvLinesEmpty, "/lines", json!([])),
        (Code::InvLinesTooMany, "/lines", Value::Array(vec![real_invoice()["lines"][0].clone(); 2_001])),
        (Code::InvCategoryAsterisk, "/lines/0/category", json!("餐*饮")),
        (Code::InvClassificationShape, "/lines/0/classification", json!("3070401000000000001")),
        (Code::InvQuantityNotPositive, "/lines/0/quantity", json!("-1")),
        (Code::InvQuantityWithoutPrice, "/lines/0/price", Value::Null),
        (Code::InvPriceNotPositive, "/lines/0/price", json!("0")),
        (Code::InvPriceWithoutQuantity, "/lines/0/quantity", Value::Null),
        (Code::InvAmountMissing, "/lines/0", no_price),
        (Code::InvAmountNotPositive, "/lines/0/price", json!("0.00000001")),
        (Code::InvAmountTooLarge, "/lines/0/quantity", json!("92233720368")),
        (Code::InvAmountDisagrees, "/lines/0/amount", json!(49_811)),
        (Code::InvDiscountNotPositive, "/lines/0/discount", json!(0)),
        (Code::InvDiscountTooLarge, "/lines/0/discount", json!(49_811)),
        (Code::InvRateUnknown, "/lines/0/rate", json!(601)),
        (Code::InvRateExpired, "/lines/0/rate", json!(1700)),
        (Code::InvMarkNeedsZeroRate, "/lines/0/mark", json!("exempt")),
        (Code::InvTotalNotPositive, "/lines/0/discount", json!(49_810)),
        (Code::InvTotalDisagrees, "/total", json!(49_811)),
    ]
    .into_iter()
    .map(|(code, pointer, value)| (code, changed(pointer, value), "2026-11-22"))
    .collect();
    cases.push((Code::InvRateNotYet, changed("/lines/0/rate", json!(1300)), "2019-03-31"));
    let large = json!({"category": "a", "name": "b", "classification": "3070401000000000000", "amount": 10_000_000_000_000i64, "rate": 0});
    cases.push((Code::InvTotalTooLarge, changed("/lines", json!([large, large])), "2026-11-22"));

    for (code, draft, day) in &cases {
        let draft = if *code == Code::InvAmountNotPositive || *code == Code::InvAmountTooLarge {
            let mut draft = draft.clone();
            change(&mut draft, "/lines/0/amount", Value::Null);
            draft
        } else {
            draft.clone()
        };
        let found = check_with(&draft, day, &REFUSE).unwrap_err();
        assert!(found.0.iter().any(|f| f.code == *code), "{code}: {found:?}");
    }
    cases.into_iter().map(|(code, _, _)| code).collect()
}

#[test]
fn every_code_of_the_room_is_brought_out_by_something() {
    let mut seen = codes_of_drafts();
    let text = "1.0";
    seen.extend(Quantity::try_from(text).err().map(|f| f.code));
    seen.extend(InvoiceCode::try_from(text).err().map(|f| f.code));
    seen.extend(InvoiceNumber::try_from(text).err().map(|f| f.code));
    seen.extend(
        NumberSequence::of(Document::BlockchainOrdinary, LegalDate::parse("2026-11-22").unwrap())
            .nth(u64::MAX)
            .err()
            .map(|f| f.code),
    );
    let stored = stored_cases().into_iter().map(|(pointer, value, _)| stored(pointer, value));
    let rules = [senseless_rules().validate(), strict_rules().check(&checked(&draft_against_rules()))];
    seen.extend(Reason::try_from(text).err().map(|f| f.code));
    let shares = red::blue().shares().unwrap();
    let reverse = |lines| red::blue().reverse(red::id(), &shares, &red::asked(lines));
    let asked = red::asked_cases().into_iter().map(|(lines, _)| reverse(lines).map(|_| ()));
    let of_red = [
        reverse(json!([])).unwrap().shares().map(|_| ()),
        red::stored("/payee", json!("某")).recheck_against(&red::blue(), &shares),
    ];
    let stored_red = red::stored_cases().into_iter().map(|(pointer, value, _)| red::stored(pointer, value).recheck());
    seen.extend(asked.chain(of_red).chain(stored_red).flat_map(|held| held.unwrap_err().0).map(|f| f.code));
    seen.extend(stored.chain(rules).flat_map(|held| held.unwrap_err().0).map(|f| f.code));
    let all: BTreeSet<Code> = Code::ALL.iter().copied().filter(|code| code.as_str().starts_with("INV-")).collect();
    assert_eq!(seen, all);
}
