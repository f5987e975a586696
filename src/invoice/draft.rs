//! An invoice as asked for: the wire shape, nothing checked yet but the forms of numbers and ids.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::checked::Document;
use super::money::{Fen, Quantity, TaxRate, UnitPrice};
use super::tax::{Mark, Pricing};
use crate::base::ids::{Provider, TransactionId};

/// Reads an optional field that is there. `null` is not a way to leave a field out (design.md 4).
///
/// # Errors
/// The deserializer's own, for `null` too.
pub fn never_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// An invoice as somebody asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What kind of document; `blockchain-ordinary` when left out.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub document: Option<Document>,
    /// The payment that the invoice is for.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
    /// Who gets it.
    pub buyer: Buyer,
    /// What prices, amounts and discounts of the lines mean.
    pub pricing: Pricing,
    /// What was sold; at least one.
    pub lines: Vec<DraftLine>,
    /// The tax-inclusive total that the caller expects.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub total: Option<Fen>,
    /// 备注; the only text that may hold line feeds.
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

impl Draft {
    /// Shows every text that will be printed, with its path in the draft.
    pub fn each_text<'a>(&'a self, mut show: impl FnMut(fmt::Arguments<'_>, &'a str)) {
        let Buyer { kind: _, name, taxpayer_id, address_phone, bank_account } = &self.buyer;
        let mut optional = |path: &str, text: &'a Option<String>| {
            if let Some(text) = text {
                show(format_args!("{path}"), text);
            }
        };
        optional("buyer.taxpayer_id", taxpayer_id);
        optional("buyer.address_phone", address_phone);
        optional("buyer.bank_account", bank_account);
        optional("remark", &self.remark);
        optional("payee", &self.payee);
        optional("reviewer", &self.reviewer);
        optional("drawer", &self.drawer);
        show(format_args!("buyer.name"), name);
        for (nth, line) in self.lines.iter().enumerate() {
            show(format_args!("lines[{nth}].category"), &line.category);
            show(format_args!("lines[{nth}].name"), &line.name);
            if let Some(specification) = &line.specification {
                show(format_args!("lines[{nth}].specification"), specification);
            }
            if let Some(unit) = &line.unit {
                show(format_args!("lines[{nth}].unit"), unit);
            }
        }
    }
}

/// One line as asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftLine {
    /// Short name of the tax category, printed between asterisks.
    pub category: String,
    /// The merchant's own name of the goods or service.
    pub name: String,
    /// Tax classification, 19 digits.
    pub classification: String,
    /// 规格型号.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub specification: Option<String>,
    /// 单位.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How many; goes with `price`.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// Price of one, in the draft's pricing; goes with `quantity`.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub price: Option<UnitPrice>,
    /// Amount in the draft's pricing, before the discount; may be left out beside quantity and price.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub amount: Option<Fen>,
    /// Tax rate.
    pub rate: TaxRate,
    /// Why the rate is 0.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// Discount on this line, above zero, in the draft's pricing; becomes a line of its own.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub discount: Option<Fen>,
}

/// A payment, by the provider's name and the provider's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// Who took the payment.
    pub provider: Provider,
    /// The provider's transaction id.
    pub transaction: TransactionId,
}

/// Whether the buyer is a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuyerKind {
    /// A person.
    Individual,
    /// A company or other body; has a taxpayer id.
    Organisation,
}

/// The buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buyer {
    /// Person or organisation.
    pub kind: BuyerKind,
    /// 名称.
    pub name: String,
    /// 纳税人识别号.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub taxpayer_id: Option<String>,
    /// 地址、电话.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub address_phone: Option<String>,
    /// 开户行及账号.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub bank_account: Option<String>,
}

/// The seller, as the bureau has registered it. Not part of a [`Draft`]: nobody says on their own behalf who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seller {
    /// 名称.
    pub name: String,
    /// 纳税人识别号.
    pub taxpayer_id: String,
    /// 地址、电话.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub address_phone: Option<String>,
    /// 开户行及账号.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub bank_account: Option<String>,
}

/// What to do about a finding that the law does not settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The draft is refused.
    Refuse,
    /// The draft goes on and the caller is told.
    Warn,
}

/// What [`Draft::check`] is to be strict about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckPolicy {
    /// Wrong check characters in taxpayer ids. WeChat Pay's own sample ids fail them (domain.md 1.11).
    pub uscc_check_digit: Severity,
}
