//! The rows that records give, cell by cell.

use super::{Cell, Row};
use crate::base::Fault;
use crate::chain::canonical;
use crate::chain::hash::Hash;
use crate::ledger::confirmation::Confirmation;
use crate::ledger::day::{Day, Journal};
use crate::ledger::life::Life;
use crate::ledger::record::{Invoice, Issuer, Merchant, Payment, Quota, Refund, RosterRecord, RulesRecord, Sequence};
use crate::ledger::reversal::{Reversal, ReversedLine, ReversedRate, Taken};

fn text(value: &str) -> Cell {
    Some(value.as_bytes().to_vec())
}

fn optional(value: Option<&str>) -> Cell {
    value.map(|v| v.as_bytes().to_vec())
}

fn optional_int<T: ToString>(value: Option<T>) -> Cell {
    value.map(|v| v.to_string().into_bytes())
}

fn optional_hash(value: Option<&Hash>) -> Cell {
    value.map(|hash| hash.as_bytes().to_vec())
}

fn int(value: impl ToString) -> Cell {
    Some(value.to_string().into_bytes())
}

/// A record that has a row.
pub(super) trait Project {
    fn row(&self) -> Result<Row, Fault>;
}

impl<T: Project> Project for &T {
    fn row(&self) -> Result<Row, Fault> {
        (**self).row()
    }
}

impl Project for Merchant {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![
            text(self.id.as_str()),
            text(&self.seller.taxpayer_id),
            text(&self.seller.name),
            optional(self.seller.address_phone.as_deref()),
            optional(self.seller.bank_account.as_deref()),
            optional(self.mchid.as_deref()),
            Some(self.issuer.0.to_vec()),
            int(u8::from(self.issue_on_payment)),
            int(self.entry),
            optional_int(self.suspended),
            optional_int(self.issuer_revoked),
        ])
    }
}

impl Project for RulesRecord {
    fn row(&self) -> Result<Row, Fault> {
        let scope = String::from(self.scope.clone());
        let body = canonical::to_canonical(&self.rules)?;
        Ok(vec![text(&scope), int(self.from_height), text(&body), int(self.entry)])
    }
}

impl Project for Quota {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![text(self.merchant.as_str()), text(&self.month), int(self.count), int(self.total.get())])
    }
}

impl Project for Payment {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![
            int(self.entry),
            text(self.provider.as_str()),
            text(self.transaction.as_str()),
            text(self.merchant.as_str()),
            text(self.order.as_str()),
            int(self.paid_at.0),
            int(self.paid.get()),
            int(self.refunded.get()),
            int(self.invoiced.get()),
            int(self.awaiting.get()),
        ])
    }
}

impl Project for Refund {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![
            int(self.entry),
            text(self.provider.as_str()),
            text(self.refund.as_str()),
            text(self.transaction.as_str()),
            int(self.amount.get()),
        ])
    }
}

impl Project for Sequence {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![text(&self.name), int(self.issued)])
    }
}

impl Project for Invoice {
    fn row(&self) -> Result<Row, Fault> {
        let payment = self.payment.as_ref();
        Ok(vec![
            int(self.entry),
            text(&self.code.to_string()),
            text(&self.number.to_string()),
            text(self.merchant.as_str()),
            text(&self.date),
            text(&self.buyer),
            int(self.amount.get()),
            int(self.tax.get()),
            int(self.total.get()),
            optional(payment.map(|(provider, _)| provider.as_str())),
            optional(payment.map(|(_, transaction)| transaction.as_str())),
            optional_int(self.blue),
        ])
    }
}

impl Project for Issuer {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![
            Some(self.address.0.to_vec()),
            text(self.merchant.as_str()),
            int(self.since),
            optional_int(self.until),
            int(u8::from(self.revoked)),
        ])
    }
}

impl Project for RosterRecord {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![int(self.from_height), text(self.roster.text())])
    }
}

impl Project for Journal {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![text(self.merchant.as_str()), int(self.seq), optional_hash(Some(&self.running))])
    }
}

impl Project for Day {
    fn row(&self) -> Result<Row, Fault> {
        let figures = canonical::to_canonical(&self.figures)?;
        Ok(vec![text(self.merchant.as_str()), text(&self.date.to_string()), text(&figures), optional_int(self.closed)])
    }
}

impl Taken {
    fn cells(&self) -> [Cell; 4] {
        [self.amount, self.tax, self.red_amount, self.red_tax].map(|money| int(money.get()))
    }
}

impl Project for Reversal {
    fn row(&self) -> Result<Row, Fault> {
        Ok([int(self.entry), int(self.count)].into_iter().chain(self.money.cells()).collect())
    }
}

impl Project for (u64, &ReversedLine) {
    fn row(&self) -> Result<Row, Fault> {
        let (entry, line) = self;
        let quantities = [line.quantity, line.red_quantity].map(|quantity| optional_int(quantity.map(|q| q.scaled())));
        let key = [int(entry), int(line.line), int(line.rate.get())];
        Ok(key.into_iter().chain(quantities).chain(line.money.cells()).collect())
    }
}

impl Project for (u64, &ReversedRate) {
    fn row(&self) -> Result<Row, Fault> {
        let (entry, rate) = self;
        Ok([int(entry), int(rate.rate.get())].into_iter().chain(rate.money.cells()).collect())
    }
}

impl Project for Life {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![
            int(self.entry),
            text(self.state.as_str()),
            int(self.fence),
            optional_hash(self.holder.as_ref()),
            optional_int(self.lease_until.map(|until| until.0)),
            text(self.wallet.as_str()),
            optional_hash(self.wallet_holder.as_ref()),
            optional_int(self.confirmation),
        ])
    }
}

impl Project for Confirmation {
    fn row(&self) -> Result<Row, Fault> {
        Ok(vec![
            int(self.entry),
            int(self.invoice),
            text(self.merchant.as_str()),
            optional_hash(self.buyer.as_ref()),
            int(u8::from(self.by_seller)),
            text(&canonical::to_canonical(&self.asked)?),
            text(self.state.as_str()),
            int(self.fence),
            int(self.opened_at.0),
            int(self.until.0),
            optional_int(self.red),
        ])
    }
}
