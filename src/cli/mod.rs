//! Floor 8: the command line.
//!
//! Exit codes: 0 done or valid, 1 refused, invalid or not clean, 2 wrong use of the command line or unusable files, 3 (of `monitor` and
//! `verify --online`) evidence was found that two histories were sealed.
//!
//! *Invariant:* no rules; every command calls the rooms below and prints.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what a command line is for")]

mod argument;
#[cfg(feature = "server")]
mod ask;
mod audit;
#[cfg(feature = "server")]
mod bench;
#[cfg(feature = "server")]
mod client;
#[cfg(feature = "server")]
mod confirmation;
#[cfg(feature = "server")]
mod copy;
#[cfg(feature = "server")]
mod day;
#[cfg(feature = "server")]
mod demo;
#[cfg(feature = "server")]
mod export;
#[cfg(feature = "server")]
mod hold;
#[cfg(feature = "server")]
mod invoice;
#[cfg(feature = "server")]
mod issue;
#[cfg(feature = "server")]
mod lines;
#[cfg(feature = "server")]
mod member;
#[cfg(feature = "server")]
mod merchant;
#[cfg(feature = "server")]
mod monitor;
#[cfg(feature = "server")]
mod new_file;
#[cfg(feature = "server")]
mod outbox;
#[cfg(feature = "server")]
mod progress;
#[cfg(feature = "server")]
mod render;
#[cfg(feature = "server")]
mod restored;
#[cfg(feature = "server")]
mod rules;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod service;
#[cfg(feature = "server")]
mod span;
mod states;
mod verify;
mod wallet;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::base::Faults;

const ABOUT: &str = "票链 piaolian: blockchain e-invoices (e-fapiao), from the payment to a PDF that anyone can verify";

const LONG_ABOUT: &str = "\
票链 piaolian: a payment comes in, the invoice is checked against the bureau's rules, signed,
numbered and anchored in one durable step on an append-only chain, and goes out as a PDF with a
QR code that anyone can verify.

First steps:
  piaolian demo                         the whole flow on sandbox parties, then keeps serving
  piaolian serve --migrate              a service of your own on SQLite, keys and database made if missing
  piaolian issue draft.json --key-file merchant.key
                                        an invoice; what may happen to it then: piaolian states
  piaolian verify receipt.json --roster roster.json
                                        check a receipt offline, trusting nothing but the members' public keys

Bureau, Tencent and Kingdee are sandboxes here. This is software that models the flow; it is not
the tax bureau's system.";

#[derive(Parser)]
#[command(name = "piaolian", version, about = ABOUT, long_about = LONG_ABOUT, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service
    #[cfg(feature = "server")]
    Serve(service::ServeArgs),
    /// Run the whole flow on sandbox parties and fixtures, then keep serving
    #[cfg(feature = "server")]
    Demo(demo::DemoArgs),
    /// Issue an invoice through a running service
    #[cfg(feature = "server")]
    Issue(issue::IssueArgs),
    /// Reverse an invoice, pledge it, see where it stands
    #[cfg(feature = "server")]
    Invoice(invoice::InvoiceArgs),
    /// Agree on a red letter where somebody holds the invoice
    #[cfg(feature = "server")]
    Confirmation(confirmation::ConfirmationArgs),
    /// Lock and book invoices for reimbursement; release and settle pledges
    #[cfg(feature = "server")]
    Hold(hold::HoldArgs),
    /// Claim an invoice as its payer, pass it on, throw it away
    Wallet(wallet::WalletArgs),
    /// Suspend and resume a merchant, replace and revoke its key
    #[cfg(feature = "server")]
    Merchant(merchant::MerchantArgs),
    /// Set and list the bureau's issuing rules
    #[cfg(feature = "server")]
    Rules(rules::RulesArgs),
    /// Close a merchant's finished day, list days
    #[cfg(feature = "server")]
    Day(day::DayArgs),
    /// Replace a member's seal key, take members in, let them go
    #[cfg(feature = "server")]
    Member(member::MemberArgs),
    /// Print all rosters, as `verify` takes them
    #[cfg(feature = "server")]
    Rosters(member::RostersArgs),
    /// Print the table of an invoice's states
    States,
    /// Verify receipts offline against a roster
    Verify(verify::VerifyArgs),
    /// Make the PDF of an invoice from its receipt, offline
    #[cfg(feature = "server")]
    Render(render::RenderArgs),
    /// Follow a chain from outside, and keep evidence of whoever seals two histories
    #[cfg(feature = "server")]
    Monitor(monitor::MonitorArgs),
    /// Re-derive every hash, signature, number, balance and projection of a ledger
    Audit(audit::AuditArgs),
    /// Write a ledger as JSON lines, as a stream that can be audited by itself, or as CSV
    #[cfg(feature = "server")]
    Export(export::ExportArgs),
    /// Make the members' keys, or an API key
    #[cfg(feature = "server")]
    Keygen(service::KeygenArgs),
    /// Make the database, or bring it up to this program's schema
    #[cfg(feature = "server")]
    Migrate(service::MigrateArgs),
    /// Put on record that the ledger goes on from an older copy
    #[cfg(feature = "server")]
    Restored(restored::RestoredArgs),
    /// List and retry what partners could not be told
    #[cfg(feature = "server")]
    Outbox(outbox::OutboxArgs),
    /// Move a whole ledger into another database and audit it there
    #[cfg(feature = "server")]
    Copy(copy::CopyArgs),
    /// Measure throughput against a naive variant in the same run
    #[cfg(feature = "server")]
    Bench(bench::BenchArgs),
}

/// What a command came to.
enum Done {
    /// As asked for; everything holds.
    Well,
    /// It ran, and the answer is no: invalid, not clean, refused.
    No,
    /// It ran, and somebody has sealed two histories: the evidence is written.
    Equivocation,
}

/// Runs the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(usage) => {
            // Asking for help is not a mistake; clap prints to the right stream by itself.
            let code = if usage.use_stderr() { 2 } else { 0 };
            if usage.print().is_err() {
                return ExitCode::from(2);
            }
            return ExitCode::from(code);
        }
    };
    match dispatch(cli.command) {
        Ok(Done::Well) => ExitCode::SUCCESS,
        Ok(Done::No) => ExitCode::from(1),
        Ok(Done::Equivocation) => ExitCode::from(3),
        Err(faults) => {
            for fault in &faults.0 {
                let place = if fault.path.is_empty() { String::new() } else { format!(" ({})", fault.path) };
                eprintln!("piaolian: {}{place}: {}", fault.code, fault.message);
            }
            ExitCode::from(2)
        }
    }
}

fn dispatch(command: Command) -> Result<Done, Faults> {
    match command {
        #[cfg(feature = "server")]
        Command::Serve(args) => service::serve(args),
        #[cfg(feature = "server")]
        Command::Demo(args) => demo::demo(args),
        #[cfg(feature = "server")]
        Command::Issue(args) => issue::issue(args),
        #[cfg(feature = "server")]
        Command::Invoice(args) => invoice::invoice(args),
        #[cfg(feature = "server")]
        Command::Confirmation(args) => confirmation::confirmation(args),
        #[cfg(feature = "server")]
        Command::Hold(args) => hold::hold(args),
        Command::Wallet(args) => wallet::wallet(args),
        #[cfg(feature = "server")]
        Command::Merchant(args) => merchant::merchant(args),
        #[cfg(feature = "server")]
        Command::Rules(args) => rules::rules(args),
        #[cfg(feature = "server")]
        Command::Day(args) => day::day(args),
        #[cfg(feature = "server")]
        Command::Member(args) => member::member(args),
        #[cfg(feature = "server")]
        Command::Rosters(args) => member::rosters(args),
        Command::States => states::states(),
        Command::Verify(args) => verify::verify(args),
        #[cfg(feature = "server")]
        Command::Render(args) => render::render(&args),
        #[cfg(feature = "server")]
        Command::Monitor(args) => monitor::monitor(args),
        Command::Audit(args) => audit::audit(args),
        #[cfg(feature = "server")]
        Command::Export(args) => export::export(args),
        #[cfg(feature = "server")]
        Command::Keygen(args) => service::keygen(args),
        #[cfg(feature = "server")]
        Command::Migrate(args) => service::migrate(args),
        #[cfg(feature = "server")]
        Command::Restored(args) => restored::restored(args),
        #[cfg(feature = "server")]
        Command::Outbox(args) => outbox::outbox(args),
        #[cfg(feature = "server")]
        Command::Copy(args) => copy::copy(args),
        #[cfg(feature = "server")]
        Command::Bench(args) => bench::bench(args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
