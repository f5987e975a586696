//! Everything that is printed on one invoice, as plain text and fen.

use crate::base::LegalDate;

/// Which kind of document a face is; each has its layout under `templates/face`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaceKind {
    /// The blockchain ordinary invoice (domain.md 1.2).
    Ordinary,
    /// The fully digital ordinary invoice (数电票, domain.md 1.12): a number of 20 digits, no code, no check code, no cipher area.
    Digital,
}

impl FaceKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Ordinary, Self::Digital];

    /// The title of the document.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ordinary => "深圳电子普通发票",
            Self::Digital => "电子发票（普通发票）",
        }
    }
}

/// One invoice as it is printed. Empty strings print nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// Kind of document; says the title.
    pub kind: FaceKind,
    /// What stands below the title: that it is a red letter.
    pub title_note: String,
    /// Invoice code, 12 digits.
    pub code: String,
    /// Invoice number, 8 digits.
    pub number: String,
    /// Day of issue; also the creation date of the document.
    pub date: LegalDate,
    /// Check code, the last five characters of the hash.
    pub check_code: String,
    /// The printed hash, 66 hex characters; stands in the cipher area on three lines.
    pub hash: String,
    /// Electronic payment id (电子支付标识), in the buyer's block (domain.md 1.2).
    pub payment_id: String,
    /// The buyer.
    pub buyer: FaceParty,
    /// The seller.
    pub seller: FaceParty,
    /// The lines in order, discount lines among them.
    pub lines: Vec<FaceLine>,
    /// Sum of the ex-tax amounts, fen.
    pub amount_fen: i64,
    /// Sum of the taxes as printed after `¥`, or `***`.
    pub tax_text: String,
    /// Tax-inclusive total, fen.
    pub total_fen: i64,
    /// Tax-inclusive total in capital numerals.
    pub capital: String,
    /// Remark; may hold line breaks.
    pub remark: String,
    /// Payee (收款人).
    pub payee: String,
    /// Reviewer (复核).
    pub reviewer: String,
    /// Drawer (开票人).
    pub drawer: String,
    /// What the QR code says.
    pub qr_text: String,
    /// Whether the document is a sample of a chain that is not a production chain.
    pub sandbox: bool,
    /// Chain id.
    pub chain: String,
    /// Height of the block that holds the entry.
    pub block_height: u64,
    /// Index of the entry in the tree.
    pub entry_index: u64,
}

impl Face {
    /// What names the document: title, code where it has one, and number.
    pub(super) fn name(&self) -> String {
        let words = [self.kind.title(), &self.code, &self.number];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// One party as printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FaceParty {
    /// Name.
    pub name: String,
    /// Taxpayer id.
    pub taxpayer_id: String,
    /// Address and telephone.
    pub address_phone: String,
    /// Bank and account.
    pub bank_account: String,
}

/// One line as printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FaceLine {
    /// `*category*name`.
    pub name: String,
    /// Specification.
    pub specification: String,
    /// Unit.
    pub unit: String,
    /// Quantity, decimal text.
    pub quantity: String,
    /// Unit price, decimal text.
    pub price: String,
    /// Ex-tax amount, fen.
    pub amount_fen: i64,
    /// Rate as printed: `6%`, `免税`, `不征税`.
    pub rate: String,
    /// Tax, fen; for the sums of the list pages.
    pub tax_fen: i64,
    /// Tax as printed: yuan, or `***`.
    pub tax_text: String,
}

/// Fen as yuan with two decimals: `469.91`, `-0.05`.
pub(super) fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let magnitude = fen.unsigned_abs();
    format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fen_print_as_yuan_with_two_decimals() {
        for (fen, text) in
            [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (46_991, "469.91"), (i64::MIN, "-92233720368547758.08")]
        {
            assert_eq!(yuan(fen), text);
        }
    }
}
