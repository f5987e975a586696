//! What has been taken back of a blue invoice: per line, per rate and in total. Never more than was there, by constraint.

use crate::base::Fault;
use crate::invoice::money::{Fen, Quantity, TaxRate};
use crate::invoice::reversal::LineShare;

/// Money of a line, a rate or an invoice: what was there at first and what has been taken back. All of it 0 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Ex-tax at first.
    pub amount: Fen,
    /// Tax at first.
    pub tax: Fen,
    /// Taken back, ex-tax.
    pub red_amount: Fen,
    /// Taken back, tax.
    pub red_tax: Fen,
}

impl Taken {
    /// Nothing taken yet of this much.
    pub fn nothing_of(amount: Fen, tax: Fen) -> Self {
        Self { amount, tax, red_amount: Fen::ZERO, red_tax: Fen::ZERO }
    }

    /// Takes more.
    ///
    /// # Errors
    /// A sum beyond all money.
    pub fn take(&mut self, amount: Fen, tax: Fen) -> Result<(), Fault> {
        self.red_amount = self.red_amount.checked_add(amount)?;
        self.red_tax = self.red_tax.checked_add(tax)?;
        Ok(())
    }

    /// Tax-inclusive money at first.
    ///
    /// # Errors
    /// A sum beyond all money.
    pub fn total(&self) -> Result<Fen, Fault> {
        self.amount.checked_add(self.tax)
    }

    /// Tax-inclusive money taken back.
    ///
    /// # Errors
    /// A sum beyond all money.
    pub fn red_total(&self) -> Result<Fen, Fault> {
        self.red_amount.checked_add(self.red_tax)
    }

    /// Whether more was taken than there was.
    pub fn is_overdrawn(&self) -> bool {
        self.red_amount > self.amount || self.red_tax > self.tax
    }
}

/// What has been taken back of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReversedLine {
    /// Its place among the lines of the draft, from 0.
    pub line: u32,
    /// Its rate.
    pub rate: TaxRate,
    /// Its quantity at first, if it has one.
    pub quantity: Option<Quantity>,
    /// The quantity taken back so far, if it has one.
    pub red_quantity: Option<Quantity>,
    /// Its money.
    pub money: Taken,
}

/// What has been taken back of one rate's lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReversedRate {
    /// The rate.
    pub rate: TaxRate,
    /// The money under it.
    pub money: Taken,
}

/// What has been taken back of a blue invoice. There is a record from the first red letter on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    /// Entry of the blue invoice.
    pub entry: u64,
    /// Red letters so far.
    pub count: u64,
    /// The invoice's money.
    pub money: Taken,
    /// Per line, ascending.
    pub lines: Vec<ReversedLine>,
    /// Per rate, ascending.
    pub rates: Vec<ReversedRate>,
}

impl Reversal {
    /// Nothing taken yet of an invoice with these lines.
    ///
    /// # Errors
    /// A sum beyond all money.
    pub fn new(entry: u64, shares: &[LineShare]) -> Result<Self, Fault> {
        let mut money = Taken::nothing_of(Fen::ZERO, Fen::ZERO);
        let mut rates: Vec<ReversedRate> = Vec::new();
        for share in shares {
            money.amount = money.amount.checked_add(share.amount)?;
            money.tax = money.tax.checked_add(share.tax)?;
            let at = match rates.binary_search_by(|known| known.rate.cmp(&share.rate)) {
                Ok(at) => at,
                Err(at) => {
                    let money = Taken::nothing_of(Fen::ZERO, Fen::ZERO);
                    rates.insert(at, ReversedRate { rate: share.rate, money });
                    at
                }
            };
            if let Some(rate) = rates.get_mut(at) {
                rate.money.amount = rate.money.amount.checked_add(share.amount)?;
                rate.money.tax = rate.money.tax.checked_add(share.tax)?;
            }
        }
        let line = |share: &LineShare| ReversedLine {
            line: share.line,
            rate: share.rate,
            quantity: share.quantity,
            red_quantity: share.quantity.map(|_| Quantity::from_scaled(0)),
            money: Taken::nothing_of(share.amount, share.tax),
        };
        Ok(Self { entry, count: 0, money, lines: shares.iter().map(line).collect(), rates })
    }

    /// What is left of each line.
    ///
    /// # Errors
    /// A record that contradicts itself.
    pub fn left(&self) -> Result<Vec<LineShare>, Fault> {
        let left = |line: &ReversedLine| {
            let amount = line.money.amount.checked_sub(line.money.red_amount)?;
            let tax = line.money.tax.checked_sub(line.money.red_tax)?;
            let quantity = match (line.quantity, line.red_quantity) {
                (Some(first), Some(red)) => first.scaled().checked_sub(red.scaled()).map(Quantity::from_scaled),
                (Some(first), None) => Some(first),
                (None, Some(_) | None) => None,
            };
            Ok(LineShare { line: line.line, rate: line.rate, quantity, amount, tax, total: amount.checked_add(tax)? })
        };
        self.lines.iter().map(left).collect()
    }

    /// Takes a red letter in.
    ///
    /// # Errors
    /// A sum beyond all money. More than was there is not an error here: ask [`Reversal::is_overdrawn`].
    pub fn take(&mut self, taken: &[LineShare]) -> Result<(), Fault> {
        self.count = self.count.saturating_add(1);
        for share in taken {
            self.money.take(share.amount, share.tax)?;
            if let Some(line) = self.lines.iter_mut().find(|line| line.line == share.line) {
                line.money.take(share.amount, share.tax)?;
                if let (Some(red), Some(more)) = (line.red_quantity, share.quantity) {
                    line.red_quantity = red.scaled().checked_add(more.scaled()).map(Quantity::from_scaled);
                }
            }
            if let Some(rate) = self.rates.iter_mut().find(|rate| rate.rate == share.rate) {
                rate.money.take(share.amount, share.tax)?;
            }
        }
        Ok(())
    }

    /// Whether more was taken anywhere than there was.
    pub fn is_overdrawn(&self) -> bool {
        let quantity = |line: &ReversedLine| line.red_quantity > line.quantity;
        self.money.is_overdrawn()
            || self.lines.iter().any(|line| line.money.is_overdrawn() || quantity(line))
            || self.rates.iter().any(|rate| rate.money.is_overdrawn())
    }

    /// Whether nothing is left.
    pub fn is_full(&self) -> bool {
        self.money.red_amount == self.money.amount && self.money.red_tax == self.money.tax
    }
}
