//! The invoicing desk: an order that a merchant has lodged and the payment for it become a draft.

use serde::{Deserialize, Serialize};

use crate::base::ids::{Provider, TransactionId};
use crate::base::{Code, Fault};
use crate::invoice::draft::never_null;
use crate::invoice::{Buyer, BuyerKind, Draft, DraftLine, Fen, Payment, Pricing, Split};

/// The buyer's name on an invoice for somebody who has not said who they are.
pub const INDIVIDUAL: &str = "个人";

/// What a merchant sells under one order number; everything of a draft but the payment and the total.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The merchant's order number, as it goes to the payment provider.
    pub out_trade_no: String,
    /// Who gets the invoice; an individual named [`INDIVIDUAL`] when left out.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub buyer: Option<Buyer>,
    /// What prices, amounts and discounts of the lines mean.
    pub pricing: Pricing,
    /// What was sold.
    pub lines: Vec<DraftLine>,
    /// 备注.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// 收款人.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub payee: Option<String>,
    /// 复核.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
    /// 开票人.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub drawer: Option<String>,
}

/// What was paid, and where that is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// Who took the payment.
    pub provider: Provider,
    /// The provider's transaction id.
    pub transaction: TransactionId,
    /// How much.
    pub paid: Fen,
}

impl Order {
    /// Reads an order.
    ///
    /// # Errors
    /// [`Code::BillOrderMalformed`].
    pub fn from_json(text: &[u8]) -> Result<Self, Fault> {
        serde_json::from_slice(text).map_err(|e| Fault::new(Code::BillOrderMalformed, "", e.to_string()))
    }

    /// The tax-inclusive total: every line and every discount split by itself, as on the invoice.
    ///
    /// # Errors
    /// [`Code::BillOrderMalformed`] without lines, [`Code::InvAmountMissing`] for a line without an amount,
    /// [`Code::InvAmountTooLarge`].
    pub fn total(&self) -> Result<Fen, Fault> {
        if self.lines.is_empty() {
            return Err(Fault::new(Code::BillOrderMalformed, "lines", "an order has at least one line"));
        }
        let mut total = Fen::ZERO;
        for (index, line) in self.lines.iter().enumerate() {
            let net = line_total(line, self.pricing).and_then(|net| total.checked_add(net));
            total = net.map_err(|fault| fault.under(&format!("lines[{index}]")))?;
        }
        Ok(total)
    }
}

impl Order {
    /// The draft that it will become, not yet for any payment.
    pub fn into_draft(self) -> Draft {
        Draft {
            document: None,
            payment: None,
            buyer: self.buyer.unwrap_or_else(individual),
            pricing: self.pricing,
            lines: self.lines,
            total: None,
            remark: self.remark,
            payee: self.payee,
            reviewer: self.reviewer,
            drawer: self.drawer,
        }
    }
}

fn line_total(line: &DraftLine, pricing: Pricing) -> Result<Fen, Fault> {
    let amount = match (line.amount, line.quantity, line.price) {
        (Some(amount), _, _) => amount,
        (None, Some(quantity), Some(price)) => quantity.times(price)?,
        (None, _, _) => {
            return Err(Fault::new(Code::InvAmountMissing, "amount", "give an amount, or a quantity and a price"));
        }
    };
    let sold = Split::of(amount, line.rate, pricing)?.total;
    match line.discount {
        Some(discount) => sold.checked_sub(Split::of(discount, line.rate, pricing)?.total),
        None => Ok(sold),
    }
}

/// Drafts the invoice for an order that has been paid in full. The draft names what was paid as its expected total, so that the invoice
/// room adds up once more.
///
/// # Errors
/// [`Code::BillTotalMismatch`] when the order's total is not what was paid; what [`Order::total`] fails with.
pub fn bill(order: Order, payment: Paid) -> Result<Draft, Fault> {
    let total = order.total()?;
    if total != payment.paid {
        let message = format!("the order comes to {} yuan, paid were {}", total.to_yuan(), payment.paid.to_yuan());
        return Err(Fault::new(Code::BillTotalMismatch, "lines", message));
    }
    let draft = order.into_draft();
    let source = Payment { provider: payment.provider, transaction: payment.transaction };
    Ok(Draft { payment: Some(source), total: Some(payment.paid), ..draft })
}

/// A buyer who has not said who they are.
pub fn individual() -> Buyer {
    Buyer {
        kind: BuyerKind::Individual,
        name: INDIVIDUAL.to_owned(),
        taxpayer_id: None,
        address_phone: None,
        bank_account: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn order_json() -> Value {
        json!({"out_trade_no": "A-1", "pricing": "inclusive", "lines": [
            {"category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "amount": 49810, "rate": 600}
        ]})
    }

    fn order(json: &Value) -> Result<Order, Fault> {
        Order::from_json(json.to_string().as_bytes())
    }

    fn paid(fen: i64) -> Paid {
        Paid {
            provider: Provider::try_from("wechat-pay").unwrap(),
            transaction: TransactionId::try_from("4200000001").unwrap(),
            paid: Fen::new(fen).unwrap(),
        }
    }

    #[test]
    fn a_paid_order_becomes_a_draft_for_an_individual() {
        let draft = bill(order(&order_json()).unwrap(), paid(49_810)).unwrap();
        assert_eq!(draft.buyer, individual());
        assert_eq!(draft.total, Some(Fen::new(49_810).unwrap()));
        assert_eq!(draft.payment.unwrap().transaction.as_str(), "4200000001");
    }

    #[test]
    fn an_order_over_another_sum_than_was_paid_is_refused() {
        for fen in [49_809, 49_811] {
            assert_eq!(bill(order(&order_json()).unwrap(), paid(fen)).unwrap_err().code, Code::BillTotalMismatch);
        }
    }

    #[test]
    fn tax_comes_on_top_of_exclusive_prices_line_by_line() {
        let mut json = order_json();
        json["pricing"] = json!("exclusive");
        // 0.08 at 6 % is 0.0048 of tax: nothing in either line, though it would be a fen over both together.
        json["lines"][0]["amount"] = json!(8);
        json["lines"] = json!([json["lines"][0], json["lines"][0]]);
        assert_eq!(order(&json).unwrap().total().unwrap().get(), 16);
    }

    #[test]
    fn discounts_come_off() {
        let mut json = order_json();
        json["lines"][0]["discount"] = json!(810);
        assert_eq!(order(&json).unwrap().total().unwrap().get(), 49_000);
    }

    #[test]
    fn quantity_times_price_counts_where_no_amount_is_given() {
        let mut json = order_json();
        json["lines"][0] = json!({"category": "汽油", "name": "92号汽油", "classification": "1070101010100000000",
            "quantity": "37.84615385", "price": "7.8", "rate": 1300});
        assert_eq!(order(&json).unwrap().total().unwrap().get(), 29_520);
    }

    #[test]
    fn unreadable_orders_are_refused() {
        for (key, value) in
            [("tip", json!(1)), ("buyer", Value::Null), ("lines", json!([{"amount": 1.5}])), ("pricing", json!("net"))]
        {
            let mut json = order_json();
            json[key] = value;
            assert_eq!(order(&json).unwrap_err().code, Code::BillOrderMalformed, "{key}");
        }
    }

    #[test]
    fn an_order_needs_lines_and_a_line_an_amount() {
        let mut json = order_json();
        json["lines"][0].as_object_mut().unwrap().remove("amount");
        let fault = order(&json).unwrap().total().unwrap_err();
        assert_eq!((fault.code, fault.path.as_str()), (Code::InvAmountMissing, "lines[0].amount"));
        json["lines"] = json!([]);
        assert_eq!(order(&json).unwrap().total().unwrap_err().code, Code::BillOrderMalformed);
    }
}
