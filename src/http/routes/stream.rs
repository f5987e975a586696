//! The whole ledger, for whoever audits it: as a stream, never as a whole in memory.

use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream::try_unfold;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::HttpState;
use super::super::extract::{Behind, Query};
use super::super::problem::{Problem, ProblemReply};
use super::missing;
use crate::base::{Code, Fault, Faults};
use crate::export::{write_stream_block, write_stream_head};
use crate::store::{FilledBlock, Role, Store};

/// Query of `GET /v1/stream`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// Begin with the block of this height; 0 if left out. From 1 on the first line of the stream is left out too, so that what
    /// comes can be put behind what is there already.
    from: Option<u64>,
}

/// What is still to be sent.
struct Rest {
    store: Store,
    from: u64,
    upto: u64,
}

/// The whole ledger up to the block that is the newest now (auditor and bureau). `piaolian audit --stream` reads it.
#[utoipa::path(
    get, path = "/v1/stream", tag = "chain", security(("api_key" = [])), params(StreamQuery),
    responses(
        (status = 200, content_type = "application/x-ndjson", body = String),
        (status = 400, body = ProblemReply), (status = 401, body = ProblemReply), (status = 403, body = ProblemReply),
        (status = 404, body = ProblemReply)
    )
)]
pub async fn get_stream(
    state: web::Data<HttpState>,
    Behind(caller, Query(query)): Behind<Query<StreamQuery>>,
) -> Result<HttpResponse, Problem> {
    caller.require(&[Role::Auditor, Role::Bureau])?;
    let from = query.from.unwrap_or(0);
    let store = state.desk.store().clone();
    let (tip, rosters) = store.view(|reader| Ok::<_, Faults>((reader.checkpoint()?, reader.rosters()?))).await?;
    let (tip, founding) = tip.zip(rosters.into_iter().next()).ok_or_else(|| missing("ledger"))?;
    if from > tip.height {
        let message = format!("the newest block is {}", tip.height);
        return Err(Fault::new(Code::HttpQueryMalformed, "from", message).into());
    }
    let mut head = Vec::new();
    if from == 0 {
        write_stream_head(&mut head, &founding)?;
    }
    let rest = Rest { store, from, upto: tip.height };
    let lines = try_unfold((head, rest), |(head, rest)| async move {
        // Blocks are never changed, so that what is read in pieces is of one ledger.
        let piece = next_piece(head, rest).await.map_err(|faults| std::io::Error::other(faults.to_string()))?;
        Ok::<_, std::io::Error>(piece.map(|(piece, rest)| (piece, (Vec::new(), rest))))
    });
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").streaming(lines))
}

/// Some blocks as lines, behind what is there already; `None` behind the last.
async fn next_piece(mut lines: Vec<u8>, rest: Rest) -> Result<Option<(Bytes, Rest)>, Faults> {
    let Rest { store, from, upto } = rest;
    if from > upto {
        return Ok(None);
    }
    let blocks = store.view(move |reader| reader.filled_blocks(from, upto)).await?;
    let Some(last) = blocks.last().map(|last| last.block.height) else {
        return Err(Fault::new(Code::StoreCorrupt, "blocks", format!("block {from} is missing")).into());
    };
    for FilledBlock { block, entries } in &blocks {
        write_stream_block(&mut lines, &block.header, &block.seals, entries.iter().map(|entry| entry.text.as_str()))?;
    }
    Ok(Some((Bytes::from(lines), Rest { store, from: last.saturating_add(1), upto })))
}
