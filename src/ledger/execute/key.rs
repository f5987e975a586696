//! Issuer keys: replaced by a statement of old and new key, revoked by the bureau. An address serves one merchant once.

use super::{Books, Executed, Failure, Position, Ready, known_merchant, reason_in_range, refuse};
use crate::base::Code;
use crate::chain::issuer_rotation::{check_rotation_signature, rotation_text};
use crate::ledger::command::{Keyed, RevokeIssuerBody, RotateIssuerBody};
use crate::ledger::entry::Kind;
use crate::ledger::record::{Issuer, Merchant};
use crate::ledger::state::{Reader, State};

pub(super) fn rotate<R: Reader>(
    state: &mut State<R>,
    command: &Keyed<RotateIssuerBody>,
    at: Position<'_>,
) -> Executed<R> {
    let RotateIssuerBody { merchant, old, new, old_signature, new_signature } = &command.body;
    let known = known_merchant(state, merchant, "merchant")?;
    if known.issuer != *old {
        return refuse(Code::LedgerIssuerOther, "old", "this is not the merchant's issuer key");
    }
    if state.issuer(new).map_err(Failure::Unreadable)?.is_some() {
        return refuse(Code::LedgerIssuerUsed, "new", "this issuer key serves or has served a merchant already");
    }
    let text = rotation_text(at.chain, merchant, old, new)?;
    match (known.issuer_revoked, old_signature) {
        (None, Some(signature)) => check_rotation_signature(&text, old, signature, "old_signature")?,
        (Some(_), None) => {}
        (None, None) => {
            let message = "the old key signs too, unless the bureau has revoked it";
            return refuse(Code::LedgerIssuerSignatureBad, "old_signature", message);
        }
        (Some(_), Some(_)) => {
            let message = "the key is revoked: the bureau installs the new one, and the old one does not sign";
            return refuse(Code::LedgerIssuerRevoked, "old_signature", message);
        }
    }
    check_rotation_signature(&text, new, new_signature, "new_signature")?;
    let before = state.issuer(old).map_err(Failure::Unreadable)?;
    let books = Books::of(state, merchant)?;
    let ready = Ready::keyed(at, Kind::RotateIssuer, Some(books), command)?;
    if let Some(before) = before.filter(|before| before.until.is_none() && before.merchant == *merchant) {
        state.put_issuer(Issuer { until: Some(at.index), ..(*before).clone() });
    }
    let (address, owner) = (*new, merchant.clone());
    state.put_issuer(Issuer { address, merchant: owner, since: at.index, until: None, revoked: false });
    state.put_merchant(Merchant { issuer: *new, issuer_revoked: None, ..(*known).clone() });
    Ok(ready.record(state))
}

pub(super) fn revoke<R: Reader>(
    state: &mut State<R>,
    command: &Keyed<RevokeIssuerBody>,
    at: Position<'_>,
) -> Executed<R> {
    let RevokeIssuerBody { merchant, issuer, reason } = &command.body;
    reason_in_range(reason)?;
    let known = known_merchant(state, merchant, "merchant")?;
    if known.issuer != *issuer {
        return refuse(Code::LedgerIssuerOther, "issuer", "this is not the merchant's issuer key");
    }
    if known.issuer_revoked.is_some() {
        return refuse(Code::LedgerIssuerRevoked, "issuer", "the key is revoked already");
    }
    let before = state.issuer(issuer).map_err(Failure::Unreadable)?;
    let books = Books::of(state, merchant)?;
    let ready = Ready::keyed(at, Kind::RevokeIssuer, Some(books), command)?;
    if let Some(before) = before.filter(|before| before.merchant == *merchant) {
        state.put_issuer(Issuer { until: Some(at.index), revoked: true, ..(*before).clone() });
    }
    state.put_merchant(Merchant { issuer_revoked: Some(at.index), ..(*known).clone() });
    Ok(ready.record(state))
}
