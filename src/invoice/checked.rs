//! A draft that has been checked and split: what the issuer signs and what stands in the entry.

use serde::{Deserialize, Serialize};

use super::draft::{Buyer, Payment, Seller, never_null};
use super::money::{Fen, Quantity, TaxRate, UnitPrice};
use super::reversal::Red;
use super::tax::{Mark, Pricing, Split};
use crate::base::ids::{ChainId, MerchantId};

/// The format version of blue drafts.
pub const VERSION: u8 = 1;

/// The format version of red drafts: the one that has `red` and `blue_line`.
pub const RED_VERSION: u8 = 2;

/// What kind of document it is. Kinds differ in their numbers ([`super::NumberSequence`]), their face and what their QR code says; nothing
/// else asks for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Document {
    /// 通过区块链系统开具的电子普通发票 (domain.md 1.1): what is issued when nothing else is asked for.
    #[default]
    BlockchainOrdinary,
    /// 数电票, the fully digital ordinary invoice (domain.md 1.12).
    FullyDigital,
}

impl Document {
    /// The name in drafts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlockchainOrdinary => "blockchain-ordinary",
            Self::FullyDigital => "fully-digital",
        }
    }
}

/// A checked draft. Made by [`super::Draft::check`], a red one by [`Checked::reverse`]; reading one from storage is the only other
/// way, and says nothing about its arithmetic until [`Checked::recheck`] has been asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    pub(super) v: u8,
    pub(super) chain: ChainId,
    pub(super) document: Document,
    pub(super) merchant: MerchantId,
    pub(super) seller: Seller,
    pub(super) buyer: Buyer,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) payment: Option<Payment>,
    pub(super) pricing: Pricing,
    pub(super) lines: Vec<CheckedLine>,
    pub(super) amount: Fen,
    pub(super) tax: Fen,
    pub(super) total: Fen,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) remark: Option<String>,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) payee: Option<String>,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) reviewer: Option<String>,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) drawer: Option<String>,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) red: Option<Red>,
}

impl Checked {
    /// Format version.
    pub fn version(&self) -> u8 {
        self.v
    }

    /// The chain that it is for.
    pub fn chain(&self) -> &ChainId {
        &self.chain
    }

    /// What kind of document.
    pub fn document(&self) -> Document {
        self.document
    }

    /// The seller's id on the chain.
    pub fn merchant(&self) -> &MerchantId {
        &self.merchant
    }

    /// The seller.
    pub fn seller(&self) -> &Seller {
        &self.seller
    }

    /// The buyer.
    pub fn buyer(&self) -> &Buyer {
        &self.buyer
    }

    /// The payment that it is for.
    pub fn payment(&self) -> Option<&Payment> {
        self.payment.as_ref()
    }

    /// What the prices of its lines mean.
    pub fn pricing(&self) -> Pricing {
        self.pricing
    }

    /// Its lines, each discount directly behind the line that it belongs to.
    pub fn lines(&self) -> &[CheckedLine] {
        &self.lines
    }

    /// 合计金额: the sum without tax.
    pub fn amount(&self) -> Fen {
        self.amount
    }

    /// 合计税额: the sum of the taxes.
    pub fn tax(&self) -> Fen {
        self.tax
    }

    /// 价税合计: the sum with tax.
    pub fn total(&self) -> Fen {
        self.total
    }

    /// 备注.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// 收款人.
    pub fn payee(&self) -> Option<&str> {
        self.payee.as_deref()
    }

    /// 复核.
    pub fn reviewer(&self) -> Option<&str> {
        self.reviewer.as_deref()
    }

    /// 开票人.
    pub fn drawer(&self) -> Option<&str> {
        self.drawer.as_deref()
    }

    /// Of a red draft: the blue invoice that it reverses, and why. None for a blue draft.
    pub fn red(&self) -> Option<&Red> {
        self.red.as_ref()
    }
}

/// What a line is, where it is not an ordinary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LineKind {
    /// Takes something off the line before it.
    Discount,
}

/// One line of a checked draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckedLine {
    pub(super) category: String,
    pub(super) name: String,
    pub(super) classification: String,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) specification: Option<String>,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<String>,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) quantity: Option<Quantity>,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<UnitPrice>,
    pub(super) rate: TaxRate,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<Mark>,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<LineKind>,
    pub(super) amount: Fen,
    pub(super) tax: Fen,
    pub(super) total: Fen,
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub(super) blue_line: Option<u32>,
}

impl CheckedLine {
    /// Short name of the tax category.
    pub fn category(&self) -> &str {
        &self.category
    }

    /// The merchant's own name of the goods or service.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name as printed: `*餐饮服务*餐费`.
    pub fn printed_name(&self) -> String {
        format!("*{}*{}", self.category, self.name)
    }

    /// Tax classification, 19 digits.
    pub fn classification(&self) -> &str {
        &self.classification
    }

    /// 规格型号.
    pub fn specification(&self) -> Option<&str> {
        self.specification.as_deref()
    }

    /// 单位.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// How many; negative in a red letter.
    pub fn quantity(&self) -> Option<Quantity> {
        self.quantity
    }

    /// Price of one, in the pricing of the draft.
    pub fn price(&self) -> Option<UnitPrice> {
        self.price
    }

    /// The ex-tax price of one, as printed beside the ex-tax amount (domain.md 1.3): the price itself where prices are without
    /// tax, else the ex-tax amount over the quantity, to 8 fraction digits. A line of a red letter carries no price: it is amount over
    /// quantity, not below zero.
    pub fn printed_price(&self, pricing: Pricing) -> Option<UnitPrice> {
        match (self.blue_line, pricing) {
            (Some(_), Pricing::Exclusive | Pricing::Inclusive) => {
                UnitPrice::of(self.amount.negated(), self.quantity?.negated()).ok()
            }
            (None, Pricing::Exclusive) => self.price,
            (None, Pricing::Inclusive) => UnitPrice::of(self.amount, self.quantity?).ok(),
        }
    }

    /// Tax rate.
    pub fn rate(&self) -> TaxRate {
        self.rate
    }

    /// Why the rate is 0.
    pub fn mark(&self) -> Option<Mark> {
        self.mark
    }

    /// Whether it takes something off the line before it.
    pub fn is_discount(&self) -> bool {
        match self.kind {
            Some(LineKind::Discount) => true,
            None => false,
        }
    }

    /// 金额: without tax; negative in a discount and in a red letter.
    pub fn amount(&self) -> Fen {
        self.amount
    }

    /// 税额; negative in a discount and in a red letter, or 0.
    pub fn tax(&self) -> Fen {
        self.tax
    }

    /// With tax; negative in a discount and in a red letter.
    pub fn total(&self) -> Fen {
        self.total
    }

    /// Of a line of a red letter: the position of the line that it reverses among all lines of the blue draft, from 0.
    pub fn blue_line(&self) -> Option<u32> {
        self.blue_line
    }

    pub(super) fn split(&self) -> Split {
        Split { amount: self.amount, tax: self.tax, total: self.total }
    }
}
