//! Many rows of one table at once, in the shape that each database likes best: SQLite one prepared statement a row (a multi-row insert
//! gains nothing there), PostgreSQL one `INSERT .. SELECT FROM unnest(..)` a table, since there the round trip is what costs
//! (performance.md, rule 5).
//!
//! The rows are structs without optional defaults, so that diesel knows their statement by type and need not build its text.

mod chain;
mod ledger;

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use diesel::sqlite::SqliteConnection;

use super::connection::Conn;
use super::error::StoreError;
use super::tx::exactly;

pub(super) use chain::{insert_entries, insert_lookups, insert_outbox, insert_seals, put_state_pages, put_tiles};
pub(super) use ledger::{
    insert_invoices, insert_payments, put_confirmations, put_days, put_issuers, put_journals, put_lives, put_quotas,
    put_reversals, update_payments,
};

/// Rows in one statement on PostgreSQL. A batch has fewer; projections that are made anew may have millions.
const PIECE_ROWS: usize = 10_000;

/// One column of all rows.
enum Column<'a> {
    Int(Vec<i64>),
    OptionalInt(Vec<Option<i64>>),
    Flag(Vec<bool>),
    Text(Vec<&'a str>),
    OptionalText(Vec<Option<&'a str>>),
    Bytes(Vec<&'a [u8]>),
    OptionalBytes(Vec<Option<&'a [u8]>>),
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
                Column::OptionalInt(values) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(values)?,
                Column::Flag(values) => out.push_bind_param::<Array<Bool>, _>(values)?,
                Column::Text(values) => out.push_bind_param::<Array<Text>, _>(values)?,
                Column::OptionalText(values) => out.push_bind_param::<Array<Nullable<Text>>, _>(values)?,
                Column::Bytes(values) => out.push_bind_param::<Array<Binary>, _>(values)?,
                Column::OptionalBytes(values) => out.push_bind_param::<Array<Nullable<Binary>>, _>(values)?,
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

/// The type of a field of a row: its values of all rows are a column.
trait Held: Sized {
    fn column<'r>(values: impl Iterator<Item = &'r Self>) -> Column<'r>
    where
        Self: 'r;
}

macro_rules! held {
    ($($type:ty => $column:ident by $read:expr;)+) => {
        $(impl Held for $type {
            fn column<'r>(values: impl Iterator<Item = &'r Self>) -> Column<'r>
            where
                Self: 'r,
            {
                Column::$column(values.map($read).collect())
            }
        })+
    };
}

held! {
    i64 => Int by |value| *value;
    Option<i64> => OptionalInt by |value| *value;
    bool => Flag by |value| *value;
    &str => Text by |value| *value;
    String => Text by String::as_str;
    Option<&str> => OptionalText by |value| *value;
    &[u8] => Bytes by |value| *value;
    Vec<u8> => Bytes by Vec::as_slice;
    Option<&[u8]> => OptionalBytes by |value| *value;
}

/// A row of a table: its statements on both databases.
trait Row: Sized {
    /// The table's name.
    const TABLE: &'static str;
    /// `INSERT INTO table (columns)`.
    const INSERT: &'static str;
    /// `ON CONFLICT (key) DO UPDATE SET ..`, every column but the key.
    const OR_UPDATE: &'static str;
    /// `WITH new (columns) AS (`, and what follows the rows.
    const UPDATE: (&'static str, &'static str);

    fn columns(rows: &[Self]) -> Vec<Column<'_>>;
    fn insert(&self, sqlite: &mut SqliteConnection) -> QueryResult<usize>;
    fn update(&self, sqlite: &mut SqliteConnection) -> QueryResult<usize>;
}

/// Declares a table's row: the key's columns, then the others.
macro_rules! row {
    (
        $(#[$doc:meta])*
        $name:ident $(<$life:lifetime>)?, $table:ident {
            $first:ident: $first_type:ty $(, $key:ident: $key_type:ty)* $(,)?
        } {
            $second:ident: $second_type:ty $(, $field:ident: $type:ty)* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Insertable, AsChangeset)]
        #[diesel(table_name = $table)]
        #[diesel(primary_key($first $(, $key)*))]
        #[diesel(treat_none_as_default_value = false)]
        #[diesel(treat_none_as_null = true)]
        struct $name $(<$life>)? {
            $first: $first_type,
            $($key: $key_type,)*
            $second: $second_type,
            $($field: $type,)*
        }

        impl $(<$life>)? Row for $name $(<$life>)? {
            const TABLE: &'static str = stringify!($table);
            const INSERT: &'static str = concat!(
                "INSERT INTO ", stringify!($table), " (", stringify!($first) $(, ", ", stringify!($key))*,
                ", ", stringify!($second) $(, ", ", stringify!($field))*, ")"
            );
            const OR_UPDATE: &'static str = concat!(
                "ON CONFLICT (", stringify!($first) $(, ", ", stringify!($key))*, ") DO UPDATE SET ",
                stringify!($second), " = excluded.", stringify!($second)
                $(, ", ", stringify!($field), " = excluded.", stringify!($field))*
            );
            const UPDATE: (&'static str, &'static str) = (
                concat!(
                    "WITH new (", stringify!($first) $(, ", ", stringify!($key))*,
                    ", ", stringify!($second) $(, ", ", stringify!($field))*, ") AS ("
                ),
                concat!(
                    ") UPDATE ", stringify!($table), " SET ", stringify!($second), " = new.", stringify!($second)
                    $(, ", ", stringify!($field), " = new.", stringify!($field))*, " FROM new WHERE ",
                    stringify!($table), ".", stringify!($first), " = new.", stringify!($first)
                    $(, " AND ", stringify!($table), ".", stringify!($key), " = new.", stringify!($key))*
                ),
            );

            fn columns(rows: &[Self]) -> Vec<Column<'_>> {
                vec![
                    <$first_type as Held>::column(rows.iter().map(|row| &row.$first)),
                    $(<$key_type as Held>::column(rows.iter().map(|row| &row.$key)),)*
                    <$second_type as Held>::column(rows.iter().map(|row| &row.$second)),
                    $(<$type as Held>::column(rows.iter().map(|row| &row.$field)),)*
                ]
            }

            fn insert(&self, sqlite: &mut SqliteConnection) -> QueryResult<usize> {
                diesel::insert_into($table::table).values(self).execute(sqlite)
            }

            fn update(&self, sqlite: &mut SqliteConnection) -> QueryResult<usize> {
                diesel::update($table::table)
                    .filter($table::$first.eq(&self.$first))
                    $(.filter($table::$key.eq(&self.$key)))*
                    .set(self)
                    .execute(sqlite)
            }
        }
    };
}
use row;

/// Writes new rows.
fn insert<R: Row>(conn: &mut Conn, rows: &[R]) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(sqlite) => rows.iter().try_for_each(|row| Ok(row.insert(sqlite).map(drop)?)),
        Conn::Postgres(postgres) => rows.chunks(PIECE_ROWS).try_for_each(|piece| {
            let done = Unnest { head: R::INSERT, columns: R::columns(piece), tail: "" }.execute(postgres)?;
            exactly(R::TABLE, "", piece.len(), done)
        }),
    }
}

/// Writes rows that are there already, each exactly one.
fn update<R: Row>(conn: &mut Conn, rows: &[R]) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(sqlite) => rows.iter().try_for_each(|row| exactly(R::TABLE, "", 1, row.update(sqlite)?)),
        Conn::Postgres(postgres) => rows.chunks(PIECE_ROWS).try_for_each(|piece| {
            let (head, tail) = R::UPDATE;
            let done = Unnest { head, columns: R::columns(piece), tail }.execute(postgres)?;
            exactly(R::TABLE, "", piece.len(), done)
        }),
    }
}

/// Writes rows, new ones and changed ones, of a table that has some in every batch: on PostgreSQL in one statement.
fn upsert<R: Row>(conn: &mut Conn, new: Vec<R>, changed: Vec<R>) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(_) => {
            insert(conn, &new)?;
            update(conn, &changed)
        }
        Conn::Postgres(postgres) => {
            let rows: Vec<R> = new.into_iter().chain(changed).collect();
            rows.chunks(PIECE_ROWS).try_for_each(|piece| {
                let columns = R::columns(piece);
                let done = Unnest { head: R::INSERT, columns, tail: R::OR_UPDATE }.execute(postgres)?;
                exactly(R::TABLE, "", piece.len(), done)
            })
        }
    }
}
