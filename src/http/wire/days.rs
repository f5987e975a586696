//! A merchant's days.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::openapi::{ReceiptSchema, SumSchema};
use crate::base::LegalDate;
use crate::base::ids::MerchantId;
use crate::chain::receipt::Receipt;
use crate::invoice::RateSum;
use crate::ledger::day::{Day, DayClosed, DayFigures, DigitalSpan};

/// Filters of `GET /v1/days`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDaysQuery {
    /// Whose (needed for auditor and bureau; a merchant sees its own).
    #[param(value_type = Option<String>)]
    pub merchant: Option<MerchantId>,
    /// Continue after a page: its `next`. Only dates before this one.
    #[param(value_type = Option<String>)]
    pub before: Option<LegalDate>,
    /// Items on the page, 1 to 200; 50 if left out.
    pub limit: Option<usize>,
}

/// Query of `POST /v1/days/{date}/close`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CloseDayQuery {
    /// Whose day, by the bureau; a merchant closes its own.
    #[param(value_type = Option<String>)]
    pub merchant: Option<MerchantId>,
}

/// What a merchant has issued on one legal date.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayReply {
    /// Whose.
    #[schema(value_type = String)]
    pub merchant: MerchantId,
    /// The legal date.
    #[schema(value_type = String)]
    pub date: LegalDate,
    /// The figures.
    #[serde(flatten)]
    pub figures: FiguresReply,
    /// The entry that closed it; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<u64>,
}

/// The figures of a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct FiguresReply {
    /// Invoice code of the numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// First number, blue or red. Numbers run city-wide: others' stand between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// Last number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// First and last of the fully digital invoices; all the rest counts both kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digital: Option<DigitalReply>,
    /// Blue invoices.
    pub count: u64,
    /// Their sums by tax rate, ascending.
    #[schema(value_type = Vec<SumSchema>)]
    pub rates: Vec<RateSum>,
    /// Red invoices.
    pub red_count: u64,
    /// Their sums by tax rate, ascending; never above zero.
    #[schema(value_type = Vec<SumSchema>)]
    pub red_rates: Vec<RateSum>,
}

/// The fully digital invoices of a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct DigitalReply {
    /// The first number, 20 digits.
    pub first: String,
    /// The last number, 20 digits.
    pub last: String,
}

impl From<DigitalSpan> for DigitalReply {
    fn from(span: DigitalSpan) -> Self {
        Self { first: span.first.printed_number(), last: span.last.printed_number() }
    }
}

impl From<DayFigures> for FiguresReply {
    fn from(figures: DayFigures) -> Self {
        let DayFigures { code, first, last, digital, count, rates, red_count, red_rates } = figures;
        Self {
            code: code.map(|code| code.to_string()),
            first: first.map(|number| number.to_string()),
            last: last.map(|number| number.to_string()),
            digital: digital.map(DigitalReply::from),
            count,
            rates,
            red_count,
            red_rates,
        }
    }
}

impl From<Day> for DayReply {
    fn from(day: Day) -> Self {
        Self { merchant: day.merchant, date: day.date, figures: day.figures.into(), closed: day.closed }
    }
}

/// A page of days, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DaysReply {
    /// The items.
    pub days: Vec<DayReply>,
    /// Give it as `before` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<LegalDate>,
}

/// Answer of `POST /v1/days/{date}/close`.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayClosedReply {
    /// Index of the entry.
    pub entry: u64,
    /// Height of its block.
    pub block: u64,
    /// The day, closed.
    pub day: DayReply,
    /// The merchant's entries before this one.
    pub entries: u64,
    /// The running hash over them: `keccak256(04 || running || leaf)` from 32 zero bytes.
    pub running: String,
    /// Its receipt.
    #[schema(value_type = ReceiptSchema)]
    pub receipt: Receipt,
}

impl DayClosedReply {
    /// The answer that an entry of this body gives.
    pub fn of(body: DayClosed, block: u64, receipt: Receipt) -> Self {
        let DayClosed { merchant, date, figures, entries, running } = body;
        let closed = Some(receipt.index);
        let day = DayReply { merchant, date, figures: figures.into(), closed };
        Self { entry: receipt.index, block, day, entries, running: running.to_string(), receipt }
    }
}
