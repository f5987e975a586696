//! Rows of blocks: entries, tiles, seals, look-ups, and what the entries are to be told to.

use diesel::prelude::*;

use super::{Column, Held, PIECE_ROWS, Row, Unnest, insert, row};
use crate::base::UnixMs;
use crate::chain::hash::Hash;
use crate::chain::seal::Seal;
use crate::chain::tiles::Tile;
use crate::ledger::entry::Kind;
use crate::ledger::present::{Page, PagePath};
use crate::store::connection::Conn;
use crate::store::error::StoreError;
use crate::store::rows::column;
use crate::store::schema::{entries, lookups, outbox, seals, state_pages, tiles};
use crate::store::tx::exactly;
use crate::store::young::Key;

row! {
    NewEntry<'a>, entries { idx: i64 } { height: i64, kind: &'a str, leaf: &'a [u8], entry: &'a str }
}

/// Writes entries of a block.
pub(in crate::store) fn insert_entries(
    conn: &mut Conn,
    height: u64,
    rows: &[(u64, Kind, Hash, String)],
) -> Result<(), StoreError> {
    let height = column(height);
    let news = rows.iter().map(|(index, kind, leaf, entry)| NewEntry {
        idx: column(*index),
        height,
        kind: kind.as_str(),
        leaf: leaf.as_bytes(),
        entry,
    });
    insert(conn, &news.collect::<Vec<_>>())
}

row! { NewTile, tiles { level: i64, idx: i64 } { hashes: Vec<u8> } }

/// Writes tiles in full, new ones and grown ones.
pub(in crate::store) fn put_tiles(conn: &mut Conn, rows: &[Tile]) -> Result<(), StoreError> {
    let rows = rows.iter().map(|tile| NewTile {
        level: i64::from(tile.id.level),
        idx: column(tile.id.index),
        hashes: tile.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect(),
    });
    let rows: Vec<NewTile> = rows.collect();
    match conn {
        Conn::Sqlite(sqlite) => rows.iter().try_for_each(|tile| {
            if tile.update(sqlite)? == 0 {
                tile.insert(sqlite)?;
            }
            Ok(())
        }),
        Conn::Postgres(postgres) => rows.chunks(PIECE_ROWS).try_for_each(|piece| {
            let columns = NewTile::columns(piece);
            let done = Unnest { head: NewTile::INSERT, columns, tail: NewTile::OR_UPDATE }.execute(postgres)?;
            exactly("tiles", "", piece.len(), done)
        }),
    }
}

row! { NewPage<'a>, state_pages { path: &'a str } { nodes: Vec<u8> } }

/// Writes pages of the map of present states in full, new ones and changed ones.
pub(in crate::store) fn put_state_pages(conn: &mut Conn, pages: &[(PagePath, Page)]) -> Result<(), StoreError> {
    let rows = pages.iter().map(|(path, page)| NewPage { path: &path.0, nodes: page.to_bytes() });
    let rows: Vec<NewPage<'_>> = rows.collect();
    match conn {
        Conn::Sqlite(sqlite) => rows.iter().try_for_each(|page| {
            if page.update(sqlite)? == 0 {
                page.insert(sqlite)?;
            }
            Ok(())
        }),
        Conn::Postgres(postgres) => rows.chunks(PIECE_ROWS).try_for_each(|piece| {
            let columns = NewPage::columns(piece);
            let done = Unnest { head: NewPage::INSERT, columns, tail: NewPage::OR_UPDATE }.execute(postgres)?;
            exactly("state_pages", "", piece.len(), done)
        }),
    }
}

row! { NewSeal<'a>, seals { height: i64, member: &'a str } { round: i64, signature: &'a [u8] } }

/// Writes the seals of a block.
pub(in crate::store) fn insert_seals(conn: &mut Conn, height: u64, rows: &[Seal]) -> Result<(), StoreError> {
    let height = column(height);
    let news = rows.iter().map(|seal| NewSeal {
        height,
        member: seal.member.as_str(),
        round: i64::from(seal.round),
        signature: seal.signature.0.as_slice(),
    });
    insert(conn, &news.collect::<Vec<_>>())
}

/// Writes keys, sorted, into the table of look-ups; those that are there already are left.
pub(in crate::store) fn insert_lookups(conn: &mut Conn, keys: &[Key]) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(sqlite) => {
            for (print, entry) in keys {
                let row = (lookups::fingerprint.eq(print), lookups::entry.eq(entry));
                diesel::insert_or_ignore_into(lookups::table).values(row).execute(sqlite)?;
            }
        }
        Conn::Postgres(_) if keys.is_empty() => {}
        Conn::Postgres(postgres) => {
            let columns = vec![
                Column::Int(keys.iter().map(|(print, _)| *print).collect()),
                Column::Int(keys.iter().map(|(_, entry)| *entry).collect()),
            ];
            let head = "INSERT INTO lookups (fingerprint, entry)";
            Unnest { head, columns, tail: "ON CONFLICT DO NOTHING" }.execute(postgres)?;
        }
    }
    Ok(())
}

row! {
    NewItem<'a>, outbox { entry: i64, topic: &'a str } {
        state: &'a str,
        attempts: i64,
        next_at_ms: i64,
        last_error: Option<&'a str>,
    }
}

/// Puts new items into the outbox, due at once.
pub(in crate::store) fn insert_outbox(
    conn: &mut Conn,
    rows: &[(u64, &'static str)],
    now: UnixMs,
) -> Result<(), StoreError> {
    let news = rows.iter().map(|(entry, topic)| NewItem {
        entry: column(*entry),
        topic,
        state: "pending",
        attempts: 0,
        next_at_ms: now.0,
        last_error: None,
    });
    insert(conn, &news.collect::<Vec<_>>())
}
