//! The program: hands its arguments to the command line room.

use std::process::ExitCode;

/// The service's allocator; the offline verifier, which must be small to read and build, does with the system's.
#[cfg(feature = "server")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    piaolian::cli::run(std::env::args_os())
}
