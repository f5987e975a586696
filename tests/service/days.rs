//! The close of a day over HTTP and by the service itself.

use piaolian::base::UnixMs;
use piaolian::chain::{keccak256, leaf_hash};
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::samples::{CONSULTANT, DAY_MS, NOON, RESTAURANT, draft};
use crate::test_app::{Merchant, TestApp};

const TODAY: &str = "2026-11-22";

fn close(key: &str, date: &str, once: &str) -> Ask {
    Ask::post(format!("/v1/days/{date}/close")).by(key).once(once)
}

/// A merchant that issued two invoices and reversed one; the next day has begun.
async fn town() -> (TestApp, Merchant) {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let one = app.issue(&merchant, "k1", &draft(49_810)).await.expect(201).json()["invoice"].clone();
    app.issue(&merchant, "k2", &draft(190)).await.expect(201);
    let path = format!("/v1/invoices/{}/reversals", one["id"].as_str().unwrap());
    let red = Ask::post(path).by(&merchant.key).once("r1").json(&json!({"reason": "ISSUE_ERROR"}));
    app.ask(red).await.expect(201);
    app.clock.set(UnixMs(NOON.0 + DAY_MS));
    (app, merchant)
}

#[actix_web::test]
async fn a_closed_day_says_how_many_and_how_much() {
    let (app, merchant) = town().await;
    let ask = close(&merchant.key, TODAY, "d1").header("X-Request-Id", "same");
    let first = app.ask(ask.clone()).await.expect(201);
    let checkpoint = app.checkpoint().await;
    assert_eq!(app.ask(ask).await.expect(201), first);
    assert_eq!(app.checkpoint().await, checkpoint);
    let reply = first.json();
    let expected = json!({
        "merchant": merchant.id.as_str(), "date": TODAY, "code": "144032609110", "first": "00000001", "last": "00000003",
        "count": 2, "rates": [{"rate": 600, "amount": 46_991 + 179, "tax": 2_819 + 11, "total": 50_000}],
        "red_count": 1, "red_rates": [{"rate": 600, "amount": -46_991, "tax": -2_819, "total": -49_810}],
        "closed": reply["entry"],
    });
    assert_eq!(reply["day"], expected);
    assert!(app.verdict(&reply["receipt"]).is_valid());
    // The running hash, made again by the written rule from the merchant's entries: its registration is one of them.
    let mut running = vec![0; 32];
    for index in 0..4 {
        let entry = app.ask(Ask::get(format!("/v1/entries/{index}")).by(&app.auditor)).await.expect(200).json();
        let leaf = leaf_hash(entry["entry"].as_str().unwrap());
        running = keccak256([&[4][..], &running, leaf.as_bytes()].concat()).as_bytes().to_vec();
    }
    assert_eq!((&reply["entries"], &reply["running"]), (&json!(4), &json!(hex::encode(running))));
    let listed = app.ask(Ask::get("/v1/days").by(&merchant.key)).await.expect(200).json();
    assert_eq!(listed, json!({"days": [expected]}));
    app.refuses(close(&merchant.key, TODAY, "d2"), (409, "LEDGER-DAY-CLOSED", "date")).await;
    app.finish().await;
}

#[actix_web::test]
async fn only_a_day_that_is_over_is_closed_and_only_by_who_may() {
    let (app, merchant) = town().await;
    let other = app.register(RESTAURANT).await;
    for (ask, refusal) in [
        (close(&merchant.key, "2026-11-23", "d1"), (422, "LEDGER-DAY-NOT-OVER", "date")),
        (close(&merchant.key, "2026-11-24", "d1"), (422, "LEDGER-DAY-NOT-OVER", "date")),
        (close(&merchant.key, "2026-02-30", "d1"), (400, "HTTP-QUERY-MALFORMED", "date")),
        (close(&merchant.key, "today", "d1"), (400, "HTTP-QUERY-MALFORMED", "date")),
        (close(&merchant.key, TODAY, "on-close:2026-11-22"), (422, "LEDGER-KEY-RESERVED", "")),
        (close(&app.auditor, TODAY, "d1"), (403, "HTTP-ROLE-FORBIDDEN", "")),
        (close(&app.bureau, TODAY, "d1"), (400, "HTTP-QUERY-MALFORMED", "merchant")),
        (
            Ask::post(format!("/v1/days/{TODAY}/close?merchant={}", merchant.id)).by(&other.key).once("d1"),
            (403, "HTTP-ROLE-FORBIDDEN", "merchant"),
        ),
        (
            Ask::post(format!("/v1/days/{TODAY}/close?merchant=M00000009")).by(&app.bureau).once("d1"),
            (404, "LEDGER-MERCHANT-UNKNOWN", "merchant"),
        ),
        (Ask::post(format!("/v1/days/{TODAY}/close")).by(&merchant.key), (400, "HTTP-IDEMPOTENCY-KEY-MISSING", "")),
        (Ask::get("/v1/days").by(&app.auditor), (400, "HTTP-QUERY-MALFORMED", "merchant")),
        (
            Ask::get(format!("/v1/days?merchant={}", merchant.id)).by(&other.key),
            (403, "HTTP-ROLE-FORBIDDEN", "merchant"),
        ),
    ] {
        app.refuses(ask, refusal).await;
    }
    let by_bureau = Ask::post(format!("/v1/days/{TODAY}/close?merchant={}", merchant.id)).by(&app.bureau).once("d1");
    app.ask(by_bureau).await.expect(201);
    // A day on which nothing happened can be closed too.
    let empty = app.ask(close(&other.key, TODAY, "d1")).await.expect(201).json();
    assert_eq!((&empty["day"]["count"], empty["day"].get("first")), (&json!(0), None));
    app.finish().await;
}

#[actix_web::test]
async fn days_are_listed_newest_first_page_by_page() {
    let (app, merchant) = town().await;
    for day in 1..4 {
        app.clock.set(UnixMs(NOON.0 + day * DAY_MS));
        app.issue(&merchant, &format!("day-{day}"), &draft(100)).await.expect(201);
    }
    let dates = |page: &Value| -> Vec<String> {
        page["days"].as_array().unwrap().iter().map(|day| day["date"].as_str().unwrap().to_owned()).collect()
    };
    let page = app.ask(Ask::get("/v1/days?limit=3").by(&merchant.key)).await.expect(200).json();
    assert_eq!(dates(&page), ["2026-11-25", "2026-11-24", "2026-11-23"]);
    let next = format!("/v1/days?merchant={}&before={}", merchant.id, page["next"].as_str().unwrap());
    let rest = app.ask(Ask::get(next).by(&app.auditor)).await.expect(200).json();
    assert_eq!((dates(&rest), rest.get("next")), (vec![TODAY.to_owned()], None));
    assert!(page["days"][0].get("closed").is_none());
    app.finish().await;
}

#[actix_web::test]
async fn the_service_closes_finished_days_by_itself_and_once() {
    let (mut app, merchant) = town().await;
    let other = app.register(RESTAURANT).await;
    app.issue(&other, "k1", &draft(100)).await.expect(201);
    app.clock.set(UnixMs(NOON.0 + 2 * DAY_MS));
    app.issue(&merchant, "k3", &draft(100)).await.expect(201);
    app.close_days = true;
    app.restart().await;
    let store = app.store();
    let closed = || {
        let days = |merchant: &Merchant| {
            let filter = piaolian::store::DayFilter { merchant: merchant.id.clone(), before: None, limit: 10 };
            store.read_blocking(|reader| reader.days(&filter)).unwrap()
        };
        let days = [days(&merchant), days(&other)].concat();
        days.into_iter().filter(|day| day.closed.is_some()).map(|day| day.date.to_string()).collect::<Vec<_>>()
    };
    crate::test_app::eventually("both days to be closed", || closed().len() == 2).await;
    assert_eq!(closed(), [TODAY, "2026-11-23"], "today's day stays open");
    let size = app.checkpoint().await["size"].clone();
    assert_eq!(app.service().desk().close_finished_days().await.unwrap(), 0);
    assert_eq!(app.checkpoint().await["size"], size);
    // What comes by itself stands in nobody's way.
    app.issue(&merchant, "k4", &draft(100)).await.expect(201);
    drop(store);
    app.finish().await;
}

#[actix_web::test]
async fn more_days_than_one_block_takes_are_closed_in_one_go() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for day in 0..70 {
        app.clock.set(UnixMs(NOON.0 + day * DAY_MS));
        app.issue(&merchant, &format!("day-{day}"), &draft(100)).await.expect(201);
    }
    assert_eq!(app.service().desk().close_finished_days().await.unwrap(), 69);
    assert_eq!(app.service().desk().close_finished_days().await.unwrap(), 0);
    app.finish().await;
}
