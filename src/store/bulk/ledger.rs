//! Rows of projections: what executing a batch has changed.

use diesel::prelude::*;

use super::{Column, Held, Row, insert, row, update, upsert};
use crate::chain::canonical;
use crate::chain::hash::Hash;
use crate::ledger::confirmation::Confirmation;
use crate::ledger::day::{Day, Journal};
use crate::ledger::life::Life;
use crate::ledger::record::{Invoice, Issuer, Payment, Quota};
use crate::ledger::reversal::{Reversal, ReversedLine, ReversedRate};
use crate::ledger::state::Table;
use crate::store::connection::Conn;
use crate::store::error::StoreError;
use crate::store::rows::{column, corrupt};
use crate::store::schema::{
    confirmations, days, invoices, issuers, journals, lives, payments, quotas, reversals, reversed_lines,
    reversed_rates,
};

fn optional_hash(hash: Option<&Hash>) -> Option<&[u8]> {
    hash.map(|hash| hash.as_bytes().as_slice())
}

/// The rows of what is new in a table of records, and of what has changed.
fn rows_of<'a, K: Ord + Clone, T, R: From<&'a T>>(table: &'a Table<K, T>) -> (Vec<R>, Vec<R>) {
    (table.inserted().map(R::from).collect(), table.updated().map(R::from).collect())
}

row! {
    InvoiceRow<'a>, invoices { entry: i64 } {
        code: String,
        number: String,
        merchant: &'a str,
        date: &'a str,
        buyer: &'a str,
        amount_fen: i64,
        tax_fen: i64,
        total_fen: i64,
        provider: Option<&'a str>,
        transaction_id: Option<&'a str>,
        blue_entry: Option<i64>,
    }
}

impl<'a> From<&'a Invoice> for InvoiceRow<'a> {
    fn from(invoice: &'a Invoice) -> Self {
        Self {
            entry: column(invoice.entry),
            code: invoice.code.to_string(),
            number: invoice.number.to_string(),
            merchant: invoice.merchant.as_str(),
            date: &invoice.date,
            buyer: &invoice.buyer,
            amount_fen: invoice.amount.get(),
            tax_fen: invoice.tax.get(),
            total_fen: invoice.total.get(),
            provider: invoice.payment.as_ref().map(|(provider, _)| provider.as_str()),
            transaction_id: invoice.payment.as_ref().map(|(_, transaction)| transaction.as_str()),
            blue_entry: invoice.blue.map(column),
        }
    }
}

/// Writes new invoices, in entry order.
pub(in crate::store) fn insert_invoices<'a>(
    conn: &mut Conn,
    rows: impl Iterator<Item = &'a Invoice>,
) -> Result<(), StoreError> {
    let mut rows: Vec<InvoiceRow<'a>> = rows.map(InvoiceRow::from).collect();
    rows.sort_unstable_by_key(|row| row.entry);
    insert(conn, &rows)
}

row! {
    PaymentRow<'a>, payments { entry: i64 } {
        provider: &'a str,
        transaction_id: &'a str,
        merchant: &'a str,
        order_id: &'a str,
        paid_at_ms: i64,
        paid_fen: i64,
        refunded_fen: i64,
        invoiced_fen: i64,
        awaiting_fen: i64,
    }
}

impl<'a> From<&'a Payment> for PaymentRow<'a> {
    fn from(payment: &'a Payment) -> Self {
        Self {
            entry: column(payment.entry),
            provider: payment.provider.as_str(),
            transaction_id: payment.transaction.as_str(),
            merchant: payment.merchant.as_str(),
            order_id: payment.order.as_str(),
            paid_at_ms: payment.paid_at.0,
            paid_fen: payment.paid.get(),
            refunded_fen: payment.refunded.get(),
            invoiced_fen: payment.invoiced.get(),
            awaiting_fen: payment.awaiting.get(),
        }
    }
}

/// Writes new payments, in entry order.
pub(in crate::store) fn insert_payments<'a>(
    conn: &mut Conn,
    rows: impl Iterator<Item = &'a Payment>,
) -> Result<(), StoreError> {
    let mut rows: Vec<PaymentRow<'a>> = rows.map(PaymentRow::from).collect();
    rows.sort_unstable_by_key(|row| row.entry);
    insert(conn, &rows)
}

row! { BalanceRow, payments { entry: i64 } { refunded_fen: i64, invoiced_fen: i64, awaiting_fen: i64 } }

/// Writes the balances of payments that are there.
pub(in crate::store) fn update_payments<'a>(
    conn: &mut Conn,
    rows: impl Iterator<Item = &'a Payment>,
) -> Result<(), StoreError> {
    let rows = rows.map(|payment| BalanceRow {
        entry: column(payment.entry),
        refunded_fen: payment.refunded.get(),
        invoiced_fen: payment.invoiced.get(),
        awaiting_fen: payment.awaiting.get(),
    });
    update(conn, &rows.collect::<Vec<_>>())
}

row! { QuotaRow<'a>, quotas { merchant: &'a str, month: &'a str } { invoices: i64, total_fen: i64 } }

impl<'a> From<&'a Quota> for QuotaRow<'a> {
    fn from(quota: &'a Quota) -> Self {
        let (merchant, month) = (quota.merchant.as_str(), quota.month.as_str());
        Self { merchant, month, invoices: quota.count, total_fen: quota.total.get() }
    }
}

/// Writes quotas, new ones and changed ones.
pub(in crate::store) fn put_quotas<K: Ord + Clone>(conn: &mut Conn, table: &Table<K, Quota>) -> Result<(), StoreError> {
    let (new, changed) = rows_of::<_, _, QuotaRow<'_>>(table);
    upsert(conn, new, changed)
}

row! { JournalRow<'a>, journals { merchant: &'a str } { seq: i64, running: &'a [u8] } }

impl<'a> From<&'a Journal> for JournalRow<'a> {
    fn from(journal: &'a Journal) -> Self {
        Self { merchant: journal.merchant.as_str(), seq: column(journal.seq), running: journal.running.as_bytes() }
    }
}

/// Writes journals, new ones and grown ones.
pub(in crate::store) fn put_journals<K: Ord + Clone>(
    conn: &mut Conn,
    table: &Table<K, Journal>,
) -> Result<(), StoreError> {
    let (new, changed) = rows_of::<_, _, JournalRow<'_>>(table);
    upsert(conn, new, changed)
}

row! {
    DayRow<'a>, days { merchant: &'a str, date: String } { figures: String, closed_entry: Option<i64> }
}

impl<'a> TryFrom<&'a Day> for DayRow<'a> {
    type Error = StoreError;

    fn try_from(day: &'a Day) -> Result<Self, StoreError> {
        let (merchant, date) = (day.merchant.as_str(), day.date.to_string());
        let figures = canonical::to_canonical(&day.figures).map_err(|e| corrupt("days", &date, e))?;
        Ok(Self { merchant, date, figures, closed_entry: day.closed.map(column) })
    }
}

/// Writes days, new ones and changed ones.
pub(in crate::store) fn put_days<K: Ord + Clone>(conn: &mut Conn, table: &Table<K, Day>) -> Result<(), StoreError> {
    let new = table.inserted().map(DayRow::try_from).collect::<Result<Vec<_>, _>>()?;
    let changed = table.updated().map(DayRow::try_from).collect::<Result<Vec<_>, _>>()?;
    upsert(conn, new, changed)
}

row! {
    IssuerRow<'a>, issuers { address: &'a [u8] } {
        merchant: &'a str,
        since_entry: i64,
        until_entry: Option<i64>,
        revoked: bool,
    }
}

impl<'a> From<&'a Issuer> for IssuerRow<'a> {
    fn from(issuer: &'a Issuer) -> Self {
        Self {
            address: issuer.address.0.as_slice(),
            merchant: issuer.merchant.as_str(),
            since_entry: column(issuer.since),
            until_entry: issuer.until.map(column),
            revoked: issuer.revoked,
        }
    }
}

/// Writes issuer keys, new ones and those that serve no more.
pub(in crate::store) fn put_issuers<K: Ord + Clone>(
    conn: &mut Conn,
    table: &Table<K, Issuer>,
) -> Result<(), StoreError> {
    let (new, changed) = rows_of::<_, _, IssuerRow<'_>>(table);
    insert(conn, &new)?;
    update(conn, &changed)
}

row! {
    ReversalRow, reversals { entry: i64 } {
        letters: i64,
        amount_fen: i64,
        tax_fen: i64,
        red_amount_fen: i64,
        red_tax_fen: i64,
    }
}

row! {
    LineRow, reversed_lines { entry: i64, line: i64 } {
        rate: i64,
        quantity: Option<i64>,
        red_quantity: Option<i64>,
        amount_fen: i64,
        tax_fen: i64,
        red_amount_fen: i64,
        red_tax_fen: i64,
    }
}

row! {
    RateRow, reversed_rates { entry: i64, rate: i64 } {
        amount_fen: i64,
        tax_fen: i64,
        red_amount_fen: i64,
        red_tax_fen: i64,
    }
}

/// Rows of the three tables that together are what was taken back of invoices.
struct ReversalRows {
    wholes: Vec<ReversalRow>,
    lines: Vec<LineRow>,
    rates: Vec<RateRow>,
}

impl ReversalRows {
    fn of<'a>(reversals: impl Iterator<Item = &'a Reversal> + Clone) -> Self {
        let lines = reversals.clone().flat_map(|whole| whole.lines.iter().map(|line| line_row(whole.entry, line)));
        let rates = reversals.clone().flat_map(|whole| whole.rates.iter().map(|rate| rate_row(whole.entry, rate)));
        Self { lines: lines.collect(), rates: rates.collect(), wholes: reversals.map(whole_row).collect() }
    }
}

fn whole_row(reversal: &Reversal) -> ReversalRow {
    ReversalRow {
        entry: column(reversal.entry),
        letters: column(reversal.count),
        amount_fen: reversal.money.amount.get(),
        tax_fen: reversal.money.tax.get(),
        red_amount_fen: reversal.money.red_amount.get(),
        red_tax_fen: reversal.money.red_tax.get(),
    }
}

fn line_row(entry: u64, line: &ReversedLine) -> LineRow {
    LineRow {
        entry: column(entry),
        line: i64::from(line.line),
        rate: i64::from(line.rate.get()),
        quantity: line.quantity.map(|quantity| quantity.scaled()),
        red_quantity: line.red_quantity.map(|quantity| quantity.scaled()),
        amount_fen: line.money.amount.get(),
        tax_fen: line.money.tax.get(),
        red_amount_fen: line.money.red_amount.get(),
        red_tax_fen: line.money.red_tax.get(),
    }
}

fn rate_row(entry: u64, rate: &ReversedRate) -> RateRow {
    RateRow {
        entry: column(entry),
        rate: i64::from(rate.rate.get()),
        amount_fen: rate.money.amount.get(),
        tax_fen: rate.money.tax.get(),
        red_amount_fen: rate.money.red_amount.get(),
        red_tax_fen: rate.money.red_tax.get(),
    }
}

/// Writes what was taken back of invoices: all lines and rates with the first red letter, and again with each later one.
pub(in crate::store) fn put_reversals<K: Ord + Clone>(
    conn: &mut Conn,
    table: &Table<K, Reversal>,
) -> Result<(), StoreError> {
    let new: Vec<&Reversal> = table.inserted().collect();
    let new = ReversalRows::of(new.iter().copied());
    insert(conn, &new.wholes)?;
    insert(conn, &new.lines)?;
    insert(conn, &new.rates)?;
    let changed: Vec<&Reversal> = table.updated().collect();
    let changed = ReversalRows::of(changed.iter().copied());
    update(conn, &changed.wholes)?;
    update(conn, &changed.lines)?;
    update(conn, &changed.rates)
}

row! {
    LifeRow<'a>, lives { entry: i64 } {
        state: &'a str,
        fence: i64,
        holder: Option<&'a [u8]>,
        lease_until_ms: Option<i64>,
        wallet: &'a str,
        wallet_holder: Option<&'a [u8]>,
        confirmation: Option<i64>,
    }
}

impl<'a> From<&'a Life> for LifeRow<'a> {
    fn from(life: &'a Life) -> Self {
        Self {
            entry: column(life.entry),
            state: life.state.as_str(),
            fence: column(life.fence),
            holder: optional_hash(life.holder.as_ref()),
            lease_until_ms: life.lease_until.map(|until| until.0),
            wallet: life.wallet.as_str(),
            wallet_holder: optional_hash(life.wallet_holder.as_ref()),
            confirmation: life.confirmation.map(column),
        }
    }
}

/// Writes lives, new ones and changed ones.
pub(in crate::store) fn put_lives<K: Ord + Clone>(conn: &mut Conn, table: &Table<K, Life>) -> Result<(), StoreError> {
    let (new, changed) = rows_of::<_, _, LifeRow<'_>>(table);
    insert(conn, &new)?;
    update(conn, &changed)
}

row! {
    SheetRow<'a>, confirmations { entry: i64 } {
        invoice: i64,
        merchant: &'a str,
        buyer: Option<&'a [u8]>,
        by_seller: bool,
        asked: String,
        state: &'a str,
        fence: i64,
        opened_at_ms: i64,
        until_ms: i64,
        red_entry: Option<i64>,
    }
}

impl<'a> TryFrom<&'a Confirmation> for SheetRow<'a> {
    type Error = StoreError;

    fn try_from(sheet: &'a Confirmation) -> Result<Self, StoreError> {
        Ok(Self {
            entry: column(sheet.entry),
            invoice: column(sheet.invoice),
            merchant: sheet.merchant.as_str(),
            buyer: optional_hash(sheet.buyer.as_ref()),
            by_seller: sheet.by_seller,
            asked: canonical::to_canonical(&sheet.asked).map_err(|e| corrupt("confirmations", sheet.entry, e))?,
            state: sheet.state.as_str(),
            fence: column(sheet.fence),
            opened_at_ms: sheet.opened_at.0,
            until_ms: sheet.until.0,
            red_entry: sheet.red.map(column),
        })
    }
}

/// Writes confirmation sheets, new ones and those whose state has changed.
pub(in crate::store) fn put_confirmations<K: Ord + Clone>(
    conn: &mut Conn,
    table: &Table<K, Confirmation>,
) -> Result<(), StoreError> {
    let new = table.inserted().map(SheetRow::try_from).collect::<Result<Vec<_>, _>>()?;
    insert(conn, &new)?;
    let changed = table.updated().map(SheetRow::try_from).collect::<Result<Vec<_>, _>>()?;
    update(conn, &changed)
}
