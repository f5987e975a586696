//! Documents as they are handed over: forms, entity tags, previews, and many at once as a ZIP archive.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::rc::Rc;

use actix_web::body::{BodySize, MessageBody as _};
use actix_web::test;
use piaolian::http::create_app;
use piaolian::render::{Document, Press};
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::samples::{CONSULTANT, DAY_MS, RESTAURANT, draft, line};
use crate::test_app::{Merchant, PUBLIC_URL, TestApp};

/// Each form of one invoice, and the media type of what comes.
const FORMS: [(&str, &str); 6] = [
    ("face.pdf", "application/pdf"),
    ("face.ofd", "application/ofd"),
    ("face.xml", "application/xml"),
    ("preview.svg", "image/svg+xml"),
    ("qr.svg", "image/svg+xml"),
    ("qr.png", "image/png"),
];

async fn issued(app: &TestApp, merchant: &Merchant, count: usize) -> Vec<Value> {
    let mut invoices = Vec::new();
    for n in 1..=count {
        let fen = 100 + i64::try_from(n).unwrap();
        invoices.push(app.issue(merchant, &format!("k{n}"), &draft(fen)).await.expect(201).json());
    }
    invoices
}

fn id(issued: &Value) -> &str {
    issued["invoice"]["id"].as_str().unwrap()
}

/// The files of an archive by name.
fn unpacked(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let count = archive.len();
    let read = |index| {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        (file.name().unwrap().into_owned(), content)
    };
    (0..count).map(read).collect()
}

#[actix_web::test]
async fn every_form_is_the_receipts_own_and_the_same_bytes_each_time() {
    let mut app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    let issued = issued(&app, &merchant, 1).await.remove(0);
    let mut first = Vec::new();
    for (form, media_type) in FORMS {
        let ask = Ask::get(format!("/v1/invoices/{}/{form}", id(&issued))).by(&merchant.key);
        let answer = app.ask(ask.header("X-Request-Id", "same")).await.expect(200);
        assert_eq!(answer.header("content-type"), Some(media_type), "{form}");
        assert_eq!(answer.header("cache-control"), Some("private, max-age=86400"), "{form}");
        first.push(answer);
    }
    let receipt =
        app.ask(Ask::get(format!("/v1/invoices/{}/receipt", id(&issued))).by(&merchant.key)).await.expect(200);
    let document = Document::of(&piaolian::chain::Receipt::from_json(&receipt.body).unwrap(), PUBLIC_URL).unwrap();
    let press = Press::set_up().unwrap();
    assert!(first[0].body == press.pdf(&document).unwrap().bytes);
    assert!(first[1].body == press.ofd(&document).unwrap().bytes);
    assert_eq!(first[2].text(), document.xml);
    assert_eq!(first[3].text(), press.page_svg(&document, 1).unwrap());
    app.restart().await;
    for ((form, _), first) in FORMS.into_iter().zip(first) {
        let ask = Ask::get(format!("/v1/invoices/{}/{form}", id(&issued))).by(&merchant.key);
        assert!(app.ask(ask.header("X-Request-Id", "same")).await == first, "{form}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn whoever_has_it_already_is_told_so_and_no_tag_stands_for_two_things() {
    let app = TestApp::new().await;
    let merchant = app.register(RESTAURANT).await;
    let invoices = issued(&app, &merchant, 2).await;
    let mut tags = Vec::new();
    for (form, _) in FORMS {
        for issued in &invoices {
            let path = format!("/v1/invoices/{}/{form}", id(issued));
            let ask = || Ask::get(&path).by(&merchant.key);
            let answer = app.ask(ask()).await.expect(200);
            let tag = answer.header("etag").unwrap().to_owned();
            let leaf = issued["invoice"]["hash"].as_str().unwrap().strip_prefix("01").unwrap();
            assert!(tag.starts_with(&format!("\"{leaf}-")), "strong, of the leaf: {tag}");
            for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
                let answer = app.ask(ask().header("If-None-Match", &known)).await.expect(304);
                assert!(answer.body.is_empty(), "{known}");
                assert_eq!(answer.header("etag"), Some(tag.as_str()));
            }
            for unknown in ["\"other\"", "not a tag", leaf] {
                app.ask(ask().header("If-None-Match", unknown)).await.expect(200);
            }
            // A stranger learns nothing from a tag.
            let stranger = Ask::get(&path).by("sk_nobody").header("If-None-Match", &tag);
            app.ask(stranger).await.expect(401);
            tags.push(tag);
        }
    }
    let count = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), count);
    app.finish().await;
}

#[actix_web::test]
async fn a_preview_shows_each_page_and_no_page_too_many() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let mut long = draft(1);
    long["lines"] = json!(vec![line(100); 60]);
    long["total"] = json!(6_000);
    let issued = app.issue(&merchant, "k1", &long).await.expect(201).json();
    let path = format!("/v1/invoices/{}/preview.svg", id(&issued));
    let ask = |query: &str| Ask::get(format!("{path}{query}")).by(&merchant.key);
    let first = app.ask(ask("")).await.expect(200);
    assert_eq!(app.ask(ask("?page=1")).await.expect(200).body, first.body);
    let second = app.ask(ask("?page=2")).await.expect(200);
    assert_ne!((second.header("etag"), &second.body), (first.header("etag"), &first.body));
    for page in ["0", "99", "18446744073709551615"] {
        app.refuses(ask(&format!("?page={page}")), (404, "RENDER-NO-PAGE", "page")).await;
    }
    for query in ["?page=x", "?page=-1", "?pages=1"] {
        app.refuses(ask(query), (400, "HTTP-QUERY-MALFORMED", "")).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_batch_holds_every_invoice_once_with_an_index_first() {
    let app = TestApp::new().await;
    let (merchant, other) = (app.register(CONSULTANT).await, app.register(RESTAURANT).await);
    let invoices = issued(&app, &merchant, 5).await;
    app.issue(&other, "k1", &draft(100)).await.expect(201);
    for (kind, form) in [("pdf", "face.pdf"), ("ofd", "face.ofd"), ("xml", "face.xml"), ("receipt", "receipt")] {
        let answer = app.ask(Ask::get(format!("/v1/invoices.zip?kind={kind}")).by(&merchant.key)).await.expect(200);
        assert_eq!(answer.header("content-type"), Some("application/zip"));
        assert_eq!(answer.header("piaolian-next"), None);
        assert!(answer.body[30..].starts_with(b"index.csv"), "the index comes first");
        let files = unpacked(&answer.body);
        assert_eq!(files.len(), invoices.len() + 1, "{:?}", files.keys());
        let index = std::str::from_utf8(&files["index.csv"]).unwrap();
        let ending = if kind == "receipt" { "json" } else { kind };
        for issued in &invoices {
            let one = Ask::get(format!("/v1/invoices/{}/{form}", id(issued))).by(&merchant.key);
            let one = app.ask(one).await.expect(200);
            assert!(files[&format!("{}.{ending}", id(issued))] == one.body, "{kind} {}", id(issued));
            let leaf = issued["invoice"]["hash"].as_str().unwrap().strip_prefix("01").unwrap();
            assert_eq!(index.matches(leaf).count(), 1);
        }
        assert_eq!(index.lines().count(), invoices.len() + 1);
    }
    // An auditor gets everybody's, or one merchant's.
    let count = async |query: &str| {
        let answer = app.ask(Ask::get(format!("/v1/invoices.zip?kind=xml{query}")).by(&app.auditor)).await.expect(200);
        unpacked(&answer.body).len() - 1
    };
    assert_eq!(count("").await, 6);
    assert_eq!(count(&format!("&merchant={}", other.id)).await, 1);
    app.finish().await;
}

#[actix_web::test]
async fn batches_follow_each_other_without_gap_and_keep_to_their_days() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let mut invoices = issued(&app, &merchant, 5).await;
    app.clock.set(piaolian::base::UnixMs(crate::samples::NOON.0 + DAY_MS));
    let later = app.issue(&merchant, "later", &draft(100)).await.expect(201).json();
    let ask = async |query: &str| -> (Vec<String>, Option<String>) {
        let ask = Ask::get(format!("/v1/invoices.zip?kind=receipt{query}")).by(&merchant.key);
        let answer = app.ask(ask).await.expect(200);
        let mut files = unpacked(&answer.body);
        files.remove("index.csv").unwrap();
        (files.into_keys().collect(), answer.header("piaolian-next").map(str::to_owned))
    };
    let names = |invoices: &[Value]| invoices.iter().map(|one| format!("{}.json", id(one))).collect::<Vec<_>>();
    assert_eq!(ask("&from=2026-11-23").await, (names(std::slice::from_ref(&later)), None));
    assert_eq!(ask("&to=2026-11-22").await, (names(&invoices), None));
    assert_eq!(ask("&from=2026-11-24").await, (Vec::new(), None));
    invoices.push(later);
    let (mut all, mut next) = ask("&limit=4").await;
    while let Some(before) = next {
        // What is issued in between is newer than all that is still to come.
        app.issue(&merchant, &format!("between-{before}"), &draft(100)).await.expect(201);
        let (more, following) = ask(&format!("&limit=4&before={before}")).await;
        all.extend(more);
        next = following;
    }
    all.sort();
    assert_eq!(all, names(&invoices));
    app.finish().await;
}

#[actix_web::test]
async fn a_batch_that_is_asked_for_wrongly_is_refused() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let malformed = |path| (400, "HTTP-QUERY-MALFORMED", path);
    for (query, path) in [
        ("", ""),
        ("?kind=doc", ""),
        ("?kind=PDF", ""),
        ("?kind=pdf&limit=0", "limit"),
        ("?kind=pdf&limit=1001", "limit"),
        ("?kind=pdf&from=2026-13-01", ""),
        ("?kind=pdf&date=2026-11-22", ""),
    ] {
        let ask = Ask::get(format!("/v1/invoices.zip{query}")).by(&merchant.key);
        app.refuses(ask, malformed(path)).await;
    }
    app.finish().await;
}

/// Three hundred invoices go over the wire piece by piece: no piece holds more than a few of them, and nothing says beforehand how much it
/// will be.
#[actix_web::test]
async fn three_hundred_invoices_are_a_stream_of_small_pieces() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let invoices = issued(&app, &merchant, 300).await;
    let service = Rc::new(test::init_service(create_app(app.service().state.clone())).await);
    let ask = Ask::get("/v1/invoices.zip?kind=pdf").by(&merchant.key);
    let answer = test::call_service(service.as_ref(), ask.to_request().to_request()).await;
    let mut body = Box::pin(answer.into_body());
    assert_eq!(body.size(), BodySize::Stream);
    let (mut archive, mut largest) = (Vec::new(), 0);
    while let Some(piece) = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await {
        let piece = piece.map_err(|_broken| "the stream broke").unwrap();
        largest = largest.max(piece.len());
        archive.extend_from_slice(&piece);
    }
    let files = unpacked(&archive);
    assert_eq!(files.len(), 301);
    assert!(invoices.iter().all(|one| files[&format!("{}.pdf", id(one))].starts_with(b"%PDF-")));
    assert!(largest < archive.len() / 20, "{largest} of {}", archive.len());
    drop((body, service));
    app.finish().await;
}

/// The archive is cut off where an invoice can't be drawn: the body ends with an error, and what came is no archive.
#[actix_web::test]
async fn a_batch_that_fails_half_way_is_no_archive() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    let invoices = issued(&app, &merchant, 20).await;
    let service = Rc::new(test::init_service(create_app(app.service().state.clone())).await);
    let ask = Ask::get("/v1/invoices.zip?kind=receipt").by(&merchant.key);
    // The header of the oldest invoice's block, which comes last: damaged while the archive is being sent, then mended again.
    let block = invoices[0]["invoice"]["block"].as_i64().unwrap();
    let answer = test::call_service(service.as_ref(), ask.to_request().to_request()).await;
    let mut body = Box::pin(answer.into_body());
    let mut next = async || std::future::poll_fn(|context| body.as_mut().poll_next(context)).await;
    let mut archive = next().await.unwrap().map_err(|_broken| "no index").unwrap().to_vec();
    let mut database = app.database.raw().unguarded();
    database.must(&format!("UPDATE blocks SET header = 'x' || header WHERE height = {block}"));
    let broke = loop {
        match next().await {
            Some(Ok(piece)) => archive.extend_from_slice(&piece),
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    database.must(&format!("UPDATE blocks SET header = substr(header, 2) WHERE height = {block}"));
    drop(database);
    assert!(broke, "a stream that ends well would be taken for a whole archive");
    assert!(archive.len() > 10_000, "it was under way");
    assert!(zip::ZipArchive::new(Cursor::new(archive)).is_err());
    drop((body, service));
    app.finish().await;
}
