//! The demonstration's fixtures hold together, and the loader refuses those that do not.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::base::LegalDate;
use crate::base::ids::{ChainId, MerchantId};
use crate::invoice::{CheckPolicy, Checked, Severity};
use crate::parties::kingdee::billing::bill;
use crate::parties::tax_bureau::sandbox::SandboxBureau;

const STRICT: CheckPolicy = CheckPolicy { uscc_check_digit: Severity::Refuse };

fn demo() -> (Vec<DemoMerchant>, Vec<DemoEvent>) {
    let merchants = merchants(MERCHANTS_JSON).unwrap();
    let events = events(ORDERS_JSON, &merchants).unwrap();
    (merchants, events)
}

fn payments(events: &[DemoEvent]) -> Vec<&DemoPayment> {
    let payment = |event: &'_ DemoEvent| matches!(event, DemoEvent::Payment(_));
    events
        .iter()
        .filter(|event| payment(event))
        .map(|event| match event {
            DemoEvent::Payment(payment) | DemoEvent::Repeat { payment, .. } => payment,
            DemoEvent::Refund(_) => unreachable!(),
        })
        .collect()
}

fn seller_of<'m>(merchants: &'m [DemoMerchant], payment: &DemoPayment) -> &'m DemoMerchant {
    merchants.iter().find(|merchant| merchant.mchid == payment.mchid).unwrap()
}

/// Every order of the demonstration as a checked draft beside its payment.
fn checked_orders() -> Vec<(DemoPayment, Checked)> {
    let (merchants, events) = demo();
    let chain = ChainId::try_from("shenzhen-sandbox").unwrap();
    let id = MerchantId::nth(1).unwrap();
    let paid = payments(&events).into_iter().filter(|payment| payment.order.is_some());
    paid.map(|payment| {
        let draft = bill(payment.order.clone().unwrap(), payment.paid().unwrap())
            .unwrap_or_else(|fault| panic!("{}: {fault}", payment.story));
        let date = LegalDate::of(payment.at).unwrap();
        let seller = &seller_of(&merchants, payment).seller;
        let (checked, warnings) = draft
            .check(seller, &chain, &id, date, &STRICT)
            .unwrap_or_else(|faults| panic!("{}: {faults:?}", payment.story));
        assert_eq!(warnings, [], "{}", payment.story);
        (payment.clone(), checked)
    })
    .collect()
}

#[test]
fn every_order_checks_out_and_comes_to_what_was_paid() {
    let orders = checked_orders();
    assert!(orders.len() >= 22, "{}", orders.len());
    for (payment, checked) in orders {
        assert_eq!(checked.total(), payment.paid, "{}", payment.story);
    }
}

#[test]
fn every_order_is_within_the_bureaus_rules() {
    let bureau = SandboxBureau::from_json(RULES_JSON).unwrap();
    for (payment, checked) in checked_orders() {
        let rules = bureau.rules_for(&checked.seller().taxpayer_id);
        assert_eq!(rules.check(&checked), Ok(()), "{}", payment.story);
    }
}

#[test]
fn every_merchant_has_a_valid_taxpayer_id() {
    let (merchants, _) = demo();
    assert!((4..=6).contains(&merchants.len()));
    for merchant in &merchants {
        assert_eq!(merchant.seller.check(&STRICT), Ok(Vec::new()), "{}", merchant.mchid);
        assert!(merchant.seller.name.contains("样例"), "{} must be seen to be fictional", merchant.seller.name);
    }
    let ids: BTreeSet<_> = merchants.iter().map(|merchant| &merchant.seller.taxpayer_id).collect();
    assert_eq!(ids.len(), merchants.len());
}

#[test]
fn the_demonstration_shows_what_it_promises() {
    let (merchants, events) = demo();
    let payments = payments(&events);
    assert_eq!(merchants.iter().filter(|merchant| !merchant.issue_on_payment).count(), 1);
    assert_eq!(payments.iter().filter(|payment| payment.order.is_none()).count(), 1);
    assert_eq!(events.iter().filter(|event| matches!(event, DemoEvent::Repeat { .. })).count(), 1);
    assert_eq!(events.iter().filter(|event| matches!(event, DemoEvent::Refund(_))).count(), 2);

    let orders = checked_orders();
    let rates: BTreeSet<u16> = orders.iter().flat_map(|(_, c)| c.lines()).map(|line| line.rate().get()).collect();
    assert_eq!(rates, BTreeSet::from([0, 100, 300, 500, 600, 900, 1300]));
    assert!(orders.iter().any(|(_, checked)| checked.lines().len() == 1_999));
    assert!(orders.iter().any(|(payment, _)| payment.paid.get() == 1));
    assert!(orders.iter().any(|(_, checked)| checked.buyer().name.contains('𠮷')));
    assert!(orders.iter().any(|(_, checked)| checked.lines().iter().any(|line| line.is_discount())));
}

#[test]
fn events_stand_in_order_of_time() {
    let (_, events) = demo();
    let times: Vec<UnixMs> = events
        .iter()
        .map(|event| match event {
            DemoEvent::Payment(payment) => payment.at,
            DemoEvent::Repeat { at, .. } => *at,
            DemoEvent::Refund(refund) => refund.notice.success_time,
        })
        .collect();
    assert!(times.is_sorted());
}

#[test]
fn copies_of_a_line_are_numbered() {
    let order = json!({"out_trade_no": "A-1", "pricing": "inclusive", "expand": {"count": 3, "line":
        {"category": "文具", "name": "铅笔 {n}", "classification": "1060105000000000000", "amount": 100, "rate": 1300}}});
    let order = read_order(order.as_object().unwrap().clone(), "A-1").unwrap();
    let names: Vec<&str> = order.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["铅笔 1", "铅笔 2", "铅笔 3"]);
}

fn refused(event: serde_json::Value) -> (Code, String) {
    let (merchants, _) = demo();
    let payment = json!({"event": "payment", "story": "s", "mchid": "1900000101", "transaction": "T1", "out_trade_no": "A-1",
        "openid": "o", "paid": 100, "at": "2026-11-22T12:00:00+08:00"});
    let fault = events(&json!({"v": 1, "events": [payment, event]}).to_string(), &merchants).unwrap_err();
    (fault.code, fault.path)
}

#[test]
fn events_that_do_not_fit_are_refused_with_their_place() {
    let at = "2026-11-22T12:00:00+08:00";
    let payment = |mchid: &str, transaction: &str, paid: i64, at: &str| {
        json!({"event": "payment", "story": "s", "mchid": mchid, "transaction": transaction, "out_trade_no": "A-2",
            "openid": "o", "paid": paid, "at": at})
    };
    let refund = |fen: i64| json!({"event": "refund", "story": "s", "transaction": "T1", "refund": "R1", "out_refund_no": "B-1", "fen": fen, "at": at});
    for (event, path) in [
        (payment("1900000101", "T1", 100, at), "events[1].transaction"),
        (payment("nobody", "T2", 100, at), "events[1].mchid"),
        (payment("1900000101", "T2", 0, at), "events[1].paid"),
        (payment("1900000101", "T2", 100, "2026-11-22"), "events[1].at"),
        (json!({"event": "repeat", "story": "s", "transaction": "T2", "at": at}), "events[1].transaction"),
        (refund(101), "events[1].fen"),
        (refund(0), "events[1].fen"),
        (json!({"event": "party"}), ""),
    ] {
        assert_eq!(refused(event), (Code::DemoFixtureMalformed, path.to_owned()));
    }
}

#[test]
fn an_order_with_another_number_than_its_payment_is_refused() {
    let order = json!({"out_trade_no": "A-2", "pricing": "inclusive", "lines": []});
    let fault = read_order(order.as_object().unwrap().clone(), "A-1").unwrap_err();
    assert_eq!(fault.path, "order.out_trade_no");
}

#[test]
fn an_openid_of_the_demonstration_is_not_in_debug() {
    let (_, events) = demo();
    assert!(!format!("{events:?}").contains("oDemo"));
}
