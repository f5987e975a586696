//! From an entry to what is printed: the face of an issued invoice is a function of its entry and place, nothing else.

use super::face::{Face, FaceKind, FaceLine, FaceParty, yuan};
use crate::base::LegalDate;
use crate::chain::hash::Hash;
use crate::invoice::{Checked, CheckedLine, Document, InvoiceNumber, Mark, Pricing, capital};
use crate::ledger::entry::{Entry, Issued};

/// What stands below the title of a red letter.
const RED_NOTE: &str = "红字（负数）";

/// Characters of a hash as printed: two of its kind and 64 of the hash (domain.md 1.4).
const PRINTED_HASH_CHARACTERS: usize = 66;

/// What the tax is printed as where no tax is charged (domain.md 1.9).
const NO_TAX: &str = "***";

/// What the QR code says: the URL form of domain.md 1.4 under the service's own address.
pub fn verify_url(public_url: &str, leaf: &Hash, number: &InvoiceNumber, total_fen: i64) -> String {
    format!("{public_url}/verify/scan?hash={}&bill_num={number}&total_amount={total_fen}", leaf.printed())
}

/// What the QR code of a fully digital invoice says: `01,32,,<number>,<tax-inclusive total>,<YYYYMMDD>,,<4 hex>` (domain.md 1.12). The
/// bureau's rule for the last four is not published; here they are the last four of the printed hash, in capitals as on real ones.
pub fn digital_code(number: &str, total_fen: i64, date: LegalDate, leaf: &Hash) -> String {
    let check: String = leaf.printed().to_uppercase().chars().skip(PRINTED_HASH_CHARACTERS - 4).collect();
    format!("01,32,,{number},{},{},,{check}", yuan(total_fen), date.to_string().replace('-', ""))
}

impl Face {
    /// The face of the invoice that an entry issued; `None` for any other entry.
    pub fn of(entry: &Entry, leaf: &Hash, block_height: u64, public_url: &str) -> Option<Self> {
        let issued = entry.issued()?;
        let Issued { number, date, draft, .. } = issued;
        let (id, total_fen) = (issued.id(), draft.total().get());
        let (kind, qr_text) = match draft.document() {
            Document::BlockchainOrdinary => (FaceKind::Ordinary, verify_url(public_url, leaf, number, total_fen)),
            Document::FullyDigital => (FaceKind::Digital, digital_code(&id.printed_number(), total_fen, date, leaf)),
        };
        let buyer = draft.buyer();
        let seller = draft.seller();
        Some(Self {
            kind,
            title_note: draft.red().map(|_| RED_NOTE.to_owned()).unwrap_or_default(),
            code: id.printed_code().unwrap_or_default(),
            number: id.printed_number(),
            date,
            check_code: leaf.check_code(),
            hash: leaf.printed(),
            payment_id: draft.payment().map(|payment| payment.transaction.to_string()).unwrap_or_default(),
            buyer: FaceParty {
                name: buyer.name.clone(),
                taxpayer_id: buyer.taxpayer_id.clone().unwrap_or_default(),
                address_phone: buyer.address_phone.clone().unwrap_or_default(),
                bank_account: buyer.bank_account.clone().unwrap_or_default(),
            },
            seller: FaceParty {
                name: seller.name.clone(),
                taxpayer_id: seller.taxpayer_id.clone(),
                address_phone: seller.address_phone.clone().unwrap_or_default(),
                bank_account: seller.bank_account.clone().unwrap_or_default(),
            },
            lines: draft.lines().iter().map(|one| line(one, draft.pricing())).collect(),
            amount_fen: draft.amount().get(),
            tax_text: total_tax(draft),
            total_fen,
            capital: capital(draft.total()),
            remark: draft.remark().unwrap_or_default().to_owned(),
            payee: draft.payee().unwrap_or_default().to_owned(),
            reviewer: draft.reviewer().unwrap_or_default().to_owned(),
            drawer: draft.drawer().unwrap_or_default().to_owned(),
            qr_text,
            sandbox: entry.chain.is_sandbox(),
            chain: entry.chain.to_string(),
            block_height,
            entry_index: entry.index,
        })
    }
}

/// Whether no tax is charged, so that the face shows a word for the rate and stars for the tax.
fn untaxed(line: &CheckedLine) -> Option<&'static str> {
    match line.mark() {
        Some(Mark::Exempt) => Some("免税"),
        Some(Mark::NotTaxed) => Some("不征税"),
        Some(Mark::ZeroRated | Mark::ExportZeroRated) | None => None,
    }
}

fn line(line: &CheckedLine, pricing: Pricing) -> FaceLine {
    let untaxed = untaxed(line);
    FaceLine {
        name: line.printed_name(),
        specification: line.specification().unwrap_or_default().to_owned(),
        unit: line.unit().unwrap_or_default().to_owned(),
        quantity: line.quantity().map(|quantity| quantity.to_string()).unwrap_or_default(),
        price: line.printed_price(pricing).map(|price| price.to_string()).unwrap_or_default(),
        amount_fen: line.amount().get(),
        rate: untaxed.map_or_else(|| line.rate().to_percent(), str::to_owned),
        tax_fen: line.tax().get(),
        tax_text: if untaxed.is_some() { NO_TAX.to_owned() } else { line.tax().to_yuan() },
    }
}

fn total_tax(draft: &Checked) -> String {
    if draft.lines().iter().all(|line| untaxed(line).is_some()) { NO_TAX.to_owned() } else { draft.tax().to_yuan() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::hash::leaf_hash;

    #[test]
    fn a_digital_code_has_the_fields_of_the_real_ones() {
        let leaf = leaf_hash("any");
        let code = digital_code("24312000000136634917", 1, LegalDate::parse("2024-05-14").unwrap(), &leaf);
        let check = code.strip_prefix("01,32,,24312000000136634917,0.01,20240514,,").unwrap();
        assert_eq!(check.len(), 4);
        assert!(leaf.printed().to_uppercase().ends_with(check));
    }
}
