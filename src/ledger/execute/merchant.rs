//! Merchants: registered, bound by rules, suspended and resumed by the bureau.

use super::{Books, Executed, Failure, Position, Ready, known_merchant, next_number, reason_in_range, refuse};
use crate::base::Code;
use crate::base::ids::MerchantId;
use crate::invoice::{CheckPolicy, Severity};
use crate::ledger::command::{Keyed, MerchantBody, RulesBody, StandingBody};
use crate::ledger::entry::Kind;
use crate::ledger::record::{Issuer, Merchant, RulesRecord, RulesScope};
use crate::ledger::state::{Reader, State};

pub(super) fn register<R: Reader>(
    state: &mut State<R>,
    command: &Keyed<MerchantBody>,
    at: Position<'_>,
) -> Executed<R> {
    let body = &command.body;
    let default_policy = CheckPolicy { uscc_check_digit: Severity::Warn };
    let rules = state.rules_of(&RulesScope::All, at.height).map_err(Failure::Unreadable)?;
    body.seller.check(&rules.map_or(default_policy, |rules| rules.rules.policy(default_policy)))?;
    not_registered(state, body)?;
    let used = state.issuer(&body.issuer).map_err(Failure::Unreadable)?;
    if used.is_some() && at.version > 1 {
        return refuse(Code::LedgerIssuerUsed, "issuer", "this issuer key serves or has served a merchant already");
    }
    let next = next_number(state.issued("merchant").map_err(Failure::Unreadable)?)?;
    let Some(id) = u64::try_from(next).ok().and_then(MerchantId::nth) else {
        return refuse(Code::LedgerNumbersUsedUp, "", "all merchant ids are given out");
    };
    let books = Books::of(state, &id)?;
    let ready = Ready::keyed(at, Kind::RegisterMerchant, Some(books), command)?;
    state.put_issued("merchant", next);
    if used.is_none() {
        let (address, merchant) = (body.issuer, id.clone());
        state.put_issuer(Issuer { address, merchant, since: at.index, until: None, revoked: false });
    }
    state.put_merchant(Merchant {
        id,
        seller: body.seller.clone(),
        mchid: body.mchid.clone(),
        issuer: body.issuer,
        issue_on_payment: body.issue_on_payment,
        suspended: None,
        issuer_revoked: None,
        entry: at.index,
    });
    Ok(ready.record(state))
}

fn not_registered<R: Reader>(state: &mut State<R>, body: &MerchantBody) -> Result<(), Failure<R::Error>> {
    let taxpayer = state.merchant_by_taxpayer(&body.seller.taxpayer_id).map_err(Failure::Unreadable)?;
    if let Some(other) = taxpayer {
        let message = format!("this taxpayer is registered already, as {other}");
        return refuse(Code::LedgerMerchantExists, "taxpayer_id", message);
    }
    let Some(mchid) = &body.mchid else { return Ok(()) };
    if mchid.is_empty() || mchid.len() > 32 || !mchid.bytes().all(|b| b.is_ascii_digit()) {
        return refuse(Code::LedgerMchidMalformed, "mchid", "a WeChat Pay merchant number is 1 to 32 digits");
    }
    match state.merchant_by_mchid(mchid).map_err(Failure::Unreadable)? {
        None => Ok(()),
        Some(other) => refuse(Code::LedgerMerchantExists, "mchid", format!("this number belongs to {other}")),
    }
}

/// Rules bind from a height on; what was announced for a height may be replaced until it is reached.
pub(super) fn set_rules<R: Reader>(state: &mut State<R>, command: &Keyed<RulesBody>, at: Position<'_>) -> Executed<R> {
    let RulesBody { scope, rules, from } = &command.body;
    rules.validate()?;
    let from_height = from.unwrap_or(at.height);
    if from_height < at.height {
        let message = format!("rules bind from block {} on at the earliest", at.height);
        return refuse(Code::LedgerHeightPast, "from", message);
    }
    let books = match scope {
        RulesScope::All => None,
        RulesScope::Merchant(id) => {
            known_merchant(state, id, "scope")?;
            Some(Books::of(state, id)?)
        }
    };
    // Read before writing, so that the change is known as insert or update.
    state.rules_of(scope, from_height).map_err(Failure::Unreadable)?;
    let ready = Ready::keyed(at, Kind::SetRules, books, command)?;
    let (scope, rules) = (scope.clone(), rules.clone());
    state.put_rules(RulesRecord { scope, from_height, rules, entry: at.index });
    Ok(ready.record(state))
}

pub(super) fn suspend<R: Reader>(state: &mut State<R>, command: &Keyed<StandingBody>, at: Position<'_>) -> Executed<R> {
    set_standing(state, command, at, Kind::SuspendMerchant, Some(at.index))
}

pub(super) fn resume<R: Reader>(state: &mut State<R>, command: &Keyed<StandingBody>, at: Position<'_>) -> Executed<R> {
    set_standing(state, command, at, Kind::ResumeMerchant, None)
}

fn set_standing<R: Reader>(
    state: &mut State<R>,
    command: &Keyed<StandingBody>,
    at: Position<'_>,
    kind: Kind,
    suspended: Option<u64>,
) -> Executed<R> {
    let StandingBody { merchant, reason } = &command.body;
    reason_in_range(reason)?;
    let known = known_merchant(state, merchant, "merchant")?;
    if known.suspended.is_some() == suspended.is_some() {
        let message = if suspended.is_some() { "the merchant is suspended already" } else { "it is not suspended" };
        return refuse(Code::LedgerStanding, "merchant", message);
    }
    let books = Books::of(state, merchant)?;
    let ready = Ready::keyed(at, kind, Some(books), command)?;
    state.put_merchant(Merchant { suspended, ..(*known).clone() });
    Ok(ready.record(state))
}
