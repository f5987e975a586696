//! A merchant's days and their close.

use actix_web::{HttpResponse, web};

use super::super::HttpState;
use super::super::extract::{Behind, KeyedQuery, Query};
use super::super::problem::{Problem, ProblemReply};
use super::super::wire::{CloseDayQuery, DayClosedReply, DayReply, DaysReply, ListDaysQuery};
use super::{named_merchant, page_items};
use crate::base::{Code, Fault, Faults, LegalDate};
use crate::ledger::day::DayClosed;
use crate::ledger::entry::Entry;
use crate::store::{DayFilter, Reader, Role};

/// Close a day that is over (merchant; bureau with `merchant`): one entry with its count, first and last number, sums by rate, sums of red
/// letters, and the running hash over the merchant's entries. The service closes days by itself too, unless configured otherwise.
#[utoipa::path(
    post, path = "/v1/days/{date}/close", tag = "days", security(("api_key" = [])),
    params(
        ("date" = String, Path, description = "A legal date, YYYY-MM-DD"), CloseDayQuery,
        ("Idempotency-Key" = String, Header, description = "Same key, same day: the same answer again")
    ),
    responses(
        (status = 201, body = DayClosedReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply),
        (status = 409, description = "It is closed already", body = ProblemReply),
        (status = 422, description = "It is not over", body = ProblemReply), (status = 503, body = ProblemReply)
    )
)]
pub async fn close_day(
    state: web::Data<HttpState>,
    path: web::Path<String>,
    Behind(caller, KeyedQuery(key, query)): Behind<KeyedQuery<CloseDayQuery>>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Merchant, Role::Bureau])?;
    let merchant = named_merchant(&caller, query.merchant)?;
    let malformed = || Fault::new(Code::HttpQueryMalformed, "date", "a legal date is YYYY-MM-DD");
    let date = LegalDate::parse(&path).ok_or_else(malformed)?;
    let recorded = state.desk.close_day(key, merchant, date).await?;
    let body: DayClosed = Entry::parse(&recorded.receipt.entry)?.body_as()?;
    Ok(HttpResponse::Created().json(DayClosedReply::of(body, recorded.height, recorded.receipt)))
}

/// List a merchant's days on which something was issued or closed, newest first.
#[utoipa::path(
    get, path = "/v1/days", tag = "days", security(("api_key" = [])), params(ListDaysQuery),
    responses(
        (status = 200, body = DaysReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply)
    )
)]
pub async fn list_days(
    state: web::Data<HttpState>,
    Behind(caller, Query(query)): Behind<Query<ListDaysQuery>>,
) -> Result<HttpResponse, Problem> {
    let ListDaysQuery { merchant, before, limit } = query;
    let items = page_items(limit)?;
    let filter = DayFilter { merchant: named_merchant(&caller, merchant)?, before, limit: items.saturating_add(1) };
    let read = move |reader: &mut Reader<'_>| Ok::<_, Faults>(reader.days(&filter)?);
    let mut found = state.desk.store().view(read).await?;
    let more = found.len() > items;
    found.truncate(items);
    let next = if more { found.last().map(|day| day.date) } else { None };
    Ok(HttpResponse::Ok().json(DaysReply { days: found.into_iter().map(DayReply::from).collect(), next }))
}
