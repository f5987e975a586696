//! Red letters: sequences of them on one blue invoice until nothing is left, each refused or made as the oracle says, and what must
//! hold whatever an oracle says: nothing below zero, nothing taken twice, and in the end the blue invoice to the fen.

use std::cell::RefCell;
use std::collections::BTreeMap;

use piaolian::invoice::{Checked, Fen, InvoiceId, LineShare, Quantity, RateSum, ReversalAsked};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::BoxedStrategy;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use crate::drafts::{decimal, line, our_answer, places};
use crate::oracle::{Oracle, cases, run};

const BLUE: &str = "144032609110-08527037";

// ---- random blue invoices

/// A line so small that the rounding of its parts does not add up to its own.
fn small_line() -> BoxedStrategy<Value> {
    let money = prop_oneof![
        3 => (1i64..=60).prop_map(|amount| json!({"amount": amount})),
        2 => (1i64..=30, 1i64..=30).prop_map(|(q, p)| json!({"quantity": decimal(q * 100_000_000), "price": decimal(p * 1_000_000)})),
        1 => (1i64..=300, 1i64..=300).prop_map(|(q, p)| json!({"quantity": decimal(q * 10_000_000), "price": decimal(p * 1_000_000)})),
    ];
    (money, select(vec![0, 100, 300, 600, 1300]), proptest::option::weighted(0.3, 1i64..=20))
        .prop_map(|(mut line, rate, discount)| {
            line["category"] = json!("餐饮服务");
            line["name"] = json!("餐费");
            line["classification"] = json!("3070401000000000000");
            line["rate"] = json!(rate);
            if let Some(discount) = discount {
                line["discount"] = json!(discount);
            }
            line
        })
        .boxed()
}

fn blue() -> BoxedStrategy<Checked> {
    let lines = proptest::collection::vec(prop_oneof![2 => line(), 3 => small_line()], 1..=5);
    let many = (line(), small_line(), 1usize..=300)
        .prop_map(|(a, b, n)| [a, b].into_iter().cycle().take(n).collect::<Vec<_>>());
    let remark = proptest::option::of(Just("第一行\n第二行"));
    (prop_oneof![60 => lines, 1 => many], select(vec!["inclusive", "exclusive"]), remark)
        .prop_filter_map("no invoice", |(lines, pricing, remark)| {
            let mut draft = json!({"payment": {"provider": "wechat-pay", "transaction": "42"}, "drawer": "王五",
                "buyer": {"kind": "individual", "name": "个人"}, "pricing": pricing, "lines": lines});
            if let Some(remark) = remark {
                draft["remark"] = json!(remark);
            }
            let seller = json!({"name": "深圳市某某有限公司", "taxpayer_id": "91440300708461136T"});
            our_answer(&json!({"draft": draft.to_string(), "seller": seller, "date": "2026-11-22", "strict": false})).1
        })
        .boxed()
}

// ---- random red letters

/// How a line is taken from; shares are thousandths of what is left of it by then.
#[derive(Debug, Clone)]
enum How {
    All,
    Total(i64),
    TotalShare(i64),
    TotalLeft(i64),
    Quantity(i64),
    QuantityShare(i64),
    QuantityLeft(i64),
    Both,
}

/// One red letter.
#[derive(Debug, Clone)]
enum Step {
    Everything,
    /// So many fen of every line, where so many are left.
    Drip(i64),
    /// Of lines that have something left, each once; by total where there is no quantity.
    Fitting(Vec<(Index, How)>),
    /// Of any positions, one beyond the last among them, whatever is left there.
    Blind(Vec<(Index, How)>),
}

fn step() -> BoxedStrategy<Step> {
    let how = || {
        prop_oneof![
            2 => Just(How::All),
            8 => (1i64..=3).prop_map(How::Total),
            12 => (1i64..=700).prop_map(How::TotalShare),
            2 => Just(How::TotalLeft(0)),
            2 => select(vec![How::Total(0), How::Total(-1), How::TotalLeft(1), How::Both]),
            12 => (1i64..=700).prop_map(How::QuantityShare),
            4 => (1i64..=3).prop_map(|n| How::Quantity(n * 100_000_000)),
            2 => Just(How::QuantityLeft(0)),
            2 => select(vec![How::Quantity(0), How::Quantity(-1), How::Quantity(1), How::QuantityLeft(1), How::QuantityLeft(-1)]),
        ]
    };
    prop_oneof![
        1 => Just(Step::Everything),
        2 => (1i64..=9).prop_map(Step::Drip),
        12 => proptest::collection::vec((any::<Index>(), how()), 1..=3).prop_map(Step::Fitting),
        4 => proptest::collection::vec((any::<Index>(), how()), 1..=3).prop_map(Step::Blind),
    ]
    .boxed()
}

/// Steps, among them runs of the same drip: where the rounding of parts adds up to something else than the rounding of the whole.
fn steps() -> BoxedStrategy<Vec<Step>> {
    let run = (1i64..=9, 4usize..=16).prop_map(|(fen, times)| vec![Step::Drip(fen); times]);
    proptest::collection::vec(prop_oneof![6 => step().prop_map(|step| vec![step]), 1 => run], 0..=12)
        .prop_map(|steps| steps.concat())
        .boxed()
}

impl How {
    /// The wire form for a line of which `left` is left; nothing is known of a position that is none.
    fn asked(&self, line: u32, left: Option<&LineShare>) -> Value {
        let total = left.map_or(7, |left| left.total.get());
        let quantity = left.and_then(|left| left.quantity).map_or(7, Quantity::scaled);
        let share = |of: i64, share: &i64| (of / 1_000 * share + of % 1_000 * share / 1_000).max(1);
        let text = |scaled: i64| Quantity::from_scaled(scaled).to_string();
        match self {
            How::All => json!({"line": line}),
            How::Total(total) => json!({"line": line, "total": total}),
            How::TotalShare(thousandths) => json!({"line": line, "total": share(total, thousandths)}),
            How::TotalLeft(off) => json!({"line": line, "total": total + off}),
            How::Quantity(scaled) => json!({"line": line, "quantity": text(*scaled)}),
            How::QuantityShare(thousandths) => json!({"line": line, "quantity": text(share(quantity, thousandths))}),
            How::QuantityLeft(off) => json!({"line": line, "quantity": text(quantity + off)}),
            How::Both => json!({"line": line, "quantity": text(quantity), "total": total}),
        }
    }

    fn by_total(&self) -> Self {
        match self {
            How::Quantity(scaled) => How::Total(scaled / 100_000_000),
            How::QuantityShare(thousandths) => How::TotalShare(*thousandths),
            How::QuantityLeft(off) => How::TotalLeft(*off),
            How::All | How::Total(_) | How::TotalShare(_) | How::TotalLeft(_) | How::Both => self.clone(),
        }
    }
}

impl Step {
    /// The wire form, by what is left now.
    fn asked(&self, reason: &str, blue: &Checked, left: &Left) -> Value {
        let open: Vec<&LineShare> = left.0.values().filter(|left| left.total.is_positive()).collect();
        let lines: Vec<Value> = match self {
            Step::Everything => return json!({"reason": reason}),
            Step::Drip(fen) => {
                open.iter().map(|left| How::Total(left.total.get().min(*fen)).asked(left.line, Some(left))).collect()
            }
            Step::Fitting(takes) if !open.is_empty() => {
                let chosen: BTreeMap<u32, (&LineShare, &How)> = takes
                    .iter()
                    .map(|(at, how)| (at.get(&open), how))
                    .map(|(left, how)| (left.line, (*left, how)))
                    .collect();
                let how =
                    |left: &LineShare, how: &How| if left.quantity.is_some() { how.clone() } else { how.by_total() };
                chosen.into_iter().rev().map(|(line, (left, by))| how(left, by).asked(line, Some(left))).collect()
            }
            Step::Fitting(takes) | Step::Blind(takes) => {
                let position = |at: &Index| u32::try_from(at.index(blue.lines().len() + 1)).unwrap();
                takes.iter().map(|(at, how)| how.asked(position(at), left.0.get(&position(at)))).collect()
            }
        };
        json!({"reason": reason, "lines": lines})
    }
}

const REASONS: [&str; 5] =
    ["ISSUE_ERROR", "SALES_RETURN", "SERVICE_SUSPENTION", "SERVICE_SUSPENSION", "SALES_DISCOUNT"];

// ---- the keeping of what is left, as a ledger keeps it

struct Left(BTreeMap<u32, LineShare>);

impl Left {
    fn of(blue: &Checked) -> Self {
        Self(blue.shares().unwrap().into_iter().map(|share| (share.line, share)).collect())
    }

    fn shares(&self) -> Vec<LineShare> {
        self.0.values().copied().collect()
    }

    /// Takes off what a red letter takes; fails when something would be below zero.
    fn take(&mut self, red: &Checked) -> Result<(), TestCaseError> {
        for taken in red.taken().unwrap() {
            let left = self.0.get_mut(&taken.line).unwrap();
            prop_assert_eq!(left.rate, taken.rate);
            for (left, taken) in
                [(&mut left.amount, taken.amount), (&mut left.tax, taken.tax), (&mut left.total, taken.total)]
            {
                *left = left.checked_sub(taken).unwrap();
                prop_assert!(taken >= Fen::ZERO && *left >= Fen::ZERO, "{:?} of {:?}", taken, left);
            }
            if let Some(quantity) = taken.quantity {
                let rest = left.quantity.unwrap().scaled() - quantity.scaled();
                prop_assert!(quantity.is_positive() && rest >= 0);
                left.quantity = Some(Quantity::from_scaled(rest));
            }
        }
        Ok(())
    }
}

fn rates(sums: &[RateSum]) -> Vec<Value> {
    sums.iter().map(|sum| json!([sum.rate, sum.amount, sum.tax, sum.total])).collect()
}

/// The sums of several drafts together.
fn added(drafts: &[Checked]) -> Vec<(u16, [i64; 3])> {
    let mut sums: BTreeMap<u16, [i64; 3]> = BTreeMap::new();
    for sum in drafts.iter().flat_map(Checked::sums_by_rate) {
        let figures = sums.entry(sum.rate.get()).or_default();
        for (figure, more) in figures.iter_mut().zip([sum.amount, sum.tax, sum.total]) {
            *figure += more.get();
        }
    }
    sums.into_iter().collect()
}

/// What holds for every red letter that was made.
fn stands(red: &Checked, blue: &Checked, left: &[LineShare]) -> Result<(), TestCaseError> {
    prop_assert!(red.recheck().is_ok(), "{:?}: {:?}", red.recheck(), red);
    prop_assert!(red.recheck_against(blue, left).is_ok());
    let asked = red.asked().unwrap();
    prop_assert_eq!(&blue.reverse(InvoiceId::try_from(BLUE).unwrap(), left, &asked).unwrap(), red);
    let text = serde_json::to_string(red).unwrap();
    prop_assert_eq!(&serde_json::from_str::<Checked>(&text).unwrap(), red);
    for line in red.lines().iter().filter(|line| line.quantity().is_some()) {
        let price = line.printed_price(blue.pricing());
        prop_assert!(price.is_none_or(|price| price.scaled() >= 0), "{:?}", price);
    }
    Ok(())
}

/// A sequence that was run: what was asked, what became of each, and the red letters.
struct Sequence {
    questions: Vec<Value>,
    answers: Vec<Value>,
    reds: Vec<Checked>,
}

fn reversed(blue: &Checked, steps: &[Step], left: &mut Left) -> Result<Sequence, TestCaseError> {
    let (mut questions, mut answers, mut reds) = (Vec::new(), Vec::new(), Vec::new());
    // In the end all that is left, and then nothing is.
    for (step, reason) in steps.iter().chain([&Step::Everything, &Step::Everything]).zip(REASONS.iter().cycle()) {
        let question = step.asked(reason, blue, left);
        let asked: ReversalAsked = serde_json::from_value(question.clone()).unwrap();
        let shares = left.shares();
        answers.push(match blue.reverse(InvoiceId::try_from(BLUE).unwrap(), &shares, &asked) {
            Ok(red) => {
                stands(&red, blue, &shares)?;
                left.take(&red)?;
                let answer = json!({"red": red, "rates": rates(&red.sums_by_rate())});
                reds.push(red);
                answer
            }
            Err(faults) => json!({"faults": places(faults.0)}),
        });
        questions.push(question);
    }
    Ok(Sequence { questions, answers, reds })
}

#[test]
fn red_letters_are_refused_or_made_as_the_oracle_says_until_nothing_is_left() {
    let oracle = Oracle::start("reversals.py");
    let counted = RefCell::new([0i64; 3]);
    let strategy = (blue(), steps());
    run("red letters", &strategy, cases(), |(blue, steps)| {
        let mut left = Left::of(&blue);
        let Sequence { questions, answers, reds } = reversed(&blue, &steps, &mut left)?;
        let expected = oracle.borrow_mut().ask(&json!({"blue": blue, "of": BLUE, "asked": questions}));
        for (n, question) in questions.iter().enumerate() {
            prop_assert_eq!(&answers[n], &expected["answers"][n], "{} of {:?}", question, blue);
        }
        let rest: Vec<Value> = (left.shares().iter())
            .map(|left| json!([left.line, left.quantity.map(|q| q.to_string()), left.amount, left.tax, left.total]))
            .collect();
        prop_assert_eq!(&json!(rest), &expected["left"]);

        prop_assert!(left.0.values().all(|left| left.total == Fen::ZERO));
        prop_assert_eq!(answers.last().unwrap(), &json!({"faults": ["INV-RED-NOTHING-LEFT@"]}));
        let figures = |draft: &Checked| [draft.amount().get(), draft.tax().get(), draft.total().get()];
        let all = [&reds[..], std::slice::from_ref(&blue)].concat();
        let sum = all.iter().map(figures).fold([0; 3], |a, b| [a[0] + b[0], a[1] + b[1], a[2] + b[2]]);
        prop_assert_eq!(sum, [0; 3]);
        prop_assert!(added(&all).iter().all(|(_, figures)| *figures == [0; 3]), "{:?}", added(&all));

        let [made, refused, clamped] = &mut *counted.borrow_mut();
        *made += i64::try_from(reds.len()).unwrap();
        *refused += i64::try_from(answers.len() - reds.len()).unwrap();
        *clamped += expected["clamped"].as_i64().unwrap();
        Ok(())
    });
    let [made, refused, clamped] = *counted.borrow();
    println!("red letters: {made} made, {refused} refused, {clamped} parts split by what was left");
    let least = i64::from(cases() / 50);
    assert!(cases() < 500 || made.min(refused).min(clamped) > least, "the generator has drifted");
}

#[test]
fn money_moved_between_amount_and_tax_of_a_red_letter_is_found() {
    let strategy = (blue(), step(), any::<Index>(), prop_oneof![-3i64..=-1, 1i64..=3]);
    let found = RefCell::new([0u32; 2]);
    run("moved money", &strategy, cases().min(1_000), |(blue, step, place, by)| {
        let left = Left::of(&blue);
        let asked: ReversalAsked = serde_json::from_value(step.asked("ISSUE_ERROR", &blue, &left)).unwrap();
        let Ok(red) = blue.reverse(InvoiceId::try_from(BLUE).unwrap(), &left.shares(), &asked) else { return Ok(()) };
        let mut stored = serde_json::to_value(&red).unwrap();
        let line = place.index(red.lines().len());
        let move_in = |holder: &mut Value| {
            holder["amount"] = json!(holder["amount"].as_i64().unwrap() + by);
            holder["tax"] = json!(holder["tax"].as_i64().unwrap() - by);
        };
        move_in(&mut stored["lines"][line]);
        move_in(&mut stored);
        let stored: Checked = serde_json::from_value(stored).unwrap();
        // By itself it may look like a red letter; held against the blue one it never does.
        found.borrow_mut()[usize::from(stored.recheck().is_ok())] += 1;
        prop_assert!(stored.recheck_against(&blue, &left.shares()).is_err(), "{:?}", stored);
        Ok(())
    });
    assert!(found.borrow().iter().all(|&n| n > 0), "{found:?}");
}
