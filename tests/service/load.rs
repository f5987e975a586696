//! Many at once, a full queue, and real sockets.

use std::sync::mpsc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use piaolian::parties::tencent::sandbox::Stamp;
use piaolian::sequencer;
use piaolian::store::StoreError;
use serde_json::json;

use crate::samples::{CONSULTANT, RESTAURANT, draft, draft_for, order, payment};
use crate::test_app::TestApp;

#[actix_web::test]
async fn many_invoices_at_once_have_all_numbers_and_each_receipt_verifies() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let keys: Vec<String> = (0..60).map(|n| format!("k{n}")).collect();
    let body = draft(100);
    let answers = join_all(keys.iter().map(|key| app.issue(&merchant, key, &body))).await;
    let mut numbers = Vec::new();
    for answer in answers {
        let json = answer.expect(201).json();
        assert!(app.verdict(&json["receipt"]).is_valid());
        numbers.push(json["invoice"]["number"].as_str().unwrap().parse::<u32>().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=60).collect::<Vec<u32>>());
    app.finish().await;
}

#[actix_web::test]
async fn the_same_request_many_times_at_once_is_one_invoice_and_the_same_bytes() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let body = draft(100);
    let answers = join_all((0..40).map(|_| app.issue(&merchant, "k1", &body))).await;
    let first = answers[0].clone().expect(201);
    assert!(answers.iter().all(|answer| answer.body == first.body));
    assert_eq!(app.invoices().await.len(), 1);
    app.finish().await;
}

#[actix_web::test]
async fn invoices_at_once_never_draw_more_than_was_paid() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    app.pay(&payment(CONSULTANT, "4200000001", "A-1", 1_000)).await.expect(204);
    let keys: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
    let body = draft_for("4200000001", 300);
    let answers = join_all(keys.iter().map(|key| app.issue(&merchant, key, &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 3);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((refused.status, refused.code().as_str()), (409, "LEDGER-PAYMENT-OVERDRAWN"));
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_batch_seals_the_good_commands_and_refuses_the_bad_ones() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let (good, bad) = (draft(100), draft_for("4200000404", 100));
    let keys: Vec<String> = (0..40).map(|n| format!("k{n}")).collect();
    let asked =
        keys.iter().enumerate().map(|(n, key)| app.issue(&merchant, key, if n % 2 == 0 { &good } else { &bad }));
    for (n, answer) in join_all(asked).await.into_iter().enumerate() {
        assert_eq!(answer.status, if n % 2 == 0 { 201 } else { 422 });
    }
    assert_eq!(app.invoices().await.len(), 20);
    app.finish().await;
}

#[actix_web::test]
async fn a_full_queue_tells_callers_to_come_back_and_has_done_nothing() {
    let app = TestApp::with(sequencer::Config {
        batch_commands_max: 1,
        queue_commands_max: 1,
        ..sequencer::Config::default()
    })
    .await;
    let merchant = app.register(CONSULTANT).await;
    let store = app.store();
    let (held, is_held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    // Holds the one writer, so that the sequencer can take a command but not commit it.
    let holder = std::thread::spawn(move || {
        store.write_blocking(|_| {
            held.send(()).unwrap();
            released.recv().unwrap();
            Ok::<_, StoreError>(())
        })
    });
    is_held.recv().unwrap();
    let keys: Vec<String> = (0..3).map(|n| format!("k{n}")).collect();
    let body = draft(100);
    let ask = |key: String| {
        let (app, merchant, body) = (&app, &merchant, &body);
        async move { (key.clone(), app.issue(merchant, &key, body).await) }
    };
    // One is being committed and one waits: of three, one at least is turned away, and nobody else can be answered yet.
    let mut asked: FuturesUnordered<_> = keys.iter().cloned().map(ask).collect();
    let (turned_away, answer) = asked.next().await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (503, "SEQ-BUSY"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    release.send(()).unwrap();
    holder.join().unwrap().unwrap();
    let mut sealed = 0;
    while let Some((_, answer)) = asked.next().await {
        assert!(matches!(answer.status, 201 | 503), "{}", answer.text());
        sealed += usize::from(answer.status == 201);
    }
    assert!(sealed >= 1);
    assert_eq!(app.invoices().await.len(), sealed);
    app.issue(&merchant, &turned_away, &body).await.expect(201);
    assert_eq!(app.invoices().await.len(), sealed + 1);
    drop(asked);
    app.finish().await;
}

#[actix_web::test]
async fn the_platform_delivers_over_a_socket_until_it_is_taken() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    app.order(&merchant, &order("A-1", 49_810)).await.expect(201);
    let server = app.listen();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let notice = app.platform.payment(&payment(RESTAURANT, "4200000001", "A-1", 49_810), &app.stamp()).unwrap();
    let url = server.url("/v1/notices/wechat-pay");
    let gaps = [Duration::from_millis(1); 3];
    let mut stamps = 0;
    let stamp = |at, n| Stamp { at, entropy: [n; 25] };
    // The platform's clock is an hour off for the first two deliveries.
    let deliveries = app.platform.deliver(&client, &url, &notice.body, &gaps, || {
        stamps += 1;
        let off = if stamps <= 2 { 3_600_000 } else { 0 };
        Ok(stamp(piaolian::base::UnixMs(crate::samples::NOON.0 + off), stamps))
    });
    assert_eq!(deliveries.await.unwrap(), 3);
    app.settle().await;
    assert_eq!(app.invoices().await.len(), 1);
    server.stop().await;
    app.finish().await;
}

#[actix_web::test]
async fn requests_over_sockets_are_answered_like_those_inside() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let server = app.listen();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = |key: &str| {
        let request = client.post(server.url("/v1/invoices")).bearer_auth(&merchant.key).header("Idempotency-Key", key);
        request.json(&json!({"draft": draft(100)}))
    };
    let answer = ask("k1").send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let bytes = answer.bytes().await.unwrap();
    assert_eq!(app.issue(&merchant, "k1", &draft(100)).await.expect(201).body, bytes);
    let large =
        client.post(server.url("/v1/drafts")).bearer_auth(&merchant.key).header("Content-Type", "application/json");
    let answer = large.body(" ".repeat(2 * 1024 * 1024 + 1)).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    let unknown = client.get(server.url("/nothing")).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    server.stop().await;
    app.finish().await;
}

#[actix_web::test]
async fn a_server_that_stops_finishes_the_requests_under_way() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let server = app.listen();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = server.url("/v1/invoices");
    let asked = (0..16).map(|n| {
        let request = client.post(&url).bearer_auth(&merchant.key).header("Idempotency-Key", format!("k{n}"));
        actix_web::rt::spawn(request.json(&json!({"draft": draft(100)})).send())
    });
    let asked: Vec<_> = asked.collect();
    actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    server.stop().await;
    let mut answered = 0;
    for task in asked {
        // A connection that was not taken any more is no answer; one that was taken is answered well.
        if let Ok(answer) = task.await.unwrap() {
            assert_eq!(answer.status(), 201);
            answered += 1;
        }
    }
    assert_eq!(app.invoices().await.len(), answered);
    app.finish().await;
}
