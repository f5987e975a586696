//! Rows of what happens to an invoice after it was issued: reversals, its life, confirmation sheets.

use diesel::prelude::*;

use super::{corrupt, fen, merchant_id, optional_hash, optional_unsigned, unsigned};
use crate::base::UnixMs;
use crate::invoice::money::{Quantity, TaxRate};
use crate::ledger::confirmation::{Confirmation, SheetState};
use crate::ledger::life::{Life, LifeState, WalletState};
use crate::ledger::reversal::{Reversal, ReversedLine, ReversedRate, Taken};
use crate::store::error::StoreError;

/// The four columns of money that the three tables of reversals share.
type MoneyColumns = (i64, i64, i64, i64);

fn taken(table: &'static str, key: &str, columns: MoneyColumns) -> Result<Taken, StoreError> {
    let (amount, tax, red_amount, red_tax) = columns;
    Ok(Taken {
        amount: fen(table, key, amount)?,
        tax: fen(table, key, tax)?,
        red_amount: fen(table, key, red_amount)?,
        red_tax: fen(table, key, red_tax)?,
    })
}

fn rate(table: &'static str, key: &str, value: i64) -> Result<TaxRate, StoreError> {
    let value = u16::try_from(value).map_err(|e| corrupt(table, key, e))?;
    TaxRate::new(value).map_err(|e| corrupt(table, key, e))
}

#[derive(Queryable, Debug, Clone)]
pub(in crate::store) struct ReversalRow {
    pub entry: i64,
    pub letters: i64,
    pub amount_fen: i64,
    pub tax_fen: i64,
    pub red_amount_fen: i64,
    pub red_tax_fen: i64,
}

#[derive(Queryable, Debug, Clone)]
pub(in crate::store) struct ReversedLineRow {
    pub entry: i64,
    pub line: i64,
    pub rate: i64,
    pub quantity: Option<i64>,
    pub red_quantity: Option<i64>,
    pub amount_fen: i64,
    pub tax_fen: i64,
    pub red_amount_fen: i64,
    pub red_tax_fen: i64,
}

impl TryFrom<ReversedLineRow> for ReversedLine {
    type Error = StoreError;

    fn try_from(row: ReversedLineRow) -> Result<Self, StoreError> {
        const TABLE: &str = "reversed_lines";
        let key = format!("{}/{}", row.entry, row.line);
        let money = (row.amount_fen, row.tax_fen, row.red_amount_fen, row.red_tax_fen);
        Ok(Self {
            line: u32::try_from(row.line).map_err(|e| corrupt(TABLE, &key, e))?,
            rate: rate(TABLE, &key, row.rate)?,
            quantity: row.quantity.map(Quantity::from_scaled),
            red_quantity: row.red_quantity.map(Quantity::from_scaled),
            money: taken(TABLE, &key, money)?,
        })
    }
}

#[derive(Queryable, Debug, Clone)]
pub(in crate::store) struct ReversedRateRow {
    pub entry: i64,
    pub rate: i64,
    pub amount_fen: i64,
    pub tax_fen: i64,
    pub red_amount_fen: i64,
    pub red_tax_fen: i64,
}

impl TryFrom<ReversedRateRow> for ReversedRate {
    type Error = StoreError;

    fn try_from(row: ReversedRateRow) -> Result<Self, StoreError> {
        const TABLE: &str = "reversed_rates";
        let key = format!("{}/{}", row.entry, row.rate);
        let money = (row.amount_fen, row.tax_fen, row.red_amount_fen, row.red_tax_fen);
        Ok(Self { rate: rate(TABLE, &key, row.rate)?, money: taken(TABLE, &key, money)? })
    }
}

/// What was taken back of an invoice, from its rows in the three tables.
pub(in crate::store) fn reversal_of(
    row: ReversalRow,
    lines: Vec<ReversedLineRow>,
    rates: Vec<ReversedRateRow>,
) -> Result<Reversal, StoreError> {
    const TABLE: &str = "reversals";
    let money = (row.amount_fen, row.tax_fen, row.red_amount_fen, row.red_tax_fen);
    Ok(Reversal {
        entry: unsigned(TABLE, row.entry, row.entry)?,
        count: unsigned(TABLE, row.entry, row.letters)?,
        money: taken(TABLE, &row.entry.to_string(), money)?,
        lines: lines.into_iter().map(ReversedLine::try_from).collect::<Result<_, _>>()?,
        rates: rates.into_iter().map(ReversedRate::try_from).collect::<Result<_, _>>()?,
    })
}

#[derive(Queryable, Debug, Clone)]
pub(in crate::store) struct LifeRow {
    pub entry: i64,
    pub state: String,
    pub fence: i64,
    pub holder: Option<Vec<u8>>,
    pub lease_until_ms: Option<i64>,
    pub wallet: String,
    pub wallet_holder: Option<Vec<u8>>,
    pub confirmation: Option<i64>,
}

impl TryFrom<LifeRow> for Life {
    type Error = StoreError;

    fn try_from(row: LifeRow) -> Result<Self, StoreError> {
        const TABLE: &str = "lives";
        let key = row.entry;
        let unknown = |word: &str| corrupt(TABLE, key, format!("the state {word} is unknown"));
        Ok(Self {
            entry: unsigned(TABLE, key, row.entry)?,
            state: LifeState::parse(&row.state).ok_or_else(|| unknown(&row.state))?,
            fence: unsigned(TABLE, key, row.fence)?,
            holder: optional_hash(TABLE, key, row.holder.as_ref())?,
            lease_until: row.lease_until_ms.map(UnixMs),
            wallet: WalletState::parse(&row.wallet).ok_or_else(|| unknown(&row.wallet))?,
            wallet_holder: optional_hash(TABLE, key, row.wallet_holder.as_ref())?,
            confirmation: optional_unsigned(TABLE, key, row.confirmation)?,
        })
    }
}

#[derive(Queryable, Debug, Clone)]
pub(in crate::store) struct ConfirmationRow {
    pub entry: i64,
    pub invoice: i64,
    pub merchant: String,
    pub buyer: Option<Vec<u8>>,
    pub by_seller: bool,
    pub asked: String,
    pub state: String,
    pub fence: i64,
    pub opened_at_ms: i64,
    pub until_ms: i64,
    pub red_entry: Option<i64>,
}

impl TryFrom<ConfirmationRow> for Confirmation {
    type Error = StoreError;

    fn try_from(row: ConfirmationRow) -> Result<Self, StoreError> {
        const TABLE: &str = "confirmations";
        let key = row.entry;
        let unknown = || corrupt(TABLE, key, format!("the state {} is unknown", row.state));
        Ok(Self {
            entry: unsigned(TABLE, key, row.entry)?,
            invoice: unsigned(TABLE, key, row.invoice)?,
            merchant: merchant_id(TABLE, key, row.merchant)?,
            buyer: optional_hash(TABLE, key, row.buyer.as_ref())?,
            by_seller: row.by_seller,
            asked: serde_json::from_str(&row.asked).map_err(|e| corrupt(TABLE, key, e))?,
            state: SheetState::parse(&row.state).ok_or_else(unknown)?,
            fence: unsigned(TABLE, key, row.fence)?,
            opened_at: UnixMs(row.opened_at_ms),
            until: UnixMs(row.until_ms),
            red: optional_unsigned(TABLE, key, row.red_entry)?,
        })
    }
}
