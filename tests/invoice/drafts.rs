//! Drafts: refused at the same places with the same codes as the oracle says, or split to the same fen and written in the same words.

use std::cell::RefCell;

use piaolian::base::ids::{ChainId, MerchantId};
use piaolian::base::{Fault, LegalDate};
use piaolian::invoice::{CheckPolicy, Checked, Draft, Fen, Seller, Severity, capital};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::BoxedStrategy;
use serde_json::{Value, json};

use crate::oracle::{Oracle, cases, run};

const IDS: [&str; 14] = [
    "91440300708461136T",
    "91440300708437873H",
    "91440300319331004W",
    "91440300MA5EEF1N0R",
    "92532528MA6L45LX6L",
    "91350100M000100Y43",
    "91350100M000100Y4Z",
    "9144050071126766XG",
    "202003261233701778",
    "91440300708461137X",
    "440300708461136",
    "11010519491231002X",
    "11010519491231003X",
    "11010519491231002X01",
];

pub fn words() -> BoxedStrategy<String> {
    prop_oneof![
        select(vec!["餐费", "*", "手机 (5G)", "Café", "𠮷野家", "a", "深圳市某某有限公司", "№ 7", "옷"])
            .prop_map(String::from),
        proptest::collection::vec(proptest::char::range('一', '龥'), 1..12).prop_map(String::from_iter),
    ]
    .boxed()
}

fn taxpayer_id() -> BoxedStrategy<String> {
    let replaced = (select(&IDS[..]), any::<Index>(), proptest::char::ranges(vec!['0'..='9', 'A'..='Z'].into()))
        .prop_map(|(id, place, c)| {
            let place = place.index(id.len());
            id.chars().enumerate().map(|(i, old)| if i == place { c } else { old }).collect()
        });
    prop_oneof![3 => select(&IDS[..6]).prop_map(String::from), 1 => select(&IDS[..]).prop_map(String::from), 1 => replaced]
        .boxed()
}

/// From one fen to more than an invoice holds, each magnitude as often as the others.
fn fen() -> BoxedStrategy<i64> {
    prop_oneof![15 => 0u32..12, 1 => 12u32..14]
        .prop_flat_map(|zeros| (Just(zeros), 1i64..=100))
        .prop_map(|(zeros, n)| n * 10i64.pow(zeros) / 10 + n % 7)
        .prop_map(|n| n.max(1))
        .boxed()
}

pub fn scaled() -> BoxedStrategy<i64> {
    prop_oneof![
        8 => (1i64..=1_000).prop_map(|n| n * 100_000_000),
        8 => (1i64..=1_000_000).prop_map(|n| n * 1_000_000),
        1 => (0u32..16, 1i64..=999).prop_map(|(zeros, n)| n * 10i64.pow(zeros) / 100 + 1),
        4 => (1i64..=99_999_999_999).prop_map(|n| n),
        // Halves of a fen are where rounding shows.
        8 => (0i64..=2_000).prop_map(|n| n * 1_000_000 + 500_000),
    ]
    .boxed()
}

/// Shortest decimal of a value x10^8, without the code under test.
pub fn decimal(scaled: i64) -> String {
    let text = format!("{}.{:08}", scaled / 100_000_000, scaled % 100_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub fn line() -> BoxedStrategy<Value> {
    let classification =
        select(vec!["3070401000000000000", "1090418010000000000", "3010101020203000000", "6000000000000000000"]);
    let rate = select(vec![0, 100, 150, 300, 500, 600, 900, 1300]);
    let money = prop_oneof![
        3 => fen().prop_map(|amount| json!({"amount": amount})),
        2 => (scaled(), scaled()).prop_map(|(q, p)| json!({"quantity": decimal(q), "price": decimal(p)})),
        1 => (1i64..=9_999, 1i64..=9_999_999).prop_map(|(q, p)| {
            json!({"quantity": decimal(q * 100_000_000), "price": decimal(p * 1_000_000), "amount": q * p})
        }),
    ];
    let mark = select(vec!["exempt", "not_taxed", "zero_rated", "export_zero_rated"]);
    let rest =
        (proptest::option::of(mark), proptest::option::weighted(0.3, 1i64..=1_000), proptest::option::of(words()));
    (words(), words(), classification, rate, money, rest)
        .prop_map(|(category, name, classification, rate, mut line, (mark, share, unit))| {
            line["category"] = json!(category.replace('*', "星"));
            line["name"] = json!(name);
            line["classification"] = json!(classification);
            line["rate"] = json!(rate);
            if let Some(mark) = mark.filter(|_| rate == 0) {
                line["mark"] = json!(mark);
            }
            if let Some(unit) = unit {
                line["unit"] = json!(unit);
            }
            // A share of a thousandth to the whole; of a line without an amount, a few fen.
            if let Some(share) = share {
                let off = match line["amount"].as_i64() {
                    Some(amount) => amount / 1_000 * share + amount % 1_000 * share / 1_000,
                    None => share / 100,
                };
                line["discount"] = json!(off.max(1));
            }
            line
        })
        .boxed()
}

/// One thing made wrong, or at least unusual: where, and what stands there then (`null` takes the field away).
fn flaw() -> BoxedStrategy<(String, Value)> {
    let text = select(vec![
        json!(""),
        json!("\u{3000}"),
        json!("名".repeat(33)),
        json!("名".repeat(65)),
        json!("名".repeat(129)),
        json!("名".repeat(162)),
        json!("名".repeat(257)),
        json!("e\u{301}"),
        json!("a\nb"),
        json!("a\tb"),
        json!("\u{202e}a"),
        json!("\u{e000}"),
        json!("\u{fdd0}"),
        json!("\u{85}"),
        json!("\u{1c}"),
        json!("a*b"),
        json!(7),
        json!("가"),
        json!("\u{1100}\u{1161}"),
    ]);
    let texts = select(vec![
        "buyer/name",
        "buyer/address_phone",
        "buyer/bank_account",
        "lines/category",
        "lines/name",
        "lines/unit",
        "lines/specification",
        "remark",
        "payee",
        "reviewer",
        "drawer",
    ]);
    let number = select(vec![
        json!("0"),
        json!("-1"),
        json!("1.0"),
        json!("01"),
        json!("1e3"),
        json!("0.000000001"),
        json!("92233720368.54775807"),
        json!("92233720368.54775808"),
        json!("+1"),
        json!(1),
        json!("0.00000001"),
        json!("2.5"),
        json!("-0"),
        Value::Null,
    ]);
    let amount = select(vec![
        json!(0),
        json!(-1),
        json!(1),
        json!(10_000_000_000_000i64),
        json!(10_000_000_000_001i64),
        json!(9_007_199_254_740_991i64),
        json!(9_007_199_254_740_992i64),
        json!("1"),
        json!(true),
        Value::Null,
    ]);
    let rate = select(vec![
        json!(1000),
        json!(1100),
        json!(1600),
        json!(1700),
        json!(1300),
        json!(100),
        json!(200),
        json!(10_000),
        json!(10_001),
        json!(65_536),
        json!(-1),
        json!("600"),
        Value::Null,
    ]);
    let classification = select(vec![
        "",
        "307040100000000000",
        "30704010000000000000",
        "7070401000000000000",
        "0070401000000000000",
        "3000401000000000000",
        "3070401000000000001",
        "3070401010101010101",
        "307040100000000000x",
        "３070401000000000000",
    ]);
    let of_id = prop_oneof![
        taxpayer_id(),
        select(vec!["9144", "91440300708461136t", "914403007084611360000"]).prop_map(String::from)
    ];
    let other = select(vec![
        ("pricing", json!("gross")),
        ("color", json!(1)),
        ("lines/kind", json!("discount")),
        ("lines/mark", json!("exempt")),
        ("buyer/kind", json!("organisation")),
        ("lines", json!([])),
        ("buyer", Value::Null),
        ("payment/provider", json!("A")),
        ("payment/transaction", json!("a b")),
    ]);
    prop_oneof![
        3 => (texts, text).prop_map(|(path, value)| (path.to_owned(), value)),
        2 => (select(vec!["lines/quantity", "lines/price"]), number).prop_map(|(path, value)| (path.to_owned(), value)),
        2 => (select(vec!["lines/amount", "lines/discount", "total"]), amount).prop_map(|(path, value)| (path.to_owned(), value)),
        1 => rate.prop_map(|value| ("lines/rate".to_owned(), value)),
        1 => classification.prop_map(|value| ("lines/classification".to_owned(), json!(value))),
        1 => of_id.prop_map(|value| ("buyer/taxpayer_id".to_owned(), json!(value))),
        1 => other.prop_map(|(path, value)| (path.to_owned(), value)),
    ]
    .boxed()
}

fn put(draft: &mut Value, path: &str, line: Index, value: Value) {
    let (parent, field) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = match parent {
        "lines" => (draft["lines"].as_array_mut().filter(|lines| !lines.is_empty())).and_then(|lines| {
            let at = line.index(lines.len());
            lines.get_mut(at)
        }),
        "" => Some(draft),
        other => draft.get_mut(other),
    };
    let Some(Value::Object(fields)) = parent else { return };
    if value.is_null() {
        fields.remove(field);
    } else {
        fields.insert(field.to_owned(), value);
    }
}

/// A question for the oracle: a draft (as text), the seller, the day, and how strict to be.
pub fn question() -> BoxedStrategy<Value> {
    let lines = prop_oneof![
        90 => proptest::collection::vec(line(), 1..=6),
        9 => proptest::collection::vec(line(), 1..=80),
        1 => (line(), line(), 1usize..=2_010).prop_map(|(a, b, n)| [a, b].into_iter().cycle().take(n).collect()),
    ];
    let buyer = (words(), proptest::option::of(taxpayer_id()), any::<bool>()).prop_map(|(name, id, organisation)| match id {
        Some(id) => json!({"kind": if organisation { "organisation" } else { "individual" }, "name": name, "taxpayer_id": id}),
        None => json!({"kind": "individual", "name": name}),
    });
    let flaws = prop_oneof![5 => Just(vec![]), 5 => proptest::collection::vec((flaw(), any::<Index>()), 1..=4)];
    let turns = ["2018-04-30", "2018-05-01", "2019-03-31", "2019-04-01", "2020-02-29", "2020-03-01"];
    let day = prop_oneof![4 => Just("2026-11-22"), 1 => select(turns.to_vec())];
    let pricing = select(vec!["inclusive", "exclusive"]);
    let extra = (select(&IDS[..]), proptest::bool::weighted(0.2), any::<bool>());
    (lines, buyer, flaws, day, pricing, extra)
        .prop_map(|(lines, buyer, flaws, day, pricing, (seller, strict, remark))| {
            let mut draft = json!({"payment": {"provider": "wechat-pay", "transaction": "42"}, "buyer": buyer,
                "pricing": pricing, "lines": lines});
            if remark {
                draft["remark"] = json!("第一行\n第二行");
            }
            for ((path, value), line) in flaws {
                put(&mut draft, &path, line, value);
            }
            let name = "深圳市某某有限公司";
            json!({"draft": draft.to_string(), "seller": {"name": name, "taxpayer_id": seller}, "date": day, "strict": strict})
        })
        .boxed()
}

// ---- the code under test, in the oracle's words

pub fn places(faults: Vec<Fault>) -> Vec<String> {
    let mut places: Vec<String> = faults.into_iter().map(|f| format!("{}@{}", f.code, f.path)).collect();
    places.sort();
    places
}

pub fn our_answer(question: &Value) -> (Value, Option<Checked>) {
    let Ok(draft) = serde_json::from_str::<Draft>(question["draft"].as_str().unwrap()) else {
        return (json!({"malformed": true}), None);
    };
    let seller: Seller = serde_json::from_value(question["seller"].clone()).unwrap();
    let (chain, merchant) = (ChainId::try_from("shenzhen-sandbox").unwrap(), MerchantId::nth(1).unwrap());
    let date = LegalDate::parse(question["date"].as_str().unwrap()).unwrap();
    let strict = question["strict"].as_bool().unwrap();
    let policy = CheckPolicy { uscc_check_digit: if strict { Severity::Refuse } else { Severity::Warn } };
    match draft.check(&seller, &chain, &merchant, date, &policy) {
        Err(faults) => (json!({"faults": places(faults.0)}), None),
        Ok((checked, warnings)) => {
            let kind = |discount| if discount { "discount" } else { "sold" };
            let lines: Vec<Value> = (checked.lines().iter())
                .map(|l| json!([kind(l.is_discount()), l.amount(), l.tax(), l.total()]))
                .collect();
            let answer = json!({"lines": lines, "amount": checked.amount(), "tax": checked.tax(), "total": checked.total(),
                "capital": capital(checked.total()), "warnings": places(warnings)});
            (answer, Some(checked))
        }
    }
}

#[test]
fn drafts_are_refused_or_split_as_the_oracle_says() {
    let oracle = Oracle::start("amounts.py");
    let verdicts = RefCell::new([0u32; 3]);
    run("drafts", &question(), cases(), |question| {
        let expected = oracle.borrow_mut().ask(&question);
        let (ours, checked) = our_answer(&question);
        let verdict = if checked.is_some() { 0 } else { 1 + usize::from(ours.get("malformed").is_some()) };
        verdicts.borrow_mut()[verdict] += 1;
        prop_assert_eq!(&ours, &expected, "{}", question);
        if let Some(checked) = checked {
            prop_assert!(checked.recheck().is_ok(), "{:?}", checked.recheck());
            for (off, fits) in [(0, true), (1, false), (-1, false)] {
                let mut asked: Value = serde_json::from_str(question["draft"].as_str().unwrap()).unwrap();
                asked["total"] = json!(checked.total().get() + off);
                let mut asked_again = question.clone();
                asked_again["draft"] = json!(asked.to_string());
                prop_assert_eq!(our_answer(&asked_again).1.is_some(), fits, "{}", asked_again);
            }
            let text = serde_json::to_string(&checked).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Checked>(&text).unwrap(), &checked);
        }
        Ok(())
    });
    let [accepted, refused, malformed] = *verdicts.borrow();
    println!("drafts: {accepted} accepted, {refused} refused, {malformed} malformed");
    // A generator that has drifted to one side would test nothing.
    assert!(cases() < 500 || accepted.min(refused).min(malformed) > cases() / 50);
}

#[test]
fn words_are_as_the_oracle_writes_them() {
    let oracle = Oracle::start("amounts.py");
    let digits = proptest::collection::vec(prop_oneof![3 => Just(0i64), 2 => 0i64..=9], 1..=13);
    let amounts = (digits, any::<bool>())
        .prop_map(|(digits, red)| digits.into_iter().fold(0, |n, d| n * 10 + d) * if red { -1 } else { 1 });
    run("words", &amounts, cases(), |fen| {
        let expected = oracle.borrow_mut().ask(&json!({"capital": fen}));
        prop_assert_eq!(json!({"capital": capital(Fen::new(fen).unwrap())}), expected, "{}", fen);
        Ok(())
    });
}

#[test]
fn no_single_changed_figure_passes_a_recheck() {
    let strategy = (question(), any::<Index>(), prop_oneof![-3i64..=-1, 1i64..=3, Just(-100), Just(1_000_000)]);
    let changed = RefCell::new(0u32);
    run("changed figures", &strategy, cases().min(1_000), |(question, place, by)| {
        let (_, Some(checked)) = our_answer(&question) else { return Ok(()) };
        let mut stored = serde_json::to_value(&checked).unwrap();
        let figure = ["amount", "tax", "total"][place.index(3)];
        let lines = stored["lines"].as_array_mut().unwrap();
        let at = place.index(lines.len() + 1);
        let holder = if at < lines.len() { &mut lines[at] } else { &mut stored };
        holder[figure] = json!(holder[figure].as_i64().unwrap() + by);
        let stored: Checked = serde_json::from_value(stored).unwrap();
        *changed.borrow_mut() += 1;
        prop_assert!(stored.recheck().is_err(), "{} {} by {}: {:?}", figure, at, by, stored);
        Ok(())
    });
    assert!(*changed.borrow() > 0, "nothing was accepted, so nothing was changed");
}
