//! The chain itself. Headers, seals, rosters and consistency proofs are public: they let anyone check us.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::HttpState;
use super::super::extract::{Behind, Caller, Query};
use super::super::problem::{Problem, ProblemReply};
use super::super::wire::{BlockReply, BlocksReply, ConsistencyReply, EntryReply, InclusionReply};
use super::{cut_page, missing, number_in, page_items};
use crate::base::{Code, Fault, Faults};
use crate::chain::hash::Hash;
use crate::ledger::entry::Entry;
use crate::store::{Reader, Role};

fn latest_size(reader: &mut Reader<'_>) -> Result<u64, Faults> {
    Ok(reader.checkpoint()?.map_or(0, |block| block.size))
}

fn out_of_range(name: &str, message: String) -> Faults {
    Fault::new(Code::HttpQueryMalformed, name, message).into()
}

fn hexes(proof: &[Hash]) -> Vec<String> {
    proof.iter().map(Hash::to_string).collect()
}

/// The newest sealed block.
#[utoipa::path(get, path = "/v1/checkpoint", tag = "chain", responses((status = 200, body = BlockReply)))]
pub async fn get_checkpoint(state: web::Data<HttpState>) -> Result<HttpResponse, Problem> {
    let block = state.desk.store().view(|reader| reader.checkpoint()).await?;
    Ok(HttpResponse::Ok().json(BlockReply::from(block.ok_or_else(|| missing("block"))?)))
}

/// Page of `GET /v1/blocks`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListBlocksQuery {
    /// Continue below this height.
    before: Option<u64>,
    /// Items on the page, 1 to 200; 50 if left out.
    limit: Option<usize>,
}

/// List blocks, newest first.
#[utoipa::path(
    get, path = "/v1/blocks", tag = "chain", params(ListBlocksQuery),
    responses((status = 200, body = BlocksReply), (status = 400, body = ProblemReply))
)]
pub async fn list_blocks(state: web::Data<HttpState>, query: Query<ListBlocksQuery>) -> Result<HttpResponse, Problem> {
    let items = page_items(query.0.limit)?;
    let below = query.0.before.unwrap_or(u64::MAX);
    let read = move |reader: &mut Reader<'_>| reader.blocks_below(below, items.saturating_add(1));
    let (found, next) = cut_page(state.desk.store().view(read).await?, items, |block| block.height);
    Ok(HttpResponse::Ok().json(BlocksReply { blocks: found.into_iter().map(BlockReply::from).collect(), next }))
}

/// One block.
#[utoipa::path(
    get, path = "/v1/blocks/{height}", tag = "chain", params(("height" = u64, Path)),
    responses((status = 200, body = BlockReply), (status = 400, body = ProblemReply), (status = 404, body = ProblemReply))
)]
pub async fn get_block(state: web::Data<HttpState>, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    let height = number_in(&path, "height")?;
    let block = state.desk.store().view(move |reader| reader.block(height)).await?;
    Ok(HttpResponse::Ok().json(BlockReply::from(block.ok_or_else(|| missing("block"))?)))
}

/// One entry with its text (auditor and bureau).
#[utoipa::path(
    get, path = "/v1/entries/{index}", tag = "chain", security(("api_key" = [])), params(("index" = u64, Path)),
    responses(
        (status = 200, body = EntryReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 403, body = ProblemReply), (status = 404, body = ProblemReply)
    )
)]
pub async fn get_entry(
    state: web::Data<HttpState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Auditor, Role::Bureau])?;
    let index = number_in(&path, "index")?;
    let found = state.desk.store().view(move |reader| reader.entry(index)).await?;
    let entry = found.ok_or_else(|| missing("entry"))?;
    Ok(HttpResponse::Ok().json(EntryReply {
        index: entry.index,
        block: entry.height,
        leaf: entry.leaf.to_string(),
        entry: entry.text,
    }))
}

/// Query of `GET /v1/proofs/inclusion`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InclusionQuery {
    /// The leaf's index.
    index: u64,
    /// The tree's size; the newest if left out.
    size: Option<u64>,
}

/// Prove that an entry is in the tree of a size (RFC 9162 2.1.3). A leaf hash is half of what the public verify page asks for, so
/// it is shown to those only who may see the entry; whoever holds a receipt holds its proof already.
#[utoipa::path(
    get, path = "/v1/proofs/inclusion", tag = "chain", security(("api_key" = [])), params(InclusionQuery),
    responses(
        (status = 200, body = InclusionReply), (status = 400, body = ProblemReply), (status = 401, body = ProblemReply),
        (status = 404, body = ProblemReply)
    )
)]
pub async fn prove_inclusion(
    state: web::Data<HttpState>,
    Behind(caller, Query(query)): Behind<Query<InclusionQuery>>,
) -> Result<HttpResponse, Problem> {
    let InclusionQuery { index, size } = query;
    let found = state
        .desk
        .store()
        .view(move |reader| {
            let newest = latest_size(reader)?;
            let size = size.unwrap_or(newest);
            if size > newest || index >= size {
                return Err(out_of_range("index", format!("index < size <= {newest} does not hold")));
            }
            let entry = reader.entry(index)?;
            let entry = entry.ok_or_else(|| Fault::new(Code::StoreCorrupt, "", "an entry is missing"))?;
            let proof = hexes(&reader.inclusion(index, size)?);
            let (leaf, root) = (entry.leaf.to_string(), reader.root(size)?.to_string());
            Ok((Entry::parse(&entry.text)?.merchant, InclusionReply { index, size, leaf, root, proof }))
        })
        .await?;
    let (owner, reply) = found;
    let seen = match owner {
        Some(owner) => caller.may_see(&owner),
        None => caller.require(&[Role::Auditor, Role::Bureau]).is_ok(),
    };
    if seen { Ok(HttpResponse::Ok().json(reply)) } else { Err(missing("entry")) }
}

/// Query of `GET /v1/proofs/consistency`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConsistencyQuery {
    /// The smaller size.
    from: u64,
    /// The larger size; the newest if left out.
    to: Option<u64>,
}

/// Prove that the tree of one size is the beginning of the tree of another (RFC 9162 2.1.4).
#[utoipa::path(
    get, path = "/v1/proofs/consistency", tag = "chain", params(ConsistencyQuery),
    responses((status = 200, body = ConsistencyReply), (status = 400, body = ProblemReply))
)]
pub async fn prove_consistency(
    state: web::Data<HttpState>,
    query: Query<ConsistencyQuery>,
) -> Result<HttpResponse, Problem> {
    let ConsistencyQuery { from, to } = query.0;
    let reply = state
        .desk
        .store()
        .view(move |reader| {
            let newest = latest_size(reader)?;
            let to = to.unwrap_or(newest);
            if to > newest || from > to {
                return Err(out_of_range("from", format!("from <= to <= {newest} does not hold")));
            }
            let proof = hexes(&reader.consistency(from, to)?);
            let (from_root, to_root) = (reader.root(from)?.to_string(), reader.root(to)?.to_string());
            Ok(ConsistencyReply { from, to, from_root, to_root, proof })
        })
        .await?;
    Ok(HttpResponse::Ok().json(reply))
}
