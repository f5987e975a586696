//! The whole ledger for auditors: one stream, or its end to be put behind what was read before.

use piaolian::ledger::audit::{Limits, Trust, audit_stream};
use piaolian::ledger::stream::InMemory;

use crate::ask::Ask;
use crate::samples::{CONSULTANT, draft};
use crate::test_app::TestApp;

#[actix_web::test]
async fn an_auditor_reads_the_whole_ledger_and_can_audit_it_alone() {
    let app = TestApp::new().await;
    let merchant = app.register(CONSULTANT).await;
    for n in 1..140 {
        app.issue(&merchant, &format!("k{n}"), &draft(100)).await.expect(201);
    }
    let answer = app.ask(Ask::get("/v1/stream").by(&app.auditor)).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let (whole, roster) = (answer.text(), app.roster());
    let trust = Trust { rosters: std::slice::from_ref(&roster), checkpoint: None };
    let report = audit_stream(whole.as_bytes(), InMemory::default(), &trust, Limits::default(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.entries, report.blocks), (140, 141));

    // What was read before, and the rest.
    let rest = app.ask(Ask::get("/v1/stream?from=139").by(&app.bureau)).await.expect(200);
    let rest = rest.text();
    assert!(whole.ends_with(rest) && rest.lines().count() == 4, "{rest}");
    app.ask(Ask::get("/v1/stream?from=141").by(&app.auditor)).await.expect(400);
    app.ask(Ask::get("/v1/stream").by(&merchant.key)).await.expect(403);
    app.ask(Ask::get("/v1/stream")).await.expect(401);
    app.finish().await;
}
