//! Red letters.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::openapi::AskedLineSchema;
use super::InvoiceSummary;
use crate::base::{Fault, Faults};
use crate::chain::issuer::IssuerSignature;
use crate::invoice::Checked;
use crate::invoice::draft::never_null;
use crate::invoice::money::{Fen, Quantity, TaxRate};
use crate::invoice::reversal::{LineAsked, Reason, ReversalAsked};
use crate::ledger::reversal::{ReversedLine, Taken};
use crate::sequencer::desk::Reversals;

/// Body of `POST /v1/invoices/{id}/reversals`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReverseRequest {
    /// `ISSUE_ERROR`, `SALES_RETURN`, `SERVICE_SUSPENTION` (WeChat's spelling; `SERVICE_SUSPENSION` is read too) or `SALES_DISCOUNT`.
    #[schema(value_type = String)]
    pub reason: Reason,
    /// Of which lines how much; left out: all that is left of the invoice.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AskedLineSchema>>)]
    pub lines: Vec<LineAsked>,
    /// The entry that opened the confirmation sheet, where the invoice's holder had to agree.
    #[serde(default, deserialize_with = "never_null")]
    pub confirmation: Option<u64>,
    /// Signature (130 hex digits, r||s||v) over the red draft's text, if the merchant keeps its own key.
    #[serde(default, deserialize_with = "never_null")]
    #[schema(value_type = Option<String>)]
    pub signature: Option<IssuerSignature>,
}

/// Body of `POST /v1/invoices/{id}/reversal-draft`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReversalDraftRequest {
    /// As in a reversal.
    #[schema(value_type = String)]
    pub reason: Reason,
    /// As in a reversal.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AskedLineSchema>>)]
    pub lines: Vec<LineAsked>,
}

impl From<ReversalDraftRequest> for ReversalAsked {
    fn from(ReversalDraftRequest { reason, lines }: ReversalDraftRequest) -> Self {
        Self { reason, lines }
    }
}

/// Page of `GET /v1/invoices/{id}/reversals`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListReversalsQuery {
    /// Continue after a page of red letters: its `next`.
    pub after: Option<u64>,
    /// Red letters on the page, 1 to 200; 50 if left out.
    pub limit: Option<usize>,
}

/// Money of a line, a rate or an invoice, fen.
#[derive(Debug, Serialize, ToSchema)]
pub struct MoneyReply {
    /// How many, of a line that has a quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub quantity: Option<Quantity>,
    /// Without tax.
    #[schema(value_type = i64)]
    pub amount: Fen,
    /// Tax.
    #[schema(value_type = i64)]
    pub tax: Fen,
    /// With tax.
    #[schema(value_type = i64)]
    pub total: Fen,
}

impl MoneyReply {
    fn of(amount: Fen, tax: Fen) -> Result<Self, Fault> {
        Ok(Self { quantity: None, amount, tax, total: amount.checked_add(tax)? })
    }
}

/// What there was at first, what has been taken back, and what is left.
#[derive(Debug, Serialize, ToSchema)]
pub struct TakenReply {
    /// At first.
    pub first: MoneyReply,
    /// Taken back by red letters; above zero.
    pub taken: MoneyReply,
    /// Left.
    pub left: MoneyReply,
}

impl TakenReply {
    fn of(money: &Taken) -> Result<Self, Fault> {
        let (amount, tax) = (money.amount.checked_sub(money.red_amount)?, money.tax.checked_sub(money.red_tax)?);
        Ok(Self {
            first: MoneyReply::of(money.amount, money.tax)?,
            taken: MoneyReply::of(money.red_amount, money.red_tax)?,
            left: MoneyReply::of(amount, tax)?,
        })
    }

    fn of_line(line: &ReversedLine) -> Result<Self, Fault> {
        let Self { first, taken, left } = Self::of(&line.money)?;
        let rest = match (line.quantity, line.red_quantity) {
            (Some(first), Some(red)) => first.scaled().checked_sub(red.scaled()).map(Quantity::from_scaled),
            (Some(first), None) => Some(first),
            (None, Some(_) | None) => None,
        };
        Ok(Self {
            first: MoneyReply { quantity: line.quantity, ..first },
            taken: MoneyReply { quantity: line.red_quantity, ..taken },
            left: MoneyReply { quantity: rest, ..left },
        })
    }
}

/// A line of a blue invoice that can be taken back, its discount netted.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReversedLineReply {
    /// Its place among all lines of the invoice, discounts counted, from 0: what a reversal names it by.
    pub line: u32,
    /// The merchant's own name of it.
    pub name: String,
    /// Tax rate x 10^4.
    #[schema(value_type = u16)]
    pub rate: TaxRate,
    /// Its money.
    #[serde(flatten)]
    pub money: TakenReply,
}

/// The lines of one tax rate.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReversedRateReply {
    /// Tax rate x 10^4.
    #[schema(value_type = u16)]
    pub rate: TaxRate,
    /// Their money.
    #[serde(flatten)]
    pub money: TakenReply,
}

/// What has been taken back of an invoice.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReversalsReply {
    /// `<code>-<number>` of the blue invoice.
    pub id: String,
    /// Red letters so far.
    pub count: u64,
    /// In all.
    pub total: TakenReply,
    /// Per line, ascending.
    pub lines: Vec<ReversedLineReply>,
    /// Per tax rate, ascending.
    pub rates: Vec<ReversedRateReply>,
    /// The red letters, oldest first.
    pub red: Vec<InvoiceSummary>,
    /// Give it as `after` for the next page of red letters; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

impl ReversalsReply {
    /// The answer, with the page of red letters that `reversals` holds; `next` leads to the next one.
    ///
    /// # Errors
    /// A record that contradicts itself.
    pub fn of(reversals: Reversals, next: Option<u64>) -> Result<Self, Faults> {
        let Reversals { invoice, blue, taken, red } = reversals;
        let lines = taken.lines.iter().map(|line| {
            let (name, rate) = (name_of(&blue, line.line), line.rate);
            Ok(ReversedLineReply { line: line.line, name, rate, money: TakenReply::of_line(line)? })
        });
        let lines = lines.collect::<Result<Vec<_>, Fault>>()?;
        let rates = taken.rates.iter();
        let rates = rates.map(|rate| Ok(ReversedRateReply { rate: rate.rate, money: TakenReply::of(&rate.money)? }));
        Ok(Self {
            id: invoice.id().to_string(),
            count: taken.count,
            total: TakenReply::of(&taken.money)?,
            lines,
            rates: rates.collect::<Result<Vec<_>, Fault>>()?,
            red: red.into_iter().map(InvoiceSummary::from).collect(),
            next,
        })
    }
}

fn name_of(blue: &Checked, line: u32) -> String {
    let sold = usize::try_from(line).ok().and_then(|line| blue.lines().get(line));
    sold.map(|line| line.name().to_owned()).unwrap_or_default()
}
