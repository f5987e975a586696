//! Lists about what happens to invoices after they were issued: red letters, lives, confirmation sheets, days.

use std::collections::HashMap;

use diesel::prelude::*;

use super::error::StoreError;
use super::pages::limit;
use super::reader::Reader;
use super::rows::{ConfirmationRow, DayRow, InvoiceRow, LifeRow, column};
use super::schema::{confirmations, days, invoices, lives};
use crate::base::LegalDate;
use crate::base::ids::MerchantId;
use crate::invoice::number::InvoiceId;
use crate::ledger::confirmation::Confirmation;
use crate::ledger::day::Day;
use crate::ledger::life::Life;
use crate::ledger::record::Invoice;

/// Which days of a merchant to list. Newest first.
#[derive(Debug, Clone)]
pub struct DayFilter {
    /// Whose.
    pub merchant: MerchantId,
    /// Only dates before this one.
    pub before: Option<LegalDate>,
    /// At most so many.
    pub limit: usize,
}

/// Which confirmation sheets of a merchant to list. Newest first.
#[derive(Debug, Clone)]
pub struct ConfirmationFilter {
    /// The seller.
    pub merchant: MerchantId,
    /// Only sheets opened by entries before this index.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

impl Reader<'_> {
    /// The red invoices of a blue one, by its entry; oldest first, those after an entry.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn red_letters(&mut self, blue: u64, after: Option<u64>, items: usize) -> Result<Vec<Invoice>, StoreError> {
        let rows: Vec<InvoiceRow> = invoices::table
            .filter(invoices::blue_entry.eq(column(blue)))
            .filter(invoices::entry.gt(after.map_or(-1, column)))
            .order(invoices::entry)
            .limit(limit(items))
            .load(self.conn)?;
        rows.into_iter().map(Invoice::try_from).collect()
    }

    /// Invoices with their lives, in the order of the ids; unknown ones are left out, and nothing may have happened to an invoice yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lives_of(&mut self, ids: &[InvoiceId]) -> Result<Vec<(Invoice, Option<Life>)>, StoreError> {
        let numbers: Vec<String> = ids.iter().map(|id| id.number.to_string()).collect();
        let rows: Vec<InvoiceRow> = invoices::table.filter(invoices::number.eq_any(numbers)).load(self.conn)?;
        let mut found = HashMap::new();
        for row in rows {
            let invoice = Invoice::try_from(row)?;
            found.insert(invoice.id(), invoice);
        }
        let entries: Vec<i64> = ids.iter().filter_map(|id| Some(column(found.get(id)?.entry))).collect();
        let rows: Vec<LifeRow> = lives::table.filter(lives::entry.eq_any(entries)).load(self.conn)?;
        let mut known = HashMap::new();
        for row in rows {
            let life = Life::try_from(row)?;
            known.insert(life.entry, life);
        }
        let invoices = ids.iter().filter_map(|id| found.get(id).cloned());
        Ok(invoices.map(|invoice| (known.get(&invoice.entry).cloned(), invoice)).map(|(life, of)| (of, life)).collect())
    }

    /// Confirmation sheets of a merchant, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn confirmations(&mut self, filter: &ConfirmationFilter) -> Result<Vec<Confirmation>, StoreError> {
        let rows: Vec<ConfirmationRow> = confirmations::table
            .filter(confirmations::merchant.eq(filter.merchant.as_str()))
            .filter(confirmations::entry.lt(filter.before.map_or(i64::MAX, column)))
            .order(confirmations::entry.desc())
            .limit(limit(filter.limit))
            .load(self.conn)?;
        rows.into_iter().map(Confirmation::try_from).collect()
    }

    /// Days of a merchant on which something was issued or closed, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn days(&mut self, filter: &DayFilter) -> Result<Vec<Day>, StoreError> {
        let mut query = days::table.filter(days::merchant.eq(filter.merchant.as_str())).into_boxed();
        if let Some(before) = filter.before {
            query = query.filter(days::date.lt(before.to_string()));
        }
        let rows: Vec<DayRow> = query.order(days::date.desc()).limit(limit(filter.limit)).load(self.conn)?;
        rows.into_iter().map(Day::try_from).collect()
    }

    /// Days before a date that nobody has closed yet, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn unclosed_days(
        &mut self,
        before: LegalDate,
        items: usize,
    ) -> Result<Vec<(MerchantId, LegalDate)>, StoreError> {
        let rows: Vec<DayRow> = days::table
            .filter(days::closed_entry.is_null())
            .filter(days::date.lt(before.to_string()))
            .order((days::date, days::merchant))
            .limit(limit(items))
            .load(self.conn)?;
        rows.into_iter().map(|row| Day::try_from(row).map(|day| (day.merchant, day.date))).collect()
    }
}
