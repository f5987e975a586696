//! Look-ups by random keys: what an idempotency key or a partner's id leads to.
//!
//! Such keys come in no order, and an index over them makes a ledger fade as it grows (measured: to a quarter after 1.5 million rows).
//! So no record is stored under one. A key has a 64-bit fingerprint; the store leads from fingerprints to entries, and the entry or its
//! record says whether it is really about that key: two keys that share a fingerprint cost a second look, never a wrong answer.

use super::command::{Command, PaymentBody, RefundBody};
use super::entry::{Entry, Kind};
use super::record::Answer;
use crate::chain::hash::{Hash, keccak256};
use crate::invoice::Checked;

/// A key that something is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookUp<'a> {
    /// The entry that answers an idempotency key: scope and key.
    Answer(&'a str, &'a str),
    /// The entry that recorded a payment: provider and transaction.
    Payment(&'a str, &'a str),
    /// The entries of a merchant's order's payments: merchant and order number.
    Order(&'a str, &'a str),
    /// The entry that recorded a refund: provider and refund.
    Refund(&'a str, &'a str),
    /// The entries of a payment's invoices: provider and transaction.
    InvoicesOf(&'a str, &'a str),
}

/// The first 8 bytes of keccak256 over kind and key, as a signed integer: what both databases order well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub i64);

/// A fingerprint and an entry that it leads to.
pub type Key = (Fingerprint, u64);

/// Bytes of a key in `young_keys`: fingerprint and entry, big-endian.
pub const KEY_BYTES: usize = 16;

/// The row of `watermarks` that says up to which block the table of look-ups is complete.
pub const WATERMARK: &str = "lookups";

/// The keys of a block as `young_keys` has them.
pub fn keys_to_bytes(keys: &[Key]) -> Vec<u8> {
    keys.iter().flat_map(|(print, entry)| [print.0.to_be_bytes(), entry.to_be_bytes()]).flatten().collect()
}

/// Reads them; `None` when the bytes are no whole keys.
pub fn keys_from_bytes(bytes: &[u8]) -> Option<Vec<Key>> {
    if !bytes.len().is_multiple_of(KEY_BYTES) {
        return None;
    }
    let read = |key: &[u8]| {
        let (print, entry) = (key.first_chunk::<8>()?, key.last_chunk::<8>()?);
        Some((Fingerprint(i64::from_be_bytes(*print)), u64::from_be_bytes(*entry)))
    };
    bytes.chunks(KEY_BYTES).map(read).collect()
}

impl LookUp<'_> {
    /// Its fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        let (kind, first, second) = match self {
            Self::Answer(scope, key) => (1u8, scope, key),
            Self::Payment(provider, transaction) => (2, provider, transaction),
            Self::Order(merchant, order) => (3, merchant, order),
            Self::Refund(provider, refund) => (4, provider, refund),
            Self::InvoicesOf(provider, transaction) => (5, provider, transaction),
        };
        // Neither ids nor idempotency keys have control characters, so a zero byte keeps the two parts apart.
        let mut bytes = Vec::with_capacity(first.len().saturating_add(second.len()).saturating_add(2));
        bytes.push(kind);
        bytes.extend_from_slice(first.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(second.as_bytes());
        let Hash(hash) = keccak256(bytes);
        Fingerprint(i64::from_be_bytes(hash.first_chunk::<8>().copied().unwrap_or_default()))
    }
}

/// What an accepted command will be found by.
pub fn keys_of(command: &Command) -> Vec<Fingerprint> {
    if let Command::RecordPayment(body) = command {
        return of_payment(body).iter().map(LookUp::fingerprint).collect();
    }
    if let Command::RecordRefund(body) = command {
        return vec![of_refund(body).fingerprint()];
    }
    let own = command.asked().map(|asked| LookUp::Answer(&asked.scope, asked.key.as_str()).fingerprint());
    let paid = command.draft().and_then(of_draft).map(|paid| paid.fingerprint());
    own.into_iter().chain(paid).collect()
}

/// [`keys_of`] the command that led to an entry, without verifying anything; none for what the entry does not say.
pub fn keys_of_entry(entry: &Entry) -> Vec<Fingerprint> {
    let answer = entry.scope().zip(entry.key.as_ref());
    let answer = answer.map(|(scope, key)| LookUp::Answer(&scope, key.as_str()).fingerprint());
    let others: Vec<Fingerprint> = match (entry.kind, &entry.draft) {
        (Kind::RecordPayment, _) => {
            entry.body_as().map(|body| of_payment(&body).map(|key| key.fingerprint()).to_vec()).unwrap_or_default()
        }
        (Kind::RecordRefund, _) => entry.body_as().map(|body| of_refund(&body).fingerprint()).into_iter().collect(),
        (_, Some(draft)) => of_draft(draft).map(|key| key.fingerprint()).into_iter().collect(),
        (_, None) => Vec::new(),
    };
    answer.into_iter().chain(others).collect()
}

fn of_payment(body: &PaymentBody) -> [LookUp<'_>; 2] {
    [
        LookUp::Payment(body.provider.as_str(), body.transaction.as_str()),
        LookUp::Order(body.merchant.as_str(), body.order.as_str()),
    ]
}

fn of_refund(body: &RefundBody) -> LookUp<'_> {
    LookUp::Refund(body.provider.as_str(), body.refund.as_str())
}

fn of_draft(draft: &Checked) -> Option<LookUp<'_>> {
    draft.payment().map(|paid| LookUp::InvoicesOf(paid.provider.as_str(), paid.transaction.as_str()))
}

/// What a command's execution will look up: its idempotency key, or the partner's id; and the payment that it touches.
pub fn keys_read_by(command: &Command) -> Vec<Fingerprint> {
    if let Command::RecordPayment(_) = command {
        return keys_of(command);
    }
    if let Command::RecordRefund(body) = command {
        let paid = LookUp::Payment(body.provider.as_str(), body.transaction.as_str());
        return vec![of_refund(body).fingerprint(), paid.fingerprint()];
    }
    let own = command.asked().map(|asked| LookUp::Answer(&asked.scope, asked.key.as_str()).fingerprint());
    own.into_iter().chain(drawn_by(command).map(|paid| paid.fingerprint())).collect()
}

/// The payment that an invoice draws on, or that a red letter gives back to.
fn drawn_by(command: &Command) -> Option<LookUp<'_>> {
    let draft = command.draft()?;
    draft.payment().map(|paid| LookUp::Payment(paid.provider.as_str(), paid.transaction.as_str()))
}

/// Whether a command's execution reads or writes a payment.
pub fn touches_payment(command: &Command) -> bool {
    matches!(command, Command::RecordPayment(_) | Command::RecordRefund(_)) || drawn_by(command).is_some()
}

/// The saved answer that an entry is; `None` for entries made from notices.
pub fn answer_of(entry: &Entry) -> Option<Answer> {
    let scope = entry.scope()?;
    Some(Answer { scope, key: entry.key.as_ref()?.to_string(), request: entry.request?, entry: entry.index })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_parts_are_kept_apart() {
        let keys = [
            LookUp::Answer("a", "bc"),
            LookUp::Answer("ab", "c"),
            LookUp::Payment("a", "bc"),
            LookUp::Order("a", "bc"),
            LookUp::Refund("a", "bc"),
            LookUp::InvoicesOf("a", "bc"),
        ];
        let prints: std::collections::BTreeSet<_> = keys.iter().map(LookUp::fingerprint).collect();
        assert_eq!(prints.len(), keys.len());
    }

    #[test]
    fn bytes_are_read_as_written() {
        let keys = [(Fingerprint(i64::MIN), 0), (Fingerprint(-1), 1), (Fingerprint(5), u64::MAX)];
        assert_eq!(keys_from_bytes(&keys_to_bytes(&keys)).unwrap(), keys);
        assert_eq!(keys_from_bytes(&[0; 17]), None);
    }

    #[test]
    fn a_fingerprint_is_stored_so_it_must_never_change() {
        assert_eq!(LookUp::Answer("tax-bureau", "rules-1").fingerprint(), Fingerprint(6_256_322_071_368_032_562));
    }
}
