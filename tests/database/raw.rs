//! The database as somebody has it who does not use this program: plain SQL, the catalog, cells as they are.

use std::collections::BTreeSet;

use diesel::connection::{Connection, SimpleConnection};
use diesel::pg::{Pg, PgConnection};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{QueryResult, QueryableByName, RunQueryDsl};

use super::{Cell, Kind, Table, TestDatabase};

/// A column as the catalog describes it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Column {
    #[diesel(sql_type = Text)]
    pub name: String,
    /// INTEGER, TEXT, BLOB; BOOLEAN where the database has it. Anything else as the catalog says it.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// 1 for NOT NULL, else 0.
    #[diesel(sql_type = BigInt)]
    pub filled: i64,
    /// Which column of the primary key it is, from 1; else 0.
    #[diesel(sql_type = BigInt)]
    pub pk: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The column `line` of a query.
pub(super) fn lines(conn: &mut PgConnection, sql: &str) -> QueryResult<Vec<String>> {
    let lines: Vec<Line> = diesel::sql_query(sql).load(conn)?;
    Ok(lines.into_iter().map(|line| line.line).collect())
}

/// A connection of our own.
pub enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    pub(super) fn open(database: &TestDatabase) -> Self {
        let mut raw = match database.file() {
            Some(file) => Self::Sqlite(SqliteConnection::establish(file.to_str().unwrap()).unwrap()),
            None => Self::Postgres(PgConnection::establish(&database.url_text()).unwrap()),
        };
        match raw.kind() {
            Kind::Sqlite => raw.must("PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;"),
            Kind::Postgres => raw.must("SET client_min_messages = warning;"),
        }
        raw
    }

    /// Takes away whatever stands in a forger's way: triggers, CHECK constraints, foreign keys. What is UNIQUE or NOT NULL stays so.
    pub fn unguarded(mut self) -> Self {
        match self.kind() {
            Kind::Sqlite => {
                self.must("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA synchronous = OFF;");
                for trigger in self.texts("SELECT name AS line FROM sqlite_master WHERE type = 'trigger'") {
                    self.must(&format!("DROP TRIGGER {trigger};"));
                }
            }
            Kind::Postgres => {
                // Triggers are asleep for whoever is said to be a replica.
                self.must("SET session_replication_role = replica;");
                let constraints = "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I;', conrelid::regclass, conname) AS line \
                                   FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f')";
                for drop in self.texts(constraints) {
                    self.must(&drop);
                }
            }
        }
        self
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }

    /// Runs statements. On PostgreSQL they are one transaction.
    pub fn run(&mut self, sql: &str) -> QueryResult<()> {
        match self {
            Self::Sqlite(conn) => conn.batch_execute(sql),
            Self::Postgres(conn) => conn.batch_execute(sql),
        }
    }

    pub fn must(&mut self, sql: &str) {
        self.run(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    fn load<T>(&mut self, sql: &str) -> Vec<T>
    where
        T: QueryableByName<Sqlite> + QueryableByName<Pg> + 'static,
    {
        let rows = match self {
            Self::Sqlite(conn) => diesel::sql_query(sql).load(conn),
            Self::Postgres(conn) => diesel::sql_query(sql).load(conn),
        };
        rows.unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// The column `line` of a query.
    pub fn texts(&mut self, sql: &str) -> Vec<String> {
        self.load(sql).into_iter().map(|line: Line| line.line).collect()
    }

    pub fn count(&mut self, table: &str) -> u64 {
        let counts: Vec<Count> = self.load(&format!("SELECT count(*) AS count FROM {table}"));
        u64::try_from(counts[0].count).unwrap()
    }

    /// Every table, by name.
    pub fn tables(&mut self) -> Vec<String> {
        self.texts(match self.kind() {
            Kind::Sqlite => {
                "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
            }
            Kind::Postgres => {
                "SELECT table_name::text AS line FROM information_schema.tables \
                 WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name::text COLLATE \"C\""
            }
        })
    }

    /// The columns of a table, in its order.
    pub fn columns(&mut self, table: &str) -> Vec<Column> {
        let sql = match self.kind() {
            Kind::Sqlite => format!(
                "SELECT name, type AS kind, \"notnull\" AS filled, pk FROM pragma_table_info('{table}') ORDER BY cid"
            ),
            Kind::Postgres => format!(
                "SELECT c.column_name::text AS name, \
                   CASE c.data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'text' THEN 'TEXT' WHEN 'bytea' THEN 'BLOB' \
                     WHEN 'boolean' THEN 'BOOLEAN' ELSE c.data_type::text END AS kind, \
                   (c.is_nullable = 'NO')::int::bigint AS filled, coalesce(k.ordinal_position, 0)::bigint AS pk \
                 FROM information_schema.columns c \
                 LEFT JOIN information_schema.table_constraints t ON t.table_schema = c.table_schema \
                   AND t.table_name = c.table_name AND t.constraint_type = 'PRIMARY KEY' \
                 LEFT JOIN information_schema.key_column_usage k ON k.constraint_schema = t.constraint_schema \
                   AND k.constraint_name = t.constraint_name AND k.table_name = c.table_name AND k.column_name = c.column_name \
                 WHERE c.table_schema = 'public' AND c.table_name = '{table}' ORDER BY c.ordinal_position"
            ),
        };
        self.load(&sql)
    }

    /// The indexes of a table, the primary key among them: whether unique, and their columns.
    pub fn indexes(&mut self, table: &str) -> BTreeSet<(bool, Vec<String>)> {
        let found = match self.kind() {
            // An INTEGER PRIMARY KEY is the table itself and has no index.
            Kind::Sqlite => self.texts(&format!(
                "SELECT (\"unique\") || ':' || (SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno)) \
                   AS line FROM pragma_index_list('{table}') l \
                 UNION SELECT '1:' || group_concat(name) FROM (SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk)"
            )),
            Kind::Postgres => self.texts(&format!(
                "SELECT i.indisunique::int::text || ':' || (SELECT string_agg(a.attname, ',' ORDER BY k.nth) \
                   FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, nth) \
                   JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum) AS line \
                 FROM pg_index i WHERE i.indrelid = 'public.{table}'::regclass"
            )),
        };
        let parse = |line: &String| {
            let (unique, columns) = line.split_once(':').unwrap();
            (unique == "1", columns.split(',').map(str::to_owned).collect())
        };
        found.iter().map(parse).collect()
    }

    /// Every definition, so that two schemas of one kind can be compared. What notes the migrations is left out.
    pub fn schema(&mut self) -> Vec<String> {
        self.texts(match self.kind() {
            Kind::Sqlite => {
                "SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS line FROM sqlite_master \
                 WHERE name NOT LIKE '%diesel_schema_migrations%' ORDER BY line"
            }
            Kind::Postgres => {
                "SELECT line FROM ( \
                   SELECT format('column %s.%s %s %s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), \
                       attnotnull, attstorage, attcollation::regcollation) AS line \
                     FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid \
                     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped \
                   UNION ALL SELECT format('%s %s %s', relkind, relname, reloptions) FROM pg_class \
                     WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i' \
                   UNION ALL SELECT format('constraint %s.%s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) \
                     FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
                   UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
                   UNION ALL SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid \
                     WHERE relnamespace = 'public'::regnamespace AND NOT tgisinternal \
                   UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
                 ) AS definitions WHERE line NOT LIKE '%diesel\\_%' ORDER BY line"
            }
        })
    }

    /// A table with all its rows.
    pub fn table(&mut self, name: &str) -> Table {
        let (of, columns) = (self.kind(), self.columns(name));
        let expression = columns.iter().map(|column| tagged(of, column)).collect::<Vec<_>>().join(" || ',' || ");
        let mut key: Vec<&Column> = columns.iter().filter(|column| column.pk > 0).collect();
        key.sort_by_key(|column| column.pk);
        let order = key.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        let lines = self.texts(&format!("SELECT {expression} AS line FROM {name} ORDER BY {order}"));
        let rows = lines.iter().map(|line| line.split(',').map(Cell::parse).collect()).collect();
        Table { of, name: name.to_owned(), columns, rows }
    }
}

/// A cell as text that begins with what it is. SQLite's cells have types of their own, whatever the column's is.
fn tagged(of: Kind, column: &Column) -> String {
    let name = &column.name;
    match (of, column.kind.as_str()) {
        (Kind::Sqlite, _) => format!(
            "CASE typeof({name}) WHEN 'null' THEN 'n' WHEN 'integer' THEN 'i' || {name} WHEN 'text' THEN 't' || hex({name}) \
             ELSE 'b' || hex({name}) END"
        ),
        (Kind::Postgres, "INTEGER") => format!("coalesce('i' || {name}, 'n')"),
        (Kind::Postgres, "BOOLEAN") => format!("coalesce('f' || {name}::int, 'n')"),
        (Kind::Postgres, "TEXT") => format!("coalesce('t' || encode(convert_to({name}, 'UTF8'), 'hex'), 'n')"),
        (Kind::Postgres, "BLOB") => format!("coalesce('b' || encode({name}, 'hex'), 'n')"),
        // Only the table of migrations has others.
        (Kind::Postgres, _) => format!("coalesce('t' || encode(convert_to({name}::text, 'UTF8'), 'hex'), 'n')"),
    }
}
