//! What the service keeps beside the ledger: no entry says what must stand there, so no audit can tell. Each bit is turned over in the
//! database; what the database refuses by itself is counted apart, what else tells is asked here, and the columns of which nothing tells
//! are named in [`UNTOLD`].

use std::collections::BTreeSet;
use std::time::Instant;

use piaolian::base::Secret;
use piaolian::chain::{IssuerKey, keccak256};
use piaolian::ledger::projection::LEDGER_TABLES;
use piaolian::parties::kingdee::custody::{Custody, KeyOwner};
use piaolian::store::{Store, StoreError};

use crate::database::{Cell, Kind, Raw, Table, TestDatabase};
use crate::figures::{Figures, dice, every_bit, shared_out};
use crate::town::{API_KEY, town};

/// Columns in which a bit may turn over and nobody is told, with why that is no damage to the ledger. A cell of which the database refuses
/// every bit is not among them.
const UNTOLD: [(&str, &str); 23] = [
    ("__diesel_schema_migrations.run_on", "when the schema was made: nothing reads it"),
    ("api_keys.id", "the name under which a key is listed and revoked: its owner misses it in the list"),
    (
        "api_keys.merchant",
        "what a key opens: the bureau lists keys; what is done with one stands in the ledger under that merchant",
    ),
    ("api_keys.company", "the same of a company"),
    ("api_keys.label", "a note for people"),
    ("api_keys.created_at_ms", "a note for people"),
    ("api_keys.revoked_at_ms", "a note for people: what is revoked stays so, since a flip makes no NULL"),
    ("custody_keys.created_at_ms", "a note for people"),
    ("leaderships.holder", "written anew by each leader"),
    ("leaderships.address", "written anew by each leader"),
    ("leaderships.token", "counts on from wherever it is; a leader that is alive is fenced and leads anew"),
    ("leaderships.beat", "written anew twice a second"),
    ("orders.merchant", "an order before it is paid: what becomes of it is checked, signed and printed on the invoice"),
    ("orders.order_id", "the same: its payment finds no order, and is invoiced when the payer asks"),
    ("orders.body", "the same"),
    ("orders.received_at_ms", "a note for people"),
    ("outbox.entry", "whom to tell: a delivery that is lost is asked for again"),
    ("outbox.topic", "the same: a topic that nobody knows is given up and listed as dead"),
    ("outbox.attempts", "how often it was tried"),
    ("outbox.next_at_ms", "when it is tried again"),
    ("outbox.last_error", "a note for people"),
    (
        "payers.entry",
        "who paid, which is personal and stays off the ledger: a wallet does not take a card of another's payment",
    ),
    ("payers.openid", "the same"),
];

/// A database whose bits are turned over, with everything that can tell.
struct Victim {
    raw: Raw,
    copy: TestDatabase,
    custody: Custody,
}

impl Victim {
    /// Constraints are in force; the triggers, which refuse every change of the ledger, are not.
    fn new() -> Self {
        let copy = town().ledger.copy();
        let mut raw = copy.raw();
        raw.must("PRAGMA synchronous = OFF;");
        for trigger in raw.texts("SELECT name AS line FROM sqlite_master WHERE type = 'trigger'") {
            raw.must(&format!("DROP TRIGGER {trigger};"));
        }
        let custody = Custody::new(&town().keyring().custody).unwrap();
        Self { raw, copy, custody }
    }

    /// What tells, of a table in which one cell was changed.
    fn told(&mut self, table: &Table, row: &[Cell], column: usize) -> Option<&'static str> {
        let name = table.columns[column].name.as_str();
        match (table.name.as_str(), name) {
            ("__diesel_schema_migrations", "version") => match Store::open(&self.copy.url(), 1) {
                Err(StoreError::Unmigrated(_) | StoreError::Newer(_)) => Some("the store does not open: schema"),
                Err(_not_even_text) => Some("the store does not open"),
                Ok(_) => None,
            },
            ("leaderships", "name") => {
                let store = Store::open(&self.copy.url(), 1).unwrap();
                let lease = store.read_blocking(|reader| reader.lease());
                matches!(lease, Err(StoreError::Corrupt { table: "leaderships", .. }))
                    .then_some("STORE-CORRUPT leaderships")
            }
            ("api_keys", "key_hash") => {
                let store = Store::open(&self.copy.url(), 1).unwrap();
                let secret = keccak256(format!("piaolian-api-key-v1|{API_KEY}"));
                let of_the_test = row[column] == Cell::Blob(secret.0.to_vec());
                let found = store.read_blocking(|reader| reader.api_key(&secret)).unwrap();
                (found.is_some() != of_the_test).then_some("the key opens nothing")
            }
            ("custody_keys", "sealed" | "issuer") => self.custody_told(),
            _ => None,
        }
    }

    /// The keys in custody as the desk finds them: by the merchant's issuer, opened for its owner.
    fn custody_told(&mut self) -> Option<&'static str> {
        let store = Store::open(&self.copy.url(), 1).unwrap();
        let read = store.read_blocking(|reader| {
            let mut found = Vec::new();
            for merchant in reader.merchants(None, 2)? {
                found.push((
                    merchant.seller.taxpayer_id.clone(),
                    merchant.issuer,
                    reader.custody_key(&merchant.issuer)?,
                ));
            }
            Ok::<_, StoreError>(found)
        });
        let chain = town().trusted[0].chain().clone();
        for (taxpayer_id, issuer, sealed) in read.unwrap() {
            let Some(sealed) = sealed else { return Some("the merchant's key is not there") };
            let owner = KeyOwner::new(chain.clone(), &taxpayer_id, &issuer.to_string()).unwrap();
            match self.custody.open(&owner, &sealed) {
                Err(fault) => return Some(fault.code.as_str()),
                Ok(secret) => assert_eq!(IssuerKey::from_secret(&secret).unwrap().address(), issuer),
            }
        }
        None
    }
}

/// How many bits a cell has, and the cell with one of them turned over.
fn bits(cell: &Cell) -> usize {
    match cell {
        Cell::Null => 0,
        Cell::Int(_) | Cell::Flag(_) => 64,
        Cell::Text(bytes) | Cell::Blob(bytes) => bytes.len() * 8,
    }
}

fn flipped(cell: &Cell, bit: usize) -> Cell {
    let flip = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    match cell {
        Cell::Int(number) => Cell::Int(number ^ (1 << bit)),
        Cell::Text(bytes) => Cell::Text(flip(bytes)),
        Cell::Blob(bytes) => Cell::Blob(flip(bytes)),
        Cell::Null | Cell::Flag(_) => panic!("{cell:?} has no bits"),
    }
}

#[test]
fn every_bit_beside_the_ledger_is_told_or_its_column_is_named_as_untold() {
    let since = Instant::now();
    let ours: BTreeSet<&str> = LEDGER_TABLES.iter().map(|table| table.name).collect();
    let mut victim = Victim::new();
    let names: Vec<String> = victim.raw.tables().into_iter().filter(|name| !ours.contains(name.as_str())).collect();
    assert!(names.len() >= 7, "{names:?}");
    let mut figures = Figures::default();
    let mut untold = BTreeSet::new();
    for name in names {
        let table = victim.raw.table(&name);
        assert!(!table.rows.is_empty(), "{name} has no row");
        // What holds of some rows holds of each: nothing here looks at others.
        let last = table.rows.len() - 1;
        let rows = table.rows.iter().enumerate().filter(|(nth, _)| every_bit() || *nth < 2 || last - *nth < 2);
        for (_, row) in rows {
            for (nth, column) in table.columns.iter().enumerate() {
                for bit in 0..bits(&row[nth]) {
                    let place = format!("{name}.{}", column.name);
                    let after = flipped(&row[nth], bit);
                    if victim.raw.run(&table.update(row, nth, &after)).is_err() {
                        figures.told(&place, "refused by the database");
                        continue;
                    }
                    match victim.told(&table, row, nth) {
                        Some(by) => figures.told(&place, by),
                        None if UNTOLD.iter().any(|(known, _)| *known == place) => {
                            figures.told(&place, "untold");
                            untold.insert(place);
                        }
                        None => figures.missed(&place, || format!("bit {bit} of {place} of {}", table.key_shown(row))),
                    }
                    let mut changed = row.clone();
                    changed[nth] = after;
                    victim.raw.must(&table.update(&changed, nth, &row[nth]));
                }
            }
        }
        assert_eq!(victim.raw.table(&name), table, "not mended");
    }
    figures.hold("bits beside the ledger", since);
    let known: BTreeSet<String> = UNTOLD.iter().map(|(place, _)| (*place).to_owned()).collect();
    assert_eq!(untold, known, "columns are named as untold of which something tells, or the other way round");
}

/// What the database refuses by itself of the ledger's own tables: CHECK, STRICT, UNIQUE and foreign keys. The audit does not lean on it.
#[test]
fn the_database_refuses_some_bits_by_itself() {
    let (since, town) = (Instant::now(), town());
    let mut dice = dice(3);
    let mut victim = Victim::new();
    let tables: Vec<Table> = LEDGER_TABLES.iter().map(|table| victim.raw.table(table.name)).collect();
    let mut work: Vec<(usize, usize, usize)> = Vec::new();
    for (nth, table) in tables.iter().enumerate() {
        assert_eq!(table.of, Kind::Sqlite);
        for (row, cells) in table.rows.iter().enumerate() {
            work.extend((0..cells.len()).map(|column| (nth, row, column)));
        }
    }
    if !every_bit() {
        dice.shuffle(&mut work);
        work.truncate(60);
    }
    assert!(!town.trusted.is_empty());
    let figures = shared_out("bits in the database", work.len(), Victim::new, |victim, at, figures| {
        let (table, row, column) = work[at];
        let (table, row) = (&tables[table], &tables[table].rows[row]);
        let there = bits(&row[column]);
        let step = if every_bit() { 1 } else { there / 8 + 1 };
        for bit in (0..there).step_by(step) {
            let damage = table.update(row, column, &flipped(&row[column], bit));
            let by = if refused(&mut victim.raw, &damage) { "refused by the database" } else { "taken" };
            figures.told(&table.name, by);
        }
    });
    figures.hold("bits that the database refuses", since);
}

/// Whether the database refuses a change; it is undone in any case.
fn refused(raw: &mut Raw, damage: &str) -> bool {
    let done = raw.run(&format!("SAVEPOINT bit; {damage} ROLLBACK TO bit; RELEASE bit;"));
    if done.is_err() {
        raw.must("ROLLBACK TO bit; RELEASE bit;");
    }
    done.is_err()
}

/// A secret that opens nothing.
#[test]
fn another_master_key_opens_no_key_in_custody() {
    let mut victim = Victim::new();
    assert_eq!(victim.custody_told(), None);
    victim.custody = Custody::new(&Secret::new([9; 32])).unwrap();
    assert_eq!(victim.custody_told(), Some("CUSTODY-SEAL-BROKEN"));
}
