//! The tax bureau's issuing rules for a merchant: written on the chain, obeyed by every later invoice (domain.md 1.6, step 1).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::checked::{Checked, CheckedLine};
use super::classification;
use super::draft::{CheckPolicy, Severity, never_null};
use super::findings::Findings;
use super::money::{Fen, TaxRate};
use super::rates;
use super::taxpayer;
use crate::base::limits::AMOUNT_FEN_MAX;
use crate::base::{Code, Faults};

/// Items of one list in the rules. A merchant has a handful; above this the bureau means a shorter prefix.
pub const LIST_ITEMS_MAX: usize = 1_000;

/// What the bureau allows. A field that is left out sets no limit; a cap of 0 lets nothing through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuingRules {
    /// Largest tax-inclusive total of one invoice.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub per_invoice_cap: Option<Fen>,
    /// Largest sum of tax-inclusive totals in one month. Needs history: the ledger enforces it.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub monthly_cap: Option<Fen>,
    /// Most blue invoices in one month. Needs history: the ledger enforces it.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub monthly_count: Option<u64>,
    /// The tax rates that may be used.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub rates: Option<Vec<TaxRate>>,
    /// Beginnings of the tax classifications that may be used.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub classification_prefixes: Option<Vec<String>>,
    /// How strict to be about check characters of taxpayer ids.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub uscc_check_digit: Option<Severity>,
    /// Whether there must be a payment.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub payment_required: Option<bool>,
}

impl IssuingRules {
    /// Whether the rules themselves make sense. To be asked before they are written on the chain.
    ///
    /// # Errors
    /// All faults at once.
    pub fn validate(&self) -> Result<(), Faults> {
        let mut found = Findings::default();
        for (cap, path, most) in [
            (self.per_invoice_cap, "per_invoice_cap", AMOUNT_FEN_MAX),
            (self.monthly_cap, "monthly_cap", crate::base::limits::CANONICAL_INTEGER_MAX),
        ] {
            if cap.is_some_and(|cap| !(0..=most).contains(&cap.get())) {
                found.refuse(Code::InvRulesCap, path, format!("a cap is 0 to {most} fen"));
            }
        }
        if let Some(rates) = &self.rates {
            list_into(rates, "rates", &mut found);
            for (index, rate) in rates.iter().enumerate().filter(|(_, rate)| !rates::is_known(**rate)) {
                let message = format!("the law has known no tax rate of {}", rate.to_percent());
                found.refuse(Code::InvRateUnknown, &format!("rates[{index}]"), message);
            }
        }
        if let Some(prefixes) = &self.classification_prefixes {
            list_into(prefixes, "classification_prefixes", &mut found);
            for (index, _) in prefixes.iter().enumerate().filter(|(_, prefix)| !is_prefix(prefix)) {
                let path = format!("classification_prefixes[{index}]");
                found.refuse(Code::InvRulesPrefix, &path, "a prefix is 1 to 19 digits, the first of them 1 to 6");
            }
        }
        found.into_result().map(|_warnings| ())
    }

    /// The policy that [`super::Draft::check`] is to follow under these rules; `otherwise` where they are silent.
    pub fn policy(&self, otherwise: CheckPolicy) -> CheckPolicy {
        CheckPolicy { uscc_check_digit: self.uscc_check_digit.unwrap_or(otherwise.uscc_check_digit) }
    }

    /// Checks everything that needs no history; the monthly cap is the ledger's. Paths point into the draft as asked for, in which
    /// discounts are no lines of their own.
    ///
    /// # Errors
    /// All faults at once.
    pub fn check(&self, checked: &Checked) -> Result<(), Faults> {
        let mut found = Findings::default();
        if self.payment_required == Some(true) && checked.payment().is_none() {
            found.refuse(Code::InvRulePaymentRequired, "payment", "this merchant invoices recorded payments only");
        }
        if self.uscc_check_digit == Some(Severity::Refuse) {
            check_characters_into(checked, &mut found);
        }
        for (index, line) in checked.lines().iter().filter(|line| !line.is_discount()).enumerate() {
            let mut inner = Findings::default();
            self.line_into(line, &mut inner);
            found.nest(inner, || format!("lines[{index}]"));
        }
        if let Some(cap) = self.per_invoice_cap.filter(|cap| checked.total() > *cap) {
            found.refuse(Code::InvRuleInvoiceCap, "total", format!("one invoice is at most {} yuan", cap.to_yuan()));
        }
        found.into_result().map(|_warnings| ())
    }

    fn line_into(&self, line: &CheckedLine, found: &mut Findings) {
        if self.rates.as_ref().is_some_and(|rates| !rates.contains(&line.rate())) {
            let message = format!("this merchant may not use the tax rate of {}", line.rate().to_percent());
            found.refuse(Code::InvRuleRate, "rate", message);
        }
        let allowed = |prefixes: &Vec<String>| prefixes.iter().any(|prefix| line.classification().starts_with(prefix));
        if self.classification_prefixes.as_ref().is_some_and(|prefixes| !allowed(prefixes)) {
            found.refuse(Code::InvRuleClassification, "classification", "this merchant may not use the classification");
        }
    }
}

fn check_characters_into(checked: &Checked, found: &mut Findings) {
    let parties = [("seller", Some(&checked.seller().taxpayer_id)), ("buyer", checked.buyer().taxpayer_id.as_ref())];
    for (party, id) in parties.into_iter().filter_map(|(party, id)| id.map(|id| (party, id))) {
        for fault in taxpayer::check_characters(id) {
            found.fault(fault.under("taxpayer_id").under(party));
        }
    }
}

fn list_into<T: Ord>(list: &[T], path: &str, found: &mut Findings) {
    let distinct: BTreeSet<&T> = list.iter().collect();
    if list.is_empty() || list.len() > LIST_ITEMS_MAX || distinct.len() < list.len() {
        let message = format!("a list names 1 to {LIST_ITEMS_MAX} things, each once; leave it out to set no limit");
        found.refuse(Code::InvRulesList, path, message);
    }
}

fn is_prefix(text: &str) -> bool {
    (1..=classification::DIGITS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit())
        && matches!(text.bytes().next(), Some(b'1'..=b'6'))
}
