//! Many rows of one table at once, in the shape that each database likes best: SQLite one prepared statement a row (a multi-row insert
//! gains nothing there), PostgreSQL one `INSERT .. SELECT FROM unnest(..)` a table, since there the round trip is what costs
//! (performance.md, rule 5).
//!
//! The rows of SQLite are structs without optional defaults, so that diesel knows their statement by type and need not build its text.

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};

use super::connection::Conn;
use super::error::StoreError;
use super::rows::column;
use super::schema::{entries, invoices, lookups, outbox, payments, quotas, seals, tiles};
use super::tx::exactly;
use super::young::Key;
use crate::base::UnixMs;
use crate::chain::hash::Hash;
use crate::chain::seal::Seal;
use crate::chain::tiles::Tile;
use crate::ledger::entry::Kind;
use crate::ledger::record::{Invoice, Payment, Quota};

/// One column of all rows.
enum Column<'a> {
    Int(Vec<i64>),
    Text(Vec<&'a str>),
    OptionalText(Vec<Option<&'a str>>),
    Bytes(Vec<&'a [u8]>),
}

/// `<head> SELECT * FROM unnest($1, $2, ..) <tail>`: one row for each place of the columns. Head and tail are constants.
struct Unnest<'a> {
    head: &'static str,
    columns: Vec<Column<'a>>,
    tail: &'static str,
}

impl QueryFragment<Pg> for Unnest<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.head);
        out.push_sql(" SELECT * FROM unnest(");
        for (place, column) in self.columns.iter().enumerate() {
            if place > 0 {
                out.push_sql(", ");
            }
            match column {
                Column::Int(values) => out.push_bind_param::<Array<BigInt>, _>(values)?,
                Column::Text(values) => out.push_bind_param::<Array<Text>, _>(values)?,
                Column::OptionalText(values) => out.push_bind_param::<Array<Nullable<Text>>, _>(values)?,
                Column::Bytes(values) => out.push_bind_param::<Array<Binary>, _>(values)?,
            }
        }
        out.push_sql(") ");
        out.push_sql(self.tail);
        Ok(())
    }
}

/// Prepared once a text: the text says how many columns there are.
impl QueryId for Unnest<'_> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for Unnest<'_> {}

fn ints(values: impl Iterator<Item = i64>) -> Column<'static> {
    Column::Int(values.collect())
}

/// A table's row with a statement of its own.
macro_rules! row {
    ($name:ident, $table:ident { $($field:ident: $type:ty),+ $(,)? }) => {
        #[derive(Insertable)]
        #[diesel(table_name = $table)]
        #[diesel(treat_none_as_default_value = false)]
        struct $name<'a> {
            $($field: $type,)+
        }
    };
}

row!(NewEntry, entries { idx: i64, height: i64, kind: &'a str, leaf: &'a [u8], entry: &'a str });

/// Writes entries of a block.
pub(super) fn insert_entries(
    conn: &mut Conn,
    height: u64,
    rows: &[(u64, Kind, Hash, String)],
) -> Result<(), StoreError> {
    let height = column(height);
    match conn {
        Conn::Sqlite(sqlite) => {
            for (index, kind, leaf, entry) in rows {
                let row = NewEntry { idx: column(*index), height, kind: kind.as_str(), leaf: leaf.as_bytes(), entry };
                diesel::insert_into(entries::table).values(row).execute(sqlite)?;
            }
        }
        Conn::Postgres(postgres) => {
            let columns = vec![
                ints(rows.iter().map(|(index, ..)| column(*index))),
                ints(rows.iter().map(|_| height)),
                Column::Text(rows.iter().map(|(_, kind, ..)| kind.as_str()).collect()),
                Column::Bytes(rows.iter().map(|(_, _, leaf, _)| leaf.as_bytes().as_slice()).collect()),
                Column::Text(rows.iter().map(|(.., entry)| entry.as_str()).collect()),
            ];
            let head = "INSERT INTO entries (idx, height, kind, leaf, entry)";
            let done = Unnest { head, columns, tail: "" }.execute(postgres)?;
            exactly("entries", height, rows.len(), done)?;
        }
    }
    Ok(())
}

/// Writes tiles in full, new ones and grown ones.
pub(super) fn put_tiles(conn: &mut Conn, rows: &[Tile]) -> Result<(), StoreError> {
    let rows: Vec<(i64, i64, Vec<u8>)> = rows
        .iter()
        .map(|tile| {
            let hashes = tile.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
            (i64::from(tile.id.level), column(tile.id.index), hashes)
        })
        .collect();
    match conn {
        Conn::Sqlite(sqlite) => {
            for (level, index, hashes) in &rows {
                let target = tiles::table.find((level, index));
                if diesel::update(target).set(tiles::hashes.eq(hashes)).execute(sqlite)? == 0 {
                    let row = (tiles::level.eq(level), tiles::idx.eq(index), tiles::hashes.eq(hashes));
                    diesel::insert_into(tiles::table).values(row).execute(sqlite)?;
                }
            }
        }
        Conn::Postgres(postgres) => {
            let columns = vec![
                ints(rows.iter().map(|(level, ..)| *level)),
                ints(rows.iter().map(|(_, index, _)| *index)),
                Column::Bytes(rows.iter().map(|(.., hashes)| hashes.as_slice()).collect()),
            ];
            let head = "INSERT INTO tiles (level, idx, hashes)";
            let tail = "ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes";
            let done = Unnest { head, columns, tail }.execute(postgres)?;
            exactly("tiles", "", rows.len(), done)?;
        }
    }
    Ok(())
}

row!(NewSeal, seals { height: i64, member: &'a str, round: i64, signature: &'a [u8] });

/// Writes the seals of a block.
pub(super) fn insert_seals(conn: &mut Conn, height: u64, rows: &[Seal]) -> Result<(), StoreError> {
    let height = column(height);
    match conn {
        Conn::Sqlite(sqlite) => {
            for seal in rows {
                let (member, signature) = (seal.member.as_str(), seal.signature.0.as_slice());
                let row = NewSeal { height, member, round: i64::from(seal.round), signature };
                diesel::insert_into(seals::table).values(row).execute(sqlite)?;
            }
        }
        Conn::Postgres(postgres) => {
            let columns = vec![
                ints(rows.iter().map(|_| height)),
                Column::Text(rows.iter().map(|seal| seal.member.as_str()).collect()),
                ints(rows.iter().map(|seal| i64::from(seal.round))),
                Column::Bytes(rows.iter().map(|seal| seal.signature.0.as_slice()).collect()),
            ];
            let head = "INSERT INTO seals (height, member, round, signature)";
            let done = Unnest { head, columns, tail: "" }.execute(postgres)?;
            exactly("seals", height, rows.len(), done)?;
        }
    }
    Ok(())
}

row!(NewInvoice, invoices {
    entry: i64,
    code: &'a str,
    number: &'a str,
    merchant: &'a str,
    date: &'a str,
    buyer: &'a str,
    amount_fen: i64,
    tax_fen: i64,
    total_fen: i64,
    provider: Option<&'a str>,
    transaction_id: Option<&'a str>,
});

/// Writes invoices, in entry order.
pub(super) fn insert_invoices(conn: &mut Conn, rows: &[Invoice]) -> Result<(), StoreError> {
    let ids: Vec<(String, String)> =
        rows.iter().map(|invoice| (invoice.code.to_string(), invoice.number.to_string())).collect();
    let news = rows.iter().zip(&ids).map(|(invoice, (code, number))| NewInvoice {
        entry: column(invoice.entry),
        code,
        number,
        merchant: invoice.merchant.as_str(),
        date: &invoice.date,
        buyer: &invoice.buyer,
        amount_fen: invoice.amount.get(),
        tax_fen: invoice.tax.get(),
        total_fen: invoice.total.get(),
        provider: invoice.payment.as_ref().map(|(provider, _)| provider.as_str()),
        transaction_id: invoice.payment.as_ref().map(|(_, transaction)| transaction.as_str()),
    });
    match conn {
        Conn::Sqlite(sqlite) => {
            for row in news {
                diesel::insert_into(invoices::table).values(row).execute(sqlite)?;
            }
        }
        Conn::Postgres(_) if rows.is_empty() => {}
        Conn::Postgres(postgres) => {
            let news: Vec<NewInvoice<'_>> = news.collect();
            let columns = vec![
                ints(news.iter().map(|row| row.entry)),
                Column::Text(news.iter().map(|row| row.code).collect()),
                Column::Text(news.iter().map(|row| row.number).collect()),
                Column::Text(news.iter().map(|row| row.merchant).collect()),
                Column::Text(news.iter().map(|row| row.date).collect()),
                Column::Text(news.iter().map(|row| row.buyer).collect()),
                ints(news.iter().map(|row| row.amount_fen)),
                ints(news.iter().map(|row| row.tax_fen)),
                ints(news.iter().map(|row| row.total_fen)),
                Column::OptionalText(news.iter().map(|row| row.provider).collect()),
                Column::OptionalText(news.iter().map(|row| row.transaction_id).collect()),
            ];
            let head = "INSERT INTO invoices (entry, code, number, merchant, date, buyer, amount_fen, tax_fen, total_fen, \
                        provider, transaction_id)";
            let done = Unnest { head, columns, tail: "" }.execute(postgres)?;
            exactly("invoices", "", rows.len(), done)?;
        }
    }
    Ok(())
}

row!(NewPayment, payments {
    entry: i64,
    provider: &'a str,
    transaction_id: &'a str,
    merchant: &'a str,
    order_id: &'a str,
    paid_at_ms: i64,
    paid_fen: i64,
    refunded_fen: i64,
    invoiced_fen: i64,
});

/// Writes new payments, in entry order.
pub(super) fn insert_payments<'a>(conn: &mut Conn, rows: impl Iterator<Item = &'a Payment>) -> Result<(), StoreError> {
    let mut rows: Vec<&Payment> = rows.collect();
    rows.sort_unstable_by_key(|payment| payment.entry);
    let news = rows.iter().map(|payment| NewPayment {
        entry: column(payment.entry),
        provider: payment.provider.as_str(),
        transaction_id: payment.transaction.as_str(),
        merchant: payment.merchant.as_str(),
        order_id: payment.order.as_str(),
        paid_at_ms: payment.paid_at.0,
        paid_fen: payment.paid.get(),
        refunded_fen: payment.refunded.get(),
        invoiced_fen: payment.invoiced.get(),
    });
    match conn {
        Conn::Sqlite(sqlite) => {
            for row in news {
                diesel::insert_into(payments::table).values(row).execute(sqlite)?;
            }
        }
        Conn::Postgres(_) if rows.is_empty() => {}
        Conn::Postgres(postgres) => {
            let news: Vec<NewPayment<'_>> = news.collect();
            let columns = vec![
                ints(news.iter().map(|row| row.entry)),
                Column::Text(news.iter().map(|row| row.provider).collect()),
                Column::Text(news.iter().map(|row| row.transaction_id).collect()),
                Column::Text(news.iter().map(|row| row.merchant).collect()),
                Column::Text(news.iter().map(|row| row.order_id).collect()),
                ints(news.iter().map(|row| row.paid_at_ms)),
                ints(news.iter().map(|row| row.paid_fen)),
                ints(news.iter().map(|row| row.refunded_fen)),
                ints(news.iter().map(|row| row.invoiced_fen)),
            ];
            let head = "INSERT INTO payments (entry, provider, transaction_id, merchant, order_id, paid_at_ms, paid_fen, \
                        refunded_fen, invoiced_fen)";
            let done = Unnest { head, columns, tail: "" }.execute(postgres)?;
            exactly("payments", "", rows.len(), done)?;
        }
    }
    Ok(())
}

/// Writes the balances of payments that are there.
pub(super) fn update_payments<'a>(conn: &mut Conn, rows: impl Iterator<Item = &'a Payment>) -> Result<(), StoreError> {
    let rows: Vec<&Payment> = rows.collect();
    match conn {
        Conn::Sqlite(sqlite) => {
            for payment in rows {
                let done = diesel::update(payments::table.find(column(payment.entry)))
                    .set((
                        payments::refunded_fen.eq(payment.refunded.get()),
                        payments::invoiced_fen.eq(payment.invoiced.get()),
                    ))
                    .execute(sqlite)?;
                exactly("payments", payment.entry, 1, done)?;
            }
        }
        Conn::Postgres(_) if rows.is_empty() => {}
        Conn::Postgres(postgres) => {
            let columns = vec![
                ints(rows.iter().map(|payment| column(payment.entry))),
                ints(rows.iter().map(|payment| payment.refunded.get())),
                ints(rows.iter().map(|payment| payment.invoiced.get())),
            ];
            let head = "WITH new (entry, refunded, invoiced) AS (";
            let tail = ") UPDATE payments SET refunded_fen = new.refunded, invoiced_fen = new.invoiced FROM new \
                        WHERE payments.entry = new.entry";
            let done = Unnest { head, columns, tail }.execute(postgres)?;
            exactly("payments", "", rows.len(), done)?;
        }
    }
    Ok(())
}

row!(NewQuota, quotas { merchant: &'a str, month: &'a str, invoices: i64, total_fen: i64 });

/// Writes quotas, new ones and grown ones.
pub(super) fn put_quotas<'a>(conn: &mut Conn, rows: impl Iterator<Item = &'a Quota>) -> Result<(), StoreError> {
    let rows: Vec<&Quota> = rows.collect();
    match conn {
        Conn::Sqlite(sqlite) => {
            for quota in rows {
                let (merchant, month) = (quota.merchant.as_str(), quota.month.as_str());
                let (count, total) = (quotas::invoices.eq(quota.count), quotas::total_fen.eq(quota.total.get()));
                let target = quotas::table.find((merchant, month));
                if diesel::update(target).set((count, total)).execute(sqlite)? == 0 {
                    let row = NewQuota { merchant, month, invoices: quota.count, total_fen: quota.total.get() };
                    diesel::insert_into(quotas::table).values(row).execute(sqlite)?;
                }
            }
        }
        Conn::Postgres(_) if rows.is_empty() => {}
        Conn::Postgres(postgres) => {
            let columns = vec![
                Column::Text(rows.iter().map(|quota| quota.merchant.as_str()).collect()),
                Column::Text(rows.iter().map(|quota| quota.month.as_str()).collect()),
                ints(rows.iter().map(|quota| quota.count)),
                ints(rows.iter().map(|quota| quota.total.get())),
            ];
            let head = "INSERT INTO quotas (merchant, month, invoices, total_fen)";
            let tail = "ON CONFLICT (merchant, month) DO UPDATE SET invoices = excluded.invoices, \
                        total_fen = excluded.total_fen";
            let done = Unnest { head, columns, tail }.execute(postgres)?;
            exactly("quotas", "", rows.len(), done)?;
        }
    }
    Ok(())
}

/// Writes keys, sorted, into the table of look-ups; those that are there already are left.
pub(super) fn insert_lookups(conn: &mut Conn, keys: &[Key]) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(sqlite) => {
            for (print, entry) in keys {
                let row = (lookups::fingerprint.eq(print), lookups::entry.eq(entry));
                diesel::insert_or_ignore_into(lookups::table).values(row).execute(sqlite)?;
            }
        }
        Conn::Postgres(_) if keys.is_empty() => {}
        Conn::Postgres(postgres) => {
            let columns = vec![ints(keys.iter().map(|(print, _)| *print)), ints(keys.iter().map(|(_, entry)| *entry))];
            let head = "INSERT INTO lookups (fingerprint, entry)";
            Unnest { head, columns, tail: "ON CONFLICT DO NOTHING" }.execute(postgres)?;
        }
    }
    Ok(())
}

row!(NewItem, outbox {
    entry: i64,
    topic: &'a str,
    state: &'a str,
    attempts: i64,
    next_at_ms: i64,
    last_error: Option<&'a str>,
});

/// Puts new items into the outbox, due at once.
pub(super) fn insert_outbox(conn: &mut Conn, rows: &[(u64, &'static str)], now: UnixMs) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(sqlite) => {
            for (entry, topic) in rows {
                let (entry, state) = (column(*entry), "pending");
                let row = NewItem { entry, topic, state, attempts: 0, next_at_ms: now.0, last_error: None };
                diesel::insert_into(outbox::table).values(row).execute(sqlite)?;
            }
        }
        Conn::Postgres(_) if rows.is_empty() => {}
        Conn::Postgres(postgres) => {
            let columns = vec![
                ints(rows.iter().map(|(entry, _)| column(*entry))),
                Column::Text(rows.iter().map(|(_, topic)| *topic).collect()),
                Column::Text(rows.iter().map(|_| "pending").collect()),
                ints(rows.iter().map(|_| 0)),
                ints(rows.iter().map(|_| now.0)),
            ];
            let head = "INSERT INTO outbox (entry, topic, state, attempts, next_at_ms)";
            let done = Unnest { head, columns, tail: "" }.execute(postgres)?;
            exactly("outbox", "", rows.len(), done)?;
        }
    }
    Ok(())
}
