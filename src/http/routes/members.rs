//! The members' rosters, their change, and the record of a restored ledger.

use actix_web::{HttpResponse, web};

use super::super::HttpState;
use super::super::extract::{Behind, Json, KeyedJson};
use super::super::problem::{Problem, ProblemReply};
use super::super::wire::{
    ChangeRosterRequest, ReasonRequest, RecordedReply, RosterChangeDraftReply, RosterChangeDraftRequest,
    RosterChangedReply, RosterReply,
};
use super::{missing, recorded_reply};
use crate::base::Faults;
use crate::chain::roster::Roster;
use crate::ledger::command::ChangeRosterBody;
use crate::ledger::entry::Entry;
use crate::sequencer::desk::RosterChangeAsked;
use crate::store::{Reader, Role};

/// The roster in force: the one that sealed the newest block. Its canonical text, so that its hash can be checked.
#[utoipa::path(
    get, path = "/v1/roster", tag = "members",
    responses((status = 200, description = "A roster in canonical form", body = Object), (status = 404, body = ProblemReply))
)]
pub async fn get_roster(state: web::Data<HttpState>) -> Result<HttpResponse, Problem> {
    let read = |reader: &mut Reader<'_>| Ok::<_, Faults>((reader.checkpoint()?, reader.rosters()?));
    let (tip, rosters) = state.desk.store().view(read).await?;
    let height = tip.ok_or_else(|| missing("block"))?.height;
    let in_force = rosters.into_iter().rev().find(|roster| roster.from_height() <= height);
    let roster = in_force.ok_or_else(|| missing("roster"))?;
    Ok(HttpResponse::Ok().content_type("application/json").body(roster.text().to_owned()))
}

/// Every roster, past, in force and to come, in the order of the height that each counts from (`from`): what verifiers trust.
#[utoipa::path(
    get, path = "/v1/rosters", tag = "members",
    responses((status = 200, description = "Rosters in canonical form", body = Vec<Object>))
)]
pub async fn list_rosters(state: web::Data<HttpState>) -> Result<HttpResponse, Problem> {
    let rosters = state.desk.store().view(|reader| reader.rosters()).await?;
    // The canonical texts as they are, so that their hashes can be checked.
    let texts: Vec<&str> = rosters.iter().map(|roster| roster.text()).collect();
    Ok(HttpResponse::Ok().content_type("application/json").body(format!("[{}]", texts.join(","))))
}

/// Change the members' roster from a height on (bureau): one member's seal key, one more member, or one less. Signed here with the seal keys
/// at hand, and by whoever has signed already; a quorum of the old roster, a quorum of the new one and each new key must have. A key
/// that is not named is made here: copy the keyring to the other processes on this ledger before `from` is reached.
#[utoipa::path(
    post, path = "/v1/roster/changes", tag = "members", security(("api_key" = [])),
    params(("Idempotency-Key" = String, Header, description = "Same key, same body: same answer")),
    request_body = ChangeRosterRequest,
    responses(
        (status = 201, body = RosterChangedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 409, description = "The height is past", body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, description = "Busy, or the keys at hand could not seal under the new roster", body = ProblemReply)
    )
)]
pub async fn change_roster(
    state: web::Data<HttpState>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<ChangeRosterRequest>>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Bureau])?;
    let ChangeRosterRequest { change, from, signatures } = body;
    let recorded = state.desk.change_roster(RosterChangeAsked { key, change, from, signatures }).await?;
    let body: ChangeRosterBody = Entry::parse(&recorded.receipt.entry)?.body_as()?;
    Ok(HttpResponse::Created().json(RosterChangedReply {
        entry: recorded.receipt.index,
        block: recorded.height,
        roster: RosterReply::of(&Roster::from_text(&body.roster)?)?,
        receipt: recorded.receipt,
    }))
}

/// What members would sign for a change, without recording it (bureau).
#[utoipa::path(
    post, path = "/v1/roster/change-draft", tag = "members", security(("api_key" = [])),
    request_body = RosterChangeDraftRequest,
    responses(
        (status = 200, body = RosterChangeDraftReply), (status = 400, body = ProblemReply),
        (status = 401, body = ProblemReply), (status = 403, body = ProblemReply), (status = 413, body = ProblemReply),
        (status = 415, body = ProblemReply), (status = 422, body = ProblemReply), (status = 503, body = ProblemReply)
    )
)]
pub async fn preview_roster_change(
    state: web::Data<HttpState>,
    Behind(caller, Json(body)): Behind<Json<RosterChangeDraftRequest>>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Bureau])?;
    let preview = state.desk.preview_roster_change(body.change, body.from).await?;
    Ok(HttpResponse::Ok().json(RosterChangeDraftReply::of(preview)?))
}

/// Record that the ledger goes on from an older backup, or another history, than the one that was written last (bureau). Until then it takes
/// no commands (`SEQ-RESTORED`): whoever has an answer from a block that is lost can show it against this record.
#[utoipa::path(
    post, path = "/v1/operations/restored", tag = "operations", security(("api_key" = [])),
    params(("Idempotency-Key" = String, Header, description = "Same key, same body: same answer")),
    request_body = ReasonRequest,
    responses(
        (status = 201, body = RecordedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 409, description = "Nothing was lost", body = ProblemReply),
        (status = 413, body = ProblemReply), (status = 415, body = ProblemReply), (status = 422, body = ProblemReply),
        (status = 503, body = ProblemReply)
    )
)]
pub async fn record_restored(
    state: web::Data<HttpState>,
    Behind(caller, KeyedJson(key, body)): Behind<KeyedJson<ReasonRequest>>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Bureau])?;
    Ok(recorded_reply(state.desk.record_restored(key, body.reason).await?))
}
