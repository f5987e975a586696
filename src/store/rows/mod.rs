//! Rows: plain columns, turned into domain types by `TryFrom`, which repeats the checks made before writing.

mod chain;
mod life;
mod merchant;
mod money;
mod service;

use super::error::StoreError;
use crate::base::ids::MerchantId;
use crate::chain::hash::Hash;
use crate::chain::issuer::Address;
use crate::invoice::money::Fen;

pub(super) use chain::{BlockRow, EntryRow, SealRow};
pub(super) use life::{ConfirmationRow, LifeRow, ReversalRow, ReversedLineRow, reversal_of};
pub(super) use merchant::{DayRow, IssuerRow, JournalRow, MerchantRow, QuotaRow, RulesRow};
pub(super) use money::{InvoiceRow, PaymentRow, RefundRow, SequenceRow};
pub(super) use service::ApiKeyRow;
pub use service::{ApiKey, OutboxItem, Role};

/// What made a row unusable.
pub(super) fn corrupt(table: &'static str, key: impl ToString, what: impl ToString) -> StoreError {
    StoreError::Corrupt { table, key: key.to_string(), what: what.to_string() }
}

pub(super) fn unsigned(table: &'static str, key: impl ToString, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|e| corrupt(table, key, e))
}

/// An index, height or size as a column. The chain ends long before 2^63.
pub(super) fn column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn hash(table: &'static str, key: impl ToString, bytes: &[u8]) -> Result<Hash, StoreError> {
    let bytes: [u8; 32] = bytes.try_into().map_err(|e| corrupt(table, key, e))?;
    Ok(Hash(bytes))
}

fn fen(table: &'static str, key: &str, value: i64) -> Result<Fen, StoreError> {
    Fen::new(value).map_err(|e| corrupt(table, key, e))
}

fn address(table: &'static str, key: impl ToString, bytes: &[u8]) -> Result<Address, StoreError> {
    let bytes: [u8; 20] = bytes.try_into().map_err(|e| corrupt(table, key, e))?;
    Ok(Address(bytes))
}

fn merchant_id(table: &'static str, key: impl ToString, id: String) -> Result<MerchantId, StoreError> {
    MerchantId::try_from(id).map_err(|e| corrupt(table, key, e))
}

fn optional_hash(table: &'static str, key: impl ToString, bytes: Option<&Vec<u8>>) -> Result<Option<Hash>, StoreError> {
    bytes.map(|bytes| hash(table, key, bytes)).transpose()
}

fn optional_unsigned(table: &'static str, key: impl ToString, value: Option<i64>) -> Result<Option<u64>, StoreError> {
    value.map(|value| unsigned(table, key, value)).transpose()
}
