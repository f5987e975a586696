//! `copy`: a whole ledger into another database.

use clap::Args;

use super::Done;
use super::progress::bar;
use super::service::make_folder_of;
use crate::base::Faults;
use crate::store::{CopyProgress, DatabaseUrl, copy as copy_ledger};

/// Arguments of `copy`.
#[derive(Args)]
#[command(after_help = "\
Everything goes over: the ledger, its projections, outbox, orders, payers, API keys and keys in
custody (not the lease of who leads). Keyring files are not in the database: take them along.

The source is read as of one moment and may go on being written to; what it gets meanwhile is not
in the copy. To move house, stop the service on the source first: two services that go on from one
ledger make two histories. An SQLite source grows a long WAL file while it is copied under load.

The target is migrated, must be empty, and can't be opened by anybody until the copy is complete
and its audit clean. A copy that was interrupted is begun again with --restart.

Exit code: 0 the target is the same ledger and clean, 1 it is not, 2 nothing could be copied.

Example:
  piaolian copy --from sqlite:piaolian-data/ledger.db --to postgres://piaolian@127.0.0.1/ledger")]
pub struct CopyArgs {
    /// Database to read
    #[arg(long, value_name = "URL")]
    from: String,
    /// Database to fill: sqlite:FILE (made if it is not there) or postgres://user@host:port/database
    #[arg(long, value_name = "URL")]
    to: String,
    /// Empty the target first if an interrupted copy was left in it
    #[arg(long)]
    restart: bool,
}

/// Runs it.
pub fn copy(args: CopyArgs) -> Result<Done, Faults> {
    let (from, to) = (DatabaseUrl::parse(&args.from)?, DatabaseUrl::parse(&args.to)?);
    make_folder_of(&to)?;
    let (rows, entries) = (bar(0, "rows"), bar(0, "entries audited"));
    let report = copy_ledger(&from, &to, args.restart, &mut |progress| match progress {
        CopyProgress::Rows(done, total) => {
            rows.set_length(total);
            rows.set_position(done);
        }
        CopyProgress::Audit(done, total) => {
            entries.set_length(total);
            entries.set_position(done);
        }
    })?;
    rows.finish_and_clear();
    entries.finish_and_clear();
    for table in &report.tables {
        let mark = if table.source_rows == table.target_rows { ' ' } else { '✗' };
        println!("{mark} {:<14} {:>12} rows, {:>12} copied", table.name, table.source_rows, table.target_rows);
    }
    super::audit::print(&report.audit);
    let (source, target) = (&report.source, report.target.as_ref());
    println!("source: height {}, size {}, checkpoint {}", source.height, source.size, source.hash);
    match target {
        Some(target) => println!("target: height {}, size {}, checkpoint {}", target.height, target.size, target.hash),
        None => println!("target: no block"),
    }
    let behind = report.source_height_now.saturating_sub(source.height);
    if behind > 0 {
        println!("the source has got {behind} blocks since: they are not in this copy");
    }
    if report.is_good() {
        println!("EQUAL: {to} is the same ledger");
        return Ok(Done::Well);
    }
    println!("NOT EQUAL: {to} stays closed; `piaolian audit` tells whether {from} itself is clean");
    Ok(Done::No)
}
