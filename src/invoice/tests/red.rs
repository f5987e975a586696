//! Red letters by example: every code by name, the shapes on the wire, and what storage must not be able to slip in.

use super::*;

pub(super) fn id() -> InvoiceId {
    InvoiceId::try_from("144032509110-08527037").unwrap()
}

/// Lines: 0 sold 2 at 249.05 with 10.00 off (line 1), 2 without a quantity and tax, 3 whole taken off by line 4.
pub(super) fn blue() -> Checked {
    let line = |more: Value| {
        let mut line = json!({"category": "a", "name": "b", "classification": "3070401000000000000", "rate": 600});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    };
    let lines = json!([
        line(json!({"quantity": "2", "price": "249.05", "unit": "餐", "specification": "大", "discount": 1_000})),
        line(json!({"amount": 1_200, "rate": 0, "mark": "exempt"})),
        line(json!({"amount": 500, "discount": 500})),
    ]);
    let mut draft = changed("/lines", lines);
    change(&mut draft, "/total", Value::Null);
    change(&mut draft, "/remark", json!("桌号12"));
    change(&mut draft, "/drawer", json!("陈伟"));
    checked(&draft)
}

pub(super) fn asked(lines: Value) -> ReversalAsked {
    serde_json::from_value(json!({"reason": "SALES_RETURN", "lines": lines})).unwrap()
}

fn red(lines: Value) -> Checked {
    blue().reverse(id(), &blue().shares().unwrap(), &asked(lines)).unwrap()
}

/// `[line, quantity, amount, tax, total]` of shares.
fn figures(shares: Vec<LineShare>) -> Value {
    let row = |s: LineShare| json!([s.line, s.quantity, s.amount, s.tax, s.total]);
    shares.into_iter().map(row).collect()
}

#[test]
fn shares_have_their_discounts_netted_and_keep_their_positions() {
    let shares = json!([[0, "2", 46_048, 2_762, 48_810], [2, null, 1_200, 0, 1_200], [3, null, 0, 0, 0]]);
    assert_eq!(figures(blue().shares().unwrap()), shares);
}

#[test]
fn a_red_draft_has_the_shape_of_the_contract() {
    let red = red(json!([{"line": 2, "total": 200}, {"line": 0, "quantity": "0.5"}]));
    assert_eq!(
        serde_json::to_value(&red).unwrap(),
        json!({
            "v": 2, "chain": "shenzhen-sandbox", "document": "blockchain-ordinary", "merchant": "M00000001",
            "seller": {"name": "深圳市某某餐饮有限公司", "taxpayer_id": "91440300708461136T"},
            "buyer": {"kind": "individual", "name": "个人"},
            "payment": {"provider": "wechat-pay", "transaction": "4200001234202503191234567890"},
            "pricing": "inclusive",
            "lines": [
                {"category": "a", "name": "b", "classification": "3070401000000000000", "unit": "餐", "specification": "大",
                 "quantity": "-0.5", "rate": 600, "amount": -11_512, "tax": -691, "total": -12_203, "blue_line": 0},
                {"category": "a", "name": "b", "classification": "3070401000000000000", "rate": 0, "mark": "exempt",
                 "amount": -200, "tax": 0, "total": -200, "blue_line": 2}
            ],
            "amount": -11_712, "tax": -691, "total": -12_403, "drawer": "陈伟",
            "remark": "对应正数发票代码:144032509110号码:08527037",
            "red": {"code": "144032509110", "number": "08527037", "reason": "SALES_RETURN"}
        })
    );
    red.recheck().unwrap();
    assert_eq!(figures(red.taken().unwrap()), json!([[0, "0.5", 11_512, 691, 12_203], [2, null, 200, 0, 200]]));
    assert_eq!(red.asked().unwrap(), asked(json!([{"line": 0, "quantity": "0.5"}, {"line": 2, "total": 200}])));
    assert_eq!(red.red().unwrap().of(), id());
}

#[test]
fn a_red_letter_over_all_takes_what_there_is_and_no_line_of_nothing() {
    for all in [red(json!([])), red(json!([{"line": 0}, {"line": 2}]))] {
        assert_eq!(figures(all.taken().unwrap()), json!([[0, "2", 46_048, 2_762, 48_810], [2, null, 1_200, 0, 1_200]]));
        assert_eq!(
            (all.amount(), all.tax(), all.total()),
            (blue().amount().negated(), blue().tax().negated(), blue().total().negated())
        );
        all.recheck_against(&blue(), &blue().shares().unwrap()).unwrap();
    }
}

#[test]
fn the_price_printed_on_a_red_line_is_above_zero_in_both_pricings() {
    let red = red(json!([{"line": 0, "quantity": "0.5"}]));
    for pricing in [Pricing::Inclusive, Pricing::Exclusive] {
        assert_eq!(red.lines()[0].printed_price(pricing).unwrap().to_string(), "230.24");
    }
}

#[test]
fn sums_by_rate_ascend_and_net_the_discounts() {
    let sums = |draft: Checked| serde_json::to_value(draft.sums_by_rate()).unwrap();
    assert_eq!(
        sums(blue()),
        json!([{"rate": 0, "amount": 1_200, "tax": 0, "total": 1_200}, {"rate": 600, "amount": 46_048, "tax": 2_762, "total": 48_810}])
    );
    assert_eq!(
        sums(red(json!([]))),
        json!([{"rate": 0, "amount": -1_200, "tax": 0, "total": -1_200}, {"rate": 600, "amount": -46_048, "tax": -2_762, "total": -48_810}])
    );
}

/// How an invoice of one line without a quantity falls apart when totals are taken one after the other.
fn splits(amount: i64, totals: &[i64]) -> Vec<(i64, i64)> {
    let mut draft = changed("/lines/0/amount", json!(amount));
    for field in ["/lines/0/quantity", "/lines/0/price", "/total"] {
        change(&mut draft, field, Value::Null);
    }
    change(&mut draft, "/lines/0/rate", json!(1300));
    let blue = checked(&draft);
    let mut left = blue.shares().unwrap();
    let mut take = |total: &i64| {
        let red = blue.reverse(id(), &left, &asked(json!([{"line": 0, "total": total}]))).unwrap();
        red.recheck().unwrap();
        let share = &mut left[0];
        for (left, taken) in
            [(&mut share.amount, red.amount()), (&mut share.tax, red.tax()), (&mut share.total, red.total())]
        {
            *left = left.checked_add(taken).unwrap();
        }
        (red.amount().get(), red.tax().get())
    };
    totals.iter().map(&mut take).collect()
}

#[test]
fn a_part_is_split_by_what_is_left_where_the_rate_would_take_more() {
    // 5 and 1. The rate gives 1 and 0 for each fen; for the last one there is only tax left.
    assert_eq!(splits(6, &[1; 6]), [(-1, 0), (-1, 0), (-1, 0), (-1, 0), (-1, 0), (0, -1)]);
    // 11 and 1. The rate gives 4 and 1 for 5; the second time there is no tax left.
    assert_eq!(splits(12, &[5, 5, 2]), [(-4, -1), (-5, 0), (-2, 0)]);
}

#[test]
fn the_last_of_a_quantity_takes_the_last_of_the_money() {
    let blue = blue();
    let mut left = blue.shares().unwrap();
    left[0] = LineShare { amount: Fen::new(7).unwrap(), tax: Fen::ZERO, total: Fen::new(7).unwrap(), ..left[0] };
    let red = blue.reverse(id(), &left, &asked(json!([{"line": 0, "quantity": "2"}]))).unwrap();
    assert_eq!(figures(red.taken().unwrap()), json!([[0, "2", 7, 0, 7]]));
}

/// What is asked of [`blue`], and what is found.
pub(super) fn asked_cases() -> Vec<(Value, &'static str)> {
    vec![
        (json!([{"line": 5}]), "INV-RED-LINE-UNKNOWN@lines[0].line"),
        (json!([{"line": 1}]), "INV-RED-LINE-UNKNOWN@lines[0].line"),
        (json!([{"line": 0, "total": 1}, {"line": 2}, {"line": 0, "total": 1}]), "INV-RED-LINE-TWICE@lines[2].line"),
        (json!([{"line": 0, "total": 1, "quantity": "1"}]), "INV-RED-QUANTITY-AND-TOTAL@lines[0]"),
        (json!([{"line": 2, "quantity": "1"}]), "INV-RED-QUANTITY-NONE@lines[0].quantity"),
        (json!([{"line": 0, "total": 0}]), "INV-RED-NOT-POSITIVE@lines[0].total"),
        (json!([{"line": 0, "quantity": "-1"}]), "INV-RED-NOT-POSITIVE@lines[0].quantity"),
        (json!([{"line": 0, "quantity": "0.00001"}]), "INV-RED-TOO-LITTLE@lines[0].quantity"),
        (json!([{"line": 3}]), "INV-RED-NOTHING-LEFT@lines[0].line"),
        (json!([{"line": 0, "quantity": "2.00000001"}]), "INV-RED-QUANTITY-TOO-LARGE@lines[0].quantity"),
        (json!([{"line": 0, "total": 48_811}]), "INV-RED-TOTAL-TOO-LARGE@lines[0].total"),
        (Value::Array(vec![json!({"line": 3}); 2_001]), "INV-LINES-TOO-MANY@lines"),
    ]
}

#[test]
fn what_can_not_be_taken_back_is_refused_with_its_place() {
    for (lines, place) in asked_cases() {
        let refused = blue().reverse(id(), &blue().shares().unwrap(), &asked(lines.clone()));
        let found = places(refused.unwrap_err());
        assert!(found.iter().any(|f| f == place), "{lines}: {found:?}");
    }
}

#[test]
fn all_that_is_wrong_with_a_reversal_comes_at_once() {
    let lines = json!([{"line": 9}, {"line": 0}, {"line": 2, "total": 1_201}, {"line": 9}]);
    let refused = blue().reverse(id(), &blue().shares().unwrap(), &asked(lines)).unwrap_err();
    let found = [
        "INV-RED-LINE-UNKNOWN@lines[0].line",
        "INV-RED-TOTAL-TOO-LARGE@lines[2].total",
        "INV-RED-LINE-TWICE@lines[3].line",
    ];
    assert_eq!(places(refused), found);
}

#[test]
fn a_quantity_worth_more_than_the_money_left_is_refused() {
    let mut left = blue().shares().unwrap();
    left[0] = LineShare { amount: Fen::new(7).unwrap(), tax: Fen::ZERO, total: Fen::new(7).unwrap(), ..left[0] };
    let refused = blue().reverse(id(), &left, &asked(json!([{"line": 0, "quantity": "1"}])));
    assert_eq!(places(refused.unwrap_err()), ["INV-RED-TOTAL-TOO-LARGE@lines[0].quantity"]);
}

#[test]
fn of_an_invoice_that_is_reversed_already_nothing_is_left() {
    let refused = blue().reverse(id(), &[], &asked(json!([]))).unwrap_err();
    assert_eq!(places(refused), ["INV-RED-NOTHING-LEFT@"]);
}

#[test]
fn a_remainder_that_is_not_of_the_invoice_is_refused() {
    let shares = blue().shares().unwrap();
    let spoiled = |spoil: fn(&mut Vec<LineShare>)| {
        let mut left = shares.clone();
        spoil(&mut left);
        left
    };
    for left in [
        spoiled(|left| left[0].line = 1),
        spoiled(|left| left.reverse()),
        spoiled(|left| left.push(left[0])),
        spoiled(|left| left[0].rate = TaxRate::ZERO),
        spoiled(|left| left[0].quantity = None),
        spoiled(|left| left[1].quantity = Some(Quantity::ZERO)),
        spoiled(|left| left[0].quantity = Some(Quantity::from_scaled(-1))),
        spoiled(|left| left[0].quantity = Some(Quantity::from_scaled(200_000_001))),
        spoiled(|left| left[0].total = Fen::ZERO),
        spoiled(|left| left[0].amount = left[0].amount.negated()),
        spoiled(|left| {
            left[1].amount = Fen::new(1_201).unwrap();
            left[1].total = Fen::new(1_201).unwrap();
        }),
        spoiled(|left| {
            left[1].tax = Fen::new(1).unwrap();
            left[1].total = Fen::new(1_201).unwrap();
        }),
    ] {
        assert_eq!(places(blue().reverse(id(), &left, &asked(json!([]))).unwrap_err()), ["INTERNAL@"], "{left:?}");
    }
}

#[test]
fn a_red_letter_can_not_be_reversed_and_a_blue_one_is_none() {
    let red = red(json!([]));
    assert_eq!(places(red.shares().unwrap_err()), ["INV-RED-NOT-BLUE@"]);
    assert_eq!(places(red.reverse(id(), &[], &asked(json!([]))).unwrap_err()), ["INV-RED-NOT-BLUE@"]);
    assert_eq!(places(blue().taken().unwrap_err()), ["INV-STORED-RED@red"]);
    assert_eq!(places(blue().asked().unwrap_err()), ["INV-STORED-RED@red"]);
    assert_eq!(places(blue().recheck_against(&blue(), &[]).unwrap_err()), ["INV-STORED-RED@red"]);
}

#[test]
fn reasons_are_read_in_both_spellings_and_written_in_one() {
    for (given, written) in [
        ("ISSUE_ERROR", "ISSUE_ERROR"),
        ("SALES_RETURN", "SALES_RETURN"),
        ("SERVICE_SUSPENTION", "SERVICE_SUSPENTION"),
        ("SERVICE_SUSPENSION", "SERVICE_SUSPENTION"),
        ("SALES_DISCOUNT", "SALES_DISCOUNT"),
    ] {
        let asked: ReversalAsked = serde_json::from_value(json!({"reason": given})).unwrap();
        assert_eq!(serde_json::to_value(asked).unwrap(), json!({"reason": written}));
    }
    assert_eq!(Reason::try_from("sales_return").unwrap_err().code, Code::InvRedReason);
    for bad in [json!({"reason": "RETURN"}), json!({"lines": []}), json!({"reason": "SALES_RETURN", "line": 1})] {
        assert!(serde_json::from_value::<ReversalAsked>(bad.clone()).is_err(), "{bad}");
    }
    for bad in
        [json!({"line": null}), json!({"line": 0, "total": null}), json!({"line": -1}), json!({"line": 0, "tax": 1})]
    {
        assert!(serde_json::from_value::<LineAsked>(bad.clone()).is_err(), "{bad}");
    }
}

/// A stored red draft of two lines after one change.
pub(super) fn stored(pointer: &str, value: Value) -> Checked {
    let mut document = serde_json::to_value(red(json!([{"line": 0, "quantity": "0.5"}, {"line": 2}]))).unwrap();
    change(&mut document, pointer, value);
    serde_json::from_value(document).unwrap()
}

/// What is changed in a stored red draft, to what, and what must be found without the blue one.
pub(super) fn stored_cases() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/v", json!(1), "INV-STORED-VERSION@v"),
        ("/red", Value::Null, "INV-STORED-VERSION@v"),
        ("/red", Value::Null, "INV-STORED-RED@lines[0].blue_line"),
        ("/remark", Value::Null, "INV-STORED-RED@remark"),
        ("/remark", json!("对应正数发票代码:144032509110号码:08527038"), "INV-STORED-RED@remark"),
        ("/red/number", json!("08527038"), "INV-STORED-RED@remark"),
        ("/tax", json!(0), "INV-STORED-TOTALS@"),
        ("/lines/0/kind", json!("discount"), "INV-STORED-RED@lines[0].kind"),
        ("/lines/0/price", json!("1"), "INV-STORED-RED@lines[0].price"),
        ("/lines/0/quantity", json!("0.5"), "INV-STORED-RED@lines[0].quantity"),
        ("/lines/0/quantity", json!("0"), "INV-STORED-RED@lines[0].quantity"),
        ("/lines/0/blue_line", Value::Null, "INV-STORED-RED@lines[0].blue_line"),
        ("/lines/0/blue_line", json!(2), "INV-STORED-RED@lines[1].blue_line"),
        ("/lines/1/blue_line", json!(2_000), "INV-STORED-RED@lines[1].blue_line"),
        ("/lines/0/amount", json!(1), "INV-STORED-RED@lines[0].amount"),
        ("/lines/0/tax", json!(1), "INV-STORED-RED@lines[0].tax"),
        ("/lines/0/total", json!(0), "INV-STORED-RED@lines[0].total"),
        ("/lines/0/total", json!(-10_000_000_000_001_i64), "INV-AMOUNT-TOO-LARGE@lines[0].total"),
        ("/lines/0/total", json!(-1), "INV-STORED-LINE-SUM@lines[0].total"),
        ("/lines/1/tax", json!(-1), "INV-STORED-LINE-SPLIT@lines[1].tax"),
        ("/lines/0/rate", json!(700), "INV-RATE-UNKNOWN@lines[0].rate"),
        ("/lines/0/mark", json!("exempt"), "INV-MARK-NEEDS-ZERO-RATE@lines[0].mark"),
        ("/lines/0/name", json!(""), "INV-TEXT-EMPTY@lines[0].name"),
        ("/lines", json!([]), "INV-LINES-EMPTY@lines"),
        ("/buyer/name", json!(""), "INV-TEXT-EMPTY@buyer.name"),
    ]
}

#[test]
fn a_stored_red_draft_holds_until_it_is_changed() {
    stored("/payee", json!("某")).recheck().unwrap();
    for (pointer, value, place) in stored_cases() {
        let found = places(stored(pointer, value).recheck().unwrap_err());
        assert!(found.iter().any(|f| f == place), "{pointer}: {found:?}");
    }
}

#[test]
fn a_blue_draft_with_a_red_ones_field_does_not_hold() {
    let mut document = serde_json::to_value(blue()).unwrap();
    change(&mut document, "/lines/0/blue_line", json!(0));
    let found = serde_json::from_value::<Checked>(document).unwrap().recheck().unwrap_err();
    assert_eq!(places(found), ["INV-STORED-RED@lines[0].blue_line"]);
}

#[test]
fn what_a_red_draft_holds_by_itself_is_held_against_the_blue_one() {
    let left = blue().shares().unwrap();
    for (pointer, value) in [
        ("/payee", json!("某")),
        ("/drawer", Value::Null),
        ("/buyer/name", json!("别人")),
        ("/payment", Value::Null),
        ("/pricing", json!("exclusive")),
        ("/lines/0/name", json!("其他")),
        ("/lines/0/unit", Value::Null),
        ("/lines/0/quantity", json!("-0.4")),
        ("/lines/0/rate", json!(300)),
        ("/lines/1/mark", Value::Null),
    ] {
        let changed = stored(pointer, value);
        changed.recheck().unwrap();
        assert_eq!(places(changed.recheck_against(&blue(), &left).unwrap_err()), ["INV-RED-DIFFERS@"], "{pointer}");
    }
}

#[test]
fn a_red_letter_keeps_the_rates_of_its_blue_one() {
    red(json!([])).recheck_rates(LegalDate::parse("1993-01-01").unwrap()).unwrap();
}
