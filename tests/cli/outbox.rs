//! What was given up is listed, and tried again when an operator says so.

use piaolian::base::{Faults, UnixMs};
use piaolian::store::{DatabaseUrl, Store};
use serde_json::{Value, json};

use crate::database::TestDatabase;
use crate::{err, out, piaolian};

const LONG_AGO: UnixMs = UnixMs(1_000);

fn dead(database: &str) -> Vec<Value> {
    let listed = piaolian(&["outbox", "list", "--database", database]);
    assert_eq!(listed.status.code(), Some(0), "{}", err(&listed));
    out(&listed).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn retry(database: &str, entry: Option<&str>) -> (Option<i32>, Value) {
    let arguments: Vec<&str> = ["outbox", "retry", "--database", database].into_iter().chain(entry).collect();
    let done = piaolian(&arguments);
    (done.status.code(), serde_json::from_str(&out(&done)).unwrap_or_else(|e| panic!("{e}: {}", err(&done))))
}

#[test]
fn what_was_given_up_is_listed_and_tried_again() {
    let database = TestDatabase::empty();
    let url = database.url_text();
    assert_eq!(piaolian(&["migrate", "--database", &url]).status.code(), Some(0));
    let store = Store::open(&DatabaseUrl::parse(&url).unwrap(), 1).unwrap();
    store
        .write_blocking(|tx| {
            for (entry, topic) in [(3, "erp"), (3, "wallet"), (5, "erp"), (7, "erp")] {
                assert!(tx.insert_outbox(entry, topic, LONG_AGO)?);
            }
            Ok::<_, Faults>(())
        })
        .unwrap();
    let due = || store.read_blocking(|reader| reader.due(UnixMs(i64::MAX), 10)).unwrap();
    let all = due();
    store
        .write_blocking(|tx| {
            for item in all.iter().filter(|item| item.entry != 7) {
                assert!(tx.postpone_outbox(item, None, "no such card")?);
            }
            Ok::<_, Faults>(())
        })
        .unwrap();
    let line = |entry: u64, topic: &str| json!({ "entry": entry, "topic": topic, "attempts": 1, "last_error": "no such card" });
    assert_eq!(dead(&url), [line(3, "erp"), line(3, "wallet"), line(5, "erp")]);

    assert_eq!(retry(&url, Some("3")), (Some(0), json!({ "retried": 2 })));
    assert_eq!(dead(&url), [line(5, "erp")]);
    // Named, and nothing of it given up: that is told by the exit code.
    assert_eq!(retry(&url, Some("7")), (Some(1), json!({ "retried": 0 })));
    assert_eq!(retry(&url, None), (Some(0), json!({ "retried": 1 })));
    assert_eq!(retry(&url, None), (Some(0), json!({ "retried": 0 })));
    let due = due();
    assert_eq!(
        due.iter().map(|item| (item.entry, item.attempts)).collect::<Vec<_>>(),
        [(3, 0), (3, 0), (5, 0), (7, 0)]
    );
    // Who was given up is due at once; who was never tried keeps its time.
    assert!(due.iter().all(|item| (item.entry == 7) == (item.next_at_ms == LONG_AGO.0)), "{due:?}");
}
