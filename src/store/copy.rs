//! A whole ledger from one database into another, in either direction between any two that this program knows.
//!
//! Promises: the source is read in one snapshot, so a service may go on writing to it (what it writes meanwhile is not in the copy, and
//! the report says so). The target must be empty. Until the copy is complete, audited and equal, the target bears a mark that every
//! version of this program refuses to open, whatever the moment at which the process dies; only a marked target is ever emptied.
//!
//! On SQLite the snapshot is a read transaction in WAL mode: writers go on, but the WAL file can't be cut back while it lasts.
//!
//! *Invariant:* nothing is derived again here: rows go over as they are, and the audit decides whether they are a ledger.

use diesel::connection::{Connection, SimpleConnection as _, TransactionManager as _};
use diesel::dsl::{SqlTypeOf, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

use super::connection::{Conn, DatabaseUrl, Purpose, begin_read, begin_write};
use super::error::StoreError;
use super::reader::{Block, Reader};
use super::rows::unsigned;
use super::young::Young;
use super::{migrations, schema};
use crate::base::{Code, Fault, Faults};
use crate::ledger::audit::{Limits, Report, Trust, audit};

/// Rows in one transaction of the target. Entries of 2 KB make it 2 MB in memory; more rows share no more of a commit's cost.
const PAGE_ROWS: i64 = 1_000;

/// Why a copy was not made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the two databases refused; a target that was begun stays marked as half made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is something in the target already; it was not touched.
    #[error("table {0} of the target holds rows already; a copy needs an empty database")]
    NotEmpty(&'static str),
    /// There is no chain in the source.
    #[error("the source holds no ledger: it has no block")]
    NoLedger,
}

impl From<diesel::result::Error> for CopyError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<CopyError> for Faults {
    fn from(error: CopyError) -> Self {
        let message = error.to_string();
        match error {
            CopyError::Store(error) => error.into(),
            CopyError::NotEmpty(_) => Fault::new(Code::StoreNotEmpty, "--to", message).into(),
            CopyError::NoLedger => Fault::new(Code::StoreNoLedger, "--from", message).into(),
        }
    }
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyProgress {
    /// Rows written, of all rows of the snapshot.
    Rows(u64, u64),
    /// Blocks audited in the target, of all its blocks.
    Audit(u64, u64),
}

/// A table after the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: &'static str,
    /// Rows in the source's snapshot.
    pub source_rows: u64,
    /// Rows in the target afterwards.
    pub target_rows: u64,
}

/// What a copy came to.
#[derive(Debug)]
pub struct CopyReport {
    /// Every table, in the order of copying.
    pub tables: Vec<CopiedTable>,
    /// Newest block of the source's snapshot.
    pub source: Block,
    /// Newest block of the target.
    pub target: Option<Block>,
    /// Height of the source after the copy: above the snapshot's if somebody went on writing.
    pub source_height_now: u64,
    /// The audit of the target, with the source's rosters as the trusted ones.
    pub audit: Report,
}

impl CopyReport {
    /// Whether the target is the same ledger, whole and clean. Only then is it open for use.
    pub fn is_good(&self) -> bool {
        let checkpoint = |block: &Block| (block.height, block.size, block.hash);
        self.audit.is_clean()
            && self.target.as_ref().map(checkpoint) == Some(checkpoint(&self.source))
            && self.tables.iter().all(|table| table.source_rows == table.target_rows)
    }
}

/// Copies a ledger. `restart` empties a target that a half-made copy was left in, and nothing else.
///
/// # Errors
/// [`CopyError`]; what the audit finds is not an error but stands in the report.
pub fn copy(
    from: &DatabaseUrl,
    to: &DatabaseUrl,
    restart: bool,
    told: &mut dyn FnMut(CopyProgress),
) -> Result<CopyReport, CopyError> {
    // Looking which migrations there are makes their table if it is missing, which a reader may not; the copy itself is a reader.
    let pending = migrations::pending(&mut from.connect(Purpose::Write, false)?)?;
    if !pending.is_empty() {
        return Err(StoreError::Unmigrated(pending.join(", ")).into());
    }
    let mut source = from.connect(Purpose::Read, false)?;
    begin_read(&mut source)?;
    let young = Young::default();
    Reader::new(&mut source, &young).take_your_time()?;
    let checkpoint = Reader::new(&mut source, &young).checkpoint()?.ok_or(CopyError::NoLedger)?;
    let rosters = Reader::new(&mut source, &young).rosters()?;

    let mut target = to.connect(Purpose::Write, true)?;
    prepare(&mut target, restart)?;
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push((table.count)(&mut source)?);
    }
    let total = counts.iter().fold(0u64, |sum, rows| sum.saturating_add(*rows));
    let mut done = 0u64;
    for table in TABLES {
        (table.copy)(&mut source, &mut target, &mut |rows| {
            done = done.saturating_add(rows);
            told(CopyProgress::Rows(done, total));
        })?;
    }
    roll_back(&mut source)?;

    begin_read(&mut target)?;
    let mut tables = Vec::new();
    for (table, source_rows) in TABLES.iter().zip(counts) {
        tables.push(CopiedTable { name: table.name, source_rows, target_rows: (table.count)(&mut target)? });
    }
    let young = Young::default();
    let mut reader = Reader::new(&mut target, &young);
    reader.take_your_time()?;
    let report = CopyReport {
        tables,
        target: reader.checkpoint()?,
        audit: audit(
            &mut reader,
            &Trust { rosters: &rosters, checkpoint: None },
            Limits::on_all_cores(),
            &mut |entries, of| told(CopyProgress::Audit(entries, of)),
        )?,
        source_height_now: Reader::new(&mut source, &young).checkpoint()?.map_or(0, |block| block.height),
        source: checkpoint,
    };
    roll_back(&mut target)?;
    if report.is_good() {
        migrations::set_copy_mark(&mut target, false)?;
    }
    Ok(report)
}

/// Makes the target ready: migrated, empty, marked. Dying here leaves it empty and usable, or marked.
fn prepare(target: &mut Conn, restart: bool) -> Result<(), CopyError> {
    match migrations::pending(target) {
        Err(StoreError::HalfCopied) if restart => {
            in_transaction(target, empty)?;
            migrations::run(target)?;
            return Ok(());
        }
        Err(error) => return Err(error.into()),
        Ok(_) => migrations::run(target)?,
    };
    in_transaction(target, |target| {
        for table in TABLES {
            if (table.count)(target)? > 0 {
                return Err(CopyError::NotEmpty(table.name));
            }
        }
        Ok(migrations::set_copy_mark(target, true)?)
    })
}

/// Takes the rows out that a half-made copy left; the mark stays. The triggers that make the ledger append-only step aside for it,
/// within this transaction.
fn empty(target: &mut Conn) -> QueryResult<()> {
    match target {
        Conn::Sqlite(sqlite) => {
            let triggers: Vec<Trigger> =
                diesel::sql_query("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").load(sqlite)?;
            for trigger in &triggers {
                sqlite.batch_execute(&format!("DROP TRIGGER {}", trigger.name))?;
            }
            for table in TABLES.iter().rev() {
                sqlite.batch_execute(&format!("DELETE FROM {}", table.name))?;
            }
            triggers.iter().try_for_each(|trigger| sqlite.batch_execute(&trigger.sql))
        }
        Conn::Postgres(postgres) => {
            let all = |does: &str| {
                let each = |table: &CopyTable| format!("ALTER TABLE {} {does} TRIGGER USER;", table.name);
                TABLES.iter().map(each).collect::<String>()
            };
            let names = TABLES.iter().map(|table| table.name).collect::<Vec<_>>().join(", ");
            postgres.batch_execute(&format!("{} TRUNCATE {names}; {}", all("DISABLE"), all("ENABLE")))
        }
    }
}

/// A trigger as SQLite keeps it.
#[derive(QueryableByName)]
struct Trigger {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    sql: String,
}

fn in_transaction<E: Into<CopyError>>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<(), E>,
) -> Result<(), CopyError> {
    begin_write(conn)?;
    // The connection is dropped with the copy that failed, and its transaction with it.
    work(conn).map_err(Into::into)?;
    Ok(<Conn as Connection>::TransactionManager::commit_transaction(conn)?)
}

fn roll_back(conn: &mut Conn) -> QueryResult<()> {
    <Conn as Connection>::TransactionManager::rollback_transaction(conn)
}

/// The Rust type of a column; the schema knows four types, and NULL.
trait Held {
    type Rust;
}

impl Held for BigInt {
    type Rust = i64;
}
impl Held for Bool {
    type Rust = bool;
}
impl Held for Text {
    type Rust = String;
}
impl Held for Binary {
    type Rust = Vec<u8>;
}
impl<T: Held + diesel::sql_types::SqlType<IsNull = diesel::sql_types::is_nullable::NotNull>> Held for Nullable<T> {
    type Rust = Option<T::Rust>;
}

type Cell<C> = <SqlTypeOf<C> as Held>::Rust;

/// A row of a table that is copied.
trait CopiedRow: Sized {
    /// The rows behind one, in key order; the first ones if there is none.
    fn page(conn: &mut Conn, after: Option<&Self>) -> QueryResult<Vec<Self>>;

    /// Writes rows.
    fn insert(conn: &mut Conn, rows: &[Self]) -> QueryResult<()>;
}

/// Copies all rows of a table from the first connection to the second, and tells how many each page had.
type CopyRows = fn(&mut Conn, &mut Conn, &mut dyn FnMut(u64)) -> Result<(), CopyError>;

/// A table, its row's type forgotten.
struct CopyTable {
    name: &'static str,
    count: fn(&mut Conn) -> Result<u64, StoreError>,
    copy: CopyRows,
}

fn copy_rows<R: CopiedRow>(source: &mut Conn, target: &mut Conn, told: &mut dyn FnMut(u64)) -> Result<(), CopyError> {
    let mut last: Option<R> = None;
    loop {
        let mut page = R::page(source, last.as_ref())?;
        if page.is_empty() {
            return Ok(());
        }
        in_transaction(target, |target| R::insert(target, &page))?;
        told(u64::try_from(page.len()).unwrap_or(u64::MAX));
        last = page.pop();
    }
}

/// Names every table with its key and, in the schema's order, its columns: a column that the schema has and this list has not does
/// not compile.
macro_rules! copied_tables {
    ($($table:ident ($key:ident $(, $more:ident)*) { $($column:ident),+ })+) => {
        $(mod $table {
            use super::*;

            #[derive(Queryable, Insertable)]
            #[diesel(table_name = schema::$table)]
            // NULL is written as NULL: the statement stays the same for every row, and COPY takes no defaults.
            #[diesel(treat_none_as_default_value = false)]
            pub(super) struct Row { $($column: Cell<schema::$table::$column>,)+ }

            impl CopiedRow for Row {
                fn page(conn: &mut Conn, after: Option<&Self>) -> QueryResult<Vec<Self>> {
                    use schema::$table as columns;
                    let ordered = columns::table.order((columns::$key, $(columns::$more,)*)).limit(PAGE_ROWS);
                    let Some(last) = after else { return ordered.load(conn) };
                    // A row value, so that each page begins in the key's index where the last one ended; diesel has no word for it.
                    let behind = sql::<Bool>(concat!("(", stringify!($key) $(, ", ", stringify!($more))*, ") > ("))
                        .bind::<SqlTypeOf<columns::$key>, _>(last.$key.clone())
                        $(.sql(", ").bind::<SqlTypeOf<columns::$more>, _>(last.$more.clone()))*
                        .sql(")");
                    ordered.filter(behind).load(conn)
                }

                fn insert(conn: &mut Conn, rows: &[Self]) -> QueryResult<()> {
                    match conn {
                        Conn::Sqlite(sqlite) => {
                            for row in rows {
                                diesel::insert_into(schema::$table::table).values(row).execute(sqlite)?;
                            }
                        }
                        Conn::Postgres(postgres) => {
                            diesel::copy_from(schema::$table::table).from_insertable(rows).execute(postgres)?;
                        }
                    }
                    Ok(())
                }
            }

            pub(super) fn count(conn: &mut Conn) -> Result<u64, StoreError> {
                let rows: i64 = schema::$table::table.count().get_result(conn)?;
                unsigned(stringify!($table), "count", rows)
            }
        })+

        /// Every table but that of leases, referenced ones first.
        const TABLES: &[CopyTable] = &[
            $(CopyTable { name: stringify!($table), count: $table::count, copy: copy_rows::<$table::Row> },)+
        ];
    };
}

copied_tables! {
    rosters (from_height) { from_height, roster }
    blocks (height) { height, hash, prev, size, header }
    seals (height, member) { height, member, round, signature }
    entries (idx) { idx, height, kind, leaf, entry }
    tiles (level, idx) { level, idx, hashes }
    merchants (id) {
        id, taxpayer_id, name, address_phone, bank_account, mchid, issuer, issue_on_payment, entry, suspended_entry,
        issuer_revoked_entry
    }
    issuers (address) { address, merchant, since_entry, until_entry, revoked }
    rules (scope, from_height) { scope, from_height, body, entry }
    journals (merchant) { merchant, seq, running }
    days (merchant, date) { merchant, date, figures, closed_entry }
    quotas (merchant, month) { merchant, month, invoices, total_fen }
    payments (entry) {
        entry, provider, transaction_id, merchant, order_id, paid_at_ms, paid_fen, refunded_fen, invoiced_fen,
        awaiting_fen
    }
    refunds (entry) { entry, provider, refund_id, transaction_id, amount_fen }
    sequences (name) { name, issued }
    lookups (fingerprint, entry) { fingerprint, entry }
    young_keys (height) { height, keys }
    watermarks (name) { name, height }
    invoices (entry) {
        entry, code, number, merchant, date, buyer, amount_fen, tax_fen, total_fen, provider, transaction_id,
        blue_entry
    }
    reversals (entry) { entry, letters, amount_fen, tax_fen, red_amount_fen, red_tax_fen }
    reversed_lines (entry, line) {
        entry, line, rate, quantity, red_quantity, amount_fen, tax_fen, red_amount_fen, red_tax_fen
    }
    reversed_rates (entry, rate) { entry, rate, amount_fen, tax_fen, red_amount_fen, red_tax_fen }
    lives (entry) { entry, state, fence, holder, lease_until_ms, wallet, wallet_holder, confirmation }
    confirmations (entry) {
        entry, invoice, merchant, buyer, by_seller, asked, state, fence, opened_at_ms, until_ms, red_entry
    }
    state_pages (path) { path, nodes }
    outbox (entry, topic) { entry, topic, state, attempts, next_at_ms, last_error }
    orders (merchant, order_id) { merchant, order_id, body, received_at_ms }
    payers (entry) { entry, openid }
    api_keys (id) { id, key_hash, role, merchant, label, created_at_ms, revoked_at_ms, company }
    custody_keys (issuer) { issuer, sealed, created_at_ms }
}
