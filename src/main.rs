//! The program: hands its arguments to the command line room.

use std::process::ExitCode;

fn main() -> ExitCode {
    piaolian::cli::run(std::env::args_os())
}
